"""The same attacks on published filters, to show that they work: counting (a) and pattern mining (b)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.attack.decode import GRAMS, Public, Vocabulary, of_one_field, read_values, vocabulary
from pipeline.attack.figures import FORENAME, FREQUENCY, PATTERNS, PLAIN, RECORD_LEVEL, SURNAME, Figure
from pipeline.attack.filters import BITS, POSITIONS, Filters, bigrams, bits_expected, columns_of, grams_seen
from pipeline.attack.frequency import by_profile, by_rank
from pipeline.attack.judge import Judge, Told
from pipeline.attack.names import NameTable, public_knowledge
from pipeline.attack.patterns import contained, mine_patterns
from pipeline.attack.world import Floats, World

MINED, MINED_PAIRS = 2500, 8000  # where all filters differ: filters looked at, and seeds
KNOWN_RECORDS = 10_000  # public people from whom grams of whole records are counted
RECORD_GRAMS = 300


def frequency_on_published(world: World, plain: dict[str, Filters], record: Filters) -> Iterator[Figure]:
    """Counting plain filters, and whole-record filters."""
    tables = public_knowledge(world.elsewhere)
    judge = Judge(world.hub, tables)
    generation = world.hub.generation
    ranked = [by_rank(plain[field].codes, tables[field]) for field in (FORENAME, SURNAME)]
    yield from judge.figures(FREQUENCY, "rank of counts", PLAIN, Told(*ranked))
    profiled = [
        by_profile(
            plain[field].codes,
            generation,
            tables[field],
            grams_seen(plain[field].weight.astype(np.float64))[plain[field].codes],
        )
        for field in (FORENAME, SURNAME)
    ]
    yield from judge.figures(FREQUENCY, "counts by sex and decade, length", PLAIN, Told(*profiled))
    whole = [by_profile(record.codes, generation, tables[field], None) for field in (FORENAME, SURNAME)]
    yield from judge.figures(FREQUENCY, "counts by sex and decade", RECORD_LEVEL, Told(*whole))


def patterns_on_published(world: World, plain: dict[str, Filters], record: Filters, seed: int) -> Iterator[Figure]:
    """Pattern mining on plain filters, a field at a time, and on whole-record filters."""
    tables = public_knowledge(world.elsewhere)
    judge = Judge(world.hub, tables)
    read = []
    for field in (FORENAME, SURNAME):
        filters = plain[field]
        has = contained(filters.bits, mine_patterns(filters.bits))
        values = read_values(has, filters.weight, filters.counts, published_field(tables[field]))
        read.append(values[filters.codes, 0])
    yield from judge.figures(PATTERNS, "positions set together", PLAIN, Told(*read))
    yield from judge.figures(
        PATTERNS, "positions set together", RECORD_LEVEL, _read_records(world, record, tables, seed)
    )


def published_field(table: NameTable) -> Public:
    bits = bits_expected(table.grams, POSITIONS, BITS)
    return of_one_field(_vocabulary(table.values, table.counts.sum(axis=1), bits))


def _vocabulary(
    values: pa.StringArray,
    share: Floats,
    bits: tuple[Floats, Floats] | None,
    most: int = GRAMS,
) -> Vocabulary:
    grams = bigrams(values.to_pylist())
    value = np.repeat(np.arange(len(values)), grams.counts)
    return vocabulary(value, np.unique(grams.ids, return_inverse=True)[1].astype(np.int64), share, bits, most)


def _read_records(world: World, record: Filters, tables: dict[str, NameTable], seed: int) -> Told:
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
        fields.append(_vocabulary(values[-1], share, None, RECORD_GRAMS))
        codes.append(code.astype(np.int64))
    public = Public(tuple(fields), np.stack(codes, axis=1), np.ones(len(known)))
    read = read_values(has, record.weight, record.counts, public)[record.codes]
    place = [
        np.asarray(pc.index_in(values[at], tables[field].values).fill_null(-1)).astype(np.int64)
        for at, field in enumerate((FORENAME, SURNAME))
    ]
    return Told(place[0][read[:, 0]], place[1][read[:, 1]])
