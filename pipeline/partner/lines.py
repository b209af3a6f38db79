"""Which line of a CSV file each of its rows starts on, found in one pass over the bytes, whatever the file's size.

Rows and lines run together unless cells hold line breaks or lines are blank. Quotation marks are read as the reader of
the cells reads them (`read_extract`): they count at the beginning of a cell only, and doubled within one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

PIECE = 1 << 22
FIRST_DATA_LINE = 2
QUOTE, COMMA, NEWLINE, RETURN = (np.uint8(ord(character)) for character in '",\n\r')
# What is carried from one piece of the file to the next, by place in an array.
_INSIDE, _CLOSING, _CELL_BEGINS, _IN_ROW, _LINE, _AFTER_RETURN, _ROWS, _PLAIN, _QUOTES = range(9)


class Lines:
    """The lines of one file: `plain` where row n stands on line n + 2; `quotes` where the file has quotation marks;
    `rows`, the header not among them."""

    def __init__(self, path: Path) -> None:
        state = _scan(path, np.zeros(0, dtype=np.int32))
        self.plain, self.quotes = bool(state[_PLAIN]), bool(state[_QUOTES])
        self.rows = max(int(state[_ROWS]) - 1, 0)
        self._starts = np.zeros(0, dtype=np.int32)
        if not self.plain:
            starts = np.zeros(self.rows + 1, dtype=np.int32)
            _scan(path, starts)
            self._starts = starts[1:]

    def of(self, first: int, rows: int) -> NDArray[np.int32]:
        """The lines of some rows, numbered from 0."""
        if self.plain:
            return np.arange(first + FIRST_DATA_LINE, first + rows + FIRST_DATA_LINE, dtype=np.int32)
        return self._starts[first : first + rows]


def _scan(path: Path, starts: NDArray[np.int32]) -> NDArray[np.int64]:
    state = np.zeros(9, dtype=np.int64)
    state[_CELL_BEGINS] = state[_LINE] = state[_PLAIN] = 1
    with path.open("rb") as handle:
        while piece := handle.read(PIECE):
            _scan_piece(np.frombuffer(piece, dtype=np.uint8), state, starts)
    return state


@njit(nogil=True, cache=True)
def _scan_piece(data: Any, state: Any, starts: Any) -> None:
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
            rows += 1
            if line != rows:
                plain = 0
        if byte == QUOTE:
            quotes = 1
            inside = cell_begins
        cell_begins = 1 if byte == COMMA else 0
    state[0], state[1], state[2], state[3], state[4] = inside, closing, cell_begins, in_row, line
    state[5], state[6], state[7], state[8] = after_return, rows, plain, quotes
