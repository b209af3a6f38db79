"""The run that users see."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pipeline.errors import BuildError
from pipeline.store.database import Database


@dataclass(frozen=True)
class PublishedRun:
    """The last run that was published: its number, the day it speaks of, and its pack."""

    run_id: int
    as_at: dt.date
    pack: str


def published_run(database: Database, role: str | None = None) -> PublishedRun:
    """The run that users see, read as a role or the owner. Raises BuildError when nothing has been published."""
    with database.connect(role=role) as connection:
        row = connection.execute(
            "select run_id, as_at, pack from registry.run where state = 'published' order by run_id desc limit 1"
        ).fetchone()
    if row is None:
        raise BuildError(
            where="the live database", rule="nothing has been published yet.", remedy="run: wholefamily build"
        )
    return PublishedRun(*row)
