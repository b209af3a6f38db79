"""Commands of the hub's data team and of analysts: ingest, build, deliveries, evaluate, report, sql."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.deliveries import deliveries, withdraw
from pipeline.cli.options import (
    DatabaseUrl,
    Home,
    Json,
    contract_of,
    contracts_of,
    day,
    settings_of,
)
from pipeline.terminal import console, progress_bar

if TYPE_CHECKING:
    from pipeline.ingest import DeliveryOutcome

PANEL = "At the hub"


def add_to(app: typer.Typer) -> None:
    for command in (ingest, build, deliveries, withdraw, evaluate, report, sql, clean):
        app.command(rich_help_panel=PANEL)(command)


def ingest(
    partner: Annotated[str | None, typer.Argument(help="One partner; without it, every partner.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take in the deliveries that wait in the landing folders: verify, open, check, quarantine, load.

    Ends with exit code 5 when one is rejected (the others are in), 12 when a partner has been silent for too long.

    Example: `wholefamily ingest schools`
    """
    import datetime as dt

    from pipeline.errors import WholeFamilyError
    from pipeline.holdings import traced
    from pipeline.ingest import take_in
    from pipeline.ingest.lateness import late_partners, lateness_error
    from pipeline.reports.delivery_page import write_delivery_page
    from pipeline.reports.tables import deliveries_table
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    contracts = {partner: contract_of(settings, partner)} if partner else contracts_of(settings)
    terminal = console()
    failures: list[WholeFamilyError] = []
    outcomes: list[DeliveryOutcome] = []
    with open_database(settings) as database:
        for name in sorted(contracts):
            with progress_bar(f"Ingest {name}", terminal) as progress:
                try:
                    with traced.ingest(settings, database, name) as took:
                        taken = take_in(settings, database, name, progress=progress)
                        took(taken)
                except WholeFamilyError as failure:
                    failures.append(failure)
                    continue
            failures += [*taken.rejections, *([taken.unreachable] if taken.unreachable else [])]
            outcomes += taken.outcomes
        with database.connect() as connection:
            late = late_partners(connection, contracts, dt.datetime.now(dt.UTC).date())
        for outcome in outcomes:
            write_delivery_page(database, settings, outcome.delivery_id)
    if outcomes:
        terminal.print(deliveries_table(outcomes))
        terminal.print(f"Data quality of each: {settings.reports}/delivery-….html", highlight=False)
    elif not failures:
        terminal.print("Nothing waits in the landing folders.")
    for other in failures[1:]:
        typer.echo(str(other), err=True)
    if failures:
        typer.echo("What was taken in stays; wholefamily deliveries lists every delivery and its state.", err=True)
    if failures and late:
        typer.echo(str(lateness_error(late)), err=True)
    if failures:
        raise failures[0]
    if late:
        raise lateness_error(late)


def build(
    as_at: Annotated[
        str | None, typer.Option("--as-at", help="Day to evaluate at (default: last day covered).")
    ] = None,
    pack: Annotated[
        str, typer.Option("--pack", help="The programme's rules: a pack of schemas/criteria.")
    ] = "troubled-families-2012",
    full: Annotated[bool, typer.Option("--full", help="Compare everything and fit the link model anew.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Link persons, form families, evaluate the criteria and publish, from what is loaded.

    Only records that are new or have changed are compared with all; the result is the same. Where that would not do
    (another link model, encoding or key; links that have drifted) everything is compared, as with --full.

    Example: `wholefamily build --as-at 2014-07-31 --pack troubled-families-2012`
    """
    import datetime as dt

    from pipeline.holdings import traced
    from pipeline.ingest.lateness import late_partners
    from pipeline.linking import linked_in_words
    from pipeline.reports.tables import build_table
    from pipeline.run import build as run_build
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    terminal = console()
    with open_database(settings) as database, progress_bar("Build", terminal) as progress:
        with traced.build(settings, database) as trace:
            date = day(as_at, "--as-at")
            summary = run_build(settings, database, date, pack, progress=progress, full=full, watch=trace.stage)
            trace.published(summary.run_id)
        with database.connect() as connection:
            late = late_partners(connection, contracts_of(settings), dt.datetime.now(dt.UTC).date())
    for one in late:
        typer.echo(f"Built from the last good data. Late: {one}", err=True)
    if as_json:
        told = {"run_id": summary.run_id, "as_at": summary.as_at.isoformat(), "counts": summary.counts}
        typer.echo(json.dumps({**told, "timings": summary.timings}))
    else:
        terminal.print(build_table(summary.counts, summary.timings))
        terminal.print(linked_in_words(summary.counts["linking"], summary.counts["records"]))


def evaluate(
    truth: Annotated[Path, typer.Option("--truth", help="Folder with people.csv, families.csv, criteria.csv.")],
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Measure persons, families and criteria against a known truth (made-up data and benchmarks only).

    Example: `wholefamily evaluate --truth var/demo/truth --json`
    """
    from pipeline.evaluation import evaluate as measure
    from pipeline.reports.tables import quality_table
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        quality = measure(database, settings, truth)
    if as_json:
        typer.echo(json.dumps(quality, indent=2))
    else:
        console().print(quality_table(quality))


def report(home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Write the run report of the last build (one HTML page, works offline) and print where it is.

    Example: `wholefamily report`
    """
    from pipeline.holdings import traced
    from pipeline.publish import latest_run
    from pipeline.reports import write_run_report
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with (
        open_database(settings) as database,
        traced.step(settings, "report", reads=traced.REPORTED, writes=["reports/run"]),
    ):
        typer.echo(write_run_report(database, settings, latest_run(database), None))


def sql(
    query: Annotated[str | None, typer.Argument(help="A query; without it, a psql prompt.")] = None,
    role: Annotated[str, typer.Option("--role", help="Log in as analyst (reads cohort) or admin.")] = "analyst",
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", envvar="WHOLEFAMILY_PURPOSE", help="What you read for, as the agreement names it."),
    ] = None,
    url: Annotated[
        bool, typer.Option("--url", help="Print the connection URL (it holds a password); the server keeps running.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the embedded server that --url left running.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Query the live database as the analyst: one query, or a prompt (\\d+ cohort.* explains the tables).

    Say what for (`--purpose`): without a purpose that an agreement in force names, no row is open. In the prompt, and
    in any tool: `SET wf.purpose = 'identify'`.

    Example: `wholefamily sql --purpose identify "select * from cohort.summary"`
    """
    from pipeline.cli.prompt import run_prompt, run_query
    from pipeline.store.database import open_database
    from pipeline.store.embedded import EmbeddedServer

    settings = settings_of(home, database_url)
    if stop:
        EmbeddedServer(settings.postgres, settings.hub_keys).shut_down()
        typer.echo("The embedded server is stopped.")
        return
    with open_database(settings, keep_running=url) as database:
        if url:
            typer.echo(database.url_for(role, purpose=purpose))
        elif query is None:
            raise typer.Exit(run_prompt(database, role, purpose))
        else:
            console().print(run_query(database, role, query, purpose))


def clean(
    home: Home = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove an installation made for a trial: stop its embedded database, delete its data, keys and home.

    Example: `wholefamily clean --home var/demo`
    """
    import shutil

    from pipeline.store.embedded import EmbeddedServer

    settings = settings_of(home)
    ours = [settings.home / name for name in ("hub", "partners", "raw", "truth")]
    if not (settings.postgres.exists() or (settings.hub_keys / "hub.identity").exists()):
        typer.echo(f"Nothing to remove: {settings.home} is not an installation.")
        return
    if not yes:
        typer.confirm(f"Delete everything in {settings.home}, keys and database included?", abort=True)
    EmbeddedServer(settings.postgres, settings.hub_keys).destroy()
    for folder in ours:
        shutil.rmtree(folder, ignore_errors=True)
    if not any(settings.home.iterdir()):
        settings.home.rmdir()
    typer.echo(f"Removed the installation in {settings.home}.")
