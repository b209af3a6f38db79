"""Commands of the information governance lead. More follow; today: is the log as it was written?"""

from __future__ import annotations

import typer

from pipeline.cli.options import DatabaseUrl, Home, settings_of

PANEL = "Governance"


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(verify)


def verify(home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Check that the audit log is unbroken: every entry's hash, and its chain to the entry before.

    Example: `wholefamily verify`
    """
    from pipeline import audit
    from pipeline.store.database import open_database

    with open_database(settings_of(home, database_url)) as database, database.connect() as connection:
        broken = audit.verify(connection)
        row = connection.execute("select count(*) from audit.log").fetchone()
    if broken is not None:
        typer.echo(f"The log is broken at entry {broken}: it, or the entry before it, is not as it was written.")
        raise typer.Exit(1)
    typer.echo(f"The log is unbroken: {row[0] if row else 0} entries.")
