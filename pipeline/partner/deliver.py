"""Hand a sealed delivery over to the hub: every file whole before its name is seen, the signature last.

The hub takes a delivery away as soon as it is signed. So just before the signature a note is left beside the sealed
copy: who finds the note and nothing at the landing place knows that it has arrived, and sends nothing again.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from pipeline.errors import ExtractError
from pipeline.manifest import SIGNATURE_FILE
from pipeline.transport import Landing

NOTE = ".handed-over"


def deliver(delivery: Path, landing: Landing) -> PurePath:
    """Copy a delivery's folder to the landing place; returns where it landed. Doing so again changes nothing.

    Raises ExtractError where the folder is not a sealed delivery, TransportError where the place cannot be reached.
    The hub opens no folder without the signature.
    """
    _put_files(delivery, landing)
    landing.put(delivery / SIGNATURE_FILE, delivery.name)
    return landing.location(delivery.name)


def hand_over(sealed: Path, landing: Landing, sent: Path) -> PurePath:
    """Deliver what stands sealed in the outbox, once, and move it to `sent`; returns where it landed.

    Raises ExtractError where an earlier call was cut off and the landing place is not the one it delivered to: then
    nobody can tell from here whether it arrived. TransportError where the place cannot be reached: call again.
    """
    note = sealed.with_name(f".{sealed.name}{NOTE}")
    if note.exists():
        _check_same_landing(note, landing)
    if not note.exists() or landing.has(sealed.name):
        _put_files(sealed, landing)
        _write_whole(note, landing.identity() or "")
        landing.put(sealed / SIGNATURE_FILE, sealed.name)
    sent.mkdir(exist_ok=True)
    sealed.rename(sent / sealed.name)
    note.unlink()
    return landing.location(sealed.name)


def forget_notes(outbox: Path) -> None:
    """Remove the notes of sealed copies that have moved on: a run was killed in between."""
    for note in outbox.glob(f".*{NOTE}"):
        if not (outbox / note.name.removeprefix(".").removesuffix(NOTE)).exists():
            note.unlink()


def _put_files(delivery: Path, landing: Landing) -> None:
    if not (delivery / SIGNATURE_FILE).exists():
        raise ExtractError(
            where=str(delivery),
            rule="this is not a sealed delivery.",
            remedy="seal a draft first: wholefamily deliver.",
        )
    for path in sorted(path for path in delivery.iterdir() if path.name != SIGNATURE_FILE):
        landing.put(path, delivery.name)


def _check_same_landing(note: Path, landing: Landing) -> None:
    identity = landing.identity()
    if identity is not None and note.read_text(encoding="utf-8") == identity:
        return
    raise ExtractError(
        where=landing.name,
        rule="an earlier delivery was cut off, and this is not the place it was put into.",
        remedy=f"mount or reach that place again and deliver; or ask the hub whether it has the delivery, then remove "
        f"{note} (to send it again) or its sealed folder beside it (it has arrived).",
    )


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)
