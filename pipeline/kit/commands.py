"""Which commands the partner's kit has, under the name of its program. What they do stands in `pipeline.cli`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import linkage_keys, partner, questions
from pipeline.cli.ending import named
from pipeline.cli.options import Home, contract_of, settings_of
from pipeline.kit import PROGRAM

HELP = """Whole Family at the partner: pseudonymise an extract, look at what leaves, seal it, hand it over.

Keys, outbox and ledger stand in the home: --home DIR, or WHOLEFAMILY_HOME, or ./wholefamily-home.
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
)
keys_app = typer.Typer(help="The partner's keys: make, install, check.", no_args_is_help=True)


@app.callback()
def _declarations(
    declarations: Annotated[
        Path | None,
        typer.Option("--declarations", help="Contracts and encoding of your agreement (default: the kit's)."),
    ] = None,
) -> None:
    if declarations is not None:
        os.environ["WHOLEFAMILY_DECLARATIONS"] = str(declarations)


def withdraw(
    delivery_id: Annotated[str, typer.Argument(help="The delivery to take back.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is logged. No name of a person.")],
    home: Home = None,
) -> None:
    """Send the hub a signed order to take a delivery back; its next ingest carries it out.

    Example: `wholefamily withdraw schools-000002-1f3a9c04 --reason "wrong school year"`
    """
    from pipeline.installation import withdraw_and_deliver

    settings = settings_of(home)
    contract = contract_of(settings, delivery_id.split("-")[0])
    for landed in withdraw_and_deliver(settings, contract, delivery_id, reason):
        typer.echo(f"Delivered {landed.name} into {landed.parent}")


def _add(group: typer.Typer, command: Callable[..., Any], name: str | None = None) -> None:
    group.command(name, help=named(inspect.getdoc(command) or "", PROGRAM))(command)


for one in (
    partner.send,
    partner.pseudonymise,
    partner.deliver,
    partner.sent,
    partner.rejected,
    partner.reveal,
    withdraw,
):
    _add(app, one)
for called, key_command in (
    ("linkage", partner.keys_linkage),
    ("partner", partner.keys_partner),
    ("install", linkage_keys.install),
    ("check", linkage_keys.check),
):
    _add(keys_app, key_command, called)
app.add_typer(keys_app, name="keys")
questions_app = typer.Typer(help="Answer the hub's questions about your own records.", no_args_is_help=True)
_add(questions_app, questions.questions_show, "show")
_add(questions_app, questions.questions_answer, "answer")
app.add_typer(questions_app, name="questions")
