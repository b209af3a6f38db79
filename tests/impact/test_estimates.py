"""Families found beside an estimate: files as they come, areas hidden as they were published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.disclosure import Dimension, as_earlier, count_table
from pipeline.disclosure.attack import exposed
from pipeline.disclosure.releasing import _problem
from pipeline.errors import DeclarationError
from pipeline.impact.estimates import (
    ALL_AREAS,
    WHOLE_DISTRICT,
    beside_estimates,
    check_areas,
    found_in_districts,
    read_estimates,
    spread_over_areas,
)
from tests.disclosure.tables import CONTROL

TABLE = "area,population,low,high\nEast,1000,20,30\nWest,2000,40,\nGroup,,,\nNorth,500,5,6\n"
NONE = pd.Series(dtype="Int64")


def written(folder: Path, text: str = TABLE) -> Path:
    path = folder / "given.csv"
    path.write_text(text, encoding="utf-8")
    return path


def found(**families: int | None) -> pd.Series:
    return pd.Series(families, dtype="Int64")


def test_each_area_beside_its_estimate(tmp_path: Path) -> None:
    here = found(East=25, West=30, North=0, Group=15, South=15)
    table = beside_estimates(read_estimates(written(tmp_path)), here, NONE, 0.1)
    assert dict(zip(table["area"], table["beside"], strict=True)) == {
        "East": "within", "West": "fewer than estimated", "North": "fewer than estimated", "Group": "no estimate",
        "South": "no estimate", ALL_AREAS: "hidden",
    }  # fmt: skip
    assert table["share_of_low"].tolist()[:2] == [1.25, 0.75]


def test_a_little_outside_is_within(tmp_path: Path) -> None:
    for families, beside in ((18, "within"), (15, "fewer than estimated"), (33, "within"), (35, "more than estimated")):
        table = beside_estimates(read_estimates(written(tmp_path)), found(East=families), NONE, 0.1)
        assert table["beside"].iloc[0] == beside, families


def test_what_was_hidden_stays_hidden(tmp_path: Path) -> None:
    table = beside_estimates(read_estimates(written(tmp_path)), found(East=None), NONE, 0.1)
    assert (table["beside"].iloc[0], table["share_of_low"].isna().iloc[0]) == ("hidden", True)


def test_districts_stand_before_their_areas_and_sum_where_nobody_says_more(tmp_path: Path) -> None:
    text = "district,area,low,high\nCoast,,50,70\nInland,C,10,20\nCoast,A,20,30\nInland,D,5,5\nCoast,B,,\n,E,1,2\n"
    here = found(A=20, B=None, C=15, D=None, E=10, **{ALL_AREAS: 60})
    table = beside_estimates(read_estimates(written(tmp_path, text)), here, found(Coast=30, Inland=None), 0.1)
    assert table[["district", "area"]].to_numpy().tolist() == [
        ["Coast", WHOLE_DISTRICT], ["Coast", "A"], ["Coast", "B"], ["Inland", WHOLE_DISTRICT], ["Inland", "C"],
        ["Inland", "D"], ["", "E"], ["", ALL_AREAS],
    ]  # fmt: skip
    whole = table.set_index(["district", "area"])[["low", "high", "beside"]]
    assert whole.loc[("Coast", WHOLE_DISTRICT)].tolist() == [50, 70, "fewer than estimated"]
    assert whole.loc[("Inland", WHOLE_DISTRICT)].tolist() == [15, 25, "hidden"]
    assert whole.loc[("", ALL_AREAS)].tolist() == [66, 97, "within"]


def test_one_places_rate_over_our_areas(tmp_path: Path) -> None:
    spread = spread_over_areas(read_estimates(written(tmp_path)), "East", {"XB2": 500, "XB1": 1500})
    assert spread.rows[["area", "low", "high"]].to_numpy().tolist() == [
        ["XB1", 30, 45], ["XB2", 10, 15], [ALL_AREAS, 40, 60],
    ]  # fmt: skip
    with pytest.raises(DeclarationError, match="no estimate with a population"):
        spread_over_areas(read_estimates(written(tmp_path)), "Group", {"XB1": 1})


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("place,low,high\n", "line 1: there is no column area"),
        ("area,low,high\nEast,30,20\n", "line 2: the estimate is no range"),
        ("area,low,high\nEast,2,3\nWest,2,3\nEast,2,3\n", "line 4: this area stands on line 2 already"),
        ("district,area,low,high\nA,East,2,3\nB,East,2,3\n", "line 3: this area stands on line 2 already"),
        ("area,low,high\nEast,many,3\n", "line 2: an estimate or population is no number"),
        ("area,low,high\nEast,2,3\nWest,-1,3\n", "line 3: an estimate or population is below nought"),
        ("area,low,high\n,2,3\n", "line 2: the area is missing"),
        ("area,low,high\n", "there is no estimate in it"),
        ("area,low,high\n" + "".join(f"A{n},9,1\n" for n in range(8)), "and 3 lines more"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(DeclarationError, match=rule) as refused:
        read_estimates(written(tmp_path, text))
    assert "many" not in str(refused.value)


def test_an_area_nobody_lives_in_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="line 3: no family lives in an area of this name; line 4"):
        check_areas(read_estimates(written(tmp_path)), ["East", "North"])
    check_areas(read_estimates(written(tmp_path)), ["East", "West", "Group", "North"])


COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=6)


@settings(max_examples=15)
@given(COUNTS, st.lists(st.sampled_from(["P", "Q", "R", ""]), min_size=6, max_size=6))
def test_districts_give_no_hidden_area_away(counts: list[int], districts: list[str]) -> None:
    """With the districts shown beside what was published by area, the attacker still cannot tell a small count."""
    areas = [f"A{number}" for number in range(len(counts))]
    exact = pd.Series(counts, index=areas)
    of_area = {area: district for area, district in zip(areas, districts, strict=False) if district}
    rows = pd.DataFrame({"area": [area for area, count in exact.items() for _ in range(count)]}, dtype=object)
    published = count_table(rows, [Dimension("area", tuple(areas), {}, ALL_AREAS)], CONTROL)
    before = as_earlier(published.regions, published.figures, published.released(), "today")
    table, told = found_in_districts(exact, before, of_area, CONTROL, "today")
    assert ((told.counts().dropna() % CONTROL.base) == 0).all()
    if not table.regions:
        return
    problem, _ = _problem(table.regions, table.figures, {}, before, table.complete, "today")
    cells, shown = problem.whole(), ~np.isnan(told.shown)
    hidden = ~cells.out
    hidden[: len(shown)] = ~shown
    alone = exposed(cells, ~cells.out)  # what the areas alone tell already
    assert set(exposed(cells, hidden)) <= set(alone)
