"""The q-grams of many names at once, compiled.

A gram is a number made of its characters. A name's grams stand in an order that has nothing to do with letters, so that
no part of a name comes first more often than others (see `majority`, which gives the first of them two votes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from pipeline.errors import DeclarationError
from pipeline.partner.hashing import Words, bytes_of

PADDING = np.uint64(ord(" "))  # also what separates the parts of a name, so that each part is padded
CHARACTER_BITS = np.uint64(21)  # of a Unicode code point
LONGEST_GRAM = 2  # so that a gram's characters leave room for the word's number (see `majority`)
MIXER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth 1998, 6.4)


@dataclass(frozen=True)
class Grams:
    """The q-grams of distinct names: `ids[starts[i]:starts[i + 1]]` are those of name i, in one fixed order of all
    grams."""

    ids: Words
    starts: NDArray[np.int64]


def grams_of(names: pa.StringArray, gram: int, also: pa.StringArray | None = None) -> Grams:
    """The distinct q-grams of each name (and of its fellow in `also`), padded at both ends, as numbers made of their
    characters. A letter that stands alone is an initial: it counts as a beginning, and not as an end too."""
    if not 1 <= gram <= LONGEST_GRAM:
        raise DeclarationError(
            where="encoding", rule=f"grams of {gram} characters do not fit.", remedy=f"use 1 to {LONGEST_GRAM}."
        )
    data, offsets = bytes_of(names)
    more, more_offsets = (data, offsets) if also is None else bytes_of(also)
    # A text of n bytes has at most n characters, and so at most n + 2 grams with its padding.
    room = int(offsets[-1] - offsets[0] + more_offsets[-1] - more_offsets[0]) + 4 * len(names)
    ids, starts = np.empty(room, dtype=np.uint64), np.zeros(len(names) + 1, dtype=np.int64)
    _grams(data, offsets, more, more_offsets, gram, ids, starts)
    return Grams(ids[: starts[-1]].copy(), starts)


@njit(nogil=True, cache=True)
def _grams(data: Any, offsets: Any, more: Any, more_offsets: Any, gram: Any, ids: Any, starts: Any) -> None:
    end = np.int64(0)
    for name in range(starts.shape[0] - 1):
        begin = end
        end = _add_grams(data, offsets[name], offsets[name + 1], gram, ids, begin, end)
        end = _add_grams(more, more_offsets[name], more_offsets[name + 1], gram, ids, begin, end)
        starts[name + 1] = end


@njit(nogil=True, cache=True)
def _add_grams(data: Any, at: Any, past: Any, gram: Any, ids: Any, begin: Any, end: Any) -> Any:
    """Add the grams of one text to `ids[begin:end]`; returns the new end."""
    before, one = PADDING, PADDING
    if gram == 1:
        end = _put(PADDING, ids, begin, end)
    while True:
        other = PADDING
        last = at >= past
        if not last:
            other, at = _character(data, at)
        if gram == 1:
            end = _put(other, ids, begin, end)
        elif other != PADDING or before != PADDING:
            end = _put((one << CHARACTER_BITS) | other, ids, begin, end)
        if last:
            return end
        before, one = one, other


@njit(nogil=True, cache=True)
def _character(data: Any, at: Any) -> Any:
    """The code point that begins at a byte of UTF-8, and where the next begins."""
    first = np.uint64(data[at])
    if first < np.uint64(0x80):
        return first, at + 1
    length = 2 if first < np.uint64(0xE0) else 3 if first < np.uint64(0xF0) else 4
    found = first & np.uint64(0x7F >> length)
    for byte in range(1, length):
        found = (found << np.uint64(6)) | (np.uint64(data[at + byte]) & np.uint64(0x3F))
    return found, at + length


@njit(nogil=True, cache=True)
def _put(number: Any, ids: Any, begin: Any, end: Any) -> Any:
    """Put a gram among a name's in their order, once; returns the new end."""
    order = number * MIXER
    place = end
    while place > begin and ids[place - 1] * MIXER > order:
        place -= 1
    if place > begin and ids[place - 1] == number:
        return end
    for moved in range(end, place, -1):
        ids[moved] = ids[moved - 1]
    ids[place] = number
    return end + 1
