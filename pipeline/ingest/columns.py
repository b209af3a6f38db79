"""One delivered column at a time: which of its cells break the contract, and what the others are as values.

A check is a reason code and a mask of the rows that fail it; the checks of a type stand in the order in which
they are tried. Nothing here knows of other columns, tables or deliveries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.contracts import DeliveredColumn

Mask: TypeAlias = NDArray[np.bool_]  # bool, one entry per row: True fails

DATE_FORM, UNKNOWN_CODE, REQUIRED_MISSING = "date_form", "unknown_code", "required_missing"
OUT_OF_RANGE, BAD_PATTERN = "out_of_range", "bad_pattern"

PSEUDONYM_BYTES = 16
HEX = r"^[0-9a-f]{32}$"
ISO_DATE = r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$"
ISO_MONTH = r"^(18|19|20)[0-9]{2}-(0[1-9]|1[0-2])$"
AREA = r"^[A-Z]{1,2}[0-9][A-Z0-9]?$"  # outward part of a postcode
INTEGER = r"^-?[0-9]{1,15}$"
NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$"
# A kept text without allowed values or pattern is a code. Anything longer is free text, which must not come in.
CODE = r"^[^\s\x00-\x1f]([^\x00-\x1f]{0,38}[^\s\x00-\x1f])?$"
NIBBLES = np.zeros(256, dtype=np.uint8)  # of a lower-case hex digit
NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
PATTERNS = {"pseudonym": HEX, "token": HEX, "area": AREA, "integer": INTEGER, "number": NUMBER}
BOOLEANS = ("true", "false")


def failing(column: DeliveredColumn, cells: pa.ChunkedArray) -> Iterator[tuple[str, Mask]]:
    """The checks of a column over its cells (string, null where empty): reason code and mask, in fixed order.

    A token that is missing never fails: identifiers that are not valid are left out at the partner.
    """
    missing = mask(pc.is_null(cells))
    source = column.source
    if source.required and column.type not in ("token", "area"):
        yield REQUIRED_MISSING, missing
    if column.type in PATTERNS:
        yield BAD_PATTERN, _unlike(cells, PATTERNS[column.type])
        if source.minimum is not None or source.maximum is not None:
            yield OUT_OF_RANGE, _outside(values(column, cells), source.minimum, source.maximum)
    elif column.type == "date":
        yield DATE_FORM, mask(pc.is_null(values(column, cells))) & ~missing
    elif column.type == "month":
        yield DATE_FORM, _unlike(cells, ISO_MONTH)
    elif column.type == "boolean":
        yield UNKNOWN_CODE, _not_among(cells, BOOLEANS)
    elif source.allowed is not None:
        yield UNKNOWN_CODE, _not_among(cells, source.allowed)
    else:
        yield BAD_PATTERN, _unlike(cells, CODE)
        if source.pattern is not None:
            yield BAD_PATTERN, _unlike(cells, source.pattern)


def values(column: DeliveredColumn, cells: pa.ChunkedArray) -> pa.Array:
    """The cells as values; null where a cell is missing or has no such form.

    pseudonym, token: 16 bytes · date: date32 · month: date32, first of the month · integer: int64 ·
    number: float64 · boolean: bool · area, string: string.
    """
    whole = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    if column.type in PATTERNS:
        whole = _only(whole, PATTERNS[column.type])
    if column.type in ("pseudonym", "token"):
        return hex_to_bytes(whole)
    if column.type in ("date", "month"):
        return _days(_only(whole, ISO_DATE if column.type == "date" else ISO_MONTH), column.type)
    if column.type == "integer":
        return whole.cast(pa.int64())
    if column.type == "number":
        return whole.cast(pa.float64())
    if column.type == "boolean":
        return pc.if_else(pc.is_in(whole, value_set=pa.array(BOOLEANS)), pc.equal(whole, "true"), None)
    return whole


def hex_to_bytes(digits: pa.Array) -> pa.Array:
    """Pseudonyms or tokens of 32 hex digits as 16 bytes; null stays null."""
    filled = pc.fill_null(digits, "0" * 2 * PSEUDONYM_BYTES)
    if not len(filled):
        return pa.array([], pa.binary(PSEUDONYM_BYTES))
    text, offset = filled.buffers()[2], filled.offset * 2 * PSEUDONYM_BYTES
    half = NIBBLES[np.frombuffer(text, np.uint8)[offset : offset + len(filled) * 2 * PSEUDONYM_BYTES]]
    packed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(PSEUDONYM_BYTES), len(digits), [None, pa.py_buffer((half[0::2] << 4 | half[1::2]).tobytes())]
    )
    valid = pa.array(mask(pc.is_valid(digits)))
    return pc.if_else(valid, packed, pa.scalar(None, pa.binary(PSEUDONYM_BYTES)))


def mask(flags: Any) -> Mask:
    """Arrow's booleans as numpy's; null is False."""
    return np.asarray(pc.fill_null(flags, False).to_numpy(zero_copy_only=False) if len(flags) else [], dtype=bool)


def _only(cells: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(cells, pattern), cells, pa.scalar(None, pa.string()))


def _unlike(cells: pa.ChunkedArray, pattern: str) -> Mask:
    return mask(pc.invert(pc.match_substring_regex(cells, pattern)))


def _not_among(cells: pa.ChunkedArray, allowed: tuple[str, ...]) -> Mask:
    return mask(pc.is_valid(cells)) & ~mask(pc.is_in(cells, value_set=pa.array(allowed)))


def _outside(numbers: pa.Array, minimum: float | None, maximum: float | None) -> Mask:
    outside = np.zeros(len(numbers), dtype=bool)
    if minimum is not None:
        outside |= mask(pc.less(numbers, minimum))
    if maximum is not None:
        outside |= mask(pc.greater(numbers, maximum))
    return outside


def _days(cells: pa.Array, type_: str) -> pa.Array:
    # pandas parses with one format and gives NaT for days that are in no calendar (30 February).
    form = "%Y-%m-%d" if type_ == "date" else "%Y-%m"
    days = pd.to_datetime(cells.to_pandas(), format=form, errors="coerce")
    return pa.array(days.to_numpy().astype("datetime64[D]"), type=pa.date32(), from_pandas=True)
