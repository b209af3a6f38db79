"""What is a contact, in which month, with whom: small tables in and out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.escalation.contacts import count_contacts, monthly_rows, months_back
from tests.escalation.contact_tables import AS_AT, declared, everything_covered, evidence, members

HOME = members((7, 1, "adult"), (7, 2, "child"), (9, 3, "adult"), (9, 2, "associated"))


def counted(facts: pd.DataFrame, months: int = 3) -> dict[tuple[int, str, int], int]:
    contacts = count_contacts(facts, HOME, [7, 9], everything_covered(), declared(), AS_AT, months)
    family, agency, month = np.nonzero(contacts.days)
    return {
        (int(contacts.family_ids[f]), contacts.agencies[a], int(m)): int(contacts.days[f, a, m])
        for f, a, m in zip(family, agency, month, strict=True)
    }


def test_rows_of_one_day_and_agency_are_one_contact() -> None:
    facts = evidence(
        (1, "arrest", "2014-07-10", "police"),
        (1, "police_callout", "2014-07-10", "police"),
        (2, "asb_incident", "2014-07-10", "police"),  # another member of the family, the same day
        (1, "arrest", "2014-07-11", "police"),
        (1, "eviction_notice", "2014-07-10", "council"),  # another agency: another contact
    )
    assert counted(facts) == {(7, "police", 0): 2, (7, "housing", 0): 1, (7, "together", 0): 3}


def test_months_end_on_the_day_of_the_as_at_date() -> None:
    facts = evidence(
        (3, "arrest", "2014-07-01", "police"),
        (3, "arrest", "2014-06-30", "police"),
        (3, "arrest", "2014-05-01", "police"),
        (3, "arrest", "2014-04-30", "police"),  # a fourth month back: not asked for
        (3, "arrest", "2014-08-01", "police"),  # after the as-at date
    )
    assert counted(facts) == {
        (9, "police", 0): 1, (9, "police", 1): 1, (9, "police", 2): 1,
        (9, "together", 0): 1, (9, "together", 1): 1, (9, "together", 2): 1,
    }  # fmt: skip


def test_who_lives_elsewhere_and_what_is_no_contact_do_not_count() -> None:
    facts = evidence(
        (2, "arrest", "2014-07-01", "police"),  # a child of 7, associated with 9
        (1, "unauthorised_absence", "2014-07-01", "schools"),
        (4, "arrest", "2014-07-01", "police"),  # in no family
    )
    assert counted(facts) == {(7, "police", 0): 1, (7, "together", 0): 1}


def test_what_rests_on_a_blocked_feed_is_marked_and_left_out_of_all_together() -> None:
    facts = evidence((1, "out_of_work_benefit", "2014-07-01", "dwp"), (1, "arrest", "2014-07-02", "police"))
    contacts = count_contacts(facts, HOME, [7], everything_covered(), declared(), AS_AT, 3)
    rows = monthly_rows(contacts).set_index("agency")
    assert rows["contacts"].to_dict() == {"police": 1, "jobcentre": 1, "together": 1}
    assert rows["contains_dwp"].to_dict() == {"police": False, "jobcentre": True, "together": False}
    assert set(rows["month_end"]) == {AS_AT}


def test_months_that_a_feed_does_not_cover_are_told() -> None:
    first = {**everything_covered(), "arrest": pd.Timestamp("2014-06-01")}
    del first["suspension"], first["permanent_exclusion"], first["enrolment_because_excluded"]
    contacts = count_contacts(evidence(), HOME, [7], first, declared(), AS_AT, 24)
    months = dict(zip(contacts.agencies, contacts.months, strict=True))
    assert (months["police"], months["schools"], months["housing"], months["together"]) == (2, 0, 24, 2)


def test_nobody_and_nothing() -> None:
    contacts = count_contacts(evidence(), HOME, [], everything_covered(), declared(), AS_AT, 6)
    assert contacts.days.shape == (0, 9, 6)
    assert monthly_rows(contacts).empty


@settings(deadline=None)
@given(st.dates(pd.Timestamp("2011-01-01").date(), pd.Timestamp("2014-12-31").date()),
       st.dates(pd.Timestamp("2011-01-01").date(), pd.Timestamp("2014-12-31").date()))  # fmt: skip
def test_months_back_agrees_with_the_windows_of_the_criteria(day: object, as_at: object) -> None:
    moment, on = pd.Timestamp(as_at), pd.Timestamp(day)  # type: ignore[arg-type]
    (found,) = months_back(np.array([on.to_datetime64()], dtype="datetime64[D]"), moment)
    first = moment - pd.DateOffset(months=int(found) + 1) + pd.Timedelta(days=1)
    last = moment - pd.DateOffset(months=int(found))
    assert first <= on <= last


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_order_of_rows_makes_no_difference(order: int) -> None:
    facts = evidence(
        (1, "arrest", "2014-07-10", "police"), (2, "suspension", "2014-06-03", "schools"),
        (3, "eviction_notice", "2014-05-20", "council"), (1, "arrest", "2014-07-10", "police"),
    )  # fmt: skip
    assert counted(facts.sample(frac=1, random_state=order)) == counted(facts)
