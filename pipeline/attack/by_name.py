"""Attacks that need no clear list, only public name counts: frequency (a) and pattern mining (b), on our encodings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.attack.chain import chain, spread
from pipeline.attack.decode import read_values
from pipeline.attack.figures import (
    FORENAME,
    FREQUENCY,
    KNOWN,
    OURS,
    PATTERNS,
    SURNAME,
    Figure,
)
from pipeline.attack.frequency import by_rank
from pipeline.attack.initials import Crowd, joined, kinds_of, likeliest_names, names_by_initials
from pipeline.attack.inside import companies, read_names, words_of
from pipeline.attack.judge import Judge, Told
from pipeline.attack.names import NameTable
from pipeline.attack.on_published import published_field
from pipeline.attack.ours import INITIAL, SOUND, PassRows, block_classes, day_pass, passes_by
from pipeline.attack.own_names import likeness_seen
from pipeline.attack.own_names_read import by_own_likeness
from pipeline.attack.patterns import contained, mine_patterns
from pipeline.attack.world import NOBODY, Ints, Residents
from pipeline.contracts import Encoding

FIELDS = (FORENAME, SURNAME)
MINED, MINED_PAIRS = 1200, 4000  # where all encodings differ: how many are looked at, and seeds
SAMPLE = 3_000  # records whose blocks are read: the rest would say the same


def frequency_on_ours(
    hub: Residents, encoding: Encoding, passes: list[PassRows], tables: dict[str, NameTable]
) -> Iterator[Figure]:
    """Counting what of ours can be counted: encodings as they stand, equal names chained over blocks, who shares
    blocks, and a record's own two names beside each other."""
    judge = Judge(hub, tables)
    blocks = {rows.name: spread(rows.person, rows.block, len(hub)) for rows in passes}
    ranked = [
        by_rank(_classes(max(passes, key=lambda rows: len(rows.person)), field, len(hub)), tables[field])
        for field in FIELDS
    ]
    yield from judge.figures(FREQUENCY, "rank of counts", OURS, Told(*ranked))
    chained = chain(passes, len(hub))
    told = []
    for field in FIELDS:
        table = tables[field]
        crowd = _crowd(hub, encoding, blocks, field, SOUND)
        own = kinds_of(table, np.arange(len(table.values)))
        told.append(likeliest_names(chained[field], crowd, own, table))
    yield from judge.figures(FREQUENCY, "equal names chained over blocks", OURS, Told(*told))
    methods: dict[str, list[Ints]] = {"sounds by who shares blocks": [], "initials by who shares blocks": []}
    for field in FIELDS:
        for method, names in zip(methods, _by_company(hub, encoding, blocks, field, tables[field]), strict=True):
            methods[method].append(names)
    for method, named in methods.items():
        yield from judge.figures(FREQUENCY, method, OURS, Told(*named))
    seen = likeness_seen(passes, len(hub))
    yield from judge.figures(
        FREQUENCY,
        "likeness of a record's own names",
        OURS,
        Told(*by_own_likeness(encoding, tables, hub.generation, seen)),
    )


def _by_company(
    hub: Residents, encoding: Encoding, blocks: dict[str, Ints], field: str, table: NameTable
) -> tuple[Ints, Ints]:
    """Names by groups of one sound, and by groups of one initial."""
    sounds, initials = (
        kinds_of(table, block_classes(encoding, field, rule, table.values)) for rule in (SOUND, INITIAL)
    )
    by_sound, by_initial = (
        [blocks[n] for n in passes_by(encoding, field, rule) if n in blocks] for rule in (SOUND, INITIAL)
    )
    alone = np.arange(len(hub))
    first = likeliest_names(
        joined([alone, *by_sound], len(hub)), _crowd(hub, encoding, blocks, field, SOUND), sounds, table
    )
    crowd = _crowd(hub, encoding, blocks, field, INITIAL)
    second = names_by_initials(joined([alone, *by_initial], len(hub)), by_sound, crowd, initials, sounds, table)
    return first, second


def _crowd(hub: Residents, encoding: Encoding, blocks: dict[str, Ints], field: str, rule: str) -> Crowd:
    nowhere = np.full(len(hub), NOBODY, dtype=np.int64)
    return Crowd.of(hub, blocks.get(day_pass(encoding, field, rule) or "", nowhere))


def _classes(rows: PassRows, field: str, people: int) -> Ints:
    """Encodings as they stand: a class for each; records without a row stand alone."""
    packed = np.unique(rows.names[field].view("V64").ravel(), return_inverse=True)[1].astype(np.int64)
    whole = spread(rows.person, packed, people)
    missing = np.flatnonzero(whole == NOBODY)
    whole[missing] = packed.max() + 1 + np.arange(len(missing))
    return whole


def patterns_on_ours(
    hub: Residents, encoding: Encoding, passes: list[PassRows], tables: dict[str, NameTable], seed: int, *, mine: bool
) -> Iterator[Figure]:
    """Reading the names of a block by its distances, without and with the others' names known; and, with `mine`, the
    published pattern mining over all encodings as they stand."""
    judge = Judge(hub, tables)
    rng = np.random.default_rng(seed)
    if mine:
        rows = max(passes, key=lambda rows: len(rows.person))
        some = rng.permutation(len(rows.person))[:MINED]
        read = [_mined(rows.names[field][some], field, tables[field]) for field in FIELDS]
        yield from judge.figures(PATTERNS, "positions set together", OURS, Told(*read), rows.person[some])
    sample = rng.permutation(len(hub))[:SAMPLE]
    company = companies(passes, sample, len(hub))
    beside = np.array([len(here) > 1 for _, here in company.at])
    words = {field: words_of(encoding, field, tables[field]) for field in FIELDS}
    for attack, method, known in (
        (PATTERNS, "distances inside blocks", False),
        (KNOWN, "all others of the block known", True),
    ):
        told = Told(*(
            read_names(encoding, field, tables[field], words[field], company, hub.generation,
                       judge.truth[field] if known else None) for field in FIELDS
        ))  # fmt: skip
        yield from judge.figures(attack, method, OURS, told, sample)
        if beside.any():
            part = Told(told.forename[beside], told.surname[beside])
            yield from judge.figures(KNOWN, f"{method}, of records not alone", OURS, part, sample[beside])


def _mined(encodings: NDArray[np.uint8], field: str, table: NameTable) -> Ints:
    bits = np.unpackbits(encodings, axis=1, bitorder="little").astype(np.bool_)
    distinct, code, counts = np.unique(bits, axis=0, return_inverse=True, return_counts=True)
    has = contained(distinct, mine_patterns(distinct, pairs=MINED_PAIRS))
    weight = distinct.sum(axis=1).astype(np.int64)
    read: Ints = read_values(has, weight, counts.astype(np.int64), published_field(table))[code.reshape(-1), 0]
    return read
