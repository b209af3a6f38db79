"""One world of a few families for a file of tests, and a login for each reader."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pipeline.access.logins import Login, add_login
from pipeline.settings import Settings
from pipeline.store.database import Database, open_database
from tests.conftest import TestServer, live_database
from tests.walls.world import READERS, fill

Session = psycopg.Connection[Any]


@dataclass(frozen=True)
class World:
    """The world's installation; `logins` by reader's name in tests.walls.world, `urls` with their passwords."""

    settings: Settings
    database: Database
    logins: dict[str, str]
    urls: dict[str, str]
    superuser: Session


# Roles belong to the server: with a file's tests its logins go, and no other file's check finds them.
@pytest.fixture(scope="module")
def world(test_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    mark, home = secrets.token_hex(3), tmp_path_factory.mktemp("walls") / "home"
    logins = {name: f"{name}_{mark}" for name in READERS}
    with ExitStack() as ends:
        settings = ends.enter_context(live_database(test_server, test_server.superuser.database, home))
        database = ends.enter_context(open_database(settings))
        superuser = ends.enter_context(
            test_server.superuser.in_database(database.address.database).connect(autocommit=True)
        )
        with database.connect() as connection:
            fill(connection, logins["own"])
        urls = {}
        for name, login in logins.items():
            made = Login(name=login, **READERS[name])
            urls[name] = add_login(database, made, by="test", folder=home / "logins").read_text().strip()
            ends.callback(superuser.execute, sql.SQL("drop role {}").format(sql.Identifier(login)))
        yield World(settings, database, logins, urls, superuser)


@pytest.fixture
def log_in(world: World) -> Iterator[Callable[..., Session]]:
    """A session of a reader as it would have it, with the helps against slips taken off, for a purpose (None: none)."""
    with ExitStack() as sessions:

        def session(name: str, purpose: str | None = "identify") -> Session:
            opened = sessions.enter_context(psycopg.connect(world.urls[name], autocommit=True))
            opened.execute("set default_transaction_read_only = off")
            if purpose is not None:
                opened.execute("select set_config('wf.purpose', %s, false)", (purpose,))
            return opened

        yield session
