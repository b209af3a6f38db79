"""Clusters: components, repaired by what one person cannot hold twice; stable ids with every change in the ledger."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from pipeline.link.cluster import cluster, contradicted
from pipeline.link.identity import assign_ids
from pipeline.link.quality import clustering_quality

NOBODY = pd.DataFrame({"record_id": pd.Series(dtype="int64"), "person_id": pd.Series(dtype="int64")})


def put(
    *pairs: tuple[int, int, float], records: int, **identifiers: list[int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """Clusters and cut links of pairs with their bits; above 4 bits a pair is a link."""
    a, b, bits = (np.array(column) for column in zip(*pairs, strict=True)) if pairs else (np.zeros(0),) * 3
    codes = {name: np.array(values) for name, values in identifiers.items()}
    a, b, bits = a.astype(np.int64), b.astype(np.int64), bits.astype(float)
    labels, cut = cluster(a, b, bits, bits > 4, codes, records, -1.0)
    return labels.tolist(), list(zip(a[cut].tolist(), b[cut].tolist(), strict=True))


def test_the_weakest_link_between_two_ninos_goes_and_no_other() -> None:
    pairs = [(0, 1, 20.0), (1, 2, 8.0), (2, 3, 15.0), (3, 4, 5.0), (2, 4, 5.0)]
    assert put(*pairs, records=5, nino=[7, -1, -1, 9, -1]) == ([0, 0, 2, 2, 2], [(1, 2)])


def test_a_clean_cluster_is_left_as_it_is() -> None:
    assert put((0, 1, 5.0), (1, 2, 5.0), records=4, nino=[7, -1, 7, 9]) == ([0, 0, 0, 3], [])


def test_two_different_identifiers_contradict_only_within_their_kind() -> None:
    assert put((0, 1, 5.0), records=2, nino=[7, -1], upn=[-1, 8]) == ([0, 0], [])
    between = [(0, 1, 19.0), (1, 2, 19.0), (0, 2, -5.0)]
    assert put(*between, records=3, nino=[7, -1, 8]) == ([0, 0, 2], [(1, 2)])


def test_a_link_all_the_same_outweighs_one_misread_identifier() -> None:
    """What is left of the weight, with the contradiction in it, says one person."""
    assert put((0, 1, 9.0), records=2, nino=[7, 8]) == ([0, 0], [])
    assert put((0, 1, 9.0), (1, 2, 9.0), (0, 2, 9.0), records=3, nino=[7, 8, 7]) == ([0, 0, 0], [])


def test_two_dates_of_birth_each_told_twice_are_two_people() -> None:
    """Father and son of one name in two registers each, every pair a link; one slip alone is forgiven."""
    pairs = np.array(list(combinations(range(4), 2)))
    told = np.where([{a, b} in ({0, 1}, {2, 3}) for a, b in pairs.tolist()], 1, -1).astype(np.int8)
    bits = np.where(told > 0, 19.0, 6.0)
    labels, cut = cluster(pairs[:, 0], pairs[:, 1], bits, bits > 4, {}, 4, -1.0, None, told)
    assert labels.tolist() == [0, 0, 2, 2]
    assert cut.sum() == 4
    three = pairs[:, 1] < 3
    labels, _ = cluster(pairs[three, 0], pairs[three, 1], bits[:3], bits[:3] > 4, {}, 3, -1.0, None, told[three])
    assert labels.tolist() == [0, 0, 0]


def test_a_contradiction_keeps_apart_whom_a_third_record_ties_together() -> None:
    """Father, son, and a record of their name without a date of birth: it goes to one of them, not both to it."""
    a, b, bits = np.array([0, 1, 0]), np.array([2, 2, 1]), np.array([9.0, 8.0, 3.0])
    assert cluster(a, b, bits, bits > 4, {}, 3, -1.0)[0].tolist() == [0, 0, 0]
    apart = np.array([False, False, True])
    assert cluster(a, b, bits, bits > 4, {}, 3, -1.0, apart)[0].tolist() == [0, 1, 0]


def test_one_link_does_not_tie_two_crowds_together() -> None:
    """Two times three records that all agree, and one link across: the pairs never scored speak against it."""
    inside = [(0, 1, 9.0), (0, 2, 9.0), (1, 2, 9.0), (3, 4, 9.0), (3, 5, 9.0), (4, 5, 9.0)]
    assert put(*inside, (2, 3, 6.0), records=6) == ([0, 0, 0, 3, 3, 3], [(2, 3)])


def test_a_record_in_between_joins_two_that_were_never_compared() -> None:
    assert put((0, 1, 12.0), (1, 2, 9.0), records=3) == ([0, 0, 0], [])


def test_a_doubtful_pair_speaks_for_or_against_a_cluster() -> None:
    """Two links to one record, the pair itself clearly not: the stronger link stays."""
    assert put((0, 1, 12.0), (1, 2, 6.0), (0, 2, -15.0), records=3) == ([0, 0, 2], [(1, 2)])
    assert put((0, 1, 12.0), (1, 2, 6.0), (0, 2, 2.0), records=3) == ([0, 0, 0], [])


def test_without_links_everybody_is_alone() -> None:
    assert put(records=2, nino=[1, -1]) == ([0, 1], [])


def test_a_component_too_large_is_taken_apart_at_stronger_links(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import import_module

    monkeypatch.setattr(import_module("pipeline.link.cluster"), "LARGEST", 3)
    chain = [(0, 1, 9.0), (1, 2, 5.0), (2, 3, 9.0), (3, 4, 5.0), (4, 5, 9.0)]
    assert put(*chain, records=6)[0] == [0, 0, 2, 2, 4, 4]


def reference_parts(total: np.ndarray) -> list[frozenset[int]]:
    """Average-link joining written plainly: the best pair of parts, lowest numbers first, until none is above 0."""
    parts = [[i] for i in range(len(total))]
    while len(parts) > 1:
        scores = [
            (np.mean([total[i, j] for i in one for j in other]), -min(one), -min(other), one, other)
            for one, other in combinations(sorted(parts), 2)
        ]
        best = max(scores, key=lambda score: score[:3])
        if best[0] <= 0:
            break
        parts = [part for part in parts if part not in (best[3], best[4])] + [sorted(best[3] + best[4])]
    return sorted((frozenset(part) for part in parts), key=min)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_joining_agrees_with_a_plain_reference(seed: int) -> None:
    random = np.random.default_rng(seed)
    records = 9
    pairs = np.array(list(combinations(range(records), 2)))
    pairs = pairs[random.random(len(pairs)) < 0.6]
    bits = random.normal(2, 8, len(pairs)).clip(-20, 20)
    labels, _ = cluster(pairs[:, 0], pairs[:, 1], bits, bits > -100, {}, records, -1.0)
    total = np.full((records, records), -1.0)
    total[pairs[:, 0], pairs[:, 1]] = total[pairs[:, 1], pairs[:, 0]] = bits
    linked = np.zeros((records, records))
    linked[pairs[:, 0], pairs[:, 1]] = 1
    _, component = connected_components(linked, directed=False)
    expected = []
    for number in range(component.max() + 1):
        members = np.flatnonzero(component == number)
        whole = linked[np.ix_(members, members)].sum() == len(members) * (len(members) - 1) // 2
        found = [frozenset(range(len(members)))] if whole else reference_parts(total[np.ix_(members, members)])
        expected += [frozenset(members[list(part)].tolist()) for part in found]
    assert {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels)} == set(expected)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_after_repair_nobody_holds_two_and_order_does_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    records = 30
    possible = np.array(list(combinations(range(records), 2)))
    chosen = possible[random.choice(len(possible), 60, replace=False)]
    bits = random.integers(-9, 20, 60).astype(float)
    identifiers = {
        "nino": np.where(random.random(records) < 0.5, random.integers(0, 6, records), -1),
        "upn": np.where(random.random(records) < 0.2, random.integers(0, 3, records), -1),
    }
    labels, cut = cluster(chosen[:, 0], chosen[:, 1], bits, bits > 4, identifiers, records, -1.0)
    for label in np.flatnonzero(contradicted(labels, identifiers)):
        inside = np.flatnonzero(labels == label)
        for one, other in combinations(inside.tolist(), 2):
            if any(
                codes[one] >= 0 and codes[other] >= 0 and codes[one] != codes[other] for codes in identifiers.values()
            ):
                assert ((chosen == [one, other]).all(axis=1) & (bits > 4)).any()
    assert (cut == ((bits > 4) & (labels[chosen[:, 0]] != labels[chosen[:, 1]]))).all()
    order = random.permutation(60)
    again, _ = cluster(chosen[order, 0], chosen[order, 1], bits[order], bits[order] > 4, identifiers, records, -1.0)
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
