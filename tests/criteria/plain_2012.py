"""The 2012 rules once more, in plain Python over one family at a time, written apart from the engine.

It knows nothing of packs, frames or windows: dates are `datetime.date`, every rule is spelt out. Used only to be
compared with the engine.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

OUT_OF_WORK = {"JSA", "IS", "ESA", "IB", "CA", "SDA", "UC_SEARCHING", "UC_PREPARING", "UC_PLANNING",
               "UC_NO_REQUIREMENTS"}  # fmt: skip


@dataclass(frozen=True)
class Person:
    number: int
    role: str
    born: tuple[int, int] | None  # year, month

    def is_18_on(self, day: date) -> bool | None:
        if self.born is None:
            return None
        return (day.year - self.born[0], day.month) >= (18, self.born[1])

    def is_child(self, day: date) -> bool:
        grown = self.is_18_on(day)
        return self.role == "child" if grown is None else not grown


@dataclass(frozen=True)
class Fact:
    person: int
    kind: str
    code: str | None
    role: str | None
    start: date
    end: date | None
    quantity: int | None
    out_of: int | None
    partner: str


def criteria_met(people: list[Person], facts: list[Fact], today: date) -> dict[str, bool]:
    """Which of the four criteria one family meets as at a day."""
    belonging = {person.number: person for person in people if person.role in ("adult", "child")}
    facts = [fact for fact in facts if fact.person in belonging and fact.start <= today]

    def of(*kinds: str) -> list[Fact]:
        return [fact for fact in facts if fact.kind in kinds]

    def by_a_child(fact: Fact) -> bool:
        return belonging[fact.person].is_child(today)

    def last_year(fact: Fact) -> bool:
        return _after_same_day_last_year(fact.start, today)

    def running_last_year(fact: Fact) -> bool:
        return fact.end is None or _after_same_day_last_year(fact.end, today)

    def now(fact: Fact) -> bool:
        return fact.end is None or fact.end >= today

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
    work = any(not by_a_child(f) and f.code in OUT_OF_WORK and now(f) for f in of("out_of_work_benefit"))
    local = (
        any(by_a_child(f) and running_last_year(f) for f in of("child_in_need", "child_protection_plan"))
        or any(last_year(f) and f.role in ("suspect", "offender", "victim") for f in of("domestic_abuse_incident"))
        or any(last_year(f) for f in of("eviction_notice"))
    )
    return {"crime_asb": crime or asb or housing, "education": education, "work": work, "local": local}


def is_selected(met: dict[str, bool]) -> bool:
    national = met["crime_asb"] + met["education"] + met["work"]
    return national == 3 or (national >= 2 and met["local"])


def _child_meets_education(facts: list[Fact], today: date) -> bool:
    terms = _three_terms(today)
    first_day = terms[0][1]
    names = {name for name, _ in terms}
    if any(f.kind == "permanent_exclusion" and f.start >= first_day for f in facts):
        return True
    suspended = {(f.start, f.code) for f in facts if f.kind == "suspension" and f.start >= first_day}
    if len(suspended) >= 3:
        return True
    for f in facts:
        running = f.end is None or f.end >= today
        if f.kind == "enrolment" and f.code == "none" and running:
            return True
        placed = f.kind == "enrolment_because_excluded" and f.code in ("pupil_referral_unit", "alternative_provision")
        if placed and running:
            return True
    rows = {(f.start, f.code, f.quantity, f.out_of) for f in facts if f.kind == "unauthorised_absence"}
    counted = [(missed or 0, possible or 0) for _, code, missed, possible in rows if code in names]
    possible = sum(p for _, p in counted)
    return possible > 0 and Fraction(sum(m for m, _ in counted), possible) >= Fraction(15, 100)


def _after_same_day_last_year(day: date, today: date) -> bool:
    last = calendar.monthrange(today.year - 1, today.month)[1]
    return day > date(today.year - 1, today.month, min(today.day, last))


def _three_terms(today: date) -> list[tuple[str, date]]:
    """Name and first day of the term of today and the two before, in order."""
    running = [date(today.year, 1, 1), date(today.year, 4, 1), date(today.year, 9, 1)]
    index = sum(first <= today for first in running) - 1
    terms = []
    for back in (2, 1, 0):
        shift, which = divmod(index - back, 3)
        first = running[which].replace(year=today.year + shift)
        terms.append((f"{first.year}-{('spring', 'summer', 'autumn')[which]}", first))
    return terms
