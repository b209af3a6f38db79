"""A column of text as its distinct values and a code per row, so that each distinct value is worked on once.

No rule of the domain belongs here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MISSING = -1


@dataclass(frozen=True)
class Coded:
    """Distinct `values` (Arrow strings, none empty) and, per row, the index of its value (-1: no value).

    The representation leaves the values out: they may be a person's.
    """

    values: pa.StringArray
    codes: NDArray[np.int32]

    def __repr__(self) -> str:
        return f"Coded({len(self)} rows)"

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which rows have no value."""
        return self.codes < 0

    def spread(self, per_value: NDArray[Any], otherwise: Any) -> NDArray[Any]:
        """One entry per row from one entry per distinct value; `otherwise` where a row has no value."""
        return np.append(per_value, np.array([otherwise], dtype=per_value.dtype))[self.codes]

    def texts(self, values: pa.Array | None = None) -> pa.Array:
        """One Arrow entry per row (null: no value), of `values` or of what `values` says for each distinct value."""
        taken = self.values if values is None else values
        return taken.take(pa.array(self.codes, mask=self.missing))

    def mapped(self, values: pa.StringArray) -> Coded:
        """The column with each distinct value replaced; null or empty stands for no value; equal values join."""
        encoded = pc.dictionary_encode(pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values))
        indices = np.asarray(encoded.indices.fill_null(MISSING), dtype=np.int32)
        return Coded(encoded.dictionary.cast(pa.string()), self.spread(indices, MISSING))

    def without(self, rows: NDArray[np.bool_]) -> Coded:
        """The column with some rows' values left out."""
        return Coded(self.values, np.where(rows, np.int32(MISSING), self.codes)) if rows.any() else self

    def take(self, index: NDArray[Any]) -> Coded:
        """The column of a selection of rows; -1 in the index gives a row without a value."""
        return Coded(self.values, np.append(self.codes, np.int32(MISSING))[index])


def coded(texts: pa.Array | pa.ChunkedArray | list[str]) -> Coded:
    """A raw column: white space at both ends trimmed, empty text is no value."""
    array = pa.array(texts, pa.string()) if isinstance(texts, list) else texts
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # no rows: nothing to combine
        array = pa.array([], pa.string())
    trimmed = pc.utf8_trim_whitespace(array)
    rows = Coded(trimmed, np.arange(len(trimmed), dtype=np.int32))
    return rows.mapped(trimmed)


def joined(pieces: list[Coded]) -> Coded:
    """Columns one below the other as one; equal values join."""
    starts = np.cumsum([0, *(len(piece.values) for piece in pieces)])
    codes = [
        np.where(piece.missing, np.int32(MISSING), piece.codes + np.int32(start))
        for piece, start in zip(pieces, starts, strict=False)
    ]
    values = pa.concat_arrays([piece.values for piece in pieces])
    return Coded(values, np.concatenate(codes).astype(np.int32, copy=False)).mapped(values)


def shortened(column: Coded) -> Coded:
    """The column with the values that it has, and no others."""
    encoded = pc.dictionary_encode(column.texts())
    indices = np.asarray(encoded.indices.fill_null(MISSING), dtype=np.int32)
    return Coded(encoded.dictionary.cast(pa.string()), indices)


def each(values: pa.StringArray, function: Callable[[str], str | None]) -> tuple[pa.StringArray, NDArray[np.bool_]]:
    """`function` of every value: the new values, and which it could not read (None; empty is merely no value)."""
    found = [function(value) for value in values.to_pylist()]
    return pa.array(found, pa.string()), np.array([value is None for value in found], dtype=np.bool_)
