"""The quarantined rows of one delivery: where in the partner's files, which column, which rule. Never a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row
from rich.console import Group, RenderableType
from rich.markup import escape

from pipeline.errors import BuildError
from pipeline.reports.tables import number, plain_table, words
from pipeline.store.database import Database

LINES_SHOWN = 8

DELIVERY = """
select delivery_id, partner, state, kind, period_from, period_to, rows_delivered, rows_loaded, rows_quarantined, code,
       reason, remedy, warnings
from registry.delivery where delivery_id = %s
"""

ROWS = """
select table_name, coalesce(column_name, '') as column_name, reason, cleared_by,
       array_agg(row_number order by row_number) as lines
from registry.quarantine where delivery_id = %s
group by table_name, column_name, reason, cleared_by order by table_name, count(*) desc, column_name, reason
"""


@dataclass(frozen=True)
class Quarantined:
    """One delivery (its registry row), and its quarantined rows by table, column, rule and what cleared them: each a
    dict of table_name, column_name, reason, cleared_by (a later delivery, None while open), lines."""

    delivery: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"delivery": self.delivery, "quarantined": self.rows}


def read_quarantined(database: Database, delivery_id: str) -> Quarantined:
    """What is quarantined of a delivery. Raises BuildError when there is no such delivery."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(DELIVERY, (delivery_id,)).fetchone()
        if found is None:
            raise BuildError(
                where="deliveries",
                rule="no delivery of this id has reached the hub.",
                remedy="copy the id from `wholefamily deliveries`.",
            )
        return Quarantined(found, cursor.execute(ROWS, (delivery_id,)).fetchall())


def quarantine_table(found: Quarantined) -> RenderableType:
    """The rows by table, column and rule, with the first line numbers in the partner's files (the header is line 1)."""
    delivery = found.delivery
    delivered, loaded, held = (number(delivery[f"rows_{count}"]) for count in ("delivered", "loaded", "quarantined"))
    head = (
        f"[bold]{escape(delivery['delivery_id'])}[/bold] is {words(delivery['state'])}: {delivered} rows delivered,"
        f" {loaded} loaded, {held} quarantined."
    )
    parts: list[RenderableType] = [head]
    if delivery["reason"]:
        parts.append(f"{escape(delivery['reason'])} [bold]What to do:[/bold] {escape(delivery['remedy'] or '–')}")
    parts += [f"[yellow]warning:[/yellow] {escape(str(warning))}" for warning in delivery["warnings"] or ()]
    if found.rows:
        table = plain_table("Quarantined", "Table", "Column", "Rule", "Cleared by", "Lines", "Rows", left=5)
        for row in found.rows:
            lines = ", ".join(map(str, row["lines"][:LINES_SHOWN])) + (" …" if len(row["lines"]) > LINES_SHOWN else "")
            table.add_row(
                escape(row["table_name"]), escape(row["column_name"]), escape(words(row["reason"])),
                escape(row["cleared_by"] or "–"), lines, number(len(row["lines"])),
            )  # fmt: skip
        parts.append(table)
    else:
        parts.append("No row of it is quarantined.")
    return Group(*parts)
