"""The command that attacks: how well our encodings, and published ones, withstand re-identification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Json, settings_of
from pipeline.terminal import console, progress_bar

PANEL = "To measure"


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(attack)


def attack(
    quick: Annotated[bool, typer.Option("--quick", help="8,000 people: about a minute of processor time.")] = False,
    people: Annotated[int | None, typer.Option("--people", help="How many people to make up (500 to 200,000).")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same people and figures.")] = 1,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the figures here: .html or .json.")] = None,
    as_json: Json = False,
) -> None:
    """Attack our encodings, plain Bloom filters and one filter a record, on made-up people; red is 1 % or more.

    Without --quick up to a county of 1.4 million people: some six minutes of processor time, and 4 GB.

    Example: `wholefamily attack --quick --out attacks.html`
    """
    from pipeline.attack.bench import attack as run
    from pipeline.attack.bench import full_plan, quick_plan
    from pipeline.attack.page import write_outcome
    from pipeline.attack.show import attack_table, verdict
    from pipeline.errors import DeclarationError

    if out is not None and out.suffix not in (".html", ".json"):
        raise DeclarationError(
            where="attack --out",
            rule="figures are written as a page or as JSON.",
            remedy="end the name in .html or .json.",
        )
    plan = (quick_plan if quick else full_plan)(people, seed)
    terminal = console()
    if as_json:
        outcome = run(plan, settings_of(None).declarations)
    else:
        with progress_bar("Attack", terminal) as progress:
            outcome = run(plan, settings_of(None).declarations, progress)
    if out is not None:
        write_outcome(outcome, out)
    if as_json:
        typer.echo(json.dumps(outcome.as_dict(), indent=2))
    else:
        terminal.print(attack_table(outcome))
        terminal.print(verdict(outcome))
