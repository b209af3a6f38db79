"""Commands to see it work: synthesise, demo, up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DatabaseUrl, Home, settings_of
from pipeline.terminal import console, progress_bar

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.synthetic.borough import SynthesisSummary

PANEL = "To see it work"
Population = Annotated[int, typer.Option("--population", help="People of the made-up borough, 2,000 to 1,500,000.")]
Seed = Annotated[int, typer.Option("--seed", help="Same seed and population, same borough.")]


def add_to(app: typer.Typer) -> None:
    for command in (demo, up, synthesise):
        app.command(rich_help_panel=PANEL)(command)


def synthesise(
    out: Annotated[Path, typer.Option("--out", help="Folder to write raw/<partner>/ and truth/ into.")],
    population: Population = 20_000,
    seed: Seed = 2012,
) -> None:
    """Write a made-up borough: four partners' raw extracts, and the truth to measure against.

    Example: `wholefamily synthesise --population 20000 --seed 7 --out borough`
    """
    from pipeline.settings import read_settings
    from pipeline.synthetic.borough import synthesise as make

    terminal = console()
    with progress_bar("Synthesise", terminal) as progress:
        summary = make(population, seed, out, declarations=read_settings().declarations, progress=progress)
    terminal.print(_borough_table(summary))
    terminal.print(f"Written to {out}: raw/<partner>/ and truth/.", highlight=False)


def _borough_table(summary: SynthesisSummary) -> Table:
    from rich.table import Table

    table = Table("What", title="Made up", title_justify="left", show_edge=False)
    table.add_column("Count", justify="right")
    table.add_row("people", f"{summary.people:,}")
    table.add_row("families and households", f"{summary.families:,}")
    table.add_row("families with children", f"{summary.families_with_children:,}")
    for criterion, families in summary.met.items():
        table.add_row(f"  true: {criterion.replace('_', ' ')}", f"{families:,}")
    for partner, tables in summary.rows.items():
        table.add_row(f"rows of {partner}", f"{sum(tables.values()):,}")
    return table


def demo(
    population: Population = 20_000,
    seed: Seed = 2012,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """The whole pipeline on a made-up borough, under the real Airflow DAGs, with a report at the end.

    Example: `wholefamily demo --population 20000 --home var/demo`
    """
    from pipeline.demo import run_demo

    run_demo(settings_of(home, database_url), population, seed, console())


def up(home: Home = None) -> None:
    """Airflow (standalone) and the live database, kept running until Ctrl-C; prints addresses and login.

    Example: `wholefamily up --home var/up`
    """
    from pipeline.up import up as start

    start(settings_of(home))
