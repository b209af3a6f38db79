"""A link model compiled into the small arrays that the walk over blocks reads (`kernel`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts.linkage import Comparison, LinkModel
from pipeline.levels import DATE_PARTS, code_level_masks, date_level_table, history_level, most_bits, name_level_table
from pipeline.levels.declared import NAME_BITS

NAME, DATE, CODE = 0, 1, 2
KINDS = {"name": NAME, "date_parts": DATE, "equal": CODE, "any_equal": CODE}


class Plan(NamedTuple):
    """One entry per comparison, cheap ones first and the names last, unless said otherwise."""

    kind: NDArray[np.int64]
    radix: NDArray[np.int64]  # a level weighs radix x (level + 1) in the pattern's number
    last: NDArray[np.int64]  # code of the last level
    dates: NDArray[np.int64]  # per (day 1 + month 2 + year 4 that agree) x 2 + exchanged: the level
    apart: NDArray[np.int8]  # (comparisons, 513): the level of names whose encodings differ in so many bits
    field: NDArray[np.int64]  # which name
    other_field: NDArray[np.int64]  # which name it may be exchanged with, -1 none
    exchange: NDArray[np.int64]  # the level that says so
    exchange_bits: NDArray[np.int64]  # in how many bits exchanged names differ at most
    gram_sets: bool  # names are sets of grams, a bit each, not encodings
    # Codes: columns [first, end) belong to the comparison. Per column: the level that its equality reaches; which
    # history it has (-1: none) and the level that a common value of it reaches.
    first_column: NDArray[np.int64]
    end_column: NDArray[np.int64]
    equal_level: NDArray[np.int64]
    history: NDArray[np.int64]
    history_level: NDArray[np.int64]

    @property
    def names(self) -> int:
        """How many comparisons are of names."""
        return int((self.kind == NAME).sum())


def plan_of(model: LinkModel, radix: NDArray[np.int64], fields: tuple[str, ...]) -> Plan:
    """`radix`: the weight of each comparison in the number of a pattern; `fields`: the names that are encoded, in
    order. A comparison of a name without encodings is left out: it is always missing."""
    order = sorted(range(len(model.comparisons)), key=lambda place: KINDS[model.comparisons[place].kind] == NAME)
    order = [place for place in order if _has_values(model.comparisons[place], fields)]
    comparisons = [model.comparisons[place] for place in order]
    apart = np.zeros((len(order), NAME_BITS + 1), dtype=np.int8)
    exchange = np.full((3, len(order)), -1, dtype=np.int64)
    dates = np.zeros(2 << DATE_PARTS, dtype=np.int64)
    columns = np.zeros((2, len(order)), dtype=np.int64)
    per_column: list[tuple[int, int, int]] = []
    for row, comparison in enumerate(comparisons):
        columns[:, row] = len(per_column)
        if comparison.kind == "name":
            apart[row] = name_level_table(comparison)
            for code, level in enumerate(comparison.levels):
                if level.exchanged_with in fields and level.similarity is not None:
                    exchange[:, row] = fields.index(str(level.exchanged_with)), code, most_bits(level.similarity)
        elif comparison.kind == "date_parts":
            dates = date_level_table(comparison).ravel().astype(np.int64)
        else:
            per_column += _column_levels(comparison, tuple(model.histories))
            columns[1, row] = len(per_column)
    of_columns = np.array(per_column, dtype=np.int64).reshape(-1, 3).T
    return Plan(
        kind=np.array([KINDS[comparison.kind] for comparison in comparisons], dtype=np.int64),
        radix=radix[order].astype(np.int64),
        last=np.array([len(comparison.levels) - 1 for comparison in comparisons], dtype=np.int64),
        dates=dates,
        apart=apart,
        field=np.array([fields.index(c.name) if c.kind == "name" else -1 for c in comparisons], dtype=np.int64),
        other_field=exchange[0],
        exchange=exchange[1],
        exchange_bits=exchange[2],
        gram_sets=model.gram_sets,
        first_column=columns[0],
        end_column=columns[1],
        equal_level=np.ascontiguousarray(of_columns[0]),
        history=np.ascontiguousarray(of_columns[1]),
        history_level=np.ascontiguousarray(of_columns[2]),
    )


def code_columns(model: LinkModel) -> tuple[str, ...]:
    """The columns that the code comparisons read, in the plan's order."""
    return tuple(
        column for comparison in model.comparisons if KINDS[comparison.kind] == CODE for column in comparison.columns
    )


def _has_values(comparison: Comparison, fields: tuple[str, ...]) -> bool:
    return comparison.kind != "name" or comparison.name in fields


def _column_levels(comparison: Comparison, histories: tuple[str, ...]) -> list[tuple[int, int, int]]:
    """Per column: the level its equality reaches, its history (-1 none), the level a common value of that reaches."""
    last = len(comparison.levels) - 1
    found = []
    for column, mask in zip(comparison.columns, code_level_masks(comparison).T, strict=True):
        reached = history_level(comparison, column)
        history = histories.index(column) if column in histories and reached <= last else -1
        found.append((int(np.argmax(mask)) if mask.any() else last, history, min(reached, last)))
    return found
