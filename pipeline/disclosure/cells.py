"""What an attacker faces: cells with what is told of each, and the equations that bind them. Pure.

Cells that are shown give an interval (rounding); cells that are hidden give what is known anyway. All that
can be worked out by linear reasoning lies in these numbers and in the equations, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """One entry per cell. All arrays have the same length; `equations` has a column per cell, and each row says that
    the weighted sum of its cells is 0.

    shown_low, shown_high: what is known of the cell if it is shown. prior_low, prior_high: what is known if not.
    free: may be shown or hidden. out: shown already, or shown come what may. A cell that is neither is never shown.
    need: how wide the interval left to an attacker must be (0: nothing to protect); never wider than the prior's.
    cost: what hiding it costs, a unit of interval.
    """

    shown_low: Numbers
    shown_high: Numbers
    prior_low: Numbers
    prior_high: Numbers
    free: Mask
    out: Mask
    need: Numbers
    cost: Numbers
    equations: Any  # scipy.sparse.csr_matrix: it has no type information

    def __len__(self) -> int:
        return len(self.need)

    def known(self, hidden: Mask) -> tuple[Numbers, Numbers]:
        """Lower and upper ends of what is told of each cell, when these are hidden."""
        return np.where(hidden, self.prior_low, self.shown_low), np.where(hidden, self.prior_high, self.shown_high)

    def never_shown(self) -> Mask:
        return ~self.free & ~self.out

    def subset(self, chosen: npt.NDArray[np.intp]) -> Cells:
        """These cells and the equations among them (every equation must lie inside or outside)."""
        columns = self.equations[:, chosen]
        rows = np.flatnonzero(np.diff(columns.indptr))
        arrays = {name: getattr(self, name)[chosen] for name in _ARRAYS}
        return replace(self, **arrays, equations=sparse.csr_matrix(columns[rows]))

    def components(self) -> list[npt.NDArray[np.intp]]:
        """Cells bound to each other by equations: what is true of one says nothing of another's."""
        both = sparse.block_array([[None, self.equations.T], [self.equations, None]], format="csr")
        _, label = connected_components(both, directed=False) if self.equations.nnz else (0, np.arange(len(self)))
        label = label[: len(self)]
        order = np.argsort(label, kind="stable")
        return list(np.split(order, np.flatnonzero(np.diff(label[order])) + 1)) if len(order) else []

    def kinds(self, hidden: Mask) -> npt.NDArray[np.intp]:
        """A number per cell, the same for cells that stand in the same equations with the same knowledge of them: what
        follows for one follows for the other."""
        low, high = self.known(hidden)
        columns = self.equations.tocsc()
        seen: dict[tuple[object, ...], int] = {}
        numbers = np.empty(len(self), dtype=np.intp)
        for cell in range(len(self)):
            part = slice(columns.indptr[cell], columns.indptr[cell + 1])
            key = (
                columns.indices[part].tobytes(), columns.data[part].tobytes(), low[cell], high[cell], self.need[cell],
            )  # fmt: skip
            numbers[cell] = seen.setdefault(key, len(seen))
        return numbers

    def joined(self, other: Cells, equations: Any) -> Cells:
        """These cells, then the others, with equations over both beside their own."""
        own = sparse.block_diag([self.equations, other.equations])
        arrays = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in _ARRAYS}
        return replace(self, **arrays, equations=sparse.csr_matrix(sparse.vstack([own, equations])))

    def changed(self, **arrays: Any) -> Cells:
        return replace(self, **arrays)


_ARRAYS = ("shown_low", "shown_high", "prior_low", "prior_high", "free", "out", "need", "cost")


def secret_cells(need: Numbers, low: float = 0.0) -> Cells:
    """Cells that nobody shows: parts that tables have in common, and differences of what is shown."""
    length = len(need)
    none, zero, endless = np.zeros(length, dtype=bool), np.zeros(length), np.full(length, np.inf)
    lowest = np.full(length, low)
    return Cells(lowest, endless, lowest, endless, none, none, need, zero, sparse.csr_matrix((0, length)))


def equations_of(rows: list[dict[int, float]], length: int) -> Any:
    """Equations from one mapping (cell → weight) each."""
    at = [number for number, row in enumerate(rows) for _ in row]
    columns = [cell for row in rows for cell in row]
    weights = [weight for row in rows for weight in row.values()]
    return sparse.csr_matrix((np.array(weights, dtype=np.float64), (at, columns)), shape=(len(rows), length))
