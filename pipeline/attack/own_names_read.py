"""Naming records by the likeness of their own two names, from public name tables alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.attack.figures import FORENAME, SURNAME
from pipeline.attack.names import NameTable
from pipeline.attack.ours import gram_sets
from pipeline.attack.world import Floats, Ints
from pipeline.contracts import Encoding

MOST_NAMES = 700  # of either field
STEP, STEPS = 0.02, 51  # of likeness
ERROR = 0.03  # of the likeness of nine rows: a standard deviation


def by_own_likeness(
    encoding: Encoding, tables: dict[str, NameTable], generation: Ints, seen: Floats
) -> tuple[Ints, Ints]:
    """Forename and surname of each record: the likeliest of its generation with two names as alike as its own."""
    rows = {field: tables[field].commonest_first[:MOST_NAMES] for field in (FORENAME, SURNAME)}
    has = _incidence({f: gram_sets(encoding, f, tables[f].values.take(pa.array(rows[f]))) for f in rows})
    size = {field: np.sqrt(own.sum(axis=1)) for field, own in has.items()}
    alike = (has[FORENAME] @ has[SURNAME].T) / np.outer(size[FORENAME], size[SURNAME])
    surname = np.exp(tables[SURNAME].log_share[rows[SURNAME], 0])
    step = np.clip(np.round(seen / STEP), 0, STEPS - 1).astype(np.int64)
    table = tables[FORENAME]
    column = table.column_of(generation)
    told = np.empty((2, len(seen)), dtype=np.int64)
    for likeness in np.unique(step):
        fits = np.exp(-0.5 * ((alike - likeness * STEP) / ERROR) ** 2)
        by_forename, by_surname = fits @ surname, np.exp(table.log_share[rows[FORENAME]]).T @ fits
        for one in np.unique(column[step == likeness]):
            here = (step == likeness) & (column == one)
            told[0, here] = rows[FORENAME][np.argmax(by_forename * np.exp(table.log_share[rows[FORENAME], one]))]
            told[1, here] = rows[SURNAME][np.argmax(by_surname[one] * surname)]
    return told[0], told[1]


def _incidence(grams: dict[str, list[frozenset[int]]]) -> dict[str, Floats]:
    everything = sorted(set().union(*(own for names in grams.values() for own in names)))
    number = {gram: at for at, gram in enumerate(everything)}
    found = {}
    for field, names in grams.items():
        has = np.zeros((len(names), len(number)))
        for at, own in enumerate(names):
            has[at, [number[gram] for gram in own]] = 1
        found[field] = has
    return found
