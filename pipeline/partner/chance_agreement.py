"""How often random people of the partner agree, by comparison and level: the u-probabilities' raw counts.

The hub cannot measure this, since it never sees records of different blocks side by side. The kit encodes a sample of
its own people (`sample`) under one throw-away block and counts with the very kernels that the hub compares with:
between people at random, and between people of one address, who share surnames and twins a birthday. Only the counts
leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts import Comparison, Encoding, LinkModel
from pipeline.levels import Comparable, comparison_levels, count_levels
from pipeline.manifest import ChanceAgreement
from pipeline.partner.coded import MISSING, coded
from pipeline.partner.encode import block_keys, date_codes, date_numbers, name_encodings, name_grams
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.people import People
from pipeline.partner.sample import LARGEST_HOME, NOWHERE, Sample, sample_of

NAME_PAIRS = 1_000_000
# Dates and codes are cheap to compare, and two random people seldom share a birthday or a home.
OTHER_PAIRS = 4_000_000
PAIRS_AT_ONCE = 500_000

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def chance_agreement(
    encoding: Encoding, model: LinkModel, keys: PartnerKeys, people: People
) -> tuple[ChanceAgreement, ...]:
    """The counts of people who are all in memory (see `chance_agreement_in`)."""
    return chance_agreement_in(encoding, model, keys, sample_of(model, keys, people))


def chance_agreement_in(
    encoding: Encoding, model: LinkModel, keys: PartnerKeys, sample: Sample
) -> tuple[ChanceAgreement, ...]:
    """Counts of pairs by level, for each comparison whose u is not fixed by the model and whose fields are held; and
    between people of one address, for those whose chance depends on it (see `LinkModel.counted`)."""
    key = keys.chance_key()
    random = np.random.default_rng(np.frombuffer(key, dtype=np.uint32))
    data = _encoded(encoding, model, sample, np.flatnonzero(sample.drawn), key)
    people, counts = int(sample.drawn.sum()), []
    for comparison in model.comparisons:
        if comparison.name not in model.fixed_u and _held(comparison, sample, data):
            wanted = NAME_PAIRS if comparison.kind == "name" else OTHER_PAIRS
            pairs = random_pairs(random, people, wanted)
            counts.append(_counted(comparison.name, comparison, data, pairs))
    return (*counts, *_within_homes(encoding, model, sample, key))


def random_pairs(random: np.random.Generator, people: int, wanted: int) -> Iterator[Pairs]:
    """Pairs of different people, drawn with replacement, some at a time; every pair once where there are not as many as
    wanted."""
    if people * (people - 1) // 2 <= wanted:
        left, right = np.triu_indices(people, k=1)
        yield left.astype(np.int64), right.astype(np.int64)
        return
    for start in range(0, wanted, PAIRS_AT_ONCE):
        number = min(PAIRS_AT_ONCE, wanted - start)
        left = random.integers(0, people, number)
        yield left, (left + random.integers(1, people, number)) % people


def _counted(name: str, comparison: Comparison, data: Comparable, pairs: Iterable[Pairs]) -> ChanceAgreement:
    counts = np.zeros(len(comparison.levels), dtype=np.int64)
    for left, right in pairs:
        counts += count_levels(comparison_levels(comparison, data, left, right), len(comparison.levels))
    return ChanceAgreement(comparison=name, counts=tuple(counts.tolist()))


def _within_homes(encoding: Encoding, model: LinkModel, sample: Sample, key: bytes) -> list[ChanceAgreement]:
    """Counts between different people of one address. Two records whose names and dates of birth are all the same are
    one person twice, and left out."""
    dependent = model.dependent_chance
    if dependent is None:
        return []
    comparisons = {comparison.name: comparison for comparison in model.comparisons}
    rows, pairs = _neighbours(sample.home)
    data = _encoded(encoding, model, sample, rows, key)
    held = [comparisons[name] for name in dependent.starting_u if _held(comparisons[name], sample, data)]
    telling = [comparison for comparison in held if comparison.kind in ("name", "date_parts")]
    if len(telling) > 1:
        twice = np.logical_and.reduce([comparison_levels(comparison, data, *pairs) == 0 for comparison in telling])
        pairs = pairs[0][~twice], pairs[1][~twice]
    return [_counted(dependent.counted_as(comparison.name), comparison, data, [pairs]) for comparison in held]


def _neighbours(home: NDArray[np.uint64]) -> tuple[NDArray[np.int64], Pairs]:
    """The people of chosen homes (as rows), and all pairs of people of one home, as places among those rows."""
    rows = np.flatnonzero(home != NOWHERE)
    rows = rows[np.argsort(home[rows], kind="stable")]
    left, right = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for apart in range(1, LARGEST_HOME):
        same = np.flatnonzero(home[rows[apart:]] == home[rows[:-apart]])
        left.append(same)
        right.append(same + apart)
    return rows, (np.concatenate(left), np.concatenate(right))


def _encoded(encoding: Encoding, model: LinkModel, sample: Sample, rows: NDArray[np.int64], key: bytes) -> Comparable:
    """Some people of the sample: names and dates under one throw-away block, and the codes that the model compares."""
    block = block_keys(key, coded(["throw-away"]).values)
    zeros = np.zeros(len(rows), dtype=np.int32)
    names = {}
    for name in encoding.fields:
        if name in sample.columns:
            column = sample.columns[name].take(rows)
            grams = name_grams(encoding, name, column.values)
            place = np.full(len(rows), encoding.fields.index(name), dtype=np.uint8)
            names[name] = name_encodings(block, zeros, grams, column.codes, place).view(np.uint64)
    dates = None
    if encoding.date_parts in sample.columns:
        numbers = date_numbers(sample.columns[encoding.date_parts], len(sample))[rows]
        dates = date_codes(block, zeros, numbers)
    compared = {column for comparison in model.comparisons for column in comparison.columns}
    nothing = np.full(len(rows), MISSING, dtype=np.int64)
    codes = {
        name: sample.columns[name].codes[rows].astype(np.int64) if name in sample.columns else nothing
        for name in compared
    }
    return Comparable(names=names, date_parts=dates, codes=codes)


def _held(comparison: Comparison, sample: Sample, encoded: Comparable) -> bool:
    """Whether the partner has anything of what the comparison compares."""
    if comparison.kind == "name":
        names = {comparison.name} | {level.exchanged_with for level in comparison.levels if level.exchanged_with}
        return names <= set(encoded.names)
    if comparison.kind == "date_parts":
        return encoded.date_parts is not None
    return any(name in sample.columns for name in comparison.columns)
