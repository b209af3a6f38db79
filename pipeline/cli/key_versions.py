"""Commands of the hub about versions of the linkage key, which it never holds: who stands under which, closing one."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, settings_of
from pipeline.cli.partner import keys_app
from pipeline.terminal import console


def add_to(app: typer.Typer) -> None:
    """Beside the partner's commands, under `keys`."""
    keys_app.command()(versions)
    keys_app.command()(close)


def versions(home: Home = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """At the hub: under which version of the linkage key each partner stands, and what is held under each version.

    Example: `wholefamily keys versions`
    """
    from dataclasses import asdict

    from pipeline.contracts import load_encoding
    from pipeline.reports.key_versions import partners_table, read_key_versions, versions_table
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        found = read_key_versions(database, load_encoding(settings.declarations))
    if as_json:
        typer.echo(json.dumps(asdict(found), default=str))
        return
    terminal = console()
    terminal.print(partners_table(found.partners))
    terminal.print(versions_table(found.versions))
    if found.carried or found.waiting:
        waiting = ", ".join(f"{partner} {count:,}" for partner, count in found.waiting.items()) or "nobody"
        typer.echo(
            f"The last build carried {found.carried:,} links between records of two versions. New since they differ, "
            f"and compared within their version only: {waiting}."
        )


def close(
    version: Annotated[int, typer.Argument(min=1, max=999, help="The version to close for good.")],
    by: Annotated[str, typer.Option("--by", help="Who closes it; logged.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; logged.")],
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="The key is compromised: empty what partners still have under it, too."),
    ] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """At the hub: take away everything that was made under a version of the linkage key: tokens, encodings, prints.

    Person and family ids, links and evidence stay. First take the version out of key_versions in schemas/linkage, here
    and at every partner. It cannot be opened again.

    Example: `wholefamily keys close 1 --by "J. Smith" --reason "all partners stand under version 2"`
    """
    from pipeline.ingest.closing import close_version
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        closed = close_version(settings, database, version, by=by, why=reason, at_once=at_once)
    taken = ", ".join(f"{name} {count:,}" for name, count in closed.taken_away.items() if count)
    typer.echo(f"Version {version} is closed. Taken away: {taken or 'nothing was left'}; now 0 of each.")
    typer.echo(f"Sealed deliveries deleted: {closed.sealed}. Backups of the database hold them still: see docs.")
    if closed.waiting:
        typer.echo(
            f"{closed.waiting:,} records wait, without tokens, for their partners' full deliveries; links are carried."
        )
