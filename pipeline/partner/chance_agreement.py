"""How often random people of the partner agree, by comparison and level: the u-probabilities' raw counts.

The hub cannot measure this, since it never sees records of different blocks side by side. The kit encodes a sample of
its own people under one throw-away block and counts with the very kernels that the hub compares with. Only the counts
leave. The sample is drawn by the partner's own key from people in the order of their pseudonyms: the same extract
gives the same counts, in whatever order its rows stand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts import Comparison, Encoding, LinkModel
from pipeline.levels import Comparable, comparison_levels, count_levels
from pipeline.manifest import ChanceAgreement
from pipeline.partner.coded import MISSING, coded
from pipeline.partner.encode import block_keys, date_codes, date_numbers, held_fields, name_filters, name_grams
from pipeline.partner.hashing import hmac_each
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.people import People

SAMPLE = 50_000  # people whose names and dates are encoded for this
ENCODED_PAIRS = 1_000_000
# Codes are cheap to compare, and two random people seldom share a home, so many pairs of everybody are drawn.
CODED_PAIRS = 4_000_000


def chance_agreement(
    encoding: Encoding, model: LinkModel, keys: PartnerKeys, people: People
) -> tuple[ChanceAgreement, ...]:
    """Counts of pairs by level, for each comparison whose u is not fixed by the model and whose fields are held."""
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
            data, (left, right) = encoded, random_pairs(random, len(some), ENCODED_PAIRS)
        else:
            data, (left, right) = everybody, random_pairs(random, len(order), CODED_PAIRS)
        levels = comparison_levels(comparison, data, left, right)
        found = count_levels(levels, len(comparison.levels)).tolist()
        counts.append(ChanceAgreement(comparison=comparison.name, counts=tuple(found)))
    return tuple(counts)


def random_pairs(random: np.random.Generator, people: int, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of different people, drawn with replacement; every pair once where there are not as many as wanted."""
    if people * (people - 1) // 2 <= wanted:
        left, right = np.triu_indices(people, k=1)
        return left.astype(np.int64), right.astype(np.int64)
    left = random.integers(0, people, wanted)
    right = (left + random.integers(1, people, wanted)) % people
    return left, right


def _encoded(encoding: Encoding, people: People, some: NDArray[np.int64], key: bytes) -> Comparable:
    """The sample's names and dates under one throw-away block."""
    persons = people.persons
    block = block_keys(key, coded(["throw-away"]).values)
    zeros = np.zeros(len(some), dtype=np.int32)
    filters = {}
    for name in held_fields(encoding, persons):
        column = persons.columns[name].take(some)
        grams = name_grams(encoding, name, column.values)
        filters[name] = name_filters(encoding, block, zeros, grams, column.codes).view(np.uint64)
    if encoding.date_parts not in persons.columns:
        return Comparable(filters=filters)
    dates = date_numbers(persons.columns[encoding.date_parts], len(persons))[some]
    return Comparable(filters=filters, date_parts=date_codes(block, zeros, dates))


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
        return names <= set(encoded.filters)
    if comparison.kind == "date_parts":
        return encoded.date_parts is not None
    return any(name in people.persons.columns or name in people.persons.at_places for name in comparison.columns)
