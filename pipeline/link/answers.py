"""What people have answered about pairs of records, and how it binds: `same` holds together, `different` keeps apart.

Answers come before weights. They hold through others: who is the same as somebody is different from whomever that one
is different from. Where answers contradict each other, the latest stand and the older ones are set aside and told.
Pure: who answered, when and why belongs to the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipeline.link.cluster import FORBIDDEN, MOST_BITS

SAME, DIFFERENT, CANNOT_TELL = "same", "different", "cannot_tell"
ANSWERS = (SAME, DIFFERENT, CANNOT_TELL)
Index = NDArray[np.int64]
Decisions = NDArray[np.object_]
Pair = tuple[int, int]
Apart = dict[int, set[int]]  # position that stands for a group -> those of the groups it is kept apart from


@dataclass(frozen=True)
class Settled:
    """Answers in force: pairs answered `same` and `different`, what was set aside, and who is one person by them.

    `group`: each answered id and the id that stands for all it was said to be one with; `apart`: for each such id,
    those it was said to differ from. `set_aside`: rows of the answers (their place, from 0) that later ones contradict.
    """

    same: tuple[Pair, ...]
    different: tuple[Pair, ...]
    cannot_tell: tuple[Pair, ...]
    set_aside: tuple[int, ...]
    group: dict[int, int]
    apart: dict[int, frozenset[int]]


@dataclass(frozen=True)
class Bound:
    """Clusters and decisions once answers have bound them, and how many answers did what."""

    clusters: Index
    decision: Decisions
    summary: dict[str, int] = field(default_factory=dict)


@dataclass
class _Groups:
    """Ids joined by `same`, and groups kept apart by `different`."""

    parent: dict[int, int] = field(default_factory=dict)
    enemies: dict[int, set[int]] = field(default_factory=dict)

    def root(self, one: int) -> int:
        self.parent.setdefault(one, one)
        while self.parent[one] != one:
            self.parent[one] = one = self.parent[self.parent[one]]
        return one

    def join(self, a: int, b: int) -> bool:
        a, b = sorted((self.root(a), self.root(b)))
        if b in self.enemies.get(a, ()):
            return False
        if a != b:
            self.parent[b] = a
            for other in self.enemies.pop(b, set()):
                self.enemies[other] = self.enemies[other] - {b} | {a}
                self.enemies.setdefault(a, set()).add(other)
        return True

    def keep_apart(self, a: int, b: int) -> bool:
        a, b = self.root(a), self.root(b)
        if a == b:
            return False
        self.enemies.setdefault(a, set()).add(b)
        self.enemies.setdefault(b, set()).add(a)
        return True


def settle(answers: pd.DataFrame) -> Settled:
    """Which answers stand: record_a, record_b, answer; rows in order of time, the latest last.

    Of a pair the latest answer counts (`cannot_tell` takes an earlier one back). From the latest to the first, each
    stands that contradicts none that stands already, also by way of other records.
    """
    rows = list(zip(answers["record_a"].tolist(), answers["record_b"].tolist(), answers["answer"], strict=True))
    groups = _Groups()
    seen: set[Pair] = set()
    told: dict[str, list[Pair]] = {name: [] for name in ANSWERS}
    set_aside = []
    for place in range(len(rows) - 1, -1, -1):
        a, b, answer = rows[place]
        pair = (min(a, b), max(a, b))
        if a == b or pair in seen:
            continue
        seen.add(pair)
        stands = answer == CANNOT_TELL or (groups.join(a, b) if answer == SAME else groups.keep_apart(a, b))
        if stands:
            told[answer].append(pair)
        else:
            set_aside.append(place)
    return Settled(
        same=tuple(told[SAME][::-1]),
        different=tuple(told[DIFFERENT][::-1]),
        cannot_tell=tuple(told[CANNOT_TELL][::-1]),
        set_aside=tuple(set_aside[::-1]),
        group={one: groups.root(one) for one in list(groups.parent)},
        apart={one: frozenset(others) for one, others in groups.enemies.items()},
    )


def bind_answers(
    answers: pd.DataFrame | None,
    record_ids: Index,
    clusters: Index,
    a: Index,
    b: Index,
    bits: NDArray[np.float64],
    decision: Decisions,
    linked: NDArray[np.bool_],
    identifiers: Mapping[str, Index],
    unscored_bits: float,
) -> Bound:
    """Clusters (a label per record) and decisions as the answers want them; without answers, as they are.

    `record_ids` sorted; pairs by positions a[i] < b[i] with their bits and whether they were links before repair;
    `identifiers`: codes of which a person has one. Persons that a `same` brings together are one, whole, and the
    identifiers of two records answered `same` count as one; persons that hold two records answered `different` (or
    are brought together and contradict) are put together anew, the records answered `same` as one. Ids that are in
    no record still count for what follows from them.
    """
    if answers is None or answers.empty:
        return Bound(clusters, decision)
    settled = settle(answers)
    group, apart = _present(settled, record_ids)
    merged = _merged(clusters, group)
    touched = np.isin(merged, _touched(merged, clusters, group, apart))
    inside = np.flatnonzero(touched[a] & (merged[a] == merged[b]))
    inside = inside[np.argsort(merged[a[inside]], kind="stable")]
    labels = merged.copy()
    for records in _parts(merged, np.flatnonzero(touched)):
        low, high = np.searchsorted(merged[a[inside]], merged[records[0]] + np.arange(2))
        pairs = inside[low:high]
        links = zip(a[pairs].tolist(), b[pairs].tolist(), bits[pairs].tolist(), strict=True)
        labels[records] = _persons_of(records, group, apart, links, identifiers, unscored_bits)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    bound = first[inverse].astype(np.int64)
    decided = decision.copy()
    together = bound[a] == bound[b]
    moved = linked & (together != (clusters[a] == clusters[b]))
    decided[moved] = np.where(together[moved], "match", "cut")
    decided[_among(settled.same, record_ids, a, b)] = "match"
    decided[_among(settled.different, record_ids, a, b)] = "cut"
    summary = {name: len(getattr(settled, name)) for name in (*ANSWERS, "set_aside")}
    return Bound(bound, decided, summary)


def _present(settled: Settled, record_ids: Index) -> tuple[Index, Apart]:
    """Per record the position that stands for its group (its own where nobody spoke of it); groups kept apart."""
    group = np.arange(len(record_ids), dtype=np.int64)
    ids = np.array(sorted(settled.group), dtype=np.int64)
    stands_for: dict[int, int] = {}
    for one, at in zip(ids.tolist(), np.searchsorted(record_ids, ids).tolist(), strict=True):
        if at < len(record_ids) and record_ids[at] == one:
            group[at] = stands_for.setdefault(settled.group[one], at)
    apart = {
        stands_for[one]: {stands_for[other] for other in others if other in stands_for}
        for one, others in settled.apart.items()
        if one in stands_for
    }
    return group, apart


def _merged(clusters: Index, group: Index) -> Index:
    """Clusters that share a group are one."""
    spoken = np.flatnonzero(group != np.arange(len(group)))
    if not len(spoken):
        return clusters
    size = int(clusters.max()) + 1
    edges = (np.ones(len(spoken), dtype=np.int8), (clusters[spoken], clusters[group[spoken]]))
    joined = connected_components(coo_matrix(edges, shape=(size, size)), directed=False)[1].astype(np.int64)
    return np.asarray(joined[clusters])


def _touched(merged: Index, clusters: Index, group: Index, apart: Apart) -> Index:
    """Labels of what an answer brought together, or that hold two groups kept apart."""
    pairs = np.array([(one, other) for one, others in apart.items() for other in others], dtype=np.int64)
    one, other = pairs.reshape(-1, 2).T
    inside = merged[one] == merged[other]
    return np.unique(np.concatenate([merged[one[inside]], merged[clusters != clusters[group]]]))


def _parts(labels: Index, records: Index) -> list[Index]:
    """The records by label."""
    records = records[np.argsort(labels[records], kind="stable")]
    return [part for part in np.split(records, np.flatnonzero(np.diff(labels[records])) + 1) if len(part)]


def _persons_of(
    records: Index,
    group: Index,
    apart: Apart,
    links: Iterable[tuple[int, int, float]],
    identifiers: Mapping[str, Index],
    unscored_bits: float,
) -> Index:
    """One label per record (beyond any label in use): one person, or several where something forbids one."""
    nodes, first, node = np.unique(group[records], return_index=True, return_inverse=True)
    forbidden = _forbidden(nodes, node, apart, [codes[records] for codes in identifiers.values()])
    if not forbidden.any():
        return np.full(len(records), len(group) + records[0], dtype=np.int64)
    total = np.full((len(nodes), len(nodes)), -np.inf)
    place = dict(zip(records.tolist(), node.tolist(), strict=True))
    for one, other, weight in links:
        i, j = place[one], place[other]
        # What is said of one record of a group is said of the group.
        total[i, j] = total[j, i] = max(total[i, j], min(max(weight, -MOST_BITS), MOST_BITS))
    total[np.isneginf(total)] = unscored_bits
    total[forbidden] = FORBIDDEN
    return np.asarray(len(group) + records[first[_put_together(total)[node]]])


def _forbidden(nodes: Index, node: Index, apart: Apart, identifiers: Iterable[Index]) -> NDArray[np.bool_]:
    """Which nodes cannot be one person: answered so, or two values of an identifier that no answer made one."""
    forbidden = np.zeros((len(nodes), len(nodes)), dtype=np.bool_)
    place = {one: at for at, one in enumerate(nodes.tolist())}
    for one, at in place.items():
        for other in apart.get(one, set()) & place.keys():
            forbidden[at, place[other]] = True
    for codes in identifiers:
        values = _Groups()
        of_node: dict[int, int] = {}
        for at, code in zip(node.tolist(), codes.tolist(), strict=True):
            if code >= 0:
                values.join(code, of_node.setdefault(at, code))
        value = np.array([values.root(of_node[at]) if at in of_node else -1 for at in range(len(nodes))])
        forbidden |= (value[:, None] >= 0) & (value[None, :] >= 0) & (value[:, None] != value[None, :])
    return forbidden


def _put_together(total: NDArray[np.float64]) -> Index:
    """The first node of each node's part: the two parts that agree best on average are joined, until none is above
    nought (as in `cluster`, for the few nodes that answers touch)."""
    size = len(total)
    part = np.arange(size, dtype=np.int64)
    count = np.ones(size)
    sums = total.copy()
    while True:
        average = np.triu(sums / np.outer(count, count), 1)
        left, right = divmod(int(average.argmax()), size)
        if average[left, right] <= 0:
            return part
        part[part == right] = left
        sums[left] += sums[right]
        sums[:, left] += sums[:, right]
        count[left] += count[right]
        sums[right], sums[:, right] = FORBIDDEN, FORBIDDEN


def _among(pairs: tuple[Pair, ...], record_ids: Index, a: Index, b: Index) -> NDArray[np.bool_]:
    """Which of the pairs by position are among the pairs by id."""
    size = len(record_ids)
    wanted = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    place = np.minimum(np.searchsorted(record_ids, wanted), max(size - 1, 0))
    known = (record_ids[place] == wanted).all(axis=1) if size else np.zeros(len(wanted), dtype=np.bool_)
    return np.isin(a * size + b, place[known, 0] * size + place[known, 1])
