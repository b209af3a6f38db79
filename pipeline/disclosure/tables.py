"""Tables of counts and of amounts, from one row per family to what may leave. Pure.

Counts: the threshold rule, whole groups, rounding. Amounts: fewer families than the threshold, dominance of the largest
(the (n, k) rule) and the p% rule (Hundepool et al. 2012, s. 4.2; Willenborg and de Waal 2001, s. 6.2), rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.disclosure.cells import Numbers
from pipeline.disclosure.declared import Control
from pipeline.disclosure.regions import Dimension, Region, cells_of
from pipeline.disclosure.releasing import Earlier, Figures, Released, release

ALL = "all {}s"


@dataclass(frozen=True)
class Table:
    """A table about to be released: the names of each cell (a column per dimension), its region, and its figures."""

    names: pd.DataFrame
    regions: list[Region]
    figures: Figures
    complete: dict[str, tuple[str, ...]]

    def released(self, earlier: Sequence[Earlier] = (), as_at: str = "", *, strict: bool = True) -> Released:
        """The table as it may leave; raises as `release` does."""
        return release(self.regions, self.figures, earlier, self.complete, as_at, strict=strict)


def dimensions_of(
    rows: pd.DataFrame,
    by: Sequence[str],
    totals: Sequence[str],
    groups: Mapping[str, Mapping[str, str]],
    leaves: Mapping[str, Sequence[str]] | None = None,
) -> list[Dimension]:
    """The columns of a table, with the values that occur (and those given as `leaves`), their groups and totals."""
    given = leaves or {}
    return [
        Dimension(
            name,
            tuple(sorted({*rows[name].astype(str), *given.get(name, ())})),
            groups.get(name, {}),
            ALL.format(name) if name in totals else None,
        )
        for name in by
    ]


def count_table(
    rows: pd.DataFrame, dimensions: Sequence[Dimension], control: Control, of: pd.DataFrame | None = None
) -> Table:
    """Families by these columns. `rows`: one per family, with a column per dimension; `of`: the rows of the groups they
    are taken from, so that a count that leaves few out is hidden too."""
    cells = cells_of(dimensions)
    exact = _sums(rows, dimensions)
    most = np.full(len(exact), np.inf)
    need = np.where(control.small(exact), float(control.threshold), 0.0)
    if of is not None:
        groups = _sums(of, dimensions)
        whole = (exact > 0) & (groups - exact < control.threshold)
        need, most = np.where(whole, float(control.threshold), need), groups
    return _table(cells, dimensions, count_figures(exact, need, most, control, _levels(dimensions)))


def count_figures(exact: Numbers, need: Numbers, most: Numbers, control: Control, level: Numbers) -> Figures:
    """What the rules make of exact counts; `level` is 0 for a leaf, more for totals, which are dearer to hide."""
    low, high = control.told(exact)
    return Figures(
        exact=exact, shown=control.nearest(exact), low=low, high=high, need=need,
        step=np.full(len(exact), float(control.threshold)), prior_low=1.0, most=most,
        weight=np.log2(2 + exact) * (1 + 3 * level),
    )  # fmt: skip


def amount_table(
    rows: pd.DataFrame, dimensions: Sequence[Dimension], control: Control, amount: str, family: str = "family_id"
) -> Table:
    """Sums of `amount` by these columns; `rows`: one or more per family, amounts above 0."""
    cells = cells_of(dimensions)
    total, families, first, second, top = _contributions(rows, dimensions, amount, family, control.contributors)
    rest = total - first - second
    few = (families > 0) & (families < control.threshold)
    dominated = (total > 0) & ((top > control.share * total) | (rest < control.p * first))
    wide = 2 * np.maximum.reduce([control.p * first - rest, top / control.share - total, control.p * first])
    exact_step = np.divide(total * control.threshold, families, out=np.zeros(len(total)), where=families > 0)
    base = control.amount_base
    shown = np.floor(total / base + 0.5) * base
    return _table(
        cells, dimensions,
        Figures(
            exact=total, shown=shown, low=np.where(total > 0, np.maximum(shown - base / 2, 0), 0.0),
            high=np.where(total > 0, shown + base / 2, 0.0), need=np.where(few | dominated, wide, 0.0),
            step=exact_step, prior_low=0.0, most=np.full(len(total), np.inf),
            weight=np.log2(2 + total / base) * (1 + 3 * _levels(dimensions)) / np.maximum(total, base),
        ),
    )  # fmt: skip


def _table(cells: Sequence[tuple[tuple[str, ...], Region]], dimensions: Sequence[Dimension], figures: Figures) -> Table:
    names = pd.DataFrame([name for name, _ in cells], columns=[dimension.name for dimension in dimensions])
    complete = {dimension.name: dimension.leaves for dimension in dimensions}
    return Table(names, [region for _, region in cells], figures, complete)


def _levels(dimensions: Sequence[Dimension]) -> Numbers:
    """How many columns of a cell are taken together: 0 for a leaf."""
    per = [np.array([0.0 if own and len(own) == 1 else 1.0 for own in d.nodes().values()]) for d in dimensions]
    level = np.zeros(1)
    for one in per:
        level = np.add.outer(level, one).ravel()
    return level


def _nodes_by_leaves(dimension: Dimension) -> Numbers:
    """Which leaves each row of the table in this column takes in."""
    place = {leaf: number for number, leaf in enumerate(dimension.leaves)}
    matrix = np.zeros((len(dimension.nodes()), len(place)))
    for row, own in enumerate(dimension.nodes().values()):
        matrix[row, [place[leaf] for leaf in (own or dimension.leaves)]] = 1
    return matrix


def _sums(rows: pd.DataFrame, dimensions: Sequence[Dimension]) -> Numbers:
    """Rows per cell, in the order of `cells_of`."""
    shape = [len(dimension.leaves) for dimension in dimensions]
    at = [pd.Categorical(rows[d.name].astype(str), categories=list(d.leaves)).codes for d in dimensions]
    counted = np.zeros(shape)
    inside = np.all([codes >= 0 for codes in at], axis=0) if len(rows) else np.zeros(0, dtype=bool)
    np.add.at(counted, tuple(np.asarray(codes)[inside] for codes in at), 1)
    for axis, dimension in enumerate(dimensions):
        counted = np.moveaxis(np.tensordot(_nodes_by_leaves(dimension), counted, axes=(1, axis)), 0, axis)
    return counted.ravel()


def _contributions(
    rows: pd.DataFrame, dimensions: Sequence[Dimension], amount: str, family: str, top: int
) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
    """Per cell: sum, families behind it, the largest and the second largest family's, and that of the `top` largest."""
    names = [dimension.name for dimension in dimensions]
    found: dict[str, list[float]] = {"sum": [], "n": [], "first": [], "second": [], "top": []}
    leaf = rows.assign(**{name: rows[name].astype(str) for name in names})
    for cell, region in cells_of(dimensions):
        inside = np.ones(len(leaf), dtype=bool)
        for name in names:
            if name in region:
                inside &= leaf[name].isin(region[name]).to_numpy()
        each = np.sort(leaf[inside].groupby(family)[amount].sum().to_numpy(dtype=np.float64))[::-1]
        assert len(cell) == len(names)
        found["sum"].append(float(each.sum()))
        found["n"].append(float(len(each)))
        found["first"].append(float(each[0]) if len(each) else 0.0)
        found["second"].append(float(each[1]) if len(each) > 1 else 0.0)
        found["top"].append(float(each[:top].sum()))
    total, families, first, second, largest = (np.array(values) for values in found.values())
    return total, families, first, second, largest
