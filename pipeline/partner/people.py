"""The people of a checked extract in the order of their file, with the places they lived at.

People with a problem row are left out: they are not encoded, and the hub quarantines them. So are residences with one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.partner.checked import CheckedTable
from pipeline.partner.coded import MISSING, Coded
from pipeline.partner.encode import Persons
from pipeline.records import PEOPLE, RESIDENCES


@dataclass(frozen=True)
class People:
    """`persons`: what is encoded; `lines`: each person's line in the raw file; `residence`: each person's latest
    residence as a row of `persons.at_places`, -1 where there is none."""

    persons: Persons
    lines: NDArray[np.int32]
    residence: NDArray[np.int64]

    @property
    def references(self) -> Coded:
        return self.persons.columns["person_ref"]


def people_of(checked: dict[str, CheckedTable]) -> People:
    """The people of an extract. Grain: one per clean row of the people table."""
    people = checked[PEOPLE]
    rows = np.flatnonzero(people.clean)
    columns = {name: column.take(rows) for name, column in people.columns.items()}
    if RESIDENCES not in checked:
        nowhere = np.zeros(0, dtype=np.int32)
        persons = Persons(columns, {}, nowhere)
        return People(persons, people.lines[rows], np.full(len(rows), MISSING, dtype=np.int64))
    residences = checked[RESIDENCES]
    spells = np.flatnonzero(residences.clean)
    places = {name: column.take(spells) for name, column in residences.columns.items()}
    person = _rows_of(places["person_ref"], columns["person_ref"])
    persons = Persons(columns, {name: place for name, place in places.items() if name != "person_ref"}, person)
    return People(persons, people.lines[rows], _latest(person, places.get("start_date"), len(rows)))


def _rows_of(references: Coded, persons: Coded) -> NDArray[np.int32]:
    """The row of the person that each reference names, -1 where there is none."""
    row_of_value = np.full(len(persons.values) + 1, MISSING, dtype=np.int32)
    row_of_value[persons.codes] = np.arange(len(persons), dtype=np.int32)
    row_of_value[MISSING] = MISSING
    found = np.asarray(pc.index_in(references.values, persons.values).fill_null(MISSING), dtype=np.int32)
    return references.spread(row_of_value[found], MISSING)


def _latest(person: NDArray[np.int32], start: Coded | None, persons: int) -> NDArray[np.int64]:
    """Each person's residence that starts last; of several, the one that stands last in the file."""
    if start is None:
        began = np.zeros(len(person), dtype=np.int64)
    else:
        rank = np.empty(len(start.values), dtype=np.int64)
        rank[np.asarray(pc.sort_indices(start.values))] = np.arange(len(start.values))
        began = start.spread(rank, MISSING)
    order = np.argsort(began, kind="stable")
    order = order[person[order] >= 0]
    latest = np.full(persons, MISSING, dtype=np.int64)
    latest[person[order]] = order
    return latest
