"""The quarantined rows of one delivery: where in the partner's files, which column, which rule. Never a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row
from rich.console import Group, RenderableType
from rich.markup import escape

from pipeline.errors import BuildError
from pipeline.manifest import DELIVERY_ID
from pipeline.rejections import RejectedRow, Rejections
from pipeline.reports.tables import number, percent, plain_table, words
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


SENT_BACK = """
select distinct q.table_name, q.row_number, q.column_name, q.reason, encode(r.person_ref, 'hex')
from registry.quarantine q
left join identity.quarantined_row r using (delivery_id, table_name, row_number)
where q.delivery_id = %s and q.cleared_by is null order by 1, 2, 3
"""

TREND = """
select * from (
    select d.delivery_id, d.partner, d.sequence, d.kind, d.state, d.decided_at, d.rows_delivered, d.rows_quarantined,
           coalesce(q.open, 0) as open, q.commonest,
           row_number() over (partition by d.partner order by d.sequence desc) as back
    from registry.delivery d
    left join lateral (
        select count(*) filter (where cleared_by is null and d.state <> 'superseded') as open,
               mode() within group (
                   order by table_name || '.' || coalesce(column_name, '') || ' ' || reason
               ) as commonest
        from registry.quarantine where delivery_id = d.delivery_id
    ) q on true
    where d.state in ('accepted', 'accepted_with_quarantine', 'superseded') and (%s::text is null or d.partner = %s)
) numbered where back <= 20 order by partner, sequence
"""

REASONS = """
with nights as (
    select delivery_id, partner, state, decided_at,
           row_number() over (partition by partner order by sequence desc) as back
    from registry.delivery
    where kind in ('full', 'delta') and state in ('accepted', 'accepted_with_quarantine', 'superseded')
        and (%(partner)s::text is null or partner = %(partner)s)
), held as (
    select n.partner, n.back, n.decided_at, q.table_name, coalesce(q.column_name, '') as column_name, q.reason,
           q.cleared_by is not null as cleared, q.cleared_by is null and n.state <> 'superseded' as open
    from registry.quarantine q join nights n using (delivery_id)
), by_night as (
    select partner, table_name, column_name, reason, back, count(*) as rows from held group by 1, 2, 3, 4, 5
), told as (
    select partner, table_name, column_name, reason, count(*) filter (where open) as open,
           min(decided_at) filter (where open) as open_since, count(*) filter (where cleared) as cleared
    from held group by 1, 2, 3, 4
)
select t.*, array(
    select coalesce(b.rows, 0) from nights m left join by_night b
        on (b.partner, b.table_name, b.column_name, b.reason, b.back)
         = (t.partner, t.table_name, t.column_name, t.reason, m.back)
    where m.partner = t.partner and m.back <= %(nights)s order by m.back desc
) as by_night
from told t order by t.partner, t.open desc, t.table_name, t.column_name, t.reason
"""
NIGHTS_SHOWN = 7


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


def rejections_of(database: Database, found: Quarantined) -> Rejections:
    """What goes back to the partner, row by row, under its own references. Rows that a later delivery cleared are left
    out. Raises BuildError where the delivery has no name of its own to send it back under."""
    delivery = found.delivery
    if not DELIVERY_ID.fullmatch(delivery["delivery_id"]):
        raise BuildError(
            where="deliveries",
            rule="this delivery came without a name of its own, so there is nothing to send back.",
            remedy="tell the partner by telephone.",
        )
    with database.connect() as connection:
        rows = connection.execute(SENT_BACK, (delivery["delivery_id"],)).fetchall()
    return Rejections(
        delivery_id=delivery["delivery_id"],
        partner=delivery["partner"],
        state=delivery["state"],
        code=delivery["code"],
        reason=delivery["reason"],
        remedy=delivery["remedy"],
        rows=tuple(
            RejectedRow(table=table, row=row, column=column, rule=rule, reference=reference)
            for table, row, column, rule, reference in rows
        ),
    )


def read_trend(database: Database, partner: str | None = None) -> list[dict[str, Any]]:
    """Night by night: each accepted delivery with its rows, how many were quarantined and are still open, by partner
    and sequence, the latest twenty of each."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        found: list[dict[str, Any]] = cursor.execute(TREND, (partner, partner)).fetchall()
    return found


def read_reasons(database: Database, partner: str | None = None) -> list[dict[str, Any]]:
    """The quarantine by partner, table, column and rule: rows that wait and since when, rows that later deliveries
    cleared, and `by_night` how many each of the last deliveries brought, oldest first."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        found: list[dict[str, Any]] = cursor.execute(REASONS, {"partner": partner, "nights": NIGHTS_SHOWN}).fetchall()
    return found


def reasons_table(rows: list[dict[str, Any]]) -> RenderableType:
    """What waits in quarantine, the most first, and whether it grows from night to night."""
    columns = ("Partner", "Table", "Column", "Rule", "Since", "Last nights", "Open", "Cleared")
    table = plain_table("Quarantine by partner, table, column and rule", *columns, left=6)
    for row in rows:
        since = f"{row['open_since']:%Y-%m-%d}" if row["open_since"] else "–"
        table.add_row(
            escape(row["partner"]), escape(row["table_name"]), escape(row["column_name"]), escape(words(row["reason"])),
            since, " ".join(map(number, row["by_night"])), number(row["open"]), number(row["cleared"]),
        )  # fmt: skip
    return table


def trend_table(rows: list[dict[str, Any]]) -> RenderableType:
    """Quarantine over the nights: rows, share, what is still open, and the commonest rule of each delivery."""
    columns = ("Delivery", "Taken in", "Commonest rule", "Rows", "Quarantined", "Share", "Open")
    table = plain_table("Quarantine over the nights", *columns, left=3)
    for row in rows:
        share = row["rows_quarantined"] / row["rows_delivered"] if row["rows_delivered"] else 0.0
        table.add_row(
            escape(row["delivery_id"]), f"{row['decided_at']:%Y-%m-%d}", escape(words(row["commonest"])),
            number(row["rows_delivered"]), number(row["rows_quarantined"]), percent(share, 2), number(row["open"]),
        )  # fmt: skip
    return table


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
