"""Cases follow families through merges and splits; a family selected has one case, however often it is selected."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.casework.follow import Followed, follow
from pipeline.casework.life import load_life
from pipeline.families.identity import stable_ids
from pipeline.settings import PROJECT

LIFE = load_life(PROJECT / "schemas" / "casework" / "life.yaml")
PLACES = {name: state.place for name, state in LIFE.states.items()}


def night(
    cases: list[tuple[int, int, str]],
    members: dict[int, list[int]],
    ledger: list[tuple[int | None, int | None, str]],
    selected: list[int],
    people: dict[int, list[int]] | None = None,
) -> Followed:
    return follow(
        pd.DataFrame(cases, columns=["case_id", "family_id", "state"]),
        pd.DataFrame([(c, p) for c, ps in (people or {}).items() for p in ps], columns=["case_id", "person_id"]),
        pd.DataFrame([(f, p) for f, ps in members.items() for p in ps], columns=["family_id", "person_id"]),
        pd.DataFrame(ledger, columns=["old_id", "new_id", "change"]).astype({"old_id": "Int64", "new_id": "Int64"}),
        pd.Series(selected, dtype="int64"),
        PLACES,
    )


def rows(frame: pd.DataFrame) -> list[Any]:
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def test_a_selected_family_gets_a_case_and_only_one() -> None:
    got = night([(1, 10, "declined")], {10: [1], 11: [2]}, [], [10, 11])
    assert rows(got.opened) == [[11, None]]
    assert got.followed.empty
    assert got.merged.empty


def test_a_case_goes_with_its_people_when_its_family_id_is_given_up() -> None:
    ledger = [(10, 20, "merge"), (10, 21, "merge")]
    got = night([(1, 10, "invited")], {20: [5], 21: [6, 7]}, ledger, [21], people={1: [5, 6, 7]})
    assert rows(got.followed) == [[1, 21, "merge"]]
    assert got.opened.empty


def test_of_two_cases_that_become_one_family_the_one_furthest_along_leads() -> None:
    got = night([(1, 10, "verified"), (2, 11, "in_programme")], {11: [1, 2]}, [(10, 11, "merge")], [11])
    assert rows(got.merged) == [[1, 2]]
    got = night([(1, 10, "invited"), (2, 11, "invited")], {11: [1, 2]}, [(10, 11, "merge")], [11])
    assert rows(got.merged) == [[2, 1]]


def test_the_half_that_splits_off_knows_the_case_it_came_from() -> None:
    got = night([(1, 10, "in_programme")], {10: [1], 12: [2]}, [(10, 12, "split"), (None, 13, "new")], [10, 12, 13])
    assert rows(got.opened) == [[12, 1], [13, None]]


def test_a_family_with_nobody_left_keeps_its_case_and_is_marked() -> None:
    got = night([(1, 10, "in_programme")], {}, [(10, None, "retired")], [])
    assert rows(got.followed) == [[1, 10, "retired"]]


def test_moves_are_as_declared() -> None:
    assert LIFE.allows("identified", "verified", "reviewer")
    assert not LIFE.allows("identified", "verified", "key_worker")
    assert not LIFE.allows("identified", "in_programme", "coordinator")
    assert all(LIFE.allows(state, "merged", "build") for state in LIFE.states if state != "merged")
    assert not any(start == "merged" for start, _, _ in LIFE.moves)


# --- property: nights of families as the families stage names them

NIGHTS = st.lists(
    st.tuples(st.lists(st.integers(0, 4), min_size=8, max_size=8), st.sets(st.integers(0, 4), max_size=3)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(NIGHTS)
def test_over_many_nights_each_family_has_one_leading_case_and_no_case_is_lost(nights: list[Any]) -> None:
    previous = pd.DataFrame({"family_id": pd.Series(dtype="int64"), "person_id": pd.Series(dtype="int64")})
    cases: dict[int, int] = {}  # open case → family
    people: dict[int, list[int]] = {}
    ended: set[int] = set()
    last = 0
    for groups, wanted in nights:
        assigned = pd.DataFrame({"person_id": range(8), "group": groups})
        named, ledger = stable_ids(assigned, previous, last_id=last)
        last = max(last, int(named["family_id"].max()))
        homes = {int(f): list(g["person_id"]) for f, g in named.groupby("family_id")}
        selected = sorted({int(f) for g, f in zip(named["group"], named["family_id"], strict=True) if g in wanted})
        changes = [tuple(None if pd.isna(v) else v for v in row) for row in ledger.itertuples(index=False)]
        state = [(case, family, "identified") for case, family in sorted(cases.items())]
        got = night(state, homes, changes, selected, people)
        before = set(cases)
        for case, family, _ in got.followed.itertuples(index=False):
            cases[int(case)] = int(family)
        for case, leader in got.merged.itertuples(index=False):
            assert cases[int(case)] == cases[int(leader)]
            assert leader not in set(got.merged["case_id"])
            ended.add(int(case))
            del cases[int(case)]
        for family, _ in got.opened.itertuples(index=False):
            case = 100 + len(cases) + len(ended)
            cases[case], people[case] = int(family), homes[int(family)]
        assert len(set(cases.values())) == len(cases)  # one leading case a family
        assert set(selected) <= set(cases.values())
        assert before <= set(cases) | ended
        assert all(family in homes for family in cases.values())  # every person is in some family here
        again = night([(c, f, "identified") for c, f in sorted(cases.items())], homes, [], selected, people)
        assert again.followed.empty
        assert again.merged.empty
        assert again.opened.empty
        previous = named[["family_id", "person_id"]]
