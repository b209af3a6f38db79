"""Which rows of a table have a reference that stands on other rows too, found without holding the references.

Two readings: the first keeps eight bytes a row, a hash of the reference under a key of this run alone; only where some
of these are equal does the second look at the rows behind them, whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.contracts import Column
from pipeline.partner.coded import Coded
from pipeline.partner.hashing import Words, hmac_each
from pipeline.partner.read_extract import RawTable

Pieces = Callable[[Collection[str] | None], Iterable[RawTable]]  # of these columns only, or of all
LANES = 2  # words of a hash


def unique_columns(raw: RawTable) -> list[Column]:
    """The columns of a table whose values may stand once only."""
    return [column for column in raw.table.columns if column.unique and column.name in raw.columns]


def repeated_lines(pieces: Pieces, column: Column) -> NDArray[np.int32]:
    """The lines of rows whose reference stands on other rows too: all of them, since nobody can say which is right; of
    rows that are the same in every cell, the first stays. Ascending."""
    key = secrets.token_bytes(32)
    seen = [np.zeros(0, dtype=np.uint64)]
    for piece in pieces([column.name]):
        cells = piece.columns[column.name]
        seen.append(_hashes(key, cells)[~cells.missing, 0])
    firsts = np.concatenate(seen)
    seen.clear()
    firsts.sort()
    often = np.unique(firsts[1:][firsts[1:] == firsts[:-1]])
    del firsts
    if not len(often):
        return np.zeros(0, dtype=np.int32)
    lines, references, wholes = [], [], []
    for piece in pieces(None):
        cells = piece.columns[column.name]
        hashes = _hashes(key, cells)
        rows = np.flatnonzero(~cells.missing & np.isin(hashes[:, 0], often))
        if len(rows):
            lines.append(piece.lines[rows])
            references.append(hashes[rows])
            wholes.append(_of_whole_rows(key, piece, rows))
    return _judged(np.concatenate(lines), np.concatenate(references), np.concatenate(wholes))


def _judged(lines: NDArray[np.int32], references: Words, wholes: Words) -> NDArray[np.int32]:
    _, first, same, standing = np.unique(references, axis=0, return_index=True, return_inverse=True, return_counts=True)
    same = same.ravel()
    unlike = (wholes != wholes[first[same]]).any(axis=1)
    only_copies = np.bincount(same, weights=unlike, minlength=len(first)) == 0
    is_first = np.zeros(len(lines), dtype=np.bool_)
    is_first[first] = True
    return np.sort(lines[(standing[same] > 1) & ~(only_copies[same] & is_first)])


def _hashes(key: bytes, cells: Coded) -> Words:
    """The hash of each row's cell (rows, LANES); of an empty one it is that of no text."""
    values = pa.concat_arrays([cells.values, pa.array([""], pa.string())])
    return np.ascontiguousarray(hmac_each(key, values)[:, : LANES * 8]).view(np.uint64)[cells.codes]


def _of_whole_rows(key: bytes, piece: RawTable, rows: NDArray[np.int64]) -> Words:
    """A hash of all cells of each row: the HMAC of its cells' hashes as text."""
    cells = [_hashes(key, column.take(rows)) for column in piece.columns.values()]
    joined = np.concatenate(cells, axis=1).view(np.uint8)
    texts = pa.array([row.tobytes().hex() for row in joined], pa.string())
    return np.ascontiguousarray(hmac_each(key, texts)[:, : LANES * 8]).view(np.uint64)
