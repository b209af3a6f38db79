"""Disclosure control attacked: random tables, and releases beside each other; what leaks, and what protection costs.

    .venv/bin/python benchmarks/disclosure.py                  # the full form, figures to RESULTS-disclosure.md
    .venv/bin/python benchmarks/disclosure.py --tables 30      # fewer

Three ways of releasing the same tables: `naive` (counts under the threshold hidden, nothing else), `rounded` (hidden,
and the rest rounded, without secondary suppression) and ours. The attacker knows the rules and every margin, and works
by integer programming over all that is shown (HiGHS): a count under the threshold is *recovered* where what it can be
spans less than the threshold (or less than it would with everything hidden). Then nested releases: nights beside each
other, a table by districts beside one by areas; every pair of shown figures of nested people is subtracted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from measuring import machine

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from pipeline.disclosure import Table, as_earlier, load_control  # noqa: E402
from pipeline.disclosure.releasing import Earlier, Released, exposed_by  # noqa: E402
from tests.disclosure.tables import table_of  # noqa: E402

OUT = PROJECT / "benchmarks" / "RESULTS-disclosure.md"
CONTROL = load_control(PROJECT / "schemas")
NAIVE, ROUNDED, OURS = "threshold only", "threshold and rounding", "ours"


@dataclass
class Score:
    """What one way of releasing did, over all tables."""

    cells: int = 0
    small: int = 0
    recovered: int = 0
    tables_leaking: int = 0
    hidden: int = 0
    families: float = 0.0
    families_hidden: float = 0.0
    error: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, table: Table, told: Released, recovered: int, seconds: float) -> None:
        exact, hidden = table.figures.exact, np.isnan(told.shown)
        self.cells += len(exact)
        self.small += int(CONTROL.small(exact).sum())
        self.recovered += recovered
        self.tables_leaking += recovered > 0
        self.hidden += int((hidden & ~CONTROL.small(exact)).sum())
        self.families += float(exact.sum())
        self.families_hidden += float(exact[hidden].sum())
        self.error += list(np.abs(told.shown - exact)[~hidden & (exact > 0)])
        self.seconds += seconds

    def row(self, name: str) -> str:
        big = self.cells - self.small
        return (
            f"| {name} | {self.cells:,} | {self.small:,} | **{self.recovered:,}** | {self.tables_leaking:,} | "
            f"{self.hidden / max(big, 1):.1%} | {self.families_hidden / max(self.families, 1):.1%} | "
            f"{np.mean(self.error) if self.error else 0:.2f} | {self.seconds:.0f} s |"
        )


def tables(number: int, seed: int) -> Iterator[tuple[str, Table]]:
    """Random tables: one to three columns, with and without groups, thin and well filled, even and skewed."""
    rng = np.random.default_rng(seed)
    shapes = [("one column", (12,), 0), ("one column in groups", (18,), 4), ("two columns", (6, 4), 0),
              ("two columns, one in groups", (9, 3), 3), ("three columns", (3, 3, 3), 0)]  # fmt: skip
    for place in range(number):
        name, shape, groups = shapes[place % len(shapes)]
        mean = float(rng.choice([2, 6, 15, 40]))
        counts = rng.poisson(rng.gamma(float(rng.choice([0.5, 1.0, 3.0])), mean, size=shape)).astype(np.int64)
        counts[rng.random(shape) < rng.choice([0.0, 0.3])] = 0  # sparse
        yield name, table_of(counts, groups, CONTROL)


def naively(table: Table, *, rounding: bool) -> tuple[Table, Released]:
    """Small counts hidden and nothing else; the attacker is told what is shown, exact or rounded."""
    figures = table.figures
    if not rounding:
        figures = replace(figures, shown=figures.exact, low=figures.exact, high=figures.exact)
    shown = np.where(CONTROL.small(figures.exact), np.nan, figures.shown)
    how = np.where(np.isnan(shown), "hidden", "shown").astype(object)
    told = Released(shown, how, figures.exact, figures.low, figures.high, figures.need)
    return replace(table, figures=figures), told


def attack_margins(number: int, seed: int) -> dict[str, dict[str, Score]]:
    """Every table in three ways; per kind of table and over all."""
    scores: dict[str, dict[str, Score]] = {}
    for kind, table in tables(number, seed):
        ways: dict[str, tuple[Table, Released, float]] = {}
        for name, rounding in ((NAIVE, False), (ROUNDED, True)):
            began = time.perf_counter()
            ways[name] = (*naively(table, rounding=rounding), time.perf_counter() - began)
        began = time.perf_counter()
        told = table.released()
        ways[OURS] = (table, told, time.perf_counter() - began)
        for name, (made, released, seconds) in ways.items():
            recovered = len(exposed_by(made.regions, made.figures, released, made.complete, whole=True))
            for group in (kind, "all"):
                scores.setdefault(group, {}).setdefault(name, Score()).add(table, released, recovered, seconds)
    return scores


def nights(number: int, seed: int, steps: int = 8) -> dict[str, dict[str, int | float]]:
    """One column of areas over some nights: changes of fewer families than the threshold that two figures tell of."""
    rng = np.random.default_rng(seed)
    found: dict[str, dict[str, int | float]] = {
        name: {"pairs": 0, "small": 0, "told": 0, "error": 0.0, "shown": 0, "hidden": 0} for name in (ROUNDED, OURS)
    }
    for _ in range(number):
        now = rng.poisson(rng.gamma(1.0, 25, size=10)).astype(np.int64)
        before: list[Earlier] = []
        last: dict[str, tuple[Table, Released]] = {}
        for step in range(steps):
            table = table_of(now, 5, CONTROL)
            ours = table.released(before, str(step), strict=False)
            before = as_earlier(table.regions, table.figures, ours, str(step), before)
            for name, told in ((ROUNDED, naively(table, rounding=True)[1]), (OURS, ours)):
                if name in last:
                    _compare(found[name], *last[name], table, told)
                last[name] = (table, told)
            now = np.maximum(now + np.where(rng.random(len(now)) < 0.5, rng.integers(-4, 5, size=len(now)), 0), 0)
    return found


def _compare(found: dict[str, int | float], first: Table, then: Released, second: Table, now: Released) -> None:
    """Subtract each figure of one night from that of the night before."""
    both = ~np.isnan(then.shown) & ~np.isnan(now.shown) & (first.figures.exact > 0) & (second.figures.exact > 0)
    change = np.abs(second.figures.exact - first.figures.exact)
    small = both & (change > 0) & (change < CONTROL.threshold)
    # What the difference can be, as far as the two figures tell; the rule of holding is known to the attacker.
    wide = (now.high - now.low) + (then.high - then.low)
    told = small & (now.shown != then.shown) & (wide < CONTROL.threshold)
    found["pairs"] += int(both.sum())
    found["small"] += int(small.sum())
    found["told"] += int(told.sum())
    visible = ~np.isnan(now.shown) & (second.figures.exact > 0)
    found["shown"] += int(visible.sum())
    found["hidden"] += int((np.isnan(now.shown) & (second.figures.exact >= CONTROL.threshold)).sum())
    found["error"] += float(np.abs(now.shown - second.figures.exact)[visible].sum())


def nested(number: int, seed: int) -> dict[str, dict[str, int]]:
    """A table by areas, then unions of areas on the same day: small differences between nested figures."""
    rng = np.random.default_rng(seed)
    found = {name: {"releases": 0, "pairs": 0, "told": 0, "hidden": 0} for name in (ROUNDED, OURS)}
    for _ in range(number):
        counts = rng.poisson(rng.gamma(0.8, 20, size=8)).astype(np.int64)
        areas = table_of(counts, 0, CONTROL)
        first = areas.released()
        before = as_earlier(areas.regions, areas.figures, first, "today")
        unions = [tuple(np.flatnonzero(rng.random(8) < 0.6)) for _ in range(4)]
        for union in [one for one in unions if 1 < len(one) < 8]:
            table = union_table(counts, union)
            plain = naively(table, rounding=True)[1]
            for name, told, base in ((ROUNDED, plain, naively(areas, rounding=True)[1]),
                                     (OURS, table.released(before, "today", strict=False), first)):  # fmt: skip
                found[name]["releases"] += 1
                found[name]["hidden"] += int(np.isnan(told.shown[0]))
                _subtract(found[name], areas, base, counts, union, table, told)
            before = as_earlier(table.regions, table.figures, told, "today", before)
    return found


def union_table(counts: npt.NDArray[np.int64], union: tuple[int, ...]) -> Table:
    """One cell: some areas together."""
    from pipeline.disclosure import count_figures

    exact = np.array([float(counts[list(union)].sum())])
    need = np.where(CONTROL.small(exact), float(CONTROL.threshold), 0.0)
    base = table_of(counts, 0, CONTROL)
    figures = count_figures(exact, need, np.array([np.inf]), CONTROL, np.ones(1))
    return replace(base, regions=[{"d0": tuple(f"{leaf:03}" for leaf in union)}], figures=figures)


def _subtract(
    found: dict[str, int], areas: Table, base: Released, counts: npt.NDArray[np.int64], union: tuple[int, ...],
    table: Table, told: Released,
) -> None:  # fmt: skip
    """The union from the whole, and each of its areas from the union."""
    if np.isnan(told.shown[0]):
        return
    for cell, (region, exact) in enumerate(zip(areas.regions, areas.figures.exact, strict=True)):
        inside = {int(leaf) for leaf in region.get("d0", [f"{leaf}" for leaf in range(8)])}
        nested_pair = inside < set(union) or set(union) < inside
        apart = abs(exact - table.figures.exact[0])
        if np.isnan(base.shown[cell]) or not nested_pair:
            continue
        found["pairs"] += 1
        if 0 < apart < CONTROL.threshold:  # both ends are known to within the rounding
            wide = (base.high[cell] - base.low[cell]) + (told.high[0] - told.low[0])
            found["told"] += int(wide < CONTROL.threshold)


def write(number: int, seed: int) -> str:
    """All figures, as Markdown."""
    scores, over_time, beside = attack_margins(number, seed), nights(number // 4, seed), nested(number // 2, seed)
    head = (
        "| way | cells | under the threshold | recovered | tables that leak | others hidden |"
        " families in hidden cells | mean error of shown | time |"
    )
    lines = [
        "# Disclosure control: measured", "",
        f"`.venv/bin/python benchmarks/disclosure.py --tables {number} --seed {seed}`. {machine()}", "",
        f"Threshold {CONTROL.threshold}, rounding {CONTROL.base}. Asked: 0 recovered. *Others hidden*: share of the "
        "cells not under the threshold; *mean error*: families, of cells shown.", "",
        f"## {number} random tables with all their margins, integer attacker", "", head,
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(scores["all"][name].row(name) for name in (NAIVE, ROUNDED, OURS)), "",
    ]  # fmt: skip
    for kind in [kind for kind in scores if kind != "all"]:
        lines += [f"### {kind}", "", head, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
        lines += [*(scores[kind][name].row(name) for name in (NAIVE, ROUNDED, OURS)), ""]
    lines += [
        f"## {number // 4} tables of 10 areas in 2 groups over 8 nights, each night against the one before", "",
        "| way | pairs of figures | changes under the threshold | told of | others hidden | mean error of shown |",
        "| --- | --- | --- | --- | --- | --- |",
        *(f"| {name} | {one['pairs']:,} | {one['small']:,} | **{one['told']:,}** | {one['hidden']:,} | "
          f"{one['error'] / max(one['shown'], 1):.2f} |" for name, one in over_time.items()), "",
        f"## {number // 2} tables of 8 areas, then up to 4 unions of areas of the same day", "",
        "| way | unions asked | pairs of nested figures shown | differences under the threshold told | unions hidden |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {name} | {one['releases']:,} | {one['pairs']:,} | **{one['told']:,}** | {one['hidden']:,} |"
          for name, one in beside.items()), "",
    ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2012)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    text = write(given.tables, given.seed)
    given.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
