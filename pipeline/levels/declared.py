"""The levels that a comparison of the link model declares, as the small arrays that the kernels read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts.linkage import DATE_PART_NAMES, Comparison, Level
from pipeline.levels.kernels import Levels

NAME_BITS = 512
SIMILARITY = np.cos(np.pi * np.arange(NAME_BITS + 1) / NAME_BITS)  # of two encodings that differ in so many bits


def name_level_table(comparison: Comparison) -> Levels:
    """(513,): the level of two names whose encodings differ in so many bits; exchanges are reached by none.

    Encodings of two names differ in a share of bits that is the angle between their sets of grams, over pi (Charikar
    2002); its cosine is |A and B| / sqrt(|A| |B|).
    """
    table = np.full(NAME_BITS + 1, len(comparison.levels) - 1, dtype=np.int8)
    for code in range(len(comparison.levels) - 2, -1, -1):
        level = comparison.levels[code]
        if level.exchanged_with is None and level.similarity is not None:
            table[: most_bits(level.similarity) + 1] = code
    return table


def most_bits(similarity: float) -> int:
    """The most bits in which the encodings of two names of at least this similarity differ."""
    return int(np.flatnonzero(similarity <= SIMILARITY).max())


def date_level_table(comparison: Comparison) -> Levels:
    """(8, 2) table: which parts agree (day 1 + month 2 + year 4) and whether day and month are exchanged → the first
    level that holds."""
    table = np.full((1 << len(DATE_PART_NAMES), 2), len(comparison.levels) - 1, dtype=np.int8)
    for agree in range(len(table)):
        for swapped in (0, 1):
            for code, level in enumerate(comparison.levels):
                if _holds(level, agree, bool(swapped)):
                    table[agree, swapped] = code
                    break
    return table


def _holds(level: Level, agree: int, swapped: bool) -> bool:
    wanted = level.parts
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return agree.bit_count() >= wanted
    if wanted == "swap":
        return swapped
    return bool(agree >> DATE_PART_NAMES.index(wanted) & 1)


def code_level_masks(comparison: Comparison) -> NDArray[np.bool_]:
    """(levels - 1, columns): which columns' equality reaches a level; a level that names none takes them all."""
    return np.array(
        [
            [not level.columns or column in level.columns for column in comparison.columns]
            for level in comparison.levels[:-1]
        ],
        dtype=np.bool_,
    ).reshape(len(comparison.levels) - 1, len(comparison.columns))


def history_level(comparison: Comparison, column: str) -> int:
    """The first level reached by any value that both ever had of a column; the number of levels where none is."""
    for code, level in enumerate(comparison.levels[:-1]):
        if level.history and (not level.columns or column in level.columns):
            return code
    return len(comparison.levels)
