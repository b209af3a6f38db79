"""Move cases along their life: one, or many by a CSV file, all of it or nothing. The database checks each step.

Errors name the line of the file and the rule, never what stands in it.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pipeline import audit
from pipeline.casework.life import BUILD, IDENTIFIED, Life
from pipeline.casework.register import sync_life
from pipeline.errors import CaseworkError
from pipeline.store.database import Database

COLUMNS = ("case_id", "family_id", "to_state", "on_date", "why", "team", "key_worker", "district")
REQUIRED = ("to_state", "on_date")
SHOWN = 5  # problems named in one message
BEYOND = "cells beyond the header"
OWN_CODES = "WFC"  # of the refusals in schemas/database/live_database/casework.sql


@dataclass(frozen=True)
class Move:
    """One step to take. `case` or `family` says whose; `line` is where it stands in a file (0: nowhere)."""

    to_state: str
    on_date: dt.date
    why: str
    case: int | None = None
    family: int | None = None
    team: str | None = None
    key_worker: str | None = None
    district: str | None = None
    line: int = 0


def move_cases(
    database: Database, life: Life, pack: str, moves: Sequence[Move], *, role: str, by_whom: str, source: str
) -> int:
    """Take every step, in order, or none; returns how many. `source` is how they came (a file's name and hash).

    Raises CaseworkError with the lines that are refused, their rules and remedies; then nothing has changed.
    """
    if role == BUILD or role not in life.roles:
        raise _no_such_role(life)
    again = "identified is a state with a baseline of its day"
    problems = [(move.line, again, "use: wholefamily cases identify") for move in moves if move.to_state == IDENTIFIED]
    if problems:
        raise _refused(problems, source)
    with database.connect() as connection:
        sync_life(connection, life)
        for move in moves:
            try:
                with connection.transaction():
                    _step(connection, pack, move, role, by_whom)
            except psycopg.Error as problem:
                if not (problem.sqlstate or "").startswith(OWN_CODES):
                    raise
                problems.append((move.line, problem.diag.message_primary or "", problem.diag.message_hint or ""))
        if problems:
            connection.rollback()
            raise _refused(problems, source)
        counts: dict[str, int] = {}
        for move in moves:
            counts[move.to_state] = counts.get(move.to_state, 0) + 1
        audit.append(
            connection, by_whom, "cases_moved", "casework", {"cases": counts, "role": role, "by": source, "pack": pack}
        )
    return len(moves)


def read_moves(path: Path, why: str | None) -> tuple[list[Move], str]:
    """The steps in a CSV file, and its name with the hash of its content. `why` stands where a line gives none.

    Columns: case_id or family_id, to_state, on_date, and as needed why, team, key_worker, district. Raises
    CaseworkError with the lines and rules; a file that cannot be read as a whole changes nothing.
    """
    try:
        content = path.read_bytes()
        reader = csv.DictReader(content.decode("utf-8-sig").splitlines(), restkey=BEYOND)
        rows, header = list(reader), tuple(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error):
        raise CaseworkError(
            where=path.name, rule="the file cannot be read as CSV in UTF-8.", remedy="save it as CSV in UTF-8."
        ) from None
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in header]
    if not rows or unknown or missing or not {"case_id", "family_id"} & set(header):
        raise CaseworkError(
            where=f"{path.name}, line 1",
            rule="the file has no rows, or its columns are not those of a list of moves.",
            remedy=f"give case_id or family_id, to_state and on_date; also known: {', '.join(COLUMNS)}.",
        )
    found, problems = [], []
    for line, row in enumerate(rows, start=2):
        try:
            found.append(_move(line, row, why))
        except ValueError as problem:
            problems.append((line, str(problem), "mend the line"))
    if problems:
        raise _refused(problems, path.name)
    return found, f"{path.name}, sha256 {hashlib.sha256(content).hexdigest()}"


def _move(line: int, row: dict[str, Any], why: str | None) -> Move:
    """One line as a step. Raises ValueError whose text is the rule, without a value."""

    def text(name: str) -> str | None:
        value = (row.get(name) or "").strip()
        return value or None

    numbers: list[int | None] = []
    for name in ("case_id", "family_id"):
        value = text(name)
        if value is not None and not value.isdigit():
            raise ValueError(f"{name} is no number")
        numbers.append(int(value) if value else None)
    if numbers == [None, None] or row.get(BEYOND):
        raise ValueError("a line names a case or a family, and has no more cells than the header")
    try:
        day = dt.date.fromisoformat(text("on_date") or "")
    except ValueError:
        raise ValueError("on_date is no date written as YYYY-MM-DD") from None
    reason = text("why") or why
    if not reason:
        raise ValueError("a step needs a reason: a column why, or --why for all lines")
    return Move(
        text("to_state") or "", day, reason, numbers[0], numbers[1], text("team"), text("key_worker"),
        text("district"), line,
    )  # fmt: skip


def _step(connection: psycopg.Connection[Any], pack: str, move: Move, role: str, by_whom: str) -> None:
    case = move.case
    if case is None:
        row = connection.execute(
            "select case_id from casework.family_case where pack = %s and family_id = %s and merged_into is null",
            (pack, move.family),
        ).fetchone()
        case = row[0] if row else -1  # the database says what is wrong with a case that is not there
    connection.execute(
        "insert into casework.step (case_id, from_state, to_state, on_date, role, by_whom, why, team, key_worker,"
        " district) values (%s, '', %s, %s, %s, %s, %s, %s, %s, %s)",
        (case, move.to_state, move.on_date, role, by_whom, move.why, move.team, move.key_worker, move.district),
    )


def _refused(problems: list[tuple[int, str, str]], source: str) -> CaseworkError:
    """One error for all lines refused: the first few are told, with the rule of each."""

    def told() -> Iterator[str]:
        for line, rule, _ in problems[:SHOWN]:
            yield f"line {line}: {rule}" if line else rule
        if len(problems) > SHOWN:
            yield f"and {len(problems) - SHOWN} lines more"

    remedies = list(dict.fromkeys(remedy for _, _, remedy in problems if remedy))
    return CaseworkError(
        where=source.partition(",")[0] if problems[0][0] else "the case",
        rule=f"{'; '.join(told())}. Nothing was changed.",
        remedy=f"{'; '.join(remedies[:SHOWN]) or 'mend these lines'}; then run it again.",
    )


def set_worker(database: Database, life: Life, login: str, role: str, *, remove: bool = False) -> None:
    """Give a database login a role in casework, or take it back. Raises CaseworkError for a role that nobody has."""
    if role == BUILD or role not in life.roles:
        raise _no_such_role(life)
    with database.connect() as connection:
        if remove:
            connection.execute("delete from casework.worker where login = %s and role = %s", (login, role))
        else:
            connection.execute("insert into casework.worker values (%s, %s) on conflict do nothing", (login, role))
        audit.append(
            connection, "data team", "worker_removed" if remove else "worker_added", "casework", {"role": role}
        )


def _no_such_role(life: Life) -> CaseworkError:
    people = sorted(set(life.roles) - {BUILD})
    return CaseworkError(
        where="--role", rule="nobody has this role in casework.", remedy=f"use one of: {', '.join(people)}."
    )
