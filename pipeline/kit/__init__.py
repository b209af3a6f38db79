"""`wholefamily-partner`: the commands of the partner's data officer as a program of its own.

`kit/` makes its wheel, which holds this package, `pipeline.partner` and what these two need; nothing of the hub.
"""

from __future__ import annotations

PROGRAM = "wholefamily-partner"


def main() -> None:
    """Run the kit's command line."""
    from pipeline.cli.ending import run
    from pipeline.kit.commands import app

    run(app, PROGRAM)
