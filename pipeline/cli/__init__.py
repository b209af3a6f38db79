"""The command line, used by people, the DAGs and the tests alike. Heavy imports happen inside the commands."""

from __future__ import annotations

import typer

from pipeline.cli import (
    access,
    alerts,
    attack,
    bench,
    cases,
    casework,
    claims,
    criteria,
    demo,
    escalation,
    exports,
    governance,
    holdings,
    hub,
    impact,
    key_versions,
    looked,
    metrics,
    partner,
    questions,
    review,
    rights,
)
from pipeline.cli.ending import run

HELP = """Whole Family: pseudonymise at each partner, link on encodings, form families, evaluate criteria, publish.

Everything of an installation stands in its home: --home DIR, or WHOLEFAMILY_HOME, or ./wholefamily-home.
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
)
for group in (
    demo,
    partner,
    key_versions,
    hub,
    criteria,
    governance,
    holdings,
    exports,
    rights,
    bench,
    attack,
    review,
    questions,
    casework,
    cases,
    claims,
    impact,
    alerts,
    metrics,
    escalation,
    access,
    looked,
):
    group.add_to(app)


def main() -> None:
    """Run the command line."""
    run(app)
