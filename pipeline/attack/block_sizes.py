"""Frequency attacks on the block tokens themselves: a block of a common name is larger, and birth months are known.

The evaluating role holds the month of birth, so blocks are aligned month by month (or year by year) with the names
that are expected there. One block is one class of names, so the assignment is one to one (Kuhn 1955).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.attack.figures import FORENAME, SURNAME
from pipeline.attack.names import NameTable
from pipeline.attack.ours import Scheme, block_classes
from pipeline.attack.world import Floats, Ints, Residents

COMMON_SURNAMES = 300  # sounds; rarer ones have no large blocks
LONGEST = 24  # grams; longer names count as this long
NEVER = 1e-9  # share of names that nobody was seen to bear
MONTHS = 12


@dataclass(frozen=True)
class Classes:
    """Classes of names that a block rule does not tell apart: `of_name` per name of the table, and the log share of
    each class by kind of record (column of the table × number of grams)."""

    of_name: Ints
    log_share: Floats


def classes_of(scheme: Scheme, field: str, table: NameTable, function: str) -> Classes:
    """The names of a table by a block function, such as their sound."""
    of_name = block_classes(scheme, field, function, table.values)
    columns = table.counts.shape[1]
    shares = np.full((int(of_name.max()) + 1, columns, LONGEST + 1), NEVER)
    for column in range(columns):
        place = (of_name, np.full_like(of_name, column), np.minimum(table.grams, LONGEST))
        np.add.at(shares, place, np.exp(table.log_share[:, column]))
    return Classes(of_name, np.log(shares.reshape(int(of_name.max()) + 1, -1)))


def _kind(table: NameTable, generation: Ints, grams: Ints) -> Ints:
    return table.column_of(generation) * (LONGEST + 1) + np.minimum(grams, LONGEST)


def forenames_by_block(scheme: Scheme, block: Ints, people: Residents, table: NameTable, grams: Ints) -> Ints:
    """The name of each record from the sizes of `phonetic forename, month of birth` blocks, and its length."""
    sounds = classes_of(scheme, FORENAME, table, "phonetic")
    kind = _kind(table, people.generation, grams)
    chosen = _aligned(block, people.month, lambda rows: sounds.log_share[:, kind[rows]], least=1)
    return _likeliest(chosen, people.generation, grams, table, sounds)


def surnames_by_block(
    scheme: Scheme, block: Ints, people: Residents, tables: dict[str, NameTable], grams: dict[str, Ints]
) -> Ints:
    """The surname of each record from the sizes of `phonetic surname, initial, year` blocks, and its length."""
    surname, forename = tables[SURNAME], tables[FORENAME]
    sounds = classes_of(scheme, SURNAME, surname, "phonetic")
    initials = classes_of(scheme, FORENAME, forename, "initial")
    common = np.argsort(-sounds.log_share.max(axis=1), kind="stable")[:COMMON_SURNAMES]
    kinds = _kind(surname, people.generation, grams[SURNAME]), _kind(forename, people.generation, grams[FORENAME])

    def log_share(rows: Ints) -> Floats:
        pairs = sounds.log_share[common][:, None, kinds[0][rows]] + initials.log_share[None][:, :, kinds[1][rows]]
        return pairs.reshape(-1, len(rows))

    chosen = _aligned(block, people.month // MONTHS, log_share, least=3)
    sound = np.where(chosen >= 0, common[np.maximum(chosen, 0) // len(initials.log_share)], -1)
    return _likeliest(sound, people.generation, grams[SURNAME], surname, sounds)


def birth_days_by_block(block: Ints, people: Residents, elsewhere: Residents) -> Ints:
    """The day of birth of each record: the largest block of a month is the commonest day of the month elsewhere."""
    days = np.bincount(day_of_month(elsewhere), minlength=32)
    by_commonness = np.argsort(-days, kind="stable")
    size = np.bincount(block)
    first = np.unique(block, return_index=True)[1]
    order = np.lexsort((-size, people.month[first]))
    month = people.month[first][order]
    start = np.searchsorted(month, month, side="left")
    rank = np.empty(len(size), dtype=np.int64)
    rank[order] = np.arange(len(order)) - start
    return by_commonness[np.minimum(rank, 30)][block]


def day_of_month(people: Residents) -> Ints:
    """1 to 31: the truth for `birth_days_by_block`."""
    date = people.born.astype("datetime64[D]")
    day: Ints = (date - date.astype("datetime64[M]")).astype(np.int64) + 1
    return day


def _aligned(block: Ints, period: Ints, log_share: Callable[[Ints], Floats], least: int) -> Ints:
    """The class of each record: blocks of at least so many records one to one within each period, -1 for others."""
    size = np.bincount(block)
    chosen = np.full(len(size), -1, dtype=np.int64)
    held = np.flatnonzero(size[block] >= least)
    held = held[np.argsort(period[held], kind="stable")]
    for here in np.split(held, np.flatnonzero(np.diff(period[held])) + 1):
        if len(here) == 0:
            continue
        blocks, where = np.unique(block[here], return_inverse=True)
        scores = np.zeros((int(where.max()) + 1, len(log_share(here[:1]))))
        np.add.at(scores, where, log_share(here).T)
        row, column = linear_sum_assignment(-scores)
        chosen[blocks[row]] = column
    return chosen[block]


def _likeliest(chosen: Ints, group: Ints, grams: Ints, table: NameTable, classes: Classes) -> Ints:
    """The commonest name of the class and length in the record's generation; of any class where none was chosen."""
    column = table.column_of(group)
    names = np.full(len(chosen), -1, dtype=np.int64)
    key = np.stack([chosen, column, grams], axis=1)
    for one, where in zip(*_distinct(key), strict=True):
        rows = np.flatnonzero((table.grams == one[2]) & ((classes.of_name == one[0]) | (one[0] < 0)))
        if len(rows) == 0:
            rows = np.flatnonzero((classes.of_name == one[0]) | (one[0] < 0))
        names[where] = rows[np.argmax(table.log_share[rows, one[1]])]
    return names


def _distinct(keys: Ints) -> tuple[list[list[int]], list[Ints]]:
    values, where = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(where.reshape(-1), kind="stable")
    bounds = np.searchsorted(where.reshape(-1)[order], np.arange(len(values) + 1))
    return values.tolist(), np.split(order, bounds[1:-1])
