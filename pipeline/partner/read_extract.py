"""Read a raw extract strictly: the contract's files, text encoding and columns, or a refusal that shows no value.

A file is read in pieces, so that memory does not grow with it. Columns outside the contract, and columns that never
leave, are not read at all.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from pipeline.contracts import Contract, Table
from pipeline.errors import ExtractError
from pipeline.partner.coded import Coded, coded, joined
from pipeline.partner.lines import Lines
from pipeline.partner.ordered import in_order
from pipeline.progress import Progress, silent
from pipeline.records import PEOPLE

# A cell with more lines than this is a quotation mark that nobody closed.
MOST_LINES_IN_A_CELL = 50
ROWS_AT_ONCE = 1 << 14
FOREIGN_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True)
class RawTable:
    """Rows of one raw table: the line of the file that each row starts on, the columns of the contract, and what was
    ignored.

    `outside` names the file's columns that the contract does not have.
    """

    table: Table
    lines: NDArray[np.int32]
    columns: dict[str, Coded]
    outside: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.lines)


@dataclass(frozen=True)
class Part:
    """Some rows of a file as they stand there: the number of the first, how many they are, and their bytes."""

    first: int
    rows: int
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class RawFile:
    """The file of one raw table, its header found right; nothing else of it is in memory.

    `positions`: where each column to be read stands in the file. `width`: how many columns it has. `stamp`: size and
    time of change when it was opened.
    """

    contract: Contract
    table: Table
    path: Path
    positions: dict[str, int]
    outside: tuple[str, ...]
    width: int
    stamp: tuple[int, int]
    rows_at_once: int

    @property
    def where(self) -> str:
        return f"{self.contract.partner}: {self.path.name}"

    @cached_property
    def lines(self) -> Lines:
        """Where the file's rows stand."""
        return Lines(self.path, self.rows_at_once)

    @cached_property
    def is_empty(self) -> bool:
        """Whether nothing stands below the header."""
        with self.path.open("rb") as handle:
            return not b"".join(handle.read(1 << 16).splitlines()[1:]).strip()

    def parts(self) -> Iterator[Part]:
        """The file in order, some rows at a time, nothing of it parsed; at least one part."""
        if self.is_empty or self.lines.rows == 0:
            yield Part(0, 0, b"")
            return
        with self.path.open("rb") as handle:
            for first, rows, begin, end in self.lines.parts():
                handle.seek(begin)
                yield Part(first, rows, handle.read(end - begin))
        self._check_unchanged()

    def parsed(self, part: Part, only: Collection[str] | None = None) -> RawTable:
        """A part's rows, `only` these columns. May be called in several threads at once.

        Raises ExtractError; no message holds a cell of the file.
        """
        if part.rows == 0:
            return RawTable(
                self.table, np.zeros(0, np.int32), {name: coded([]) for name in self.positions}, self.outside
            )
        wanted = {name: f"c{at}" for name, at in self.positions.items() if only is None or name in only}
        table = self._table(part, list(wanted.values()))
        columns = {}
        for name, called in wanted.items():
            texts = table.column(called)
            if pc.max(pc.count_substring(texts, "\n")).as_py() > MOST_LINES_IN_A_CELL:
                raise ExtractError(
                    where=f"{self.where}, column {name}",
                    rule=f"a cell runs over more than {MOST_LINES_IN_A_CELL} lines.",
                    remedy="look for a quotation mark that is never closed, and export the file again.",
                )
            columns[name] = coded(texts)
        return RawTable(self.table, self.lines.of(part.first, part.rows), columns, self.outside)

    def pieces(self, only: Collection[str] | None = None) -> Iterator[RawTable]:
        """The file's rows in order, some at a time; at least one piece. Raises ExtractError."""
        return in_order(lambda part: self.parsed(part, only), self.parts())

    def whole(self, only: Collection[str] | None = None) -> RawTable:
        """All rows at once."""
        pieces = list(self.pieces(only))
        if len(pieces) == 1:
            return pieces[0]
        columns = {name: joined([piece.columns[name] for piece in pieces]) for name in pieces[0].columns}
        return RawTable(self.table, np.concatenate([piece.lines for piece in pieces]), columns, self.outside)

    def _table(self, part: Part, wanted: list[str]) -> pa.Table:
        names = [f"c{index}" for index in range(self.width)]  # ours, so that no doubled name outside can confuse
        encoding = self.contract.text_encoding
        try:
            table = pa.csv.read_csv(
                pa.BufferReader(part.content),
                read_options=pa.csv.ReadOptions(
                    column_names=names, encoding=encoding, block_size=len(part.content) + 1, use_threads=False
                ),
                parse_options=pa.csv.ParseOptions(newlines_in_values=self.lines.quotes),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    include_columns=wanted,
                    strings_can_be_null=False,
                    check_utf8=True,
                ),
            )
        except (pa.ArrowInvalid, UnicodeError):
            table = None  # the library's text holds the row
        if table is None:
            self._check_unchanged()
            raise _unreadable(self.path, self.where, encoding, self.width)
        if table.num_rows != part.rows:
            raise ExtractError(
                where=self.where,
                rule="its quotation marks can be read in more than one way.",
                remedy="export it again, with quotation marks around cells that hold some, a comma or a line break.",
            )
        return table

    def _check_unchanged(self) -> None:
        if _stamp(self.path) != self.stamp:
            raise ExtractError(
                where=self.where,
                rule="the file changed while it was read.",
                remedy="wait until the export is complete, and start again.",
            )


def open_extract(contract: Contract, raw: Path, rows_at_once: int = ROWS_AT_ONCE) -> dict[str, RawFile]:
    """The file of every table of the contract that the extract has, by name; optional tables may be absent.

    Raises ExtractError where a file, a column or people are missing, or a header is not the text the contract says.
    """
    if not raw.is_dir():
        raise ExtractError(
            where=str(raw), rule="this folder does not exist.", remedy="give the folder that holds people.csv."
        )
    files = {}
    for table in contract.tables:
        path = raw / table.file
        if path.exists():
            files[table.name] = open_file(contract, table, path, rows_at_once)
        elif not table.optional:
            raise ExtractError(
                where=f"{contract.partner}: {table.file}",
                rule="the file is missing, and the contract has this table.",
                remedy=f"export it into {raw}; with nothing to report, as the header line alone.",
            )
    if files[PEOPLE].is_empty:
        raise ExtractError(
            where=f"{contract.partner}: {contract.table(PEOPLE).file}",
            rule="the file has a header but no person.",
            remedy="export it again; an extract without people is refused, since it would empty the feed.",
        )
    return files


def open_file(contract: Contract, table: Table, path: Path, rows_at_once: int = ROWS_AT_ONCE) -> RawFile:
    """The file of one raw table. Raises ExtractError where its header is not as the contract says."""
    where = f"{contract.partner}: {path.name}"
    stamp = _stamp(path)
    header = _header(path, where, contract.text_encoding)
    positions, outside = _positions(header, table, where)
    return RawFile(contract, table, path, positions, outside, len(header), stamp, rows_at_once)


def read_extract(contract: Contract, raw: Path, progress: Progress = silent) -> dict[str, RawTable]:
    """Every table of an extract at once, by name: for benchmarks and small extracts. Raises ExtractError."""
    files = open_extract(contract, raw)
    tables = {}
    for number, (name, file) in enumerate(files.items()):
        tables[name] = file.whole()
        progress(f"read {file.path.name}", (number + 1) / len(files))
    return tables


def read_table(contract: Contract, table: Table, path: Path, only: Collection[str] | None = None) -> RawTable:
    """One raw table at once, all cells as text. Raises ExtractError; no message holds a cell of the file."""
    return open_file(contract, table, path).whole(only)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _header(path: Path, where: str, encoding: str) -> list[str]:
    with path.open("rb") as handle:
        head = handle.read(1 << 16)
    if not head.strip():
        raise ExtractError(
            where=where, rule="the file is empty.", remedy="export it again; a table without rows still has its header."
        )
    for mark, name in FOREIGN_MARKS.items():
        if head.startswith(mark):
            raise _other_encoding(where, encoding, f"it is {name}")
    if b"\0" in head:
        raise _other_encoding(where, encoding, "it holds zero bytes, as UTF-16 and binary files do")
    line = head.splitlines()[0]
    try:
        text = line.decode("utf-8-sig" if encoding.lower().replace("_", "-") == "utf-8" else encoding)
    except UnicodeDecodeError:
        raise _other_encoding(where, encoding, "its line 1 is not") from None
    return [cell.strip() for cell in next(csv.reader([text]))]


def _other_encoding(where: str, encoding: str, found: str) -> ExtractError:
    return ExtractError(
        where=where,
        rule=f"the contract says the text encoding {encoding}; {found}.",
        remedy=f"export the file as {encoding}, or change textEncoding in the contract with the hub's agreement.",
    )


def _positions(header: list[str], table: Table, where: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """Where each column to be read stands in the file; and the names of columns outside the contract."""
    folded = [cell.casefold() for cell in header]
    positions: dict[str, int] = {}
    claimed: set[int] = set()
    missing = []
    for column in table.columns:
        names = {column.name.casefold(), column.source_name.casefold()}
        found = [index for index, cell in enumerate(folded) if cell in names]
        if len(found) > 1:
            raise ExtractError(
                where=f"{where}, column {column.name}",
                rule="the header has this column more than once.",
                remedy="keep one of them.",
            )
        claimed.update(found)
        if column.treatment == ("drop",):
            continue
        if found:
            positions[column.name] = found[0]
        else:
            missing.append(column.source_name)
    if missing:
        raise ExtractError(
            where=f"{where}, line 1",
            rule=f"the header has no column {', '.join(missing)}.",
            remedy="export the file with a header line and every column of the contract, separated by commas.",
        )
    outside = tuple(
        cell if cell.isidentifier() and cell.isascii() else f"column {index + 1}"
        for index, cell in enumerate(header)
        if index not in claimed
    )
    return positions, outside


def _unreadable(path: Path, where: str, encoding: str, width: int) -> ExtractError:
    """Why a file cannot be parsed: found by reading it again, slowly."""
    with path.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return _other_encoding(where, encoding, f"line {number} is not")
    uneven = []
    try:
        with path.open(encoding=encoding, newline="") as text:
            reader = csv.reader(text)
            uneven = [reader.line_num for cells in reader if cells and len(cells) != width]
    except (csv.Error, UnicodeError):
        pass
    at = f"line {', '.join(str(number) for number in uneven[:5])}" if uneven else "a line"
    more = f" ({len(uneven)} such lines)" if len(uneven) > 1 else ""
    return ExtractError(
        where=where,
        rule=f"{at} has not {width} cells as the header has{more}.",
        remedy="put cells that hold a comma or a line break into quotation marks, or export the file again.",
    )
