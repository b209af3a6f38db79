"""Commands of the information governance lead: agreements in force, what is held, the documents, the evidence pack."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, settings_of
from pipeline.terminal import console

PANEL = "Governance"


def add_to(app: typer.Typer) -> None:
    for command in (agreements, holdings, documents):
        app.command(rich_help_panel=PANEL)(command)
    app.command("evidence-pack", rich_help_panel=PANEL)(evidence_pack)


def agreements(
    enforce: Annotated[
        bool, typer.Option("--enforce", help="Remove what no agreement covers any more; without it, only say what.")
    ] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Which feeds may serve which purposes today, which agreements end soon, and what is held that none covers.

    Example: `wholefamily agreements`, then `wholefamily agreements --enforce`
    """
    import datetime as dt

    from pipeline.contracts import load_agreements
    from pipeline.contracts.agreement import ending, in_words
    from pipeline.holdings import traced
    from pipeline.holdings.coverage import LOADED, find_uncovered, remove_uncovered
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    today = dt.datetime.now(dt.UTC).date()
    declared = load_agreements(settings.declarations)
    warnings = [in_words(one, today) for one in ending(declared, today)]
    with open_database(settings) as database:
        if enforce:
            with traced.step(settings, "governance.agreements", reads=["schemas/agreements"], writes=LOADED):
                found = remove_uncovered(settings, database)
        else:
            found = find_uncovered(settings, database)
    rows = _matrix(declared, today)
    if as_json:
        uncovered = [{"partner": one.partner, "removals": [asdict(part) for part in one.removals]} for one in found]
        typer.echo(
            json.dumps({"feeds": rows, "ending": warnings, "uncovered": uncovered, "removed": enforce}, indent=1)
        )
        return
    _print_matrix(rows)
    for text in warnings:
        typer.echo(f"Ends: {text}")
    for one in found:
        for part in one.removals:
            what = (
                f"{part.table}.{part.column}, {part.rows} values" if part.column else f"{part.table}, {part.rows} rows"
            )
            typer.echo(f"{'Removed' if enforce else 'Would be removed'}: {one.partner}: {what}: {part.why}.")
    if found and enforce:
        typer.echo("The sealed copies of these partners' deliveries are deleted. Now: wholefamily build")
    elif found:
        typer.echo("Remove it: wholefamily agreements --enforce (the governance night does so by itself).")
    else:
        typer.echo("Everything that is held is covered.")


def _matrix(declared: Any, today: Any) -> list[dict[str, Any]]:
    from pipeline.contracts import refusal

    return [
        {
            "partner": feed.partner, "purpose": purpose, "agreement": f"{one.id} {one.version}",
            "gateways": [gateway.title for gateway in feed.gateways.get(purpose, ())], "until": one.expiry.isoformat(),
            "refused": refused.rule if (refused := refusal(declared, feed.partner, purpose, today)) else None,
        }
        for one in declared
        for feed in one.feeds.values()
        for purpose in one.purposes
    ]  # fmt: skip


def _print_matrix(rows: list[dict[str, Any]]) -> None:
    from pipeline.reports.tables import plain_table

    table = plain_table("Feeds, purposes and powers today", "Partner", "Purpose", "Agreement", "Until", "Power", left=5)
    for row in rows:
        power = "; ".join(row["gateways"]) if row["refused"] is None else f"refused: {row['refused']}"
        table.add_row(row["partner"], row["purpose"], row["agreement"], row["until"], power)
    console().print(table)


def holdings(home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Write the pages of what is held, of whom, why and how long, and of where everything comes from; print where.

    Example: `wholefamily holdings`
    """
    from pipeline.holdings import traced
    from pipeline.holdings.page import write_holdings_page, write_lineage_page
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with (
        open_database(settings) as database,
        traced.step(settings, "governance.holdings", reads=traced.HELD, writes=["reports/holdings", "reports/lineage"]),
    ):
        typer.echo(write_holdings_page(settings, database))
        typer.echo(write_lineage_page(settings, database))


def documents(
    out: Annotated[Path, typer.Option("--out", help="Folder to write the documents into (Markdown and HTML).")],
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the record of processing, data-flow map and field inventory, transparency record, and data dictionary.

    Example: `wholefamily documents --out documents`
    """
    from pipeline.holdings.catalogue import read_catalogue
    from pipeline.holdings.documents import still_open, write_documents
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database, database.connect() as connection:
        catalogue = read_catalogue(connection)
    for path in write_documents(settings, catalogue, out):
        typer.echo(path)
    left = still_open(settings)
    if left:
        typer.echo(f"Still to be filled in, in schemas/governance.yaml: {', '.join(left)}")


def evidence_pack(
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write it into (default: of the hub).")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Make the signed evidence pack: one zip of pages and CSV that anybody with the audit key's public part can check.

    Example: `wholefamily evidence-pack`, and there: `wholefamily verify --pack FILE --key HEX`
    """
    from pipeline.holdings import traced
    from pipeline.holdings.pack import make_pack
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with (
        open_database(settings) as database,
        traced.step(settings, "governance.evidence_pack", reads=traced.HELD, writes=["evidence-pack"]),
    ):
        made = make_pack(settings, database, out)
    if as_json:
        typer.echo(json.dumps({**asdict(made), "path": str(made.path)}, indent=1))
        return
    typer.echo(f"{made.path}\n{made.files} files; sha256 {made.sha256}")
    typer.echo("The audit log is unbroken." if made.log_whole else "The audit log is NOT as it was left: see the pack.")
