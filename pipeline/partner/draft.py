"""The draft: a folder of plain pseudonymised files in the outbox, with a summary of what the manifest will say."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from pipeline.errors import ExtractError
from pipeline.manifest import ChanceAgreement, Strict, file_sha256

SUMMARY_FILE = "summary.json"


class DraftFile(Strict):
    """One plain file: the table it holds, its rows (without header), bytes and sha256."""

    table: str
    name: str
    rows: int
    bytes: int
    sha256: str


class Draft(Strict):
    """What a draft says of itself. `draft_id` becomes the last part of its delivery's id: a draft is sealed once."""

    draft_id: str = Field(pattern=r"^[0-9a-f]{8}$")
    partner: str
    contract_version: str
    encoding_version: int
    key_version: int
    kind: Literal["full", "delta"] = "full"
    base_manifest_sha256: str | None = None  # of a delta: the manifest of the delivery it builds on
    period_from: dt.date
    period_to: dt.date
    files: tuple[DraftFile, ...]
    known_answers: tuple[str, ...]
    chance_agreement: tuple[ChanceAgreement, ...]
    problems: dict[str, int]


def draft_file(table: str, path: Path, rows: int) -> DraftFile:
    """The entry of a file just written."""
    return DraftFile(table=table, name=path.name, rows=rows, bytes=path.stat().st_size, sha256=file_sha256(path))


def read_draft(folder: Path) -> Draft:
    """The summary of a draft, its files checked against it. Raises ExtractError where one is missing or changed."""
    try:
        draft = Draft.model_validate_json((folder / SUMMARY_FILE).read_bytes())
        whole = all(file_sha256(folder / file.name) == file.sha256 for file in draft.files)
    except (OSError, ValidationError):
        whole = False
    if not whole:
        raise ExtractError(
            where=str(folder),
            rule="the draft is not whole, or was changed since it was made.",
            remedy="pseudonymise the extract again.",
        )
    return draft


def discard(folder: Path) -> None:
    """Take a draft away, and what a killed run left of one being taken away: gone by its name at once, then wiped."""
    doomed = folder.with_name(f".{folder.name}.discarded")
    if doomed.exists():
        wipe(doomed)
    if folder.exists():
        folder.rename(doomed)
        wipe(doomed)


def wipe(folder: Path) -> None:
    """Overwrite the plain files of a folder with zeros and remove it with everything in it.

    Overwriting keeps a file from being read back on ordinary disks; journals and flash memory may still hold copies,
    so the disk should be encrypted (docs for partners say so).
    """
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
            continue
        with path.open("r+b") as handle:
            left = path.stat().st_size
            while left > 0:
                left -= handle.write(bytes(min(left, 1 << 20)))
            handle.flush()
            os.fsync(handle.fileno())
        path.unlink()
    folder.rmdir()
