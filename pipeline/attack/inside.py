"""Reading names inside a block: what the distances of its encodings tell whoever has public names.

All encodings of a block are made of the same vectors, so that two of them show how many grams their names share. Names
are sought that are likely by sex and decade and are as alike as they look: first by assumption, then improved one by
one (iterated conditional modes, Besag 1986). Where the others' names are known, only one is sought.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.attack.chain import same_in_block, spread
from pipeline.attack.names import NameTable
from pipeline.attack.ours import SOUND, PassRows, block_classes, gram_sets, passes_by
from pipeline.attack.world import Bools, Floats, Ints
from pipeline.contracts import Encoding

MOST_NAMES = 1500
STARTS = 30
SWEEPS = 2
LARGEST = 40  # members of a block that are looked at
UNLIKE = 0.5  # share of bits in which names without a common gram differ
LEAST_DIFFERENT = 0.02  # encodings that differ are of different names
IMPOSSIBLE = -1e9


@dataclass(frozen=True)
class Words:
    """The commonest public names of a field: their rows in its table, log shares by generation, their sounds, and the
    share of bits in which the encodings of any two are expected to differ."""

    rows: Ints
    log_share: Floats
    sound: Ints
    differing: Floats


def words_of(encoding: Encoding, field: str, table: NameTable) -> Words:
    rows = table.commonest_first[:MOST_NAMES]
    values = table.values.take(rows)
    grams = gram_sets(encoding, field, values)
    number = {gram: at for at, gram in enumerate(sorted(set().union(*grams)))}
    has = np.zeros((len(rows), len(number)), dtype=np.float32)
    for at, own in enumerate(grams):
        has[at, [number[gram] for gram in own]] = 1
    size = np.sqrt(has.sum(axis=1))
    cosine = np.clip((has @ has.T) / np.outer(size, size), 0, 1)  # sign random projection: Charikar 2002
    return Words(
        rows=rows,
        log_share=table.log_share[rows],
        sound=block_classes(encoding, field, SOUND, values),
        differing=np.clip(np.arccos(cosine) / np.pi, LEAST_DIFFERENT, UNLIKE),
    )


@dataclass(frozen=True)
class Companies:
    """For some records the largest block in which each stands: its pass, and its rows (the record's own first)."""

    passes: list[PassRows]
    at: list[tuple[int, Ints]]


def companies(passes: list[PassRows], sample: Ints, people: int) -> Companies:
    """A record that is alone everywhere gets its own row alone."""
    best = np.zeros(len(sample), dtype=np.int64)
    chosen = np.full(len(sample), -1, dtype=np.int64)
    blocks = []
    for at, rows in enumerate(passes):
        block = spread(rows.person, rows.block, people)[sample]
        size = np.where(block >= 0, np.bincount(rows.block)[np.maximum(block, 0)], 0)
        larger = size > best
        best[larger], chosen[larger] = size[larger], at
        blocks.append(block)
    found = []
    orders = [np.argsort(rows.block, kind="stable") for rows in passes]
    by_block = [(order, rows.block[order]) for order, rows in zip(orders, passes, strict=True)]
    for turn, person in enumerate(sample.tolist()):
        at = int(chosen[turn])
        rows, (order, sorted_blocks) = passes[at], by_block[at]
        start, end = np.searchsorted(sorted_blocks, [blocks[at][turn], blocks[at][turn] + 1])
        here = order[start:end]
        own = here[rows.person[here] == person]
        found.append((at, np.concatenate([own, here[rows.person[here] != person][: LARGEST - 1]])))
    return Companies(passes, found)


def read_names(
    encoding: Encoding,
    field: str,
    table: NameTable,
    words: Words,
    company: Companies,
    generation: Ints,
    known: Ints | None,
) -> Ints:
    """The name (row of the table) of each of the records.

    `known`: the rows of the table of all records' names, where the attacker knows everybody's but the one in question.
    """
    sounds = passes_by(encoding, field, SOUND)
    column = table.column_of(generation)
    place = np.full(len(table.values), -1, dtype=np.int64)
    place[words.rows] = np.arange(len(words.rows))
    read = np.empty(len(company.at), dtype=np.int64)
    equal = [same_in_block(rows, field) for rows in company.passes]
    for turn, (at, here) in enumerate(company.at):
        rows = company.passes[at]
        _, first, node = np.unique(equal[at][here], return_index=True, return_inverse=True)
        prior = np.zeros((len(first), len(words.rows)))
        np.add.at(prior, node, words.log_share[:, column[rows.person[here]]].T)
        bits = rows.names[field][here[first]].view("<u8")
        apart = np.bitwise_count(bits[:, None, :] ^ bits[None, :, :]).sum(axis=2).astype(np.int64)
        same_sound = words.sound if rows.name in sounds else None
        given = np.full(len(first), -1, dtype=np.int64)
        if known is not None:
            others = here[1:]
            given[node[1:]] = place[known[rows.person[others]]]
        read[turn] = words.rows[_likeliest(prior, apart, words.differing, same_sound, given)[node[0]]]
    return read


def _likeliest(prior: Floats, apart: Ints, differing: Floats, sound: Ints | None, given: Ints) -> Ints:
    """The name of each distinct encoding of a block: (nodes,). `given`: known names, -1 where unknown."""
    nodes = len(prior)
    fixed = np.flatnonzero(given >= 0)
    free = np.flatnonzero(given < 0)
    if len(free) == 0:
        return given
    start = int(free[np.argmax(prior[free].max(axis=1))]) if len(fixed) == 0 else int(fixed[0])
    tries = given[[start]] if len(fixed) else np.argsort(-prior[start], kind="stable")[:STARTS]
    best, best_score = given.copy(), -np.inf
    for name in tries:
        allowed = np.ones(prior.shape[1], dtype=np.bool_) if sound is None else sound == sound[name]
        names = given.copy()
        names[start] = name
        for _ in range(SWEEPS if nodes > 1 else 0):
            for node in free:
                others = np.flatnonzero((names >= 0) & (np.arange(nodes) != node))
                names[node] = int(
                    np.argmax(_scores(prior[node], allowed, apart[node, others], differing[names[others]]))
                )
        score = sum(_total(prior, apart, differing, names, node) for node in range(nodes))
        if score > best_score:
            best, best_score = names, score
    return best


def _scores(prior: Floats, allowed: Bools, apart: Ints, differing: Floats) -> Floats:
    """Log likelihood of each name, given names of others: `differing`, (others, names)."""
    bits = 512
    told = apart @ np.log(differing) + (bits - apart) @ np.log1p(-differing)
    return np.where(allowed, prior + told, IMPOSSIBLE)


def _total(prior: Floats, apart: Ints, differing: Floats, names: Ints, node: int) -> float:
    before = np.arange(node)
    share = differing[names[node], names[before]]
    told = apart[node, before] @ np.log(share) + (512 - apart[node, before]) @ np.log1p(-share)
    return float(prior[node, names[node]] + told)
