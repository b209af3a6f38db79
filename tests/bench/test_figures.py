"""The bench's figures against values worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.bench.case import Case
from pipeline.bench.in_clear import identical_groups
from pipeline.bench.mapping import Field, normal_form
from pipeline.bench.misses import blocking_recall, pairs_within
from pipeline.bench.quality import best_threshold, clustering_figures, one_to_one, subgroups, worst_subgroup
from pipeline.bench.report import shortfalls
from pipeline.bench.run import target_of
from pipeline.bench.tools import OURS
from pipeline.partner.coded import coded


def test_clusters_of_five_records() -> None:
    """Persons {0,1,2} and {3,4}; found {0,1}, {2,3}, {4}: one of two pairs right, four true; no cluster exact."""
    figures = clustering_figures(np.array([7, 7, 8, 8, 9]), np.array([0, 0, 0, 1, 1]))
    assert figures["clustered"]["precision"] == pytest.approx(1 / 2)
    assert figures["clustered"]["recall"] == pytest.approx(1 / 4)
    assert figures["clustered"]["f1"] == pytest.approx(1 / 3)
    assert figures["cluster"]["f1"] == 0.0


def test_groups_and_the_worst_of_them() -> None:
    """120 people of group a linked wholly, 60 of b not at all; a single c is too few to judge."""
    truth = pd.DataFrame({"record": range(362), "person": np.repeat(np.arange(181), 2)})
    truth["group"] = np.where(truth["person"] < 120, "a", np.where(truth["person"] < 180, "b", "c"))
    labels = np.where(truth["group"] == "a", truth["person"], 1000 + truth["record"])
    rows = subgroups(labels, truth)
    assert {row["group"]: row["recall"] for row in rows} == {"a": 1.0, "b": 0.0, "c": 0.0}
    whole = clustering_figures(labels, truth["person"].to_numpy())["clustered"]["f1"]
    assert worst_subgroup(rows, whole) is not None
    many = [row if row["group"] != "b" else {**row, "true": 100} for row in rows]
    worst = worst_subgroup(many, whole)
    assert worst is not None
    assert (worst["group"], worst["red"]) == ("b", True)
    assert worst["below"] == pytest.approx(whole)
    equal = worst_subgroup([{**row, "f1": whole} for row in many], whole)
    assert equal is not None
    assert not equal["red"]


def test_pairs_within_labels() -> None:
    keys = pairs_within(np.array([1, 1, 2, 1, 2]), np.array([4, 0, 1, 2, 3]), 10)
    assert keys.tolist() == [2, 4, 13, 24]  # (0,2) (0,4) (1,3) (2,4)


def test_blocking_recall_by_pass_and_alone() -> None:
    found = blocking_recall({"name": np.array([1, 2]), "date": np.array([2, 3])}, np.array([1, 2, 3, 4]))
    assert found["recall"] == 0.75
    assert found["passes"] == {"name": {"recall": 0.5, "alone": 0.25}, "date": {"recall": 0.5, "alone": 0.25}}


def test_groups_are_identical_when_they_hold_the_same_records(tmp_path: Path) -> None:
    """{0,1}, {2,3}, {4} beside {0,1}, {2}, {3}, {4}: three records of five are with the same others."""
    for name, labels in (("one", [5, 5, 6, 6, 7]), ("other", [1, 1, 2, 3, 4])):
        pd.DataFrame({"record": range(5), "cluster": labels}).to_parquet(tmp_path / f"{name}.parquet")
    assert identical_groups(tmp_path / "one.parquet", tmp_path / "other.parquet") == pytest.approx(3 / 5)


def test_the_best_threshold_is_found_with_the_truth() -> None:
    """Right pairs score above 0.8, wrong ones below; between two registers each record is taken once."""
    scores = pd.DataFrame({"a": [0, 1, 0], "b": [2, 3, 3], "score": [0.9, 0.85, 0.7], "linked": True})
    person = np.array([0, 1, 0, 1])
    best = best_threshold(scores, person, _case(link_only=False))
    assert best["f1"] == 1.0
    assert 0.7 < best["threshold"] <= 0.85
    assert one_to_one(scores)[["a", "b"]].to_numpy().tolist() == [[0, 2], [1, 3]]
    assert best_threshold(scores, person, _case(link_only=True))["threshold"] == pytest.approx(0.5)


def _case(link_only: bool) -> Case:
    return Case(Path(), "hand", "by hand", 4, ("a", "b"), link_only, ())


def test_a_target_is_reached_only_when_no_lower_than_the_peer() -> None:
    def tools(ours: float, wide: float) -> list[dict]:
        f1 = {OURS: ours, "splink": 0.8, "splink wide": wide}
        return [{"tool": name, "quality": {"clustered": {"f1": value}}} for name, value in f1.items()]

    assert target_of("historical_50k", tools(0.87, 0.85))["reached"]
    assert not target_of("historical_50k", tools(0.87, 0.88))["reached"]
    assert not target_of("historical_50k", tools(0.85, 0.80))["reached"]
    assert target_of("febrl1", tools(1.0, 1.0)) is None


def test_a_group_left_behind_or_a_target_missed_is_named_to_whoever_asks_to_stop() -> None:
    def dataset(f1: float, below: float) -> dict:
        group = {"dimension": "age_band", "group": "65+", "f1": f1 - below, "below": below, "red": below > 0.01}
        quality = {"clustered": {"f1": f1}, "worst": group}
        tools = [{"tool": OURS, "quality": quality, "identical_in_clear": 0.999, "missing": None}]
        return {"name": "febrl4", "tools": tools, "target": target_of("febrl4", tools)}

    assert shortfalls({"datasets": [dataset(1.0, 0.005)]}) == []
    (behind,) = shortfalls({"datasets": [dataset(1.0, 0.02)]})
    assert behind == "febrl4: worst group age band 65+: F1 0.9800, 2.00 points below the whole"
    (missed,) = shortfalls({"datasets": [dataset(0.98, 0.005)]})
    assert missed.endswith("ours 0.9800: short")


@pytest.mark.parametrize(
    ("normalise", "take", "cell", "expected"),
    [
        ("name", None, " o'Brien-Smith ", "OBRIEN SMITH"),
        ("date", None, "1980-02-30", None),
        ("date_digits", None, "1980-02-30", "1980-02-30"),
        ("date_digits", -5, "19800230", "02-30"),
        ("date_digits", None, "0000-01-01", None),
        ("outward", None, "TQ13 8DF", "TQ13"),
        ("outward", None, "tq1 3x", "TQ1"),
        ("text", 4, "  West   Dévon ", "WEST"),
        ("nino", None, "zz 12 34 56 c", None),
        ("none", None, "", None),
    ],
)
def test_normal_forms(normalise: str, take: int | None, cell: str, expected: str | None) -> None:
    field = Field("field", "column", normalise, ("yyyy-MM-dd",), take)
    assert normal_form(field, coded([cell]).texts()).texts().to_pylist() == [expected]
