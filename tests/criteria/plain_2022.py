"""Three of ten (Supporting Families, 2022) in plain Python, both readings, written apart from the engine."""

from __future__ import annotations

from collections.abc import Callable, Collection
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
)

ASB = ("asb_order", "asb_injunction", "asb_contract")
# Each need: the outcome it belongs to, the kinds of evidence it needs.
NEEDS: dict[tuple[str, str], set[str]] = {
    ("education", "absence"): {"unauthorised_absence", "authorised_absence"},
    ("education", "excluded"): {"suspension", "permanent_exclusion"},
    ("education", "no_roll"): {"enrolment"},
    ("early_years", "new_parent"): {"early_years_need"},
    ("early_years", "young_child"): {"early_years_need"},
    ("health", "child_mental"): {"health_need", "assessment_factor"},
    ("health", "adult_mental"): {"health_need", "assessment_factor"},
    ("health", "physical"): {"health_need", "assessment_factor"},
    ("substance_use", "child_substance"): {"substance_need", "assessment_factor"},
    ("substance_use", "adult_substance"): {"substance_need", "assessment_factor"},
    ("relationships", "conflict"): {"family_relationship_need", "child_in_need"},
    ("relationships", "parenting"): {"family_relationship_need"},
    ("relationships", "young_carer"): {"family_relationship_need", "assessment_factor"},
    ("relationships", "violence"): {"family_relationship_need"},
    ("safe_children", "abuse"): {"child_protection_plan", "child_in_need", "assessment_factor"},
    ("safe_children", "exploitation"): {"assessment_factor"},
    ("crime", "young_person"): {"proven_offence"},
    ("crime", "adult"): {"proven_offence"},
    ("crime", "asb"): {*ASB, "housing_asb_action"},
    ("domestic_abuse", "abuse"): {"domestic_abuse_incident", "assessment_factor"},
    ("secure_housing", "homeless"): {"homelessness"},
    ("secure_housing", "eviction"): {"eviction_notice"},
    ("secure_housing", "overcrowded"): {"overcrowding"},
    ("financial_stability", "workless"): {"out_of_work_benefit"},
    ("financial_stability", "debt"): {"rent_arrears"},
    ("financial_stability", "neet"): {"neet"},
}


def judge(
    people: list[Person], facts: list[Fact], today: date, fed: Collection[str], *, needs: bool = False
) -> Judged | None:
    """One family as at a day, given the kinds that somebody sends; None where it is not looked at. `needs`: three
    needs are enough; else three headline outcomes."""
    here = [person for person in people if person.role in ("adult", "child")]
    expecting = any(_has(p, facts, "pregnancy", lambda f: running(f, today)) for p in here)
    if not any(person.role == "child" for person in people) and not expecting:
        return None
    met = _needs_met(here, facts, today)
    open_ = {need for need, kinds in NEEDS.items() if not kinds <= set(fed)}
    outcomes = {outcome for outcome, _ in NEEDS}
    states = {}
    for outcome in outcomes:
        if any(name == outcome for name, _ in met):
            states[outcome] = "met"
        else:
            states[outcome] = "unknown" if any(name == outcome for name, _ in open_) else "not_met"
    if needs:
        certain, possible = len(met), len(met | open_)
    else:
        certain = sum(state == "met" for state in states.values())
        possible = sum(state != "not_met" for state in states.values())
    return Judged(states, "selected" if certain >= 3 else ("unknown" if possible >= 3 else "not_selected"))


def _has(person: Person, facts: list[Fact], kind: str, when: Callable[[Fact], bool], *codes: str) -> bool:
    return any(
        f.person == person.number and f.kind == kind and when(f) and (not codes or f.code in codes) for f in facts
    )


def _needs_met(here: list[Person], facts: list[Fact], today: date) -> set[tuple[str, str]]:
    children = [person for person in here if person.is_child(today)]
    adults = [person for person in here if not person.is_child(today)]

    def now(people: list[Person], kind: str, *codes: str) -> bool:
        return any(_has(p, facts, kind, lambda f: running(f, today), *codes) for p in people)

    def lately(people: list[Person], kind: str, *codes: str) -> bool:
        return any(_has(p, facts, kind, lambda f: day_of_last_year(f, today), *codes) for p in people)

    def aged(people: list[Person], low: int, high: int) -> list[Person]:
        ages = [(p, p.months_on(today)) for p in people]
        return [p for p, months in ages if months is not None and low * 12 <= months < high * 12]

    def own(person: Person, *kinds: str) -> list[Fact]:
        return [f for f in facts if f.person == person.number and f.kind in kinds]

    def absent(child: Person) -> bool:
        kinds = ["unauthorised_absence", "authorised_absence"]
        share = missed_share(own(child, *kinds), kinds, today)
        return share is not None and share >= Fraction(1, 10)

    def offended(person: Person, grown: bool) -> bool:
        for f in own(person, "proven_offence"):
            if f.role != "offender" or not day_of_last_year(f, today):
                continue
            was_grown = person.is_18_on(f.start)
            if was_grown is None and not grown and person in children:
                return True
            if was_grown is not None and was_grown == grown:
                return True
        return False

    def disorder(person: Person) -> bool:
        ordered = any(f.role == "offender" and spell_of_last_year(f, today) for f in own(person, *ASB))
        return ordered or any(
            f.role == "offender" and day_of_last_year(f, today) for f in own(person, "housing_asb_action")
        )

    def violent(person: Person) -> bool:
        incidents = own(person, "domestic_abuse_incident")
        return any(f.role in ("suspect", "offender", "victim") and day_of_last_year(f, today) for f in incidents)

    factor = "assessment_factor"
    excluded = any(
        distinct(f for f in own(child, "suspension") if in_three_terms(f, today)) >= 3
        or any(in_three_terms(f, today) for f in own(child, "permanent_exclusion"))
        for child in children
    )
    told = {
        ("education", "absence"): any(absent(child) for child in children),
        ("education", "excluded"): excluded,
        ("education", "no_roll"): now(aged(children, 5, 16), "enrolment", "none"),
        ("early_years", "new_parent"): now(here, "early_years_need", "new_parent"),
        ("early_years", "young_child"): now(aged(children, 0, 5), "early_years_need", "physical_health", "development"),
        ("health", "child_mental"): now(children, "health_need", "mental") or lately(children, factor, "4A", "15A"),
        ("health", "adult_mental"): now(adults, "health_need", "mental") or lately(children, factor, "4B", "4C"),
        ("health", "physical"): now(here, "health_need", "physical", "limiting")
        or lately(children, factor, "6A", "6B", "6C"),
        ("substance_use", "child_substance"): now(children, "substance_need") or lately(children, factor, "1A", "2A"),
        ("substance_use", "adult_substance"): now(adults, "substance_need")
        or lately(children, factor, "1B", "1C", "2B", "2C"),
        ("relationships", "conflict"): now(here, "family_relationship_need", "parental_conflict")
        or now(here, "child_in_need", "N4", "N5"),
        ("relationships", "parenting"): now(here, "family_relationship_need", "parenting"),
        ("relationships", "young_carer"): now(children, "family_relationship_need", "young_carer")
        or lately(children, factor, "7A"),
        ("relationships", "violence"): now(here, "family_relationship_need", "violence"),
        ("safe_children", "abuse"): now(children, "child_protection_plan")
        or now(children, "child_in_need", "N1")
        or lately(children, factor, "16A", "17A", "18A", "18B", "18C", "19A", "19B", "19C"),
        ("safe_children", "exploitation"): lately(children, factor, "10A", "11A", "12A", "13A", "24A"),
        ("crime", "young_person"): any(offended(p, grown=False) for p in here),
        ("crime", "adult"): any(offended(p, grown=True) for p in here),
        ("crime", "asb"): any(disorder(p) for p in here),
        ("domestic_abuse", "abuse"): any(violent(p) for p in here) or lately(children, factor, "3A", "3B", "3C"),
        ("secure_housing", "homeless"): now(here, "homelessness"),
        ("secure_housing", "eviction"): lately(here, "eviction_notice"),
        ("secure_housing", "overcrowded"): now(here, "overcrowding"),
        ("financial_stability", "workless"): now(adults, "out_of_work_benefit"),
        ("financial_stability", "debt"): now(here, "rent_arrears"),
        ("financial_stability", "neet"): now(aged(here, 16, 19), "neet"),
    }
    return {need for need, met in told.items() if met}
