"""Run a pack's cases through the engine: what was expected, what came out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd

from pipeline.criteria.cases import Case
from pipeline.criteria.evaluate import evaluate
from pipeline.criteria.packs import Pack
from pipeline.records import EVIDENCE_COLUMNS, MEMBER_COLUMNS

FEED = "a partner"


@dataclass(frozen=True)
class Tried:
    """One case and what came out of it; `reason` as the engine gives it."""

    case: Case
    got: str
    reason: str

    @property
    def passed(self) -> bool:
        """The state is the one expected; where it is met, by the very rule that the case is about."""
        by_rule = self.case.out != "met" or self.case.rule in self.reason.split(" (")[0].split(", ")
        return self.got == self.case.out and by_rule


def try_cases(cases: Iterable[Case], pack: Pack) -> list[Tried]:
    """Every case, in order. Cases of one date and the same gaps are evaluated together, each as a family of its own."""
    numbered = sorted(enumerate(cases), key=lambda pair: (_together(pair[1]), pair[0]))
    tried: list[tuple[int, Tried]] = []
    for _, group in groupby(numbered, key=lambda pair: _together(pair[1])):
        tried += _try_together(list(group), pack)
    return [outcome for _, outcome in sorted(tried, key=lambda pair: pair[0])]


def _together(case: Case) -> tuple[Any, ...]:
    return case.as_at, sorted(case.no_feed), sorted(case.stale), case.since.isoformat() if case.since else ""


def _try_together(group: list[tuple[int, Case]], pack: Pack) -> list[tuple[int, Tried]]:
    ids = {(number, person.name): n for n, (number, person) in enumerate(
        ((number, person) for number, case in group for person in case.people), start=1)}  # fmt: skip
    one = group[0][1]
    result = evaluate(
        pd.DataFrame({"family_id": [number for number, _ in group], "kind": [_kind(case) for _, case in group]}),
        _members(group, ids),
        pd.DataFrame(
            [(ids[number, person.name], person.born, person.sex) for number, case in group for person in case.people],
            columns=["person_id", "birth_month", "sex"],
        ).astype({"birth_month": "datetime64[ns]"}),
        _evidence(group, ids),
        _coverage(one, pack),
        pack,
        pd.Timestamp(one.as_at),
    )
    whole = result.selection.assign(criterion="")
    told = pd.concat([result.results, whole[["family_id", "criterion", "state", "reason"]]])
    came_out = {
        (family, criterion): (state, reason) for family, criterion, state, reason in told.itertuples(index=False)
    }
    return [
        (number, Tried(case, *came_out.get((number, case.criterion), ("not_looked_at", "")))) for number, case in group
    ]


def _kind(case: Case) -> str:
    """As families are formed: with children when a member has the role of one."""
    return "with_children" if any(person.role == "child" for person in case.people) else "adult_only"


def _members(group: list[tuple[int, Case]], ids: dict[tuple[int, str], int]) -> pd.DataFrame:
    rows = [
        (number, ids[number, person.name], person.role, person.joined, person.left, "case", 1.0)
        for number, case in group
        for person in case.people
    ]
    dates = {"start_date": "datetime64[ns]", "end_date": "datetime64[ns]"}
    return pd.DataFrame(rows, columns=list(MEMBER_COLUMNS)).astype(dates)


def _evidence(group: list[tuple[int, Case]], ids: dict[tuple[int, str], int]) -> pd.DataFrame:
    rows = [
        (ids[number, fact.who], fact.kind, fact.code, fact.role, fact.start, fact.end, fact.quantity, fact.out_of,
         fact.partner)
        for number, case in group
        for fact in case.facts
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(EVIDENCE_COLUMNS[1:]))
    frame.insert(0, EVIDENCE_COLUMNS[0], range(1, len(frame) + 1))
    types = {"start_date": "datetime64[ns]", "end_date": "datetime64[ns]", "quantity": "float64", "out_of": "float64"}
    return frame.astype(types)


def _coverage(case: Case, pack: Pack) -> pd.DataFrame:
    """Every kind the pack asks for is sent and fresh, but for the case's gaps."""
    kinds = [kind for kind in pack.kinds if kind not in case.no_feed]
    fresh = [kind not in case.stale for kind in kinds]
    frame = pd.DataFrame({"partner": FEED, "kind": kinds, "as_of": pd.Timestamp(case.as_at), "fresh": fresh})
    return frame if case.since is None else frame.assign(since=pd.Timestamp(case.since))
