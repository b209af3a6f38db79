"""How a program of ours ends: a problem somebody can act on as one plain message and its exit code, never a value."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

PROGRAM = "wholefamily"
_COMMAND = re.compile(rf"\b{PROGRAM} (?=[a-z])")


def named(text: str, program: str) -> str:
    """A text with our commands under the name of the program that is run."""
    return _COMMAND.sub(f"{program} ", text)


def run(app: Callable[[], object], program: str = PROGRAM) -> None:
    """Run a command line to its end."""
    from pipeline.errors import WholeFamilyError

    try:
        app()
    except WholeFamilyError as error:
        remedy = named(error.remedy, program)
        sys.stderr.write(f"\nStopped: {error.where}\n  Rule:       {error.rule}\n  What to do: {remedy}\n")
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
    frames = [frame for frame in traceback.extract_tb(fault.__traceback__) if "pipeline" in Path(frame.filename).parts]
    if not frames:
        return "a library"
    parts = Path(frames[-1].filename).parts
    inside = parts[len(parts) - parts[::-1].index("pipeline") :]
    return f"{'/'.join(inside)}, line {frames[-1].lineno}"
