"""What tells a home from others of its postcode, of many addresses at once: `normalise.house` compiled for ASCII.

The tests hold it against `normalise.house`, which says what is meant, and reads what is not ASCII.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from pipeline.partner.hashing import bytes_of
from pipeline.partner.normalise import ANY_POSTCODE, house

ZERO, NINE, UPPER_A, UPPER_Z, UNDERSCORE, POINT, COMMA = (np.uint8(ord(character)) for character in "09AZ_.,")
CASE = np.uint8(0x20)  # between a letter and its capital


def houses(values: pa.StringArray) -> tuple[pa.StringArray, NDArray[np.bool_]]:
    """`normalise.house` of every value, null where it finds nothing; and for which that is."""
    plain = np.asarray(pc.string_is_ascii(values))
    upper = pc.replace_substring_regex(
        pc.ascii_upper(values), ANY_POSTCODE.pattern.replace(r"\s", r"[\s\v\x1c-\x1f]"), " "
    )
    data, offsets = bytes_of(upper)
    room = np.empty(int(offsets[-1] - offsets[0]) + 1, dtype=np.uint8)
    ends = np.zeros(len(values) + 1, dtype=np.int32)
    _houses(data, offsets, room, ends)
    found = pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(room))
    nothing = ends[1:] == ends[:-1]
    if not plain.all():
        texts = found.to_pylist()
        for at in np.flatnonzero(~plain).tolist():
            texts[at] = house(values[at].as_py()) or ""
            nothing[at] = not texts[at]
        found = pa.array(texts, pa.string())
    return pc.if_else(pa.array(nothing), pa.scalar(None, pa.string()), found), nothing


@njit(nogil=True, cache=True, inline="always")
def _is_digit(byte: Any) -> Any:
    return ZERO <= byte <= NINE


@njit(nogil=True, cache=True, inline="always")
def _is_capital(byte: Any) -> Any:
    return UPPER_A <= byte <= UPPER_Z


@njit(nogil=True, cache=True, inline="always")
def _is_space(byte: Any) -> Any:
    return byte == np.uint8(32) or np.uint8(9) <= byte <= np.uint8(13) or np.uint8(28) <= byte <= np.uint8(31)


@njit(nogil=True, cache=True)
def _is_word(data: Any, at: Any, begin: Any, past: Any) -> Any:
    """Whether a word's character stands there; before the beginning and past the end there is none."""
    if at < begin or at >= past:
        return False
    return _is_digit(data[at]) or _is_capital(data[at]) or data[at] == UNDERSCORE


@njit(nogil=True, cache=True)
def _houses(data: Any, offsets: Any, room: Any, ends: Any) -> None:
    end = np.int64(0)
    for row in range(ends.shape[0] - 1):
        begin, past = offsets[row], offsets[row + 1]
        first = end
        at = begin
        while at < past:
            if not _is_digit(data[at]) or _is_word(data, at - 1, begin, past):
                at += 1
                continue
            stop = at
            while stop < past and _is_digit(data[stop]):
                stop += 1
            letter = np.int64(-1)
            after = np.int64(-1)  # where the match ends; -1: none
            spaced = stop < past and _is_space(data[stop])
            if spaced and stop + 1 < past and _is_capital(data[stop + 1]) and not _is_word(data, stop + 2, begin, past):
                letter, after = stop + 1, stop + 2
            elif spaced and _is_word(data, stop + 1, begin, past):
                after = stop + 1
            elif stop < past and _is_capital(data[stop]) and not _is_word(data, stop + 1, begin, past):
                letter, after = stop, stop + 1
            elif not _is_word(data, stop, begin, past):
                after = stop
            if after < 0:
                at = stop
                continue
            if end > first:
                room[end] = POINT
                end += 1
            while at < stop and data[at] == ZERO:
                at += 1
            if at == stop and letter < 0:
                at -= 1  # nothing but noughts: one of them
            for digit in range(at, stop):
                room[end] = data[digit]
                end += 1
            if letter >= 0:
                room[end] = data[letter]
                end += 1
            at = after
        if end == first:  # no number: the name, up to the first comma
            at = begin
            while at < past and data[at] != COMMA:
                if _is_capital(data[at]):
                    room[end] = data[at]
                    end += 1
                at += 1
        ends[row + 1] = end
