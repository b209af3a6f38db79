"""A partner's data contract (`schemas/extracts/<partner>.yaml`, ODCS 3.2) as frozen objects.

One declaration serves the partner's kit (normalise, treat, refuse), the hub (check, quarantine, load) and the
docs. What a delivered table looks like follows from the contract alone: `Table.delivered_columns`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import DeclarationError
from pipeline.records import PEOPLE, PROBLEM, ROW

PERSON_REFERENCE = f"{PEOPLE}.person_ref"
# Treatments that leave one delivered column each, and how it is named.
DELIVERED_SUFFIX = {
    "pseudonym": "",
    "keep": "",
    "token": "_token",
    "date_to_month": "_month",
    "area": "_area",
}


@dataclass(frozen=True)
class Column:
    """One column of a raw table: what it is, what it may hold, and how it leaves the building."""

    name: str
    source_name: str
    type: str  # string | date | integer | number | boolean
    description: str
    treatment: tuple[str, ...]
    required: bool = False
    unique: bool = False
    allowed: tuple[str, ...] | None = None
    normalise: str | None = None
    date_formats: tuple[str, ...] = ("yyyy-MM-dd",)
    references: str | None = None  # "people.person_ref"
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class DeliveredColumn:
    """One column of a delivered table and where it comes from.

    Types: pseudonym and token are 32 lower-case hex digits; month is YYYY-MM; date is ISO 8601.
    """

    name: str
    type: str  # pseudonym | token | month | area | string | date | integer | number | boolean
    source: Column


@dataclass(frozen=True)
class EvidenceMapping:
    """How a row of a table becomes evidence: each entry is ("column", name) or ("value", constant)."""

    kind: tuple[str, str]
    start: tuple[str, str]
    end: tuple[str, str] | None = None
    code: tuple[str, str] | None = None
    role: tuple[str, str] | None = None
    quantity: tuple[str, str] | None = None
    out_of: tuple[str, str] | None = None
    when: tuple[str, str] | None = None  # (column, value as text): only rows that hold it


@dataclass(frozen=True)
class Table:
    """One raw table."""

    name: str
    file: str
    description: str
    columns: tuple[Column, ...]
    evidence: tuple[EvidenceMapping, ...]
    optional: bool = False
    origin: str = ""  # of relationships: what kind of record they come from, such as benefit_unit

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def delivered_columns(self) -> tuple[DeliveredColumn, ...]:
        """The columns of the delivered table, in order, without `row` and `problem`, which always come first."""
        return tuple(
            DeliveredColumn(
                name=delivered_name(column, treatment),
                type=_delivered_type(column, treatment),
                source=column,
            )
            for column in self.columns
            for treatment in column.treatment
            if treatment in DELIVERED_SUFFIX
        )

    def delivered_header(self) -> tuple[str, ...]:
        """The exact header of the delivered CSV."""
        return (ROW, PROBLEM, *(column.name for column in self.delivered_columns()))


@dataclass(frozen=True)
class Contract:
    """One partner's contract. `sha256` is of the declaration's content, so that a change shows."""

    partner: str
    name: str
    purpose: str
    version: str
    sha256: str
    text_encoding: str
    tolerated_problem_share: float
    schedule: str  # cron of the nightly ingest
    freshness_days: int
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table:
        for table in self.tables:
            if table.name == name:
                return table
        raise DeclarationError(
            where=f"contract of {self.partner}",
            rule=f"it has no table '{name}'.",
            remedy="deliver only tables of the contract, or add the table to it.",
        )

    def evidence_kinds(self) -> frozenset[str]:
        """The kinds of evidence that this partner can produce."""
        kinds: set[str] = set()
        for table in self.tables:
            for mapping in table.evidence:
                source, value = mapping.kind
                kinds.update([value] if source == "value" else table.column(value).allowed or ())
        return frozenset(kinds)


def delivered_name(column: Column, treatment: str) -> str:
    """Name of the delivered column that a treatment of a raw column leaves."""
    return column.name + DELIVERED_SUFFIX[treatment]


def _delivered_type(column: Column, treatment: str) -> str:
    return {"pseudonym": "pseudonym", "token": "token", "date_to_month": "month", "area": "area"}.get(
        treatment, column.type
    )
