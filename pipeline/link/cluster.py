"""From scored pairs to persons: connected components of links, each repaired where it cannot be one person.

A chain of links can tie two people together through one bad link. So a component is put together anew, from single
records: the two parts that agree best are joined again and again, as long as all pairs between them, added up, speak
for one person. A pair that was never worth scoring speaks against. A contradiction forbids (two different values of a
one-per-person identifier, two dates of birth with nothing in common), unless the pair is a link all the same: one digit
misread does not outweigh everything else. And what two records of a part tell alike is no slip: two parts that are each
sure of another date of birth stay two (father and son of one name). The weakest links between what should be apart go,
and each is recorded as cut. (Average-link correlation clustering; Bansal, Blum & Chawla 2004 state the objective.)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

MOST_BITS = 20.0  # one pair counts for no more than this: no single link carries a crowd
LARGEST = 3000  # records of a component that are put together anew at once
FORBIDDEN = -1e12


def cluster(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    bits: NDArray[np.float64],
    linked: NDArray[np.bool_],
    identifiers: Mapping[str, NDArray[np.int64]],
    records: int,
    unscored_bits: float,
    contradicting: NDArray[np.bool_] | None = None,
    told: NDArray[np.int8] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The cluster of each record (numbered by its first record), and which links were cut.

    Pairs of positions a[i] < b[i] with their log2 odds of being one person (prior included), and whether they are
    links; `identifiers`: codes per record (-1 missing) of which a person has one; `unscored_bits`: what a pair that is
    not given counts; `contradicting`: pairs that say something one person cannot have; `told`: 1 where a pair agrees on
    what is no slip when told twice, -1 where it differs, else 0. The order of the pairs does not matter.
    """
    told = np.zeros(len(a), dtype=np.int8) if told is None else told
    apart = np.zeros(len(a), dtype=np.bool_) if contradicting is None else contradicting & ~linked
    order = np.lexsort((b, a))
    labels = _components(a[order], b[order], bits[order], linked[order], records)
    inside = order[labels[a[order]] == labels[b[order]]]
    broken = _to_repair(labels, inside[linked[inside]], a, identifiers)
    broken[labels[a[inside[told[inside] < 0]]]] = True
    members = np.flatnonzero(broken[labels])
    members = members[np.argsort(labels[members], kind="stable")]
    edges = inside[broken[labels[a[inside]]]]
    edges = edges[np.argsort(labels[a[edges]], kind="stable")]
    if len(members):
        place = np.full(records, -1, dtype=np.int64)
        place[members] = np.arange(len(members))
        codes = np.stack([*identifiers.values(), np.full(records, -1, dtype=np.int64)], axis=1)[members]
        parts = _put_together(
            np.append(np.flatnonzero(np.diff(labels[members], prepend=-1)), len(members)),
            np.searchsorted(labels[a[edges]], np.append(np.unique(labels[members]), np.iinfo(np.int64).max)),
            place[a[edges]],
            place[b[edges]],
            np.where(apart[edges], FORBIDDEN, np.clip(bits[edges], -MOST_BITS, MOST_BITS)),
            linked[edges],
            told[edges],
            codes,
            unscored_bits,
        )
        labels[members] = records + members[parts]
    cut = linked & (labels[a] != labels[b])
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64), cut


def _components(
    a: NDArray[np.int64], b: NDArray[np.int64], bits: NDArray[np.float64], linked: NDArray[np.bool_], records: int
) -> NDArray[np.int64]:
    """Connected components of the links; one beyond the largest size is taken apart at ever stronger links."""
    used = linked.copy()
    lowest = 0.0
    while True:
        graph = coo_matrix((np.ones(int(used.sum()), dtype=np.int8), (a[used], b[used])), shape=(records, records))
        labels: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
        too_large = np.bincount(labels, minlength=1) > LARGEST
        if not too_large.any():
            return labels
        lowest += 2.0
        used &= ~too_large[labels[a]] | (bits >= lowest)


def _to_repair(
    labels: NDArray[np.int64],
    links: NDArray[np.int64],
    a: NDArray[np.int64],
    identifiers: Mapping[str, NDArray[np.int64]],
) -> NDArray[np.bool_]:
    """Per label: contradicted, or not every pair of its records is a link."""
    sizes = np.bincount(labels, minlength=1)
    held = np.bincount(labels[a[links]], minlength=len(sizes))
    return np.asarray(contradicted(labels, identifiers) | (held < sizes * (sizes - 1) // 2))


def contradicted(labels: NDArray[np.int64], identifiers: Mapping[str, NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Per label, whether its records hold two different values of an identifier."""
    broken = np.zeros(max(int(labels.max(initial=-1)) + 1, 1), dtype=np.bool_)
    for codes in identifiers.values():
        held = codes >= 0
        pairs = np.unique(np.stack([labels[held], codes[held]], axis=1), axis=0)
        broken |= np.bincount(pairs[:, 0], minlength=len(broken)) > 1
    return broken


@njit(nogil=True, cache=True)
def _put_together(
    starts: NDArray[np.int64],
    edge_starts: NDArray[np.int64],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    bits: NDArray[np.float64],
    linked: NDArray[np.bool_],
    told: NDArray[np.int8],
    codes: NDArray[np.int64],
    unscored_bits: float,
) -> NDArray[np.int64]:
    """The first member of each member's part; component c holds members starts[c] … starts[c + 1] - 1."""
    part_of = np.arange(codes.shape[0])
    for component in range(starts.shape[0] - 1):
        first, end = starts[component], starts[component + 1]
        size = end - first
        total = np.full((size, size), unscored_bits)
        agree = np.zeros((size, size), dtype=np.bool_)
        differ = np.zeros((size, size), dtype=np.bool_)
        for i in range(size):
            for j in range(i + 1, size):
                for column in range(codes.shape[1]):
                    one, other = codes[first + i, column], codes[first + j, column]
                    if one >= 0 and other >= 0 and one != other:
                        total[i, j] = FORBIDDEN
                        total[j, i] = FORBIDDEN
        for edge in range(edge_starts[component], edge_starts[component + 1]):
            i, j = a[edge] - first, b[edge] - first
            if linked[edge] or total[i, j] != FORBIDDEN:
                total[i, j] = bits[edge]
                total[j, i] = bits[edge]
            differ[i, j] = differ[j, i] = told[edge] < 0
            agree[i, j] = agree[j, i] = told[edge] > 0
        _join(total, agree, differ, part_of[first:end], first)
    return part_of


@njit(nogil=True, cache=True)
def _join(
    total: NDArray[np.float64],
    agree: NDArray[np.bool_],
    differ: NDArray[np.bool_],
    part_of: NDArray[np.int64],
    offset: int,
) -> None:
    """Join the two parts with the highest average, until none is above nought; `total`: sums of bits between parts,
    `agree` and `differ`: whether any pair between them does."""
    size = total.shape[0]
    alive = np.ones(size, dtype=np.bool_)
    sure = np.zeros(size, dtype=np.bool_)  # two of the part's records tell the same
    count = np.ones(size)
    best = np.full(size, -1, dtype=np.int64)  # of the parts after it, the one it agrees with best
    for i in range(size):
        best[i] = _best_after(total, count, alive, i)
    while True:
        left = -1
        highest = 0.0
        for i in range(size):
            if alive[i] and best[i] >= 0:
                average = total[i, best[i]] / (count[i] * count[best[i]])
                if average > highest:
                    highest = average
                    left = i
        if left < 0:
            return
        right = best[left]
        alive[right] = False
        sure[left] = sure[left] or sure[right] or agree[left, right]
        for k in range(size):
            if part_of[k] == offset + right:
                part_of[k] = offset + left
            if alive[k] and k != left:
                total[left, k] += total[right, k]
                agree[left, k] = agree[left, k] or agree[right, k]
                differ[left, k] = differ[left, k] or differ[right, k]
                if sure[left] and sure[k] and differ[left, k]:
                    total[left, k] = FORBIDDEN
                total[k, left], agree[k, left], differ[k, left] = total[left, k], agree[left, k], differ[left, k]
        count[left] += count[right]
        best[left] = _best_after(total, count, alive, left)
        for k in range(size):
            if not alive[k] or k == left:
                continue
            if best[k] == left or best[k] == right:
                best[k] = _best_after(total, count, alive, k)
            elif k < left and (
                best[k] < 0
                or total[k, left] / (count[k] * count[left]) > total[k, best[k]] / (count[k] * count[best[k]])
            ):
                best[k] = left


@njit(nogil=True, cache=True)
def _best_after(total: NDArray[np.float64], count: NDArray[np.float64], alive: NDArray[np.bool_], i: int) -> int:
    found = -1
    highest = -np.inf
    for j in range(i + 1, total.shape[0]):
        if alive[j]:
            average = total[i, j] / (count[i] * count[j])
            if average > highest:
                highest = average
                found = j
    return found
