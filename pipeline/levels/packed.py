"""Arrow columns of encodings as packed arrays; null becomes all zero, which is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.levels.kernels import DATE_PARTS, DateParts, Names


def unpack_names(column: pa.Array | pa.ChunkedArray) -> Names:
    """Encodings of names in an Arrow column of fixed-size (or variable) binary as packed words; null becomes all
    zero."""
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
