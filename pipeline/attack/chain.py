"""Chaining equal names across blocks: what block-salted filters still show to whoever holds all passes of all records.

Inside a block the same name has the same filter. A record stands in several blocks, so equal names join from block to
block, through everybody who bears the name. Where blocks are large, all bearers of a common name end up in one class,
and can be counted as if there were no salt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipeline.attack.filters import grams_seen
from pipeline.attack.ours import NAMES, PassRows
from pipeline.attack.world import Floats, Ints
from pipeline.contracts import Encoding


@dataclass(frozen=True)
class Chained:
    """By name field: the class of records seen to have one name, and how many grams each record's filters show."""

    classes: dict[str, Ints]
    grams: dict[str, Ints]


def chain(passes: Iterable[PassRows], people: int, encoding: Encoding) -> Chained:
    """Go through all passes once."""
    edges: dict[str, list[tuple[Ints, Ints]]] = {name: [] for name in NAMES}
    weight: dict[str, Floats] = {name: np.zeros(people) for name in NAMES}
    seen = np.zeros(people)
    for rows in passes:
        seen += np.bincount(rows.person, minlength=people)
        for name in NAMES:
            filters = rows.filters[name].view("<u8")
            weight[name] += np.bincount(rows.person, np.bitwise_count(filters).sum(axis=1), minlength=people)
            edges[name].append(_neighbours(rows.person, same_in_block(rows, name)))
    return Chained(
        classes={name: _joined(edges[name], people) for name in NAMES},
        grams={name: grams_seen(weight[name] / np.maximum(seen, 1), encoding) for name in NAMES},
    )


def same_in_block(rows: PassRows, name: str) -> Ints:
    """A number for each (block, filter): equal where a name is seen to be the same inside a block."""
    key = (rows.block.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    words = rows.filters[name].view("<u8")
    for column in range(words.shape[1]):
        key = (key ^ words[:, column]) * np.uint64(0xD6E8FEB86659FD93)
        key ^= key >> np.uint64(32)
    number: Ints = np.unique(key, return_inverse=True)[1].astype(np.int64)
    return number


def _neighbours(person: Ints, group: Ints) -> tuple[Ints, Ints]:
    order = np.argsort(group, kind="stable")
    same = group[order][1:] == group[order][:-1]
    return person[order][:-1][same], person[order][1:][same]


def _joined(edges: list[tuple[Ints, Ints]], people: int) -> Ints:
    left = np.concatenate([a for a, _ in edges])
    right = np.concatenate([b for _, b in edges])
    graph = coo_matrix((np.ones(len(left), dtype=np.bool_), (left, right)), shape=(people, people))
    classes: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return classes
