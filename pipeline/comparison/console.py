"""What the criteria commands print: tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table

from pipeline.criteria.trial import Tried


def packs_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Packs and local filters", "Name", "Version", "Criteria", "Rules", "Cases", "Nobody sends yet")
    for row in rows:
        missing = ", ".join(kind.replace("_", " ") for kind in row["nobody_sends"])
        numbers = [str(row[key]) for key in ("criteria", "rules", "cases")]
        table.add_row(str(row["name"]), str(row["version"]), *numbers, missing or "–")
    return table


def trials_table(tried: Mapping[str, Sequence[Tried]]) -> Group:
    table = _table("Cases through the engine", "Pack", "Cases", "As expected", "Not")
    wrong = _table("Not as expected", "Pack", "Line", "Criterion", "Case", "Expected", "Got")
    for name, cases in tried.items():
        failed = [one for one in cases if not one.passed]
        table.add_row(name, str(len(cases)), str(len(cases) - len(failed)), str(len(failed)))
        for one in failed:
            case = one.case
            got = one.got if one.got != case.out else f"{one.got}, by another rule"
            wrong.add_row(name, str(case.line), case.criterion or "selection", case.label, case.out, got)
    return Group(table, wrong) if wrong.row_count else Group(table)


def what_if_table(answer: Mapping[str, Any]) -> Group:
    title = f"{answer['pack']} as at {answer['as_at']}: what would change (nothing has)"
    table = _table(title, "Families", "Before", "After", "Gained", "Lost")
    chosen, before, after = answer["selected"], answer["before"], answer["after"]
    table.add_row("selected", *_numbers(before["selected"], after["selected"], chosen["gained"], chosen["lost"]))
    for row in answer["criteria"]:
        table.add_row(f"  {row['criterion']}", *_numbers(row["before"], row["after"], row["gained"], row["lost"]))
    table.add_row("unknown whether selected", *_numbers(before["unknown"], after["unknown"]), "", "")
    return Group(table, *_named(chosen))


def comparison_tables(answer: Mapping[str, Any]) -> list[Any]:
    table = _table(
        f"Who qualifies under which definition, as at {answer['as_at']}",
        "Pack", "Looked at", "Selected", "Unknown", "Not selected",
    )  # fmt: skip
    for row in answer["definitions"]:
        table.add_row(
            row["pack"], *_numbers(*(row[key] for key in ("looked_at", "selected", "unknown", "not_selected")))
        )
    together = _table("Selected by exactly these", "Packs", "Families")
    for row in answer["overlap"]:
        together.add_row(" + ".join(row["packs"]), f"{row['families']:,}")
    changes = _table(f"Beside {answer['reference']}", "Pack", "Both", "Gained", "Lost", "Lost, but unknown")
    for row in answer["changes"]:
        changes.add_row(row["pack"], *_numbers(*(row[key] for key in ("kept", "gained", "lost", "lost_but_unknown"))))
    named = [line for row in answer["changes"] for line in _named(row, row["pack"])]
    return [table, together, changes, *named]


def _named(row: Mapping[str, Any], name: str = "") -> list[str]:
    return [
        f"{name} {what}: {', '.join(map(str, row[f'families_{what}'])) or 'none'}".strip()
        for what in ("gained", "lost")
        if f"families_{what}" in row
    ]


def _numbers(*counts: int) -> list[str]:
    return [f"{count:,}" for count in counts]


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(first, title=title, title_justify="left", show_edge=False)
    for name in others:
        table.add_column(name, justify="right" if name not in ("Nobody sends yet", "Case", "Criterion") else "left")
    return table
