"""Clusters: components, repaired by what one person cannot hold twice; stable ids with every change in the ledger."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.link.cluster import cluster, contradicted
from pipeline.link.identity import assign_ids
from pipeline.link.quality import clustering_quality

NOBODY = pd.DataFrame({"record_id": pd.Series(dtype="int64"), "person_id": pd.Series(dtype="int64")})


def links(*rows: tuple[int, int, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b, weight = (np.array(column) for column in zip(*rows, strict=True))
    return a.astype(np.int64), b.astype(np.int64), weight.astype(float)


def test_the_weakest_link_between_two_ninos_goes_and_no_other() -> None:
    a, b, weight = links((0, 1, 20.0), (1, 2, 8.0), (2, 3, 15.0), (3, 4, 5.0))
    nino = np.array([7, -1, -1, 9, -1])
    labels, cut = cluster(a, b, weight, {"nino": nino}, 5)
    assert labels.tolist() == [0, 0, 2, 2, 2]
    assert cut.tolist() == [False, True, False, False]


def test_a_clean_cluster_is_left_as_it_is() -> None:
    a, b, weight = links((0, 1, 1.0), (1, 2, 1.0))
    labels, cut = cluster(a, b, weight, {"nino": np.array([7, -1, 7, 9])}, 4)
    assert labels.tolist() == [0, 0, 0, 3]
    assert not cut.any()


def test_two_different_identifiers_contradict_only_within_their_kind() -> None:
    a, b, weight = links((0, 1, 5.0))
    labels, cut = cluster(a, b, weight, {"nino": np.array([7, -1]), "upn": np.array([-1, 8])}, 2)
    assert labels.tolist() == [0, 0]
    assert not cut.any()


def test_without_links_everybody_is_alone() -> None:
    none = np.zeros(0, dtype=np.int64)
    labels, cut = cluster(none, none, none.astype(float), {"nino": np.array([1, -1])}, 2)
    assert labels.tolist() == [0, 1]
    assert len(cut) == 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_after_repair_nobody_holds_two_and_order_does_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    records = 30
    possible = np.array(list(combinations(range(records), 2)))
    chosen = possible[random.choice(len(possible), 35, replace=False)]
    weight = random.integers(1, 20, 35).astype(float)
    identifiers = {
        "nino": np.where(random.random(records) < 0.5, random.integers(0, 6, records), -1),
        "upn": np.where(random.random(records) < 0.2, random.integers(0, 3, records), -1),
    }
    labels, cut = cluster(chosen[:, 0], chosen[:, 1], weight, identifiers, records)
    assert not contradicted(labels, identifiers).any()
    assert (cut == (labels[chosen[:, 0]] != labels[chosen[:, 1]])).all()
    order = random.permutation(35)
    again, _ = cluster(chosen[order, 0], chosen[order, 1], weight[order], identifiers, records)
    assert (again == labels).all()


def assigned(clusters: list[int], previous: pd.DataFrame) -> tuple[list[int], list[tuple]]:
    persons, ledger = assign_ids(np.arange(1, len(clusters) + 1), np.array(clusters), previous)
    rows = [tuple(None if pd.isna(value) else value for value in row) for row in ledger.itertuples(index=False)]
    return persons["person_id"].tolist(), rows


def night(*person_ids: int) -> pd.DataFrame:
    return pd.DataFrame({"record_id": np.arange(1, len(person_ids) + 1), "person_id": person_ids})


@pytest.mark.parametrize(
    ("clusters", "before", "ids", "changes"),
    [
        ([0, 0, 1], NOBODY, [1, 1, 2], [(None, 1, "new"), (None, 2, "new")]),
        ([0, 0, 1], night(4, 4, 6), [4, 4, 6], []),
        ([0, 0, 0], night(4, 4, 6), [4, 4, 4], [(6, 4, "merge")]),
        ([0, 0, 0, 0], night(6, 6, 4, 4), [4, 4, 4, 4], [(6, 4, "merge")]),
        ([0, 0, 1], night(4, 4, 4), [4, 4, 5], [(4, 5, "split")]),
        ([0, 1], night(4, 4, 8), [4, 9], [(8, None, "retired"), (4, 9, "split")]),
        ([0, 1, 1], night(4, 4, 6), [4, 6, 6], [(4, 6, "split")]),
        ([0, 0, 1], night(4, 4), [4, 4, 5], [(None, 5, "new")]),
        # Three go to the second cluster, whose id stays; the rest of 4 gets a new one.
        ([0, 1, 1, 1], night(4, 4, 4, 4), [5, 4, 4, 4], [(4, 5, "split")]),
    ],
)
def test_ids_stay_and_changes_are_told(
    clusters: list[int], before: pd.DataFrame, ids: list[int], changes: list[tuple]
) -> None:
    assert assigned(clusters, before) == (ids, changes)


@settings(max_examples=40, deadline=None)
@given(
    before=st.lists(st.integers(0, 5), min_size=8, max_size=8), now=st.lists(st.integers(0, 5), min_size=8, max_size=8)
)
def test_every_move_of_a_record_stands_in_the_ledger(before: list[int], now: list[int]) -> None:
    records = np.arange(8)
    first, _ = assign_ids(records, np.array(before), NOBODY)
    second, ledger = assign_ids(records, np.array(now), first)
    both = first.merge(second, on="record_id", suffixes=("_old", "_new"))
    moved = both.query("person_id_old != person_id_new")
    told = ledger.dropna()
    assert set(zip(moved["person_id_old"], moved["person_id_new"], strict=True)) == set(
        zip(told["old_id"], told["new_id"], strict=True)
    )
    third, nothing = assign_ids(records, np.array(now), second)
    assert nothing.empty
    pd.testing.assert_frame_equal(third, second)


def test_a_retired_id_is_not_used_again_where_the_highest_is_told() -> None:
    persons, _ = assign_ids(np.array([1, 2]), np.array([0, 1]), night(4), first_new_id=30)
    assert persons["person_id"].tolist() == [4, 30]


@settings(max_examples=40, deadline=None)
@given(
    found=st.lists(st.integers(0, 4), min_size=9, max_size=9), truth=st.lists(st.integers(0, 4), min_size=9, max_size=9)
)
def test_quality_without_listing_pairs_agrees_with_listing_them(found: list[int], truth: list[int]) -> None:
    pairs = list(combinations(range(9), 2))
    linked = {pair for pair in pairs if found[pair[0]] == found[pair[1]]}
    real = {pair for pair in pairs if truth[pair[0]] == truth[pair[1]]}
    quality = clustering_quality(found, truth)
    assert quality["pairwise_precision"] == pytest.approx(len(linked & real) / len(linked) if linked else 1)
    assert quality["pairwise_recall"] == pytest.approx(len(linked & real) / len(real) if real else 1)

    def groups(labels: list[int]) -> set[frozenset[int]]:
        return {frozenset(i for i in range(9) if labels[i] == label) for label in set(labels)}

    assert quality["exact_clusters"] == len(groups(found) & groups(truth))
    assert quality["cluster_precision"] == pytest.approx(len(groups(found) & groups(truth)) / len(groups(found)))
