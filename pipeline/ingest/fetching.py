"""Fetch deliveries that were handed over elsewhere (SFTP, object storage) into the hub's own landing folder.

Only what is signed, whole by its listing, is fetched: first the manifest and its signature, and what these do not bear
out is not fetched at all but moved aside over there. Each file is limited, while it streams, to what a file of the
stated size can be when sealed. A delivery moves: it is whole and safe here, then it goes there, then it is seen
here; killed at any moment, the next run goes on.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pipeline.errors import DeliveryError, StoreError
from pipeline.ingest.keys import load_public_key
from pipeline.ingest.landing import LARGEST_MANIFEST, Landed
from pipeline.ingest.unsealing import LARGEST_FILE
from pipeline.ingest.verifying import verify
from pipeline.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest, file_sha256
from pipeline.settings import Settings
from pipeline.transport import RemoteFolder, landing_at

SEALED_HEADER, SEALED_CHUNK, SEALED_TAG = 4096, 1 << 16, 16  # of age: header at most, and a tag for each chunk
ROOM_LEFT = 1 << 30  # bytes of disk that a fetch leaves free


def fetch_waiting(settings: Settings, partner: str) -> list[str]:
    """Move every complete delivery of the partner from where it hands over into the hub's landing folder.

    Returns their names; none where partners put them into that folder themselves. Raises TransportError when the place
    cannot be reached (what was fetched before stays), StoreError when there is no room, KeyMaterialError when the
    partner's public key is not registered. The caller holds the partner's lock.
    """
    place = landing_at(settings.landing_place(partner), settings.landing_credentials)
    if not isinstance(place, RemoteFolder):
        if place.path == settings.landing(partner).resolve():
            return []
        place = RemoteFolder(f"file://{place.path}")
    staging = settings.work / "fetching" / partner
    shutil.rmtree(staging / "part", ignore_errors=True)
    fetched = []
    for delivery in _safe_here(staging):
        fetched.append(_hand_in(settings, partner, place, staging / "whole" / delivery))
    for delivery in place.deliveries():
        if (settings.landing(partner) / delivery).exists():  # one of this name is still to be decided on
            continue
        part = staging / "part" / delivery
        part.mkdir(mode=0o700, parents=True)
        if _fetch(settings, place, partner, part):
            whole = staging / "whole" / delivery
            whole.parent.mkdir(mode=0o700, exist_ok=True)
            part.rename(whole)
            _sync(whole.parent)
            fetched.append(_hand_in(settings, partner, place, whole))
        else:
            place.set_aside(delivery)
            _move(part, settings.landing(partner))
            fetched.append(delivery)
    return fetched


def _safe_here(staging: Path) -> list[str]:
    whole = staging / "whole"
    return sorted(folder.name for folder in whole.iterdir()) if whole.is_dir() else []


def _hand_in(settings: Settings, partner: str, place: RemoteFolder, whole: Path) -> str:
    place.take_away(whole.name)
    _move(whole, settings.landing(partner))
    return whole.name


def _fetch(settings: Settings, place: RemoteFolder, partner: str, folder: Path) -> bool:
    """Fetch a delivery into `folder`; false where its signature or manifest is not the partner's: then those two."""
    public_key = load_public_key(settings, partner)
    for name in (MANIFEST_FILE, SIGNATURE_FILE):
        if not place.fetch(folder.name, name, folder / name, LARGEST_MANIFEST):
            (folder / name).touch(mode=0o600)  # too large: an empty one is refused for what it is
    try:
        manifest = verify(Landed(folder, partner, signed=True), public_key).manifest
    except DeliveryError:
        return False
    there = place.files(folder.name)
    _check_room(folder, manifest)
    for file in manifest.files:
        if file.name not in there:
            continue
        for _ in range(2):  # one that was damaged on its way is fetched once more, before it is held against anybody
            most = sealed_size(min(file.bytes, LARGEST_FILE))
            if not place.fetch(folder.name, file.name, folder / file.name, most):
                (folder / file.name).touch(mode=0o600)
                break
            if file_sha256(folder / file.name) == file.sha256:
                break
    _sync(folder)
    return True


def sealed_size(plain: int) -> int:
    """The most bytes that a file of this size has when sealed by age."""
    return plain + SEALED_HEADER + SEALED_TAG * (plain // SEALED_CHUNK + 1)


def _check_room(folder: Path, manifest: Manifest) -> None:
    wanted = sum(sealed_size(min(file.bytes, LARGEST_FILE)) for file in manifest.files)
    if shutil.disk_usage(folder).free < wanted + ROOM_LEFT:
        raise StoreError(
            where=str(folder.parent),
            rule="there is no room for a delivery that waits to be fetched.",
            remedy="make room on the disk and run the ingest again; the delivery still waits where it was handed over.",
        )


def _move(folder: Path, into: Path) -> None:
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.rename(into / folder.name)
    _sync(into)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
