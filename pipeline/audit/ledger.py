"""The checkpoints of the log, kept as files outside the database, one file each; and the key that signs them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipeline.audit import merkle
from pipeline.audit.log import Entry
from pipeline.audit.notes import Checkpoint, read_note
from pipeline.errors import KeyMaterialError
from pipeline.settings import Settings
from pipeline.store.locks import file_lock

PRIVATE, PUBLIC = "audit.key", "audit.pub"
NAME = "checkpoint-{:06d}.txt"
PATTERN = "checkpoint-*.txt"


@dataclass(frozen=True)
class Kept:
    """One checkpoint as a file, and what it says."""

    path: Path
    note: str
    checkpoint: Checkpoint


def ledger_folder(settings: Settings) -> Path:
    """Where the checkpoints are kept."""
    return settings.hub / "checkpoints"


def read_ledger(folder: Path, key: Ed25519PublicKey) -> list[Kept]:
    """The checkpoints of a folder, in order of their file names. Raises KeyMaterialError for one that is not ours."""
    kept = []
    for path in sorted(folder.glob(PATTERN)):
        note = path.read_text(encoding="utf-8")
        kept.append(Kept(path, note, read_note(note, key, path.name)))
    return kept


def public_key(settings: Settings, text: str | None = None) -> Ed25519PublicKey | None:
    """The key that checkpoints are checked with: the one given in hexadecimal, else the one kept here, if any."""
    path = settings.hub_keys / PUBLIC
    try:
        if text is None:
            text = path.read_text(encoding="ascii")
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.strip()))
    except FileNotFoundError:
        return None
    except ValueError:
        raise KeyMaterialError(
            where="the audit key's public part",
            rule="it is not 64 hex digits.",
            remedy=f"copy it as `wholefamily checkpoint` printed it, or restore {path}.",
        ) from None


def digest(note: str) -> str:
    """SHA-256 of a note, in hexadecimal: how the next checkpoint and the log name it."""
    return hashlib.sha256(note.encode()).hexdigest()


def log_leaf(entry: Entry) -> bytes:
    """An entry as a leaf of the tree: its own hash, made anew, which covers its content and the entry before."""
    return merkle.leaf_hash(entry.hash_anew())


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key of this installation, made at the first use: random, readable by its owner alone."""
    path = settings.hub_keys / PRIVATE
    settings.hub_keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file_lock(settings.hub_keys / f".{PRIVATE}.lock"):
        if not path.exists():
            if any(ledger_folder(settings).glob(PATTERN)):
                raise KeyMaterialError(
                    where=str(path),
                    rule="the audit key is gone, and there are checkpoints signed with it.",
                    remedy="restore it from the hub's key backup.",
                )
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(Ed25519PrivateKey.generate().private_bytes_raw().hex() + "\n")
        try:
            key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
        except ValueError:
            raise KeyMaterialError(
                where=str(path), rule="this is not a readable key.", remedy="restore it from the hub's key backup."
            ) from None
        public = settings.hub_keys / PUBLIC
        if not public.exists():
            public.write_text(key.public_key().public_bytes_raw().hex() + "\n", encoding="ascii")
    return key


def write_once(path: Path, text: str) -> None:
    """Write a file that is not there yet, to the disk, readable by its owner alone."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
