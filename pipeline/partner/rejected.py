"""At home again: the rows that the hub could not use, with the partner's own references and what to mend."""

from __future__ import annotations

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.contracts import Contract, Table
from pipeline.errors import ExtractError
from pipeline.partner.checked import RULES
from pipeline.partner.hashing import TOKEN_BYTES, hmac_each
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.read_extract import RawTable, read_table
from pipeline.partner.tokens import PERSON_REFERENCE
from pipeline.rejections import Rejections

if TYPE_CHECKING:
    from rich.table import Table as RichTable

MORE_RULES = {
    "end_before_start": ("a spell ends before it starts", "mend one of the two dates"),
    "contested": ("the person says that this is not right", "check it; deliver it corrected, or as it is"),
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
SHOWN = 30


@dataclass(frozen=True)
class RejectedLine:
    """One row to mend: the file and its line there (0 where the extract has changed and the line is not that row any
    more), the column, the rule, what to do, and whose row it is, in clear ("" where the row names nobody, or nobody of
    this extract)."""

    file: str
    line: int
    column: str
    rule: str
    what_to_do: str
    reference: str


def own_lines(contract: Contract, keys: PartnerKeys, rejections: Rejections, raw: Path) -> list[RejectedLine]:
    """The rejected rows under the partner's own references, by file and line.

    Raises ExtractError where the file is another partner's, or the extract cannot be read.
    """
    if rejections.partner != contract.partner:
        raise ExtractError(
            where="the file of rejected rows",
            rule="it is for another partner.",
            remedy="ask the hub for your own.",
        )
    lines = []
    for name in sorted({row.table for row in rejections.rows}):
        table = next((one for one in contract.tables if one.name == name), None)
        if table is None:
            continue
        whose = _references(contract, keys, table, raw)
        for row in rejections.rows:
            if row.table == name:
                stands, reference = whose.get(row.row, (None, ""))
                same = row.reference is None or stands == row.reference
                if not same:
                    reference = next((own for digits, own in whose.values() if digits == row.reference), "")
                rule, remedy = {**RULES, **MORE_RULES}.get(row.rule, (row.rule, "ask the hub"))
                lines.append(
                    RejectedLine(table.file, row.row if same else 0, row.column or "", rule, remedy, reference)
                )
    return sorted(lines, key=astuple)


def write_lines(lines: list[RejectedLine], path: Path) -> None:
    """Write the rows as CSV for a spreadsheet; a cell that a spreadsheet would take for a formula is escaped."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow([field.name for field in fields(RejectedLine)])
        writer.writerows([escaped(str(cell)) for cell in astuple(line)] for line in lines)
    path.chmod(0o600)


def escaped(cell: str) -> str:
    """The cell as no spreadsheet runs it: an apostrophe before what would begin a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def lines_table(lines: list[RejectedLine]) -> RichTable:
    """The first rows for the terminal."""
    from rich.markup import escape
    from rich.table import Table as Shown

    more = f" (the first {SHOWN} of {len(lines):,})" if len(lines) > SHOWN else ""
    table = Shown(title=f"To mend{more}", title_justify="left", show_edge=False)
    for heading in ("file", "line", "column", "what is wrong", "what to do", "whose"):
        table.add_column(heading)
    for line in lines[:SHOWN]:
        at = str(line.line) if line.line else "moved"
        table.add_row(line.file, at, line.column, line.rule, line.what_to_do, escape(line.reference))
    return table


def _references(contract: Contract, keys: PartnerKeys, table: Table, raw: Path) -> dict[int, tuple[str | None, str]]:
    """Per line of a raw file: the pseudonym of its person, and the reference as it stands there."""
    content: RawTable = read_table(contract, table, raw / table.file, ["person_ref"])
    column = content.columns["person_ref"]
    digests = hmac_each(keys.reference_key(PERSON_REFERENCE), column.values)[:, :TOKEN_BYTES]
    digits = [bytes(digest).hex() for digest in np.ascontiguousarray(digests)]
    texts = column.values.to_pylist()
    return {
        int(line): (digits[code], str(texts[code])) if code >= 0 else (None, "")
        for line, code in zip(content.lines, column.codes, strict=True)
    }
