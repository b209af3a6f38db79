"""Five of seven (families with multiple problems, 2010) in plain Python, written apart from the engine."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from plain import (
    Fact,
    Judged,
    Person,
    at_least,
    day_of_last_year,
    is_parent,
    running,
    spell_of_last_year,
    state,
)

NEEDS = {
    "worklessness": {"out_of_work_benefit"},
    "housing": {"overcrowding", "poor_housing"},
    "qualifications": {"no_qualification"},
    "mental_health": {"health_need", "assessment_factor"},
    "illness": {"health_need", "out_of_work_benefit", "child_in_need", "assessment_factor"},
    "income": {"low_income", "out_of_work_benefit", "child_in_need"},
    "deprivation": {"material_deprivation"},
}


def judge(people: list[Person], facts: list[Fact], today: date, fed: Collection[str]) -> Judged | None:
    """One family as at a day, given the kinds that somebody sends; None where it is not looked at."""
    if not any(person.role == "child" for person in people):
        return None
    here = [person for person in people if person.role in ("adult", "child")]
    children = [person for person in here if person.is_child(today)]
    parents = [person for person in here if not person.is_child(today) and is_parent(person, children)]

    def now(person: Person, kind: str, *codes: str) -> bool:
        return any(
            f.person == person.number and f.kind == kind and running(f, today) and (not codes or f.code in codes)
            for f in facts
        )

    def assessed(*codes: str) -> bool:
        return any(
            f.person == child.number
            and f.kind == "assessment_factor"
            and f.code in codes
            and day_of_last_year(f, today)
            for child in children
            for f in facts
        )

    def in_need(code: str) -> bool:
        return any(
            f.person == child.number and f.kind == "child_in_need" and f.code == code and spell_of_last_year(f, today)
            for child in children
            for f in facts
        )

    def items(person: Person) -> int:
        told = {
            (f.start, f.code, f.quantity)
            for f in facts
            if f.person == person.number and f.kind == "material_deprivation" and running(f, today)
        }
        return sum(quantity or 0 for _, _, quantity in told)

    met = {
        "worklessness": bool(parents) and all(now(parent, "out_of_work_benefit") for parent in parents),
        "housing": any(now(p, "overcrowding") or now(p, "poor_housing") for p in here),
        "qualifications": bool(parents) and all(now(parent, "no_qualification") for parent in parents),
        "mental_health": any(p.sex == "F" and now(p, "health_need", "mental") for p in parents) or assessed("4B"),
        "illness": any(
            now(p, "health_need", "limiting") or now(p, "out_of_work_benefit", "ESA", "IB", "SDA") for p in parents
        )
        or in_need("N3")
        or assessed("5B", "6B"),
        "income": any(now(p, "low_income") for p in here)
        or any(now(p, "out_of_work_benefit", "IS") for p in parents)
        or in_need("N7"),
        "deprivation": any(items(p) >= 2 for p in here),
    }
    states = {name: state(met[name], fed=fed, needs=NEEDS[name]) for name in met}
    return Judged(states, at_least(states.values(), 5))
