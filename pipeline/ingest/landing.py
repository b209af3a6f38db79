"""The landing folder: which deliveries wait, what lies in one, and where it goes afterwards.

A half-written upload is never opened: the manifest's signature is written last, so a folder without it is left
alone, until everything its manifest names has arrived and stayed as it is for a while; then it was never signed.
Nothing here reads what is inside a sealed file.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import DeliveryError
from pipeline.manifest import DELIVERY_ID, MANIFEST_FILE, SIGNATURE_FILE, Manifest, file_sha256
from pipeline.settings import Settings
from pipeline.store.locks import file_lock, file_lock_if_free

LARGEST_MANIFEST = 1 << 20
MOST_ENTRIES = 64  # of a delivery's folder
NUMBERED = re.compile(r"~\d+$")


@dataclass(frozen=True)
class Landed:
    """One complete upload: its folder, and the partner in whose landing folder it lies."""

    folder: Path
    partner: str
    signed: bool

    @property
    def name(self) -> str:
        """The delivery id that the folder is named by; when it is no such name, one that holds nothing of it."""
        if re.fullmatch(DELIVERY_ID.pattern, self.folder.name):
            return self.folder.name
        return f"{self.partner}-unnamed-{hashlib.sha256(self.folder.name.encode()).hexdigest()[:8]}"

    @property
    def sequence(self) -> int:
        """Its sequence number as its name says, 0 when the name says nothing; only for putting it in order."""
        return int(self.name.split("-")[1]) if re.fullmatch(DELIVERY_ID.pattern, self.folder.name) else 0

    def refusal(self, code: str, rule: str, remedy: str, file: str = "") -> DeliveryError:
        """The error that rejects this delivery."""
        where = f"delivery {self.name}" + (f", {file}" if file else "")
        return DeliveryError(code=code, where=where, rule=rule, remedy=remedy)


def waiting_deliveries(settings: Settings, partner: str, patience: float) -> list[Landed]:
    """Every complete upload in the partner's landing folder, in the order of their sequence numbers.

    An upload whose files are all there but which has no signature is waited for at most `patience` seconds: it may
    be about to come. After that it counts as complete, and unsigned.
    """
    landing = settings.landing(partner)
    if not landing.is_dir():
        return []
    folders = [path for path in sorted(landing.iterdir()) if path.is_dir() and not path.is_symlink()]
    landed = [
        Landed(folder=folder, partner=partner, signed=_is_signed(folder))
        for folder in folders
        if _is_signed(folder) or _stays_unsigned(folder, patience)
    ]
    return sorted(landed, key=lambda delivery: (delivery.sequence, delivery.folder.name))


def read_small(landed: Landed, name: str) -> bytes:
    """The bytes of the manifest or its signature. Raises DeliveryError when it is no plain file of sane size."""
    path = landed.folder / name
    try:
        found = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST_MANIFEST else None
    except FileNotFoundError:
        content = None
    if content is None:
        raise landed.refusal(
            "bad_manifest", f"{name} is missing, too large, or not a plain file.", "deliver again with the kit.", name
        )
    return content


def check_listing(landed: Landed, manifest: Manifest) -> None:
    """Raise DeliveryError unless the folder holds exactly the files that the manifest names, as plain files."""
    expected = {file.name for file in manifest.files} | {MANIFEST_FILE, SIGNATURE_FILE}
    found = {path.name: path.lstat() for path in itertools.islice(landed.folder.iterdir(), MOST_ENTRIES + 1)}
    unexpected = landed.refusal(
        "unexpected_file",
        "the folder holds something that the manifest does not name, or that is not a plain file.",
        "deliver again with the kit, into a folder of its own.",
    )
    if len(found) > MOST_ENTRIES:
        raise unexpected
    missing = sorted(expected - set(found))
    if missing:
        raise landed.refusal(
            "incomplete", f"{', '.join(missing)} of the manifest is not there.", "deliver it again, whole."
        )
    if set(found) != expected or not all(stat.S_ISREG(entry.st_mode) for entry in found.values()):
        raise unexpected


def archived_copy(settings: Settings, landed: Landed) -> bool:
    """Whether a delivery of this name already lies in the archive of accepted deliveries."""
    return (settings.accepted(landed.partner) / landed.folder.name).exists()


def archive_accepted(settings: Settings, landed: Landed) -> None:
    """Move an accepted delivery, sealed as it came, out of the landing folder."""
    _move(landed.folder, settings.accepted(landed.partner))


def set_aside_rejected(settings: Settings, landed: Landed) -> None:
    """Move a rejected delivery, sealed as it came, out of the landing folder."""
    _move(landed.folder, settings.rejected(landed.partner))


@contextlib.contextmanager
def private_folder(settings: Settings, partner: str) -> Iterator[Path]:
    """A folder that only this user can read, for what is opened; afterwards it is wiped, whatever happens.

    The caller holds the partner's lock, so nobody else is using the partner's folder; a file's lock tells others so.
    """
    parent = _opening(settings) / partner
    with file_lock(_in_use(settings, partner)):
        wipe(parent)
        parent.mkdir(mode=0o700, parents=True)
        try:
            yield Path(tempfile.mkdtemp(dir=parent))
        finally:
            wipe(parent)


def sweep_opened(settings: Settings) -> int:
    """Wipe what killed runs left opened, of any partner; returns how many folders. What a run is using stays."""
    swept = 0
    for left in sorted(path for path in _opening(settings).glob("*") if path.is_dir()):
        with file_lock_if_free(_in_use(settings, left.name)) as free:
            if free and left.exists():
                wipe(left)
                swept += 1
    return swept


def wipe(folder: Path) -> None:
    """Overwrite the files of a folder with zeros, and remove it; nothing where there is none.

    Journals and flash memory may still hold copies: the hub's disk is to be encrypted (docs/deliveries.md).
    """
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and not path.is_symlink():
            wipe_file(path)
    shutil.rmtree(folder, ignore_errors=True)


def wipe_file(path: Path) -> None:
    """Overwrite a file with zeros as far as the disk allows, and remove it."""
    with contextlib.suppress(OSError), path.open("r+b") as handle:
        left = os.fstat(handle.fileno()).st_size
        while left > 0:
            left -= handle.write(bytes(min(left, 1 << 20)))
        handle.flush()
        os.fsync(handle.fileno())
    path.unlink(missing_ok=True)


def _opening(settings: Settings) -> Path:
    return settings.work / "opening"


def _in_use(settings: Settings, partner: str) -> Path:
    """The file whose lock says that a run is using the partner's folder."""
    return settings.hub / "locks" / f"opening-{partner}"


def _is_signed(folder: Path) -> bool:
    return (folder / SIGNATURE_FILE).exists() and (folder / MANIFEST_FILE).exists()


def _stays_unsigned(folder: Path, patience: float) -> bool:
    if not _is_complete(folder):
        return False
    quiet_since = max(path.stat().st_ctime for path in [folder, *folder.iterdir()])
    deadline = min(quiet_since, time.time()) + patience
    while time.time() < deadline and not _is_signed(folder):
        time.sleep(0.05)
    return True


def _is_complete(folder: Path) -> bool:
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())
        return all(file_sha256(folder / file.name) == file.sha256 for file in manifest.files)
    except (OSError, ValidationError):
        return False


def _move(folder: Path, into: Path) -> None:
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    target, copies = into / folder.name, 0
    while target.exists():
        copies += 1
        target = into / f"{folder.name}~{copies}"
    shutil.move(folder, target)
