"""cohort.move_cases: a caseworker's own login moves cases in SQL, all of them or none, by the same rules."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pipeline.store.database import Database
from tests.casework.conftest import Login, NewCase

MOVE = "select cohort.move_cases(%s, %s, %s, %s, %s)"
ALLOCATE = "select cohort.move_cases(%s, 'allocated', %s, 'B', 'panel', team => %s, key_worker => %s, district => %s)"


def states(database: Database) -> dict[int, str]:
    with database.connect() as connection:
        return dict(connection.execute("select case_id, state from casework.family_case").fetchall())


def moved(
    session: psycopg.Connection[Any], cases: list[int], to: str, day: str = "2014-08-01", why: str = "why"
) -> int:
    row = session.execute(MOVE, (cases, to, day, "A. Reviewer", why)).fetchone()
    assert row is not None
    return int(row[0])


def test_many_cases_move_at_once_and_who_and_why_are_kept(database: Database, new_case: NewCase, log_in: Login) -> None:
    cases, reviewer = [new_case(), new_case(), new_case()], log_in("reviewer")
    assert moved(reviewer, [*cases, cases[0]], "verified") == 3  # named twice is moved once
    assert states(database) == dict.fromkeys(cases, "verified")
    login = reviewer.info.user
    with database.connect() as connection:
        steps = connection.execute(
            "select from_state, on_date::text, role, by_whom, why, login from casework.step where to_state = 'verified'"
        ).fetchall()
        entries = connection.execute("select actor, detail from audit.log where action = 'cases_moved'").fetchall()
    assert set(steps) == {("identified", "2014-08-01", "reviewer", "A. Reviewer", "why", login)}
    assert entries == [(login, {"cases": 3, "to": "verified", "by": "sql"})]


REFUSED = [  # state, day, reason → the rule, what to do
    ("in_programme", "2014-08-01", "w", "identified cannot become in programme", "cases rules"),
    ("verified", "2014-07-30", "w", "the step before it was on 2014-07-31", "that day or a later one"),
    ("verified", "2999-01-01", "w", "not in the future", "the day on which it happened"),
    ("verified", "2014-08-01", " ", "needs who took it and why", "by whom"),
    ("sorted", "2014-08-01", "w", "there is no such state", "cases rules"),
    ("identified", "2014-08-01", "w", "a baseline of its day", "cases identify"),
]


def test_what_the_rules_do_not_allow_is_refused_with_the_rule_and_what_to_do(
    database: Database, new_case: NewCase, log_in: Login
) -> None:
    case, worker = new_case(), log_in("reviewer", "coordinator")
    for to, day, why, says, hint in REFUSED:
        with pytest.raises(psycopg.Error, match=says) as refused:
            moved(worker, [case], to, day, why)
        assert hint in (refused.value.diag.message_hint or "")
    assert states(database) == {case: "identified"}


def test_one_case_that_cannot_move_keeps_all_where_they_are(
    database: Database, new_case: NewCase, log_in: Login
) -> None:
    first, second = new_case(), new_case()
    reviewer, coordinator = log_in("reviewer"), log_in("coordinator")
    moved(reviewer, [second], "verified")
    with pytest.raises(psycopg.Error, match="identified cannot become invited"):
        moved(coordinator, [second, first], "invited")
    with pytest.raises(psycopg.Error, match="no such case"):
        moved(coordinator, [second, 10_000], "invited")
    assert states(database) == {first: "identified", second: "verified"}


def test_the_logins_own_role_decides(database: Database, new_case: NewCase, log_in: Login) -> None:
    case = new_case()
    with pytest.raises(psycopg.Error, match="has no role in casework") as refused:
        moved(log_in(), [case], "verified")
    assert "cases worker" in (refused.value.diag.message_hint or "")
    key_worker = log_in("key_worker")
    with pytest.raises(psycopg.Error, match="this role may not move a case") as refused:
        moved(key_worker, [case], "verified")
    assert refused.value.diag.message_hint == "ask a reviewer"
    both = log_in("key_worker", "reviewer")
    assert moved(both, [case], "verified") == 1  # the role that may is taken
    assert moved(key_worker, [case], "invited") == 1


def test_an_allocation_needs_team_key_worker_and_district(database: Database, new_case: NewCase, log_in: Login) -> None:
    case, worker = new_case(), log_in("reviewer", "coordinator")
    for state in ("verified", "invited", "consented"):
        moved(worker, [case], state)
    with pytest.raises(psycopg.Error, match="allocated needs a district"):
        worker.execute(ALLOCATE, ([case], "2014-09-01", "North", "K. Worker", " "))
    worker.execute(ALLOCATE, ([case], "2014-09-01", "North", "K. Worker", "Riverside"))
    moved(worker, [case], "in_programme", "2014-09-10")
    with database.connect() as connection:
        row = connection.execute(
            "select state, since::text, attached_on::text, team, key_worker, district from casework.family_case"
        ).fetchone()
    assert row == ("in_programme", "2014-09-10", "2014-09-10", "North", "K. Worker", "Riverside")


def test_there_is_no_other_way_in(new_case: NewCase, log_in: Login) -> None:
    case, worker = new_case(), log_in("reviewer", "coordinator")
    assert worker.execute("select state from cohort.family_case where case_id = %s", (case,)).fetchone() == (
        "identified",
    )
    for statement in (
        "update casework.family_case set state = 'closed'",
        "insert into casework.worker select session_user, 'coordinator'",
        "insert into casework.step (case_id, from_state, to_state, on_date, role, by_whom, why)"
        " values (1, '', 'verified', '2014-08-01', 'reviewer', 'x', 'x')",
        "delete from casework.step",
        "select * from evidence.fact",
        "select * from casework.claim",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            worker.execute(statement.encode())
