"""The level of each of many pairs of rows, comparison by comparison, as the link model declares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts.linkage import Comparison
from pipeline.levels.declared import code_level_masks, date_level_table, history_level, most_bits, name_level_table
from pipeline.levels.kernels import (
    MISSING,
    Codes,
    DateParts,
    Index,
    Levels,
    Names,
    code_levels,
    date_levels,
    differing,
    with_history,
)


@dataclass(frozen=True)
class History:
    """All the values a row ever had of one column: row i has `values[starts[i]:starts[i + 1]]`, ascending codes."""

    starts: Index
    values: Codes


@dataclass(frozen=True)
class Comparable:
    """The encoded values of a set of rows, by the name of field or column; every array has one entry per row."""

    names: Mapping[str, Names] = field(default_factory=dict)
    date_parts: DateParts | None = None
    codes: Mapping[str, Codes] = field(default_factory=dict)
    histories: Mapping[str, History] = field(default_factory=dict)


def comparison_levels(comparison: Comparison, data: Comparable, index_a: Index, index_b: Index) -> Levels:
    """The level of each pair of rows in one comparison of the link model, -1 where either side is missing.

    `data` needs, by kind: `name` the encodings of the comparison's name (and of the name it may be exchanged with),
    `date_parts` the date parts, `equal` and `any_equal` the codes of the comparison's columns. A name found
    exchanged takes the level that says so in both comparisons. Where `data` has no history of a column, the levels
    that ask for it are reached by nothing.
    """
    if comparison.kind == "name":
        return _name_comparison(comparison, data, index_a, index_b)
    if comparison.kind == "date_parts":
        if data.date_parts is None:
            raise KeyError(comparison.name)
        return date_levels(data.date_parts, index_a, index_b, date_level_table(comparison))
    codes = np.ascontiguousarray(np.stack([data.codes[column] for column in comparison.columns], axis=1))
    levels = code_levels(codes, index_a, index_b, code_level_masks(comparison))
    for column in comparison.columns:
        reached, history = history_level(comparison, column), data.histories.get(column)
        if history is not None and reached < len(comparison.levels):
            last = len(comparison.levels) - 1
            with_history(levels, history.starts, history.values, index_a, index_b, reached, last)
    return levels


def _name_comparison(comparison: Comparison, data: Comparable, index_a: Index, index_b: Index) -> Levels:
    names = data.names[comparison.name]
    bits = differing(names, names, index_a, index_b)
    levels = np.where(bits < 0, np.int8(MISSING), name_level_table(comparison)[bits])
    for code, level in enumerate(comparison.levels):
        if level.exchanged_with is not None and level.similarity is not None:
            other, most = data.names[level.exchanged_with], most_bits(level.similarity)
            crossed = [differing(names, other, one, two) for one, two in ((index_a, index_b), (index_b, index_a))]
            reached = np.logical_and.reduce([(bits >= 0) & (bits <= most) for bits in crossed])
            levels[reached & (levels > code)] = code
    return levels


def equal(codes: Codes, index_a: Index, index_b: Index) -> Levels:
    """0 where the codes agree, 1 where they differ, -1 where either is missing."""
    return code_levels(codes.reshape(-1, 1), index_a, index_b, np.ones((1, 1), dtype=np.bool_))


def any_equal(codes: Codes, index_a: Index, index_b: Index) -> Levels:
    """0 where any column (codes: rows x columns) agrees, 1 where some are held by both and none agrees, else -1."""
    return code_levels(codes, index_a, index_b, np.ones((1, codes.shape[1]), dtype=np.bool_))


def count_levels(levels: Levels, number: int) -> NDArray[np.int64]:
    """How many pairs reach each of the `number` levels; missing pairs are not counted."""
    return np.bincount(levels[levels >= 0], minlength=number).astype(np.int64)
