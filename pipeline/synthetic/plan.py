"""What shall befall which family: the mix of criteria, drawn by quota among the families that can meet them.

The plan only steers the evidence; whether a family meets a criterion is worked out afterwards, in `truth`, from the
facts that partners really recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.declared import NOBODY, Bools, Chance, Declared, Floats, Ints, take_quota
from pipeline.synthetic.people import SHAPE, SOCIAL, Households, People, with_child

WAYS = ("crime", "education", "work")


@dataclass(frozen=True)
class Plan:
    """Per household: has it a child, and which criteria shall it meet."""

    children: Bools
    crime: Bools
    education: Bools
    work: Bools
    local: Bools

    @property
    def met(self) -> Ints:
        """How many of the first three."""
        total: Ints = self.crime.astype(np.int64) + self.education + self.work
        return total


def make_plan(
    chance: Chance, declared: Declared, people: People, households: Households, pupil: Bools, until: int
) -> Plan:
    """The plan. `pupil`: who is on a state school's roll and of compulsory age."""
    rng = chance.stage("plan")
    count = len(households)
    children = with_child(people, households, until)
    age = people.age(until)

    def having(persons: Bools) -> Bools:
        return np.bincount(people.household[persons], minlength=count) > 0

    able = {
        "crime": having((age >= 10) & (age < 60)),
        "education": having(pupil & (age < 18)),
        "work": having((age >= 18) & (age < 64)),
    }
    weight = _vulnerability(declared, households)
    meets = {way: np.zeros(count, dtype=bool) for way in WAYS}
    planned = np.zeros(count, dtype=bool)
    for mix in declared.get("criteria_mix.per_thousand_families"):
        eligible = children & ~planned
        for way in mix.split("_"):
            eligible &= able[way]
        expected = declared.number(f"criteria_mix.per_thousand_families.{mix}") * children.sum() / 1000
        rows = take_quota(rng, eligible, weight, float(expected))
        planned[rows] = True
        for way in mix.split("_"):
            meets[way][rows] = True
    many: Bools = np.sum([meets[way] for way in WAYS], axis=0) >= 2
    local = np.zeros(count, dtype=bool)
    for group, share in ((many, "local_when_two_or_more"), (children & ~many, "local_otherwise")):
        expected = declared.share(f"criteria_mix.{share}") * group.sum()
        local[take_quota(rng, group, weight, float(expected))] = True
    return Plan(children=children, local=local, **meets)


def _vulnerability(declared: Declared, households: Households) -> Floats:
    weight = np.ones(len(households))
    for name in declared.get("criteria_mix.vulnerability"):
        factor = declared.number(f"criteria_mix.vulnerability.{name}")
        here = households.tenure == SOCIAL if name == "social_rent" else households.shape == SHAPE[name]
        weight[here] *= factor
    return weight


def pick_member(rng: np.random.Generator, people: People, eligible: Bools, homes: Ints) -> Ints:
    """One eligible member, at random, of each of the households that have one (-1: it has none)."""
    rows = np.flatnonzero(eligible)
    rows = rows[rng.permutation(len(rows))]
    first = np.full(int(people.household.max()) + 1, NOBODY, dtype=np.int64)
    first[people.household[rows]] = rows
    return first[homes]
