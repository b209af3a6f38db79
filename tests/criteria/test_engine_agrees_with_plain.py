"""The engine and a second, plain implementation agree on random families, edges included.

Each example is a batch of families evaluated at once by the engine, one by one by the plain rules.
"""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
from criteria_tables import coverage_frame, families_frame, members_frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_2012 import Fact, Person, criteria_met, is_selected

from pipeline.criteria import Pack, evaluate

TODAY = st.sampled_from(
    [date(2014, 7, 31), date(2016, 2, 29), date(2017, 2, 28), date(2014, 1, 1), date(2013, 12, 31), date(2014, 9, 1),
     date(2014, 8, 31), date(2015, 3, 31)]
)  # fmt: skip
CODES: dict[str, list[str | None]] = {
    "proven_offence": ["1/1", "5A"],
    "asb_order": [None], "asb_contract": [None], "housing_asb_action": [None],
    "suspension": ["PB", "DB"], "permanent_exclusion": ["PP"],
    "enrolment": ["none", "mainstream"],
    "enrolment_because_excluded": ["pupil_referral_unit", "mainstream"],
    "out_of_work_benefit": ["JSA", "UC_SEARCHING", "PIP"],
    "child_in_need": ["N1"], "child_protection_plan": [None], "domestic_abuse_incident": [None],
    "eviction_notice": [None],
}  # fmt: skip
ROLES: dict[str, list[str | None]] = {
    "proven_offence": ["offender", "suspect", "victim", None],
    "asb_order": ["offender", "victim"], "asb_contract": ["offender"], "housing_asb_action": ["offender"],
    "domestic_abuse_incident": ["suspect", "victim", None],
}  # fmt: skip


def days_around(today: date) -> st.SearchStrategy[date]:
    """Any day of two years, the edges of the windows far more often than by chance."""
    year_back = (pd.Timestamp(today) - pd.DateOffset(years=1)).date()
    edges = [
        today, year_back, date(today.year - 1, 9, 1), date(today.year, 1, 1), date(today.year - 1, 4, 1),
        date(today.year - 1, 1, 1), date(today.year, 4, 1),
    ]  # fmt: skip
    near = st.builds(lambda day, off: day + timedelta(days=off), st.sampled_from(edges), st.integers(-1, 1))
    return near | st.dates(today - timedelta(days=730), today + timedelta(days=60))


@st.composite
def fact_strategy(draw: st.DrawFn, today: date, persons: list[int]) -> Fact:
    person = draw(st.sampled_from(persons))
    partner = draw(st.sampled_from(["one", "two"]))
    kind = draw(st.sampled_from([*CODES, "suspension", "suspension", "unauthorised_absence", "unauthorised_absence"]))
    start = draw(days_around(today))
    if kind == "unauthorised_absence":
        year = draw(st.integers(today.year - 1, today.year))
        month, name = draw(st.sampled_from([(1, "spring"), (4, "summer"), (9, "autumn")]))
        first, possible = date(year, month, 1), draw(st.sampled_from([0, 20, 100, 140]))
        missed = draw(st.sampled_from([0, possible * 15 // 100, possible * 15 // 100 + 1, possible]))
        return Fact(person, kind, f"{year}-{name}", None, first, first + timedelta(days=80), missed, possible, partner)
    end = draw(st.none() | days_around(today).map(lambda day: max(day, start)))
    code, role = draw(st.sampled_from(CODES[kind])), draw(st.sampled_from(ROLES.get(kind, [None])))
    return Fact(person, kind, code, role, start, end, None, None, partner)


@st.composite
def families(draw: st.DrawFn) -> tuple[date, list[tuple[list[Person], list[Fact]]]]:
    today = draw(TODAY)
    found = []
    for family in range(draw(st.integers(1, 8))):
        people = []
        for place in range(draw(st.integers(1, 4))):
            born = draw(
                st.none()
                | st.tuples(st.just(today.year - 18), st.integers(max(1, today.month - 1), min(12, today.month + 1)))
                | st.tuples(st.sampled_from([1975, 2005, today.year - 19]), st.integers(1, 12))
            )
            role = draw(st.sampled_from(["adult", "child", "child", "non_resident_parent"]))
            people.append(Person(family * 10 + place, role, born))
        numbers = [person.number for person in people]
        found.append((people, draw(st.lists(fact_strategy(today, numbers), max_size=8))))
    return today, found


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=families(), reverse=st.booleans())
def test_same_answer(pack: Pack, case: tuple[date, list[tuple[list[Person], list[Fact]]]], reverse: bool) -> None:
    today, groups = case
    people = [(family, person) for family, (persons, _) in enumerate(groups) for person in persons]
    facts = [fact for _, found in groups for fact in found]
    persons = pd.DataFrame(
        {
            "person_id": [person.number for _, person in people],
            "birth_month": pd.to_datetime(
                [None if person.born is None else date(*person.born, 1) for _, person in people]
            ),
        }
    )
    evidence = pd.DataFrame(
        [(n, f.person, f.kind, f.code, f.role, f.start, f.end, f.quantity, f.out_of, f.partner)
         for n, f in enumerate(facts)],
        columns=["evidence_id", "person_id", "kind", "code", "role", "start_date", "end_date", "quantity", "out_of",
                 "partner"],
    )  # fmt: skip
    evidence[["start_date", "end_date"]] = evidence[["start_date", "end_date"]].apply(pd.to_datetime)
    evidence[["quantity", "out_of"]] = evidence[["quantity", "out_of"]].astype("float64")
    members = members_frame((family, person.number, person.role) for family, person in people)
    if reverse:
        evidence, members, persons = evidence[::-1], members[::-1], persons[::-1]
    result = evaluate(
        families_frame(range(len(groups))), members, persons, evidence, coverage_frame(), pack, pd.Timestamp(today)
    )
    states = result.results.pivot(index="family_id", columns="criterion", values="state")
    selected = result.selection.set_index("family_id")["selected"]
    for family, (persons_of, facts_of) in enumerate(groups):
        expected = criteria_met(persons_of, facts_of, today)
        assert {name: states.loc[family, name] == "met" for name in expected} == expected
        assert selected[family] == is_selected(expected)
    decided = set(zip(result.decisive["family_id"], result.decisive["criterion"], strict=True))
    met = result.results[result.results["state"] == "met"]
    assert decided == set(zip(met["family_id"], met["criterion"], strict=True))
