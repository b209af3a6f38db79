"""From links to persons: connected components, repaired where one person would hold what nobody holds twice.

Repair joins a component anew, strongest link first, and refuses every link that would bring two different values of a
one-per-person identifier together: so the weakest link of every contradiction goes, and no other. Refused links, and
links between the parts that remain, are cuts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def cluster(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    weight: NDArray[np.float64],
    identifiers: Mapping[str, NDArray[np.int64]],
    records: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The cluster of each record (numbered by its first record) and which links were cut.

    Links join positions a[i] < b[i] with a weight; `identifiers`: codes per record (-1 missing) of which a person has
    one. The order of the links does not matter.
    """
    graph = coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(records, records))
    labels = connected_components(graph, directed=False)[1].astype(np.int64)
    broken = contradicted(labels, identifiers)
    cut = np.zeros(len(a), dtype=np.bool_)
    if broken.any():
        affected = np.flatnonzero(broken[labels[a]]) if len(a) else np.zeros(0, dtype=np.int64)
        in_order = affected[np.lexsort((b[affected], a[affected], -weight[affected]))]
        parent = _join_without_contradiction(a[in_order], b[in_order], identifiers)
        for record, root in parent.items():
            labels[record] = records + root
        cut[affected] = labels[a[affected]] != labels[b[affected]]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64), cut


def contradicted(labels: NDArray[np.int64], identifiers: Mapping[str, NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Per label, whether its records hold two different values of an identifier."""
    broken = np.zeros(int(labels.max(initial=-1)) + 1, dtype=np.bool_)
    for codes in identifiers.values():
        held = codes >= 0
        pairs = np.unique(np.stack([labels[held], codes[held]], axis=1), axis=0)
        broken |= np.bincount(pairs[:, 0], minlength=len(broken)) > 1
    return broken


def _join_without_contradiction(
    a: NDArray[np.int64], b: NDArray[np.int64], identifiers: Mapping[str, NDArray[np.int64]]
) -> dict[int, int]:
    """Root of each record that has a link, joining in the order given unless values would contradict."""
    parent: dict[int, int] = {int(record): int(record) for record in np.unique(np.concatenate([a, b]))}
    values: dict[int, dict[str, int]] = {
        record: {name: int(codes[record]) for name, codes in identifiers.items() if codes[record] >= 0}
        for record in parent
    }

    def root_of(record: int) -> int:
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    for left, right in zip(a.tolist(), b.tolist(), strict=True):
        one, other = root_of(left), root_of(right)
        if one == other:
            continue
        held, more = values[one], values[other]
        if any(held.get(name, value) != value for name, value in more.items()):
            continue
        keep, drop = min(one, other), max(one, other)
        parent[drop] = keep
        values[keep] = {**held, **more}
    return {record: root_of(record) for record in parent}
