"""Secondary suppression: which cells are hidden beside the small ones, so that none of these can be worked out. Pure.

For a cell whose interval is too narrow, the cheapest table is sought that agrees with what is shown, but for some cells
that would have to be hidden, and in which the cell is as far from its other end as it needs to be: the linear
relaxation of the cell suppression problem, one cell after another (Kelly, Golden and Assad 1992; Fischetti and Salazar
2000; Hundepool et al. 2012, s. 4.4). What is shown rounded may move inside its interval without being hidden. Cells
that turn out not to be needed are shown again, the dearest first. The attacker has the last word.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linprog

from pipeline.disclosure.attack import CLOSE, enough, exposed_in, interval
from pipeline.disclosure.cells import Cells, Mask

SHOWN_AGAIN = 12  # at most so many cells of one component are tried to be shown again: each costs an attack


class UnprotectableError(ArithmeticError):
    """Some cell cannot be protected by hiding what may still be hidden: the table must not be released.

    `cells`: their places.
    """

    def __init__(self, cells: npt.NDArray[np.intp]) -> None:
        self.cells = cells
        super().__init__(f"{len(cells)} cells cannot be protected")


def protect(cells: Cells, must: Mask | None = None) -> Mask:
    """Which cells are hidden: those that need protection (and those that `must` be), those never shown, and those that
    protect them.

    Raises UnprotectableError when what is out already gives a cell away.
    """
    hidden = cells.never_shown() | (cells.free & (cells.need > 0))
    if must is not None:
        hidden |= must
    lost: list[int] = []
    for members in cells.components():
        if not (cells.need[members] > 0).any():
            continue
        part = cells.subset(members)
        secret, failed = _protect_component(part, hidden[members])
        hidden[members] = secret
        lost += [int(members[cell]) for cell in failed]
    if lost:
        raise UnprotectableError(np.array(sorted(lost), dtype=np.intp))
    return hidden


def _protect_component(cells: Cells, hidden: Mask) -> tuple[Mask, list[int]]:
    """Hide until nothing is exposed; then show again what is not needed. Returns the mask and what stays exposed."""
    start = hidden.copy()
    while waiting := exposed_in(cells, hidden):
        more = np.zeros(len(cells), dtype=bool)
        for cell in waiting:
            low, high = interval(cells, hidden | more, cell)
            if not enough(cells, cell, low, high):
                more |= _cheapest(cells, hidden | more, cell, low, high)
        if not (more & ~hidden).any():
            return hidden, waiting
        hidden = hidden | more
    return _without_needless(cells, hidden, start), []


def _cheapest(cells: Cells, hidden: Mask, cell: int, low: float, high: float) -> Mask:
    """The cells to hide so that this one may reach as far as it needs: upwards, or where that is impossible downwards;
    none where neither is possible."""
    need = min(cells.need[cell], cells.prior_high[cell] - cells.prior_low[cell])
    tries = [("up", low + need), ("down", high - need)]
    for way, target in tries:
        beyond = target > cells.prior_high[cell] if way == "up" else target < cells.prior_low[cell]
        if beyond and not np.isclose(target, cells.prior_high[cell] if way == "up" else cells.prior_low[cell]):
            continue
        found = _moved(cells, hidden, cell, target)
        if found is not None:
            return found
    everything = cells.free & (cells.shown_high > 0)
    wider = interval(cells, hidden | everything, cell)
    return everything if enough(cells, cell, *wider) else np.zeros(len(cells), dtype=bool)


def _moved(cells: Cells, hidden: Mask, cell: int, target: float) -> Mask | None:
    """Cells that leave their interval in the cheapest table with this cell at `target`; None where there is none."""
    low, high = cells.known(hidden)
    low, high = low.copy(), high.copy()
    low[cell] = high[cell] = target
    open_ = cells.free & ~hidden & (cells.shown_high > 0)
    may = np.flatnonzero(open_)
    columns = cells.equations[:, may]
    matrix = sparse.hstack([cells.equations, columns, -columns], format="csr")
    goal = np.concatenate([np.zeros(len(cells)), cells.cost[may], cells.cost[may]])
    bounds = np.vstack(
        [
            np.column_stack([low, high]),
            np.column_stack([np.zeros(len(may)), np.maximum(cells.prior_high[may] - high[may], 0)]),
            np.column_stack([np.zeros(len(may)), np.maximum(low[may] - cells.prior_low[may], 0)]),
        ]
    )
    found = linprog(goal, A_eq=matrix, b_eq=np.zeros(matrix.shape[0]), bounds=bounds, method="highs")
    if found.status != 0:
        return None
    excess = found.x[len(cells) : len(cells) + len(may)] + found.x[len(cells) + len(may) :]
    chosen = np.zeros(len(cells), dtype=bool)
    chosen[may[excess > CLOSE * max(1.0, cells.need[cell])]] = True
    return chosen


def _without_needless(cells: Cells, hidden: Mask, start: Mask) -> Mask:
    """Show again, the dearest first, what is hidden to protect others and is not needed for it."""
    extra = np.flatnonzero(hidden & ~start)
    for cell in extra[np.argsort(-cells.cost[extra], kind="stable")][:SHOWN_AGAIN]:
        tried = hidden.copy()
        tried[cell] = False
        if not exposed_in(cells, tried, first=True):
            hidden = tried
    return hidden
