"""The compiled walk over blocks: every pair of rows of a block gets its pattern of levels, to be counted or kept.

What recordlinkage's indexing and comparing do one after the other (`compare`), done in one go, without a list of
pairs in between; tests hold that both give the same. A row is compared with all that follow it in its block at once,
comparison by comparison, so that the processor works on several pairs at a time.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.levels.declared import NAME_BITS
from pipeline.levels.kernels import bits_differing, history_relation
from pipeline.link.plan import CODE, DATE, NAME

UNKNOWN = 127  # beyond every level


class Rows(NamedTuple):
    """The rows of some blocks, block after block; a column of values is a row here."""

    names: NDArray[np.uint64]  # (fields, rows, 8)
    sizes: NDArray[np.int64]  # (fields, rows): 0 = missing; of sets of grams how many, of encodings any other number
    date_parts: NDArray[np.uint16]  # (3, rows); three zeros = missing
    codes: NDArray[np.int32]  # (columns, rows), -1 = missing
    signs: NDArray[np.uint64]  # (histories, rows): a bit for each value; rows that share none share no value
    history_starts: NDArray[np.int64]  # (histories, rows + 1), into the values
    history_values: NDArray[np.int64]
    changed: NDArray[np.bool_]  # pairs of two rows that are not are left out


@njit(nogil=True, cache=True)
def walk(
    plan: Any, rows: Any, starts: Any, reachable: Any, counts: Any, left: Any, right: Any, patterns: Any
) -> int:  # fmt: skip
    """Count or keep the pairs of the blocks (block i has rows starts[i] … starts[i + 1] - 1); returns how many.

    `reachable` (names + 1, patterns): whether a pair may still be wanted, its first comparisons being as in the pattern
    and those to come unknown (0): before each name, and at the end. With room in `counts` a wanted pair adds one to its
    pattern's; else its rows and pattern are written to `left`, `right` and `patterns`.
    """
    kind, radix, last = plan.kind, plan.radix, plan.last
    dates, date_parts = plan.dates, rows.date_parts
    first_column, end_column, equal_level = plan.first_column, plan.end_column, plan.equal_level
    history, history_level = plan.history, plan.history_level
    codes, signs, history_starts, history_values = rows.codes, rows.signs, rows.history_starts, rows.history_values
    apart, gram_sets = plan.apart, plan.gram_sets
    field, other_field, exchange, exchange_bits = plan.field, plan.other_field, plan.exchange, plan.exchange_bits
    names, sizes, changed = rows.names, rows.sizes, rows.changed
    largest = 1
    for block in range(starts.shape[0] - 1):
        largest = max(largest, starts[block + 1] - starts[block])
    pattern = np.zeros(largest, dtype=np.int32)
    level = np.zeros(largest, dtype=np.int32)
    wanted = np.zeros(largest, dtype=np.int32)
    counting = counts.shape[0] > 0
    found = 0
    for block in range(starts.shape[0] - 1):
        end = starts[block + 1]
        for a in range(starts[block], end - 1):
            after, number = a + 1, end - a - 1
            pattern[:number] = 0
            stage = 0
            some = 0
            for place in range(kind.shape[0]):
                if kind[place] == DATE:
                    _add_dates(pattern, date_parts, a, after, number, dates, radix[place])
                elif kind[place] == CODE:
                    level[:number] = UNKNOWN
                    for column in range(first_column[place], end_column[place]):
                        _codes(level, codes, column, a, after, number, equal_level[column], last[place])
                        if history[column] >= 0:
                            _histories(
                                level, signs, history_starts, history_values, history[column], a, after, number,
                                history_level[column], last[place],
                            )  # fmt: skip
                    _add_levels(pattern, level, number, radix[place])
                else:
                    if stage == 0:
                        some = _first_wanted(wanted, pattern, reachable, changed, a, after, number)
                    elif stage > 0:
                        some = _still_wanted(wanted, some, pattern, reachable, stage)
                    _add_names(
                        pattern, wanted, some, names, sizes, field[place], a, after, apart, place, gram_sets,
                        other_field[place], exchange[place], exchange_bits[place], radix[place],
                    )  # fmt: skip
                    stage += 1
            if stage == 0:
                some = _first_wanted(wanted, pattern, reachable, changed, a, after, number)
            else:
                some = _still_wanted(wanted, some, pattern, reachable, stage)
            for place in range(some):
                i = wanted[place]
                if counting:
                    counts[pattern[i]] += 1
                else:
                    left[found], right[found], patterns[found] = a, after + i, pattern[i]
                found += 1
    return found


@njit(nogil=True, cache=True)
def _first_wanted(wanted: Any, pattern: Any, reachable: Any, changed: Any, a: Any, after: Any, number: Any) -> Any:
    some = np.int64(0)
    for i in range(number):
        wanted[some] = i
        some += np.int64(reachable[0, pattern[i]] and (changed[a] or changed[after + i]))
    return some


@njit(nogil=True, cache=True)
def _still_wanted(wanted: Any, number: Any, pattern: Any, reachable: Any, stage: Any) -> Any:
    some = np.int64(0)
    for place in range(number):
        i = wanted[place]
        wanted[some] = i
        some += np.int64(reachable[stage, pattern[i]])
    return some


@njit(nogil=True, cache=True)
def _add_dates(pattern: Any, parts: Any, a: Any, after: Any, number: Any, dates: Any, radix: Any) -> None:
    """See levels.date_level."""
    day, month, year = parts[0, a], parts[1, a], parts[2, a]
    if (day | month | year) == 0:
        return
    for i in range(number):
        other_day, other_month, other_year = parts[0, after + i], parts[1, after + i], parts[2, after + i]
        agree = np.int64(day == other_day) + 2 * np.int64(month == other_month) + 4 * np.int64(year == other_year)
        swapped = np.int64((day == other_month) & (month == other_day) & (year == other_year))
        held = np.int64((other_day | other_month | other_year) != 0)
        pattern[i] += held * radix * (dates[agree * 2 + swapped] + 1)


@njit(nogil=True, cache=True)
def _codes(level: Any, codes: Any, column: Any, a: Any, after: Any, number: Any, equal_level: Any, last: Any) -> None:
    """See levels.code_level, of one column."""
    code = codes[column, a]
    if code < 0:
        return
    agree, differ, unknown = np.int32(equal_level), np.int32(last), np.int32(UNKNOWN)
    for i in range(number):
        other = codes[column, after + i]
        reached = agree if code == other else differ
        reached = reached if other >= 0 else unknown
        level[i] = reached if reached < level[i] else level[i]


@njit(nogil=True, cache=True)
def _add_levels(pattern: Any, level: Any, number: Any, radix: Any) -> None:
    weight = np.int32(radix)
    for i in range(number):
        pattern[i] += weight * (level[i] + np.int32(1)) if level[i] != np.int32(UNKNOWN) else np.int32(0)


@njit(nogil=True, cache=True)
def _histories(
    level: Any, signs: Any, starts: Any, values: Any, history: Any, a: Any, after: Any, number: Any, reached: Any,
    last: Any,
) -> None:  # fmt: skip
    """See levels.with_history."""
    sign = signs[history, a]
    if sign == 0:
        return
    of_history = starts[history]
    for i in range(number):
        other = signs[history, after + i]
        if other == 0 or level[i] <= reached:
            continue
        common = (sign & other) != 0 and history_relation(of_history, values, a, after + i) == 1
        level[i] = reached if common else min(level[i], last)


@njit(nogil=True, cache=True)
def _add_names(
    pattern: Any, wanted: Any, some: Any, names: Any, sizes: Any, field: Any, a: Any, after: Any, apart: Any, row: Any,
    gram_sets: Any, other_field: Any, exchange: Any, exchange_bits: Any, radix: Any,
) -> None:  # fmt: skip
    """See levels.comparison_levels, of names."""
    if sizes[field, a] == 0:
        return
    rows = names.shape[1]
    row_a, other_a = field * rows + a, other_field * rows + a
    for place in range(some):
        b = after + wanted[place]
        if sizes[field, b] == 0:
            continue
        row_b = field * rows + b
        bits = bits_differing(names, names, row_a, row_b)
        if gram_sets:
            bits = _angle(bits, sizes[field, a], sizes[field, b])
        level = np.int64(apart[row, bits])
        if other_field >= 0 and level > exchange and sizes[other_field, a] > 0 and sizes[other_field, b] > 0:
            bits = bits_differing(names, names, row_a, other_field * rows + b)
            back = bits_differing(names, names, row_b, other_a)
            if gram_sets:
                bits = _angle(bits, sizes[field, a], sizes[other_field, b])
                back = _angle(back, sizes[field, b], sizes[other_field, a])
            if bits <= exchange_bits and back <= exchange_bits:
                level = exchange
        pattern[wanted[place]] += radix * (level + 1)


@njit(nogil=True, cache=True)
def _angle(different: Any, size: Any, other: Any) -> Any:
    """In how many bits two encodings would differ on average, had they no chance in them: from the grams that are in
    one of two sets only, and the sets' sizes."""
    cosine = min((size + other - different) / 2 / math.sqrt(size * other), 1.0)
    return np.int64(math.ceil(math.acos(cosine) / math.pi * NAME_BITS - 1e-6))


@njit(nogil=True, cache=True)
def history_signs(starts: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A word per row with a bit set for each of its values; 0 for a row without any."""
    found = np.zeros(starts.shape[0] - 1, dtype=np.uint64)
    for row in range(starts.shape[0] - 1):
        for place in range(starts[row], starts[row + 1]):
            mixed = np.uint64(values[place]) * np.uint64(0x9E3779B97F4A7C15)
            found[row] |= np.uint64(1) << (mixed >> np.uint64(58))
    return found


__all__ = ["CODE", "DATE", "NAME", "Rows", "history_signs", "walk"]
