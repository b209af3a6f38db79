"""Families and criteria against the truth, on tables small enough to work out on paper."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.criteria import criteria_quality, match_families
from pipeline.evaluation.families import exactly_right, homes_of, majority, place, rates_by
from pipeline.evaluation.truth import NOBODY
from pipeline.link.quality import clustering_quality

# True families: 100 holds persons 1, 2, 3; 200 holds 4, 5; 300 holds 6.
ON_RECORD = pd.DataFrame({"true_person_id": [1, 2, 3, 4, 5, 6], "true_family_id": [100, 100, 100, 200, 200, 300]})


def persons(*pairs: tuple[int, int]) -> pd.DataFrame:
    """person_id stands for true_person_id."""
    return pd.DataFrame(pairs, columns=["person_id", "true_person_id"])


def lives(*pairs: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["family_id", "person_id"])


SAME = persons(*((p, p) for p in range(1, 7)))
PERFECT = lives((1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (3, 6))


@pytest.mark.parametrize(
    ("why", "members", "standing_for", "right"),
    [
        ("everybody in place", PERFECT, SAME, {100, 200, 300}),
        ("a member is missing", lives((1, 1), (1, 2), (2, 4), (2, 5), (3, 6)), SAME, {200, 300}),
        ("a family is split", lives((1, 1), (1, 2), (4, 3), (2, 4), (2, 5), (3, 6)), SAME, {200, 300}),
        ("two families are one", lives((1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (2, 6)), SAME, {100}),
        ("a member is in a second family too", pd.concat([PERFECT, lives((3, 1))]), SAME, {200}),
        (
            "a stranger is among them",
            pd.concat([PERFECT, lives((2, 9))]),
            pd.concat([SAME, persons((9, NOBODY))]),
            {100, 300},
        ),
        (
            "two predicted persons of one true person in the same family",
            pd.concat([PERFECT, lives((2, 9))]),
            pd.concat([SAME, persons((9, 4))]),
            {100, 200, 300},
        ),
        (
            "the second half of a person lives elsewhere",
            pd.concat([PERFECT, lives((8, 9))]),
            pd.concat([SAME, persons((9, 4))]),
            {100, 300},
        ),
        ("nobody is placed", lives(), SAME, set()),
    ],
)
def test_exactly_right(why: str, members: pd.DataFrame, standing_for: pd.DataFrame, right: set[int]) -> None:
    placed = place(members, standing_for, ON_RECORD)

    found = exactly_right(placed, ON_RECORD)

    assert set(found.index) == {100, 200, 300}, why
    assert set(found.index[found]) == right, why


def test_a_predicted_person_stands_for_whom_most_of_its_records_are_of() -> None:
    records = pd.DataFrame(
        {"record_id": range(6), "person_id": [7, 7, 7, 8, 8, 9], "true_person_id": [2, 2, 1, 5, 4, NOBODY]}
    )

    found = majority(records)

    assert found[["person_id", "true_person_id"]].values.tolist() == [[7, 2], [8, 4], [9, NOBODY]]


def test_pairwise_over_persons_one_child_in_the_wrong_family() -> None:
    # Truth: {1, 2, 3}, {4, 5}, {6}: 4 pairs. Predicted: {1, 2}, {3, 4, 5}, {6}: 4 pairs. Right: 1-2 and 4-5.
    records = pd.DataFrame({"record_id": range(6), "person_id": range(1, 7), "true_person_id": range(1, 7)})
    members = lives((1, 1), (1, 2), (2, 3), (2, 4), (2, 5), (3, 6))

    quality = clustering_quality(*reversed(homes_of(records, members, ON_RECORD)))

    assert quality["pairwise_precision"] == 0.5
    assert quality["pairwise_recall"] == 0.5
    assert quality["pairwise_f1"] == 0.5


def test_who_was_never_loaded_is_alone() -> None:
    records = pd.DataFrame({"record_id": [0], "person_id": [1], "true_person_id": [1]})

    true, predicted = homes_of(records, lives((1, 1)), ON_RECORD)

    assert list(true) == [100, 100, 100, 200, 200, 300]
    assert predicted[0] == 1
    assert len(set(predicted)) == 6
    assert (predicted[1:] < 0).all()


def test_rates_by_shape() -> None:
    right = pd.Series({100: True, 200: False, 300: True})
    shape = pd.Series({100: "lone_parent", 200: "lone_parent", 300: "couple"})

    assert rates_by(right, shape, "household_shape") == [
        {"household_shape": "couple", "families": 1, "exact_membership": 1.0},
        {"household_shape": "lone_parent", "families": 2, "exact_membership": 0.5},
    ]


def test_families_are_matched_by_most_shared_persons_then_lowest_id() -> None:
    rows = [(1, 100)] * 2 + [(2, 100)] * 3 + [(1, 200)] + [(3, 300), (4, 300)] + [(5, NOBODY)]
    placed = pd.DataFrame(rows, columns=["family_id", "true_family_id"])

    matched = match_families(placed).sort_values("family_id")

    assert matched.values.tolist() == [[1, 200, 1], [2, 100, 3], [3, 300, 1]]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 6)), max_size=40))
def test_rounds_take_what_going_through_the_list_would_take(rows: list[tuple[int, int]]) -> None:
    placed = pd.DataFrame(rows, columns=["family_id", "true_family_id"], dtype="int64")
    shared: dict[tuple[int, int], int] = {}
    for family, true in rows:
        if true != NOBODY:
            shared[family, true] = shared.get((family, true), 0) + 1
    taken: list[tuple[int, int, int]] = []
    for (family, true), count in sorted(shared.items(), key=lambda item: (-item[1], item[0][1], item[0][0])):
        if all(family != f and true != t for f, t, _ in taken):
            taken.append((family, true, count))

    matched = match_families(placed)

    assert sorted(map(tuple, matched.values.tolist())) == sorted(taken)


def test_criteria_against_the_truth() -> None:
    # Family 1 is true family 100, 2 is 200; predicted 3 is nobody's, true 300 was not found.
    matched = pd.DataFrame({"family_id": [1, 2], "true_family_id": [100, 200], "shared": [3, 2]})
    truth = pd.DataFrame({"true_family_id": [100, 100, 200, 300], "criterion": ["work", "education", "work", "work"]})
    predicted = pd.DataFrame({"family_id": [1, 1, 2, 3], "criterion": ["work", "education", "education", "work"]})

    quality = criteria_quality(truth, predicted, matched, ["education", "work"])

    education, work = quality["by_criterion"]
    assert (education["precision"], education["recall"]) == (0.5, 1.0)  # claimed for 1 and 2, true of 100 only
    assert (work["precision"], work["recall"]) == (0.5, pytest.approx(1 / 3))  # 1 right of 2 claimed, of 3 true
    assert (quality["precision"], quality["recall"], quality["f1"]) == (0.5, 0.5, 0.5)


def test_nothing_to_find_and_nothing_said_is_no_figure() -> None:
    empty = pd.DataFrame({"true_family_id": np.array([], dtype="int64"), "criterion": np.array([], dtype=object)})
    said = pd.DataFrame({"family_id": np.array([], dtype="int64"), "criterion": np.array([], dtype=object)})
    matched = pd.DataFrame({"family_id": [1], "true_family_id": [100]})

    quality = criteria_quality(empty, said, matched, ["work"])

    assert quality["f1"] is None
    assert quality["by_criterion"][0]["precision"] is None
