"""A checkpoint: the log's size and Merkle root at a moment, signed, as a text that anybody can keep and check.

The form is that of transparency logs (C2SP signed-note and tlog-checkpoint, Ed25519), so that witnesses and tools
made for those can read it; the lines after the root are our own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipeline.errors import KeyMaterialError

DASH = "\u2014"
ED25519 = b"\x01"
LOG_NAME = "whole-family/audit"
FIRST = bytes(32).hex()


@dataclass(frozen=True)
class Checkpoint:
    """What is signed. `size` entries have the Merkle root `root`; the last of them is number `last_entry`.

    `number` counts checkpoints from 1; `previous` is the SHA-256 of the checkpoint before, in hexadecimal.
    """

    origin: str
    size: int
    root: bytes
    number: int
    last_entry: int
    at: str
    previous: str

    def text(self) -> str:
        """The text that is signed."""
        lines = [
            self.origin, str(self.size), base64.b64encode(self.root).decode(), f"number {self.number}",
            f"last-entry {self.last_entry}", f"at {self.at}", f"previous {self.previous}",
        ]  # fmt: skip
        return "".join(f"{line}\n" for line in lines)


def origin_of(key: Ed25519PublicKey) -> str:
    """The name of this installation's log: it tells the logs of two installations apart."""
    return f"{LOG_NAME}/{hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]}"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The checkpoint as a signed note."""
    text, public = checkpoint.text(), key.public_key()
    signature = _key_id(checkpoint.origin, public) + key.sign(text.encode())
    return f"{text}\n{DASH} {checkpoint.origin} {base64.b64encode(signature).decode()}\n"


def read_note(note: str, key: Ed25519PublicKey, where: str) -> Checkpoint:
    """A signed note's checkpoint. Raises KeyMaterialError when it is not one, or not signed by the key."""
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    origin = origin_of(key)
    if not any(_is_signed(text, line, origin, key) for line in signatures.splitlines()):
        raise _refused(where, "it is not signed with the audit key of this log.")
    try:
        named, size, root, *own = text.splitlines()
        said = dict(line.split(" ", 1) for line in own)
        found = Checkpoint(
            named, int(size), base64.b64decode(root, validate=True), int(said["number"]), int(said["last-entry"]),
            said["at"], said["previous"],
        )  # fmt: skip
    except (ValueError, KeyError):
        raise _refused(where, "it does not have the form of a checkpoint.") from None
    if found.text() != text or named != origin:
        raise _refused(where, "it does not have the form of a checkpoint of this log.")
    return found


def _is_signed(text: str, line: str, origin: str, key: Ed25519PublicKey) -> bool:
    try:
        dash, name, encoded = line.split(" ")
        signature = base64.b64decode(encoded, validate=True)
        if (dash, name, signature[:4]) != (DASH, origin, _key_id(origin, key)):
            return False
        key.verify(signature[4:], text.encode())
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    return True


def _key_id(name: str, key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + key.public_bytes_raw()).digest()[:4]


def _refused(where: str, rule: str) -> KeyMaterialError:
    return KeyMaterialError(
        where=where, rule=rule, remedy="compare it with the copy that a witness keeps, and find out who changed it."
    )
