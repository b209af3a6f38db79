"""A hub on an embedded server of its own, on the evening before a night: published, with new deliveries waiting.

The night can be put back to that evening as often as wanted: its folders from a copy, its database from a template.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.settings import PROJECT, Settings
from pipeline.store.address import Address
from pipeline.store.credentials import Credentials
from pipeline.store.database import open_database
from pipeline.store.embedded import DATABASE, OWNER, SUPERUSER, EmbeddedServer
from tests.kills.night import Night

PARTNERS = ("council", "dwp", "police", "schools")
PERIOD = ("--from", "2011-08-01", "--to", "2014-07-31")
RAW = PROJECT / "examples" / "dozen" / "raw"
EVENING = "the_evening_before"
SHORTENED = ("events", "attendance")  # tables of which the second night delivers a row less


@dataclass(frozen=True)
class Town:
    """The installation, its server, and the copy of its folders as they were in the evening."""

    settings: Settings
    server: EmbeddedServer
    kept: Path

    def login(self, name: str) -> Address:
        """The live database as this login sees it; for the server as it runs now."""
        port = self.server.running_port() or int((self.settings.postgres / "port").read_text())
        return Address("127.0.0.1", port, DATABASE, name, Credentials(self.settings.hub_keys).password(name))

    def postmaster(self) -> int:
        """The number of the server's first process."""
        return int((self.server.place.data / "postmaster.pid").read_text().split("\n")[0])

    def backends(self) -> list[int]:
        """The processes of the server that serve a night's run now."""
        with self.login(SUPERUSER).connect(autocommit=True) as connection:
            rows = connection.execute("select pid from pg_stat_activity where usename = %s", (OWNER,)).fetchall()
        return [pid for (pid,) in rows]

    def put_back(self) -> None:
        """Make it the evening before again."""
        self.server.start(keep_running=True)
        self.server.stop()
        for folder in self.settings.hub.iterdir():
            if folder.name not in ("postgres", "keys"):
                shutil.rmtree(folder)
        shutil.copytree(self.kept, self.settings.hub, dirs_exist_ok=True)
        with self.login(SUPERUSER).in_database("postgres").connect(autocommit=True) as connection:
            connection.execute(f"drop database {DATABASE} with (force)".encode())
            connection.execute(f"create database {DATABASE} template {EVENING} owner {OWNER}".encode())
            # Without it a crash would take the copy's sequences back: what the template had logged ahead of them is
            # not in the copy's log (seen with PostgreSQL 18; a database that is not a copy does not do so).
            connection.execute("checkpoint")
        with open_database(self.settings):  # what a copy of a database does not bring along: who may connect
            pass


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """A town of a dozen people; gone afterwards, server and all."""
    settings = Settings(home=folder / "town")
    server = EmbeddedServer(settings.postgres, settings.hub_keys)
    try:
        with open_database(settings, keep_running=True):
            pass
        _come_to_the_evening(settings, folder)
        kept = folder / "kept"
        shutil.copytree(settings.hub, kept, ignore=shutil.ignore_patterns("postgres", "keys"))
        made = Town(settings, server, kept)
        with made.login(SUPERUSER).in_database("postgres").connect(autocommit=True) as connection:
            connection.execute(f"create database {EVENING} template {DATABASE} owner {OWNER}".encode())
        yield made
    finally:
        server.destroy()


def _come_to_the_evening(settings: Settings, folder: Path) -> None:
    tomorrow = folder / "tomorrow"
    for table in RAW.glob("*/*.csv"):
        lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
        changed = tomorrow / table.relative_to(RAW)
        changed.parent.mkdir(parents=True, exist_ok=True)
        shorter = table.stem in SHORTENED and len(lines) > 2
        changed.write_text("".join(lines[:-1] if shorter else lines), encoding="utf-8")
    _run(settings, ("keys", "all"))
    for night in (RAW, tomorrow):
        for partner in PARTNERS:
            _run(settings, ("pseudonymise", partner, str(night / partner), *PERIOD), ("deliver", partner))
        if night == RAW:
            _run(settings, ("ingest",), ("build",))


def _run(settings: Settings, *commands: tuple[str, ...]) -> None:
    code = Night.begin(settings, commands).ended()
    assert code == 0, f"{commands[-1][0]} ended with exit code {code}: {settings.home.with_suffix('.log').read_text()}"
