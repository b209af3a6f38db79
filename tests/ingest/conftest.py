"""One live database for all tests of this folder, emptied before each; drafts are pseudonymised once."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.settings import Settings
from pipeline.store.database import Database, open_database
from tests.conftest import TestServer, live_database
from tests.ingest.site import PARTNERS, Site, make_site

LIVE = ("identity", "evidence", "publication", "cohort")


@pytest.fixture(scope="session")
def shared_database(test_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    home = tmp_path_factory.mktemp("database")
    with (
        live_database(test_server, test_server.superuser.database, home) as settings,
        open_database(settings) as database,
    ):
        yield database


@pytest.fixture
def database(shared_database: Database) -> Database:
    return emptied(shared_database)


def emptied(database: Database) -> Database:
    with database.connect(autocommit=True) as connection:
        tables = connection.execute(
            "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
            " where schemaname = any(%s) and tablename <> 'schema_version'",
            (["registry", "identity", "evidence", "publication"],),
        ).fetchall()
        connection.execute("truncate " + ", ".join(row[0] for row in tables) + " cascade")
    return database


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose partners have each pseudonymised an extract."""
    site = make_site(tmp_path_factory.mktemp("pattern") / "home")
    for partner in PARTNERS:
        site.pseudonymise(partner)
    return site.settings.home


@pytest.fixture
def site(pattern: Path, tmp_path: Path) -> Site:
    shutil.copytree(pattern, tmp_path / "home")
    return Site(Settings(home=tmp_path / "home"))


def digest(database: Database) -> dict[str, tuple[int, str]]:
    """Rows and a hash of the content of every table and view that users or the build see."""
    with database.connect() as connection:
        names = connection.execute(
            "select quote_ident(table_schema) || '.' || quote_ident(table_name) from information_schema.tables"
            " where table_schema = any(%s) order by 1",
            (list(LIVE),),
        ).fetchall()
        return {name: _digest_of(connection, name) for (name,) in names}


def _digest_of(connection: object, name: str) -> tuple[int, str]:
    rows = connection.execute(f"select t::text from {name} t order by 1").fetchall()  # type: ignore[attr-defined]
    return len(rows), hashlib.sha256("\n".join(row[0] for row in rows).encode()).hexdigest()
