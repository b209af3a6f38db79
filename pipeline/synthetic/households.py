"""Households of realistic shapes, and the people in them with sexes, birth days and kin under the same roof.

Ties that cross households (parted parents, children who left home) are made in `ties`.
"""

from __future__ import annotations

import numpy as np

from pipeline.synthetic.declared import NOBODY, Bools, Chance, Declared, Floats, Ints, draw, happens
from pipeline.synthetic.people import (
    ADULT,
    CHILD,
    COMMUNAL,
    COMMUNAL_SHAPES,
    FEMALE,
    GRANDPARENT,
    MALE,
    OWNER,
    PRIVATE,
    SHAPE,
    SHAPES,
    SHARER,
    SOCIAL,
    Households,
    People,
)

YEAR = 365.2425
MOST_CHILDREN = 6
OLDEST_AT_HOME = 23.0
YOUNG_SHAPES = ("couple_children", "step_family", "lone_parent", "three_generations", "kinship", "hostel_family")
GROWN_SHAPES = ("couple_grown", "lone_grown")
COUPLE_SHAPES = ("couple_older", "couple_no_children", "couple_children", "step_family", "couple_grown")


def make_households(chance: Chance, declared: Declared, population: int, until: int) -> tuple[People, Households]:
    """Households that hold exactly `population` people as at the day `until`."""
    rng = chance.stage("households")
    shape = draw(rng, _shape_weights(declared), int(population / 1.9) + 50)
    child_ages = _child_ages(rng, declared, shape)
    children = (~np.isnan(child_ages)).sum(axis=1)
    grandparents = np.zeros(len(shape), dtype=np.int64)
    older = np.isin(shape, [SHAPE["three_generations"], SHAPE["kinship"]])
    grandparents[older] = 1 + happens(rng, 0.45, int(older.sum()))
    adults = _adults(rng, shape)
    sharers = np.where(shape == SHAPE["sharers"], rng.integers(1, 4, len(shape)), 0)
    size = grandparents + adults + sharers + children

    kept = int(np.searchsorted(np.cumsum(size), population, side="right"))
    rest = population - int(size[:kept].sum())
    shape = np.concatenate([shape[:kept], np.full(rest, SHAPE["single_working"])]).astype(np.int64)
    pad = np.zeros(rest, dtype=np.int64)
    grandparents, sharers, children = (
        np.concatenate([counts[:kept], pad]) for counts in (grandparents, sharers, children)
    )
    adults = np.concatenate([adults[:kept], pad + 1])
    child_ages = np.concatenate([child_ages[:kept], np.full((rest, MOST_CHILDREN), np.nan)])
    return _people(rng, declared, shape, grandparents, adults, sharers, children, child_ages, until)


def _shape_weights(declared: Declared) -> Floats:
    names, weights = declared.weights("households.shares")
    by_name = dict(zip(names, weights, strict=True))
    return np.array([by_name.get(name, 0.0) for name in SHAPES])


def _is(shape: Ints, names: tuple[str, ...]) -> Bools:
    found: Bools = np.isin(shape, [SHAPE[name] for name in names])
    return found


def _adults(rng: np.random.Generator, shape: Ints) -> Ints:
    adults = np.ones(len(shape), dtype=np.int64)
    adults[_is(shape, COUPLE_SHAPES)] = 2
    three = shape == SHAPE["three_generations"]
    adults[three] = 1 + happens(rng, 0.5, int(three.sum()))
    adults[shape == SHAPE["kinship"]] = 0
    return adults


def _child_ages(rng: np.random.Generator, declared: Declared, shape: Ints) -> Floats:
    """Ages in years, youngest first, one row per household, NaN where there is no such child."""
    numbers, weights = declared.weights("households.families.children")
    count = np.zeros(len(shape), dtype=np.int64)
    young, grown = _is(shape, YOUNG_SHAPES), _is(shape, GROWN_SHAPES)
    count[young] = np.array([int(n) for n in numbers])[draw(rng, weights, int(young.sum()))]
    # An older brother or sister who is no longer a dependent child may still be at home.
    count[young] += happens(rng, 0.12, int(young.sum()))
    count[grown] = 1 + happens(rng, 0.3, int(grown.sum()))
    youngest = np.where(young, rng.uniform(0.05, 17.99, len(shape)), rng.uniform(18.2, 30, len(shape)))
    twin = happens(rng, declared.share("households.families.twins"), len(shape) * (MOST_CHILDREN - 1))
    gaps = np.where(twin, 0.0, 1.0 + rng.gamma(2.2, 0.9, len(twin))).reshape(len(shape), MOST_CHILDREN - 1)
    ages = np.column_stack([youngest, youngest[:, None] + np.cumsum(gaps, axis=1)])
    limit = np.where(grown, 34.0, OLDEST_AT_HOME)
    missing = (np.arange(MOST_CHILDREN)[None, :] >= count[:, None]) | (ages > limit[:, None])
    missing[:, 0] = ~(young | grown)
    ages[missing] = np.nan
    return ages


def _people(
    rng: np.random.Generator,
    declared: Declared,
    shape: Ints,
    grandparents: Ints,
    adults: Ints,
    sharers: Ints,
    children: Ints,
    child_ages: Floats,
    until: int,
) -> tuple[People, Households]:
    size = grandparents + adults + sharers + children
    first = np.cumsum(size) - size
    count = int(size.sum())
    household = np.repeat(np.arange(len(shape)), size)
    place = np.arange(count) - first[household]
    bounds = np.column_stack(
        [grandparents, grandparents + adults, grandparents + adults + sharers, np.full(len(shape), 99)]
    )[household]
    role = (place[:, None] >= bounds).sum(axis=1).astype(np.int64)
    eldest = np.nanmax(np.where(np.isnan(child_ages), 0.0, child_ages), axis=1)

    age = np.zeros(count)
    child_place = place - bounds[:, SHARER]
    is_child = role == CHILD
    age[is_child] = child_ages[household[is_child], child_place[is_child]]
    main, second, elders = _adult_ages(rng, shape, eldest)
    first_adult, second_adult = first + grandparents, first + grandparents + 1
    has_first, has_second = adults >= 1, adults == 2
    age[first_adult[has_first]] = main[has_first]
    age[second_adult[has_second]] = second[has_second]
    elder = role == GRANDPARENT
    age[elder] = np.clip(
        elders[household[elder]] + np.where(place[elder] == 0, 0.0, np.abs(rng.normal(2, 3, elder.sum()))), 38, 97
    )
    sharer = role == SHARER
    age[sharer] = np.clip(main[household[sharer]] + rng.normal(0, 4, sharer.sum()), 18.1, 60)

    sex = np.where(happens(rng, 0.5, count), FEMALE, MALE).astype(np.int64)
    sex[is_child] = happens(rng, declared.share("households.families.boys"), int(is_child.sum()))
    couple = has_second
    sex[first_adult[couple]], sex[second_adult[couple]] = FEMALE, MALE
    same = couple & happens(rng, declared.share("households.families.same_sex_couples"), len(shape))
    sex[second_adult[same]] = sex[first_adult[same]] = happens(rng, 0.5, int(same.sum()))
    lone = has_first & ~has_second & (children > 0)
    woman = happens(rng, declared.share("households.families.lone_parent_is_woman"), len(shape))
    sex[first_adult[lone]] = np.where(woman[lone], FEMALE, MALE)
    old_single = shape == SHAPE["single_older"]
    sex[first_adult[old_single]] = np.where(happens(rng, 0.66, int(old_single.sum())), FEMALE, MALE)
    sex[elder] = np.where(place[elder] == 0, FEMALE, MALE)

    adult_pair = np.column_stack([np.where(has_first, first_adult, NOBODY), np.where(has_second, second_adult, NOBODY)])
    born = until - np.round(age * YEAR).astype(np.int64)
    people = _kin(rng, shape, household, role, sex, born, place, grandparents, adult_pair, first)
    return people, Households(shape=shape, first=first, size=size, adults=adult_pair)


def _adult_ages(rng: np.random.Generator, shape: Ints, eldest: Floats) -> tuple[Floats, Floats, Floats]:
    """Ages of the two main adults and of the first grandparent, per household."""
    count = len(shape)
    main = rng.uniform(19, 64, count)
    parent = eldest > 0
    at_birth = np.where(_is(shape, ("lone_parent", "hostel_family")), 25.0, 27.5) + rng.normal(0, 5.2, count)
    main[parent] = (eldest + np.clip(at_birth, 16.0, 43.0))[parent]
    main[_is(shape, ("single_older", "couple_older"))] = 0
    old = main == 0
    main[old] = 65 + rng.gamma(2.0, 5.0, int(old.sum()))
    childless = shape == SHAPE["couple_no_children"]
    starting = happens(rng, 0.38, count)
    main[childless] = np.where(starting, rng.uniform(20, 38, count), rng.uniform(42, 66, count))[childless]
    shared = _is(shape, ("sharers",))
    main[shared] = rng.uniform(18.2, 36, int(shared.sum()))
    rooms = _is(shape, ("hmo_single", "hostel_single"))
    main[rooms] = rng.uniform(18.2, 55, int(rooms.sum()))
    second = main + np.clip(rng.normal(2.2, 4.0, count), -9, 18)
    second = np.maximum(second, np.where(parent & (shape != SHAPE["step_family"]), eldest + 16.2, 18.1))
    elders = np.where(shape == SHAPE["kinship"], eldest + rng.normal(49, 5, count), main + rng.normal(26, 4.5, count))
    return np.minimum(main, 99.0), np.minimum(second, 99.0), np.maximum(elders, main + 16.5)


def _kin(
    rng: np.random.Generator,
    shape: Ints,
    household: Ints,
    role: Ints,
    sex: Ints,
    born: Ints,
    place: Ints,
    grandparents: Ints,
    adult_pair: Ints,
    first: Ints,
) -> People:
    count = len(household)
    nobody = np.full(count, NOBODY, dtype=np.int64)
    mother, father, partner, carer = nobody.copy(), nobody.copy(), nobody.copy(), nobody.copy()
    both = adult_pair[:, 1] != NOBODY
    partner[adult_pair[both, 0]], partner[adult_pair[both, 1]] = adult_pair[both, 1], adult_pair[both, 0]
    elder_couple = np.flatnonzero(grandparents == 2)
    partner[first[elder_couple]], partner[first[elder_couple] + 1] = first[elder_couple] + 1, first[elder_couple]

    child = np.flatnonzero(role == CHILD)
    home = household[child]
    one, two = adult_pair[home, 0], adult_pair[home, 1]
    step = shape[home] == SHAPE["step_family"]
    # In a step-family the children are of one partner (usually the woman); the youngest may be of both.
    youngest = np.append(True, home[1:] != home[:-1]) if len(home) else np.empty(0, dtype=bool)
    joint = step & youngest & happens(rng, 0.35, len(child)) & (two != NOBODY)
    joint[joint] &= born[child[joint]] - np.maximum(born[one[joint]], born[two[joint]]) > 16.5 * YEAR
    of_second = happens(rng, 0.15, len(shape))[home]
    has_one = (one != NOBODY) & (~step | joint | ~of_second)
    has_two = (two != NOBODY) & (~step | joint | of_second)
    for parents, present in ((one, has_one), (two, has_two)):
        rows, persons = child[present], parents[present]
        as_father = (sex[persons] == MALE) & (father[rows] == NOBODY)
        as_father |= mother[rows] != NOBODY
        father[rows[as_father]], mother[rows[~as_father]] = persons[as_father], persons[~as_father]
    no_parent = one == NOBODY
    carer[child[no_parent]] = first[home[no_parent]]

    # In a home of three generations the first main adult is the grandparents' child.
    grown = np.flatnonzero((grandparents > 0) & (adult_pair[:, 0] != NOBODY))
    mother[adult_pair[grown, 0]] = first[grown]
    with_grandfather = grown[grandparents[grown] == 2]
    father[adult_pair[with_grandfather, 0]] = first[with_grandfather] + 1
    return People(
        household=household, role=role, sex=sex, born=born, mother=mother, father=father, partner=partner,
        carer=carer, other_home=nobody.copy(), came_from=nobody.copy(), came_on=nobody.copy(),
    )  # fmt: skip


def choose_tenure(chance: Chance, declared: Declared, households: Households) -> None:
    """Owner, social or private rent, by the shape of the household; hostels and HMOs are communal."""
    rng = chance.stage("tenure")
    social, private = declared.get("tenure.social"), declared.get("tenure.private")
    share = {
        name: (
            declared.share(f"tenure.social.{name if name in social else 'default'}"),
            declared.share(f"tenure.private.{name if name in private else 'default'}"),
        )
        for name in SHAPES
    }
    bounds = np.cumsum(np.array([share[name] for name in SHAPES]), axis=1)[households.shape]
    level = rng.random(len(households))
    tenure = np.where(level < bounds[:, 0], SOCIAL, np.where(level < bounds[:, 1], PRIVATE, OWNER))
    tenure[np.isin(households.shape, COMMUNAL_SHAPES)] = COMMUNAL
    households.tenure = tenure.astype(np.int64)


assert ADULT == 1
assert SHARER == 2
assert CHILD == 3
