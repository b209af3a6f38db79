"""The keys of a partner's site: made at random, kept in files only their owner can read, never shown.

`partner.key` turns the partner's references into pseudonyms; `linkage-v<n>.key` is shared by all partners and never
reaches the hub; `signing.key` signs deliveries; `hub.recipient` is the hub's public key. Sub-keys come from these by
HKDF (RFC 5869), one for each purpose, so that no two purposes ever use the same key.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.errors import KeyMaterialError
from pipeline.settings import Settings

KEY_BYTES = 32
PARTNER_KEY = "partner.key"
SIGNING_KEY = "signing.key"
HUB_RECIPIENT = "hub.recipient"
_LINKAGE_KEY = re.compile(r"linkage-v([1-9][0-9]{0,2})\.key")
_HEX_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PartnerKeys:
    """All keys that a partner's kit works with. What is secret never shows in the representation."""

    partner: str
    key_version: int
    partner_key: bytes = field(repr=False)
    linkage_key: bytes = field(repr=False)
    signing_key: bytes = field(repr=False)
    hub_recipient: str

    def reference_key(self, column: str) -> bytes:
        """The sub-key for pseudonyms of a reference ("people.person_ref"): this partner's alone."""
        return self._partner_sub_key(f"reference/{column}")

    def chance_key(self) -> bytes:
        """What seeds the sample of random pairs: the same every night, known to nobody else."""
        return self._partner_sub_key("chance agreement")

    def print_key(self) -> bytes:
        """The sub-key for prints of a person's rows, by which the kit sees who has changed."""
        return self._partner_sub_key("prints")

    def token_key(self, field_name: str, encoding_version: int) -> bytes:
        """The sub-key for exact tokens of a field."""
        return self._linkage_sub_key(f"token/{field_name}", encoding_version)

    def block_token_key(self, blocking_pass: str, encoding_version: int) -> bytes:
        """The sub-key that makes a pass's block values into block tokens."""
        return self._linkage_sub_key(f"block token/{blocking_pass}", encoding_version)

    def block_key(self, blocking_pass: str, encoding_version: int) -> bytes:
        """The sub-key that makes a pass's block values into the keys of the blocks, under which names and dates are
        encoded."""
        return self._linkage_sub_key(f"block key/{blocking_pass}", encoding_version)

    def _partner_sub_key(self, purpose: str) -> bytes:
        return derive(self.partner_key, f"whole family/partner/{self.partner}/{purpose}")

    def _linkage_sub_key(self, purpose: str, encoding_version: int) -> bytes:
        return derive(
            self.linkage_key, f"whole family/linkage/key {self.key_version}/encoding {encoding_version}/{purpose}"
        )


def derive(key: bytes, purpose: str) -> bytes:
    """HKDF-SHA-256 of a random key for one purpose: 32 bytes."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(key)


def linkage_key_path(settings: Settings, partner: str, key_version: int = 1) -> Path:
    """Where a partner keeps the linkage key of a version."""
    return settings.partner_keys(partner) / f"linkage-v{key_version}.key"


def held_versions(settings: Settings, partner: str) -> list[int]:
    """The versions of the linkage key that a partner holds, the newest last."""
    found = (_LINKAGE_KEY.fullmatch(path.name) for path in settings.partner_keys(partner).glob("linkage-v*.key"))
    return sorted(int(match.group(1)) for match in found if match)


def version_to_use(settings: Settings, partner: str, declared: Sequence[int], wanted: int | None = None) -> int:
    """The version to encode under: `wanted`, or the newest declared one that the partner holds. Raises KeyMaterialError
    where that is none."""
    held = held_versions(settings, partner)
    fitting = [one for one in declared if one in held and wanted in (None, one)]
    if not fitting:
        named = " or ".join(map(str, declared))
        if wanted not in (None, *declared):
            rule = f"deliveries are made under version {named} of the linkage key, and not under {wanted}."
            remedy = "pseudonymise again, without --key-version."
        else:
            rule = f"no linkage key of version {wanted or named} is here."
            remedy = "install the one the partners exchanged: wholefamily keys install PARTNER FILE --version N"
        raise KeyMaterialError(where=str(settings.partner_keys(partner)), rule=rule, remedy=remedy)
    return fitting[-1]


def create_linkage_key(path: Path) -> None:
    """Make a new linkage key. Raises KeyMaterialError rather than overwrite a file."""
    write_secret(path, secrets.token_bytes(KEY_BYTES))


def create_partner_keys(settings: Settings, partner: str) -> str:
    """Make the partner's own keys where they are missing; returns the public key (hex) that the hub registers."""
    folder = settings.partner_keys(partner)
    if not (folder / PARTNER_KEY).exists():
        write_secret(folder / PARTNER_KEY, secrets.token_bytes(KEY_BYTES))
    if not (folder / SIGNING_KEY).exists():
        write_secret(folder / SIGNING_KEY, Ed25519PrivateKey.generate().private_bytes_raw())
    return public_key(read_secret(folder / SIGNING_KEY))


def public_key(signing_key: bytes) -> str:
    """The Ed25519 public key (hex) of a signing key."""
    public = Ed25519PrivateKey.from_private_bytes(signing_key).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def install_linkage_key(settings: Settings, partner: str, source: Path, key_version: int = 1) -> None:
    """Copy a linkage key to a partner's keys, beside those of other versions. The same key again is no change; another
    one is refused, and so is a key that is held as another version already: it would be no new one."""
    key = read_secret(source)
    target = linkage_key_path(settings, partner, key_version)
    for other in held_versions(settings, partner):
        if other != key_version and secrets.compare_digest(
            read_secret(linkage_key_path(settings, partner, other)), key
        ):
            raise KeyMaterialError(
                where=str(source),
                rule=f"this is the linkage key of version {other}, not a new one.",
                remedy=f"install the key that was made for version {key_version}.",
            )
    if not target.exists():
        write_secret(target, key)
    elif not secrets.compare_digest(read_secret(target), key):
        raise KeyMaterialError(
            where=str(target),
            rule="another linkage key of this version is installed.",
            remedy="a new key needs a new key version; if this one was a mistake, move the file away first.",
        )


def install_hub_recipient(settings: Settings, partner: str, recipient: str) -> None:
    """Note the hub's public key, to which deliveries are sealed. Raises KeyMaterialError where it is none."""
    text = recipient.strip()
    try:
        pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise KeyMaterialError(
            where="the hub's recipient",
            rule="this is not an age recipient.",
            remedy="ask the hub for the line that starts with age1, and copy it whole.",
        ) from None
    folder = settings.partner_keys(partner)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / HUB_RECIPIENT).write_text(text + "\n", encoding="ascii")


def load_partner_keys(settings: Settings, partner: str, key_version: int | None = None) -> PartnerKeys:
    """A partner's keys, with the linkage key of a version (without one: the newest it holds, where the partner's own
    keys are what is needed). Raises KeyMaterialError where one is missing, damaged, or open to others."""
    if key_version is None:
        key_version = (held_versions(settings, partner) or [1])[-1]
    folder = settings.partner_keys(partner)
    recipient = folder / HUB_RECIPIENT
    if not recipient.exists():
        raise _missing(recipient)
    return PartnerKeys(
        partner=partner,
        key_version=key_version,
        partner_key=read_secret(folder / PARTNER_KEY),
        linkage_key=read_secret(linkage_key_path(settings, partner, key_version)),
        signing_key=read_secret(folder / SIGNING_KEY),
        hub_recipient=recipient.read_text(encoding="ascii").strip(),
    )


def write_secret(path: Path, key: bytes) -> None:
    """Write a key as hex, readable by its owner alone from the first moment. Raises KeyMaterialError if it exists."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyMaterialError(
            where=str(path), rule="a key stands here already.", remedy="keep it, or move it away first."
        ) from None
    with os.fdopen(handle, "w", encoding="ascii") as text:
        text.write(key.hex() + "\n")
        text.flush()
        os.fsync(text.fileno())


def read_secret(path: Path) -> bytes:
    """A key of 32 bytes from its file. Raises KeyMaterialError; the message never holds the file's content."""
    try:
        text = path.read_text(encoding="ascii").strip()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, UnicodeDecodeError):
        text, mode = "", 0
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise KeyMaterialError(
            where=str(path), rule="others than its owner can read or write this key.", remedy=f"run: chmod 600 {path}"
        )
    if not _HEX_KEY.fullmatch(text):
        raise KeyMaterialError(
            where=str(path), rule="this is not a key of 64 hex digits.", remedy="restore it from where keys are kept."
        )
    return bytes.fromhex(text)


def _missing(path: Path) -> KeyMaterialError:
    return KeyMaterialError(
        where=str(path),
        rule="this key is missing.",
        remedy="run `wholefamily keys --help` for who makes which key, and put it there.",
    )
