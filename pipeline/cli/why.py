"""Commands that account for the list: why a family is on it, and what was said when."""

from __future__ import annotations

import dataclasses
import datetime as dt
import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, day, settings_of
from pipeline.terminal import console

if TYPE_CHECKING:
    from pipeline.store.database import Database

Purpose = Annotated[str, typer.Option("--purpose", help="What for; it is logged. No names of the people concerned.")]
ByWhom = Annotated[str | None, typer.Option("--by", help="Who asks; it is logged. Your login when left out.")]
PackName = Annotated[str | None, typer.Option("--pack", help="The criteria pack; that of the last run when left out.")]


def why(
    family: Annotated[int, typer.Argument(help="The family's id, as in cohort.family.")],
    prov: Annotated[Path | None, typer.Option("--prov", help="Write the answer as W3C PROV-JSON to this file.")] = None,
    page: Annotated[Path | None, typer.Option("--page", help="Write it as an HTML page to print to this file.")] = None,
    purpose: Purpose = "",
    by: ByWhom = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Why is this family on the list (or not): rules, evidence, links, delivered lines, agreement; and what is missing.

    Example: `wholefamily why 1204 --page why-1204.html --purpose "spot check"`
    """
    from rich.markup import escape

    from pipeline.reports.tables import plain_table
    from pipeline.store.database import open_database
    from pipeline.why import explainer, tables
    from pipeline.why.page import page_of, write
    from pipeline.why.prov import prov_of

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        with explainer(settings, database) as asked:
            answer = asked.explain(family)
        _log(database, by, "family_explained", family, purpose, {"run": answer.run_id, "selected": answer.selected})
    if prov is not None:
        write(prov, json.dumps(prov_of(answer), indent=1) + "\n")
    if page is not None:
        write(page, page_of(answer, dt.datetime.now(dt.UTC)))
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(answer), default=str, indent=1))
    else:
        out = console()
        out.print(f"[bold]{tables.headline(answer)}[/bold]\n{escape(tables.lead(answer))}\n")
        for note in answer.notes:
            out.print(f"[yellow]{escape(note)}[/yellow]\n")
        for part in tables.parts(answer):
            table = plain_table(part.heading, *part.header, left=len(part.header))
            for row in part.rows:
                table.add_row(*map(escape, row))
            out.print(table)
            if part.note:
                out.print(f"[dim]{escape(part.note)}[/dim]\n")
    if not answer.found:
        raise typer.Exit(1)


def history(
    family: Annotated[int | None, typer.Argument(help="The family's id; leave out with --from and --to.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="The day spoken of (YYYY-MM-DD).")] = None,
    known: Annotated[
        str | None, typer.Option("--known", help="Knowing what we knew at the end of this day; today when left out.")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day: who came and went since.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day.")] = None,
    pack: PackName = None,
    purpose: Purpose = "",
    by: ByWhom = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """What did we say of a family on a day, knowing what we knew on another; or who entered and left between two days.

    Example: `wholefamily history 1204 --on 2014-03-01 --known 2014-03-15`

    Example: `wholefamily history --from 2014-03-01 --to 2014-06-30`
    """
    from pipeline.statements import moves_between, said_of
    from pipeline.store.database import open_database

    knew = day(known, "--known") or dt.datetime.now(dt.UTC).date()
    spoken, since, until = day(on, "--on"), day(first, "--from"), day(last, "--to")
    if (
        (family is None) == (since is None)
        or (since is None) != (until is None)
        or (family is None) != (spoken is None)
    ):
        raise typer.BadParameter("give a family with --on, or --from and --to")
    with open_database(settings_of(home, database_url)) as database:
        named = pack or _last_pack(database)
        if family is not None and spoken is not None:
            answer = said_of(database, family, spoken, knew, named)
            _log(database, by, "family_history_read", family, purpose, {"on": str(spoken), "known": str(knew)})
            told: Any = dataclasses.asdict(answer)
        elif since is not None and until is not None:
            moves = moves_between(database, since, until, knew, named)
            told = dataclasses.asdict(moves)
    if as_json:
        typer.echo(json.dumps(told, default=str, indent=1))
    elif family is not None:
        _print_said(told)
    else:
        _print_moves(told, f"{since} to {until}, as known on {knew}")


def _print_said(told: dict[str, Any]) -> None:
    from rich.markup import escape

    from pipeline.reports.tables import plain_table, words

    out = console()
    out.print(
        f"[bold]Family {told['family_id']} on {told['on']}, as known on {told['known']}: "
        f"{words(told['standing'])}[/bold]\n"
        f"Run {told['run_id']}, as at {told['as_at']}, published {told['published_at']:%Y-%m-%d %H:%M} UTC; "
        f"{told['pack']} {told['pack_version']}."
    )
    table = plain_table(
        "Criteria that were met, or not known", "Criterion", "State", "Rules, or why", "Evidence", left=4
    )
    for name, one in told["criteria"].items():
        facts = "; ".join(_fact(fact) for fact in one["evidence"])
        table.add_row(words(name), words(one["state"]), escape(words(one["reason"])), escape(facts))
    out.print(table)
    for one in told["became"]:
        out.print(f"Run {one['run_id']}: {one['change']}, {one['old_id'] or 'nothing'} → {one['new_id'] or 'nothing'}.")


def _print_moves(told: dict[str, Any], title: str) -> None:
    from rich.markup import escape

    from pipeline.reports.tables import plain_table, words

    counts = {change: sum(one["change"] == change for one in told["moves"]) for change in ("entered", "left")}
    out = console()
    before = f"run {told['before']['run_id']}, as at {told['before']['as_at']}" if told["before"] else "no run"
    out.print(
        f"[bold]{title}: {counts['entered']} families entered, {counts['left']} left.[/bold]\n"
        f"Before: {before}. After: run {told['after']['run_id']}, as at {told['after']['as_at']}."
    )
    table = plain_table("", "Family", "Change", "Because", "Facts that came (+) and went (−)", left=4)
    for one in told["moves"]:
        facts = [f"+ {_fact(fact)}" for part in one["criteria"] for fact in part["came"]]
        facts += [f"− {_fact(fact)}" for part in one["criteria"] for fact in part["went"]]
        table.add_row(str(one["family_id"]), one["change"], escape(words(one["because"])), escape("; ".join(facts)))
    out.print(table)


def _fact(fact: Any) -> str:
    partner, kind, start, end = fact
    return f"{partner}: {kind.replace('_', ' ')} {start or '?'}" + (f" to {end}" if end else "")


def _last_pack(database: Database) -> str:
    from pipeline.store.published import published_run

    return published_run(database).pack


def _log(database: Database, by: str | None, action: str, family: int, purpose: str, detail: dict[str, Any]) -> None:
    """An answer about a family is an access: it is logged before it is shown."""
    from pipeline import audit

    with database.connect() as connection:
        audit.append(connection, by or getpass.getuser(), action, f"family/{family}", {**detail, "purpose": purpose})
