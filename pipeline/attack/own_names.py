"""What a record's own two names show: forename and surname of one row stand in one block.

If both are made under one key, the distance between them says how many grams they share; a record stands in about nine
blocks, so the average of its rows is exact enough to be a label, and the labels of a home are a fingerprint of it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.spatial import cKDTree

from pipeline.attack.ours import NAMES, PassRows, gram_sets
from pipeline.attack.world import NOBODY, Floats, Ints, Residents
from pipeline.contracts import Encoding

BITS = 512
FEWER_ALIKE = 0.5  # a share of bits by chance: names without a common gram


def likeness_seen(passes: Iterable[PassRows], people: int) -> Floats:
    """The cosine of each record's own two names as its rows show it; 0 where they say nothing."""
    apart, bits = np.zeros(people), np.zeros(people)
    for rows in passes:
        one, other = (rows.names[name].view("<u8") for name in NAMES)
        apart += np.bincount(rows.person, np.bitwise_count(one ^ other).sum(axis=1), people)
        bits += BITS * np.bincount(rows.person, minlength=people)
    seen: Floats = np.cos(np.pi * np.where(bits > 0, apart / np.maximum(bits, 1), FEWER_ALIKE))
    return seen


def likeness_in_clear(encoding: Encoding, people: Residents) -> Floats:
    """The same of a clear list, by the public rules."""
    one, other = (gram_sets(encoding, name, getattr(people, name).values) for name in NAMES)
    pairs = zip(people.forename.codes.tolist(), people.surname.codes.tolist(), strict=True)
    return np.array([len(one[a] & other[b]) / np.sqrt(len(one[a]) * len(other[b])) for a, b in pairs])


def match_homes(hub: tuple[Ints, Ints, Floats], listed: tuple[Ints, Ints, Floats]) -> Ints:
    """For each of the hub's records the listed person it is taken for, home by home.

    Each side: home, label and likeness of each person. Of the listed homes whose people have the same labels, the one
    whose likenesses are nearest (people of one label in the order of theirs); -1 where no home has these labels.
    """
    match = np.full(len(hub[0]), NOBODY, dtype=np.int64)
    mine, theirs = _by_labels(*hub), _by_labels(*listed)
    for labels, homes in mine.items():
        if labels in theirs:
            others = theirs[labels]
            nearest = cKDTree(listed[2][others]).query(hub[2][homes])[1]
            match[homes.ravel()] = others[nearest].ravel()
    return match


def _by_labels(home: Ints, label: Ints, likeness: Floats) -> dict[tuple[int, ...], Ints]:
    """Homes by the labels of their people: (homes, people), people in the order of label and likeness."""
    order = np.lexsort((likeness, label, home))
    starts = np.flatnonzero(np.r_[True, np.diff(home[order]) != 0])
    found: dict[tuple[int, ...], list[Ints]] = {}
    for people in np.split(order, starts[1:]):
        found.setdefault(tuple(label[people].tolist()), []).append(people)
    return {labels: np.stack(homes).astype(np.int64) for labels, homes in found.items()}
