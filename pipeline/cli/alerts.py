"""`alerts`: what has gone wrong at night, and a test of the way it reaches people."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import Home, settings_of

PANEL = "Hub"


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(alerts)


def alerts(
    last: Annotated[int, typer.Option(help="How many of the latest to show.", min=1)] = 20,
    test: Annotated[
        bool, typer.Option("--test", help="Send a test notice by every route of hub/notices.yaml.")
    ] = False,
    home: Home = None,
) -> None:
    """Show the latest alerts of the nightly runs: when, what, where, which rule, what to do.

    Example: `wholefamily alerts --last 5`, `wholefamily alerts --test`
    """
    import datetime as dt

    from pipeline import notices

    settings = settings_of(home, None)
    if test:
        to = notices.routes(settings)
        if not to:
            typer.echo("No route: nothing is declared in hub/notices.yaml (docs/runbook.md shows how).")
            raise typer.Exit(1)
        text = "This is a test. What to do: nothing; alerts will reach you by this way."
        failed = notices.send(to, notices.Notice("test", "a test", text, dt.datetime.now(dt.UTC)))
        for line in failed:
            typer.echo(line)
        if failed:
            raise typer.Exit(1)
        typer.echo(f"Sent by {len(to)} {'route' if len(to) == 1 else 'routes'}.")
        return
    path = settings.airflow / "logs" / "alerts.log"
    lines = path.read_text(encoding="utf-8").splitlines()[-last:] if path.exists() else []
    for line in lines or ["No alert so far."]:
        typer.echo(line.replace("\t", "  "))
