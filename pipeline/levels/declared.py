"""The levels that a comparison of the link model declares, as the small arrays that the kernels read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts.linkage import DATE_PART_NAMES, Comparison, Level
from pipeline.levels.kernels import Levels

NEVER = 2.0  # no Dice and no overlap reaches it


def name_thresholds(comparison: Comparison) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Per level but the last, in order: lowest Dice, lowest overlap, most bits of the shorter name for the overlap.

    What a level does not ask by is set so that nothing reaches it by that; an exchange is reached by neither.
    """
    dice, overlap, shorter = [], [], []
    for level in comparison.levels[:-1]:
        straight = level.exchanged_with is None
        dice.append(level.dice if straight and level.dice is not None else NEVER)
        overlap.append(level.overlap if straight and level.overlap is not None else NEVER)
        shorter.append(level.shorter_bits if level.shorter_bits is not None else np.inf)
    return np.array(dice, np.float32), np.array(overlap, np.float32), np.array(shorter, np.float32)


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
