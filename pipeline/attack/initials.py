"""Sounds and initials told by who shares a block with whom: nothing is decrypted, no encoding is compared.

A block rule that holds a name's sound or initial says that all in the block have the same one, and a record stands in
several blocks. Where blocks of two passes overlap enough (large places) groups of one initial grow together. How many
stand in a group's blocks, how many do not, and their sexes and decades tell which initial it is. Between groups that
share only a sound, beliefs go round (loopy belief propagation, Pearl 1988).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipeline.attack.names import NameTable
from pipeline.attack.world import GENERATIONS, Floats, Ints, Residents

Beliefs: TypeAlias = NDArray[np.float32]

ROUNDS = 10
MOST = 12.0  # log odds that one block may say
DAYS_OF_A_MONTH = 30.4
ROWS_AT_ONCE = 1 << 12
LEAST_SHARE = 1e-9
LARGE = 20  # records of a group that is told by its profile


@dataclass(frozen=True)
class Kinds:
    """Kinds of names (sounds, initials, or names themselves): the kind of each name of a table, and the log share of
    each by generation (one column where it does not depend on it): (kinds, generations)."""

    of_name: Ints
    log_share: Floats

    def __len__(self) -> int:
        return len(self.log_share)


def kinds_of(table: NameTable, of_name: Ints) -> Kinds:
    """From the block rule's class of each name of the table."""
    shares = np.zeros((int(of_name.max()) + 1, table.counts.shape[1]))
    np.add.at(shares, of_name, np.exp(table.log_share))
    return Kinds(of_name, np.log(shares + LEAST_SHARE))


def joined(groups: list[Ints], records: int) -> Ints:
    """Classes of records that are in one group, directly or by way of others; -1 in a group: in none."""
    left, right = [], []
    for group in groups:
        order = np.argsort(group, kind="stable")
        same = (group[order][1:] == group[order][:-1]) & (group[order][1:] >= 0)
        left.append(order[:-1][same])
        right.append(order[1:][same])
    one, other = np.concatenate(left), np.concatenate(right)
    graph = coo_matrix((np.ones(len(one), dtype=np.bool_), (one, other)), shape=(records, records))
    classes: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return classes


@dataclass(frozen=True)
class Crowd:
    """What is known of the records beside their blocks: the generation of each, its block on its day of birth, and how
    many of each generation are born on that day (an average of the month): (months, generations)."""

    generation: Ints
    day_block: Ints
    month: Ints
    born_a_day: Floats

    @staticmethod
    def of(people: Residents, day_block: Ints) -> Crowd:
        _, month = np.unique(people.month, return_inverse=True)
        born = np.zeros((int(month.max()) + 1, GENERATIONS))
        np.add.at(born, (month, people.generation), 1 / DAYS_OF_A_MONTH)
        return Crowd(people.generation, day_block, month, born)

    def take(self, records: Ints) -> Crowd:
        return Crowd(self.generation[records], self.day_block[records], self.month[records], self.born_a_day)


def _evidence(classes: Ints, crowd: Crowd, kinds: Kinds) -> Iterator[Floats]:
    """Log odds of each kind for each class, some classes at a time: who is in its blocks of a day, and that nobody else
    is (Poisson)."""
    members, days = _profiles(classes, crowd)
    size = members.sum(axis=1)
    share = kinds.log_share.T
    if share.shape[0] == 1:  # all generations bear it alike
        members, days = members.sum(axis=1, keepdims=True), days.sum(axis=1, keepdims=True)
    # A large group of which no day is known whole: all that counts is who they are, not how many.
    everybody = np.log(members.sum(axis=0) @ np.exp(share) / members.sum())
    beyond_one = np.where((size >= LARGE) & (days.sum(axis=1) == 0), size - 1, 0)
    for start in range(0, len(members), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        yield members[rows] @ share - days[rows] @ np.exp(share) - np.outer(beyond_one[rows], everybody)


def _profiles(classes: Ints, crowd: Crowd) -> tuple[Floats, Floats]:
    """By class and generation: how many records; and how many were born on the days of its blocks."""
    size = int(classes.max()) + 1
    members = np.zeros((size, GENERATIONS))
    np.add.at(members, (classes, crowd.generation), 1)
    days = np.zeros((size, GENERATIONS))
    held = np.flatnonzero(crowd.day_block >= 0)
    key = classes[held] * (int(crowd.day_block.max(initial=0)) + 1) + crowd.day_block[held]
    once = held[np.unique(key, return_index=True)[1]]
    np.add.at(days, classes[once], crowd.born_a_day[crowd.month[once]])
    return members, days


def likeliest_names(classes: Ints, crowd: Crowd, kinds: Kinds, table: NameTable) -> Ints:
    """The name of each record: the commonest of its generation among those of its class's likeliest kind."""
    chosen, number = _once(classes, crowd)
    scores = _evidence(number[chosen], crowd.take(chosen), kinds)
    kind = np.concatenate([some.argmax(axis=1) for some in scores])
    best, _ = _commonest(kinds, table)
    names: Ints = best[kind[number], table.column_of(crowd.generation)]
    return names


def _once(classes: Ints, crowd: Crowd) -> tuple[Ints, Ints]:
    """Records to look at, and the class of each record: of records alone in their class, one of a generation and month
    speaks for all."""
    alone = np.bincount(classes)[classes] == 1
    key = np.where(alone, -1 - (crowd.month * GENERATIONS + crowd.generation), classes)
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    speaks = ~alone
    speaks[first] = True
    return np.flatnonzero(speaks).astype(np.int64), number.astype(np.int64)


def _commonest(kinds: Kinds, table: NameTable) -> tuple[Ints, Floats]:
    """The commonest name of each kind and generation, and its log share."""
    shape = (len(kinds), table.counts.shape[1])
    best, share = np.zeros(shape, dtype=np.int64), np.full(shape, -np.inf)
    for column in range(shape[1]):
        order = np.argsort(table.log_share[:, column], kind="stable")
        best[kinds.of_name[order], column] = order
        share[kinds.of_name[order], column] = table.log_share[order, column]
    return best, share


def names_by_initials(
    classes: Ints, sounds: list[Ints], crowd: Crowd, kinds: Kinds, sound: Kinds, table: NameTable
) -> Ints:
    """The likeliest name of each record. `classes`: records of one initial; `sounds`: groups of one sound."""
    own: Beliefs = np.concatenate([scores.astype(np.float32) for scores in _evidence(classes, crowd, kinds)])
    own += _said_by_sounds(classes, sounds, own, _initials_of_a_sound(kinds, sound, table))
    own -= own.max(axis=1, keepdims=True)
    own -= np.log(np.exp(own).sum(axis=1, keepdims=True))
    best, share = _commonest(kinds, table)
    column = table.column_of(crowd.generation)
    within = (share - kinds.log_share).astype(np.float32)
    kind = np.empty(len(classes), dtype=np.int64)
    for start in range(0, len(classes), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        kind[rows] = (own[classes[rows]] + within[:, column[rows]].T).argmax(axis=1)
    return best[kind, column]


def _initials_of_a_sound(kinds: Kinds, sound: Kinds, table: NameTable) -> Beliefs:
    """How likely a name of the one initial sounds like one of the other: rows sum to one."""
    together = np.zeros((len(sound), len(kinds)))
    np.add.at(together, (sound.of_name, kinds.of_name), table.counts.sum(axis=1))
    meets = together.T @ (together / np.maximum(together.sum(axis=1, keepdims=True), 1)) + 1e-3 * np.eye(len(kinds))
    shares: Beliefs = (meets / meets.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _said_by_sounds(classes: Ints, sounds: list[Ints], own: Beliefs, alike: Beliefs) -> Beliefs:
    """What neighbours by sound say of each class's initial, as log odds."""
    blocks = [_in_blocks(group, classes, len(own)) for group in sounds]
    said = [np.zeros((len(member), own.shape[1]), dtype=np.float32) for member, _, _ in blocks]
    total = np.zeros_like(own)
    for turn in range(ROUNDS):
        boldness = min(1.0, 0.3 + 0.1 * turn)
        for at, (member, starts, size) in enumerate(blocks):
            if len(member) == 0:
                continue
            belief = own[member] + total[member] - said[at]
            belief -= belief.max(axis=1, keepdims=True)
            belief = np.log(np.exp(boldness * belief) @ alike + LEAST_SHARE)
            new = np.repeat(np.add.reduceat(belief, starts, axis=0), size, axis=0) - belief
            new -= new.max(axis=1, keepdims=True)
            np.maximum(new, -MOST, out=new)
            change = new - said[at]
            for kind in range(own.shape[1]):
                total[:, kind] += np.bincount(member, change[:, kind], len(own)).astype(np.float32)
            said[at] = new
    return total


def _in_blocks(group: Ints, classes: Ints, number: int) -> tuple[Ints, Ints, Ints]:
    """The classes that meet in each block, each once; where each block starts, and how many meet there."""
    rows = np.flatnonzero(group >= 0)
    key = np.unique(group[rows] * number + classes[rows])
    block, member = key // number, key % number
    meets = np.bincount(block)[block] > 1
    block, member = block[meets], member[meets]
    starts = np.flatnonzero(np.r_[True, np.diff(block) != 0]) if len(block) else block
    return member, starts, np.diff(np.append(starts, len(block)))
