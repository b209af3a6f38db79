"""Opening and closing a run of the build: one at a time, and a run that died is seen as failed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from pipeline import audit
from pipeline.contracts import LinkModel
from pipeline.criteria import Pack
from pipeline.errors import BuildError
from pipeline.store.database import Database
from pipeline.store.locks import HUB_DATA, advisory_lock

ACTOR = "pipeline"
PIPELINE = "wf_pipeline"  # the role a run is written under: it may publish, and change nothing that was said


@dataclass
class Run:
    """One run of the build, and where it writes."""

    database: Database
    run_id: int
    as_at: dt.date
    pack: Pack
    model: LinkModel
    closed_kinds: frozenset[str] = frozenset()  # kinds of evidence of feeds closed to onward disclosure
    timings: dict[str, float] = field(default_factory=dict)


@contextmanager
def open_run(
    database: Database, *, as_at: dt.date, pack: Pack, model: LinkModel, closed_kinds: frozenset[str]
) -> Iterator[Run]:
    """A run under the hub's data lock: loads wait until it is over, a second build waits for the first.

    A run that raises is recorded as failed, and what users see stays as it was. Earlier runs still marked running
    belong to processes that died (the lock is ours), and are closed as failed.
    """
    with database.connect() as holder, advisory_lock(holder, HUB_DATA):
        with database.connect(PIPELINE) as connection:
            connection.execute("update registry.run set state = 'failed', finished_at = now() where state = 'running'")
            row = connection.execute(
                "insert into registry.run (kind, as_at, started_at, state, code_version, pack, pack_version,"
                " model_version) values ('build', %s, now(), 'running', %s, %s, %s, %s) returning run_id",
                (as_at, code_version(), pack.id, pack.version, model.version),
            ).fetchone()
            assert row is not None
            run = Run(database, row[0], as_at, pack, model, closed_kinds)
            audit.append(connection, ACTOR, "build_started", f"run/{run.run_id}", {"as_at": as_at.isoformat()})
        try:
            yield run
        except BaseException:
            with database.connect(PIPELINE) as connection:
                connection.execute(
                    "update registry.run set state = 'failed', finished_at = now()"
                    " where run_id = %s and state = 'running'",
                    (run.run_id,),
                )
                audit.append(connection, ACTOR, "build_failed", f"run/{run.run_id}", {})
            raise
        with database.connect(PIPELINE) as connection:
            connection.execute(
                "update registry.run set timings = %s where run_id = %s", (json.dumps(run.timings), run.run_id)
            )


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
