"""Memberships as periods: small histories in, who belonged from when to when out; and a slow way that must agree."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest
from family_tables import AS_AT, Spell, Tie, form, people, spells, ties
from hypothesis import HealthCheck, given, settings
from test_properties import Borough, boroughs

from pipeline.families import periods, with_periods
from pipeline.families.household import Positions
from pipeline.records import MEMBER_COLUMNS, MEMBER_ROLES

MUM, DAD, KID, BABY = "1980-02", "1978-05", "2001-03", "2013-06"
Period = tuple[int, str, str | None, str | None]


def day(moment: pd.Timestamp) -> str | None:
    return None if pd.isna(moment) else moment.date().isoformat()


def dated(
    births: dict[int, str | None],
    residences: list[Spell],
    relationships: Sequence[Tie] = (),
    years: int = 3,
) -> pd.DataFrame:
    formed = form(births, residences, relationships)
    return with_periods(formed, people(births), spells(residences), ties(relationships), AS_AT, years=years).members


def of_family_of(person: int, members: pd.DataFrame) -> list[Period]:
    """person, role, first and last day of everybody who belonged to the family the person belongs to now."""
    own = members[members["role"].isin(["adult", "child"]) & members["end_date"].isna()]
    family = own.loc[own["person_id"] == person, "family_id"].item()
    mine = members[members["family_id"] == family]
    return [(row.person_id, row.role, day(row.start_date), day(row.end_date)) for row in mine.itertuples()]


def parent(child: int, *parents: int) -> list[Tie]:
    return [(child, one, "parent", "schools") for one in parents]


def test_nothing_happened() -> None:
    members = dated({1: MUM, 2: KID}, [(1, 5, "2005-01-01", None, "council"), (2, 5, "2005-02-01", None, "council")])
    assert of_family_of(1, members) == [(1, "adult", "2005-02-01", None), (2, "child", "2005-02-01", None)]


def test_a_father_who_left_is_a_former_member_and_then_a_parent_elsewhere() -> None:
    births = {1: MUM, 2: DAD, 3: KID}
    residences = [
        (1, 5, "2005-01-01", None, "council"), (3, 5, "2005-01-01", None, "council"),
        (2, 5, "2005-01-01", "2013-05-31", "council"), (2, 6, "2013-06-01", None, "council"),
    ]  # fmt: skip
    members = dated(births, residences, parent(3, 1, 2))
    assert of_family_of(1, members) == [
        (1, "adult", "2005-01-01", None),
        (2, "adult", "2005-01-01", "2013-05-31"),
        (2, "non_resident_parent", "2013-06-01", None),
        (3, "child", "2005-01-01", None),
    ]
    assert of_family_of(2, members) == [(2, "adult", "2013-06-01", None)]


def test_a_partner_who_came_belongs_from_the_day_of_coming() -> None:
    births = {1: MUM, 2: DAD, 3: KID}
    residences = [
        (1, 5, "2005-01-01", None, "council"), (3, 5, "2005-01-01", None, "council"),
        (2, 6, "2005-01-01", "2013-05-31", "dwp"), (2, 5, "2013-06-01", None, "dwp"),
    ]  # fmt: skip
    members = dated(births, residences, [*parent(3, 1), (1, 2, "partner", "dwp")])
    assert of_family_of(1, members) == [
        (1, "adult", "2005-01-01", None), (2, "adult", "2013-06-01", None), (3, "child", "2005-01-01", None),
    ]  # fmt: skip


def test_a_family_that_moved_together_belonged_together_before() -> None:
    births = {1: MUM, 2: KID}
    residences = [
        *[(person, 5, "2005-01-01", "2013-05-31", "council") for person in (1, 2)],
        *[(person, 6, "2013-06-10", None, "council") for person in (1, 2)],
    ]
    assert of_family_of(1, dated(births, residences)) == [
        (1, "adult", "2005-01-01", None), (2, "child", "2005-01-01", None),
    ]  # fmt: skip


def test_who_came_in_one_move_was_together_before_though_nobody_knows_where() -> None:
    births = {1: MUM, 2: DAD}
    residences = [(1, 5, "2013-06-01", None, "council"), (2, 5, "2013-06-12", None, "dwp")]
    assert of_family_of(1, dated(births, residences)) == [(1, "adult", None, None), (2, "adult", None, None)]
    late = [(1, 5, "2013-06-01", None, "council"), (2, 5, "2014-01-12", None, "dwp")]
    assert of_family_of(1, dated(births, late)) == [(1, "adult", None, None), (2, "adult", "2014-01-12", None)]


def test_a_child_belongs_from_birth_and_grows_up() -> None:
    births = {1: MUM, 2: BABY, 3: "1996-02"}
    residences = [
        (1, 5, "2005-01-01", None, "council"), (3, 5, "2005-01-01", None, "council"),
        (2, 5, "2013-06-17", None, "council"),
    ]  # fmt: skip
    assert of_family_of(1, dated(births, residences, parent(2, 1))) == [
        (1, "adult", "2005-01-01", None),
        (2, "child", "2013-06-01", None),
        (3, "adult", "2014-02-01", None),
        (3, "child", "2005-01-01", "2014-01-31"),
    ]


def test_partners_that_hear_late_make_no_gap_and_no_passing_guest() -> None:
    births = {1: MUM, 2: KID, 3: "1990-01"}
    residences = [
        (1, 5, "2005-01-01", None, "council"), (2, 5, "2005-01-01", None, "council"),
        (3, 5, "2005-01-01", "2012-03-01", "council"), (3, 5, "2012-05-01", None, "council"),
    ]  # fmt: skip
    assert (3, "adult", "2005-01-01", None) in of_family_of(1, dated(births, residences))
    guest = [*residences[:2], (3, 5, "2012-03-01", "2012-03-20", "council"), (3, 6, "2012-03-21", None, "council")]
    assert of_family_of(1, dated(births, guest)) == [
        (1, "adult", "2005-01-01", None), (2, "child", "2005-01-01", None),
    ]  # fmt: skip


def test_of_two_halves_the_one_that_stayed_at_the_place_carries_the_family_on() -> None:
    births = {1: MUM, 2: DAD}
    residences = [
        (1, 5, "2005-01-01", "2013-05-31", "council"), (1, 6, "2013-06-01", None, "council"),
        (2, 5, "2005-01-01", None, "council"),
    ]  # fmt: skip
    members = dated(births, residences)
    assert of_family_of(2, members) == [(1, "adult", "2005-01-01", "2013-05-31"), (2, "adult", "2005-01-01", None)]
    assert of_family_of(1, members) == [(1, "adult", "2013-06-01", None)]


def test_what_ended_before_the_years_is_not_told() -> None:
    births = {1: MUM, 2: DAD}
    residences = [
        (1, 5, "2005-01-01", None, "council"),
        (2, 5, "2005-01-01", "2011-07-31", "council"), (2, 6, "2011-08-01", None, "council"),
    ]  # fmt: skip
    assert of_family_of(1, dated(births, residences)) == [(1, "adult", "2005-01-01", None)]
    assert (2, "adult", "2005-01-01", "2011-07-31") in of_family_of(1, dated(births, residences, years=4))


def test_a_large_neighbourhood_is_looked_at_by_months(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "LARGEST_DAILY", 2)
    births = {1: MUM, 2: DAD, 3: KID}
    residences = [
        (1, 5, "2005-01-01", None, "council"), (3, 5, "2005-01-01", None, "council"),
        (2, 5, "2005-01-01", "2013-05-13", "council"), (2, 6, "2013-05-14", None, "council"),
    ]  # fmt: skip
    assert (2, "adult", "2005-01-01", "2013-05-31") in of_family_of(1, dated(births, residences))


MANY = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
SAME = ["family_id", "person_id", "role", "start_date", "end_date"]


def periods_of(borough: Borough) -> tuple[pd.DataFrame, pd.DataFrame]:
    births, found, tied = borough
    formed = form(births, found, tied)
    frames = people(births), spells(found), ties(tied)
    return formed.members, with_periods(formed, *frames, AS_AT, years=2).members


@MANY
@given(borough=boroughs())
def test_neighbourhoods_by_themselves_are_as_everybody_together_on_every_day(borough: Borough) -> None:
    """The slow way: one neighbourhood of all, and a pass of its own for each day."""
    _, quick = periods_of(borough)

    def everybody(index: pd.Index, *_: pd.DataFrame) -> Positions:
        return index.to_numpy() * 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(periods, "neighbourhoods", everybody)
        patch.setattr(periods, "COPIES_AT_ONCE", 1)
        _, slow = periods_of(borough)
    pd.testing.assert_frame_equal(quick[SAME], slow[SAME])


@MANY
@given(borough=boroughs())
def test_periods_keep_tonight_and_never_overlap(borough: Borough) -> None:
    tonight, members = periods_of(borough)
    assert tuple(members.columns) == MEMBER_COLUMNS
    assert set(members["role"]) <= set(MEMBER_ROLES)
    assert not members.duplicated(["family_id", "person_id", "role", "start_date"]).any()
    assert not (members["end_date"] < members["start_date"]).any()
    now = members[members["end_date"].isna()]
    still = ["family_id", "person_id", "role", "reason", "confidence"]
    pd.testing.assert_frame_equal(
        now[still].sort_values(still[:3], ignore_index=True), tonight[still].sort_values(still[:3], ignore_index=True)
    )
    own = members[members["role"].isin(["adult", "child"])].sort_values(
        ["person_id", "start_date"], na_position="first"
    )
    before = own.groupby("person_id")["end_date"].shift()
    again = own["person_id"].duplicated()
    assert (own.loc[again, "start_date"] > before[again]).all()
