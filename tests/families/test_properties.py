"""What must hold for any people, spells and ties, however odd."""

from __future__ import annotations

import pandas as pd
from family_tables import AS_AT, Spell, Tie, people, spells, ties
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.families import form_families
from pipeline.records import FAMILY_COLUMNS, FAMILY_KINDS, MEMBER_COLUMNS, MEMBER_ROLES, RELATIONS, FamilyResult

DAYS = [None, "2009-01-01", "2012-05-05", "2012-05-20", "2013-09-01", "2014-07-31", "2014-08-01"]
PARTNERS = ["council", "dwp", "schools"]
PERSONS = st.integers(1, 14)
Borough = tuple[dict[int, str | None], list[Spell], list[Tie]]


@st.composite
def boroughs(draw: st.DrawFn) -> Borough:
    births = {
        person: draw(st.sampled_from([None, "1950-01", "1980-02", "1996-08", "2001-03", "2013-06"]))
        for person in range(1, draw(st.integers(2, 15)))
    }
    found = draw(st.lists(st.tuples(
        PERSONS, st.integers(1, 5), st.sampled_from(DAYS), st.sampled_from([None, *DAYS]),
        st.sampled_from(PARTNERS),
    ), max_size=30))  # fmt: skip
    tied = draw(st.lists(
        st.tuples(PERSONS, PERSONS, st.sampled_from(RELATIONS), st.sampled_from(PARTNERS)), max_size=20
    ))  # fmt: skip
    return births, found, tied


def form(borough: Borough, previous: pd.DataFrame | None = None, reverse: bool = False) -> FamilyResult:
    births, found, tied = borough
    if previous is None:
        previous = pd.DataFrame({"family_id": [], "person_id": []}, dtype="int64")
    frames = [people(births), spells(found), ties(tied)]
    if reverse:
        frames = [frame[::-1] for frame in frames]
        previous = previous[::-1]
    return form_families(*frames, AS_AT, previous)


def same(one: FamilyResult, two: FamilyResult) -> None:
    for name in ("families", "members", "ledger"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))


MANY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@MANY
@given(borough=boroughs())
def test_everybody_belongs_to_exactly_one_family(borough: Borough) -> None:
    result = form(borough)
    own = result.members[result.members["role"].isin(["adult", "child"])]
    assert sorted(own["person_id"]) == sorted(borough[0])
    assert tuple(result.members.columns) == MEMBER_COLUMNS
    assert tuple(result.families.columns) == FAMILY_COLUMNS
    assert set(result.members["role"]) <= set(MEMBER_ROLES)
    assert set(result.families["kind"]) <= set(FAMILY_KINDS)
    assert result.members["confidence"].between(0, 1).all()
    assert not result.members.duplicated(["family_id", "person_id", "role"]).any()
    counts = own.groupby("family_id").agg(adults=("role", lambda r: (r == "adult").sum()), n=("role", "size"))
    families = result.families.set_index("family_id")
    assert (families["adults"] == counts["adults"]).all()
    assert (families["adults"] + families["children"] == counts["n"]).all()
    assert ((families["children"] > 0) == (families["kind"] == "with_children")).all()
    # Nobody is associated with the family they belong to.
    others = result.members.drop(own.index)
    assert others.merge(own, on=["family_id", "person_id"]).empty


@MANY
@given(borough=boroughs())
def test_a_second_night_with_nothing_new_changes_nothing(borough: Borough) -> None:
    first = form(borough)
    second = form(borough, previous=first.members)
    assert second.ledger.empty
    pd.testing.assert_frame_equal(first.families, second.families)
    pd.testing.assert_frame_equal(first.members, second.members)


@MANY
@given(before=boroughs(), after=boroughs())
def test_every_change_of_ids_is_in_the_ledger(before: Borough, after: Borough) -> None:
    first = form(before)
    second = form(after, previous=first.members)
    old, new = set(first.families["family_id"]), set(second.families["family_id"])
    ledger = second.ledger
    came = set(ledger.loc[ledger["change"].isin(["new", "split"]), "new_id"])
    went = set(ledger.loc[ledger["change"].isin(["merge", "retired"]), "old_id"])
    assert new - old == came
    assert old - new == went
    assert not came & old


@MANY
@given(borough=boroughs())
def test_order_repetition_and_the_future_make_no_difference(borough: Borough) -> None:
    births, found, tied = borough
    known_by_now = [spell for spell in found if spell[2] != "2014-08-01"]
    formed = form(borough)
    same(formed, form(borough, reverse=True))
    same(formed, form((births, known_by_now + known_by_now, tied + tied)))
