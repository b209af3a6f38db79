"""Ask what was said: of one family on a day, knowing what was known on another; and who came and went between days.

Two dates, and they are not the same: the day spoken of (`on`), and the day by which we knew (`known`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from pipeline.errors import BuildError
from pipeline.store.database import Database

PIPELINE = "wf_pipeline"
NOT_MET: dict[str, Any] = {"state": "not_met", "reason": "no rule met", "evidence": []}
Fact = tuple[str, str, str | None, str | None]  # partner, kind, first day, last day


@dataclass(frozen=True)
class Answer:
    """What a run said of a family. `looked_at` False: the pack did not look at it, or it was not there by this id;
    `became`: what the ledger of ids says of it (change, old id, new id, run)."""

    family_id: int
    on: dt.date
    known: dt.date
    run_id: int
    as_at: dt.date
    published_at: dt.datetime
    pack: str
    pack_version: str
    looked_at: bool
    selected: bool
    standing: str
    criteria: dict[str, dict[str, Any]]
    became: list[dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """How one criterion of a family changed, in states, with the facts that came and went."""

    criterion: str
    before: str
    after: str
    why: str
    came: list[Fact]
    went: list[Fact]


@dataclass(frozen=True)
class Move:
    """A family that entered or left the cohort, and why."""

    family_id: int
    change: str
    because: str
    criteria: list[Change]


@dataclass(frozen=True)
class Moves:
    """Who entered and left between two days; `before` and `after` are the runs that speak for them (None: none yet)."""

    before: dict[str, Any] | None
    after: dict[str, Any]
    moves: list[Move]


def said_of(database: Database, family_id: int, on: dt.date, known: dt.date, pack: str) -> Answer:
    """What we said of a family on day `on`, knowing what we knew at the end of day `known`.

    Raises BuildError when nothing about that day was known by then.
    """
    with database.connect(PIPELINE) as connection, connection.cursor(row_factory=dict_row) as cursor:
        run = _run(cursor, pack, on, known)
        if run is None:
            raise _nothing(on, known)
        cursor.execute("select * from cohort.said(%s, %s, %s, %s)", (family_id, on, _end_of(known), pack))
        row = cursor.fetchone()
        became = _became(cursor, [family_id], 0, run["run_id"])
    return Answer(
        family_id=family_id, on=on, known=known, run_id=run["run_id"], as_at=run["as_at"],
        published_at=run["published_at"], pack=pack, pack_version=run["pack_version"], looked_at=row is not None,
        selected=bool(row and row["selected"]), standing=row["standing"] if row else "not_looked_at",
        criteria=row["criteria"] if row else {}, became=became,
    )  # fmt: skip


def moves_between(database: Database, first: dt.date, last: dt.date, known: dt.date, pack: str) -> Moves:
    """Which families entered or left the cohort between two days, and why, knowing what we knew by `known`.

    Raises BuildError when nothing about the later day was known by then.
    """
    with database.connect(PIPELINE) as connection, connection.cursor(row_factory=dict_row) as cursor:
        before, after = _run(cursor, pack, first, known), _run(cursor, pack, last, known)
        if after is None:
            raise _nothing(last, known)
        cursor.execute("select * from cohort.moved(%s, %s, %s, %s)", (first, last, _end_of(known), pack))
        rows = cursor.fetchall()
        since = before["run_id"] if before else 0
        ledger: dict[int, list[dict[str, Any]]] = {}
        for change in _became(cursor, [row["family_id"] for row in rows], since, after["run_id"]):
            for side in ("old_id", "new_id"):
                ledger.setdefault(change[side], []).append(change)
    moves = []
    for row in rows:
        changes = changed(row["before"] or {}, row["after"] or {})
        because = _because(row, changes, ledger.get(row["family_id"], []), before, after)
        moves.append(Move(row["family_id"], row["change"], because, changes))
    return Moves(before, after, moves)


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """What differs, criterion by criterion; one that is not told was not met."""
    changes = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, NOT_MET), after.get(name, NOT_MET)
        had, has = ({_fact(one) for one in side["evidence"]} for side in (old, new))
        if old["state"] != new["state"] or had != has:
            why = new["reason"] if new["state"] != "not_met" else f"no rule met any more (was: {old['reason']})"
            came, went = (sorted(part, key=str) for part in (has - had, had - has))
            changes.append(Change(name, old["state"], new["state"], why, came, went))
    return changes


def _because(
    row: dict[str, Any], changes: list[Change], ledger: list[dict[str, Any]], before: Any, after: dict[str, Any]
) -> str:
    """The reason in words, the most telling first."""
    if before is None:
        return "first published: nothing had been said of the earlier day"
    parts = []
    for one in ledger:
        others = [str(one[side]) for side in ("old_id", "new_id") if one[side] and one[side] != row["family_id"]]
        parts.append(f"{one['change']} in run {one['run_id']}" + (f" (family {', '.join(others)})" if others else ""))
    if row["was_looked_at"] and not row["is_looked_at"]:
        parts.append("the pack no longer looks at it")
    if row["is_looked_at"] and not row["was_looked_at"]:
        parts.append("the pack did not look at it before")
    parts += [f"{one.criterion}: {one.before} → {one.after}" for one in changes if one.before != one.after]
    if before["pack_version"] != after["pack_version"]:
        parts.append(f"the rules changed from version {before['pack_version']} to {after['pack_version']}")
    return "; ".join(parts) or "how criteria count towards the selection changed"


def _run(cursor: Any, pack: str, on: dt.date, known: dt.date) -> dict[str, Any] | None:
    cursor.execute(
        "select * from cohort.published_run where run_id = cohort.run_known(%s, %s, %s)", (pack, on, _end_of(known))
    )
    found: dict[str, Any] | None = cursor.fetchone()
    return found


def _became(cursor: Any, families: list[int], after: int, until: int) -> list[dict[str, Any]]:
    cursor.execute(
        "select run_id, change, old_id, new_id from cohort.family_ledger where run_id > %s and run_id <= %s"
        " and (old_id = any(%s) or new_id = any(%s)) order by run_id, old_id, new_id",
        (after, until, families, families),
    )
    found: list[dict[str, Any]] = cursor.fetchall()
    return found


def _fact(told: Any) -> Fact:
    partner, kind, start, end = told
    return partner, kind, start, end


def _end_of(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)


def _nothing(on: dt.date, known: dt.date) -> BuildError:
    return BuildError(
        where=f"{on} as known on {known}",
        rule="by then, no run about that day or an earlier one had been published.",
        remedy="ask about a later day, or with a later --known (see cohort.published_run).",
    )
