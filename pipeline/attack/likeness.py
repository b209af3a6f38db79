"""Naming chained names by their likeness.

Where chaining joined all bearers of a common name, two such names meet in many blocks, and each time their filters show
how alike they are. That is the similarity graph of names which the salt was to prevent. Public names have the same
graph, so it is matched, from the commonest names on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

from pipeline.attack.filters import Matrix, bits_expected, count_bits
from pipeline.attack.frequency import by_profile
from pipeline.attack.names import NameTable, gram_matrix
from pipeline.attack.ours import PassRows, Scheme
from pipeline.attack.world import Ints

MOST_CLASSES, LEAST_RECORDS = 2500, 10
MOST_NAMES = 3000
MOST_OF_A_BLOCK = 400
ROUNDS = 15
SPREAD = 0.06  # of the Dice coefficient of two names, by chance collisions
CERTAIN = 20  # times two classes met: more often says nothing more
WRONG_LENGTH = 1e4
SHARED_PASSES = ("date_of_birth", "surname_year", "forename_month")


@dataclass(frozen=True)
class Met:
    """The largest classes, and how alike any two were, on average over the blocks where both stood."""

    classes: Ints
    alike: Matrix
    times: Matrix


def name_by_likeness(
    classes: Ints,
    grams: Ints,
    generation: Ints,
    table: NameTable,
    field: str,
    passes: Callable[[], Iterable[PassRows]],
    scheme: Scheme,
) -> Ints:
    """The name (row of the table) of each record whose class is large; -1 for all others."""
    met = _meetings(classes, field, passes())
    size = np.bincount(classes)[met.classes]
    kept = table.commonest_first[:MOST_NAMES]
    public = _public_likeness(table, kept, field, scheme)
    first = np.unique(classes, return_index=True)[1][met.classes]
    start = by_profile(classes, generation, table, grams)[first]
    place = np.full(len(table.values), 0, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    named = place[start]
    wrong = np.abs(grams[first][:, None] - table.grams[kept][None, :]) > 0
    profile = np.zeros((len(met.classes), table.counts.shape[1]))
    rank = np.full(int(classes.max()) + 1, -1, dtype=np.int64)
    rank[met.classes] = np.arange(len(met.classes))
    held = rank[classes] >= 0
    np.add.at(profile, (rank[classes[held]], table.column_of(generation)[held]), 1)
    likely = (profile / profile.sum(axis=1, keepdims=True)) @ table.log_share[kept].T
    likely *= np.minimum(size, 50)[:, None]
    for turn in range(ROUNDS):
        anchors = np.arange(max(100, int(len(met.classes) * min(1.0, 0.1 + 0.1 * turn))))[: len(met.classes)]
        weight, alike, theirs = met.times[:, anchors], met.alike[:, anchors], public[:, named[anchors]]
        error = (weight * alike**2).sum(axis=1)[:, None] - 2 * (weight * alike) @ theirs.T + weight @ (theirs**2).T
        new = (error / (2 * SPREAD**2) + wrong * WRONG_LENGTH - likely).argmin(axis=1)
        if np.array_equal(new, named) and turn >= ROUNDS - 5:
            break
        named = new
    return np.where(held, kept[named][np.maximum(rank[classes], 0)], -1)


def _meetings(classes: Ints, field: str, passes: Iterable[PassRows]) -> Met:
    size = np.bincount(classes)
    largest = np.argsort(-size, kind="stable")[:MOST_CLASSES]
    largest = largest[size[largest] >= LEAST_RECORDS]
    rank = np.full(len(size), -1, dtype=np.int64)
    rank[largest] = np.arange(len(largest))
    total = np.zeros((len(largest), len(largest)), dtype=np.float32)
    times = np.zeros_like(total)
    for rows in passes:
        if rows.name in SHARED_PASSES:
            order = np.argsort(rows.block, kind="stable")
            starts = np.append(np.flatnonzero(np.r_[True, np.diff(rows.block[order]) != 0]), len(order))
            filters = np.ascontiguousarray(rows.filters[field]).view("<u8")
            _add_meetings(order, starts, rank[classes[rows.person]], filters, MOST_OF_A_BLOCK, total, times)
    alike: Matrix = np.where(times > 0, total / np.maximum(times, 1), 0).astype(np.float32)
    return Met(largest, alike, np.minimum(times, CERTAIN))


@njit(nogil=True, cache=True)
def _add_meetings(order: Any, starts: Any, rank: Any, filters: Any, most: Any, total: Any, times: Any) -> None:
    for block in range(len(starts) - 1):
        end = min(starts[block + 1], starts[block] + most)
        for x in range(starts[block], end):
            a = rank[order[x]]
            if a < 0:
                continue
            for y in range(x + 1, end):
                b = rank[order[y]]
                if b < 0 or a == b:
                    continue
                both, bits = np.int64(0), np.int64(0)
                for word in range(filters.shape[1]):
                    left, right = filters[order[x], word], filters[order[y], word]
                    both += np.int64(count_bits(left & right))
                    bits += np.int64(count_bits(left)) + np.int64(count_bits(right))
                dice = np.float32(2.0 * both / bits)
                total[a, b] += dice
                total[b, a] += dice
                times[a, b] += 1
                times[b, a] += 1


def _public_likeness(table: NameTable, kept: Ints, field: str, scheme: Scheme) -> Matrix:
    """The Dice coefficient of the filters of any two public names, as their grams and chance collisions make it."""
    has = gram_matrix(scheme, {field: table.values.take(pa.array(kept))}).astype(np.float32)
    own = has.sum(axis=1)
    common = has @ has.T
    positions, bits = scheme.encoding.positions_per_gram, scheme.encoding.bits
    mean, _ = bits_expected(np.arange(200), positions, bits)
    rest = mean[np.maximum(own[:, None] - common, 0).astype(np.int64)]
    shared_bits = mean[common.astype(np.int64)]
    both = shared_bits + (1 - shared_bits / bits) * rest * rest.T / bits
    alike: Matrix = (2 * both / (mean[own.astype(np.int64)][:, None] + mean[own.astype(np.int64)][None, :])).astype(
        np.float32
    )
    return alike
