"""One prioritised list: small tables, and what must always hold of a score."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.casework.priority import Priority, load_weights, prioritise
from pipeline.errors import DeclarationError
from pipeline.settings import PROJECT
from tests.casework.small_tables import AS_AT, KINDS, evidence, fact, members

PATH = PROJECT / "schemas" / "casework" / "priority.yaml"
WEIGHTS = load_weights(PATH)
SPELLS = ("out_of_work_benefit", "child_in_need", "early_help")
HOMES = members(*((family, 10 * family + n, "adult" if n == 1 else "child") for family in range(1, 6) for n in (1, 2)))


def nominations(*rows: tuple[int, str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["person_id", "partner", "nominated_on", "rank"])
    return frame.assign(nominated_on=pd.to_datetime(frame["nominated_on"]))


def listed(
    *,
    selected: tuple[int, ...] = (),
    met: tuple[tuple[int, str], ...] = (),
    costs: tuple[tuple[int, float], ...] = (),
    facts: tuple[dict[str, Any], ...] = (),
    nominated: tuple[tuple[int, str, str, int], ...] = (),
    closed: tuple[str, ...] = (),
) -> Priority:
    selection = pd.DataFrame({"family_id": range(1, 6)}).assign(selected=lambda f: f["family_id"].isin(selected))
    results = pd.DataFrame([(f, "met") for f, _ in met], columns=["family_id", "state"])
    spent = pd.DataFrame(list(costs), columns=["family_id", "fiscal"]).astype({"fiscal": "float64"})
    return prioritise(
        selection, results, spent, HOMES, evidence(*facts), nominations(*nominated), SPELLS, WEIGHTS, AS_AT, closed
    )


def points(priority: Priority, family: int) -> dict[str, float]:
    mine = priority.parts[priority.parts["family_id"] == family]
    return dict(zip(mine["part"], mine["points"], strict=True))


def test_every_partners_first_families_and_the_packs_flags_become_one_list() -> None:
    got = listed(
        selected=(1, 2),
        met=((1, "work"), (1, "education"), (1, "crime_asb"), (2, "education")),
        costs=((1, 30_000.0), (1, 5_000.0), (2, 900.0), (4, 80_000.0)),
        facts=(
            fact(11, "arrest", "2014-01-01", role="suspect"),
            fact(11, "out_of_work_benefit", "2010-01-01", code="JSA"),
            fact(12, "unauthorised_absence", "2014-01-06", code="2014-spring", quantity=1, out_of=100),
            fact(12, "child_in_need", "2012-01-01", "2013-07-31", code="N1"),  # over before the twelve months
        ),
        nominated=((42, "police", "2014-06-01", 1), (41, "police", "2014-05-01", 7), (41, "council", "2014-05-01", 3)),
    )  # fmt: skip
    assert got.families["family_id"].tolist() == [1, 4, 2]
    assert got.families["place"].tolist() == [1, 2, 3]
    assert points(got, 1) == {"need": 30.0, "cost": 17.5, "partners": 7.5, "nominations": 0.0, "rank": 0.0}
    assert points(got, 4) == {"need": 0.0, "cost": 25.0, "partners": 0.0, "nominations": 15.0, "rank": 5.0}
    assert got.families.set_index("family_id")["selected"].to_dict() == {1: True, 2: True, 4: False}
    assert not got.families["contains_dwp"].any()


def test_a_part_that_a_closed_feed_goes_into_is_marked_whatever_its_value() -> None:
    got = listed(selected=(1, 2), met=((1, "work"),), closed=("criteria_met", "partners"))
    assert got.parts.groupby("part")["contains_dwp"].all().to_dict() == {
        "need": True, "cost": False, "partners": True, "nominations": False, "rank": False,
    }  # fmt: skip
    assert got.families["contains_dwp"].all()  # family 2 meets nothing, and that too says what DWP does not hold


@pytest.mark.parametrize(
    ("day", "counts"), [("2013-07-31", False), ("2013-08-01", True), ("2014-07-31", True), ("2014-08-01", False)]
)
def test_nominations_count_for_twelve_months(day: str, counts: bool) -> None:
    assert (len(listed(nominated=((11, "police", day, 1),)).families) == 1) == counts


def test_only_a_partners_first_hundred_families_count_and_a_family_once() -> None:
    rows = ((11, "police", "2014-05-01", 1), (12, "police", "2014-05-01", 2), (21, "police", "2014-05-01", 3),
            (31, "police", "2014-05-01", 4))  # fmt: skip
    nobody = pd.DataFrame({"family_id": [], "selected": [], "state": [], "fiscal": []}).astype(float)
    got = prioritise(
        nobody, nobody, nobody, HOMES, evidence(), nominations(*rows), SPELLS, replace(WEIGHTS, top=2), AS_AT
    )
    assert sorted(got.families["family_id"]) == [1, 2]  # family 1 is first and second on the list, and counts once


def test_a_last_place_still_has_points_and_a_place_beyond_none() -> None:
    rank = next(part for part in WEIGHTS.parts if part.falling)
    assert rank.points(pd.Series([1.0, 100.0, 101.0, float("nan")])).tolist() == [5.0, 0.05, 0.0, 0.0]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("of: criteria_met", "of: gut_feeling", r"priority.yaml, line \d+: 'need': of nothing known"),
        ("weight: 40", "weight: -1", "'need' needs a weight"),
        ("full_marks: 4}", "full_marks: 0}", "'need' needs a weight and full marks"),
    ],
)
def test_weights_that_do_not_hold_are_refused_at_their_line(tmp_path: Any, old: str, new: str, says: str) -> None:
    broken = tmp_path / "priority.yaml"
    broken.write_text(PATH.read_text().replace(old, new, 1))
    with pytest.raises(DeclarationError, match=says):
        load_weights(broken)


FACTS = st.lists(
    st.builds(
        lambda person, kind, month: fact(person, *kind, f"2014-0{month}-02"),
        st.sampled_from([11, 12, 21, 31, 42, 99]),
        st.sampled_from([("arrest",), ("early_help",), ("out_of_work_benefit",), ("suspension",), ("enrolment",)]),
        st.integers(1, 7),
    ),
    max_size=8,
)  # fmt: skip
NOMINATED = st.lists(
    st.tuples(
        st.sampled_from([11, 12, 21, 31, 42, 51, 99]),
        st.sampled_from(["council", "police", "schools"]),
        st.sampled_from(["2013-05-01", "2014-03-01"]),
        st.integers(1, 120),
    ),
    max_size=10,
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(FACTS, NOMINATED, st.lists(st.tuples(st.integers(1, 5), st.floats(0, 1e5)), max_size=5), st.randoms())
def test_a_score_is_the_sum_of_its_parts_and_order_does_not_matter(
    facts: list[dict[str, Any]], nominated: list[Any], costs: list[Any], random: Any
) -> None:
    got = listed(selected=(1, 3), facts=tuple(facts), nominated=tuple(nominated), costs=tuple(costs))
    random.shuffle(facts)
    random.shuffle(nominated)
    again = listed(selected=(3, 1), facts=tuple(facts), nominated=tuple(nominated), costs=tuple(costs))
    pd.testing.assert_frame_equal(got.families, again.families)
    pd.testing.assert_frame_equal(got.parts, again.parts)
    sums = got.parts.groupby("family_id")["points"].sum().round(2)
    assert sums.to_dict() == got.families.set_index("family_id")["score"].to_dict()
    assert (got.parts["points"] <= got.parts["part"].map({part.id: part.weight for part in WEIGHTS.parts})).all()
    assert (got.parts["points"] >= 0).all()
    assert got.families["place"].tolist() == list(range(1, len(got.families) + 1))
    assert {1, 3} <= set(got.families["family_id"])


@settings(max_examples=15, deadline=None)
@given(NOMINATED, st.sampled_from(["council", "police", "schools", "nhs"]))
def test_one_more_nomination_never_lowers_a_familys_own_score(nominated: list[Any], partner: str) -> None:
    before = listed(selected=(1,), nominated=tuple(nominated)).families.set_index("family_id")["score"]
    after = listed(selected=(1,), nominated=(*nominated, (11, partner, "2014-04-01", 1))).families.set_index(
        "family_id"
    )["score"]
    assert after[1] >= before[1]


def test_the_kinds_of_the_small_tables_are_of_the_vocabulary() -> None:
    from pipeline.contracts import load_vocabulary

    assert set(KINDS) <= set(load_vocabulary(PROJECT / "schemas").kinds)
