"""Ties that cross households: parents who do not live with their children, and grown children who left home.

A parted parent is an adult without children under the same roof, of fitting age. Some parted within the years of
the extracts: until then they lived at the children's address. Some of their children live at both addresses (the
main carer's stays their household, so their family).
"""

from __future__ import annotations

import numpy as np

from pipeline.synthetic.declared import NOBODY, Bools, Chance, Declared, Ints, happens
from pipeline.synthetic.people import CHILD, FEMALE, MALE, SHAPE, Households, People

YEAR = 365


def tie_households(chance: Chance, declared: Declared, people: People, households: Households, until: int) -> None:
    """Give children their other parent, and young adults the parents they moved away from."""
    years = int(declared.number("years") * YEAR)
    _parted_parents(chance, declared, people, households, until, years)
    _left_home(chance, declared, people, households, until, years)


def _free_adults(people: People, households: Households, shapes: tuple[str, ...], until: int) -> Bools:
    in_shape = np.isin(households.shape, [SHAPE[name] for name in shapes])[people.household]
    free: Bools = in_shape & (people.role != CHILD) & (people.came_on == NOBODY)
    return free & (people.age(until) >= 18)


def _pair_by_age(wanted: Ints, wanted_age: Ints, offered: Ints, offered_age: Ints) -> tuple[Ints, Ints]:
    """Pair the two lists so that ages fit: both sorted, the longer one thinned evenly."""
    count = min(len(wanted), len(offered))
    if count == 0:
        return wanted[:0], offered[:0]

    def thinned(persons: Ints, ages: Ints) -> Ints:
        order = persons[np.argsort(ages, kind="stable")]
        return order[np.linspace(0, len(order) - 1, count).astype(np.int64)]

    return thinned(wanted, wanted_age), thinned(offered, offered_age)


def _parted_parents(
    chance: Chance, declared: Declared, people: People, households: Households, until: int, years: int
) -> None:
    rng = chance.stage("parted parents")
    age = people.age(until)
    child = people.role == CHILD
    half = child & ((people.mother == NOBODY) ^ (people.father == NOBODY)) & (age < 20)
    # One parted partner per household is enough: the children of a household share the missing parent.
    homes = np.unique(people.household[half])
    homes = homes[happens(rng, declared.share("households.ties.other_parent_in_borough"), len(homes))]
    present = np.where(households.adults[homes, 0] != NOBODY, households.adults[homes, 0], households.first[homes])
    shapes = ("single_working", "hmo_single", "hostel_single", "sharers", "couple_no_children", "step_family")
    free = _free_adults(people, households, shapes, until)
    eldest = np.zeros(len(households), dtype=np.int64)
    np.maximum.at(eldest, people.household[half], age[half])
    for sex_present, sex_other in ((FEMALE, MALE), (MALE, FEMALE)):
        here = people.sex[present] == sex_present
        wanted = homes[here]
        target = age[present[here]] + np.where(sex_other == MALE, 2, -2) + rng.integers(-3, 4, int(here.sum()))
        offered = np.flatnonzero(free & (people.sex == sex_other) & (age >= 19) & (age <= 62))
        offered = np.sort(rng.permutation(offered)[: max(len(wanted) * 2, 1)])
        wanted, offered = _pair_by_age(wanted, target, offered, age[offered])
        fits = (age[offered] - eldest[wanted] >= 16) & (age[offered] - eldest[wanted] <= 52)
        fits &= people.household[offered] != wanted
        _, unique = np.unique(offered, return_index=True)
        keep = np.zeros(len(offered), dtype=bool)
        keep[unique] = True
        _tie_parent(rng, declared, people, households, wanted[fits & keep], offered[fits & keep], half, until, years)


def _tie_parent(
    rng: np.random.Generator,
    declared: Declared,
    people: People,
    households: Households,
    homes: Ints,
    parents: Ints,
    half: Bools,
    until: int,
    years: int,
) -> None:
    parent_of = np.full(len(households), NOBODY, dtype=np.int64)
    parent_of[homes] = parents
    rows = np.flatnonzero(half & (parent_of[people.household] != NOBODY))
    other = parent_of[people.household[rows]]
    as_father = people.father[rows] == NOBODY
    people.father[rows[as_father]] = other[as_father]
    people.mother[rows[~as_father]] = other[~as_father]

    both_homes = np.zeros(len(households), dtype=bool)
    both_homes[homes] = happens(rng, declared.share("households.ties.two_addresses"), len(homes))
    shared = rows[both_homes[people.household[rows]]]
    people.other_home[shared] = people.household[parent_of[people.household[shared]]]

    # Step-families have had time to form: who parted lately left a lone parent.
    lone = households.shape[homes] == SHAPE["lone_parent"]
    lately = lone & happens(rng, declared.share("households.ties.parted_within_years"), len(homes))
    people.came_from[parents[lately]] = homes[lately]
    people.came_on[parents[lately]] = until - rng.integers(30, years, int(lately.sum()))


def _left_home(
    chance: Chance, declared: Declared, people: People, households: Households, until: int, years: int
) -> None:
    rng = chance.stage("left home")
    age = people.age(until)
    shapes = ("single_working", "hmo_single", "hostel_single", "sharers", "couple_no_children")
    young = _free_adults(people, households, shapes, until) & (age <= 29)
    young &= (people.mother == NOBODY) & happens(
        rng, declared.share("households.ties.grown_child_of_family_in_borough"), len(people)
    )
    children = np.flatnonzero(young)
    adults = households.adults[:, 0]
    home_shapes = [
        SHAPE[n] for n in ("couple_children", "couple_grown", "lone_parent", "lone_grown", "couple_no_children")
    ]
    parental = np.isin(households.shape, home_shapes) & (adults != NOBODY)
    parental[parental] &= age[adults[parental]] >= 38
    homes = np.flatnonzero(parental)
    homes = np.sort(rng.permutation(homes)[: len(children)])
    target = age[adults[homes]] - 27 + rng.integers(-4, 5, len(homes))
    child, home = _pair_by_age(children, age[children], homes, target)
    one, two = households.adults[home, 0], households.adults[home, 1]
    apart = people.born[child] - people.born[one]
    fits = (apart > 16.5 * 365) & (apart < 44 * 365) & (people.household[child] != home)
    fits &= (two == NOBODY) | (people.born[child] - people.born[two] > 16 * 365)
    child, one, two, home = child[fits], one[fits], two[fits], home[fits]
    for parent in (one, two):
        known = parent != NOBODY
        woman = known & (people.sex[parent] == FEMALE) & (people.mother[child] == NOBODY)
        people.mother[child[woman]] = parent[woman]
        man = known & ~woman & (people.father[child] == NOBODY)
        people.father[child[man]] = parent[man]
    lately = happens(rng, declared.share("households.ties.left_home_within_years"), len(child))
    # Nobody leaves home before 17.
    earliest = np.maximum(until - years, people.born[child] + 17 * 366)
    left = earliest + np.floor(rng.random(len(child)) * np.maximum(until - 20 - earliest, 1)).astype(np.int64)
    people.came_from[child[lately]] = home[lately]
    people.came_on[child[lately]] = left[lately]
