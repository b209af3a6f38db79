"""Where the rows of a CSV file stand, found in one pass over the bytes, whatever the file's size.

Rows and lines run together unless cells hold line breaks or lines are blank. Quotation marks are read as the reader of
the cells reads them (`read_extract`): they count at the beginning of a cell only, and doubled within one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

PIECE = 1 << 22
FIRST_DATA_LINE = 2
QUOTE, COMMA, NEWLINE, RETURN = (np.uint8(ord(character)) for character in '",\n\r')
# What is carried from one piece of the file to the next, by place in an array.
_INSIDE, _CLOSING, _CELL_BEGINS, _IN_ROW, _LINE, _AFTER_RETURN, _ROWS, _PLAIN, _QUOTES, _READ = range(10)


class Lines:
    """The rows of one file, the header not among them: how many there are, where every so many of them begin, and which
    line each starts on. `quotes`: whether the file has quotation marks."""

    def __init__(self, path: Path, rows_at_once: int) -> None:
        self._rows_at_once = rows_at_once
        self._size = path.stat().st_size
        # A row has a byte at least, and a line break.
        self._places = np.zeros(self._size // (2 * rows_at_once) + 2, dtype=np.int64)
        state = _scan(path, np.zeros(0, dtype=np.int32), self._places, rows_at_once)
        self.quotes = bool(state[_QUOTES])
        self.rows = max(int(state[_ROWS]) - 1, 0)
        self._starts = None if state[_PLAIN] else np.zeros(self.rows + 1, dtype=np.int32)
        if self._starts is not None:
            _scan(path, self._starts, self._places, rows_at_once)

    def parts(self) -> Iterator[tuple[int, int, int, int]]:
        """Every so many rows: the number of the first, how many they are, and their bytes' beginning and end."""
        for part in range(-(-self.rows // self._rows_at_once)):
            first = part * self._rows_at_once
            rows = min(self._rows_at_once, self.rows - first)
            end = self._size if first + rows == self.rows else int(self._places[part + 1])
            yield first, rows, int(self._places[part]), end

    def of(self, first: int, rows: int) -> NDArray[np.int32]:
        """The lines of some rows, numbered from 0."""
        if self._starts is None:  # nothing spans lines, and no line is blank
            return np.arange(first + FIRST_DATA_LINE, first + rows + FIRST_DATA_LINE, dtype=np.int32)
        return self._starts[first + 1 : first + rows + 1]


def _scan(path: Path, starts: NDArray[np.int32], places: NDArray[np.int64], rows_at_once: int) -> NDArray[np.int64]:
    state = np.zeros(10, dtype=np.int64)
    state[_CELL_BEGINS] = state[_LINE] = state[_PLAIN] = 1
    with path.open("rb") as handle:
        while piece := handle.read(PIECE):
            _scan_piece(np.frombuffer(piece, dtype=np.uint8), state, starts, places, rows_at_once)
    return state


@njit(nogil=True, cache=True)
def _scan_piece(data: Any, state: Any, starts: Any, places: Any, rows_at_once: Any) -> None:
    inside, closing, cell_begins, in_row, line = state[0], state[1], state[2], state[3], state[4]
    after_return, rows, plain, quotes = state[5], state[6], state[7], state[8]
    for at in range(data.shape[0]):
        byte = data[at]
        if byte == NEWLINE and after_return:  # the second half of one line break
            after_return = 0
            continue
        is_break = byte in (NEWLINE, RETURN)
        after_return = 1 if byte == RETURN else 0
        if closing:
            closing = 0
            if byte == QUOTE:
                continue  # doubled: a quotation mark of the cell
            inside = 0
        if inside:
            if byte == QUOTE:
                closing = 1
            elif is_break:
                line += 1
            continue
        if is_break:
            line += 1
            in_row, cell_begins = 0, 1
            continue
        if not in_row:
            in_row = 1
            if rows < starts.shape[0]:
                starts[rows] = line
            if rows > 0 and (rows - 1) % rows_at_once == 0:
                places[(rows - 1) // rows_at_once] = state[9] + at
            rows += 1
            if line != rows:
                plain = 0
        if byte == QUOTE:
            quotes = 1
            inside = cell_begins
        cell_begins = 1 if byte == COMMA else 0
    state[0], state[1], state[2], state[3], state[4] = inside, closing, cell_begins, in_row, line
    state[5], state[6], state[7], state[8] = after_return, rows, plain, quotes
    state[9] += data.shape[0]
