"""Linkage quality on small labelings, against counting the pairs one by one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.persons import person_quality
from pipeline.evaluation.truth import NOBODY

NO_DETAILS = pd.DataFrame({"true_person_id": pd.Series([], dtype="int64")})


def labelled(*rows: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["partner", "person_id", "true_person_id"])


def test_two_people_and_one_wrong_link() -> None:
    # Person 1 has three records (council, dwp, schools), person 2 two (council, dwp); dwp's of 2 went to 1.
    records = labelled(
        ("council", 10, 1), ("dwp", 10, 1), ("schools", 10, 1), ("council", 20, 2), ("dwp", 10, 2)
    )  # fmt: skip

    quality = person_quality(records, NO_DETAILS)

    assert quality["precision"] == 3 / 6  # the four of person 10 make six pairs, three of them right
    assert quality["recall"] == 3 / 4
    assert quality["f1"] == pytest.approx(2 * 3 / (6 + 4))
    assert quality["exact"] == 0
    by_partners = {tuple(row["partners"]): row for row in quality["by_partners"]}
    assert by_partners["council", "dwp"]["precision"] == 1 / 2
    assert by_partners["council", "dwp"]["recall"] == 1 / 2
    assert by_partners["council", "schools"]["f1"] == 1
    assert by_partners["dwp", "dwp"]["precision"] == 0  # two people's records of one partner, linked


def test_records_that_the_truth_does_not_know_are_left_out() -> None:
    records = labelled(("council", 10, 1), ("dwp", 10, 1), ("police", 10, NOBODY))

    quality = person_quality(records, NO_DETAILS)

    assert quality["records"] == 2
    assert quality["precision"] == quality["recall"] == quality["exact"] == 1


def test_a_link_between_two_groups_counts_against_both() -> None:
    records = labelled(("council", 10, 1), ("dwp", 10, 1), ("council", 10, 2), ("dwp", 20, 2))
    details = pd.DataFrame({"true_person_id": [1, 2], "age_band": ["child", "adult"]})

    groups = {row["group"]: row for row in person_quality(records, details)["by_subgroup"]}

    assert groups["child"]["recall"] == 1
    assert groups["child"]["precision"] == 1 / 3  # one right pair, two with the stranger
    assert groups["adult"]["recall"] == 0
    assert groups["adult"]["precision"] == 0
    assert groups["adult"]["persons"] == 1


records_strategy = st.lists(
    st.tuples(st.sampled_from(["council", "dwp", "police"]), st.integers(0, 4), st.integers(0, 4)), max_size=14
)


@given(records_strategy)
def test_counting_cells_is_counting_pairs(rows: list[tuple[str, int, int]]) -> None:
    records = labelled(*rows)
    details = pd.DataFrame({"true_person_id": range(5), "sex": ["F", "M", "F", "M", "F"]})
    sex = dict(zip(details["true_person_id"], details["sex"], strict=True))

    quality = person_quality(records, details)

    for row in quality["by_partners"]:
        mine = [(a, b) for a, b in combinations(rows, 2) if sorted([a[0], b[0]]) == sorted(row["partners"])]
        assert_counts(row, mine, mine)
    for row in quality["by_subgroup"]:
        touched = [(a, b) for a, b in combinations(rows, 2) if row["group"] in (sex[a[2]], sex[b[2]])]
        of_group = [(a, b) for a, b in touched if sex[a[2]] == sex[b[2]] == row["group"]]
        assert_counts(row, touched, of_group)


def assert_counts(row: dict[str, Any], linked_among: list[Any], true_among: list[Any]) -> None:
    assert row["predicted"] == sum(a[1] == b[1] for a, b in linked_among)
    assert row["true"] == sum(a[2] == b[2] for a, b in true_among)
    assert row["true_positives"] == sum(a[1:] == b[1:] for a, b in linked_among)
