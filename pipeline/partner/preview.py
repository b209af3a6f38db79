"""What would leave the building: every column, its treatment, how many rows, and what it looks like. Never a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.contracts import Column, Contract, Encoding
from pipeline.contracts.extract import DELIVERED_SUFFIX, delivered_name
from pipeline.partner.tally import Tally

if TYPE_CHECKING:
    from rich.table import Table as RichTable

STAYS = "does not leave"
FORMS = {
    "pseudonym": "32 hex, partner key",
    "token": "32 hex, linkage key",
    "date_to_month": "YYYY-MM",
    "area": "outward postcode",
    "date": "YYYY-MM-DD",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}


@dataclass(frozen=True)
class PreviewLine:
    """One column and one way it leaves: `rows` cells that hold something, `left_out` cells that held no valid value."""

    table: str
    column: str
    treatment: str
    leaves_as: str
    rows: int
    left_out: int
    shape: str


@dataclass(frozen=True)
class Preview:
    """The whole of a draft: its lines, the rows of each file, and rows with a problem by "table:code:column"."""

    partner: str
    lines: tuple[PreviewLine, ...]
    files: dict[str, int]
    problems: dict[str, int]

    def table(self, only: str | None = None) -> RichTable:
        """The preview as a table for the terminal; `only` shows one of the extract's tables."""
        from rich.table import Table

        with_problems = sum(self.problems.values())
        reasons = "".join(f"\n  {name.replace(':', ' · ')}: {rows:,}" for name, rows in self.problems.items())
        table = Table(
            title=f"What leaves {self.partner}" + (f": {only}" if only else ""),
            caption=f"{sum(self.files.values()):,} rows in {len(self.files)} files leave; {with_problems:,} of them "
            f"with a problem, which the hub will quarantine{reasons}",
            title_justify="left",
            caption_justify="left",
        )
        for heading in ("table", "column", "treatment", "leaves as"):
            table.add_column(heading)
        for heading in ("rows", "left out"):
            table.add_column(heading, justify="right")
        table.add_column("shape")
        before = ""
        for line in (line for line in self.lines if only in (None, line.table)):
            if before and line.table != before:
                table.add_section()
            table.add_row(
                line.table if line.table != before else "",
                line.column,
                line.treatment,
                line.leaves_as,
                f"{line.rows:,}",
                f"{line.left_out:,}" if line.left_out else "",
                line.shape,
            )
            before = line.table
        return table


def preview_of(contract: Contract, encoding: Encoding, tallies: dict[str, Tally], files: dict[str, int]) -> Preview:
    """The preview of an extract, from what was counted of its tables; `files`: the rows of each file of the draft."""
    lines = []
    for tally in tallies.values():
        for column in tally.table.columns:
            lines += [_line(tally, column, treatment, encoding) for treatment in column.treatment]
        lines += [PreviewLine(tally.table.name, name, "not in the contract", STAYS, 0, 0, "") for name in tally.outside]
    problems = {
        f"{name}:{problem}": rows for name, tally in tallies.items() for problem, rows in tally.problems.items()
    }
    return Preview(contract.partner, tuple(lines), files, problems)


def _line(tally: Tally, column: Column, treatment: str, encoding: Encoding) -> PreviewLine:
    table = tally.table.name
    if treatment == "drop" or column.name not in tally.held:
        return PreviewLine(table, column.name, treatment, STAYS, 0, 0, "")
    held, left_out = tally.held[column.name], tally.left_out[column.name]
    if treatment == "encode":
        size = "3 × 16 bits" if column.name == encoding.date_parts else f"{encoding.name_bytes} bytes"
        shape = f"{size} a block"
        return PreviewLine(table, column.name, treatment, "encodings", held, left_out, shape)
    if treatment == "keep":
        shape = f"one of {len(column.allowed)} codes" if column.allowed else FORMS.get(column.type, "code")
    else:
        shape = FORMS[treatment]
    leaves_as = delivered_name(column, treatment) if treatment in DELIVERED_SUFFIX else STAYS
    return PreviewLine(table, column.name, treatment, leaves_as, held, left_out, shape)
