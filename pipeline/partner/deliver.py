"""Put a sealed delivery into a landing folder: every file whole before its name is seen, the signature last.

The hub takes a delivery away as soon as it is signed. So just before the signature a note is left beside the sealed
copy: who finds the note and no folder at the landing knows that it has arrived, and sends nothing again.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from pipeline.errors import ExtractError
from pipeline.manifest import SIGNATURE_FILE

NOTE = ".handed-over"


def deliver(delivery: Path, landing: Path) -> Path:
    """Copy a delivery's folder into the landing folder; returns where it landed. Doing so again changes nothing.

    Raises ExtractError where the folder is not a sealed delivery. The hub opens no folder without the signature.
    """
    target = _put_files(delivery, landing)
    _put(delivery / SIGNATURE_FILE, target / SIGNATURE_FILE)
    return target


def hand_over(sealed: Path, landing: Path, sent: Path) -> Path:
    """Deliver what stands sealed in the outbox, once, and move it to `sent`; returns where it landed.

    Raises ExtractError where an earlier call was cut off and the landing folder is not the one it delivered to: then
    nobody can tell from here whether it arrived.
    """
    note, target = sealed.with_name(f".{sealed.name}{NOTE}"), landing / sealed.name
    if note.exists():
        _check_same_landing(note, landing)
    if not note.exists() or target.exists():
        _put_files(sealed, landing)
        _write_whole(note, _identity_of(landing))
        _put(sealed / SIGNATURE_FILE, target / SIGNATURE_FILE)
    sent.mkdir(exist_ok=True)
    sealed.rename(sent / sealed.name)
    note.unlink()
    return target


def forget_notes(outbox: Path) -> None:
    """Remove the notes of sealed copies that have moved on: a run was killed in between."""
    for note in outbox.glob(f".*{NOTE}"):
        if not (outbox / note.name.removeprefix(".").removesuffix(NOTE)).exists():
            note.unlink()


def _put_files(delivery: Path, landing: Path) -> Path:
    if not (delivery / SIGNATURE_FILE).exists():
        raise ExtractError(
            where=str(delivery),
            rule="this is not a sealed delivery.",
            remedy="seal a draft first: wholefamily deliver.",
        )
    target = landing / delivery.name
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(path.name for path in delivery.iterdir() if path.name != SIGNATURE_FILE):
        _put(delivery / name, target / name)
    return target


def _put(source: Path, target: Path) -> None:
    if target.exists():
        return
    part = target.with_name(f".{target.name}.part")
    with source.open("rb") as read, part.open("wb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())
    part.replace(target)


def _identity_of(landing: Path) -> str:
    """Which folder this is, whatever path leads there: a share that is not mounted is another one."""
    found = landing.stat()
    return json.dumps({"device": found.st_dev, "inode": found.st_ino})


def _check_same_landing(note: Path, landing: Path) -> None:
    if landing.is_dir() and note.read_text(encoding="ascii") == _identity_of(landing):
        return
    raise ExtractError(
        where=str(landing),
        rule="an earlier delivery was cut off, and this is not the folder it was put into.",
        remedy=f"mount that folder again and deliver; or ask the hub whether it has the delivery, then remove "
        f"{note} (to send it again) or its sealed folder beside it (it has arrived).",
    )


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="ascii") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)
