"""`roles`: logins of readers, and whether the walls stand as declared."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, settings_of

PANEL = "Governance"
SHOWN = 40
roles = typer.Typer(no_args_is_help=True, help="Logins of readers, and the privilege matrix tried for real.")
By = Annotated[str, typer.Option("--by", help="Who asks for it; it is logged.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(roles, name="roles", rich_help_panel=PANEL)


@roles.command("list")
def list_logins(as_json: Json = False, home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Every reader's login, what limits it and who added it.

    Example: `wholefamily roles list`
    """
    import json

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from pipeline.access.logins import list_logins as read
    from pipeline.store.database import open_database

    with open_database(settings_of(home, database_url)) as database:
        logins = read(database)
    if as_json:
        typer.echo(json.dumps(logins, default=str, indent=1))
        return
    table = Table(header_style="bold", show_edge=False)
    for column in ("login", "reader", "limited to", "purposes", "without a purpose", "added by", "on"):
        table.add_column(column)
    for one in logins:
        limits = [one["partner"] or "", ", ".join("every district" if d == "*" else d for d in one["districts"])]
        limits += ["own cases"] if one["only_own"] else []
        table.add_row(
            escape(one["login"]),
            one["reader"],
            escape(", ".join(filter(None, limits))),
            escape(", ".join(one["purposes"])) if one["purposes"] is not None else "all of its group",
            escape(one["default_purpose"] or "refused"),
            escape(one["added_by"] or "installation"),
            f"{one['added_at']:%Y-%m-%d}" if one["added_at"] else "",
        )
    Console().print(table)


@roles.command("add")
def add(
    reader: Annotated[str, typer.Argument(help="analyst, caseworker, auditor, or partner.")],
    name: Annotated[str, typer.Argument(help="Name of the login; for a partner, the partner.")],
    by: By,
    district: Annotated[
        list[str] | None, typer.Option("--district", help="Of a caseworker: a district, or area; more than once; '*'.")
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Of a caseworker: only cases whose key worker is this login.")
    ] = False,
    purpose: Annotated[
        list[str] | None, typer.Option("--purpose", help="What the login may read for; without it, all of its group.")
    ] = None,
    default: Annotated[
        bool, typer.Option("--default-purpose", help="The first --purpose counts where a session states none.")
    ] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add a login with a random password; its connection URL is written to a file to hand over and delete.

    Example: `wholefamily roles add caseworker jo --district North --purpose identify --by "A Manager"`,
    `wholefamily roles add partner police --by "A Manager"`
    """
    from pipeline.access.logins import Login, add_login
    from pipeline.store.database import open_database

    if default and not purpose:
        raise typer.BadParameter("say which, with --purpose", param_hint="--default-purpose")
    partner = name if reader == "partner" else None
    login = Login(
        name=f"partner_{name}" if partner else name,
        reader=reader,
        partner=partner,
        districts=tuple(district or ()),
        only_own=own,
        purposes=tuple(purpose) if purpose else None,
        default_purpose=purpose[0] if default and purpose else None,
    )
    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        path = add_login(database, login, by=by, folder=settings.hub_keys / "logins")
    typer.echo(f"Login {login.name} is made. Its address, with the password, is in {path}")
    typer.echo("Hand that over by a way only its owner reads, then delete the file: it is kept nowhere else.")


@roles.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="Name of the login.")],
    by: By,
    why: Annotated[str, typer.Option("--why", help="Why; it is logged.")],
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take a login away.

    Example: `wholefamily roles remove jo --by "A Manager" --why "moved to another team"`
    """
    from pipeline.access.logins import remove_login
    from pipeline.store.database import open_database

    with open_database(settings_of(home, database_url)) as database:
        remove_login(database, name, by=by, why=why)
    typer.echo(f"Login {name} is taken away.")


@roles.command("check")
def check(as_json: Json = False, home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Try every role on every table, view, function and column for real, and compare with schemas/access.yaml.

    Nothing is changed. Ends with exit code 1 when anything stands otherwise than declared.

    Example: `wholefamily roles check`
    """
    import dataclasses
    import json

    from pipeline.access.check import check_walls
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database, database.connect(autocommit=True) as connection:
        walls = check_walls(connection, settings.declarations)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(walls) | {"stand": walls.stand}, indent=1))
    else:
        for what, cells in (("open, and not declared", walls.unexpected), ("declared, and closed", walls.missing)):
            for role, kind, thing, verb in cells[:SHOWN]:
                typer.echo(f"{what}: {role} · {verb} · {kind} {thing}")
            if len(cells) > SHOWN:
                typer.echo(f"… and {len(cells) - SHOWN} more")
        for line in walls.other:
            typer.echo(line)
        told = "as declared" if walls.stand else "NOT as declared: mend the grant or the policy, or declare it."
        typer.echo(f"{walls.cells} cells tried, {walls.open} open: {told}")
    if not walls.stand:
        raise typer.Exit(1)
