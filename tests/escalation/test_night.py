"""One night: who is watched, against whom, from when the feeds tell, and whose membership counts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.escalation import Night, Watched, work_out
from pipeline.escalation.night import MEETING_ONE, SELECTED, covered_from
from tests.escalation.contact_tables import AS_AT, LONG_AGO, declared

FAMILIES = 150


def borough(seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """150 families of one adult each, with call-outs at a steady rate; family 1's come in the last two months alone."""
    rng = np.random.default_rng(seed)
    rows = [
        (family, "police_callout", LONG_AGO + pd.Timedelta(days=int(day)), "police")
        for family in range(2, FAMILIES + 1)
        for day in rng.integers(0, 1095, rng.poisson(4))
    ]
    rows += [(1, "police_callout", AS_AT - pd.Timedelta(days=4 * back), "police") for back in range(12)]
    people = np.arange(1, FAMILIES + 1)
    members = pd.DataFrame(
        {"family_id": people, "person_id": people, "role": "adult", "start_date": pd.NaT, "end_date": pd.NaT}
    )
    return members, pd.DataFrame(rows, columns=["person_id", "kind", "start_date", "partner"])


def coverage(since: pd.Timestamp = LONG_AGO, *, fresh: bool = True) -> pd.DataFrame:
    rows = [("police", "police_callout", since, fresh)]
    return pd.DataFrame(rows, columns=["partner", "kind", "since", "fresh"])


def night(as_at: pd.Timestamp = AS_AT, selected: int = FAMILIES, told: pd.DataFrame | None = None) -> Night:
    members, evidence = borough()
    watched = Watched(np.arange(1, selected + 1), np.arange(1, FAMILIES + 1))
    return work_out(declared(), watched, members, evidence, coverage() if told is None else told, as_at)


def states(of: Night) -> dict[str, set[str]]:
    return of.rising.rows.groupby("agency")["state"].unique().map(set).to_dict()


def test_the_family_that_rises_is_told_with_agency_and_figures() -> None:
    (first, second) = night().rising.alerts.to_dict("records")
    assert {first["agency"], second["agency"]} == {"police", "together"}
    assert (first["family_id"], first["contacts"], first["contacts_before"]) == (1, 12, 0)
    assert first["expected"] < 1


def test_few_selected_are_held_against_families_that_meet_a_criterion() -> None:
    assert night().peers == SELECTED
    few = night(selected=5)
    assert (few.peers, few.watched, len(few.rising.rows)) == (MEETING_ONE, 5, 5 * 9)
    assert set(few.rising.alerts["family_id"]) == {1}
    assert set(few.monthly["family_id"]) <= set(range(1, 6))  # peers' months are theirs


def test_before_the_data_begin_it_is_unknown_and_never_not_rising() -> None:
    for early in (LONG_AGO - pd.Timedelta(days=400), LONG_AGO - pd.Timedelta(days=1), LONG_AGO):
        assert set().union(*states(night(as_at=early)).values()) == {"unknown"}


def test_a_past_too_short_or_a_stale_feed_is_unknown() -> None:
    short = night(told=coverage(AS_AT - pd.DateOffset(months=14)))
    assert set(short.rising.rows.query("agency == 'police'")["reason"]) == {"too short a past"}
    stale = night(told=coverage(fresh=False))
    assert set(stale.rising.rows["reason"]) == {"no feed covers it"}
    assert states(night(told=coverage().iloc[:0]))["police"] == {"unknown"}


def test_of_two_feeds_of_a_kind_the_later_begins_and_both_must_be_fresh() -> None:
    two = pd.concat([coverage(), coverage(AS_AT).assign(partner="transport_police")])
    assert covered_from(two) == {"police_callout": AS_AT}
    assert covered_from(pd.concat([coverage(), coverage(fresh=False)])) == {}


def test_who_has_left_does_not_count_and_who_came_lately_counts_in_every_month() -> None:
    members, evidence = borough()
    left = members.assign(end_date=members["end_date"].mask(members["person_id"] == 1, AS_AT - pd.Timedelta(days=1)))
    came = members.assign(start_date=members["start_date"].mask(members["person_id"] == 2, AS_AT))
    watched = Watched(np.arange(1, FAMILIES + 1), np.arange(0))
    gone = work_out(declared(), watched, left, evidence, coverage(), AS_AT)
    assert gone.rising.alerts.empty
    same = work_out(declared(), watched, came, evidence, coverage(), AS_AT)
    assert same.rising.rows.equals(night().rising.rows)
