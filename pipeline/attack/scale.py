"""What public name tables alone give away of a whole borough or county: chain, tell by likeness, open blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.attack.by_name import BIRTH_DATES, Judge, Told
from pipeline.attack.chain import chain
from pipeline.attack.figures import FORENAME, FREQUENCY, PATTERNS, SURNAME, Figure
from pipeline.attack.frequency import by_profile
from pipeline.attack.likeness import name_by_likeness
from pipeline.attack.names import public_knowledge
from pipeline.attack.opening import dictionary_of, open_blocks
from pipeline.attack.ours import PassRows, Scheme, hub_rows, made_up_keys
from pipeline.attack.world import Ints, make_residents

FIELDS = (FORENAME, SURNAME)
PUBLIC_PEOPLE = 300_000
OPENED_RECORDS = 6_000  # in blocks drawn at random: opening all would take hours and say the same


def at_scale(size: int, scheme: Scheme, target: str, seed: int, declarations: Path) -> Iterator[Figure]:
    """Three steps, each from the one before: what a holder of all passes with public names can name."""
    hub = make_residents(size, seed + size, declarations)
    tables = public_knowledge(make_residents(PUBLIC_PEOPLE, seed + 1, declarations), scheme)
    judge = Judge(hub, tables)
    keys = made_up_keys(seed)

    def passes() -> Iterator[PassRows]:
        return hub_rows(scheme, keys, hub)

    chained = chain(passes(), size, scheme.encoding)
    guessed = {
        field: by_profile(chained.classes[field], hub.generation, tables[field], chained.grams[field])
        for field in FIELDS
    }
    yield from judge.figures(
        FREQUENCY, "equal names chained over blocks, length", target, Told(guessed[FORENAME], guessed[SURNAME])
    )
    named = {
        field: name_by_likeness(
            chained.classes[field], chained.grams[field], hub.generation, tables[field], field, passes, scheme
        )
        for field in FIELDS
    }
    both = {field: np.where(named[field] >= 0, named[field], guessed[field]) for field in FIELDS}
    yield from judge.figures(FREQUENCY, "chained names told by likeness", target, Told(both[FORENAME], both[SURNAME]))
    dates = next(rows for rows in passes() if rows.name == BIRTH_DATES)
    person, read = open_blocks(dates, _some_blocks(dates, seed), named, dictionary_of(tables, scheme))
    yield from judge.figures(
        PATTERNS, "blocks opened by names known in them", target, Told(read[FORENAME], read[SURNAME]), person
    )


def _some_blocks(rows: PassRows, seed: int) -> Ints:
    order = np.random.default_rng(seed).permutation(int(rows.block.max()) + 1)
    size = np.bincount(rows.block)[order]
    return order[: int(np.searchsorted(np.cumsum(size), OPENED_RECORDS)) + 1].astype(np.int64)
