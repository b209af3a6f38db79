"""The command line, used by people, the DAGs and the tests alike. Heavy imports happen inside the commands."""

from __future__ import annotations

import os
import sys
import traceback

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
    partner,
    questions,
    review,
    rights,
)

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
    escalation,
    access,
):
    group.add_to(app)


def main() -> None:
    """Run the command line; a problem somebody can act on ends as one plain message and its exit code."""
    from pipeline.errors import WholeFamilyError

    try:
        app()
    except WholeFamilyError as error:
        sys.stderr.write(f"\nStopped: {error.where}\n  Rule:       {error.rule}\n  What to do: {error.remedy}\n")
        sys.exit(error.exit_code)
    except Exception as fault:  # its text may hold a value: say what and where, never the text
        sys.stderr.write(f"\nStopped by a fault of the program: {type(fault).__name__} in {_place_of(fault)}.\n")
        sys.stderr.write(
            "  What to do: report this line. What is published is the old night or the new one, never a mix.\n"
        )
        if os.environ.get("WHOLEFAMILY_TRACEBACK") == "1":  # a developer's machine, made-up data
            raise
        sys.exit(70)


def _place_of(fault: BaseException) -> str:
    """File and line of our innermost frame."""
    frames = [frame for frame in traceback.extract_tb(fault.__traceback__) if "/pipeline/" in frame.filename]
    return f"{frames[-1].filename.rpartition('/pipeline/')[2]}, line {frames[-1].lineno}" if frames else "a library"
