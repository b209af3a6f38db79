"""Short tables for the terminal: deliveries, what a build did, quality against the truth. Counts and states only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row
from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from pipeline.store.database import Database

if TYPE_CHECKING:
    from pipeline.ingest import DeliveryOutcome

STAGE_NAMES = {
    "ingest": "take in deliveries",
    "link": "link persons",
    "joint": "reason together with homes and relatives",
    "families": "form families",
    "criteria": "evaluate criteria",
    "doubt": "carry doubt to the flags",
    "escalation": "test for rising involvement",
    "publish": "publish",
}
STATE_STYLE = {"received": "yellow", "accepted": "green", "accepted_with_quarantine": "green", "rejected": "bold red"}


def number(value: float | int | None) -> str:
    """A count as people write it."""
    return "–" if value is None else f"{value:,.0f}"


def percent(value: float | None, places: int = 1) -> str:
    """A share as a percentage."""
    return "–" if value is None else f"{100 * value:.{places}f} %"


def words(name: Any) -> str:
    """An id in words."""
    return str(name if name is not None else "–").replace("_", " ")


def plain_table(title: str, *columns: str, left: int = 1) -> Table:
    """An empty table in the one look: the first `left` columns are names, the others numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < left else "right", overflow="fold")
    return table


def deliveries_table(outcomes: Iterable[DeliveryOutcome]) -> Table:
    """What an ingest did: one row per delivery."""
    table = plain_table("Deliveries taken in", "Delivery", "State", "Delivered", "Loaded", "Quarantined", left=2)
    for outcome in outcomes:
        table.add_row(
            escape(outcome.delivery_id),
            _state(outcome.state),
            *map(number, (outcome.rows_delivered, outcome.rows_loaded, outcome.rows_quarantined)),
        )
    return table


def read_deliveries(database: Database) -> list[dict[str, Any]]:
    """Every delivery in the registry, by partner and sequence: state, period, rows; why, if rejected."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows: list[dict[str, Any]] = cursor.execute(
            "select delivery_id, partner, sequence, state, period_from, period_to, received_at, decided_at,"
            " rows_delivered, rows_loaded, rows_quarantined, warnings, code, reason, remedy"
            " from registry.delivery order by partner, sequence, received_at"
        ).fetchall()
    return rows


def deliveries_register(rows: Iterable[Mapping[str, Any]]) -> RenderableType:
    """The registry of deliveries as a table; below it, for each rejected one, which rule and what to do."""
    columns = ("Delivery", "State", "Covers", "Delivered", "Loaded", "Quarantined")
    table = plain_table("Deliveries", *columns, left=3)
    refusals: list[RenderableType] = []
    for row in rows:
        covers = f"{row['period_from'] or '–'} to {row['period_to'] or '–'}"
        counts = (number(row[f"rows_{count}"]) for count in ("delivered", "loaded", "quarantined"))
        table.add_row(escape(row["delivery_id"]), _state(row["state"]), covers, *counts)
        if row.get("reason"):
            head = f"[bold red]{escape(row['delivery_id'])}: {escape(words(row['code']))}.[/bold red]"
            told = f"{escape(row['reason'])} [bold]What to do:[/bold] {escape(row['remedy'] or '–')}"
            refusals.append(Padding(f"{head} {told}", (0, 0, 1, 0)))
        for warning in row.get("warnings") or ():
            refusals.append(f"[yellow]{escape(row['delivery_id'])}: warning:[/yellow] {escape(str(warning))}")
    return Group(table, *refusals)


def build_table(counts: Mapping[str, Any], timings: Mapping[str, float]) -> Table:
    """What a build did: from records to flagged families, families by criterion, seconds per stage."""
    table = plain_table("Build", "What", "Count")
    for name in ("records", "persons", "families", "families_with_children"):
        table.add_row(words(name), number(counts.get(name)))
    for criterion, families in (counts.get("criteria") or {}).items():
        table.add_row(f"  meet: {escape(words(criterion))}", number(families))
    table.add_row("[bold]flagged for review[/bold]", f"[bold]{number(counts.get('selected'))}[/bold]", end_section=True)
    for stage, seconds in timings.items():
        table.add_row(escape(STAGE_NAMES.get(stage, words(stage))), f"{seconds:.1f} s")
    return table


def quality_table(quality: Mapping[str, Any]) -> Table:
    """Quality against the truth (`pipeline.evaluation.evaluate`)."""
    table = plain_table("Quality against the truth", "What", "Precision", "Recall", "F1", "Exactly right")

    def line(name: str, figures: Mapping[str, Any] | None, exact: float | None = None) -> None:
        told = figures or {}
        table.add_row(name, *(percent(told.get(key), 2) for key in ("precision", "recall", "f1")), percent(exact, 1))

    persons, families, criteria = (quality.get(part) or {} for part in ("persons", "families", "criteria"))
    line("persons (pairs of records)", persons, persons.get("exact"))
    line("families (pairs of persons)", families.get("pairwise"), families.get("exact_membership"))
    line("  with children", None, (families.get("with_children") or {}).get("exact_membership"))
    for row in families.get("by_household_shape") or []:
        told = f"  {escape(words(row['household_shape']))} ({number(row['families'])})"
        line(told, None, row["exact_membership"])
    line("criteria", criteria)
    for row in criteria.get("by_criterion") or []:
        line(f"  {escape(words(row['criterion']))}", row)
    line("flagged for review", quality.get("selected"))
    return table


def _state(state: str) -> str:
    style = STATE_STYLE.get(state)
    return f"[{style}]{words(state)}[/{style}]" if style else escape(words(state))
