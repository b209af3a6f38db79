"""`looked`: who looked at what, and what for; and what is unusual."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, day, settings_of

PANEL = "Governance"
WORDS = {
    "many_families": "asked for {figure:,} families by number",
    "many_rows": "read {figure:,} rows",
    "at_night": "asked at night",
    "out_of_district": "asked for {figure:,} families that are not of their cases",
}


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(looked)


def looked(
    family: Annotated[int | None, typer.Option("--family", help="Who looked at this family.")] = None,
    login: Annotated[str | None, typer.Option("--login", help="What this login, or person, looked at.")] = None,
    unusual: Annotated[bool, typer.Option("--unusual", help="Only what stands out, by login and day.")] = False,
    since: Annotated[str | None, typer.Option("--since", help="First day (default: 30 days ago).")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Who looked: queries of readers' logins and accesses by command, with purpose, rows, and families where known.

    A query that may have shown other families than those it names is listed as "open", under every family.

    Example: `wholefamily looked --family 12`, `wholefamily looked --login ann --since 2014-07-01`,
    `wholefamily looked --unusual`
    """
    import datetime as dt
    import json

    from rich.table import Table

    from pipeline.access import looked as access
    from pipeline.access.server_log import server_logs
    from pipeline.store.database import open_database
    from pipeline.terminal import console

    settings = settings_of(home, database_url)
    now = dt.datetime.now(dt.UTC)
    chosen = day(since, "--since")
    start = dt.datetime.combine(chosen, dt.time(), dt.UTC) if chosen else now - dt.timedelta(days=30)
    with open_database(settings) as database, database.connect() as connection:
        access.collect(connection, server_logs(settings))
        if unusual:
            rows: list[dict[str, Any]] = access.unusual_accesses(
                connection, access.load_unusual(settings.declarations), start
            )
        else:
            rows = access.accesses(connection, family=family, login=login, since=start)
    if as_json:
        typer.echo(json.dumps(rows, default=str, indent=1))
        return
    if not rows:
        typer.echo("Nothing stands out." if unusual else "Nobody looked.")
        return
    if unusual:
        table = Table("day", "login", "what", "queries", show_edge=False)
        for one in rows:
            table.add_row(str(one["day"]), one["login"], WORDS[one["rule"]].format(**one), f"{one['queries']:,}")
    else:
        table = Table("at (UTC)", "who", "by", "purpose", "what", "rows", "families", show_edge=False)
        for one in rows:
            named = one["families"] or []
            families = ", ".join(map(str, named[:8])) + (" …" if len(named) > 8 else "")
            families += (" and open" if families else "open") if one["reach"] == "open" else ""
            count = "" if one["rows"] is None else f"{one['rows']:,}"
            table.add_row(
                f"{one['at']:%Y-%m-%d %H:%M}", one["who"], one["way"], one["purpose"], one["what"], count,
                families,
            )  # fmt: skip
    console().print(table)
