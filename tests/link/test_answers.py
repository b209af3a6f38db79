"""Answers bind: what people said holds through clusters, the latest says it, and nothing else moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contracts import LinkModel, load_link_model
from pipeline.link import Encodings, link_persons
from pipeline.link.answers import Bound, Settled, bind_answers, settle
from pipeline.link.cluster import cluster
from pipeline.records import LinkResult
from tests.link.town import Town, make_town

NOBODY = pd.DataFrame({"record_id": pd.Series(dtype="int64"), "person_id": pd.Series(dtype="int64")})
Pairs = dict[tuple[int, int], float]


def answers_of(*rows: tuple[int, int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["record_a", "record_b", "answer"])


def clusters_of(bound: Bound) -> list[set[int]]:
    return [set(np.flatnonzero(bound.clusters == label).tolist()) for label in np.unique(bound.clusters)]


def bound(
    size: int, pairs: Pairs, *rows: tuple[int, int, str], nino: list[int] | None = None, ids: list[int] | None = None
) -> Bound:
    """Records 0 … size - 1 (or with these ids), linked where their bits are above nought, then bound."""
    a, b = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    bits = np.array(list(pairs.values()))
    identifiers = {"nino": np.array(nino or [-1] * size, dtype=np.int64)}
    linked = bits > 0
    clusters, cut = cluster(a, b, bits, linked, identifiers, size, -1.0)
    decision = np.where(linked, np.where(cut, "cut", "match"), "possible").astype(object)
    record_ids = np.array(ids if ids is not None else range(size), dtype=np.int64)
    return bind_answers(answers_of(*rows), record_ids, clusters, a, b, bits, decision, linked, identifiers, -1.0)


def test_same_merges_two_persons_whole() -> None:
    pairs = {(0, 1): 9.0, (2, 3): 9.0, (1, 2): -0.5}
    found = bound(5, pairs, (1, 2, "same"))
    assert clusters_of(found) == [{0, 1, 2, 3}, {4}]
    assert found.decision.tolist() == ["match", "match", "match"]


def test_same_merges_whole_persons_however_many_records_they_have() -> None:
    left = {(i, j): 5.0 for i in range(15) for j in range(i + 1, 15)}
    right = {(i + 15, j + 15): 5.0 for i, j in left}
    assert clusters_of(bound(30, left | right, (3, 20, "same"))) == [set(range(30))]


def test_different_splits_and_each_goes_where_it_fits_best() -> None:
    pairs = {(0, 1): 12.0, (1, 2): 3.0, (0, 2): 2.0}
    found = bound(3, pairs, (0, 2, "different"))
    assert clusters_of(found) == [{0, 1}, {2}]
    assert found.decision.tolist() == ["match", "cut", "cut"]


def test_a_possible_pair_said_to_differ_is_cut_and_nothing_moves() -> None:
    found = bound(3, {(0, 1): 9.0, (1, 2): -1.0}, (1, 2, "different"))
    assert clusters_of(found) == [{0, 1}, {2}]
    assert found.decision.tolist() == ["match", "cut"]


def test_different_holds_through_who_is_the_same() -> None:
    """0 is 1, and 1 differs from 2; 0 and 2 agree well, and must not meet all the same."""
    found = bound(3, {(0, 2): 15.0, (0, 1): 1.0}, (0, 1, "same"), (1, 2, "different"))
    assert clusters_of(found) == [{0, 1}, {2}]


def test_answers_hold_through_a_record_that_is_gone() -> None:
    """99 is in no record tonight, yet both were said to be one with it."""
    assert clusters_of(bound(2, {(0, 1): -1.0}, (0, 99, "same"), (99, 1, "same"))) == [{0, 1}]
    assert clusters_of(bound(2, {(0, 1): 9.0}, (0, 99, "same"), (99, 1, "different"))) == [{0}, {1}]


def test_same_overrules_two_ninos_of_these_records_and_of_those_who_hold_them() -> None:
    pairs = {(0, 1): 9.0, (1, 2): 6.0, (2, 3): 9.0}
    assert clusters_of(bound(4, pairs, nino=[7, 7, 8, 8])) == [{0, 1}, {2, 3}]
    assert clusters_of(bound(4, pairs, (1, 2, "same"), nino=[7, 7, 8, 8])) == [{0, 1, 2, 3}]


def test_same_takes_nobody_along_who_holds_a_third_nino() -> None:
    pairs = {(0, 1): 9.0, (2, 3): 9.0, (1, 2): 1.0}
    found = bound(4, pairs, (1, 2, "same"), nino=[7, -1, -1, 8])
    assert {1, 2} <= next(one for one in clusters_of(found) if 1 in one)
    assert not any({0, 3} <= one for one in clusters_of(found))


def test_of_one_pair_the_latest_answer_counts_and_cannot_tell_takes_it_back() -> None:
    pairs = {(0, 1): 9.0}
    assert clusters_of(bound(2, pairs, (0, 1, "different"), (1, 0, "same"))) == [{0, 1}]
    assert clusters_of(bound(2, pairs, (0, 1, "same"), (0, 1, "different"))) == [{0}, {1}]
    assert clusters_of(bound(2, pairs, (0, 1, "different"), (0, 1, "cannot_tell"))) == [{0, 1}]


def test_a_contradiction_sets_the_older_answer_aside_and_says_so() -> None:
    told = answers_of((0, 1, "same"), (1, 2, "same"), (0, 2, "different"))
    settled = settle(told)
    assert settled.set_aside == (0,)
    assert settled.same == ((1, 2),)
    assert settled.different == ((0, 2),)
    found = bound(3, {(0, 1): 9.0, (1, 2): 9.0, (0, 2): 9.0}, *told.itertuples(index=False))
    assert clusters_of(found) == [{0}, {1, 2}]
    assert found.summary == {"same": 1, "different": 1, "cannot_tell": 0, "set_aside": 1}


def test_without_answers_nothing_changes() -> None:
    pairs = {(0, 1): 9.0, (1, 2): 3.0, (0, 2): -8.0}
    assert clusters_of(bound(3, pairs)) == clusters_of(bound(3, pairs, (0, 2, "cannot_tell")))


IDS = st.integers(0, 7)
TOLD = st.lists(st.tuples(IDS, IDS, st.sampled_from(["same", "different", "cannot_tell"])), max_size=14)


def consistent(same: set[frozenset[int]], different: set[frozenset[int]]) -> bool:
    """By trying: whether no chain of `same` joins a pair said to differ."""
    group = {one: {one} for one in range(8)}
    for pair in same:
        joined = set().union(*(group[one] for one in pair))
        for one in joined:
            group[one] = joined
    return all(group[min(pair)] is not group[max(pair)] for pair in different)


def plainly(rows: list[tuple[int, int, str]]) -> tuple[set[frozenset[int]], set[frozenset[int]], int]:
    """The rule, told plainly: from the latest answer back, keep what contradicts nothing kept."""
    same: set[frozenset[int]] = set()
    different: set[frozenset[int]] = set()
    seen: set[frozenset[int]] = set()
    aside = 0
    for a, b, answer in reversed(rows):
        pair = frozenset((a, b))
        if a == b or pair in seen:
            continue
        seen.add(pair)
        more_same = same | {pair} if answer == "same" else same
        more_different = different | {pair} if answer == "different" else different
        if consistent(more_same, more_different):
            same, different = more_same, more_different
        else:
            aside += 1
    return same, different, aside


@given(TOLD)
def test_settling_is_the_plain_rule(rows: list[tuple[int, int, str]]) -> None:
    settled: Settled = settle(answers_of(*rows))
    same, different, aside = plainly(rows)
    assert {frozenset(pair) for pair in settled.same} == same
    assert {frozenset(pair) for pair in settled.different} == different
    assert len(settled.set_aside) == aside


@given(
    TOLD,
    st.dictionaries(st.tuples(IDS, IDS).filter(lambda p: p[0] < p[1]), st.floats(-6, 20).filter(bool), max_size=20),
    st.lists(st.integers(-1, 2), min_size=8, max_size=8),
)
def test_what_stands_holds_in_the_clusters(rows: list[tuple[int, int, str]], pairs: Pairs, nino: list[int]) -> None:
    found = bound(8, pairs, *rows, nino=nino)
    label = found.clusters
    settled = settle(answers_of(*rows))
    assert all(label[a] == label[b] for a, b in settled.same)
    assert all(label[a] != label[b] for a, b in settled.different)
    assert (label <= np.arange(8)).all()  # a cluster is numbered by its first record
    again = bound(8, dict(reversed(pairs.items())), *rows, nino=nino)
    assert again.clusters.tolist() == label.tolist()
    spoken = {one for row in rows for one in row[:2]}
    before = bound(8, pairs, nino=nino).clusters
    untouched = [one for one in range(8) if not spoken & {i for i in range(8) if before[i] == before[one]}]
    assert all((label == label[one]).tolist() == (before == before[one]).tolist() for one in untouched)


@pytest.fixture(scope="module")
def model() -> LinkModel:
    return load_link_model(Path(__file__).parents[2] / "schemas")


@pytest.fixture(scope="module")
def town() -> Town:
    return make_town(700, seed=4)


def linked(town: Town, model: LinkModel, previous: pd.DataFrame, *rows: tuple[int, int, str]) -> LinkResult:
    encodings = Encodings.from_arrow(town.encodings)
    return link_persons(town.records, encodings, model, town.chance, previous, answers=answers_of(*rows))


def test_a_night_with_answers_keeps_every_other_id_and_says_what_moved(town: Town, model: LinkModel) -> None:
    first = linked(town, model, NOBODY)
    person = first.persons.set_index("record_id")["person_id"]
    records = person.groupby(person).transform("size")
    apart = first.pairs[first.pairs["decision"] == "possible"]
    alone = apart["record_a"].map(records).eq(1) | apart["record_b"].map(records).eq(1)
    apart = apart[alone & (person[apart["record_a"]].to_numpy() != person[apart["record_b"]].to_numpy())].iloc[0]
    two = first.pairs["record_a"].map(records).eq(2) & ~first.pairs["record_a"].map(person).isin(
        [person[apart["record_a"]], person[apart["record_b"]]]
    )
    match = first.pairs[(first.pairs["decision"] == "match") & two].iloc[-1]
    rows = ((apart["record_a"], apart["record_b"], "same"), (match["record_a"], match["record_b"], "different"))
    second = linked(town, model, first.persons, *rows)
    now = second.persons.set_index("record_id")["person_id"]
    assert now[apart["record_a"]] == now[apart["record_b"]]
    assert now[match["record_a"]] != now[match["record_b"]]
    assert sorted(second.ledger["change"]) == ["merge", "split"]
    assert ((now != person).groupby(person).any()).sum() <= 2
    stored = second.pairs.set_index(["record_a", "record_b"])["decision"]
    assert stored[match["record_a"], match["record_b"]] == "cut"
    assert stored[apart["record_a"], apart["record_b"]] == "match"
    assert second.parameters["answers"] == {"same": 1, "different": 1, "cannot_tell": 0, "set_aside": 0}
    third = linked(town, model, second.persons, *rows)
    assert third.ledger.empty
    pd.testing.assert_frame_equal(third.pairs, second.pairs)
