"""Matching people by who belongs together: the same groups seen in tokens, and worked out from a clear list.

A group is a token (an address, a block) with those who carry it. Two steps, both known from de-anonymising networks.
*Colours*: everybody's colour is mixed with the colours of those in the same groups, again and again (Weisfeiler and
Leman 1968); a colour that one record and one listed person alone have names that record. *Growth*: named records say
which token is which address or date; these name more records, and contradictions take names back (after Narayanan and
Shmatikov 2009). Nothing is decrypted. Only numbers of groups go in: what they mean is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.attack.world import NOBODY, Bools, Floats, Ints

NONE = -1
SMALL = 60  # larger groups say too little for what they cost
GROWTH = 12
CLEAR_LEAD = 1.25  # how much better than the second the best must be


@dataclass(frozen=True)
class Seen:
    """What one side shows: a label and the groups of each node (-1: in none)."""

    labels: Ints
    groups: Mapping[str, Ints]

    def __len__(self) -> int:
        return len(self.labels)


def match_structure(hub: Seen, listed: Seen, close: tuple[str, ...], rounds: int = 4) -> Ints:
    """For each of the hub's records the person of the list it is taken for, -1 where the attacker names nobody.

    `close`: relations whose groups stay whole where the list covers only a part of the people (homes): seeds come from
    these alone as well as from all.
    """
    seeds = np.full(len(hub), NOBODY, dtype=np.int64)
    for relations in (tuple(hub.groups), close):
        for step in range(rounds, -1, -1):
            _add(seeds, _unique_pairs(_colours(hub, relations, step), _colours(listed, relations, step)))
    return _grow(hub, listed, seeds)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of each number (the finaliser of SplitMix64)."""
    mixed = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _colours(seen: Seen, relations: tuple[str, ...], rounds: int) -> NDArray[np.uint64]:
    colours = _mixed(seen.labels.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    for _ in range(rounds):
        mixed = colours * np.uint64(3)
        for number, relation in enumerate(relations, start=1):
            group = seen.groups[relation]
            sums = np.zeros(int(group.max(initial=-1)) + 2, dtype=np.uint64)
            np.add.at(sums, group, _mixed(colours + np.uint64(number)))
            sums[-1] = np.uint64(0)  # those in no group
            mixed = _mixed(mixed + _mixed(sums[group] + np.uint64(number)))
        colours = mixed
    return colours


def _unique_pairs(hub: NDArray[np.uint64], listed: NDArray[np.uint64]) -> Ints:
    """The listed person of the same colour where both are the only ones of it, else -1."""
    pairs = np.full(len(hub), NOBODY, dtype=np.int64)
    colour_h, first_h, count_h = np.unique(hub, return_index=True, return_counts=True)
    colour_l, first_l, count_l = np.unique(listed, return_index=True, return_counts=True)
    colour_h, first_h = colour_h[count_h == 1], first_h[count_h == 1]
    colour_l, first_l = colour_l[count_l == 1], first_l[count_l == 1]
    _, at_h, at_l = np.intersect1d(colour_h, colour_l, assume_unique=True, return_indices=True)
    pairs[first_h[at_h]] = first_l[at_l]
    return pairs


def _add(seeds: Ints, found: Ints) -> None:
    taken = np.zeros(int(max(seeds.max(initial=0), found.max(initial=0))) + 1, dtype=np.bool_)
    taken[seeds[seeds >= 0]] = True
    new = (seeds == NOBODY) & (found != NOBODY)
    new[new] = ~taken[found[new]]
    seeds[new] = found[new]


def _grow(hub: Seen, listed: Seen, seeds: Ints) -> Ints:
    """Seeds vote which group is which; groups vote who is who; until nothing changes."""
    match = seeds
    for _ in range(GROWTH):
        candidates, scores = _candidates(hub, listed, match)
        if len(candidates) == 0:
            return match
        new = _best(candidates, scores, len(hub), len(listed))
        # A seed that no other group speaks of (a home that shares no group with others) stays as it was.
        spoken_of = np.zeros(len(hub), dtype=np.bool_)
        spoken_of[candidates[:, 0]] = True
        new = np.where(spoken_of, new, match)
        _drop_doubles(new)
        if np.array_equal(new, match):
            return new
        match = new
    return match


def _candidates(hub: Seen, listed: Seen, match: Ints) -> tuple[Ints, Floats]:
    """Pairs (record, person) of the same label in groups taken for each other, and how much speaks for each pair.

    A record's own match does not vote on its own groups.
    """
    pairs: list[Ints] = []
    weights: list[Floats] = []
    matched = np.flatnonzero(match != NOBODY)
    for relation, group in hub.groups.items():
        other = listed.groups[relation]
        votes, support = _votes(group[matched], other[match[matched]])
        if len(votes) == 0:
            continue
        record, person, group_pair = _members(group, other, votes)
        same = hub.labels[record] == listed.labels[person]
        record, person, group_pair = record[same], person[same], group_pair[same]
        others = support[group_pair] - (match[record] == person)
        keep = others > 0
        size = np.bincount(other[other >= 0])[votes[group_pair[keep], 1]]
        weights.append(np.log(len(listed) / size) * others[keep] / support[group_pair[keep]].clip(1))
        pairs.append(np.stack([record[keep], person[keep]], axis=1))
    if not pairs:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    joined = np.concatenate(pairs)
    key, where = np.unique(joined[:, 0] * len(listed) + joined[:, 1], return_inverse=True)
    scores: Floats = np.bincount(where, np.concatenate(weights)).astype(np.float64)
    return np.stack([key // len(listed), key % len(listed)], axis=1), scores


def _votes(hub_group: Ints, listed_group: Ints) -> tuple[Ints, Ints]:
    """Which group of the list each of the hub's groups is taken for: most votes, no tie; and how many votes."""
    both = (hub_group != NONE) & (listed_group != NONE)
    hub_group, listed_group = hub_group[both], listed_group[both]
    if len(hub_group) == 0:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)
    span = int(listed_group.max()) + 1
    key, count = np.unique(hub_group * span + listed_group, return_counts=True)
    order = np.lexsort((-count, key // span))
    key, count = key[order], count[order]
    first = np.r_[True, (key // span)[1:] != (key // span)[:-1]]
    tied = np.r_[(key // span)[1:] == (key // span)[:-1], False] & np.r_[count[1:] == count[:-1], False]
    best = first & ~tied
    return np.stack([key[best] // span, key[best] % span], axis=1), count[best].astype(np.int64)


def _members(group: Ints, other: Ints, votes: Ints) -> tuple[Ints, Ints, Ints]:
    """Every (record, person) in groups taken for each other, with the number of the pair of groups."""
    order_h, start_h, size_h = _by_group(group, votes[:, 0])
    order_l, start_l, size_l = _by_group(other, votes[:, 1])
    fits = (size_h <= SMALL) & (size_l <= SMALL)
    which = np.flatnonzero(fits)
    amount = size_h[which] * size_l[which]
    pair = np.repeat(which, amount)
    turn = np.arange(len(pair)) - np.repeat(np.cumsum(amount) - amount, amount)
    record = order_h[start_h[pair] + turn // size_l[pair]]
    person = order_l[start_l[pair] + turn % size_l[pair]]
    return record, person, pair


def _by_group(group: Ints, wanted: Ints) -> tuple[Ints, Ints, Ints]:
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], wanted, side="left")
    end = np.searchsorted(group[order], wanted, side="right")
    return order, start, end - start


def _best(candidates: Ints, scores: Floats, records: int, people: int) -> Ints:
    """Each record's best person, where it is clearly better than the second, and the record is the person's best."""
    match = np.full(records, NOBODY, dtype=np.int64)
    clear = _clearly_best(candidates[:, 0], scores, records)
    mutual = clear & _clearly_best(candidates[:, 1], scores, people)
    match[candidates[mutual, 0]] = candidates[mutual, 1]
    return match


def _clearly_best(side: Ints, scores: Floats, size: int) -> Bools:
    order = np.lexsort((-scores, side))
    first = np.r_[True, side[order][1:] != side[order][:-1]]
    second = np.zeros(size)
    at = np.flatnonzero(first) + 1
    at = at[at < len(order)]
    follows = ~first[at]
    second[side[order[at[follows]]]] = scores[order[at[follows]]]
    best = np.zeros(len(scores), dtype=np.bool_)
    best[order[first]] = True
    return best & (scores >= CLEAR_LEAD * second[side])


def _drop_doubles(match: Ints) -> None:
    named = match[match != NOBODY]
    person, count = np.unique(named, return_counts=True)
    twice = person[count > 1]
    match[np.isin(match, twice)] = NOBODY
