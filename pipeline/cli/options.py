"""Options that several commands share."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.contracts import Contract
    from pipeline.settings import Settings

Home = Annotated[
    Path | None, typer.Option("--home", help="Folder of the installation (keys, landing, database, reports).")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", help="A PostgreSQL server of your own (16 or newer) instead of the embedded one."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def settings_of(home: Path | None, database_url: str | None = None) -> Settings:
    from pipeline.settings import read_settings

    return read_settings(home, database_url)


def contracts_of(settings: Settings) -> dict[str, Contract]:
    from pipeline.contracts import load_contracts, load_vocabulary

    return load_contracts(settings.declarations, load_vocabulary(settings.declarations))


def contract_of(settings: Settings, partner: str) -> Contract:
    from pipeline.errors import DeclarationError

    contracts = contracts_of(settings)
    if partner not in contracts:
        raise DeclarationError(
            where="the command line",
            rule=f"there is no contract for this partner; there are: {', '.join(sorted(contracts))}.",
            remedy="name one of these, or add schemas/extracts/<partner>.yaml.",
        )
    return contracts[partner]


def day(text: str | None, option: str) -> dt.date | None:
    """A date option as a date; a wrong one is a usage error."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("give a date as YYYY-MM-DD", param_hint=option) from None
