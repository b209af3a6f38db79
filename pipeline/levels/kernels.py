"""The compiled kernels: what one pair of rows agrees on, and the same for many pairs.

Serial, without the interpreter's lock: callers run parts of the pairs in threads. `pipeline.link.kernel` calls the
functions of one pair as well.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

Names: TypeAlias = NDArray[np.uint64]  # (rows, 8): the 512 bits of a name's encoding a row; all zero = missing
DateParts: TypeAlias = NDArray[np.uint16]  # (rows, 3): tokens of day, month, year; all zero = missing
Codes: TypeAlias = NDArray[np.int64]  # (rows,): equal code = equal value; -1 = missing
Levels: TypeAlias = NDArray[np.int8]  # (pairs,): index of the comparison's level; -1 = missing
Index: TypeAlias = NDArray[np.int64]  # (pairs,): row number of the pair's left or right side

MISSING = -1
DATE_PARTS = 3


WORDS = 8  # of a name's encoding


@intrinsic
def _count_differing(typing_context: Any, left: Any, right: Any, row_a: Any, row_b: Any) -> Any:
    """Number of bits in which row a of `left` and row b of `right` differ: eight words at once, as one vector.

    Rows are counted over all dimensions but the last, which is of eight words; the arrays are C-contiguous. Written
    word by word it is not turned into vector instructions, and takes twenty times as long.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(64), WORDS)

        def loaded(side: int) -> Any:
            array = context.make_array(signature.args[side])(context, builder, arguments[side])
            first = builder.mul(arguments[side + 2], ir.Constant(ir.IntType(64), WORDS))
            place = builder.bitcast(builder.gep(array.data, [first]), vector.as_pointer())
            return builder.load(place, align=8)

        def called(name: str, result: Any, value: Any) -> Any:
            function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, [vector]), name)
            return builder.call(function, [value])

        counts = called("llvm.ctpop.v8i64", vector, builder.xor(loaded(0), loaded(1)))
        return called("llvm.vector.reduce.add.v8i64", ir.IntType(64), counts)

    return types.int64(left, right, types.int64, types.int64), generate


bits_differing: Any = _count_differing


@njit(nogil=True, cache=True)
def held_names(names: Names) -> NDArray[np.bool_]:
    """Whether each row has a name: any bit at all."""
    found = np.zeros(names.shape[0], dtype=np.bool_)
    for row in range(names.shape[0]):
        bits = np.uint64(0)
        for word in range(names.shape[1]):
            bits |= names[row, word]
        found[row] = bits != 0
    return found


@njit(nogil=True, cache=True)
def date_level(parts: Any, a: Any, b: Any, table: Any) -> Any:
    """The level of the dates of rows a and b by `table` (see `date_level_table`); -1 where either is missing."""
    day_a, month_a, year_a = parts[a, 0], parts[a, 1], parts[a, 2]
    day_b, month_b, year_b = parts[b, 0], parts[b, 1], parts[b, 2]
    if (day_a | month_a | year_a) == 0 or (day_b | month_b | year_b) == 0:
        return np.int64(-1)
    agree = np.int64(day_a == day_b) + 2 * np.int64(month_a == month_b) + 4 * np.int64(year_a == year_b)
    swapped = np.int64(day_a == month_b and month_a == day_b and year_a == year_b)
    return np.int64(table[agree, swapped])


@njit(nogil=True, cache=True)
def code_level(codes: Any, a: Any, b: Any, masks: Any) -> Any:
    """The first level one of whose columns is equal; the last where columns could be compared and none reached a
    level; -1 where no column is held by both."""
    level = -1
    for column in range(codes.shape[1]):
        if codes[a, column] < 0 or codes[b, column] < 0:
            continue
        reached = masks.shape[0]
        if codes[a, column] == codes[b, column]:
            for candidate in range(masks.shape[0]):
                if masks[candidate, column]:
                    reached = candidate
                    break
        if level < 0 or reached < level:
            level = reached
    return level


@njit(nogil=True, cache=True)
def history_relation(starts: Any, values: Any, a: Any, b: Any) -> Any:
    """1 where rows a and b ever had a value in common, 0 where both had some and none in common, -1 else."""
    at_a, end_a = starts[a], starts[a + 1]
    at_b, end_b = starts[b], starts[b + 1]
    if at_a == end_a or at_b == end_b:
        return -1
    while at_a < end_a and at_b < end_b:
        if values[at_a] == values[at_b]:
            return 1
        if values[at_a] < values[at_b]:
            at_a += 1
        else:
            at_b += 1
    return 0


@njit(nogil=True, cache=True)
def differing(left: Names, right: Names, index_a: Index, index_b: Index) -> NDArray[np.int16]:
    """In how many bits name a of `left` and name b of `right` differ, of each pair; -1 where either is missing."""
    held_a, held_b = held_names(left), held_names(right)
    result = np.empty(index_a.shape[0], dtype=np.int16)
    for pair in range(index_a.shape[0]):
        a, b = index_a[pair], index_b[pair]
        bits = bits_differing(left, right, a, b)
        result[pair] = bits if held_a[a] and held_b[b] else -1
    return result


@njit(nogil=True, cache=True)
def date_levels(parts: DateParts, index_a: Index, index_b: Index, table: Levels) -> Levels:
    """`date_level` of each pair of rows."""
    result = np.empty(index_a.shape[0], dtype=np.int8)
    for pair in range(index_a.shape[0]):
        result[pair] = date_level(parts, index_a[pair], index_b[pair], table)
    return result


@njit(nogil=True, cache=True)
def code_levels(codes: Codes, index_a: Index, index_b: Index, masks: NDArray[np.bool_]) -> Levels:
    """`code_level` of each pair of rows (codes: rows x columns)."""
    result = np.empty(index_a.shape[0], dtype=np.int8)
    for pair in range(index_a.shape[0]):
        result[pair] = code_level(codes, index_a[pair], index_b[pair], masks)
    return result


@njit(nogil=True, cache=True)
def with_history(
    levels: Levels, starts: Index, values: Codes, index_a: Index, index_b: Index, reached: int, last: int
) -> None:
    """Raise each pair's level, in place, to `reached` where the rows ever had a value in common, and a missing one to
    `last` where both had values and none in common."""
    for pair in range(index_a.shape[0]):
        relation = history_relation(starts, values, index_a[pair], index_b[pair])
        if relation >= 0:
            level = reached if relation == 1 else last
            if levels[pair] < 0 or level < levels[pair]:
                levels[pair] = level
