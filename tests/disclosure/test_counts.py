"""No count under the threshold can be worked out: from margins, from districts, from last night, from another table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.disclosure import (
    HELD,
    HIDDEN,
    Dimension,
    Table,
    UnprotectableError,
    as_earlier,
    count_figures,
    count_table,
)
from pipeline.disclosure.attack import interval
from pipeline.disclosure.cells import Cells
from pipeline.disclosure.releasing import _problem, exposed_by
from pipeline.disclosure.tables import amount_table
from tests.disclosure.tables import CONTROL, table_of

FEW = settings(max_examples=12)
COUNTS = st.integers(0, 9) | st.integers(0, 60)


def shown(table: object, told: object) -> list[float | None]:
    return [None if np.isnan(value) else value for value in told.shown]  # type: ignore[attr-defined]


def test_small_counts_are_hidden_and_the_rest_is_rounded() -> None:
    table = table_of(np.array([3, 7, 12, 28, 0]))
    assert shown(table, table.released()) == [None, None, 10, 30, 0, 50]


def test_a_small_count_alone_takes_another_with_it() -> None:
    #        small, and rounding leaves too little open: 55 - 40 - 10 tells that it is 1 to 9
    told = table_of(np.array([3, 40, 12])).released()
    assert np.isnan(told.shown[0])
    assert np.isnan(told.shown[1:]).sum() == 1


def test_zeros_are_shown_and_so_are_counts_from_the_threshold() -> None:
    table = table_of(np.array([0, 0, 10]))
    assert shown(table, table.released()) == [0, 0, 10, 10]


def test_where_all_of_a_group_have_the_flag_the_count_is_hidden() -> None:
    dimension = [Dimension("area", ("a", "b", "c"), {}, None)]
    homes = pd.DataFrame({"area": ["a"] * 30 + ["b"] * 30 + ["c"] * 60})
    flagged = pd.DataFrame({"area": ["a"] * 30 + ["b"] * 25 + ["c"] * 30})
    table = count_table(flagged, dimension, CONTROL, of=homes)
    assert shown(table, table.released()) == [None, None, 30]


@FEW
@given(st.lists(st.lists(COUNTS, min_size=3, max_size=3), min_size=2, max_size=4), st.sampled_from([0, 2]))
def test_nobody_works_out_a_small_count_from_the_margins(counts: list[list[int]], per_group: int) -> None:
    table = table_of(np.array(counts), per_group)
    told = table.released()
    small = (table.figures.exact > 0) & (table.figures.exact < CONTROL.threshold)
    assert np.isnan(told.shown[small]).all()
    assert not len(exposed_by(table.regions, table.figures, told, table.complete, whole=True))


@FEW
@given(st.lists(COUNTS, min_size=2, max_size=5), st.integers(0, 2**31))
def test_a_figure_stands_until_the_count_has_moved_by_the_threshold(counts: list[int], seed: int) -> None:
    rng, now, before = np.random.default_rng(seed), np.array(counts), []
    figures: dict[int, dict[float, float]] = {}
    for night in range(4):
        table = table_of(now)
        told = table.released(before, f"night {night}", strict=False)
        for cell in np.flatnonzero(~np.isnan(told.shown) & (table.figures.exact > 0)):
            reference = float(told.reference[cell])
            assert abs(table.figures.exact[cell] - reference) < CONTROL.threshold
            assert (told.how[cell] == HELD) == (reference != table.figures.exact[cell])
            for other in figures.setdefault(int(cell), {}):
                assert other == reference or abs(other - reference) >= CONTROL.threshold
            figures[int(cell)][reference] = told.shown[cell]
        before = as_earlier(table.regions, table.figures, told, f"night {night}", before)
        now = np.maximum(now + rng.integers(-6, 7, size=len(now)), 0)


def part_of(counts: list[int], leaves: tuple[str, ...]) -> Table:
    """One cell: these leaves together."""
    table = table_of(np.array(counts))
    exact = np.array([float(sum(counts[int(leaf)] for leaf in leaves))])
    need = np.where(CONTROL.small(exact), float(CONTROL.threshold), 0.0)
    figures = count_figures(exact, need, np.array([np.inf]), CONTROL, np.ones(1))
    return replace(table, regions=[{"d0": leaves}], figures=figures)


@pytest.mark.parametrize("day", ["today", "another day"])
def test_a_table_by_districts_does_not_give_away_what_the_table_by_areas_hid(day: str) -> None:
    counts = [3, 40, 60, 70]
    areas = table_of(np.array(counts))
    before = as_earlier(areas.regions, areas.figures, areas.released(), "today")
    # All areas but the small one, as a district: the whole less it is the small one.
    assert part_of(counts, ("001", "002", "003")).released(before, day).how[0] == HIDDEN
    assert part_of(counts, ("002", "003")).released(before, day).how[0] != HIDDEN


def test_a_longer_time_does_not_tell_of_the_few_who_came_at_its_end() -> None:
    months = [30, 20, 3]
    first = part_of(months, ("000", "001"))
    before = as_earlier(first.regions, first.figures, first.released(), "today")
    assert part_of(months, ("000", "001", "002")).released(before, "today").how[0] == HIDDEN
    assert part_of([30, 20, 30], ("000", "001", "002")).released(before, "today").shown[0] == 80


def test_what_was_given_away_before_is_refused() -> None:
    areas = table_of(np.array([3, 40]))
    everything = areas.released()
    careless = replace(everything, shown=np.array([np.nan, 40, 45]), low=np.array([np.nan, 40, 43]),
                       high=np.array([np.nan, 40, 43]))  # fmt: skip
    before = as_earlier(areas.regions, areas.figures, careless, "today")
    with pytest.raises(UnprotectableError):
        areas.released(before, "today")


def test_the_attacker_finds_what_plain_suppression_gives_away() -> None:
    table = table_of(np.array([[3, 40], [50, 60]]))
    naive = replace(
        table.released(), shown=np.where((table.figures.exact > 0) & (table.figures.exact < 10), np.nan, 1.0)
    )
    assert len(exposed_by(table.regions, table.figures, naive, table.complete, whole=True))
    problem, _ = _problem(table.regions, table.figures, {}, (), table.complete, "")
    cells: Cells = problem.whole()
    hidden = np.isnan(naive.shown)
    low, high = interval(cells, np.concatenate([hidden, np.ones(len(cells) - len(hidden), dtype=bool)]), 0)
    assert low <= 3 <= high < 10


def test_an_amount_that_one_family_makes_up_is_hidden() -> None:
    rows = pd.DataFrame(
        [("a", family, 1000.0) for family in range(20)]
        + [("b", 100 + family, 50.0) for family in range(20)] + [("b", 130, 50_000.0)]
        + [("c", 200 + family, 2000.0) for family in range(30)]
        + [("d", 300, 500.0)],
        columns=["area", "family_id", "amount"],
    )  # fmt: skip
    dimension = [Dimension("area", ("a", "b", "c", "d"), {}, "all")]
    table = amount_table(rows, dimension, CONTROL, "amount")
    told = table.released()
    assert np.isnan(told.shown[[1, 3]]).all()  # dominated; one family
    assert not len(exposed_by(table.regions, table.figures, told, table.complete, whole=False))
