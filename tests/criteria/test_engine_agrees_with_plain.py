"""The engine and a second, plain implementation agree on random families, edges included.

Each example is a batch of families, evaluated at once by the engine and one by one by the plain rules.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

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


def day_around(random: Random, today: date) -> date:
    """Any day of two years, the edges of the windows far more often than by chance."""
    if random.random() < 0.4:
        return today + timedelta(days=random.randint(-730, 60))
    year_back = (pd.Timestamp(today) - pd.DateOffset(years=1)).date()
    firsts = [date(year, month, 1) for year in (today.year - 1, today.year) for month in (1, 4, 9)]
    return random.choice([today, year_back, *firsts]) + timedelta(days=random.randint(-1, 1))


def random_fact(random: Random, today: date, persons: list[int]) -> Fact:
    person, partner = random.choice(persons), random.choice(["one", "two"])
    kind = random.choice([*CODES, "suspension", "suspension", "unauthorised_absence", "unauthorised_absence"])
    start = day_around(random, today)
    if kind == "unauthorised_absence":
        year, possible = random.randint(today.year - 1, today.year), random.choice([0, 20, 100, 140])
        month, name = random.choice([(1, "spring"), (4, "summer"), (9, "autumn")])
        fifteen = possible * 15 // 100
        missed = random.choice([0, fifteen, fifteen, max(fifteen - 1, 0), min(fifteen + 1, possible), possible])
        first = date(year, month, 1)
        return Fact(person, kind, f"{year}-{name}", None, first, first + timedelta(days=80), missed, possible, partner)
    end = random.choice([None, max(day_around(random, today), start)])
    code, role = random.choice(CODES[kind]), random.choice(ROLES.get(kind, [None]))
    return Fact(person, kind, code, role, start, end, None, None, partner)


def random_family(random: Random, today: date, family: int) -> tuple[list[Person], list[Fact]]:
    people = []
    for place in range(random.randint(1, 4)):
        near_18 = (today.year - 18, min(max(today.month + random.randint(-1, 1), 1), 12))
        other = (random.choice([1975, 2005, today.year - 19]), random.randint(1, 12))
        role = random.choice(["adult", "child", "child", "non_resident_parent"])
        people.append(Person(family * 10 + place, role, random.choice([None, near_18, near_18, other, other])))
    numbers = [person.number for person in people]
    facts = [random_fact(random, today, numbers) for _ in range(random.randint(0, 6))]
    # The same fact, told by the other partner.
    told_twice = [replace(fact, partner="third") for fact in facts if random.random() < 0.15]
    return people, facts + told_twice


@settings(max_examples=70, deadline=None, suppress_health_check=list(HealthCheck))
@given(today=TODAY, seed=st.integers(0, 2**32), reverse=st.booleans())
def test_same_answer(pack: Pack, today: date, seed: int, reverse: bool) -> None:
    random = Random(seed)
    groups = [random_family(random, today, family) for family in range(150)]
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
