"""Kill the night at random moments and see that nobody sees half of it, and that the next run repairs everything.

    .venv/bin/python benchmarks/kills.py 1000        # how many nights to kill; some ten seconds each

The dozen people of examples/ have been published; the next night's deliveries, which differ, wait at the hub. Each time
a copy of that installation (folders, and database by template) runs `ingest` and `build` in a process that `kill -9`
ends at a random moment, one time in three again in the repair; then they run to the end. All the while a reader polls
the live database as the analyst. What it may see is the old night or the new one; what stands in the end must be what
an undisturbed night leaves. Prints one line of JSON, and exits with 1 when anything was partial, mixed or not repaired.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from pipeline.settings import PROJECT, Settings
from pipeline.store.address import Address, parse_address
from pipeline.store.credentials import Credentials
from pipeline.store.database import open_database
from pipeline.store.embedded import OWNER, SUPERUSER, EmbeddedServer

PARTNERS = ("council", "dwp", "police", "schools")
NIGHT = [("ingest",), ("build",)]
PERIOD = ("--from", "2011-08-01", "--to", "2014-07-31")
POLL_SECONDS = 0.02
AGAIN = 1 / 3  # share of the repairs that are killed too
# Numbers that the database gives out and a rollback does not give back, and the clock: the only things in which a
# repaired night may differ from an undisturbed one.
GIVEN_OUT = {
    "run_id", "record_id", "record_a", "record_b", "related_record_id", "evidence_id", "place_id", "entry_id",
    "delivery_id", "manifest_sha256", "previous_manifest_sha256", "from_run", "until_run",
}  # fmt: skip
OF_THE_RUN = {
    "registry.run",
    "cohort.published_run",
}  # they tell of runs, also of one that was killed after it published


@dataclass
class Seen:
    """What a reader saw: each state once, how often it looked, and how often tables disagreed on the run."""

    states: set[str] = field(default_factory=set)
    polls: int = 0
    mixed: int = 0


@dataclass(frozen=True)
class Result:
    kills: int
    killed_in_time: int
    polls: int
    partial_reads: int
    mixed_reads: int
    not_repaired: int
    different_at_the_end: int

    @property
    def clean(self) -> bool:
        return not (self.partial_reads or self.mixed_reads or self.not_repaired or self.different_at_the_end)


@dataclass(frozen=True)
class Prepared:
    """A published night with the next night's deliveries waiting: its folders and its database, to copy from."""

    home: Path
    database: str
    server: Address  # the superuser's
    owner_password: str


def run(kills: int, seed: int, folder: Path) -> Result:
    """Kill `kills` nights; see the module's text."""
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    settings = Settings(home=folder / "first home")
    server = EmbeddedServer(settings.postgres, settings.hub_keys)
    try:
        with open_database(settings, keep_running=True) as opened:
            superuser = opened.address.as_login(SUPERUSER, Credentials(settings.hub_keys).password(SUPERUSER))
            owner_password = parse_address(opened.url).password or ""
        prepared = Prepared(settings.home, superuser.database, superuser, owner_password)
        _prepare(settings, folder)
        old, new, seconds = _undisturbed(prepared, folder)
        tally = {"in_time": 0, "polls": 0, "partial": 0, "mixed": 0, "not_repaired": 0, "different": 0}
        for number in range(kills):
            _kill_one(prepared, folder / f"killed {number}", chance, seconds, (old, new), tally)
    finally:
        server.destroy()
    return Result(
        kills=kills,
        killed_in_time=tally["in_time"],
        polls=tally["polls"],
        partial_reads=tally["partial"],
        mixed_reads=tally["mixed"],
        not_repaired=tally["not_repaired"],
        different_at_the_end=tally["different"],
    )


def _prepare(settings: Settings, folder: Path) -> None:
    raw = PROJECT / "examples" / "dozen" / "raw"
    tomorrow = folder / "tomorrow"
    for table in raw.glob("*/*.csv"):
        lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
        changed = tomorrow / table.relative_to(raw)
        changed.parent.mkdir(parents=True, exist_ok=True)
        shorter = table.stem in ("events", "attendance") and len(lines) > 2
        changed.write_text("".join(lines[:-1] if shorter else lines), encoding="utf-8")
    assert _ended(settings, [("keys", "all")]) == 0
    for night in (raw, tomorrow):
        steps = [
            step
            for partner in PARTNERS
            for step in (("pseudonymise", partner, str(night / partner), *PERIOD), ("deliver", partner))
        ]
        assert _ended(settings, steps) == 0
        if night == raw:
            assert _ended(settings, NIGHT) == 0


def _undisturbed(prepared: Prepared, folder: Path) -> tuple[tuple[str, str], tuple[str, str], float]:
    """(What the analyst sees, what stands in the database) before and after an undisturbed night, and its seconds."""
    with _copied(prepared, folder / "undisturbed") as settings:
        owner, analyst = _addresses(settings, prepared)
        before = _cohort(analyst)[0], _everything(owner)
        started = time.perf_counter()
        assert _ended(settings, NIGHT) == 0
        seconds = time.perf_counter() - started
        after = _cohort(analyst)[0], _everything(owner)
    assert before[0] != after[0], "the two nights must differ"
    return before, after, seconds


def _kill_one(
    prepared: Prepared,
    home: Path,
    chance: random.Random,
    seconds: float,
    nights: tuple[tuple[str, str], tuple[str, str]],
    tally: dict[str, int],
) -> None:
    old, new = nights
    with _copied(prepared, home) as settings:
        owner, analyst = _addresses(settings, prepared)
        with _reading(analyst) as seen:
            tally["in_time"] += (
                _ended(settings, [("ingest",), ("build",)], chance.uniform(0, seconds)) == -signal.SIGKILL
            )
            if chance.random() < AGAIN:
                _ended(settings, [("ingest",), ("build",)], chance.uniform(0, seconds))
            tally["not_repaired"] += _ended(settings, NIGHT) != 0
        tally["polls"] += seen.polls
        tally["mixed"] += seen.mixed
        tally["partial"] += len(seen.states - {old[0], new[0]})
        tally["different"] += (_cohort(analyst)[0], _everything(owner)) != new


def _ended(settings: Settings, commands: Sequence[tuple[str, ...]], kill_after: float | None = None) -> int:
    """Run commands in a process forked from this one, which has everything imported; its exit code, -9 when killed."""
    child = os.fork()
    if child == 0:
        _run_commands(settings, commands)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)  # a process that has ended waits for us: the number is still its own
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run_commands(settings: Settings, commands: Sequence[tuple[str, ...]]) -> None:
    from pipeline.cli import main

    code = 1
    try:
        os.environ["WHOLEFAMILY_HOME"] = str(settings.home)
        os.environ["WHOLEFAMILY_DATABASE_URL"] = settings.database_url or ""
        if not settings.database_url:
            del os.environ["WHOLEFAMILY_DATABASE_URL"]
        quiet = os.open(settings.home.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        for command in commands:
            sys.argv = ["wholefamily", *command]
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
            if code:
                break
    finally:
        os._exit(code)


@contextmanager
def _copied(prepared: Prepared, home: Path) -> Iterator[Settings]:
    """A copy of the prepared installation, with a database of its own; dropped at the end."""
    name = f"copy_{abs(hash(home.name))}"
    shutil.copytree(prepared.home, home, ignore=shutil.ignore_patterns("postgres"))
    owner = prepared.server.as_login(OWNER, prepared.owner_password).in_database(name)
    with prepared.server.in_database("postgres").connect(autocommit=True) as connection:
        connection.execute(f"create database {name} template {prepared.database} owner {OWNER}".encode())
        try:
            yield Settings(home=home, database_url=owner.url())
        finally:
            connection.execute(f"drop database {name} with (force)".encode())
            shutil.rmtree(home)


def _addresses(settings: Settings, prepared: Prepared) -> tuple[Address, Address]:
    owner = parse_address(settings.database_url or "")
    analyst = owner.as_login("analyst", Credentials(prepared.home / "hub" / "keys").password("analyst"))
    return owner, analyst


@contextmanager
def _reading(analyst: Address) -> Iterator[Seen]:
    """A reader that polls the live database as the analyst until the block ends."""
    seen, over = Seen(), threading.Event()

    def poll() -> None:
        while not over.is_set():
            state, runs = _cohort(analyst)
            seen.states.add(state)
            seen.polls += 1
            seen.mixed += runs != 1
            over.wait(POLL_SECONDS)

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        yield seen
    finally:
        over.set()
        reader.join()


def _cohort(analyst: Address) -> tuple[str, int]:
    """A digest of every view of `cohort` in one snapshot, and how many runs its current tables tell of."""
    with analyst.connect(**{"wf.purpose": "identify"}) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        relations = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables where table_schema = 'cohort'"
        ).fetchall()
        digest = _digest(connection, [name for (name,) in relations if name not in OF_THE_RUN])
        runs = connection.execute(
            "select count(distinct run_id) from (select run_id from cohort.family"
            " union select run_id from cohort.criterion_result) as told"
        ).fetchone()
    return digest, runs[0] if runs else 0


def _everything(owner: Address) -> str:
    """A digest of every table but the log's and the runs' own."""
    with owner.connect() as connection:
        relations = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema', 'audit')"
        ).fetchall()
        return _digest(connection, [name for (name,) in relations if name not in OF_THE_RUN])


def _digest(connection: psycopg.Connection[Any], relations: list[str]) -> str:
    """SHA-256 over the rows of the relations, in any order, without what is given out and without the clock's times."""
    whole = hashlib.sha256()
    for relation in sorted(relations):
        columns = connection.execute(
            "select column_name from information_schema.columns where table_schema || '.' || table_name = %s"
            " and data_type not in ('timestamp with time zone', 'jsonb') order by ordinal_position",
            (relation,),
        ).fetchall()
        kept = [f'"{name}"' for (name,) in columns if name not in GIVEN_OUT]
        if not kept:
            continue
        query = (
            f"select coalesce(md5(string_agg(line, '|' order by line)), '') from "  # noqa: S608 - names of the catalogue
            f"(select md5(row({', '.join(kept)})::text) as line from {relation}) as lines"
        )
        row = connection.execute(query.encode()).fetchone()
        whole.update(f"{relation} {row[0] if row else ''}\n".encode())
    return whole.hexdigest()


def _import_everything() -> None:
    """What the commands import when they run, so that a forked process need not; nothing here starts a thread."""
    for name in ("great_expectations", "pipeline.cli.hub", "pipeline.ingest", "pipeline.run", "pipeline.validate"):
        importlib.import_module(name)


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    _import_everything()
    with tempfile.TemporaryDirectory(prefix="wholefamily kills ") as folder:
        started = time.perf_counter()
        result = run(kills, seed=2012, folder=Path(folder))
    print(json.dumps({**result.__dict__, "seconds": round(time.perf_counter() - started)}))
    sys.exit(0 if result.clean else 1)


if __name__ == "__main__":
    main()
