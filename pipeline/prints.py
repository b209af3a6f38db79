"""Prints: a hash of all that a row holds, by which a later night sees what has changed without reading it anew."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

WORD = np.uint64
WORD_BYTES = 8
ROWS_AT_ONCE = 1 << 18
ODD = WORD(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, odd, so that no bit is lost
SHIFT = WORD(32)

Words = NDArray[np.uint64]


def row_prints(table: pa.Table) -> NDArray[np.int64]:
    """A hash of each row over all columns (text, whole numbers, bytes of one length), whatever their order.

    Missing is a value of its own. Two rows that differ share one by chance only, once in 2^64.
    """
    starts = range(0, table.num_rows, ROWS_AT_ONCE)
    prints = [_prints(table.slice(start, ROWS_AT_ONCE)) for start in starts]
    return np.concatenate(prints).view(np.int64) if prints else np.zeros(0, dtype=np.int64)


def _prints(table: pa.Table) -> Words:
    rows = np.full(table.num_rows, ODD, dtype=WORD)
    for name in sorted(table.column_names):
        for word in _words(table[name].combine_chunks()).T:
            mixed = (rows ^ word) * ODD
            rows = mixed ^ (mixed >> SHIFT)
    return rows


def prints_by(place: NDArray[np.int64], prints: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The prints of rows taken together by the place (0 to size - 1) that each belongs to, in any order of rows."""
    taken = np.zeros(size, dtype=WORD)
    order = np.argsort(place, kind="stable")
    first = np.flatnonzero(np.diff(place[order], prepend=-1))
    if len(first):
        taken[place[order[first]]] = np.add.reduceat(prints.view(WORD)[order], first)
    return taken.view(np.int64)


def _words(column: pa.Array) -> Words:
    """(rows, words): a column as words of eight bytes, the last filled up; one more says where it is missing."""
    missing = np.asarray(column.is_null())
    if pa.types.is_string(column.type):
        held = _hashed(column)
    elif pa.types.is_integer(column.type):
        held = pc.fill_null(column, 0).cast(pa.int64()).to_numpy(zero_copy_only=False).view(WORD).reshape(-1, 1)
    else:
        held = _bytes(column)
    return np.column_stack([held, missing.astype(WORD)])


def _hashed(column: pa.Array) -> Words:
    coded = column.dictionary_encode()
    hashes = [hashlib.blake2b(text.encode(), digest_size=WORD_BYTES).digest() for text in coded.dictionary.to_pylist()]
    words = np.frombuffer(b"".join([*hashes, bytes(WORD_BYTES)]), dtype=WORD)
    return np.asarray(words[pc.fill_null(coded.indices, len(hashes)).to_numpy()].reshape(-1, 1))


def _bytes(column: pa.Array) -> Words:
    if not pa.types.is_fixed_size_binary(column.type):
        longest = pc.max(pc.binary_length(column)).as_py() or WORD_BYTES
        column = column.cast(pa.binary(longest))
    width = column.type.byte_width
    held = np.zeros((len(column), width), dtype=np.uint8)
    known = column.drop_null()
    packed = np.frombuffer(known.buffers()[1], dtype=np.uint8)[
        known.offset * width : (known.offset + len(known)) * width
    ]
    held[np.asarray(column.is_valid())] = packed.reshape(-1, width)
    return np.ascontiguousarray(np.pad(held, ((0, 0), (0, -width % WORD_BYTES)))).view(WORD)
