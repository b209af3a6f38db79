"""An installation that the dozen of examples/ has gone through, for each test a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.rights.scan import Hit, Sought, scan_files, scan_tables
from pipeline.settings import Settings
from pipeline.store.address import Address
from pipeline.store.database import Database, open_database
from tests.conftest import TestServer, live_database
from tests.whole_way.conftest import DOZEN, Run, runner, send

BY = ("--by", "I. Lead", "--reason", "asked in writing")


@dataclass(frozen=True)
class Site:
    """One installation, its commands, and questions to its database."""

    settings: Settings
    database: Database
    run: Run
    superuser: Address  # who makes and restores backups

    def rows(self, query: str, *values: object) -> list[tuple]:
        with self.database.connect() as connection:
            return connection.execute(query.encode(), values).fetchall()

    def one(self, query: str, *values: object) -> object:
        return self.rows(query, *values)[0][0]

    def deliver(self, partner: str, raw: Path = DOZEN / "raw") -> None:
        """The partner's extract once more, as it always was."""
        send(self.run, partner, raw / partner)

    def person(self, partner: str, number: int = 0) -> tuple[str, int]:
        """(pseudonym, person id) of somebody whom several partners hold, has facts, and lives in a family."""
        found = self.rows(
            "select encode(r.person_ref, 'hex'), p.person_id from identity.record r join identity.person p using"
            " (record_id) where r.partner = %s and exists (select from evidence.fact f join identity.person o using"
            " (record_id) where o.person_id = p.person_id) and (select count(*) from identity.person o where"
            " o.person_id = p.person_id) > 1 and exists (select from publication.family_member m where"
            " m.person_id = p.person_id) order by r.record_id",
            partner,
        )
        return found[number]

    def sought(self, person: int) -> Sought:
        refs = self.rows(
            "select r.person_ref from identity.record r join identity.person p using (record_id) where person_id = %s",
            person,
        )
        return Sought(frozenset(bytes(ref) for (ref,) in refs))

    def left(self, sought: Sought) -> list[Hit]:
        with self.database.connect() as connection:
            return scan_tables(connection, sought) + scan_files(self.settings, sought)


@pytest.fixture
def settings(built_dozen: Settings, test_server: TestServer, tmp_path: Path) -> Iterator[Settings]:
    home = tmp_path / "home of the test"
    shutil.copytree(built_dozen.home, home)
    template = urlsplit(str(built_dozen.database_url)).path.lstrip("/")
    with live_database(test_server, template, home) as made:
        yield made


@pytest.fixture
def site(settings: Settings, test_server: TestServer) -> Iterator[Site]:
    with open_database(settings) as database:
        superuser = test_server.superuser.in_database(database.address.database)
        yield Site(settings, database, runner(settings), superuser)
