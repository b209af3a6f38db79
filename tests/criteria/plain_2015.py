"""Two of six (expanded programme, 2015) in plain Python, written apart from the engine."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from fractions import Fraction

from plain import (
    Fact,
    Judged,
    Person,
    after_same_day_last_year,
    day_of_last_year,
    distinct,
    in_three_terms,
    is_parent,
    missed_share,
    running,
    spell_of_last_year,
)

ASB = ("asb_order", "asb_injunction", "asb_contract")
PLACES = ("mainstream", "special", "pupil_referral_unit", "alternative_provision")
HEALTH = ("1A", "1B", "1C", "2A", "2B", "2C", "4A", "4B", "4C", "5A", "5B", "5C", "6A", "6B", "6C")
NEEDS = {
    "crime_asb": {"proven_offence", *ASB, "housing_asb_action", "custody", "probation_order"},
    "education": {"unauthorised_absence", "authorised_absence", "suspension", "permanent_exclusion", "enrolment"},
    "children_need_help": {"child_in_need", "child_protection_plan", "early_help"},
    "work_and_money": {"out_of_work_benefit", "rent_arrears", "neet"},
    "domestic_abuse": {"domestic_abuse_incident", "assessment_factor"},
    "health": {"health_need", "substance_need", "child_in_need", "assessment_factor"},
}


def judge(people: list[Person], facts: list[Fact], today: date, fed: Collection[str]) -> Judged | None:
    """One family as at a day, given the kinds that somebody sends; None where it is not looked at."""
    here = [person for person in people if person.role in ("adult", "child")]
    apart = [person for person in people if person.role == "non_resident_parent"]
    family = _Family(here, facts, today, fed)
    if not family.children:
        return None
    at_home = family.criteria(here)
    everybody = family.criteria(here + apart)
    open_ = {name: not NEEDS[name] <= set(fed) for name in NEEDS}
    states = {name: "met" if everybody[name] else ("unknown" if open_[name] else "not_met") for name in NEEDS}

    def problems(known: bool) -> int:
        home = {name for name in NEEDS if at_home[name] or (open_[name] and not known)}
        return len(home) + min(1, len({name for name in NEEDS if everybody[name]} - home))

    if problems(known=True) >= 2:
        return Judged(states, "selected")
    return Judged(states, "unknown" if problems(known=False) >= 2 else "not_selected")


class _Family:
    def __init__(self, here: list[Person], facts: list[Fact], today: date, fed: Collection[str]) -> None:
        self.here, self.facts, self.today, self.fed = here, facts, today, fed
        self.children = [person for person in here if self.dependent(person)]

    def of(self, person: Person, *kinds: str) -> list[Fact]:
        return [f for f in self.facts if f.person == person.number and f.kind in kinds]

    def now(self, person: Person, *kinds: str) -> bool:
        return any(running(f, self.today) for f in self.of(person, *kinds))

    def dependent(self, person: Person) -> bool:
        months = person.months_on(self.today)
        if months is None:
            return person.role == "child"
        if months < 16 * 12:
            return True
        if months >= 19 * 12 or not any(self.may_be_parent(other, person) for other in self.here):
            return False
        on_roll = any(running(f, self.today) and f.code in PLACES for f in self.of(person, "enrolment"))
        if on_roll or self.now(person, "training", "out_of_work_benefit", "neet"):
            return True
        nobody_can_tell = not {"enrolment", "training", "out_of_work_benefit", "neet"} <= set(self.fed)
        return nobody_can_tell and person.role == "child"

    def may_be_parent(self, other: Person, child: Person) -> bool:
        if other.is_child(self.today) or child.born is None:
            return False
        if other.born is None:
            return True
        return other.born[0] * 12 + other.born[1] <= child.born[0] * 12 + child.born[1] - 180

    def adult(self, person: Person) -> bool:
        if person.role == "non_resident_parent":
            return True
        return person not in self.children and not person.is_child(self.today)

    def parent(self, person: Person) -> bool:
        elsewhere = person.role == "non_resident_parent"
        return elsewhere or (self.adult(person) and is_parent(person, self.children))

    def criteria(self, people: list[Person]) -> dict[str, bool]:
        return {
            "crime_asb": any(self.crime(p) for p in people),
            "education": any(self.misses_school(p) for p in people if p in self.children),
            "children_need_help": any(
                self.now(p, "early_help")
                or (p in self.children and self.now(p, "child_in_need", "child_protection_plan"))
                for p in people
            ),
            "work_and_money": any(self.work(p) for p in people),
            "domestic_abuse": any(self.abuse(p) for p in people),
            "health": any(self.health(p) for p in people),
        }

    def crime(self, person: Person) -> bool:
        def young(f: Fact) -> bool:
            grown = person.is_18_on(f.start)
            return person in self.children if grown is None else not grown

        offended = any(
            f.role == "offender" and day_of_last_year(f, self.today) and young(f)
            for f in self.of(person, "proven_offence")
        )
        ordered = any(f.role == "offender" and spell_of_last_year(f, self.today) for f in self.of(person, *ASB))
        housing = any(
            f.role == "offender" and day_of_last_year(f, self.today) for f in self.of(person, "housing_asb_action")
        )
        released = self.parent(person) and any(
            f.role == "offender" and f.end is not None and f.end <= self.today
            and after_same_day_last_year(f.end, self.today)
            for f in self.of(person, "custody")
        )  # fmt: skip
        supervised = self.parent(person) and any(
            f.role == "offender" and f.code in ("community_order", "licence") and running(f, self.today)
            for f in self.of(person, "probation_order")
        )
        return offended or ordered or housing or released or supervised

    def misses_school(self, child: Person) -> bool:
        suspended = [f for f in self.of(child, "suspension") if in_three_terms(f, self.today)]
        half_days = sum(quantity or 0 for *_, quantity in {(f.code, f.start, f.quantity) for f in suspended})
        share = missed_share(
            self.of(child, "unauthorised_absence", "authorised_absence"),
            ["unauthorised_absence", "authorised_absence"],
            self.today,
        )
        months = child.months_on(self.today)
        of_age = months is not None and 5 * 12 <= months < 16 * 12
        return (
            (share is not None and share >= Fraction(1, 10))
            or distinct(suspended) >= 3
            or half_days >= 20
            or any(in_three_terms(f, self.today) for f in self.of(child, "permanent_exclusion"))
            or (of_age and any(f.code == "none" and running(f, self.today) for f in self.of(child, "enrolment")))
        )

    def work(self, person: Person) -> bool:
        months = person.months_on(self.today)
        young = months is not None and 16 * 12 <= months < 19 * 12
        return (
            (self.adult(person) and self.now(person, "out_of_work_benefit"))
            or self.now(person, "rent_arrears")
            or (young and self.now(person, "neet", "out_of_work_benefit"))
        )

    def abuse(self, person: Person) -> bool:
        incident = any(
            f.role in ("suspect", "offender", "victim") and day_of_last_year(f, self.today)
            for f in self.of(person, "domestic_abuse_incident")
        )
        return incident or self.assessed(person, ("3A", "3B", "3C"))

    def health(self, person: Person) -> bool:
        in_need = person in self.children and any(
            f.code in ("N2", "N3") and spell_of_last_year(f, self.today) for f in self.of(person, "child_in_need")
        )
        return self.now(person, "health_need", "substance_need") or in_need or self.assessed(person, HEALTH)

    def assessed(self, person: Person, codes: Collection[str]) -> bool:
        return person in self.children and any(
            f.code in codes and day_of_last_year(f, self.today) for f in self.of(person, "assessment_factor")
        )
