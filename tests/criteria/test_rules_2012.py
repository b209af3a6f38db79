"""What the 2012 pack says where a table of cases does not reach: every edge of its windows, decisive rows, the past.

The cases themselves are data: schemas/criteria/cases, run by test_cases.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from criteria_tables import evaluate_one, evidence_frame, fact, state

from pipeline.criteria import Pack

# One family as at 2014-07-31: an adult (1), a child of 13 (2), a child of 10 (3), a child who turns 18 in May 2014 (4),
# and somebody of whom no birth month is known but whom the family holds for an adult (5).
BIRTHS: dict[int, str | None] = {1: "1980-02", 2: "2001-03", 3: "2004-06", 4: "1996-05", 5: None}
OFFENCE = {"code": "1/1", "role": "offender"}
TERMS = ("2013-autumn", "2014-spring", "2014-summer")


def absence(person: int, missed: int, possible: int, term: str = "2014-spring", **more: Any) -> dict[str, Any]:
    start, end = {
        "2013-spring": ("2013-01-07", "2013-03-28"), "2013-summer": ("2013-04-15", "2013-07-24"),
        "2013-autumn": ("2013-09-03", "2013-12-19"), "2014-spring": ("2014-01-06", "2014-04-04"),
        "2014-summer": ("2014-04-22", "2014-07-22"), "2014-autumn": ("2014-09-02", "2014-12-19"),
    }[term]  # fmt: skip
    values: dict[str, Any] = {"code": term, "quantity": missed, "out_of": possible}
    return fact(person, "unauthorised_absence", start, end, **values | more)


def suspensions(person: int, *days: str, **more: Any) -> list[dict[str, Any]]:
    values: dict[str, Any] = {"code": "PB", "quantity": 4}
    return [fact(person, "suspension", day, **values | more) for day in days]


@pytest.mark.parametrize(
    ("as_at", "first_day_in"),
    [
        ("2016-02-29", "2015-03-01"),  # the day a year before is 28 February
        ("2017-02-28", "2016-02-29"),
        ("2015-02-28", "2014-03-01"),
        ("2014-01-31", "2013-02-01"),
        ("2014-01-01", "2013-01-02"),
    ],
)
def test_twelve_months_back(pack: Pack, as_at: str, first_day_in: str) -> None:
    for day, expected in (
        (pd.Timestamp(first_day_in), "met"),
        (pd.Timestamp(first_day_in) - pd.Timedelta(days=1), "not_met"),
    ):
        facts = [fact(2, "proven_offence", str(day.date()), **OFFENCE)]
        assert state(evaluate_one(pack, BIRTHS, facts, as_at=as_at), "crime_asb") == expected


@pytest.mark.parametrize(
    ("as_at", "first_day_in", "terms"),
    [
        ("2014-07-31", "2013-09-01", TERMS),
        ("2014-08-31", "2013-09-01", TERMS),
        ("2014-09-01", "2014-01-01", ("2014-spring", "2014-summer", "2014-autumn")),
        ("2013-12-31", "2013-01-01", ("2013-spring", "2013-summer", "2013-autumn")),
        ("2014-01-01", "2013-04-01", ("2013-summer", "2013-autumn", "2014-spring")),
    ],
)
def test_last_three_consecutive_terms(pack: Pack, as_at: str, first_day_in: str, terms: tuple[str, ...]) -> None:
    first = pd.Timestamp(first_day_in)
    for day, expected in ((first, "met"), (first - pd.Timedelta(days=1), "not_met")):
        facts = [fact(3, "permanent_exclusion", str(day.date()), code="PP")]
        assert state(evaluate_one(pack, BIRTHS, facts, as_at=as_at), "education") == expected
    for term in ("2013-spring", "2013-summer", "2013-autumn", "2014-spring", "2014-summer", "2014-autumn"):
        # A term row is told by its code; its first day is taken as the as-at date at most, to have started.
        facts = [absence(2, 50, 100, term, start_date=min("2013-01-02", as_at))]
        expected = "met" if term in terms else "not_met"
        assert state(evaluate_one(pack, BIRTHS, facts, as_at=as_at), "education") == expected


def test_the_past_is_seen_as_it_was(pack: Pack) -> None:
    facts = [
        fact(1, "out_of_work_benefit", "2012-01-01", "2012-12-31", code="JSA"),
        fact(4, "proven_offence", "2012-06-01", **OFFENCE),
        *suspensions(2, "2012-09-10", "2012-10-10", "2013-01-10"),
    ]
    expected = {
        "2012-05-31": ("not_met", "not_met", "met"),
        "2012-12-31": ("met", "not_met", "met"),
        "2013-01-31": ("met", "met", "not_met"),
        "2013-06-01": ("not_met", "met", "not_met"),
    }
    for as_at, states in expected.items():
        result = evaluate_one(pack, BIRTHS, facts, as_at=as_at)
        assert tuple(state(result, name) for name in ("crime_asb", "education", "work")) == states


def test_decisive_rows_are_all_that_meet_a_rule_and_no_others(pack: Pack) -> None:
    facts = [
        *suspensions(2, "2013-09-10", "2014-01-10", "2014-02-10"),  # 100, 101, 102
        *suspensions(2, "2014-02-10", partner="council"),  # 103: the same fact, told again
        *suspensions(2, "2012-02-10"),  # 104: too old
        *suspensions(3, "2014-02-10"),  # 105: another child's single one
        fact(3, "enrolment", "2014-01-01", code="none"),  # 106: another rule of the criterion
        fact(1, "out_of_work_benefit", "2014-01-01", code="JSA"),  # 107
    ]
    result = evaluate_one(pack, BIRTHS, facts)
    rows = result.decisive
    assert rows.loc[rows["criterion"] == "education", "evidence_id"].tolist() == [100, 101, 102, 103, 106]
    assert rows.loc[rows["criterion"] == "work", "evidence_id"].tolist() == [107]
    reasons = result.results.set_index("criterion")["reason"]
    assert reasons["education"] == "fixed_exclusions, no_roll"
    assert reasons["local"] == "no rule met"
    assert len(evidence_frame(facts)) == 8


@pytest.mark.parametrize("role", ["non_resident_parent", "associated"])
def test_an_associated_person_does_not_count(pack: Pack, role: str) -> None:
    facts = [fact(1, "out_of_work_benefit", "2014-01-01", code="JSA")]
    assert state(evaluate_one(pack, BIRTHS, facts, roles={1: role}), "work") == "not_met"
    assert state(evaluate_one(pack, BIRTHS, facts), "work") == "met"


@pytest.mark.parametrize(("birth", "work"), [("1996-07", "met"), ("1996-08", "not_met")])
def test_adult_from_the_month_of_the_18th_birthday(pack: Pack, birth: str, work: str) -> None:
    facts = [fact(2, "out_of_work_benefit", "2014-01-01", code="JSA"), fact(2, "enrolment", "2014-01-01", code="none")]
    result = evaluate_one(pack, {2: birth}, facts)
    assert (state(result, "work"), state(result, "education")) == (work, "not_met" if work == "met" else "met")


def test_birth_not_known_goes_by_the_role(pack: Pack) -> None:
    facts = [fact(5, "proven_offence", "2014-05-01", **OFFENCE)]
    assert state(evaluate_one(pack, BIRTHS, facts, roles={5: "child"}), "crime_asb") == "met"
