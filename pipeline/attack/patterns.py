"""Pattern mining: bit positions that are often set together are the positions of one frequent gram.

After Christen, Vidanage, Ranbaduge and Schnell 2018. From the pairs of positions that meet far more often than chance,
each is grown, position by position, to the largest set that still occurs; sets that overlap are one pattern. Works for
any Bloom filter, whatever its hashing; `decode` says which gram a pattern is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from pipeline.attack.filters import columns_packed, count_bits
from pipeline.attack.world import Bools, Floats, Ints

PAIRS = 20_000  # seeds, of those that meet most beyond chance
KEPT = 0.8  # a position is added if at least so many of the filters so far have it
LEAST_FILTERS = 4
LEAST_POSITIONS = 6  # a gram sets seven, fewer where they coincide
SAME_PATTERN = 5  # positions in common: one pattern seen twice
OTHER_PATTERN = 3  # fewer in common: two grams whose positions cross


def mine_patterns(filters: Bools, most_positions: int = 8, pairs: int = PAIRS) -> list[Ints]:
    """Sets of positions, those found most often first. `filters`: distinct filters, a row each."""
    if len(filters) < LEAST_FILTERS:
        return []
    seeds = _seeds(filters, pairs)
    grown, sizes = _grow_all(columns_packed(filters), seeds, KEPT, most_positions, LEAST_FILTERS)
    found = [tuple(sorted(row[:size])) for row, size in zip(grown, sizes, strict=True) if size >= LEAST_POSITIONS]
    return _consolidated(found, filters.shape[1], most_positions - 1)


def _seeds(filters: Bools, pairs: int) -> Ints:
    dense = filters.astype(np.float32)
    together = (dense.T @ dense).astype(np.float64)
    share = filters.mean(axis=0)
    expected = len(filters) * np.outer(share, share)
    left, right = np.triu_indices(filters.shape[1], k=1)
    surprise = ((together - expected) / np.sqrt(expected + 1))[left, right]
    best = np.argsort(-surprise, kind="stable")[:pairs]
    return np.stack([left[best], right[best]], axis=1)


@njit(nogil=True, cache=True)
def _grow_all(columns: Any, seeds: Any, kept: Any, most: Any, least: Any) -> Any:
    grown = np.full((len(seeds), most), -1, dtype=np.int64)
    sizes = np.zeros(len(seeds), dtype=np.int64)
    positions, words = columns.shape
    rows = np.empty(words, dtype=np.uint64)
    for one in range(len(seeds)):
        support = np.int64(0)
        for word in range(words):
            rows[word] = columns[seeds[one, 0], word] & columns[seeds[one, 1], word]
            support += np.int64(count_bits(rows[word]))
        used = np.zeros(positions, dtype=np.bool_)
        for turn in range(2):
            grown[one, turn] = seeds[one, turn]
            used[seeds[one, turn]] = True
        size = 2
        while support >= least and size < most:
            best, best_support = -1, np.int64(0)
            for position in range(positions):
                if used[position]:
                    continue
                held = np.int64(0)
                for word in range(words):
                    held += np.int64(count_bits(rows[word] & columns[position, word]))
                if held > best_support:
                    best, best_support = position, held
            if best < 0 or best_support < kept * support or best_support < least:
                break
            used[best] = True
            grown[one, size] = best
            size += 1
            support = best_support
            for word in range(words):
                rows[word] &= columns[best, word]
        sizes[one] = size if support >= least else 0
    return grown, sizes


def _consolidated(found: list[tuple[int, ...]], positions: int, most: int) -> list[Ints]:
    """One pattern of those that share most of their positions, by vote; what crosses a better one is left out."""
    if not found:
        return []
    distinct, votes = np.unique(_as_rows(found, positions), axis=0, return_counts=True)
    order = np.argsort(-votes, kind="stable")
    distinct, votes = distinct[order].astype(np.float32), votes[order]
    shared = distinct @ distinct.T
    taken = np.zeros(len(distinct), dtype=np.bool_)
    accepted = np.zeros((0, positions), dtype=np.float32)
    patterns: list[Ints] = []
    for one in range(len(distinct)):
        if taken[one] or (len(accepted) and (accepted @ distinct[one]).max() >= OTHER_PATTERN):
            continue
        alike = np.flatnonzero((shared[one] >= SAME_PATTERN) & ~taken)
        taken[alike] = True
        share: Floats = (distinct[alike] * votes[alike, None]).sum(axis=0) / votes[alike].sum()
        best = np.argsort(-share, kind="stable")[:most]
        pattern = np.sort(best[share[best] >= 0.5])
        if len(pattern) >= SAME_PATTERN:
            patterns.append(pattern.astype(np.int64))
            row = np.zeros((1, positions), dtype=np.float32)
            row[0, pattern] = 1
            accepted = np.concatenate([accepted, row])
    return patterns


def _as_rows(found: list[tuple[int, ...]], positions: int) -> Bools:
    rows = np.zeros((len(found), positions), dtype=np.bool_)
    for number, one in enumerate(found):
        rows[number, list(one)] = True
    return rows


def contained(filters: Bools, patterns: list[Ints]) -> Bools:
    """Which filter has which pattern in full: (filters, patterns)."""
    if not patterns:
        return np.zeros((len(filters), 0), dtype=np.bool_)
    return np.stack([filters[:, pattern].all(axis=1) for pattern in patterns], axis=1)
