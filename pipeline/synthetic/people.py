"""The shapes the borough's stages hand to each other: arrays with one entry per person, and per household.

A person is the index into the arrays of `People`; a household, into those of `Households`; -1 is nobody. Days are
counted from 1970-01-01. A household is a true family: people who live together as one unit. In hostels and houses
in multiple occupation every unit (a single adult, or a parent with children) is a household of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipeline.synthetic.declared import Bools, Ints, Texts

FEMALE, MALE = 0, 1
GRANDPARENT, ADULT, SHARER, CHILD = range(4)
OWNER, SOCIAL, PRIVATE, COMMUNAL = range(4)

SHAPES = (
    "single_older", "single_working", "couple_older", "couple_no_children", "couple_children", "step_family",
    "couple_grown", "lone_parent", "lone_grown", "three_generations", "kinship", "sharers", "hmo_single",
    "hostel_single", "hostel_family",
)  # fmt: skip
SHAPE = {name: code for code, name in enumerate(SHAPES)}
COMMUNAL_SHAPES = tuple(SHAPE[name] for name in ("hmo_single", "hostel_single", "hostel_family"))


def _none() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass
class Households:
    """One entry per household; persons of a household are `first` to `first + size - 1`."""

    shape: Ints
    first: Ints
    size: Ints
    adults: Ints  # two columns: first and second main adult (-1: none)
    tenure: Ints = field(default_factory=_none)
    culture: Ints = field(default_factory=_none)
    dwelling: Ints = field(default_factory=_none)
    moved_in: Ints = field(default_factory=_none)

    def __len__(self) -> int:
        return len(self.shape)


@dataclass
class People:
    """One entry per person. `role` is the place in the household; parents may live elsewhere."""

    household: Ints
    role: Ints
    sex: Ints
    born: Ints
    mother: Ints
    father: Ints
    partner: Ints
    carer: Ints  # who brings up a child whose parents are not there
    other_home: Ints  # household of a child's second address
    culture: Ints = field(default_factory=_none)
    forename: Texts = field(default_factory=lambda: np.empty(0, dtype=object))
    middle: Texts = field(default_factory=lambda: np.empty(0, dtype=object))
    surname: Texts = field(default_factory=lambda: np.empty(0, dtype=object))
    old_surname: Texts = field(default_factory=lambda: np.empty(0, dtype=object))  # None: never another one
    came_from: Ints = field(default_factory=_none)  # household left for the present one, within the years
    came_on: Ints = field(default_factory=_none)  # when, else -1

    def __len__(self) -> int:
        return len(self.household)

    def age(self, on: int) -> Ints:
        """Whole years on a day; see `age_on`."""
        return age_on(self.born, on)


def age_on(born: Ints, on: Ints | int) -> Ints:
    """Whole years on a day, by the calendar: somebody born on 29 February is a year older on 1 March."""
    birth = _parts(born)
    today = _parts(np.broadcast_to(np.asarray(on, dtype=np.int64), born.shape))
    before_birthday = (today[1] < birth[1]) | ((today[1] == birth[1]) & (today[2] < birth[2]))
    age: Ints = today[0] - birth[0] - before_birthday
    return age


def _parts(days: Ints) -> tuple[Ints, Ints, Ints]:
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    years = dates.astype("datetime64[Y]")
    return (
        years.astype(np.int64) + 1970,
        (months - years.astype("datetime64[M]")).astype(np.int64),
        (dates - months.astype("datetime64[D]")).astype(np.int64),
    )


def with_child(people: People, households: Households, on: int) -> Bools:
    """Per household: is somebody in it under 18 on the day."""
    young = people.age(on) < 18
    return np.bincount(people.household[young], minlength=len(households)) > 0
