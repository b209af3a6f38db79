"""Write a draft's files while the extract goes by, and keep what the end of it asks for: counts, and the sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.partner.changes import Changes
from pipeline.partner.checked import CheckedTable
from pipeline.partner.coded import MISSING, Coded, joined, shortened
from pipeline.partner.encode import Persons, encode_persons
from pipeline.partner.hashing import Words
from pipeline.partner.homes import Homes, asked_for
from pipeline.partner.minimise import delivered_table, encoding_schema, encodings_table
from pipeline.partner.person_index import PERSON
from pipeline.partner.sample import Sampler, homes_of
from pipeline.partner.stream import Piece, Stream
from pipeline.partner.tally import Tally
from pipeline.progress import Progress
from pipeline.records import ENCODINGS, PEOPLE, RESIDENCES

PEOPLE_AT_ONCE = 1 << 15  # encoded together, and written pass by pass as a row group each


@dataclass(frozen=True)
class Written:
    """What was written: per table the file's name and its rows; and what was counted of the extract's tables."""

    files: dict[str, tuple[str, int]]
    tallies: dict[str, Tally]
    sampler: Sampler


def write_files(stream: Stream, folder: Path, changes: Changes | None, progress: Progress) -> Written:
    """Write the tables and the encodings of an extract into a draft's folder; with `changes`, only what they say.

    Raises ExtractError where too many rows of a table have problems.
    """
    homes = Homes(asked_for(stream.encoding, stream.model), stream.persons.known)
    tallies, names = {}, stream.tables()
    for number, name in enumerate(names[:-1]):
        tally = tallies[name] = Tally(stream.files[name].table)
        with _csv(folder / f"{name}.csv") as write:
            for piece in stream.pieces(name):
                if name == RESIDENCES:
                    homes.add(piece.checked, piece.persons)
                write(_delivered(stream, tally, piece, changes))
        _refuse(stream, tally, changes)
        progress(f"pseudonymise {name}", 0.5 * (number + 1) / len(names))
    homes.close()
    tally = tallies[PEOPLE] = Tally(stream.files[PEOPLE].table)
    home = _homes_of_everybody(stream, homes)
    encoder = _Encoder(stream, homes, folder / f"{ENCODINGS}.parquet", Sampler(stream.keys, home), home)
    everybody = max(stream.persons.known, 1)
    with _csv(folder / f"{PEOPLE}.csv") as write, encoder:
        for piece in stream.pieces(PEOPLE):
            delivered = _delivered(stream, tally, piece, changes)
            write(delivered)
            encoder.add(piece, changes)
            progress("encode people", 0.5 + 0.45 * min(tally.rows / everybody, 1.0))
    _refuse(stream, tally, changes)
    files = {name: (f"{name}.csv", tallies[name].rows) for name in stream.files}
    files[ENCODINGS] = (f"{ENCODINGS}.parquet", encoder.rows)
    return Written(files, {name: tallies[name] for name in stream.files}, encoder.sampler)


def _homes_of_everybody(stream: Stream, homes: Homes) -> Words:
    """The number of each person's home (see `homes_of`)."""
    home = np.zeros(stream.persons.known, dtype=np.uint64)
    for start in range(0, len(home), PEOPLE_AT_ONCE):
        some = np.arange(start, min(start + PEOPLE_AT_ONCE, len(home)), dtype=np.int32)
        home[some] = homes_of(stream.model, stream.keys, homes.latest_of(some), len(some))
    return home


def _delivered(stream: Stream, tally: Tally, piece: Piece, changes: Changes | None) -> pa.Table:
    """What leaves of some rows."""
    checked = piece.checked if changes is None else piece.checked.only(changes.rows(piece.persons))
    tally.add(checked)
    return delivered_table(checked, stream.keys, stream.encoding.version)


def _refuse(stream: Stream, tally: Tally, changes: Changes | None) -> None:
    if changes is None:  # else the whole table was counted when changes were looked for
        stream.judge(tally)


@contextmanager
def _csv(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Write a delivered CSV: the plain header, then the rows; null is an empty cell."""
    options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
    with path.open("wb") as handle:

        def write(table: pa.Table) -> None:
            if handle.tell() == 0:
                handle.write((",".join(table.column_names) + "\n").encode())
            pa.csv.write_csv(table, handle, write_options=options)

        yield write


@dataclass(frozen=True)
class _People:
    """People to be encoded: their columns, lines, numbers."""

    columns: dict[str, Coded]
    lines: NDArray[np.int32]
    persons: NDArray[np.int32]

    def part(self, start: int, stop: int) -> _People:
        columns = {name: Coded(column.values, column.codes[start:stop]) for name, column in self.columns.items()}
        return _People(columns, self.lines[start:stop], self.persons[start:stop])


class _Encoder:
    """Encodes people as they go by, always as many together; so their number in a piece makes no difference."""

    def __init__(self, stream: Stream, homes: Homes, path: Path, sampler: Sampler, home: Words) -> None:
        self.rows = 0
        self.sampler = sampler
        self._stream, self._homes, self._home = stream, homes, home
        encoding = stream.encoding
        self._wanted = asked_for(encoding, stream.model) | {*encoding.fields, encoding.date_parts}
        self._schema = encoding_schema(encoding)
        self._waiting: list[_People] = []
        self._writer = pq.ParquetWriter(
            path, self._schema, compression="zstd", compression_level=1, use_dictionary=["pass"], write_statistics=False
        )

    def __enter__(self) -> _Encoder:
        return self

    def __exit__(self, fault: type[BaseException] | None, *_: object) -> None:
        if fault is None:
            self._encode_waiting(1)
        self._writer.close()

    def add(self, piece: Piece, changes: Changes | None) -> None:
        """Take note of everybody without a problem, and encode who is sent."""
        checked = piece.checked
        clean = checked.clean & (piece.persons != MISSING)
        wanted = [name for name in checked.columns if name in self._wanted]
        self._look_at(checked, piece.persons, np.flatnonzero(clean), wanted)
        rows = np.flatnonzero(clean if changes is None else clean & changes.rows(piece.persons))
        columns = {name: checked.columns[name].take(rows) for name in wanted}
        self._waiting.append(_People(columns, checked.lines[rows], piece.persons[rows]))
        self._encode_waiting(PEOPLE_AT_ONCE)

    def _look_at(
        self, checked: CheckedTable, persons: NDArray[np.int32], rows: NDArray[np.int64], wanted: list[str]
    ) -> None:
        def columns(some: NDArray[np.int64]) -> dict[str, Coded]:
            own = {name: shortened(checked.columns[name].take(rows[some])) for name in wanted}
            return {**own, **self._homes.latest_of(persons[rows[some]])}

        self.sampler.add(checked.columns[PERSON].take(rows), self._home[persons[rows]], columns)

    def _encode_waiting(self, least: int) -> None:
        """Encode who waits, if these are enough; of more than can be encoded together, the rest goes on waiting."""
        if sum(len(people.lines) for people in self._waiting) < least:
            return
        columns = {name: joined([some.columns[name] for some in self._waiting]) for name in self._waiting[0].columns}
        lines, persons = (
            np.concatenate([getattr(some, what) for some in self._waiting]) for what in ("lines", "persons")
        )
        people, start = _People(columns, lines, persons), 0
        while len(lines) - start >= least:
            self._encode(people.part(start, start + PEOPLE_AT_ONCE))
            start += PEOPLE_AT_ONCE
        self._waiting = [people.part(start, len(lines))]

    def _encode(self, people: _People) -> None:
        places, person_of_place = self._homes.of(people.persons)
        persons = Persons({name: shortened(column) for name, column in people.columns.items()}, places, person_of_place)
        pseudonyms = self._stream.persons.pseudonyms_of_known(people.persons)
        for piece in encode_persons(self._stream.encoding, self._stream.keys, persons):
            self._writer.write_table(encodings_table(piece, self._schema, people.lines, pseudonyms))
            self.rows += len(piece.person)
        pa.default_memory_pool().release_unused()
