"""Read a raw extract strictly: the contract's files, text encoding and columns, or a refusal that shows no value.

Columns outside the contract, and columns that never leave, are not read at all.
"""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from pipeline.contracts import Contract, Table
from pipeline.errors import ExtractError
from pipeline.partner.coded import Coded, coded
from pipeline.progress import Progress, silent
from pipeline.records import PEOPLE

FIRST_DATA_LINE = 2
# A cell with more lines than this is a quotation mark that nobody closed.
MOST_LINES_IN_A_CELL = 50
FOREIGN_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True)
class RawTable:
    """One raw table: the line of the file that each row starts on, the columns of the contract, and what was ignored.

    `outside` names the file's columns that the contract does not have.
    """

    table: Table
    lines: NDArray[np.int32]
    columns: dict[str, Coded]
    outside: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.lines)


def read_extract(contract: Contract, raw: Path, progress: Progress = silent) -> dict[str, RawTable]:
    """Every table of the contract that the extract has, by name; optional tables may be absent.

    Raises ExtractError where a file, a column or people are missing, or a file is not the text the contract says.
    """
    if not raw.is_dir():
        raise ExtractError(
            where=str(raw), rule="this folder does not exist.", remedy="give the folder that holds people.csv."
        )
    tables = {}
    for number, table in enumerate(contract.tables):
        path = raw / table.file
        if path.exists():
            tables[table.name] = read_table(contract, table, path)
        elif not table.optional:
            raise ExtractError(
                where=f"{contract.partner}: {table.file}",
                rule="the file is missing, and the contract has this table.",
                remedy=f"export it into {raw}; with nothing to report, as the header line alone.",
            )
        progress(f"read {table.file}", (number + 1) / len(contract.tables))
    if len(tables[PEOPLE]) == 0:
        raise ExtractError(
            where=f"{contract.partner}: {contract.table(PEOPLE).file}",
            rule="the file has a header but no person.",
            remedy="export it again; an extract without people is refused, since it would empty the feed.",
        )
    return tables


def read_table(contract: Contract, table: Table, path: Path) -> RawTable:
    """One raw table, all cells as text. Raises ExtractError; no message holds a cell of the file."""
    where = f"{contract.partner}: {path.name}"
    header = _header(path, where, contract.text_encoding)
    positions, outside = _positions(header, table, where)
    if _is_empty_below_header(path):
        nothing = {name: coded([]) for name in positions}
        return RawTable(table, np.zeros(0, dtype=np.int32), nothing, outside)
    arrow = _parse(path, where, contract.text_encoding, header, sorted(positions.values()))
    lines = _lines(path, contract.text_encoding, arrow.num_rows)
    columns = {}
    for name, position in positions.items():
        texts = arrow.column(f"c{position}")
        if arrow.num_rows and pc.max(pc.count_substring(texts, "\n")).as_py() > MOST_LINES_IN_A_CELL:
            raise ExtractError(
                where=f"{where}, column {name}",
                rule=f"a cell runs over more than {MOST_LINES_IN_A_CELL} lines.",
                remedy="look for a quotation mark that is never closed, and export the file again.",
            )
        columns[name] = coded(texts)
    return RawTable(table, lines, columns, outside)


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


def _is_empty_below_header(path: Path) -> bool:
    with path.open("rb") as handle:
        return not b"".join(handle.read(1 << 16).splitlines()[1:]).strip()


def _parse(path: Path, where: str, encoding: str, header: list[str], wanted: list[int]) -> pa.Table:
    names = [f"c{index}" for index in range(len(header))]  # ours, so that no doubled name outside can confuse
    keep = [names[index] for index in wanted]
    try:
        table = pa.csv.read_csv(
            path,
            read_options=pa.csv.ReadOptions(column_names=names, skip_rows=1, encoding=encoding, block_size=1 << 24),
            parse_options=pa.csv.ParseOptions(newlines_in_values=_holds(path, b'"')),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=keep,
                strings_can_be_null=False,
                check_utf8=True,
            ),
        )
    except (pa.ArrowInvalid, UnicodeError):
        pass  # the library's text holds the row
    else:
        return table
    raise _unreadable(path, where, encoding, len(header)) from None


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


def _lines(path: Path, encoding: str, rows: int) -> NDArray[np.int32]:
    """The line each row starts on: rows and lines run together unless cells hold line breaks or lines are blank."""
    breaks = 0
    last = b""
    with path.open("rb") as handle:
        while piece := handle.read(1 << 24):
            breaks += piece.count(b"\n")
            last = piece[-1:]
    if breaks + (last != b"\n") == rows + 1:
        return np.arange(FIRST_DATA_LINE, rows + FIRST_DATA_LINE, dtype=np.int32)
    starts = []
    with path.open(encoding=encoding, newline="") as text:
        reader = csv.reader(text)
        before = 0
        for cells in reader:
            if cells:
                starts.append(before + 1)
            before = reader.line_num
    lines = np.array(starts[1:], dtype=np.int32)
    # Should the two readers ever see different rows, a row's number still tells rows apart.
    return lines if len(lines) == rows else np.arange(FIRST_DATA_LINE, rows + FIRST_DATA_LINE, dtype=np.int32)


def _holds(path: Path, byte: bytes) -> bool:
    with path.open("rb") as handle:
        while piece := handle.read(1 << 24):
            if byte in piece:
                return True
    return False
