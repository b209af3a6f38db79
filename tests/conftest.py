"""One real server for the whole test session; a fresh live database, at the head, for each test that asks for one."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from pipeline.settings import Settings
from pipeline.store.address import Address
from pipeline.store.credentials import Credentials
from pipeline.store.database import Database, open_database
from pipeline.store.embedded import OWNER, SUPERUSER, EmbeddedServer

NUMBERS = count(1)

# A slow or busy machine is not a fault of the code: no deadlines, and no complaint that examples come slowly.
hypothesis_settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("any machine")


@dataclass(frozen=True)
class TestServer:
    """The session's server: its superuser's address, and the passwords of its home."""

    __test__ = False

    settings: Settings
    superuser: Address
    passwords: dict[str, str]


@pytest.fixture(scope="session")
def test_server() -> Iterator[TestServer]:
    """A real embedded server, migrated once; its live database is the template of every test's own."""
    home = Path(tempfile.mkdtemp(prefix="whole family tests "))
    settings = Settings(home=home)
    server = EmbeddedServer(settings.postgres, settings.hub_keys)
    try:
        with open_database(settings, keep_running=True) as opened:
            superuser = opened.address.as_login(SUPERUSER, Credentials(settings.hub_keys).password(SUPERUSER))
        passwords = json.loads((settings.hub_keys / "database.json").read_text())
        yield TestServer(settings, superuser, passwords)
    finally:
        server.destroy()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def live_database(server: TestServer, template: str, home: Path) -> Iterator[Settings]:
    """An installation with a live database of its own, copied from a template and dropped at the end."""
    name = f"test_{next(NUMBERS)}"
    with server.superuser.in_database("postgres").connect(autocommit=True) as connection:
        connection.execute(f"create database {name} template {template} owner {OWNER}".encode())
        try:
            owner = server.superuser.as_login(OWNER, server.passwords[OWNER]).in_database(name)
            made = Settings(home=home, database_url=owner.url())
            made.hub_keys.mkdir(parents=True, exist_ok=True)
            (made.hub_keys / "database.json").write_text(json.dumps({"analyst": server.passwords["analyst"]}))
            yield made
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture(scope="session")
def built_dozen(test_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The dozen of examples/, delivered, taken in and built: once, for every test that goes on from there."""
    from tests.whole_way.conftest import an_installation_of_the_dozen

    with an_installation_of_the_dozen(test_server, tmp_path_factory.mktemp("dozen") / "home of the dozen") as made:
        yield made


@pytest.fixture
def settings(test_server: TestServer, tmp_path: Path) -> Iterator[Settings]:
    """An installation of the test's own: an empty home, and a fresh live database given by URL."""
    with live_database(test_server, test_server.superuser.database, tmp_path / "home of the test") as made:
        yield made


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The test's own live database, open."""
    with open_database(settings) as opened:
        yield opened


@pytest.fixture
def superuser(test_server: TestServer, database: Database) -> Iterator[psycopg.Connection[Any]]:
    """The superuser, inside the test's own live database."""
    with test_server.superuser.in_database(database.address.database).connect(autocommit=True) as connection:
        yield connection


def hides_its_cause(error: BaseException) -> bool:
    """Whether a traceback of it shows no other error, whose text might hold a value."""
    return error.__cause__ is None and (error.__suppress_context__ or error.__context__ is None)
