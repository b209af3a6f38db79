"""A table as it may leave: what is hidden, what is rounded, what stands as it stood. Pure.

In this order: small counts and whole groups are found; a figure that was released before stands until its count has
moved by a threshold; what else must be hidden is sought, against everything that was released of the same people
before; the rest is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from pipeline.disclosure.attack import exposed, interval
from pipeline.disclosure.cells import Cells, Mask, Numbers, equations_of, secret_cells
from pipeline.disclosure.protect import UnprotectableError, protect
from pipeline.disclosure.regions import Region, bound, key_of, membership

SHOWN, HELD, HIDDEN = "shown", "held", "hidden"


@dataclass(frozen=True)
class Figures:
    """Numbers about to be released, one per region, with what the rules make of them.

    exact; shown: the number if it is shown; low, high: what that tells; need: interval to be left to an attacker (0:
    not sensitive); step: by how much it must move before another figure is shown; prior_low: what is known of a hidden
    one; most: what it cannot exceed, by common knowledge; weight: what hiding it costs.
    """

    exact: Numbers
    shown: Numbers
    low: Numbers
    high: Numbers
    need: Numbers
    step: Numbers
    prior_low: float
    most: Numbers
    weight: Numbers


@dataclass(frozen=True)
class Earlier:
    """One region as it was last released, and every figure it ever had. `exact` and `as_at` are of that release; `low`
    and `high` what it told (None: hidden); `references`: (exact, shown, low, high) of each figure ever shown."""

    region: Region
    as_at: str
    exact: float
    need: float
    low: float | None
    high: float | None
    references: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True)
class Released:
    """Per region: shown (NaN where hidden), how (shown, held or hidden), reference (the exact number the figure was
    made of), low and high (what is told), need."""

    shown: Numbers
    how: npt.NDArray[np.object_]
    reference: Numbers
    low: Numbers
    high: Numbers
    need: Numbers
    given_away: int = 0  # cells that nothing done now can protect: earlier releases tell of them

    def counts(self, index: pd.Index | pd.MultiIndex | None = None) -> pd.Series:
        return pd.Series(self.shown, index=index).astype("Int64")


def as_earlier(
    regions: Sequence[Region], figures: Figures, released: Released, as_at: str, before: Sequence[Earlier] = ()
) -> list[Earlier]:
    """What a release tells, as the next one meets it; with what was released `before` of other regions."""
    known = {key_of(entry.region): entry for entry in before}
    for cell, region in enumerate(regions):
        entry = known.get(key_of(region))
        references = list(entry.references) if entry else []
        hidden = bool(np.isnan(released.shown[cell]))
        if not hidden and figures.exact[cell] > 0:
            reference = float(released.reference[cell])
            old = [one for one in references if one[0] == reference]
            made = (reference, float(released.shown[cell]), float(figures.low[cell]), float(figures.high[cell]))
            references = [one for one in references if one[0] != reference] + (old or [made])
        known[key_of(region)] = Earlier(
            region, as_at, float(figures.exact[cell]), float(released.need[cell]),
            None if hidden else float(released.low[cell]), None if hidden else float(released.high[cell]),
            tuple(references),
        )  # fmt: skip
    return list(known.values())


@dataclass
class _Problem:
    """Cells and equations, put together piece by piece; the first are those of the table itself."""

    cells: Cells
    rows: list[dict[int, float]] = field(default_factory=list)
    differences: list[int] = field(default_factory=list)

    def add(self, cells: Cells) -> int:
        start = len(self.cells)
        none = sparse.csr_matrix((0, start + len(cells)))
        self.cells = self.cells.joined(cells, none)
        return start

    def whole(self) -> Cells:
        more = equations_of(self.rows, len(self.cells))
        return self.cells.changed(equations=sparse.csr_matrix(sparse.vstack([self.cells.equations, more])))


def release(
    regions: Sequence[Region],
    figures: Figures,
    earlier: Sequence[Earlier] = (),
    complete: dict[str, tuple[str, ...]] | None = None,
    as_at: str = "",
    *,
    strict: bool = True,
) -> Released:
    """What of these figures is shown. `complete`: the values of the columns that the table holds all of.

    Raises UnprotectableError when earlier releases give a cell of this table away whatever is hidden now; without
    `strict` the others are protected all the same, and the number of those is told.
    """
    if not regions:
        none = np.zeros(0)
        return Released(none, np.zeros(0, dtype=object), none, none, none, none)
    held = _held(regions, figures, earlier)
    problem, barred = _problem(regions, figures, held, earlier, complete or {}, as_at)
    cells = problem.whole()
    cells = cells.changed(free=cells.free & ~_padded(barred, len(cells)))
    must = cells.free & (cells.need > 0)
    given_away = _lowered(cells)
    if earlier:
        given_away = _given_away(cells, given_away, regions, figures, held, complete or {})
        ours = _padded(np.ones(len(regions), dtype=bool), len(cells)) | _differences(problem, len(cells))
        if strict and ours[given_away].any():
            raise UnprotectableError(given_away[ours[given_away]])
    else:
        given_away = given_away[:0]
    hidden = protect(cells, must)[: len(figures.exact)]
    return _released(figures, held, hidden, cells, len(given_away))


def exposed_by(
    regions: Sequence[Region], figures: Figures, released: Released, complete: dict[str, tuple[str, ...]], whole: bool
) -> npt.NDArray[np.intp]:
    """The cells of one table alone that its release leaves exposed: for harnesses and tests."""
    problem, _ = _problem(regions, figures, {}, (), complete, "")
    cells, hidden = problem.whole(), np.isnan(released.shown)
    _lowered(cells)
    return exposed(cells, np.concatenate([hidden, np.ones(len(cells) - len(hidden), dtype=bool)]), whole=whole)


def _lowered(cells: Cells) -> npt.NDArray[np.intp]:
    """The cells that stay too narrow whatever is hidden (a group that is small itself, zeros, earlier releases): from
    now on they need what they can have, and no more."""
    lost = exposed(cells, ~cells.out)
    for cell in lost:
        low, high = interval(cells, ~cells.out, int(cell))
        cells.need[cell] = max(high - low, 0.0)
    return lost


def _given_away(
    cells: Cells, lost: npt.NDArray[np.intp], regions: Sequence[Region], figures: Figures,
    held: dict[int, tuple[float, float, float, float]], complete: dict[str, tuple[str, ...]],
) -> npt.NDArray[np.intp]:  # fmt: skip
    """Of these, the cells that could have more if nothing had been released before."""
    alone, _ = _problem(regions, figures, held, (), complete, "")
    without = alone.whole()
    _lowered(without)
    own = lost[lost < len(regions)]
    return np.concatenate([own[cells.need[own] < without.need[own] - 1e-6], lost[lost >= len(regions)]])


def _held(
    regions: Sequence[Region], figures: Figures, earlier: Sequence[Earlier]
) -> dict[int, tuple[float, float, float, float]]:
    """Cells whose figure stands as it stood before: the last one where it is near enough, else the nearest."""
    before = {key_of(entry.region): entry for entry in earlier}
    found: dict[int, tuple[float, float, float, float]] = {}
    for cell, region in enumerate(regions):
        entry = before.get(key_of(region))
        if entry is None or figures.exact[cell] == 0:
            continue
        near = [one for one in entry.references if abs(one[0] - figures.exact[cell]) < figures.step[cell]]
        if near:
            last = entry.references[-1]
            found[cell] = last if last in near else min(near, key=lambda one: abs(one[0] - figures.exact[cell]))
    return found


def _problem(
    regions: Sequence[Region],
    figures: Figures,
    held: dict[int, tuple[float, float, float, float]],
    earlier: Sequence[Earlier],
    complete: dict[str, tuple[str, ...]],
    as_at: str,
) -> tuple[_Problem, Mask]:
    """The table's cells, its atoms, what was released before with its own atoms, and what binds them."""
    length = len(regions)
    low, high = figures.low.copy(), figures.high.copy()
    for cell, (_, _, least, most) in held.items():
        step = float(figures.step[cell])
        low[cell] = max(least - step, figures.prior_low)
        high[cell] = most + step
    high = np.minimum(high, np.maximum(figures.most, low))
    out = np.zeros(length, dtype=bool)
    out[list(held)] = True
    out |= figures.exact == 0
    prior_low = np.where(figures.exact == 0, 0.0, figures.prior_low)
    own = Cells(
        low, high, prior_low, figures.most, ~out, out, figures.need.copy(), figures.weight,
        sparse.csr_matrix((0, length)),
    )  # fmt: skip
    inside = membership([*regions, *(entry.region for entry in earlier)], complete)
    problem = _Problem(own)
    _bind(problem, inside, list(range(length)))
    barred = np.zeros(length, dtype=bool)
    if earlier:
        same = {key_of(region): cell for cell, region in enumerate(regions)}
        others = [entry for entry in earlier if key_of(entry.region) not in same]
        _add_before(problem, inside[length:], earlier, same, figures)
        rows = [place for place, entry in enumerate(earlier) if key_of(entry.region) not in same]
        barred = _add_overlapping(problem, inside[:length], inside[length:][rows], others, figures, as_at)
    return problem, barred


def _bind(problem: _Problem, inside: npt.NDArray[np.bool_], cells: list[int]) -> None:
    """The equations among these cells, by the rows of `inside` that are theirs; atoms without a cell are added."""
    tied = bound(inside[: len(cells)])
    start = problem.add(secret_cells(np.zeros(tied.atoms)))
    places = [*cells, *range(start, start + tied.atoms)]
    matrix = tied.equations
    for row in range(matrix.shape[0]):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        problem.rows.append(
            {places[cell]: float(weight) for cell, weight in zip(matrix.indices[part], matrix.data[part], strict=True)}
        )


def _before(entries: Sequence[Earlier], figures: Figures) -> Cells:
    """What was released, as cells that are out, and what was hidden, as cells that never show."""
    length = len(entries)
    shown = np.array([entry.low is not None for entry in entries], dtype=bool)
    zero = np.array([entry.exact == 0 for entry in entries], dtype=bool)
    prior = np.where(zero, 0.0, figures.prior_low)
    low = np.array([prior[i] if e.low is None else e.low for i, e in enumerate(entries)], dtype=np.float64)
    high = np.array([np.inf if e.high is None else e.high for e in entries], dtype=np.float64)
    need = np.array([entry.need for entry in entries], dtype=np.float64)
    return Cells(
        low, high, prior, np.full(length, np.inf), np.zeros(length, dtype=bool), shown, need, np.zeros(length),
        sparse.csr_matrix((0, length)),
    )  # fmt: skip


def _add_before(
    problem: _Problem, inside: npt.NDArray[np.bool_], earlier: Sequence[Earlier], same: dict[str, int],
    figures: Figures,
) -> None:  # fmt: skip
    """The last release of these people. Where a number has not changed, the attacker is taken to know it."""
    dates = sorted({entry.as_at for entry in earlier})
    for date in dates:
        rows = [place for place, entry in enumerate(earlier) if entry.as_at == date]
        start = problem.add(_before([earlier[place] for place in rows], figures))
        _bind(problem, inside[rows], list(range(start, start + len(rows))))
        for number, place in enumerate(rows):
            cell = same.get(key_of(earlier[place].region))
            if cell is not None and earlier[place].exact == figures.exact[cell]:
                problem.rows.append({cell: 1.0, start + number: -1.0})


def _add_overlapping(
    problem: _Problem, new: npt.NDArray[np.bool_], old: npt.NDArray[np.bool_], others: Sequence[Earlier],
    figures: Figures, as_at: str,
) -> Mask:  # fmt: skip
    """Regions released before of which this table has no cell of its own: bound to it where they speak of the same day,
    with every small difference a cell to protect; else the cells that lie too near to one are barred."""
    barred = np.zeros(len(new), dtype=bool)
    overlap = new.astype(np.int64) @ old.T.astype(np.int64)
    nested = (overlap == new.sum(axis=1)[:, None]) | (overlap == old.sum(axis=1)[None, :])
    now = [number for number, entry in enumerate(others) if entry.as_at == as_at]
    if now:
        start = problem.add(_before([others[number] for number in now], figures))
        both = np.vstack([new, old[now]])
        _bind(problem, both, [*range(len(new)), *range(start, start + len(now))])
    for number, entry in enumerate(others):
        if entry.low is None:
            continue
        apart = np.abs(figures.exact - entry.exact)
        close = np.flatnonzero(nested[:, number] & (apart > 0) & (apart < figures.step))
        if number not in now:
            barred[close] = True
            continue
        place = start + now.index(number)
        differences = problem.add(secret_cells(figures.step[close]))
        for position, cell in enumerate(close):
            larger, smaller = (int(cell), place) if figures.exact[cell] > entry.exact else (place, int(cell))
            problem.rows.append({larger: 1.0, smaller: -1.0, differences + position: -1.0})
            problem.differences.append(differences + position)
    return barred


def _differences(problem: _Problem, length: int) -> Mask:
    chosen = np.zeros(length, dtype=bool)
    chosen[problem.differences] = True
    return chosen


def _padded(mask: Mask, length: int) -> Mask:
    return np.concatenate([mask, np.zeros(length - len(mask), dtype=bool)])


def _released(
    figures: Figures, held: dict[int, tuple[float, float, float, float]], hidden: Mask, cells: Cells, given_away: int
) -> Released:
    length = len(figures.exact)
    shown, reference = figures.shown.copy(), figures.exact.copy()
    how = np.full(length, SHOWN, dtype=object)
    for cell, (exact, figure, _, _) in held.items():
        shown[cell], reference[cell], how[cell] = figure, exact, HELD if exact != figures.exact[cell] else SHOWN
    shown[hidden], how[hidden] = np.nan, HIDDEN
    low = np.where(hidden, np.nan, cells.shown_low[:length])
    high = np.where(hidden, np.nan, cells.shown_high[:length])
    return Released(shown, how, reference, low, high, cells.need[:length], given_away)
