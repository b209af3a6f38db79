"""Tags: how lists name a person without holding a pseudonym. HMAC-SHA-256 under a secret of the hub.

The secret (`hub/keys/rights.key`) is made at the first use, stays at the hub and is backed up with the hub's keys,
apart from the database: a list of tags without it is of no use, and nobody's pseudonym can be tried against it.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.errors import KeyMaterialError
from pipeline.settings import Settings
from pipeline.store.locks import file_lock

KEY_FILE = "rights.key"
KEY_BYTES = 32


@dataclass(frozen=True)
class Tagger:
    """Makes tags of 32 bytes."""

    key: bytes = field(repr=False)

    def record(self, partner: str, person_ref: bytes) -> bytes:
        """The tag of a partner's record: of the partner's name and its pseudonym (16 bytes)."""
        return self._of("record", partner.encode(), person_ref)

    def number(self, of: str, number: int) -> bytes:
        """The tag of a person's or a family's id."""
        return self._of(of, str(number).encode())

    def content(self, text: str) -> str:
        """A keyed print of a row's content, in hexadecimal."""
        return self._of("content", text.encode()).hex()

    def among(self, partner: str, person_refs: Iterable[bytes], tags: frozenset[bytes]) -> list[bytes]:
        """Those pseudonyms of a partner whose tag is in the list."""
        return [one for one in person_refs if self.record(partner, one) in tags]

    def _of(self, *parts: str | bytes) -> bytes:
        octets = [part.encode() if isinstance(part, str) else part for part in parts]
        return hmac.digest(self.key, b"".join(b"%d:%b," % (len(part), part) for part in octets), "sha256")


def load_tagger(settings: Settings, *, needed: bool) -> Tagger:
    """The hub's tagger; its secret is made where there is none.

    `needed`: tags made with it exist already. Raises KeyMaterialError when the secret is then missing, or unreadable.
    """
    path = settings.hub_keys / KEY_FILE
    settings.hub_keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file_lock(settings.hub_keys / f".{KEY_FILE}.lock"):
        if not path.exists():
            if needed:
                raise KeyMaterialError(
                    where=str(path),
                    rule="the secret of the rights ledger is gone, and there are entries made with it.",
                    remedy="restore it from the hub's key backup; until then nothing is loaded or built.",
                )
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(os.urandom(KEY_BYTES).hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except ValueError:
            key = b""
    if len(key) != KEY_BYTES:
        raise KeyMaterialError(
            where=str(path), rule="this is not a readable secret.", remedy="restore it from the hub's key backup."
        )
    return Tagger(key)
