"""The sample of an extract's people between whom chance agreement is counted, drawn while the people go by.

Drawn are the 50,000 people whose references have the smallest HMACs under a key of the partner's own, and everybody of
as many homes, by the smallest HMACs of these, as hold 50,000 people together. So the same extract gives the same
sample, in whatever order its rows stand and however many are read at once; and nobody else can tell whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.contracts import LinkModel
from pipeline.partner.coded import Coded, joined, shortened
from pipeline.partner.hashing import Words, hmac_each
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.people import People

SAMPLE = 50_000  # people
LARGEST_HOME = 20  # beyond, an address is no home: hostels, and blocks of flats without numbers
NOWHERE = np.uint64(0)
AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Sample:
    """People in an order that has nothing to do with their file. `columns`: theirs and those of their latest residence;
    `drawn`: who is of the random sample; `home`: one number for each chosen home, 0 for who is of none."""

    columns: Mapping[str, Coded]
    drawn: NDArray[np.bool_]
    home: Words

    def __len__(self) -> int:
        return len(self.drawn)


@dataclass(frozen=True)
class _Some:
    columns: dict[str, Coded]
    place: Words
    home: Words

    def taken(self, rows: NDArray[np.int64]) -> _Some:
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return _Some(columns, self.place[rows], self.home[rows])


class Sampler:
    """Takes people as they go by, and keeps those of the sample."""

    def __init__(self, keys: PartnerKeys, homes: Words) -> None:
        """`homes`: the home of each person there is, as `homes_of` numbers it."""
        self._key = keys.chance_key()
        self._chosen = _chosen(homes)
        self._kept: list[_Some] = []
        self._last_place = ~np.uint64(0)  # nobody beyond this is drawn any more

    def add(self, references: Coded, home: Words, columns: Callable[[NDArray[np.int64]], dict[str, Coded]]) -> None:
        """Look at some people: their references, their homes, and of those asked for the columns that are compared."""
        place = references.spread(_numbers(self._key, references.values), 0)
        home = np.where(np.isin(home, self._chosen), home, NOWHERE)
        rows = np.flatnonzero((place <= self._last_place) | (home != NOWHERE))
        self._kept.append(_Some(columns(rows), place[rows], home[rows]))
        if sum(len(one.place) for one in self._kept) > 3 * SAMPLE:
            self._forget()

    def sample(self) -> Sample:
        """The sample of everybody seen."""
        self._forget()
        columns = {name: joined([one.columns[name] for one in self._kept]) for name in self._kept[0].columns}
        place, home = (np.concatenate([getattr(one, what) for one in self._kept]) for what in ("place", "home"))
        one = _Some(columns, place, home).taken(np.argsort(place, kind="stable"))
        drawn = np.arange(len(one.place)) < SAMPLE
        return Sample(one.columns, drawn, one.home)

    def _forget(self) -> None:
        """Let go of everybody who can be of the sample no more."""
        place = np.concatenate([one.place for one in self._kept])
        if len(place) > SAMPLE:
            self._last_place = np.partition(place, SAMPLE - 1)[SAMPLE - 1]
        for at, one in enumerate(self._kept):
            stay = (one.place <= self._last_place) | (one.home != NOWHERE)
            if not stay.all():
                some = one.taken(np.flatnonzero(stay))
                columns = {name: shortened(column) for name, column in some.columns.items()}
                self._kept[at] = _Some(columns, some.place, some.home)


def sample_of(model: LinkModel, keys: PartnerKeys, people: People) -> Sample:
    """The sample of people who are all in memory."""
    columns = {name: column for name, column in people.persons.columns.items() if name != "person_ref"}
    columns |= {name: place.take(people.residence) for name, place in people.persons.at_places.items()}
    home = homes_of(model, keys, columns, len(people.persons))
    sampler = Sampler(keys, home)
    sampler.add(people.references, home, lambda rows: {name: column.take(rows) for name, column in columns.items()})
    return sampler.sample()


def homes_of(model: LinkModel, keys: PartnerKeys, columns: Mapping[str, Coded], people: int) -> Words:
    """A number for each person's home, from the columns of their latest residence: the HMAC of the first that is held
    of those by which the model tells homes; 0 where none is."""
    home = np.zeros(people, dtype=np.uint64)
    for name in _telling_homes(model):
        if name in columns:
            key = keys.chance_key()
            texts = pa.array([f"{name}\x1f"], pa.string())
            apart = _numbers(key, texts)[0]  # the same text in another column is another home
            numbers = columns[name].spread(_numbers(key, columns[name].values) ^ apart, NOWHERE)
            home = np.where(home == NOWHERE, numbers, home)
    return home


def _telling_homes(model: LinkModel) -> tuple[str, ...]:
    dependent = model.dependent_chance
    if dependent is None:
        return ()
    comparison = next(one for one in model.comparisons if one.name == dependent.comparison)
    return next(level.columns for level in comparison.levels if level.name == dependent.level) or comparison.columns


def _chosen(homes: Words) -> Words:
    """The homes of two people and more, from the smallest number on, until they hold as many people as the sample."""
    numbers, sizes = np.unique(homes, return_counts=True)
    kept = (sizes > 1) & (sizes <= LARGEST_HOME) & (numbers != NOWHERE)
    return np.asarray(numbers[kept][np.cumsum(sizes[kept]) <= SAMPLE])


def _numbers(key: bytes, values: pa.StringArray) -> Words:
    numbers = np.empty(len(values), dtype=np.uint64)
    for start in range(0, len(values), AT_ONCE):
        digests = hmac_each(key, values[start : start + AT_ONCE])
        numbers[start : start + AT_ONCE] = digests[:, :8].copy().view(">u8").ravel()
    return numbers
