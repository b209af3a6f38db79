"""What the plain implementations share: people, facts, days. Written apart from the engine: no frames, no packs."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction


@dataclass(frozen=True)
class Person:
    number: int
    role: str
    born: tuple[int, int] | None  # year, month
    sex: str | None = None

    def months_on(self, day: date) -> int | None:
        """Age in months, the birthday being the first of the month."""
        return None if self.born is None else (day.year - self.born[0]) * 12 + day.month - self.born[1]

    def is_18_on(self, day: date) -> bool | None:
        months = self.months_on(day)
        return None if months is None else months >= 216

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


@dataclass(frozen=True)
class Judged:
    """What a pack says of a family: the state of each criterion, and whether it is selected."""

    states: dict[str, str]
    selection: str


def running(fact: Fact, today: date) -> bool:
    return fact.start <= today and (fact.end is None or fact.end >= today)


def day_of_last_year(fact: Fact, today: date) -> bool:
    return fact.start <= today and after_same_day_last_year(fact.start, today)


def spell_of_last_year(fact: Fact, today: date) -> bool:
    return fact.start <= today and (fact.end is None or after_same_day_last_year(fact.end, today))


def after_same_day_last_year(day: date, today: date) -> bool:
    last = calendar.monthrange(today.year - 1, today.month)[1]
    return day > date(today.year - 1, today.month, min(today.day, last))


def three_terms(today: date) -> list[tuple[str, date]]:
    """Name and first day of the term of today and the two before, in order."""
    begins = [date(today.year, 1, 1), date(today.year, 4, 1), date(today.year, 9, 1)]
    index = sum(first <= today for first in begins) - 1
    terms = []
    for back in (2, 1, 0):
        shift, which = divmod(index - back, 3)
        first = begins[which].replace(year=today.year + shift)
        terms.append((f"{first.year}-{('spring', 'summer', 'autumn')[which]}", first))
    return terms


def in_three_terms(fact: Fact, today: date) -> bool:
    return three_terms(today)[0][1] <= fact.start <= today


def missed_share(facts: Iterable[Fact], kinds: Collection[str], today: date) -> Fraction | None:
    """One child's share of sessions missed in the last three terms; None where none was possible."""
    names = {name for name, _ in three_terms(today)}
    rows = {
        (f.kind, f.code, f.start, f.quantity, f.out_of)
        for f in facts
        if f.kind in kinds and f.code in names and f.start <= today and f.quantity is not None and f.out_of is not None
    }
    missed = sum(row[3] for row in rows)
    possible = sum(max(sum(row[4] for row in rows if row[:2] == (kind, name)) for kind in kinds) for name in names)
    return Fraction(missed, possible) if possible else None


def distinct(facts: Iterable[Fact]) -> int:
    """How many facts there are, one that two partners tell being one."""
    return len({(f.kind, f.code, f.start) for f in facts})


def state(met: bool, *, fed: Collection[str], needs: Iterable[str]) -> str:
    return "met" if met else ("not_met" if set(needs) <= set(fed) else "unknown")


def at_least(states: Iterable[str], number: int) -> str:
    """Selected, not selected, or unknown where what is not known would decide."""
    told = list(states)
    if told.count("met") >= number:
        return "selected"
    return "unknown" if told.count("met") + told.count("unknown") >= number else "not_selected"


def of_kind(facts: Iterable[Fact], *kinds: str, codes: Collection[str] = (), when: Callable[[Fact, date], bool],
            today: date) -> list[Fact]:  # fmt: skip
    return [f for f in facts if f.kind in kinds and (not codes or f.code in codes) and when(f, today)]


def is_parent(person: Person, children: Iterable[Person]) -> bool:
    """Fifteen years older than the youngest child, as far as births are known."""
    births = [child.born for child in children if child.born is not None]
    if person.born is None or not births:
        return True
    youngest = max(year * 12 + month for year, month in births)
    return person.born[0] * 12 + person.born[1] <= youngest - 180
