"""Open the sealed files of a delivery into a private folder: hashed, decrypted and measured in one pass.

Clear content exists only there, readable by this user alone, and each file goes as soon as it is used. A file has its
name only when it is whole and is what was signed; one that is not is wiped.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import StoreError
from pipeline.ingest.landing import Landed, wipe_file
from pipeline.manifest import Manifest, SealedFile

LARGEST_FILE = 16 << 30  # bytes of one opened file; a county's events are about 0.3 GB
LONGEST_ROW, SPARE = 4096, 16 << 20  # bytes a row on average, of a table in text; and of a few that are far longer


def unseal(landed: Landed, manifest: Manifest, identity: Any, folder: Path, tell: Callable[[float], None]) -> None:
    """Open every file of the manifest into `folder`, under its table's name without `.age`.

    Raises DeliveryError `tampered` when a sealed file is not the one that was signed, `cannot_open` when it is not
    sealed to this hub, `truncated` when the opened file has another length than the manifest says, `too_large`;
    StoreError when the hub itself cannot write.
    """
    for number, file in enumerate(manifest.files, start=1):
        _check_size(landed, file)
        target = opened_path(folder, file)
        part = target.with_name(f".{target.name}.part")
        try:
            _unseal_file(landed, file, identity, part)
            part.rename(target)
        finally:
            if part.exists():
                wipe_file(part)
        tell(number / len(manifest.files))


def opened_path(folder: Path, file: SealedFile) -> Path:
    """Where the opened form of a sealed file stands."""
    return folder / file.name.removesuffix(".age")


def _check_size(landed: Landed, file: SealedFile) -> None:
    """Refuse what says of itself that it is larger than the hub can hold, before a byte of it is opened."""
    text = file.name.endswith(".csv.age")
    if file.bytes > LARGEST_FILE or (text and file.bytes > LONGEST_ROW * (file.rows + 1) + SPARE):
        raise landed.refusal(
            "too_large",
            f"it has {file.bytes} bytes for {file.rows} rows, more than {LARGEST_FILE} in all or {LONGEST_ROW} a row.",
            "look for a column that carries documents in the extract, mend it, and deliver again.",
            file.name,
        )


def _unseal_file(landed: Landed, file: SealedFile, identity: Any, target: Path) -> None:
    import pyrage

    failed = False
    with (landed.folder / file.name).open("rb") as source:
        reader, writer = _Hashed(source), _Measured(target, file.bytes)
        try:
            pyrage.decrypt_io(reader, writer, [identity])
        except (OSError, pyrage.DecryptError):
            failed = True
        finally:
            writer.close()
        reader.drain()
    if reader.digest() != file.sha256:
        raise landed.refusal(
            "tampered",
            "the file is not the one that the partner signed.",
            "deliver again; keep this copy.",
            file.name,
        )
    if writer.broken:
        raise StoreError(
            where=str(target.parent),
            rule="the hub cannot write the opened file.",
            remedy="make room on the disk and run the ingest again; the delivery still waits.",
        )
    if failed and writer.written <= file.bytes:
        raise landed.refusal(
            "cannot_open",
            "the file is not sealed to this hub's key, or not sealed whole.",
            "compare the partner's hub.recipient with the hub's, and deliver again.",
            file.name,
        )
    if writer.written != file.bytes:
        raise landed.refusal(
            "truncated", "the opened file has another length than its manifest says.", "deliver again.", file.name
        )


class _Hashed:
    """Reads on, and hashes what was read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self._hash = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(size)
        self._hash.update(piece)
        return piece

    def drain(self) -> None:
        while self.read(1 << 20):
            pass

    def digest(self) -> str:
        return self._hash.hexdigest()


class _Measured:
    """Writes to a file of this user alone, and stops when more comes than was announced."""

    def __init__(self, path: Path, announced: int) -> None:
        self._handle = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._announced = announced
        self.written = 0
        self.broken = False

    def write(self, piece: bytes) -> int:
        self.written += len(piece)
        if self.written > self._announced:
            raise OSError("more than announced")
        try:
            return self._handle.write(piece)
        except OSError:
            self.broken = True
            raise

    def flush(self) -> None:
        self._handle.flush()

    def close(self) -> None:
        try:
            self._handle.close()
        except OSError:
            self.broken = True
