"""What counts before and after a family's start: small tables at the edges of the windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.impact.panel import AFTER, BEFORE, EARLIER, measure_families, windows_of
from tests.impact.impact_tables import AS_AT, declared, evidence, fact

STARTS = pd.DataFrame({"family_id": [7, 9], "start_date": pd.to_datetime(["2013-07-15", "2013-03-01"])})
MEMBERS = pd.DataFrame(
    {"family_id": [7, 7, 9, 9], "person_id": [1, 2, 3, 4], "role": ["adult", "child", "adult", "associated"]}
)
PERSONS = pd.DataFrame(
    {"person_id": [1, 2, 3, 4], "birth_month": pd.to_datetime(["1980-01-01", "2001-02-01", None, "1970-01-01"])}
)
COVERED = dict.fromkeys(declared().kinds(), pd.Timestamp("2011-07-15"))  # two years before the later start


def measured(measure: str, *facts: dict[str, Any], covered: dict[str, pd.Timestamp] | None = None) -> dict[int, list]:
    panel = measure_families(STARTS, MEMBERS, PERSONS, evidence(facts), covered or COVERED, declared(), AS_AT)
    rows = panel[panel["measure"] == measure].set_index("family_id")[[EARLIER, BEFORE, AFTER]]
    return {int(family): [None if np.isnan(v) else v for v in row] for family, row in rows.T.items()}


def test_a_windows_first_and_last_day_count() -> None:
    facts = [
        fact(1, "arrest", day)
        for day in ("2012-07-14", "2012-07-15", "2013-07-14", "2013-07-15", "2014-07-14", "2014-07-15")
    ]
    assert measured("police", *facts)[7] == [1, 2, 2]


def test_a_fact_told_twice_is_one_and_two_members_are_two() -> None:
    facts = [fact(1, "arrest", "2013-08-01"), fact(1, "arrest", "2013-08-01"), fact(2, "arrest", "2013-08-01")]
    assert measured("police", *facts)[7] == [0, 0, 2]


def test_who_lives_elsewhere_does_not_count() -> None:
    assert measured("police", fact(4, "arrest", "2013-04-01"))[9] == [None, 0, 0]


def test_before_the_feeds_begin_nothing_is_known() -> None:
    assert measured("police")[9] == [None, 0, 0]  # two years before March 2013 the police sent nothing yet
    assert measured("police")[7] == [0, 0, 0]
    later = {**COVERED, "arrest": pd.Timestamp("2012-08-01")}
    assert measured("police", covered=later)[7] == [None, None, 0]
    without = {kind: first for kind, first in COVERED.items() if kind != "proven_offence"}
    assert measured("offences", covered=without)[7] == [None, None, None]  # no partner sends it


def test_years_of_spells_are_counted_in_the_window_and_once() -> None:
    facts = [
        fact(1, "out_of_work_benefit", "2010-01-01", "2014-01-14", code="JSA"),
        fact(1, "out_of_work_benefit", "2013-07-01", "2013-12-31", code="ESA"),  # inside the other
        fact(2, "out_of_work_benefit", "2013-07-01", None, code="JSA"),  # a child at that time
    ]
    before, after = measured("out_of_work", *facts)[7][1:]
    assert before == 365 / 365.25
    assert after == (pd.Timestamp("2014-01-14") - pd.Timestamp("2013-07-14")).days / 365.25


def test_issues_are_had_or_not() -> None:
    assert measured("asb", fact(1, "asb_incident", "2013-09-01", role="victim"))[7] == [0, 0, 0]
    assert measured("asb", fact(1, "asb_incident", "2013-09-01", role="suspect"))[7] == [0, 0, 1]
    plan = fact(2, "child_protection_plan", "2013-01-01", "2013-07-15")
    assert measured("child_protection", plan)[7] == [0, 1, 1]
    benefit = fact(1, "out_of_work_benefit", "2012-01-01", "2014-07-13")
    assert measured("no_parent_in_work", benefit)[7] == [1, 1, 0]  # not on the window's last day
    assert measured("mental_health")[7] == [None, None, None]  # nobody sends it


def test_absence_is_one_persons_over_what_was_possible() -> None:
    def term(person: int, start: str, missed: float) -> dict[str, Any]:
        return fact(person, "unauthorised_absence", start, quantity=missed, out_of=100.0, code="2013-autumn")

    assert measured("school", term(2, "2013-09-01", 15), term(2, "2014-01-01", 15))[7][2] == 1
    assert measured("school", term(2, "2013-09-01", 15), term(2, "2014-01-01", 14))[7][2] == 0
    assert measured("school", term(2, "2013-09-01", 15), term(1, "2013-09-01", 14))[7][2] == 1


@settings(deadline=None)
@given(st.dates(pd.Timestamp("2012-01-01").date(), pd.Timestamp("2014-06-30").date()), st.integers(1, 24))
def test_windows_touch_and_never_overlap(start: object, months: int) -> None:
    windows = windows_of(pd.Series([pd.Timestamp(start)]), months, 0)  # type: ignore[call-overload]
    edges = [(windows[period].first[0], windows[period].last[0]) for period in (EARLIER, BEFORE, AFTER)]
    day = np.timedelta64(1, "D")
    assert edges[1][1] + day == np.datetime64(pd.Timestamp(start), "D")  # type: ignore[call-overload]
    assert edges[2][0] == edges[1][1] + day
    assert edges[0][1] + day == edges[1][0]


@settings(deadline=None, max_examples=20)
@given(st.permutations([fact(1, "arrest", "2013-08-01"), fact(2, "suspension", "2013-02-01", code="PP"),
                        fact(3, "arrest", "2013-01-01"), fact(1, "arrest", "2013-08-02")]))  # fmt: skip
def test_the_order_of_rows_makes_no_difference(facts: list[dict[str, Any]]) -> None:
    in_order = measure_families(STARTS, MEMBERS, PERSONS, evidence(sorted(facts, key=str)), COVERED, declared(), AS_AT)
    shuffled = measure_families(
        STARTS.iloc[::-1], MEMBERS.iloc[::-1], PERSONS.iloc[::-1], evidence(facts), COVERED, declared(), AS_AT
    )
    pd.testing.assert_frame_equal(in_order, shuffled)
