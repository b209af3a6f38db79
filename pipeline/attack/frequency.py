"""Frequency attacks: what is seen to be equal and how often, aligned with public name counts.

`by_rank` is the textbook attack (the i-th most frequent filter is the i-th most frequent name). `by_profile` is the
strong one: it also looks at who bears the name (sex, decade of birth) and at the name's length, and guesses the
likeliest name where nothing repeats.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix

from pipeline.attack.names import NameTable
from pipeline.attack.world import Bools, Ints

# Classes with fewer records say more by who they are than by how many.
COUNTS_FROM = 20
ROOM = 1.3  # a name is given to at most this many times its expected records
ROWS_AT_ONCE = 4096


def by_rank(classes: Ints, table: NameTable) -> Ints:
    """The name (row of the table) of each record, by the rank of its class; -1 beyond the table."""
    size = np.bincount(classes)
    rank = np.empty(len(size), dtype=np.int64)
    rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
    names = np.append(table.commonest_first, np.full(max(0, len(size) - len(table.values)), -1))
    return names[rank[classes]]


def by_profile(classes: Ints, generation: Ints, table: NameTable, grams: Ints | None) -> Ints:
    """The likeliest name of each record's class.

    `classes`: which records are seen to have the same name. `grams`: the number of grams each record's filters show,
    None where they do not show it. Common names go to large classes first, each only as often as expected.
    """
    group = table.column_of(generation)
    groups = table.counts.shape[1]
    size = np.bincount(classes)
    profile = coo_matrix((np.ones(len(classes)), (classes, group)), shape=(len(size), groups)).tocsr()
    length = _typical(classes, grams, size) if grams is not None else np.zeros(len(size), dtype=np.int64)
    expected = np.exp(table.log_share) @ np.bincount(group, minlength=groups)
    names = np.full(len(size), -1, dtype=np.int64)
    used = np.zeros(len(table.values))
    large = np.argsort(-size, kind="stable")
    for one in large[size[large] >= COUNTS_FROM]:
        allowed = _of_length(table, length[one], grams is not None)
        scores = table.log_share[allowed] @ profile[one].toarray().ravel()
        full = used[allowed] + size[one] > np.maximum(ROOM * expected[allowed], size[one])
        chosen = allowed[np.argmax(np.where(full, scores - 1e9, scores))]
        names[one] = chosen
        used[chosen] += size[one]
    small = size < COUNTS_FROM
    for grams_of_class in np.unique(length[small]):
        rows = np.flatnonzero(small & (length == grams_of_class))
        allowed = _of_length(table, grams_of_class, grams is not None)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            names[some] = allowed[np.asarray(profile[some] @ table.log_share[allowed].T).argmax(axis=1)]
    return names[classes]


def _typical(classes: Ints, grams: Ints, size: Ints) -> Ints:
    return np.rint(np.bincount(classes, grams) / np.maximum(size, 1)).astype(np.int64)


def _of_length(table: NameTable, grams: int, known: bool) -> Ints:
    rows = np.flatnonzero(_fits(table, grams)) if known else np.arange(len(table.values))
    return rows if len(rows) else np.arange(len(table.values))


def _fits(table: NameTable, grams: int) -> Bools:
    fits: Bools = table.grams == grams
    return fits
