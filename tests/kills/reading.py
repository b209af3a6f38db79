"""What readers see: digests of the cohort's views and of every table, and a reader that polls as the analyst."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pipeline.errors import StoreError
from pipeline.store.address import Address

POLL_SECONDS = 0.05
PURPOSE = {"wf.purpose": "identify"}  # without one the views are empty
# Numbers that the database gives out and a rollback does not give back, and whose night it was: in these a repaired
# night may differ from an undisturbed one, and in the clock's times.
GIVEN_OUT = (
    "run_id", "record_id", "record_a", "record_b", "related_record_id", "evidence_id", "place_id", "entry_id",
    "delivery_id", "manifest_sha256", "previous_manifest_sha256", "from_run", "until_run", "fitted_run",
)  # fmt: skip
OF_THE_CLOCK = ("timestamp with time zone", "jsonb")
# These have a row for each run, also for one that was killed after it had published, or was published again.
OF_THE_RUN = ("registry.run", "cohort.published_run", "release.release", "release.cell", "cohort.release")
RUNS_TOLD = "select run_id from cohort.family union select run_id from cohort.criterion_result"


@dataclass
class Seen:
    """What a reader saw: each state, in the order of its first sight, and how often it looked in vain or at a mix."""

    states: list[str] = field(default_factory=list)
    polls: int = 0
    away: int = 0  # the server was starting again
    mixed: int = 0  # tables told of different runs
    went_back: int = 0  # the old night after the new one
    last: str = ""

    def note(self, state: str, runs: int) -> None:
        self.polls += 1
        self.mixed += runs != 1
        if state not in self.states:
            self.states.append(state)
        self.went_back += state != self.last and state in self.states[:-1]
        self.last = state


def cohort_query(connection: psycopg.Connection[Any]) -> str:
    """One statement that gives a digest of everything published, and the number of runs it tells of."""
    return f"select ({_digest(connection, 'cohort', OF_THE_RUN)}), (select count(*) from ({RUNS_TOLD}) r)"


def look(connection: psycopg.Connection[Any], query: str) -> tuple[str, int]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0]), int(row[1])


def everything(owner: Address) -> str:
    """A digest of every table but the log's and the runs' own."""
    with owner.connect() as connection:
        row = connection.execute(f"select {_digest(connection, '', OF_THE_RUN)}".encode()).fetchone()
    return str(row[0]) if row else ""


@contextmanager
def reading(analyst: Callable[[], Address], query: str) -> Iterator[Seen]:
    """A reader that polls the live database as the analyst until the block ends; it is patient with a server that
    has been killed, and finds it again by itself."""
    seen, over = Seen(), threading.Event()

    def poll() -> None:
        connection: psycopg.Connection[Any] | None = None
        while not over.is_set():
            try:
                connection = connection or analyst().connect(autocommit=True, **PURPOSE)
                seen.note(*look(connection, query))
            except (StoreError, psycopg.OperationalError):
                connection = None
                seen.away += 1
            over.wait(POLL_SECONDS)
        if connection is not None:
            connection.close()

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        yield seen
    finally:
        over.set()
        reader.join()


def _digest(connection: psycopg.Connection[Any], schema: str, left_out: tuple[str, ...]) -> str:
    """An expression over the rows of all tables or views, in any order, without what is given out and the clock's."""
    rows = connection.execute(
        "select c.table_schema || '.' || c.table_name, string_agg(quote_ident(c.column_name), ', ' order by"
        " c.ordinal_position) from information_schema.columns c join information_schema.tables t"
        " using (table_schema, table_name) where c.column_name <> all(%s) and c.data_type <> all(%s)"
        " and case when %s = '' then t.table_type = 'BASE TABLE' and c.table_schema not in"
        " ('pg_catalog', 'information_schema', 'audit') else c.table_schema = %s end group by 1 order by 1",
        (list(GIVEN_OUT), list(OF_THE_CLOCK), schema, schema),
    ).fetchall()
    parts = [
        f"(select coalesce(md5(string_agg(h, '' order by h)), '') from"
        f" (select md5(row({columns})::text) as h from {relation}) as rows)"
        for relation, columns in rows
        if relation not in left_out
    ]
    assert len(parts) > 20, "the digest covers too little"
    return "md5(concat(" + ", ".join(parts) + "))"
