"""Families found beside an estimate: files as they come, areas hidden as they were published."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import DeclarationError
from pipeline.impact.estimates import beside_estimates, read_estimates, spread_over_areas

TABLE = "area,population,low,high\nEast,1000,20,30\nWest,2000,40,\nGroup,,,\nNorth,500,5,6\n"


def written(folder: Path, text: str = TABLE) -> Path:
    path = folder / "given.csv"
    path.write_text(text, encoding="utf-8")
    return path


def found(**families: int | None) -> pd.DataFrame:
    return pd.DataFrame({"area": list(families), "families": list(families.values())}).astype({"families": "Int64"})


def test_each_area_beside_its_estimate(tmp_path: Path) -> None:
    table = beside_estimates(read_estimates(written(tmp_path)), found(East=25, West=30, South=15), 0.1)
    assert dict(zip(table["area"], table["beside"], strict=True)) == {
        "East": "within", "West": "fewer than estimated", "North": "not on file", "South": "no estimate",
    }  # fmt: skip
    assert table["share_of_low"].tolist()[:2] == [1.25, 0.75]


def test_a_little_outside_is_within(tmp_path: Path) -> None:
    for families, beside in ((18, "within"), (15, "fewer than estimated"), (33, "within"), (35, "more than estimated")):
        table = beside_estimates(read_estimates(written(tmp_path)), found(East=families), 0.1)
        assert table["beside"].iloc[0] == beside, families


def test_what_was_hidden_stays_hidden(tmp_path: Path) -> None:
    table = beside_estimates(read_estimates(written(tmp_path)), found(East=None), 0.1)
    assert (table["beside"].iloc[0], table["share_of_low"].isna().iloc[0]) == ("hidden", True)


def test_one_places_rate_over_our_areas(tmp_path: Path) -> None:
    spread = spread_over_areas(read_estimates(written(tmp_path)), "East", {"XB2": 500, "XB1": 1500})
    assert spread.rows[["area", "low", "high"]].to_numpy().tolist() == [
        ["XB1", 30, 45], ["XB2", 10, 15], ["all areas", 40, 60],
    ]  # fmt: skip
    with pytest.raises(DeclarationError, match="no estimate with a population"):
        spread_over_areas(read_estimates(written(tmp_path)), "Group", {"XB1": 1})


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("place,low,high\n", "no column area"),
        ("area,low,high\nEast,30,20\n", "the estimate is no range"),
        ("area,low,high\nEast,2,3\nEast,2,3\n", "stands twice"),
        ("area,low,high\nEast,many,3\n", "is no number"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(DeclarationError, match=rule):
        read_estimates(written(tmp_path, text))
