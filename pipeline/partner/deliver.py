"""Put a sealed delivery into a landing folder: every file whole before its name is seen, the signature last."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pipeline.errors import ExtractError
from pipeline.manifest import SIGNATURE_FILE


def deliver(delivery: Path, landing: Path) -> Path:
    """Copy a delivery's folder into the landing folder; returns where it landed. Doing so again changes nothing.

    Raises ExtractError where the folder is not a sealed delivery. The hub opens no folder without the signature.
    """
    if not (delivery / SIGNATURE_FILE).exists():
        raise ExtractError(
            where=str(delivery),
            rule="this is not a sealed delivery.",
            remedy="seal a draft first: wholefamily deliver.",
        )
    target = landing / delivery.name
    target.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in delivery.iterdir() if path.name != SIGNATURE_FILE)
    for name in [*names, SIGNATURE_FILE]:
        if not (target / name).exists():
            _copy(delivery / name, target / name)
    return target


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    with source.open("rb") as read, part.open("wb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())
    part.replace(target)
