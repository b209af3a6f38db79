"""The short tables the demo ends with: deliveries, from records to flags, quality, times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from pipeline.reports.facts import RunFacts, read_run_facts
from pipeline.reports.tables import STAGE_NAMES, number, percent, plain_table, quality_table, words
from pipeline.store.database import Database


def console_summary(
    database: Database, run_id: int, quality: dict[str, Any] | None, timings: Mapping[str, float] | None
) -> RenderableType:
    """What one run did, to print. `timings` are seconds per step of the caller, in order; the build's own stages
    stand below them as parts. Raises BuildError when there is no such run."""
    return summary_of(read_run_facts(database, run_id), quality, timings)


def summary_of(facts: RunFacts, quality: dict[str, Any] | None, timings: Mapping[str, float] | None) -> RenderableType:
    """The same, from facts at hand."""
    beside = [outcome_table(facts), *([quality_table(quality)] if quality else []), times_table(facts, timings)]
    return Group(partners_table(facts), Columns(beside, padding=(0, 4)))


def partners_table(facts: RunFacts) -> Table:
    """Rows delivered, loaded and quarantined by partner, of the deliveries in force; and what was rejected."""
    columns = ("Partner", "Deliveries", "Delivered", "Loaded", "Quarantined", "Most frequent reason")
    table = plain_table("Deliveries in force", *columns)
    table.columns[-1].justify = "left"
    for partner in sorted({row["partner"] for row in facts.deliveries}):
        mine = [row for row in facts.in_force() if row["partner"] == partner]
        counts = (sum(row[f"rows_{name}"] or 0 for row in mine) for name in ("delivered", "loaded", "quarantined"))
        reason = next((row["reason"] for row in facts.quarantine if row["partner"] == partner), None)
        table.add_row(
            escape(partner), number(len(mine)), *(number(n) for n in counts), escape(words(reason)) if reason else ""
        )
    table.add_section()
    sums = [number(facts.rows(f"rows_{name}")) for name in ("delivered", "loaded", "quarantined")]
    table.add_row("[bold]all[/bold]", number(len(facts.in_force())), *sums, "")
    for row in facts.rejected():
        table.add_row(escape(row["partner"]), f"[bold red]rejected: {escape(words(row['code']))}[/bold red]")
    return table


def outcome_table(facts: RunFacts) -> Table:
    """Records, persons, families, families by criterion, flagged."""
    counts = facts.counts
    table = plain_table(f"As at {facts.as_at:%-d %B %Y}", "What", "Count")
    for name in ("records", "persons", "families", "families_with_children"):
        table.add_row(words(name), number(counts.get(name)))
    table.add_section()
    for criterion, families in facts.criteria().items():
        table.add_row(escape(facts.title(criterion)), number(families))
    table.add_section()
    children = counts.get("families_with_children")
    flagged = counts.get("selected")
    part = f" ({percent(flagged / children)})" if flagged is not None and children else ""
    table.add_row("[bold]flagged for review[/bold]", f"[bold]{number(flagged)}[/bold]{part}")
    return table


def times_table(facts: RunFacts, timings: Mapping[str, float] | None) -> Table:
    """Seconds per step, the build's stages among them."""
    table = plain_table("Time", "Stage", "Seconds")
    steps = dict(timings or {})
    for name, seconds in steps.items():
        table.add_row(escape(words(name)), f"{seconds:.1f}")
    if steps:
        table.add_row("[bold]all[/bold]", f"[bold]{sum(steps.values()):.1f}[/bold]", end_section=True)
    for name, seconds in facts.stages().items():
        table.add_row(escape(("of it: " if steps else "") + STAGE_NAMES.get(name, words(name))), f"{seconds:.1f}")
    return table
