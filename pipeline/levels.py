"""Levels of agreement between two encoded records: the compiled kernels that kit and hub share.

The partner's kit measures with these how often random people agree; the hub compares candidate pairs with the
same functions, so that a level means the same on both sides. Zero is *missing* in filters (no bit set) and in date
parts (three zeros), -1 in codes. Only arrays go in and out: no frames, no probabilities, no decisions here.

The kernels are serial and release the interpreter's lock: callers run chunks of pairs in threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from pipeline.contracts.linkage import Comparison

Filters: TypeAlias = NDArray[np.uint64]  # (rows, words): a packed Bloom filter a row; all zero = missing
DateParts: TypeAlias = NDArray[np.uint16]  # (rows, 3): tokens of day, month, year; all zero = missing
Codes: TypeAlias = NDArray[np.int64]  # (rows,): equal code = equal value; -1 = missing
Levels: TypeAlias = NDArray[np.int8]  # (pairs,): index of the comparison's level; -1 = missing
Index: TypeAlias = NDArray[np.int64]  # (pairs,): row number of the pair's left or right side

MISSING = -1
DATE_PARTS = 3


@dataclass(frozen=True)
class Comparable:
    """The encoded values of a set of rows, by the name of field or column; every array has one entry per row."""

    filters: Mapping[str, Filters] = field(default_factory=dict)
    date_parts: DateParts | None = None
    codes: Mapping[str, Codes] = field(default_factory=dict)


def comparison_levels(comparison: Comparison, data: Comparable, index_a: Index, index_b: Index) -> Levels:
    """The level of each pair of rows in one comparison of the link model, -1 where either side is missing.

    `data` needs, by kind: `name` the filters of the comparison's name (and of the name it may be exchanged with),
    `date_parts` the date parts, `equal` and `any_equal` the codes of the comparison's columns. A name found
    exchanged takes the level that says so in both comparisons.
    """
    if comparison.kind == "name":
        return _name_comparison(comparison, data, index_a, index_b)
    if comparison.kind == "date_parts":
        if data.date_parts is None:
            raise KeyError(comparison.name)
        return date_levels(data.date_parts, index_a, index_b, date_level_table(comparison))
    codes = np.ascontiguousarray(np.stack([data.codes[column] for column in comparison.columns], axis=1))
    return code_levels(codes, index_a, index_b, code_level_masks(comparison))


def _name_comparison(comparison: Comparison, data: Comparable, index_a: Index, index_b: Index) -> Levels:
    filters = data.filters[comparison.name]
    levels = name_levels(filters, index_a, index_b, *name_thresholds(comparison))
    for code, level in enumerate(comparison.levels):
        if level.exchanged_with is not None:
            other = data.filters[level.exchanged_with]
            crossed = exchanged(filters, other, index_a, index_b, np.float32(level.dice or 1.0))
            levels[crossed & (levels > code)] = code
    return levels


def name_thresholds(comparison: Comparison) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Per level but the last, in order: lowest Dice, lowest overlap, most bits of the shorter name for the overlap.

    What a level does not ask by is set so that nothing reaches it by that; an exchange is reached by neither.
    """
    never = 2.0
    dice, overlap, shorter = [], [], []
    for level in comparison.levels[:-1]:
        straight = level.exchanged_with is None
        dice.append(level.dice if straight and level.dice is not None else never)
        overlap.append(level.overlap if straight and level.overlap is not None else never)
        shorter.append(level.shorter_bits if level.shorter_bits is not None else np.inf)
    return np.array(dice, np.float32), np.array(overlap, np.float32), np.array(shorter, np.float32)


def date_level_table(comparison: Comparison) -> Levels:
    """(4, 2) table: parts that agree (0-3) and whether day and month are exchanged → the first level that holds."""
    table = np.full((DATE_PARTS + 1, 2), len(comparison.levels) - 1, dtype=np.int8)
    for agree in range(DATE_PARTS + 1):
        for swapped in (0, 1):
            for code, level in enumerate(comparison.levels):
                wanted = level.parts
                holds = bool(swapped) if wanted == "swap" else wanted is None or agree >= int(wanted)
                if holds:
                    table[agree, swapped] = code
                    break
    return table


def code_level_masks(comparison: Comparison) -> NDArray[np.bool_]:
    """(levels - 1, columns): which columns' equality reaches a level; a level that names none takes them all."""
    return np.array(
        [
            [not level.columns or column in level.columns for column in comparison.columns]
            for level in comparison.levels[:-1]
        ],
        dtype=np.bool_,
    ).reshape(len(comparison.levels) - 1, len(comparison.columns))


@intrinsic
def _count_bits(typing_context: Any, value: Any) -> Any:
    """Number of set bits of an unsigned 64-bit word, as the processor's own instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count = builder.module.declare_intrinsic("llvm.ctpop", [ir.IntType(64)])
        return builder.call(count, arguments)

    return types.uint64(types.uint64), generate


_popcount: Any = _count_bits


@njit(nogil=True, cache=True)
def _pair_bits(left: Filters, right: Filters, row_a: int, row_b: int) -> tuple[Any, Any, Any]:
    """Number of bits that two filters share, and that each has."""
    common = np.uint64(0)
    bits_a = np.uint64(0)
    bits_b = np.uint64(0)
    for word in range(left.shape[1]):
        a = left[row_a, word]
        b = right[row_b, word]
        common += _popcount(a & b)
        bits_a += _popcount(a)
        bits_b += _popcount(b)
    return np.int64(common), np.int64(bits_a), np.int64(bits_b)


@njit(nogil=True, cache=True)
def dice(filters_a: Filters, filters_b: Filters, index_a: Index, index_b: Index) -> NDArray[np.float32]:
    """Dice coefficient 2|A∩B| / (|A|+|B|) of each pair of filters, in [0, 1]; -1 where either has no bit set."""
    result = np.empty(index_a.shape[0], dtype=np.float32)
    for pair in range(index_a.shape[0]):
        common, bits_a, bits_b = _pair_bits(filters_a, filters_b, index_a[pair], index_b[pair])
        held = bits_a > 0 and bits_b > 0
        result[pair] = np.float32(2.0 * common / (bits_a + bits_b)) if held else np.float32(-1.0)
    return result


@njit(nogil=True, cache=True)
def name_levels(
    filters: Filters,
    index_a: Index,
    index_b: Index,
    dices: NDArray[np.float32],
    overlaps: NDArray[np.float32],
    shorter_bits: NDArray[np.float32],
) -> Levels:
    """The first level that the pair reaches by Dice or by overlap (see `name_thresholds`), else the last; -1 where
    either name is missing."""
    result = np.empty(index_a.shape[0], dtype=np.int8)
    for pair in range(index_a.shape[0]):
        common, bits_a, bits_b = _pair_bits(filters, filters, index_a[pair], index_b[pair])
        if bits_a == 0 or bits_b == 0:
            result[pair] = -1
            continue
        shorter = min(bits_a, bits_b)
        similarity = np.float32(2.0 * common / (bits_a + bits_b))
        overlap = np.float32(common / shorter)
        level = dices.shape[0]
        for code in range(dices.shape[0]):
            if similarity >= dices[code] or (overlap >= overlaps[code] and shorter <= shorter_bits[code]):
                level = code
                break
        result[pair] = level
    return result


@njit(nogil=True, cache=True)
def exchanged(
    forenames: Filters, surnames: Filters, index_a: Index, index_b: Index, lowest: np.float32
) -> NDArray[np.bool_]:
    """Whether the forename of each is the surname of the other, both at least at Dice `lowest`."""
    result = np.zeros(index_a.shape[0], dtype=np.bool_)
    for pair in range(index_a.shape[0]):
        for first, second in ((index_a[pair], index_b[pair]), (index_b[pair], index_a[pair])):
            common, bits_a, bits_b = _pair_bits(forenames, surnames, first, second)
            result[pair] = bits_a > 0 and bits_b > 0 and np.float32(2.0 * common / (bits_a + bits_b)) >= lowest
            if not result[pair]:
                break
    return result


@njit(nogil=True, cache=True)
def date_levels(parts: DateParts, index_a: Index, index_b: Index, table: Levels) -> Levels:
    """The level of each pair of dates by `table` (see `date_level_table`); -1 where either is missing."""
    result = np.empty(index_a.shape[0], dtype=np.int8)
    for pair in range(index_a.shape[0]):
        a = index_a[pair]
        b = index_b[pair]
        day_a, month_a, year_a = parts[a, 0], parts[a, 1], parts[a, 2]
        day_b, month_b, year_b = parts[b, 0], parts[b, 1], parts[b, 2]
        if (day_a | month_a | year_a) == 0 or (day_b | month_b | year_b) == 0:
            result[pair] = -1
            continue
        agree = int(day_a == day_b) + int(month_a == month_b) + int(year_a == year_b)
        swapped = int(day_a == month_b and month_a == day_b and year_a == year_b)
        result[pair] = table[agree, swapped]
    return result


@njit(nogil=True, cache=True)
def code_levels(codes: Codes, index_a: Index, index_b: Index, masks: NDArray[np.bool_]) -> Levels:
    """The first level one of whose columns is equal (codes: rows x columns); the last where columns could be
    compared and none reached a level; -1 where no column is held by both."""
    result = np.empty(index_a.shape[0], dtype=np.int8)
    for pair in range(index_a.shape[0]):
        a = index_a[pair]
        b = index_b[pair]
        level = -1
        for column in range(codes.shape[1]):
            code_a = codes[a, column]
            code_b = codes[b, column]
            if code_a < 0 or code_b < 0:
                continue
            reached = masks.shape[0]
            if code_a == code_b:
                for candidate in range(masks.shape[0]):
                    if masks[candidate, column]:
                        reached = candidate
                        break
            if level < 0 or reached < level:
                level = reached
        result[pair] = level
    return result


def equal(codes: Codes, index_a: Index, index_b: Index) -> Levels:
    """0 where the codes agree, 1 where they differ, -1 where either is missing."""
    return code_levels(codes.reshape(-1, 1), index_a, index_b, np.ones((1, 1), dtype=np.bool_))


def any_equal(codes: Codes, index_a: Index, index_b: Index) -> Levels:
    """0 where any column (codes: rows x columns) agrees, 1 where some are held by both and none agrees, else -1."""
    return code_levels(codes, index_a, index_b, np.ones((1, codes.shape[1]), dtype=np.bool_))


def count_levels(levels: Levels, number: int) -> NDArray[np.int64]:
    """How many pairs reach each of the `number` levels; missing pairs are not counted."""
    return np.bincount(levels[levels >= 0], minlength=number).astype(np.int64)


def unpack_filters(column: pa.Array | pa.ChunkedArray) -> Filters:
    """Filters of an Arrow column of fixed-size (or variable) binary as packed words; null becomes all zero."""
    return unpack_words(column, np.uint64)


def unpack_date_parts(column: pa.Array | pa.ChunkedArray) -> DateParts:
    """Date parts of an Arrow column of 6-byte binary (three little-endian uint16); null becomes all zero."""
    return unpack_words(column, np.uint16, missing_words=DATE_PARTS)


def unpack_words(column: pa.Array | pa.ChunkedArray, word: type[Any], missing_words: int = 8) -> NDArray[Any]:
    """(rows, words) of an Arrow column whose values all have the same length in bytes; null becomes all zero.

    `missing_words`: how many words a row has where the column holds nothing but nulls.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    missing = np.asarray(array.is_null())
    held = _bytes(array.drop_null())
    word_bytes = np.dtype(word).itemsize
    width = len(held) // int((~missing).sum()) if len(held) else missing_words * word_bytes
    if not missing.any():
        return held.reshape(-1, width).view(word)
    packed = np.zeros((len(array), width), dtype=np.uint8)
    packed[~missing] = held.reshape(-1, width)
    return packed.view(word)


def _bytes(array: pa.Array) -> NDArray[np.uint8]:
    """The bytes of a null-free binary column, one value after the other."""
    if len(array) == 0:
        return np.zeros(0, dtype=np.uint8)
    if pa.types.is_fixed_size_binary(array.type):
        width = array.type.byte_width
        packed = np.frombuffer(array.buffers()[1], dtype=np.uint8)
        return packed[array.offset * width : (array.offset + len(array)) * width]
    large = array.cast(pa.large_binary())
    offsets = np.frombuffer(large.buffers()[1], dtype=np.int64)[large.offset : large.offset + len(large) + 1]
    return np.frombuffer(large.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
