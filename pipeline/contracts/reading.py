"""Read one YAML declaration; an error names the file and, where it is known, the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipeline.errors import DeclarationError

Item = TypeVar("Item")
# The same safe loader written in C, where it was built: about ten times faster.
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises DeclarationError when the file is missing, is not YAML, or holds something else than a mapping.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=SAFE_LOADER)  # noqa: S506
    except FileNotFoundError:
        raise DeclarationError(
            where=str(path), rule="the declaration does not exist.", remedy="create it, or check the name."
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise DeclarationError(
            where=f"{path.name}{line}", rule="this is not valid YAML.", remedy="mend the line."
        ) from None
    if not isinstance(document, dict):
        raise DeclarationError(
            where=path.name, rule="a declaration is a mapping.", remedy="compare it with one beside it."
        )
    return document


def line_of(path: Path, text: str) -> int:
    """The first line of the file that holds `text` (1-based), or 1: good enough to send a reader there."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, start=1) if text in line), 1)


def require(condition: bool, *, path: Path, rule: str, remedy: str, near: str = "") -> None:
    """Raise DeclarationError at the line that holds `near` unless the condition holds."""
    if not condition:
        where = f"{path.name}, line {line_of(path, near)}" if near else path.name
        raise DeclarationError(where=where, rule=rule, remedy=remedy)
