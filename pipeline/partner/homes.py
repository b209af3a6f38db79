"""The residences of an extract's people, held in a few bytes each until the people themselves are encoded.

Held are the columns that the encoding or the link model asks for, in normal form, of rows without a problem whose
person stands in the people file.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from pipeline.contracts import Encoding, LinkModel
from pipeline.partner.checked import CheckedTable
from pipeline.partner.coded import MISSING, Coded, shortened

START = "start_date"


def asked_for(encoding: Encoding, model: LinkModel) -> frozenset[str]:
    """Every column, of people or of residences, that the encoding's blocks or the model's comparisons are made of."""
    blocks = {name for one in encoding.passes for part in one.block for name in part.columns}
    return frozenset(blocks | {name for comparison in model.comparisons for name in comparison.columns})


class Homes:
    """Residences: `add` their rows in the order of the file, then `close`, then ask."""

    def __init__(self, wanted: Set[str], people: int) -> None:
        """`people`: how many the people file has."""
        self._wanted = wanted
        self._people = people
        self._person: list[NDArray[np.int32]] = []
        self._began: list[NDArray[np.int32]] = []
        self._codes: dict[str, list[NDArray[np.int32]]] = {}
        self._values: dict[str, list[pa.StringArray]] = {}
        self._columns: dict[str, Coded] = {}
        self._order = self._starts = np.zeros(0, dtype=np.int32)
        self.latest = np.full(people, MISSING, dtype=np.int32)

    def add(self, checked: CheckedTable, persons: NDArray[np.int32]) -> None:
        """Add some rows, of persons by number."""
        rows = np.flatnonzero(checked.clean & (persons != MISSING) & (persons < self._people))
        self._person.append(persons[rows])
        self._began.append(_days(checked.columns.get(START), len(checked.lines))[rows])
        for name in self._wanted & checked.columns.keys() - {"person_ref"}:
            kept = checked.columns[name].take(rows)
            values = self._values.setdefault(name, [])
            above = sum(map(len, values))
            self._codes.setdefault(name, []).append(
                np.where(kept.missing, MISSING, kept.codes + above).astype(np.int32)
            )
            values.append(kept.values)

    def close(self) -> None:
        """All rows are there: put them in the order of their persons, and find each person's latest."""
        person = _emptied(self._person)
        for name in list(self._codes):
            values = pa.concat_arrays(self._values.pop(name))
            self._columns[name] = Coded(values, _emptied(self._codes.pop(name)))
        self._order = np.empty(len(person), dtype=np.int32)
        self._starts = np.zeros(self._people + 1, dtype=np.int32)
        _sort(person, _emptied(self._began), self._order, self._starts, self.latest)

    @property
    def columns(self) -> Mapping[str, Coded]:
        """The columns of all residences, in the order of the file."""
        return self._columns

    def of(self, persons: NDArray[np.int32]) -> tuple[dict[str, Coded], NDArray[np.int32]]:
        """The residences of some persons: their columns, and for each residence the place of its person among these."""
        first, past = self._starts[persons], self._starts[persons + 1]
        counts = past - first
        owner = np.repeat(np.arange(len(persons), dtype=np.int32), counts)
        within = np.arange(len(owner), dtype=np.int32) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = self._order[np.repeat(first, counts) + within]
        return {name: shortened(column.take(rows)) for name, column in self._columns.items()}, owner

    def latest_of(self, persons: NDArray[np.int32]) -> dict[str, Coded]:
        """Each person's latest residence: its columns, without a value where there is none."""
        rows = self.latest[persons]
        return {name: shortened(column.take(rows)) for name, column in self._columns.items()}


@njit(nogil=True, cache=True)
def _sort(person: Any, began: Any, order: Any, starts: Any, latest: Any) -> None:
    """Residences in the order of their persons, as they stand in the file within each, and where each person's begin;
    and which is the person's latest: of several that begin last, the one that stands last in the file."""
    for row in range(person.shape[0]):
        one = person[row]
        starts[one + 1] += 1
        if latest[one] < 0 or began[row] >= began[latest[one]]:
            latest[one] = row
    for one in range(starts.shape[0] - 1):
        starts[one + 1] += starts[one]
    for row in range(person.shape[0]):
        order[starts[person[row]]] = row
        starts[person[row]] += 1
    for one in range(starts.shape[0] - 1, 0, -1):  # each has run on to where the next begins
        starts[one] = starts[one - 1]
    starts[0] = 0


def _emptied(pieces: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    joined = np.concatenate([np.zeros(0, dtype=np.int32), *pieces])
    pieces.clear()
    return joined


def _days(dates: Coded | None, rows: int) -> NDArray[np.int32]:
    """ISO dates as whole numbers in their order; 0 where there is none."""
    if dates is None:
        return np.zeros(rows, dtype=np.int32)
    numbers = pc.replace_substring(dates.values, "-", "").cast(pa.int32())
    return np.asarray(dates.spread(np.asarray(numbers, dtype=np.int32), 0))
