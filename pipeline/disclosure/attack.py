"""The attacker: what can be said of a cell from all that is shown, by linear programming (HiGHS). Pure.

The interval of a cell runs from the least to the greatest value it has in any table that agrees with what is told
(Willenborg and de Waal 2001, ch. 6; Hundepool et al. 2012, s. 4.3.3). With `whole` the attacker also uses that counts
are whole numbers, which can only narrow the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from pipeline.disclosure.cells import Cells, Mask, Numbers

CLOSE = 1e-6  # relative to the threshold, what the solver's tolerance is worth


def interval(
    cells: Cells, hidden: Mask, cell: int, *, whole: bool = False, also: Callable[[Numbers], None] | None = None
) -> tuple[float, float]:
    """The least and greatest value of a cell; infinite where nothing bounds it. `also` gets the tables found.

    Raises ArithmeticError when what is told contradicts itself.
    """
    low, high = cells.known(hidden)
    return _end(cells, low, high, cell, 1.0, whole, also), _end(cells, low, high, cell, -1.0, whole, also)


def _end(
    cells: Cells, low: Numbers, high: Numbers, cell: int, sign: float, whole: bool,
    also: Callable[[Numbers], None] | None,
) -> float:  # fmt: skip
    goal = np.zeros(len(cells))
    goal[cell] = sign
    if not cells.equations.shape[0]:
        return float(low[cell] if sign > 0 else high[cell])
    if whole:
        binding = LinearConstraint(cells.equations, 0, 0)
        found = milp(goal, constraints=binding, bounds=Bounds(low, high), integrality=np.ones(len(cells)))
    else:
        found = _solve(cells, goal, low, high)
    if found.status == 3 or (found.status == 4 and not np.isfinite(low if sign > 0 else high)[cell]):
        return -np.inf if sign > 0 else np.inf
    if found.status != 0:
        raise ArithmeticError(f"no table agrees with what is shown (status {found.status})")
    if also is not None:
        also(found.x)
    return float(found.x[cell])


def _solve(cells: Cells, goal: Numbers, low: Numbers, high: Numbers) -> Any:
    zeros = np.zeros(cells.equations.shape[0])
    bounds = np.column_stack([low, high])
    return linprog(goal, A_eq=cells.equations, b_eq=zeros, bounds=bounds, method="highs")


def enough(cells: Cells, cell: int, low: float, high: float) -> bool:
    """Whether an interval is as wide as the cell needs, or as wide as what is known anyway."""
    prior = cells.prior_high[cell] - cells.prior_low[cell]
    need = min(cells.need[cell], prior)
    return bool(high - low >= need - CLOSE * max(1.0, cells.need[cell]))


def exposed(cells: Cells, hidden: Mask, *, whole: bool = False) -> npt.NDArray[np.intp]:
    """The cells that need protection and have too little, when these are hidden."""
    found: list[int] = []
    for members in cells.components():
        if (cells.need[members] > 0).any():
            part, secret = cells.subset(members), hidden[members]
            found += [int(members[cell]) for cell in exposed_in(part, secret, whole=whole)]
    return np.array(sorted(found), dtype=np.intp)


def exposed_in(cells: Cells, hidden: Mask, *, whole: bool = False, first: bool = False) -> list[int]:
    """The same within one component; with `first`, no more than one of them.

    Every table found on the way shows how far each cell may move: most cells need no search of their own. Cells alike
    are tried once.
    """
    sensitive = np.flatnonzero(cells.need > 0)
    seen = _Seen(cells, hidden)
    if not whole:
        seen.look_around(sensitive)
    kinds, tried, found = cells.kinds(hidden), {}, []
    for cell in sensitive:
        kind = int(kinds[cell])
        if kind not in tried:
            tried[kind] = (not whole and seen.enough(int(cell))) or enough(
                cells, int(cell), *interval(cells, hidden, int(cell), whole=whole, also=None if whole else seen.add)
            )
        if not tried[kind]:
            found.append(int(cell))
            if first:
                break
    return found


class _Seen:
    """Tables that agree with what is shown, as the least and greatest value each cell had in any of them."""

    def __init__(self, cells: Cells, hidden: Mask) -> None:
        self.cells, self.hidden = cells, hidden
        self.low, self.high = np.full(len(cells), np.inf), np.full(len(cells), -np.inf)

    def add(self, table: Numbers) -> None:
        self.low, self.high = np.minimum(self.low, table), np.maximum(self.high, table)

    def enough(self, cell: int) -> bool:
        return enough(self.cells, cell, self.low[cell], self.high[cell])

    def look_around(self, sensitive: npt.NDArray[np.intp]) -> None:
        """Tables with all sensitive cells as great, and as small, as they can be together, and some in between."""
        cells = self.cells
        if not cells.equations.shape[0]:
            return
        low, high = cells.known(self.hidden)
        finite = np.concatenate([high[np.isfinite(high)], low[np.isfinite(low)], [0.0]])
        high = np.minimum(high, 2 * finite.max() + 10 * cells.need.max())  # far enough for every need
        signs = np.ones(len(sensitive))
        alternate = np.where(np.arange(len(sensitive)) % 2 == 0, 1.0, -1.0)
        for direction in (signs, -signs, alternate, -alternate):
            goal = np.zeros(len(cells))
            goal[sensitive] = direction
            found = _solve(cells, goal, low, high)
            if found.status == 0:
                self.add(found.x)
