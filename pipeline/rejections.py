"""The file of quarantined rows that goes back to a partner: both zones read it, so it stands below them.

It names rows by table, line of the partner's file, column and rule, and persons by the partner's own pseudonyms, which
only that partner can turn back. It holds no value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from pipeline.errors import ExtractError
from pipeline.manifest import DELIVERY_ID, Strict


class RejectedRow(Strict):
    """One quarantined row. `reference`: its person under the partner's own key; None where the row names nobody."""

    table: str = Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")
    row: int = Field(ge=1)
    column: str | None = Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")
    rule: str = Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")
    reference: str | None = Field(pattern=r"^[0-9a-f]{32}$")


class Rejections(Strict):
    """What the hub could not use of a delivery: all of it (`code` and the texts say why), or the rows listed."""

    format: Literal[1] = 1
    delivery_id: str = Field(pattern=DELIVERY_ID.pattern)
    partner: str
    state: str
    code: str | None = None
    reason: str | None = None
    remedy: str | None = None
    rows: tuple[RejectedRow, ...] = ()


def write_rejections(rejections: Rejections, path: Path) -> None:
    """Write the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(rejections.model_dump_json(indent=1), encoding="utf-8")
    part.replace(path)


def read_rejections(path: Path) -> Rejections:
    """Read the file. Raises ExtractError, without anything that stands in it."""
    try:
        return Rejections.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise ExtractError(
            where=str(path),
            rule="this is not a file of rejected rows as the hub writes it.",
            remedy="ask the hub for it again: wholefamily deliveries DELIVERY --out FILE",
        ) from None
