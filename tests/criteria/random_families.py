"""Random families with random evidence, the edges of windows and ages far more often than by chance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pandas as pd
from plain import Fact, Person

from pipeline.contracts import Vocabulary

Group = tuple[list[Person], list[Fact]]
# Codes of kinds that take a pattern; the others' are in the vocabulary.
PATTERN_CODES: dict[str, list[str]] = {
    "proven_offence": ["1/1", "5A"],
    "suspension": ["PB", "DB"],
    "permanent_exclusion": ["PP"],
    "child_in_need": ["N1", "N2", "N3", "N4", "N5", "N7"],
    "assessment_factor": ["1A", "1B", "2A", "3B", "4A", "4B", "5B", "6B", "7A", "11A", "15A", "16A", "21"],
}
TERMLY = ("unauthorised_absence", "authorised_absence")


def day_around(random: Random, today: date) -> date:
    """Any day of two years, the edges of the windows far more often than by chance."""
    if random.random() < 0.4:
        return today + timedelta(days=random.randint(-730, 60))
    year_back = (pd.Timestamp(today) - pd.DateOffset(years=1)).date()
    firsts = [date(year, month, 1) for year in (today.year - 1, today.year) for month in (1, 4, 9)]
    return random.choice([today, year_back, *firsts]) + timedelta(days=random.randint(-1, 1))


def random_fact(random: Random, today: date, person: int, kind: str, known: Vocabulary) -> Fact:
    partner = random.choice(["one", "two"])
    if kind in TERMLY:
        return _absence(random, today, person, kind, partner)
    told = known.kinds[kind]
    codes: list[str | None] = [*(told.codes or PATTERN_CODES.get(kind) or [])] or [None]
    # Roles that the vocabulary does not give a kind come in too: the engine is not to trust that none does.
    roles: list[str | None] = [*told.roles, *told.roles, "suspect", "victim", None] if told.roles else [None]
    start = day_around(random, today)
    end = random.choice([None, max(day_around(random, today), start)]) if told.spell else None
    quantity = random.choice([1, 2, 9, 10, 10, 11, None]) if told.quantity else None
    return Fact(person, kind, random.choice(codes), random.choice(roles), start, end, quantity, None, partner)


def _absence(random: Random, today: date, person: int, kind: str, partner: str) -> Fact:
    year, possible = random.randint(today.year - 1, today.year), random.choice([0, 20, 100, 140])
    month, name = random.choice([(1, "spring"), (4, "summer"), (9, "autumn")])
    edge = possible * random.choice([10, 15]) // 100
    missed = random.choice([0, edge, edge, max(edge - 1, 0), min(edge + 1, possible), possible])
    first = date(year, month, 1)
    return Fact(person, kind, f"{year}-{name}", None, first, first + timedelta(days=80), missed, possible, partner)


def random_family(random: Random, today: date, family: int, kinds: Sequence[str], known: Vocabulary) -> Group:
    people = []
    for place in range(random.randint(1, 4)):
        edge = random.choice([5, 16, 18, 18, 19, 33])
        near = (today.year - edge, min(max(today.month + random.randint(-1, 1), 1), 12))
        other = (random.choice([1975, 1990, 2005, today.year - 4]), random.randint(1, 12))
        role = random.choice(["adult", "adult", "child", "child", "child", "non_resident_parent"])
        born = random.choice([None, near, near, near, other, other])
        people.append(Person(family * 10 + place, role, born, random.choice(["F", "M", None])))
    numbers = [person.number for person in people]
    facts = []
    for _ in range(random.randint(0, 6)):  # one fact, or several of a kind, as thresholds above one need
        person, kind = random.choice(numbers), random.choice(kinds)
        facts += [random_fact(random, today, person, kind, known) for _ in range(random.choice([1, 1, 1, 2, 3]))]
    # The same fact, told by the other partner.
    return people, facts + [replace(fact, partner="third") for fact in facts if random.random() < 0.15]


def frames(groups: Sequence[Group]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """FAMILIES, MEMBERS, PERSONS, EVIDENCE of groups numbered from 0."""
    people = [(family, person) for family, (persons, _) in enumerate(groups) for person in persons]
    facts = [fact for _, found in groups for fact in found]
    families = pd.DataFrame(
        {
            "family_id": range(len(groups)),
            "kind": ["with_children" if any(p.role == "child" for p in persons) else "adult_only"
                     for persons, _ in groups],
        }
    )  # fmt: skip
    members = pd.DataFrame(
        [(family, p.number, p.role, None, None, "random", 1.0) for family, p in people],
        columns=["family_id", "person_id", "role", "start_date", "end_date", "reason", "confidence"],
    ).astype({"start_date": "datetime64[ns]", "end_date": "datetime64[ns]"})
    persons = pd.DataFrame(
        {
            "person_id": [person.number for _, person in people],
            "birth_month": pd.to_datetime([None if p.born is None else date(*p.born, 1) for _, p in people]),
            "sex": [person.sex for _, person in people],
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
    return families, members, persons, evidence


def coverage_of(fed: Collection[str], as_at: date) -> pd.DataFrame:
    kinds = sorted(fed)
    return pd.DataFrame({"partner": "one", "kind": kinds, "as_of": pd.Timestamp(as_at), "fresh": True})
