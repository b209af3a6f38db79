"""`metrics`: how fresh and how large each feed is, as numbers for a monitoring system."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, contracts_of, settings_of
from pipeline.terminal import console

PANEL = "At the hub"


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(metrics)


def metrics(
    push: Annotated[bool, typer.Option("--push", help="Send them to the collector, too.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Show the metrics: age and rows of each feed, what waits in quarantine, age and duration of the last build.

    Each ingest and build sends them by OpenTelemetry to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names.

    Example: `wholefamily metrics`, `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 wholefamily metrics --push`
    """
    import datetime as dt
    import json
    from dataclasses import asdict

    from rich.table import Table

    from pipeline import metrics as measured
    from pipeline.errors import DeclarationError, StoreError
    from pipeline.store.database import open_database

    if push and measured.endpoint() is None:
        raise DeclarationError(
            where="wholefamily metrics --push",
            rule="no collector is named.",
            remedy="set OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4318, as docs/deliveries.md shows.",
        )
    settings = settings_of(home, database_url)
    with open_database(settings) as database, database.connect() as connection:
        found = measured.measures(connection, contracts_of(settings), dt.datetime.now(dt.UTC))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        table = Table("metric", "of", "value", "unit")
        for one in found:
            table.add_row(one.name, " ".join(one.attributes.values()), f"{one.value:,.6g}", one.unit)
        console().print(table)
    if push and not measured.push(found):
        raise StoreError(
            where="the metrics collector",
            rule="it did not take the metrics.",
            remedy="look whether it runs, and speaks OTLP over HTTP.",
        )
