"""Attacks that need no clear list, only public name counts: frequency (a) and pattern mining (b)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.attack.block_sizes import birth_days_by_block, day_of_month, forenames_by_block, surnames_by_block
from pipeline.attack.chain import Chained, chain
from pipeline.attack.decode import GRAMS, Public, Vocabulary, of_one_field, read_values, vocabulary
from pipeline.attack.figures import (
    BIRTH_DATE,
    FORENAME,
    FREQUENCY,
    FULL_NAME,
    OURS,
    PATTERNS,
    PLAIN,
    RECORD_LEVEL,
    SURNAME,
    Figure,
)
from pipeline.attack.filters import Filters, bits_expected, columns_of, grams_seen, unpacked
from pipeline.attack.frequency import by_profile, by_rank
from pipeline.attack.names import NameTable, public_knowledge
from pipeline.attack.ours import PassRows, Scheme, name_grams, without_variants
from pipeline.attack.patterns import contained, mine_patterns
from pipeline.attack.world import Floats, Ints, Residents, World
from pipeline.contracts import Encoding

BIRTH_DATES = "date_of_birth"
SHARED_PASSES = (BIRTH_DATES, "residence", "surname_year", "forename_month")
LARGEST_BLOCKS = 20
MINED, MINED_PAIRS = 2500, 8000  # where all filters differ: filters looked at, and seeds
KNOWN_RECORDS = 10_000  # public people from whom grams of whole records are counted
RECORD_GRAMS = 300


@dataclass(frozen=True)
class Told:
    """What an attack named: by field the row of the name table, negative where it named nothing."""

    forename: Ints
    surname: Ints


class Judge:
    """Compares what was named with the truth, and with guessing the commonest name of the generation."""

    def __init__(self, hub: Residents, tables: dict[str, NameTable]) -> None:
        self.people = len(hub)
        columns = {FORENAME: hub.forename, SURNAME: hub.surname}
        self._truth = {field: tables[field].truth(column) for field, column in columns.items()}
        self._guess = {field: table.guess(hub.generation) == self._truth[field] for field, table in tables.items()}

    def figures(self, attack: str, method: str, target: str, told: Told, rows: Ints | None = None) -> Iterator[Figure]:
        """Forename, surname and full name. `rows`: which records `told` speaks of (all of them)."""
        rows = np.arange(self.people) if rows is None else rows
        named = {FORENAME: told.forename, SURNAME: told.surname}
        right = {field: named[field] == self._truth[field][rows] for field in named}
        right[FULL_NAME] = right[FORENAME] & right[SURNAME]
        guessed = {field: self._guess[field][rows] for field in named}
        guessed[FULL_NAME] = guessed[FORENAME] & guessed[SURNAME]
        count = {field: int((names >= 0).sum()) for field, names in named.items()}
        count[FULL_NAME] = int(((told.forename >= 0) & (told.surname >= 0)).sum())
        for grain in (FORENAME, SURNAME, FULL_NAME):
            yield Figure(
                attack=attack,
                method=method,
                target=target,
                grain=grain,
                hits=int(right[grain].sum()),
                of=len(rows),
                named=count[grain],
                by_guessing=float(guessed[grain].mean()),
                people=self.people,
            )


def frequency_on_published(
    world: World, encoding: Encoding, plain: dict[str, Filters], record: Filters
) -> Iterator[Figure]:
    """Counting plain filters, and whole-record filters."""
    scheme = without_variants(encoding)
    tables = public_knowledge(world.elsewhere, scheme)
    judge = Judge(world.hub, tables)
    generation = world.hub.generation
    ranked = [by_rank(plain[field].codes, tables[field]) for field in (FORENAME, SURNAME)]
    yield from judge.figures(FREQUENCY, "rank of counts", PLAIN, Told(*ranked))
    profiled = [
        by_profile(
            plain[field].codes,
            generation,
            tables[field],
            grams_seen(plain[field].weight.astype(np.float64), encoding)[plain[field].codes],
        )
        for field in (FORENAME, SURNAME)
    ]
    yield from judge.figures(FREQUENCY, "counts by sex and decade, length", PLAIN, Told(*profiled))
    whole = [by_profile(record.codes, generation, tables[field], None) for field in (FORENAME, SURNAME)]
    yield from judge.figures(FREQUENCY, "counts by sex and decade", RECORD_LEVEL, Told(*whole))


def frequency_on_ours(world: World, scheme: Scheme, passes: list[PassRows], target: str = OURS) -> Iterator[Figure]:
    """Counting what of ours can be counted: filters as they stand, equal names chained over blocks, sizes of blocks."""
    hub = world.hub
    tables = public_knowledge(world.elsewhere, scheme)
    judge = Judge(hub, tables)
    everybody = {rows.name: rows for rows in passes if len(rows.person) == len(hub)}
    dates = everybody[BIRTH_DATES]
    ranked = [by_rank(_classes(dates, field), tables[field]) for field in (FORENAME, SURNAME)]
    yield from judge.figures(FREQUENCY, "rank of counts", target, Told(*ranked))
    chained = chain(passes, len(hub), scheme.encoding)
    yield from judge.figures(
        FREQUENCY, "equal names chained over blocks, length", target, Told(*_profiled(chained, hub, tables))
    )
    by_size = _by_sizes(scheme, everybody, hub, tables, chained.grams)
    yield from judge.figures(FREQUENCY, "sizes of blocks, birth months, length", target, by_size)
    days = birth_days_by_block(_in_order(dates), hub, world.elsewhere)
    commonest = np.bincount(day_of_month(world.elsewhere)).argmax()
    yield Figure(
        attack=FREQUENCY,
        method="sizes of blocks, birth months",
        target=target,
        grain=BIRTH_DATE,
        hits=int((days == day_of_month(hub)).sum()),
        of=len(hub),
        named=len(hub),
        by_guessing=float((day_of_month(hub) == commonest).mean()),
        people=len(hub),
    )


def _profiled(chained: Chained, hub: Residents, tables: dict[str, NameTable]) -> list[Ints]:
    return [
        by_profile(chained.classes[field], hub.generation, tables[field], chained.grams[field])
        for field in (FORENAME, SURNAME)
    ]


def _by_sizes(
    scheme: Scheme, everybody: dict[str, PassRows], hub: Residents, tables: dict[str, NameTable], grams: dict[str, Ints]
) -> Told:
    return Told(
        forenames_by_block(scheme, _in_order(everybody["forename_month"]), hub, tables[FORENAME], grams[FORENAME]),
        surnames_by_block(scheme, _in_order(everybody["surname_year"]), hub, tables, grams),
    )


def _in_order(rows: PassRows) -> Ints:
    """The block of each person, where a pass has everybody once."""
    block = np.empty(len(rows.person), dtype=np.int64)
    block[rows.person] = rows.block
    return block


def _classes(rows: PassRows, field: str) -> Ints:
    packed = rows.filters[field][np.argsort(rows.person, kind="stable")]
    return np.unique(packed.view("V64").ravel(), return_inverse=True)[1].astype(np.int64)


def patterns_on_published(
    world: World, encoding: Encoding, plain: dict[str, Filters], record: Filters, seed: int
) -> Iterator[Figure]:
    """Pattern mining on plain filters, a field at a time, and on whole-record filters."""
    scheme = without_variants(encoding)
    tables = public_knowledge(world.elsewhere, scheme)
    judge = Judge(world.hub, tables)
    read = []
    for field in (FORENAME, SURNAME):
        filters = plain[field]
        has = contained(filters.bits, mine_patterns(filters.bits))
        values = read_values(has, filters.weight, filters.counts, _field(scheme, field, tables[field]))
        read.append(values[filters.codes, 0])
    yield from judge.figures(PATTERNS, "positions set together", PLAIN, Told(*read))
    yield from judge.figures(
        PATTERNS, "positions set together", RECORD_LEVEL, _read_records(world, scheme, record, tables, seed)
    )


def _field(scheme: Scheme, field: str, table: NameTable) -> Public:
    encoding = scheme.encoding
    bits = bits_expected(table.grams, encoding.positions_per_gram, encoding.bits)
    return of_one_field(_vocabulary(scheme, field, table.values, table.counts.sum(axis=1), bits))


def _vocabulary(
    scheme: Scheme,
    field: str,
    values: pa.StringArray,
    share: Floats,
    bits: tuple[Floats, Floats] | None,
    most: int = GRAMS,
) -> Vocabulary:
    grams = name_grams(scheme, field, values)
    value = np.repeat(np.arange(len(values)), np.diff(grams.starts))
    return vocabulary(value, np.unique(grams.ids, return_inverse=True)[1].astype(np.int64), share, bits, most)


def _read_records(world: World, scheme: Scheme, record: Filters, tables: dict[str, NameTable], seed: int) -> Told:
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(record.bits))[:MINED]
    has = contained(record.bits, mine_patterns(record.bits[some], pairs=MINED_PAIRS))
    known = world.elsewhere.take(rng.permutation(len(world.elsewhere))[:KNOWN_RECORDS])
    fields, codes, values = [], [], []
    for name, column in columns_of(known).items():
        used, code = np.unique(column.codes, return_inverse=True)
        texts = column.values.take(pa.array(used)).to_pylist()
        if name == "date_of_birth":
            texts = [text[8:10] + text[5:7] + text[:4] for text in texts]
        values.append(pa.array(texts, pa.string()))
        share = np.bincount(code).astype(np.float64)
        fields.append(_vocabulary(scheme, name, values[-1], share, None, RECORD_GRAMS))
        codes.append(code.astype(np.int64))
    public = Public(tuple(fields), np.stack(codes, axis=1), np.ones(len(known)))
    read = read_values(has, record.weight, record.counts, public)[record.codes]
    place = [
        np.asarray(pc.index_in(values[at], tables[field].values).fill_null(-1)).astype(np.int64)
        for at, field in enumerate((FORENAME, SURNAME))
    ]
    return Told(place[0][read[:, 0]], place[1][read[:, 1]])


def patterns_on_ours(world: World, scheme: Scheme, passes: list[PassRows], seed: int) -> Iterator[Figure]:
    """Pattern mining over all filters as they stand, and inside each of the largest blocks."""
    tables = public_knowledge(world.elsewhere, scheme)
    judge = Judge(world.hub, tables)
    rng = np.random.default_rng(seed)
    dates = next(rows for rows in passes if rows.name == BIRTH_DATES)
    some = rng.permutation(len(dates.person))[:MINED]
    public = {field: _field(scheme, field, tables[field]) for field in (FORENAME, SURNAME)}
    read = [_mined(unpacked(dates.filters[field][some]), public[field]) for field in (FORENAME, SURNAME)]
    yield from judge.figures(PATTERNS, "positions set together", OURS, Told(*read), dates.person[some])
    parts, persons = [], []
    for rows, here in _largest(passes):
        parts.append([_mined(unpacked(rows.filters[field][here]), public[field]) for field in (FORENAME, SURNAME)])
        persons.append(rows.person[here])
    told = Told(*(np.concatenate([part[at] for part in parts]) for at in range(2)))
    yield from judge.figures(PATTERNS, "inside the largest blocks", OURS, told, np.concatenate(persons))


def _mined(filters: NDArray[np.bool_], public: Public) -> Ints:
    distinct, code, counts = np.unique(filters, axis=0, return_inverse=True, return_counts=True)
    has = contained(distinct, mine_patterns(distinct, pairs=MINED_PAIRS))
    weight = distinct.sum(axis=1).astype(np.int64)
    read: Ints = read_values(has, weight, counts.astype(np.int64), public)[code.reshape(-1), 0]
    return read


def _largest(passes: list[PassRows]) -> Iterator[tuple[PassRows, Ints]]:
    """The largest blocks of passes in which strangers meet, and of homes."""
    sizes = [(int(size), at, int(block)) for at, rows in enumerate(passes) if rows.name in SHARED_PASSES
             for block, size in _top_blocks(rows)]  # fmt: skip
    for _, at, block in sorted(sizes, reverse=True)[:LARGEST_BLOCKS]:
        yield passes[at], np.flatnonzero(passes[at].block == block)


def _top_blocks(rows: PassRows) -> list[tuple[int, int]]:
    size = np.bincount(rows.block)
    return [(int(block), int(size[block])) for block in np.argsort(-size, kind="stable")[:LARGEST_BLOCKS]]
