"""How often random people of the partner agree, by comparison and level: the u-probabilities' raw counts.

The hub cannot measure this, since it never sees records of different blocks side by side. The kit encodes a sample of
its own people under one throw-away block and counts with the very kernels that the hub compares with: between people at
random, and between people of one address, who share surnames and twins a birthday. Only the counts leave. The sample is
drawn by the partner's own key from people in the order of their pseudonyms: the same extract gives the same counts, in
whatever order its rows stand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts import Comparison, Encoding, LinkModel
from pipeline.levels import Comparable, comparison_levels, count_levels
from pipeline.manifest import ChanceAgreement
from pipeline.partner.coded import MISSING, coded
from pipeline.partner.encode import block_keys, date_codes, date_numbers, held_fields, name_encodings, name_grams
from pipeline.partner.hashing import hmac_each
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.people import People

SAMPLE = 50_000  # people whose names and dates are encoded for this
NAME_PAIRS = 1_000_000
# Dates and codes are cheap to compare, and two random people seldom share a birthday or a home.
OTHER_PAIRS = 4_000_000
LARGEST_HOME = 20  # beyond, an address is no home: hostels, and blocks of flats without numbers

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def chance_agreement(
    encoding: Encoding, model: LinkModel, keys: PartnerKeys, people: People
) -> tuple[ChanceAgreement, ...]:
    """Counts of pairs by level, for each comparison whose u is not fixed by the model and whose fields are held; and
    between people of one address, for those whose chance depends on it (see `LinkModel.counted`)."""
    key = keys.chance_key()
    random = np.random.default_rng(np.frombuffer(key, dtype=np.uint32))
    # By the HMAC of the reference, so that the file's order does not matter.
    place = people.references.spread(hmac_each(key, people.references.values)[:, :8].copy().view(">u8").ravel(), 0)
    order = np.argsort(place, kind="stable")
    some = random.permutation(order)[:SAMPLE]
    encoded = _encoded(encoding, people, some, key)
    everybody = Comparable(codes=_codes(people, order, model))
    counts = []
    for comparison in model.comparisons:
        if comparison.name in model.fixed_u or not _held(comparison, people, encoded):
            continue
        if comparison.kind in ("name", "date_parts"):
            wanted = NAME_PAIRS if comparison.kind == "name" else OTHER_PAIRS
            data, pairs = encoded, random_pairs(random, len(some), wanted)
        else:
            data, pairs = everybody, random_pairs(random, len(order), OTHER_PAIRS)
        counts.append(_counted(comparison.name, comparison, data, pairs))
    return (*counts, *_within_homes(encoding, model, people, order, random, key))


def random_pairs(random: np.random.Generator, people: int, wanted: int) -> Pairs:
    """Pairs of different people, drawn with replacement; every pair once where there are not as many as wanted."""
    if people * (people - 1) // 2 <= wanted:
        left, right = np.triu_indices(people, k=1)
        return left.astype(np.int64), right.astype(np.int64)
    left = random.integers(0, people, wanted)
    right = (left + random.integers(1, people, wanted)) % people
    return left, right


def _counted(name: str, comparison: Comparison, data: Comparable, pairs: Pairs) -> ChanceAgreement:
    levels = comparison_levels(comparison, data, *pairs)
    return ChanceAgreement(comparison=name, counts=tuple(count_levels(levels, len(comparison.levels)).tolist()))


def _within_homes(
    encoding: Encoding,
    model: LinkModel,
    people: People,
    order: NDArray[np.int64],
    random: np.random.Generator,
    key: bytes,
) -> list[ChanceAgreement]:
    """Counts between different people of one address. Two records whose names and dates of birth are all the same are
    one person twice, and left out."""
    dependent = model.dependent_chance
    if dependent is None:
        return []
    codes = _codes(people, order, model)
    comparisons = {comparison.name: comparison for comparison in model.comparisons}
    columns = (
        next(level.columns for level in comparisons[dependent.comparison].levels if level.name == dependent.level)
        or comparisons[dependent.comparison].columns
    )
    rows, pairs = _neighbours(_homes([codes[column] for column in columns]), random)
    data = _encoded(encoding, people, order[rows], key)
    data = Comparable(data.names, data.date_parts, {name: held[rows] for name, held in codes.items()})
    held = [comparisons[name] for name in dependent.starting_u if _held(comparisons[name], people, data)]
    telling = [comparison for comparison in held if comparison.kind in ("name", "date_parts")]
    if len(telling) > 1:
        twice = np.logical_and.reduce([comparison_levels(comparison, data, *pairs) == 0 for comparison in telling])
        pairs = pairs[0][~twice], pairs[1][~twice]
    return [_counted(dependent.counted_as(comparison.name), comparison, data, pairs) for comparison in held]


def _homes(columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """A number for each person's home, by the first of the columns that is held; -1 where none is."""
    home = np.full(len(columns[0]), MISSING, dtype=np.int64)
    above = 0
    for codes in columns:
        home = np.where((home == MISSING) & (codes != MISSING), codes + above, home)
        above += int(codes.max(initial=-1)) + 1
    return home


def _neighbours(home: NDArray[np.int64], random: np.random.Generator) -> tuple[NDArray[np.int64], Pairs]:
    """People of homes drawn at random (as rows), and all pairs of people of one home, as places among those rows."""
    held = np.flatnonzero(home != MISSING)
    _, first, inverse, sizes = np.unique(home[held], return_index=True, return_inverse=True, return_counts=True)
    # Homes in the order of their first person, so that how the file numbers them does not matter.
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    turn = random.permutation(len(first))[rank]
    kept = (sizes > 1) & (sizes <= LARGEST_HOME)
    in_turn = np.argsort(turn, kind="stable")
    taken = np.zeros(len(first), dtype=np.bool_)
    taken[in_turn] = kept[in_turn] & (np.cumsum(np.where(kept, sizes, 0)[in_turn]) <= SAMPLE)
    rows = held[taken[inverse]]
    rows = rows[np.argsort(turn[inverse][taken[inverse]], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(sizes[in_turn][taken[in_turn]])]).astype(np.int64)
    left, right = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for apart in range(1, LARGEST_HOME):
        a = np.arange(len(rows) - apart) if len(rows) > apart else np.zeros(0, dtype=np.int64)
        a = a[np.searchsorted(starts, a, side="right") == np.searchsorted(starts, a + apart, side="right")]
        left.append(a)
        right.append(a + apart)
    return rows, (np.concatenate(left), np.concatenate(right))


def _encoded(encoding: Encoding, people: People, some: NDArray[np.int64], key: bytes) -> Comparable:
    """The sample's names and dates under one throw-away block."""
    persons = people.persons
    block = block_keys(key, coded(["throw-away"]).values)
    zeros = np.zeros(len(some), dtype=np.int32)
    names = {}
    for name in held_fields(encoding, persons):
        column = persons.columns[name].take(some)
        grams = name_grams(encoding, name, column.values)
        place = np.full(len(some), encoding.fields.index(name), dtype=np.uint8)
        names[name] = name_encodings(block, zeros, grams, column.codes, place).view(np.uint64)
    if encoding.date_parts not in persons.columns:
        return Comparable(names=names)
    dates = date_numbers(persons.columns[encoding.date_parts], len(persons))[some]
    return Comparable(names=names, date_parts=date_codes(block, zeros, dates))


def _codes(people: People, order: NDArray[np.int64], model: LinkModel) -> dict[str, NDArray[np.int64]]:
    """Every column that the model compares by code, of people or of their latest residence; missing where not held."""
    codes = {}
    for name in {column for comparison in model.comparisons for column in comparison.columns}:
        held = np.full(len(people.persons), MISSING, dtype=np.int64)
        if name in people.persons.columns:
            held = people.persons.columns[name].codes.astype(np.int64)
        elif name in people.persons.at_places:
            held = people.persons.at_places[name].take(people.residence).codes.astype(np.int64)
        codes[name] = held[order]
    return codes


def _held(comparison: Comparison, people: People, encoded: Comparable) -> bool:
    """Whether the partner has anything of what the comparison compares."""
    if comparison.kind == "name":
        names = {comparison.name} | {level.exchanged_with for level in comparison.levels if level.exchanged_with}
        return names <= set(encoded.names)
    if comparison.kind == "date_parts":
        return encoded.date_parts is not None
    return any(name in people.persons.columns or name in people.persons.at_places for name in comparison.columns)
