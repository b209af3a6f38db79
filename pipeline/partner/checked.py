"""What checking an extract finds: rows in normal form, the problem of each, and the rules that a row can break."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts import Table
from pipeline.partner.coded import Coded

Rows = NDArray[np.bool_]

RULES = {
    "date_form": ("a date is not of a form that the contract declares", "mend the dates, or declare their form"),
    "unknown_code": ("a code is not allowed here", "map it to an allowed code, or have the code added"),
    "required_missing": ("a required cell is empty", "fill it, or leave the row out"),
    "duplicate_reference": ("a reference stands on more than one row", "give each its own, or merge the rows"),
    "unknown_person": ("a row is about somebody who is not in the people file", "add the person, or leave the row out"),
    "out_of_range": ("a number or date is out of its range", "mend it"),
    "bad_pattern": ("a cell has not the form that the contract asks for", "mend it"),
}


@dataclass(frozen=True)
class CheckedTable:
    """One table, normalised: bad cells are empty.

    `problem` is, per row, an index into `problems` ("code:column"; 0 is ""). `left_out`: cells that held something
    which could not be a valid value and is no problem, by column.
    """

    table: Table
    lines: NDArray[np.int32]
    columns: dict[str, Coded]
    problems: tuple[str, ...]
    problem: NDArray[np.int16]
    left_out: dict[str, int]
    outside: tuple[str, ...]

    @property
    def clean(self) -> Rows:
        """Which rows have no problem."""
        return np.equal(self.problem, 0)

    def only(self, rows: Rows) -> CheckedTable:
        """Some rows, with their line numbers; what was left out is not counted again."""
        index = np.flatnonzero(rows)
        columns = {name: column.take(index) for name, column in self.columns.items()}
        return CheckedTable(
            self.table, self.lines[index], columns, self.problems, self.problem[index], {}, self.outside
        )
