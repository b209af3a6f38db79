"""Commands on the cohort: priority, costs; and what its other commands share (`cases`, `claims`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, settings_of
from pipeline.terminal import console

if TYPE_CHECKING:
    from pipeline.casework import Declared
    from pipeline.settings import Settings
    from pipeline.store.database import Database
    from pipeline.store.published import PublishedRun

PANEL = "The cohort"

Family = Annotated[int | None, typer.Option("--family", help="One family, by its id.")]
ByWhom = Annotated[str, typer.Option("--by", help="Who does it.")]
Why = Annotated[str, typer.Option("--why", help="Why.")]
AGENCY, NEED = "agency", "need"


def add_to(app: typer.Typer) -> None:
    for command in (priority, costs):
        app.command(rich_help_panel=PANEL)(command)


def declared_of(settings: Settings, database: Database) -> tuple[Declared, PublishedRun]:
    """What casework goes by, for the pack of the last run."""
    from pipeline.casework import load_declared
    from pipeline.contracts import load_vocabulary
    from pipeline.criteria import load_pack
    from pipeline.store.published import published_run

    last = published_run(database)
    vocabulary = load_vocabulary(settings.declarations)
    pack = load_pack(settings.declarations / "criteria" / f"{last.pack}.yaml", vocabulary)
    return load_declared(settings.declarations, vocabulary, pack), last


def show(rows: list[dict[str, Any]], title: str, as_json: bool, *, left: int = 1) -> None:
    """Rows as JSON, or as a table whose columns are the rows' own."""
    if as_json:
        typer.echo(json.dumps(rows, default=str))
        return
    from rich.markup import escape

    from pipeline.reports.tables import plain_table, words

    if not rows:
        typer.echo(f"{title}: none.")
        return
    table = plain_table(title, *(words(name).capitalize() for name in rows[0]), left=left)
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}".removesuffix(".00")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def priority(
    top: Annotated[int, typer.Option("--top", help="How many places to show.")] = 20,
    family: Family = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """The one prioritised list of flags and nominations; with --family, how a score comes about.

    Example: `wholefamily priority --top 50 --json`
    """
    from pipeline.casework.reading import read_rows
    from pipeline.store.database import open_database
    from pipeline.store.published import published_run

    with open_database(settings_of(home, database_url)) as database:
        pack = published_run(database).pack
        if family is not None:
            rows = read_rows(
                database,
                "select title, value, unit, full_marks, weight, points, contains_dwp from cohort.priority_part"
                " where pack = %s and family_id = %s",
                pack, family,
            )  # fmt: skip
            show(rows, f"Family {family}: {sum(row['points'] for row in rows):.2f} points in all", as_json)
            return
        rows = read_rows(
            database,
            "select p.place, p.family_id as family, p.score, (select json_object_agg(part, points)"
            " from cohort.priority_part q where q.pack = p.pack and q.family_id = p.family_id) as points, p.selected,"
            " p.nominating_partners as nominated_by, c.state, p.contains_dwp as dwp"
            " from cohort.priority p left join cohort.family_case c"
            " on c.pack = p.pack and c.family_id = p.family_id and c.merged_into is null"
            " where p.pack = %s order by p.place limit %s",
            pack, top,
        )  # fmt: skip
    if not as_json:
        rows = [{**{k: v for k, v in row.items() if k != "points"}, **row["points"]} for row in rows]
    show(rows, "Priority", as_json)


def costs(
    by: Annotated[str, typer.Option("--by", help="agency, need or cost.")] = AGENCY,
    everybody: Annotated[
        bool, typer.Option("--all", help="All families looked at, not only those with a case.")
    ] = False,
    family: Family = None,
    prices: Annotated[str | None, typer.Option("--prices", help="Price year, as 2014/15.")] = None,
    duplicated: Annotated[bool, typer.Option("--duplicated", help="Agencies that work on the same need.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """What families cost whom in a year: fiscal, cashable and economic apart; or which services are duplicated.

    Example: `wholefamily costs --family 12 --prices 2015/16`
    """
    from pipeline.casework.costs_shown import cost_rows, duplicated_rows
    from pipeline.store.database import open_database

    if by not in ("agency", "need", "cost"):
        raise typer.BadParameter("give agency, need or cost", param_hint="--by")
    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        declared, _ = declared_of(settings, database)
        if duplicated:
            show(duplicated_rows(database, family, everybody), "Several agencies on one need", as_json, left=4)
            return
        year = prices or declared.costs.prices_of
        rows = cost_rows(database, declared.costs, by=by, family=family, everybody=everybody, prices=year)
    show(rows, f"Pounds a year, in prices of {year}; fiscal, cashable and economic are not to be added up", as_json,
         left=2 if family else 1)  # fmt: skip
