"""Options that several commands share, and how long steps show themselves."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.contracts import Contract
    from pipeline.progress import Progress
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


def console() -> Console:
    """The terminal, or 120 columns where there is none, so that tables do not fold in logs."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=120)


@contextmanager
def progress_bar(title: str, terminal: Console) -> Iterator[Progress]:
    """A progress bar with what is being done; without a terminal, nothing but the title."""
    if not terminal.is_terminal:
        terminal.print(f"{title} …", highlight=False)
        yield lambda _description, _fraction: None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description:<44}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
        console=terminal,
    ) as bars:  # fmt: skip
        task = bars.add_task(title, total=1.0)

        def told(description: str, fraction: float) -> None:
            bars.update(task, description=f"{title}: {description}"[:44], completed=fraction)

        yield told
        bars.update(task, description=title, completed=1.0)
