"""Opening blocks with names known in them: which positions a gram has shows in the known names that have it.

Known text is what a salted encoding has least against: inside one block all filters are made with one key, so a few
known names give away most grams of that block, and with them the other names, of both fields alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.attack.figures import FORENAME, SURNAME
from pipeline.attack.filters import bits_expected, unpacked
from pipeline.attack.names import NameTable, gram_matrix
from pipeline.attack.ours import PassRows, Scheme
from pipeline.attack.world import Bools, Floats, Ints

FEW_POSITIONS = 9  # a gram sets seven: more in common means too few known names have it
NOT_OF_THIS_FIELD = -1e6
EVIDENCE = 3.0  # log odds that one gram found or missing speaks for or against a name


@dataclass(frozen=True)
class Dictionary:
    """Public names of both fields, forenames first: their grams, bits to expect, and log shares."""

    has: Bools
    mean: Floats
    variance: Floats
    log_share: Floats
    forenames: int


def dictionary_of(tables: dict[str, NameTable], scheme: Scheme) -> Dictionary:
    encoding, both = scheme.encoding, [tables[FORENAME], tables[SURNAME]]
    grams = np.concatenate([table.grams for table in both])
    mean, variance = bits_expected(grams, encoding.positions_per_gram, encoding.bits)
    return Dictionary(
        has=gram_matrix(scheme, {field: tables[field].values for field in (FORENAME, SURNAME)}),
        mean=mean,
        variance=variance,
        log_share=np.concatenate([np.log(table.counts.sum(axis=1) + 1) for table in both]),
        forenames=len(both[0].values),
    )


def open_blocks(
    rows: PassRows, blocks: Ints, known: dict[str, Ints], words: Dictionary
) -> tuple[Ints, dict[str, Ints]]:
    """The persons of some blocks, and the name of each by field.

    `known`: per field and person the row of its name table, -1 where the name is not known.
    """
    persons: list[Ints] = []
    read: dict[str, list[Ints]] = {FORENAME: [], SURNAME: []}
    order = np.argsort(rows.block, kind="stable")
    bounds = np.searchsorted(rows.block[order], [blocks, blocks + 1])
    for start, end in bounds.T.tolist():
        here = order[start:end]
        person = rows.person[here]
        filters = np.concatenate([unpacked(rows.filters[field][here]) for field in (FORENAME, SURNAME)])
        surname = known[SURNAME][person]
        given = np.concatenate([known[FORENAME][person], np.where(surname >= 0, surname + words.forenames, -1)])
        found = _read(filters, given, len(here), words)
        persons.append(person)
        read[FORENAME].append(found[: len(here)])
        read[SURNAME].append(found[len(here) :] - words.forenames)
    return np.concatenate(persons), {field: np.concatenate(parts) for field, parts in read.items()}


def _read(filters: Bools, given: Ints, forenames: int, words: Dictionary) -> Ints:
    """The name of every filter: first `forenames` forenames, then surnames."""
    scores = _by_grams(filters, given, words) + words.log_share[None, :]
    weight = filters.sum(axis=1)
    scores -= 0.5 * (weight[:, None] - words.mean[None, :]) ** 2 / (words.variance[None, :] + 1)
    scores[:forenames, words.forenames :] = NOT_OF_THIS_FIELD
    scores[forenames:, : words.forenames] = NOT_OF_THIS_FIELD
    result: Ints = np.where(given >= 0, given, scores.argmax(axis=1))
    return result


def _by_grams(filters: Bools, given: Ints, words: Dictionary) -> Floats:
    known = np.flatnonzero(given >= 0)
    scores = np.zeros((len(filters), len(words.log_share)))
    if len(known) == 0:
        return scores
    held = words.has[given[known]]
    grams = np.flatnonzero(held.any(axis=0))
    positions = np.stack([filters[known[held[:, gram]]].all(axis=0) for gram in grams])
    # Wrongly known names leave a gram without positions; a gram of one known name alone has all of its positions.
    clear = (positions.sum(axis=1) <= FEW_POSITIONS) & positions.any(axis=1)
    if not clear.any():
        return scores
    grams, positions = grams[clear], positions[clear].astype(np.float32)
    seen = (filters.astype(np.float32) @ positions.T >= positions.sum(axis=1)[None, :]).astype(np.float32)
    has = words.has[:, grams].astype(np.float32)
    scores += EVIDENCE * (2 * seen @ has.T - has.sum(axis=1)[None, :] - seen.sum(axis=1)[:, None])
    return scores
