"""Opening and closing a run of the build: one at a time, and a run that died is seen as failed."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psycopg

from pipeline import audit
from pipeline.contracts import LinkModel
from pipeline.criteria import Pack
from pipeline.errors import BuildError, StoreError
from pipeline.records import LinkResult
from pipeline.store.bulk import told_as_store_error
from pipeline.store.database import Database
from pipeline.store.locks import HUB_DATA, advisory_lock

ACTOR = "pipeline"
PIPELINE = "wf_pipeline"  # the role a run is written under: it may publish, and change nothing that was said


@dataclass
class Run:
    """One run of the build, and the connection it writes on: the one that holds the lock, so that a run that has lost
    the lock cannot publish."""

    connection: psycopg.Connection[Any]
    run_id: int
    as_at: dt.date
    pack: Pack
    model: LinkModel
    closed_kinds: frozenset[str] = frozenset()  # kinds of evidence of feeds closed to onward disclosure
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """An order that has been carried out: the run published for it, as at which day, with its counts and timings."""

    run_id: int
    as_at: dt.date
    counts: dict[str, Any]
    timings: dict[str, float]


class CarriedOut(Exception):  # noqa: N818 - no error: the caller asked for what is there
    """A run was published for this order already, by a second process of it or before it was killed."""

    def __init__(self, order: Order) -> None:
        super().__init__(f"run {order.run_id} was published for this order")
        self.order = order


def published_for(connection: psycopg.Connection[Any], asked_by: str) -> Order | None:
    """What was published for this order, None when nothing was."""
    row = connection.execute(
        "select run_id, as_at, counts, timings from registry.run"
        " where state = 'published' and parameters ->> 'asked_by' = %s order by run_id desc limit 1",
        (asked_by,),
    ).fetchone()
    return Order(*row) if row else None


@contextmanager
def open_run(
    database: Database,
    *,
    as_at: dt.date,
    pack: Pack,
    model: LinkModel,
    closed_kinds: frozenset[str],
    asked_by: str | None = None,
) -> Iterator[Run]:
    """A run under the hub's data lock: loads wait until it is over, a second build waits for the first.

    `asked_by`: the order it carries out, a name of the caller's. Raises CarriedOut where a run was published for it.

    A run that raises is recorded as failed, and what users see stays as it was. Earlier runs still marked running
    belong to processes that died or lost the lock (it is ours now), and are closed as failed: `close_run` then refuses
    to publish them. Raises StoreError when the database is lost.
    """
    with (
        told_as_store_error("build"),
        database.connect(PIPELINE, autocommit=True) as connection,
        advisory_lock(connection, HUB_DATA),
    ):
        if asked_by and (before := published_for(connection, asked_by)) is not None:
            raise CarriedOut(before)
        with connection.transaction():
            connection.execute("update registry.run set state = 'failed', finished_at = now() where state = 'running'")
            row = connection.execute(
                "insert into registry.run (kind, as_at, started_at, state, code_version, pack, pack_version,"
                " model_version, parameters) values ('build', %s, now(), 'running', %s, %s, %s, %s, %s)"
                " returning run_id",
                (as_at, code_version(), pack.id, pack.version, model.version,
                 json.dumps({"asked_by": asked_by} if asked_by else {})),
            ).fetchone()  # fmt: skip
            assert row is not None
            run = Run(connection, row[0], as_at, pack, model, closed_kinds)
            audit.append(connection, ACTOR, "build_started", f"run/{run.run_id}", {"as_at": as_at.isoformat()})
        try:
            yield run
        except BaseException:
            with contextlib.suppress(StoreError):  # the database is away: the next run closes this one
                _close_as_failed(database, run.run_id)
            raise
        connection.execute(
            "update registry.run set timings = %s where run_id = %s", (json.dumps(run.timings), run.run_id)
        )


def close_run(run: Run, counts: dict[str, Any], linked: LinkResult) -> None:
    """Mark the run published, inside the publishing transaction. Raises BuildError when another build has begun since,
    and has closed it."""
    told = (json.dumps(counts), json.dumps(linked.parameters), linked.blocking.to_json(orient="records"), run.run_id)
    closed = run.connection.execute(
        "update registry.run set state = 'published', finished_at = now(), counts = %s, parameters = parameters || %s,"
        " blocking = %s where run_id = %s and state = 'running'",
        told,
    )
    if closed.rowcount != 1:
        raise BuildError(
            where=f"run {run.run_id}",
            rule="another build has begun since this one lost its hold; nothing of this one is published.",
            remedy="let the other end; then look whether anything is left to do: wholefamily build",
        )


def _close_as_failed(database: Database, run_id: int) -> None:
    with told_as_store_error("build"), database.connect(PIPELINE) as connection:
        closed = connection.execute(
            "update registry.run set state = 'failed', finished_at = now() where run_id = %s and state = 'running'",
            (run_id,),
        )
        if closed.rowcount:
            audit.append(connection, ACTOR, "build_failed", f"run/{run_id}", {})


def latest_run(database: Database) -> int:
    """The run that users see. Raises BuildError when nothing has been published."""
    with database.connect(PIPELINE) as connection:
        row = connection.execute("select max(run_id) from registry.run where state = 'published'").fetchone()
    if row is None or row[0] is None:
        raise BuildError(
            where="the live database", rule="nothing has been published yet.", remedy="run: wholefamily build"
        )
    return int(row[0])


def code_version() -> str:
    """The installed version of this program."""
    try:
        return version("whole-family")
    except PackageNotFoundError:
        return "unknown"
