"""The table of unit costs and the index of prices (`schemas/costs/`): read, checked, and turned into one year's pounds.

Which evidence a unit cost belongs to is in `declared`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts.reading import read_yaml, require
from pipeline.errors import DeclarationError

CONFIDENCE = {"R": "low", "A": "medium", "G": "high", "": "not stated"}
_COLUMNS = ("code", "label", "unit", "agency1", "fiscal_orig", "fiscal_year", "economic_orig", "economic_year",
            "source", "rag")  # fmt: skip


@dataclass(frozen=True)
class UnitCost:
    """One row of the table: pounds per unit, in the prices of the year it was measured in."""

    code: str
    label: str
    unit: str
    agency: str  # as the table names it
    fiscal: float
    fiscal_year: str
    economic: float
    economic_year: str
    source: str
    confidence: str


@dataclass(frozen=True)
class Prices:
    """The index of prices by financial year; `unconfirmed` are the years not checked against the published table."""

    index: dict[str, float]
    unconfirmed: frozenset[str]
    source: str

    def factor(self, year: str, wanted: str) -> float:
        """What a pound of one year is in the prices of another. Raises DeclarationError for a year not in the index."""
        for name in (year, wanted):
            if name not in self.index:
                raise DeclarationError(
                    where="schemas/costs/prices.yaml",
                    rule=f"there is no index of prices for {name}.",
                    remedy=f"add the year with its index, or use one from {min(self.index)} to {max(self.index)}.",
                )
        return self.index[wanted] / self.index[year]


def load_unit_costs(path: Path) -> dict[str, UnitCost]:
    """The table by code. Raises DeclarationError, with the line: a column or number missing, a code twice, an unknown
    confidence."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DeclarationError(
            where=str(path), rule="the table of unit costs does not exist.", remedy="put it there, or mend 'table:'."
        ) from None
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DeclarationError(
            where=f"{path.name}, line 1",
            rule=f"the table has no column {', '.join(missing)}.",
            remedy="keep the header of the table beside it.",
        )
    found: dict[str, UnitCost] = {}
    for row in reader:
        where = f"{path.name}, line {reader.line_num}"
        cost = _row(row, where)
        if not cost.code or cost.code in found:
            raise DeclarationError(where=where, rule="a unit cost needs a code of its own.", remedy="mend the code.")
        found[cost.code] = cost
    return found


def _row(row: dict[str, str], where: str) -> UnitCost:
    def pounds(kind: str) -> tuple[float, str]:
        amount, year = (row[f"{kind}_orig"] or "").strip(), (row[f"{kind}_year"] or "").strip()
        try:
            value = float(amount) if amount else 0.0
        except ValueError:
            value = -1.0
        if value < 0 or (amount and not year):
            raise DeclarationError(
                where=where,
                rule=f"the {kind} cost is no amount with its price year.",
                remedy="write pounds as a number, and the year as 2013/14.",
            )
        return value, year

    rag = (row["rag"] or "").strip().upper()
    if rag not in CONFIDENCE:
        raise DeclarationError(where=where, rule="the confidence is not known.", remedy="write R, A or G.")
    (fiscal, fiscal_year), (economic, economic_year) = pounds("fiscal"), pounds("economic")
    return UnitCost(
        code=(row["code"] or "").strip(),
        label=" ".join((row["label"] or "").split()),
        unit=" ".join((row["unit"] or "").split()),
        agency=(row["agency1"] or "").strip(),
        fiscal=fiscal,
        fiscal_year=fiscal_year,
        economic=economic,
        economic_year=economic_year,
        source=" ".join((row["source"] or "").split()),
        confidence=CONFIDENCE[rag],
    )


def load_prices(path: Path) -> Prices:
    """The index of prices. Raises DeclarationError for a year that is none or an index that is not positive."""
    document = read_yaml(path)
    years = document.get("years")
    require(isinstance(years, dict) and bool(years), path=path, rule="there are no years.", remedy="add 'years'.")
    index: dict[str, float] = {}
    unconfirmed = set()
    for name, entry in (years or {}).items():
        form = str(name)
        whole = len(form) == 7 and form[4] == "/" and form[:4].isdigit() and form[5:].isdigit()
        follows = whole and (int(form[:4]) + 1) % 100 == int(form[5:])
        require(follows, path=path, near=form, rule=f"{form} is no financial year.", remedy="write it as 2013/14.")
        value = entry.get("index") if isinstance(entry, dict) else None
        fits = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        require(fits, path=path, near=form, rule=f"{form} needs a positive index.", remedy="add it.")
        index[form] = float(entry["index"])
        if entry.get("confirmed") is False:
            unconfirmed.add(form)
    return Prices(index, frozenset(unconfirmed), str(document.get("source", "")))
