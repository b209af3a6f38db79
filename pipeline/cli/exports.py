"""Commands for what leaves the hub: summary, export, anonymity."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, settings_of
from pipeline.terminal import console

if TYPE_CHECKING:
    from pipeline.disclosure import Disclosure
    from pipeline.disclosure.anonymity import Anonymity

PANEL = "Governance"
NOTE = (
    "Empty: under {threshold}, or it would give such a count away. Rounded to {base}. A figure stands until its "
    "count has moved by {threshold}; 'counted on' is the day it was made for."
)


def add_to(app: typer.Typer) -> None:
    for command in (summary, export, anonymity):
        app.command(rich_help_panel=PANEL)(command)


def summary(home: Home = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Families by area and criterion, as they may be shown to anybody: small counts hidden, the rest rounded.

    Example: `wholefamily summary`
    """
    from pipeline.disclosure import load_control
    from pipeline.reports.tables import number, plain_table, words
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database, database.connect("wf_pipeline") as connection:
        rows = connection.execute(
            "select area, criterion, families, counted_on, as_at, pack from cohort.summary order by area, criterion"
        ).fetchall()
    control = load_control(settings.declarations)
    if as_json:
        names = ("area", "criterion", "families", "counted_on", "as_at", "pack")
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str))
        return
    if not rows:
        typer.echo("Nothing has been published yet. What to do: wholefamily build")
        return
    criteria, areas = sorted({row[1] for row in rows}), sorted({row[0] for row in rows})
    cells = {(row[0], row[1]): row[2] for row in rows}
    table = plain_table(f"Families, {rows[0][5]}, as at {rows[0][4]}", "Area", *map(words, criteria))
    for area in sorted(areas, key=lambda name: (name == "all areas", name)):
        told = (cells.get((area, name)) for name in criteria)
        table.add_row(area, *("" if value is None else number(value) for value in told))
    console().print(table)
    typer.echo(NOTE.format(threshold=control.threshold, base=control.base))


def export(
    name: Annotated[str | None, typer.Argument(help="What to export; without it, the list of what may leave.")] = None,
    purpose: Annotated[str, typer.Option("--purpose", help="A purpose of the agreement, such as evaluate.")] = "",
    agreement: Annotated[str | None, typer.Option("--agreement", help="The agreement it leaves under.")] = None,
    recipient: Annotated[
        str, typer.Option("--recipient", help="Who gets it: analyst, caseworker, or a partner.")
    ] = "analyst",
    out: Annotated[Path | None, typer.Option("--out", help="Folder for file and manifest (default: here).")] = None,
    form: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    coarsen: Annotated[bool, typer.Option("--coarsen", help="Coarsen columns as far as k needs.")] = False,
    leave_out: Annotated[bool, typer.Option("--leave-out", help="Leave rows in small classes out.")] = False,
    by: Annotated[str | None, typer.Option("--by", help="Who exports; your login when left out.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Write a table or an extract to a file with a manifest; refused where no agreement covers it or it tells too much.

    Example: `wholefamily export selected-by-area --purpose evaluate --agreement whole-family-2012 --out exports`
    """
    from pipeline.disclosure import load_disclosure
    from pipeline.release.exports import Asked
    from pipeline.release.exports import export as write
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    if name is None:
        _list(load_disclosure(settings.declarations), as_json)
        return
    if not purpose or not agreement:
        raise typer.BadParameter(
            "give both: what is it for, and under which agreement", param_hint="--purpose, --agreement"
        )
    asked = Asked(name, purpose, agreement, by or getpass.getuser(), recipient, form, coarsen, leave_out)
    with open_database(settings) as database:
        path, manifest = write(settings, database, asked, out or Path())
    if as_json:
        typer.echo(json.dumps({"path": str(path), **asdict(manifest)}))
        return
    typer.echo(f"{path}: {manifest.rows} rows, sha256 {manifest.sha256[:16]}…, release {manifest.release_id}.")
    if manifest.hidden is not None:
        typer.echo(f"Hidden: {manifest.hidden} cells; standing as released before: {manifest.held}.")
    if manifest.k is not None:
        told = "".join(
            f" {text}."
            for text in (manifest.coarsened, manifest.left_out and f"{manifest.left_out} rows left out")
            if text
        )
        typer.echo(f"k is {manifest.k}.{told}")
    typer.echo(f"Manifest: {path.name}.manifest.json")


def anonymity(
    name: Annotated[str, typer.Argument(help="The extract, as wholefamily export lists it.")] = "families",
    page: Annotated[Path | None, typer.Option("--page", help="Where to write the page (default: the reports).")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """How well the rows of an extract hide among each other (k, l, unique rows), and what would raise it. No values.

    Example: `wholefamily anonymity families`
    """
    from pipeline.disclosure import load_disclosure
    from pipeline.disclosure.anonymity import examine
    from pipeline.errors import ReleaseError
    from pipeline.release.anonymity_page import page_of
    from pipeline.release.exports import read_rows
    from pipeline.release.files import written
    from pipeline.store.database import open_database
    from pipeline.store.published import published_run

    settings = settings_of(home, database_url)
    declared = load_disclosure(settings.declarations)
    rule = declared.extracts.get(name)
    if rule is None:
        known = ", ".join(declared.extracts)
        raise ReleaseError(where="anonymity", rule=f"there is no extract of rows of this name; there are: {known}.",
                           remedy="name one of these.")  # fmt: skip
    with open_database(settings) as database:
        run = published_run(database)
        with database.connect("wf_pipeline") as connection:
            found = examine(read_rows(connection, rule, run), rule, declared.control)
    path = page or settings.reports / f"anonymity-{name}.html"
    written(path, page_of(found, rule.title, run).encode())
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    _print(found, rule.title)
    console().print(f"Page: {path}", highlight=False, soft_wrap=True)


def _list(declared: Disclosure, as_json: bool) -> None:
    from pipeline.reports.tables import plain_table

    rows: list[dict[str, Any]] = [
        {"name": "summary", "title": "Families by area and criterion, as published", "form": "counts",
         "purposes": ["identify", "evaluate"]},
        *({"name": one.name, "title": one.title, "form": "amounts" if one.amount else "counts",
           "purposes": list(one.purposes)} for one in declared.tables.values()),
        *({"name": one.name, "title": one.title, "form": "rows", "purposes": list(one.purposes)}
          for one in declared.extracts.values()),
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = plain_table("What may leave", "Name", "What", "Form", "Purposes", left=4)
    for row in rows:
        table.add_row(row["name"], row["title"], row["form"], ", ".join(row["purposes"]))
    console().print(table)


def _print(found: Anonymity, title: str) -> None:
    from pipeline.release.anonymity_page import headline, raises_rows, size_rows
    from pipeline.reports.tables import plain_table

    out = console()
    out.print(f"[bold]{title}: {headline(found)}[/bold]", highlight=False)
    sizes = plain_table("Classes by size", "Rows alike", "Classes", "Rows")
    for row in size_rows(found):
        sizes.add_row(*row)
    out.print(sizes)
    raises = plain_table("What would raise k", "Change", "k", "l", "Rows in classes under k")
    for row in raises_rows(found):
        raises.add_row(*row)
    out.print(raises)
