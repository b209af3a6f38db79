"""Commands of the hub's data team about deliveries: what has come and what is wrong with it, and taking one back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, contract_of, contracts_of, settings_of
from pipeline.terminal import console


def deliveries(
    delivery_id: Annotated[
        str | None, typer.Argument(help="One delivery: what is quarantined of it, and why; without it, all of them.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="With a delivery: write its rejected rows as a file for the partner.")
    ] = None,
    page: Annotated[
        bool, typer.Option("--page", help="With a delivery: write its data-quality page anew, and print where it is.")
    ] = False,
    trend: Annotated[bool, typer.Option("--trend", help="Quarantine over the nights, by partner.")] = False,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="What waits in quarantine by partner, table, column and rule.")
    ] = False,
    partner: Annotated[str | None, typer.Option("--partner", help="With --trend or --reasons: this one alone.")] = None,
    check: Annotated[bool, typer.Option("--check", help="End with exit code 12 when a partner is late.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """List every delivery: state, rows, why one is rejected, who is late; or the quarantined rows of one.

    Example: `wholefamily deliveries`, `wholefamily deliveries --reasons --partner schools`,
    `wholefamily deliveries schools-000002-1f3a9c04`
    """
    import datetime as dt

    from pipeline.contracts import load_agreements
    from pipeline.contracts.agreement import ending, in_words
    from pipeline.ingest.lateness import late_partners, lateness_error
    from pipeline.reports.quarantined import (
        quarantine_table,
        read_quarantined,
        read_reasons,
        read_trend,
        reasons_table,
        rejections_of,
        trend_table,
    )
    from pipeline.reports.tables import deliveries_register, read_deliveries
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        if delivery_id is not None:
            found = read_quarantined(database, delivery_id)
            if out is not None:
                from pipeline.rejections import write_rejections

                write_rejections(rejections_of(database, found), out)
                typer.echo(f"Written to {out}: give it to the partner (`wholefamily rejected` reads it there).")
            elif page:
                from pipeline.reports.delivery_page import write_delivery_page

                typer.echo(write_delivery_page(database, settings, delivery_id))
            elif as_json:
                typer.echo(json.dumps(found.as_json(), default=str))
            else:
                console().print(quarantine_table(found))
            return
        if trend or reasons:
            told = (read_reasons if reasons else read_trend)(database, partner)
            if as_json:
                typer.echo(json.dumps(told, default=str))
            else:
                console().print((reasons_table if reasons else trend_table)(told))
            return
        rows = read_deliveries(database)
        with database.connect() as connection:
            late = late_partners(connection, contracts_of(settings), dt.datetime.now(dt.UTC).date())
    if as_json:
        typer.echo(json.dumps(rows, default=str))
    else:
        console().print(deliveries_register(rows))
        for one in late:
            typer.echo(f"Late: {one}", err=True)
        today = dt.datetime.now(dt.UTC).date()
        for agreement in ending(load_agreements(settings.declarations), today):
            typer.echo(f"Ends: {in_words(agreement, today)}", err=True)
    if check and late:
        raise lateness_error(late)


def withdraw(
    delivery_id: Annotated[str, typer.Argument(help="The delivery to take back.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is logged. No name of a person.")],
    by: Annotated[str | None, typer.Option("--by", help="At the hub: who decided it.")] = None,
    signed: Annotated[
        bool, typer.Option("--signed", help="At the partner: send the hub a signed order instead.")
    ] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take a delivery back: the hub goes on with what it held before, and deletes the sealed copy.

    At the hub, with --by; or at the partner, with --signed: the order goes into the landing folder, and the next ingest
    carries it out. Deltas that build on the delivery go with it.

    Example: `wholefamily withdraw schools-000002-1f3a9c04 --reason "wrong school year" --by "J. Smith"`
    """
    from pipeline.ingest import withdraw_delivery
    from pipeline.installation import withdraw_and_deliver
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    if signed == (by is not None):
        raise typer.BadParameter("give --by NAME at the hub, or --signed at the partner", param_hint="--by")
    if signed:
        for landed in withdraw_and_deliver(
            settings, contract_of(settings, delivery_id.split("-")[0]), delivery_id, reason
        ):
            typer.echo(f"Delivered {landed.name} into {landed.parent}")
        return
    with open_database(settings) as database:
        done = withdraw_delivery(settings, database, delivery_id, by=by or "", why=reason)
    typer.echo(f"Withdrawn: {', '.join(done.withdrawn)}.")
    typer.echo(f"In force now: {', '.join(done.in_force) or 'nothing of this partner, until it delivers in full'}.")
    typer.echo("What is published changes with the next build: wholefamily build")
