"""The command line, used by people, the DAGs and the tests alike. Heavy imports happen inside the commands."""

from __future__ import annotations

import sys

import typer

from pipeline.cli import demo, governance, hub, partner

HELP = """Whole Family: pseudonymise at each partner, link on encodings, form families, evaluate criteria, publish.

Everything of an installation stands in its home: --home DIR, or WHOLEFAMILY_HOME, or ./wholefamily-home.
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
)
for group in (demo, partner, hub, governance):
    group.add_to(app)


def main() -> None:
    """Run the command line; a problem somebody can act on ends as one plain message and its exit code."""
    from pipeline.errors import WholeFamilyError

    try:
        app()
    except WholeFamilyError as error:
        sys.stderr.write(f"\nStopped: {error.where}\n  Rule:       {error.rule}\n  What to do: {error.remedy}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
