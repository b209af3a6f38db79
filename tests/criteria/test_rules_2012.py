"""What the 2012 pack says, edge by edge: a small table of facts in, the criterion's state out."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from criteria_tables import AS_AT, evaluate_one, evidence_frame, fact, state

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


CASES: list[tuple[str, str, list[dict[str, Any]], str]] = [
    # --- criterion 1: youth offences, by the age on the day
    ("a child's offence on the as-at date", "crime_asb", [fact(2, "proven_offence", "2014-07-31", **OFFENCE)], "met"),
    ("the first day of the window", "crime_asb", [fact(2, "proven_offence", "2013-08-01", **OFFENCE)], "met"),
    ("the day before the window", "crime_asb", [fact(2, "proven_offence", "2013-07-31", **OFFENCE)], "not_met"),
    ("the day after the as-at date", "crime_asb", [fact(2, "proven_offence", "2014-08-01", **OFFENCE)], "not_met"),
    ("an adult's offence", "crime_asb", [fact(1, "proven_offence", "2014-03-01", **OFFENCE)], "not_met"),
    ("17 then, 18 now", "crime_asb", [fact(4, "proven_offence", "2014-04-30", **OFFENCE)], "met"),
    ("the month of the 18th birthday", "crime_asb", [fact(4, "proven_offence", "2014-05-01", **OFFENCE)], "not_met"),
    ("birth not known, held for adult", "crime_asb", [fact(5, "proven_offence", "2014-05-01", **OFFENCE)], "not_met"),
    ("an arrest is no proven offence", "crime_asb", [], "not_met"),
    # --- criterion 1: orders and contracts are spells, anyone's
    ("an order in force through the window", "crime_asb",
     [fact(1, "asb_order", "2010-01-01", role="offender")], "met"),
    ("an order that ended on the window's first day", "crime_asb",
     [fact(1, "asb_order", "2012-08-01", "2013-08-01", role="offender")], "met"),
    ("an order that ended the day before", "crime_asb",
     [fact(1, "asb_order", "2012-08-01", "2013-07-31", role="offender")], "not_met"),
    ("an order from tomorrow", "crime_asb", [fact(1, "asb_order", "2014-08-01", role="offender")], "not_met"),
    ("a housing action of the adult", "crime_asb",
     [fact(5, "housing_asb_action", "2014-01-01", role="offender")], "met"),
    ("a victim is never an offender", "crime_asb", [fact(2, "proven_offence", "2014-03-01", code="1/1", role="victim")],
     "not_met"),
    ("a suspect is no offender", "crime_asb", [fact(2, "proven_offence", "2014-03-01", code="1/1", role="suspect")],
     "not_met"),
    ("no role given is no offender", "crime_asb", [fact(2, "proven_offence", "2014-03-01", code="1/1")], "not_met"),
    # --- criterion 2: exclusions, per child and over three terms
    ("three suspensions", "education", suspensions(2, "2013-09-01", "2014-01-10", "2014-07-31"), "met"),
    ("two suspensions", "education", suspensions(2, "2013-09-10", "2014-01-10"), "not_met"),
    ("three, one before the terms", "education", suspensions(2, "2013-08-31", "2014-01-10", "2014-02-10"), "not_met"),
    ("two and one are not three of one child", "education",
     suspensions(2, "2013-09-10", "2014-01-10") + suspensions(3, "2014-02-10"), "not_met"),
    ("three, of which one told twice", "education",
     suspensions(2, "2013-09-10", "2014-01-10") + suspensions(2, "2014-01-10", partner="council"), "not_met"),
    ("on one day for two reasons", "education",
     suspensions(2, "2013-09-10", "2014-01-10") + suspensions(2, "2014-01-10", code="DB"), "met"),
    ("an adult's suspensions", "education", suspensions(4, "2013-09-10", "2013-10-10", "2013-11-10"), "not_met"),
    ("permanently excluded in the first term", "education",
     [fact(3, "permanent_exclusion", "2013-09-01", code="PP")], "met"),
    ("permanently excluded before it", "education", [fact(3, "permanent_exclusion", "2013-08-31", code="PP")],
     "not_met"),
    # --- criterion 2: where on roll, now
    ("in a PRU because of exclusion", "education",
     [fact(2, "enrolment_because_excluded", "2014-03-01", code="pupil_referral_unit")], "met"),
    ("until the as-at date", "education",
     [fact(2, "enrolment_because_excluded", "2014-03-01", AS_AT, code="alternative_provision")], "met"),
    ("until the day before", "education",
     [fact(2, "enrolment_because_excluded", "2014-03-01", "2014-07-30", code="pupil_referral_unit")], "not_met"),
    ("in a PRU for another reason", "education", [fact(2, "enrolment", "2014-03-01", code="pupil_referral_unit")],
     "not_met"),
    ("back in mainstream after exclusion", "education",
     [fact(2, "enrolment_because_excluded", "2014-03-01", code="mainstream")], "not_met"),
    ("on no roll from the as-at date", "education", [fact(3, "enrolment", AS_AT, code="none")], "met"),
    ("on no roll from tomorrow", "education", [fact(3, "enrolment", "2014-08-01", code="none")], "not_met"),
    # --- criterion 2: unauthorised absence, the child's share over the three terms together
    ("15 % exactly", "education", [absence(2, 15, 100)], "met"),
    ("15 % exactly, over three terms", "education", [absence(2, 9, 60, term) for term in TERMS], "met"),
    ("15 % exactly of 140, no rounding", "education", [absence(2, 21, 140)], "met"),
    ("a session short of 15 %", "education", [absence(2, 20, 140)], "not_met"),
    ("one bad term does not make the year", "education",
     [absence(2, 20, 100), absence(2, 0, 100, "2014-summer")], "not_met"),
    ("children are not added together", "education", [absence(2, 20, 200), absence(3, 20, 200)], "not_met"),
    ("a term before the three", "education", [absence(2, 100, 100, "2013-summer")], "not_met"),
    ("no session possible", "education", [absence(2, 0, 0)], "not_met"),
    ("two schools in one term add up", "education",
     [absence(2, 6, 20), absence(2, 9, 80, start_date="2014-02-20", partner="council")], "met"),
    ("the same row from two partners counts once", "education",
     [absence(2, 30, 100), absence(2, 30, 100, partner="council"), absence(2, 0, 150, "2014-summer")], "not_met"),
    ("an adult's absence", "education", [absence(4, 100, 100)], "not_met"),
    # --- criterion 3: now, and of an adult
    ("on a benefit since long", "work", [fact(1, "out_of_work_benefit", "2009-01-01", code="JSA")], "met"),
    ("from the as-at date", "work", [fact(1, "out_of_work_benefit", AS_AT, code="UC_SEARCHING")], "met"),
    ("until the as-at date", "work", [fact(1, "out_of_work_benefit", "2009-01-01", AS_AT, code="IB")], "met"),
    ("until the day before", "work", [fact(1, "out_of_work_benefit", "2009-01-01", "2014-07-30", code="IS")],
     "not_met"),
    ("from tomorrow", "work", [fact(1, "out_of_work_benefit", "2014-08-01", code="ESA")], "not_met"),
    ("of a child", "work", [fact(2, "out_of_work_benefit", "2014-01-01", code="JSA")], "not_met"),
    ("of one who turned 18 in the month", "work", [fact(4, "out_of_work_benefit", "2014-06-01", code="JSA")], "met"),
    ("of one held for an adult", "work", [fact(5, "out_of_work_benefit", "2014-06-01", code="JSA")], "met"),
    ("a code the pack does not name", "work", [fact(1, "out_of_work_benefit", "2014-01-01", code="PIP")], "not_met"),
    # --- criterion 4, the default local filter
    ("in need until the window's first day", "local",
     [fact(2, "child_in_need", "2012-01-01", "2013-08-01", code="N1")], "met"),
    ("in need until the day before", "local", [fact(2, "child_in_need", "2012-01-01", "2013-07-31", code="N1")],
     "not_met"),
    ("victim of domestic abuse", "local", [fact(1, "domestic_abuse_incident", "2014-01-01", role="victim")], "met"),
    ("an adult cannot be a child in need", "local", [fact(1, "child_in_need", "2014-01-01", code="N1")], "not_met"),
]  # fmt: skip


@pytest.mark.parametrize(("criterion", "facts", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_state_of_one_family(pack: Pack, criterion: str, facts: list[dict[str, Any]], expected: str) -> None:
    result = evaluate_one(pack, BIRTHS, facts)
    assert state(result, criterion) == expected
    others = set(result.results["criterion"]) - {criterion}
    assert all(state(result, other) == "not_met" for other in others)
    # Whatever meets a criterion is shown, and nothing is shown for one that is not met.
    assert (len(result.decisive) > 0) == (expected == "met")


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
