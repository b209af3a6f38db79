"""The database refuses what the rules do not allow, and keeps what was said."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest

from pipeline.casework.moves import Move, move_cases
from pipeline.errors import CaseworkError
from pipeline.store.database import Database
from tests.casework.conftest import LIFE, PACK

DAY = dt.date(2014, 8, 1)


def take(database: Database, *moves: Move, role: str) -> int:
    return move_cases(database, LIFE, PACK, moves, role=role, by_whom="A. Person", source="test")


def state_of(database: Database, case: int) -> tuple[object, ...] | None:
    with database.connect() as connection:
        return connection.execute("select state from cohort.family_case where case_id = %s", (case,)).fetchone()


def test_a_step_by_the_wrong_role_or_out_of_turn_changes_nothing(database: Database, case: int) -> None:
    with pytest.raises(CaseworkError, match="this role may not move a case"):
        take(database, Move("verified", DAY, "why", case), role="key_worker")
    with pytest.raises(CaseworkError, match="identified cannot become in programme"):
        take(database, Move("in_programme", DAY, "why", case), role="coordinator")
    assert state_of(database, case) == ("identified",)


def test_all_moves_or_none(database: Database, case: int) -> None:
    with pytest.raises(CaseworkError, match="there is no such case"):
        take(database, Move("verified", DAY, "why", case), Move("verified", DAY, "why", case + 1), role="reviewer")
    assert state_of(database, case) == ("identified",)
    assert take(database, Move("verified", DAY, "why", case), role="reviewer") == 1
    assert state_of(database, case) == ("verified",)


def test_steps_are_append_only(database: Database, case: int) -> None:
    with database.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from casework.step")
