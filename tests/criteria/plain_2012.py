"""The 2012 rules once more, in plain Python over one family at a time, written apart from the engine.

It knows nothing of packs, frames or windows: dates are `datetime.date`, every rule is spelt out. Used only to be
compared with the engine.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from fractions import Fraction

from plain import (
    Fact,
    Judged,
    Person,
    day_of_last_year,
    distinct,
    in_three_terms,
    missed_share,
    running,
    spell_of_last_year,
    state,
)

OUT_OF_WORK = {"JSA", "IS", "ESA", "IB", "CA", "SDA"}
UNIVERSAL_CREDIT = {"UC_SEARCHING", "UC_PREPARING", "UC_PLANNING", "UC_NO_REQUIREMENTS"}
NEEDS = {
    "crime_asb": {"proven_offence", "asb_order", "asb_injunction", "asb_contract", "housing_asb_action"},
    "education": {"permanent_exclusion", "suspension", "enrolment_because_excluded", "enrolment",
                  "unauthorised_absence"},
    "work": {"out_of_work_benefit"},
    "local": {"child_in_need", "child_protection_plan", "domestic_abuse_incident", "eviction_notice"},
}  # fmt: skip


def judge(people: list[Person], facts: list[Fact], today: date, fed: Collection[str]) -> Judged | None:
    """One family as at a day, given the kinds that somebody sends; None where it is not looked at."""
    if not any(person.role == "child" for person in people):
        return None
    met = criteria_met(people, facts, today)
    states = {name: state(met[name], fed=fed, needs=NEEDS[name]) for name in met}
    return Judged(states, _selection(states))


def criteria_met(people: list[Person], facts: list[Fact], today: date) -> dict[str, bool]:
    """Which of the four criteria one family meets as at a day."""
    belonging = {person.number: person for person in people if person.role in ("adult", "child")}
    facts = [fact for fact in facts if fact.person in belonging and fact.start <= today]

    def of(*kinds: str) -> list[Fact]:
        return [fact for fact in facts if fact.kind in kinds]

    def by_a_child(fact: Fact) -> bool:
        return belonging[fact.person].is_child(today)

    def last_year(fact: Fact) -> bool:
        return day_of_last_year(fact, today)

    def running_last_year(fact: Fact) -> bool:
        return spell_of_last_year(fact, today)

    def child_on_the_day(fact: Fact) -> bool:
        grown = belonging[fact.person].is_18_on(fact.start)
        return by_a_child(fact) if grown is None else not grown

    crime = any(f.role == "offender" and last_year(f) and child_on_the_day(f) for f in of("proven_offence"))
    asb = any(f.role == "offender" and running_last_year(f) for f in of("asb_order", "asb_injunction", "asb_contract"))
    housing = any(f.role == "offender" and last_year(f) for f in of("housing_asb_action"))
    education = any(
        _child_meets_education([f for f in facts if f.person == person.number], today)
        for person in belonging.values()
        if person.is_child(today)
    )
    benefits = OUT_OF_WORK | (UNIVERSAL_CREDIT if today >= date(2013, 4, 29) else set())
    work = any(not by_a_child(f) and f.code in benefits and running(f, today) for f in of("out_of_work_benefit"))
    local = (
        any(by_a_child(f) and running_last_year(f) for f in of("child_in_need", "child_protection_plan"))
        or any(last_year(f) and f.role in ("suspect", "offender", "victim") for f in of("domestic_abuse_incident"))
        or any(last_year(f) for f in of("eviction_notice"))
    )
    return {"crime_asb": crime or asb or housing, "education": education, "work": work, "local": local}


def _selection(states: dict[str, str]) -> str:
    def selected(yes: set[str]) -> bool:
        national = sum(states[name] in yes for name in ("crime_asb", "education", "work"))
        return national == 3 or (national >= 2 and states["local"] in yes)

    if selected({"met"}):
        return "selected"
    return "unknown" if selected({"met", "unknown"}) else "not_selected"


def _child_meets_education(facts: list[Fact], today: date) -> bool:
    if any(f.kind == "permanent_exclusion" and in_three_terms(f, today) for f in facts):
        return True
    if distinct(f for f in facts if f.kind == "suspension" and in_three_terms(f, today)) >= 3:
        return True
    for f in facts:
        if f.kind == "enrolment" and f.code == "none" and running(f, today):
            return True
        placed = f.kind == "enrolment_because_excluded" and f.code in ("pupil_referral_unit", "alternative_provision")
        if placed and running(f, today):
            return True
    share = missed_share(facts, ["unauthorised_absence"], today)
    return share is not None and share >= Fraction(15, 100)
