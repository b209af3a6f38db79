"""The state machine of a case: whatever is asked of the database, in whatever order, it does what the declaration says.

A plain model beside it (a dict a case, and the moves of schemas/casework/life.yaml) says what must be allowed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pipeline.casework.life import BUILD, IDENTIFIED, MERGED
from pipeline.casework.moves import Move, move_cases
from pipeline.errors import CaseworkError
from pipeline.store.database import Database
from tests.casework.conftest import LIFE, PACK, NewCase

FIRST = dt.date(2014, 7, 31)
ROLES = sorted(set(LIFE.roles) - {BUILD})
STATES = sorted(set(LIFE.states) - {IDENTIFIED, MERGED})
DAYS = st.one_of(
    st.integers(-2, 40).map(lambda days: FIRST + dt.timedelta(days=days)), st.just(dt.date.today() + dt.timedelta(1))
)
WORDS = st.sampled_from(["North", "K. Worker", "Riverside", None, None, " "])


@dataclass
class Held:
    """What a case must look like."""

    state: str = IDENTIFIED
    since: dt.date = FIRST
    attached: dt.date | None = None
    team: str | None = None
    key_worker: str | None = None
    district: str | None = None
    steps: int = 1


def allowed(held: Held, move: Move, role: str) -> Held | None:
    """The case after a move, or nothing when the rules refuse it: the plain way."""
    if (held.state, move.to_state, role) not in LIFE.moves or not move.why.strip():
        return None
    if move.on_date < held.since or move.on_date > dt.date.today():
        return None
    said = {
        name: getattr(move, name) if getattr(move, name) is not None else getattr(held, name)
        for name in ("team", "key_worker", "district")
    }
    if any(not (said[name] or "").strip() for name in LIFE.states[move.to_state].needs):
        return None
    attached = move.on_date if LIFE.states[move.to_state].attaches and held.attached is None else held.attached
    return Held(move.to_state, move.on_date, attached, steps=held.steps + 1, **said)


class Life(RuleBasedStateMachine):
    """Cases of one database, moved one at a time and in bulk, rightly and wrongly."""

    database: Database
    new_case: NewCase
    reader: psycopg.Connection[Any]

    @initialize()
    def some_cases(self) -> None:
        self.held = {self.new_case(): Held() for _ in range(2)}
        self.numbers = sorted(self.held)

    @rule(data=st.data(), on=DAYS, wrongly=st.integers(0, 5), team=WORDS, key_worker=WORDS, district=WORDS)
    def move(self, data: Any, on: dt.date, wrongly: int, **said: str | None) -> None:
        case = data.draw(st.sampled_from(self.numbers))
        self.take([self.a_move(data, case, on, wrongly, **said)], data)

    @rule(data=st.data(), on=DAYS, count=st.integers(2, 4), team=WORDS, key_worker=WORDS, district=WORDS)
    def move_many(self, data: Any, on: dt.date, count: int, **said: str | None) -> None:
        chosen = [data.draw(st.sampled_from(self.numbers)) for _ in range(count)]
        self.take([self.a_move(data, case, on, 1, **said) for case in chosen], data)

    def a_move(self, data: Any, case: int, on: dt.date, wrongly: int, **said: str | None) -> Move:
        """One of the moves that are open to the case, mostly; else any."""
        held = self.held[case]
        onward = sorted({end for start, end, role in LIFE.moves if start == held.state and end in STATES})
        to = data.draw(st.sampled_from(onward if onward and wrongly else STATES))
        return Move(to, max(on, held.since) if wrongly > 1 else on, "why" if wrongly else "", case, **said)

    def take(self, moves: list[Move], data: Any) -> None:
        first = self.held[moves[0].case or 0]
        fitting = sorted(role for start, end, role in LIFE.moves if (start, end) == (first.state, moves[0].to_state))
        role = data.draw(st.sampled_from([*fitting, *fitting, *ROLES]))
        after, refused = dict(self.held), False
        for move in moves:
            assert move.case is not None
            became = allowed(after[move.case], move, role)
            refused |= became is None
            after[move.case] = became or after[move.case]
        if refused:
            with pytest.raises(CaseworkError, match="Nothing was changed"):
                move_cases(self.database, LIFE, PACK, moves, role=role, by_whom="A. Person", source="test")
            return
        taken = move_cases(self.database, LIFE, PACK, moves, role=role, by_whom="A. Person", source="test")
        assert taken == len(moves)
        self.held = after

    @invariant()
    def the_database_says_the_same(self) -> None:
        if not hasattr(self, "held"):
            return
        rows = self.reader.execute(
            "select case_id, state, since, attached_on, team, key_worker, district,"
            " (select count(*) from casework.step s where s.case_id = c.case_id)"
            " from casework.family_case c where case_id = any(%s)",
            (self.numbers,),
        ).fetchall()
        history = self.reader.execute(
            "select case_id, from_state, to_state, on_date, role from casework.step where case_id = any(%s)"
            " order by case_id, step_id",
            (self.numbers,),
        ).fetchall()
        assert {row[0]: Held(*row[1:]) for row in rows} == self.held
        before: dict[int, tuple[str, dt.date]] = {}
        for case, start, end, on, role in history:  # an unbroken line of allowed steps, in order of days
            assert (start, end, role) in LIFE.moves
            held = before.get(case, ("none", dt.date.min))
            assert (start, held[1] <= on) == (held[0], True)
            before[case] = (end, on)


def test_the_database_and_the_declaration_agree(database: Database, new_case: NewCase) -> None:
    class OfThisDatabase(Life):
        pass

    limits = settings(max_examples=10, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    with database.connect(autocommit=True) as reader:
        OfThisDatabase.database, OfThisDatabase.new_case = database, staticmethod(new_case)
        OfThisDatabase.reader = reader
        run_state_machine_as_test(OfThisDatabase, settings=limits)
