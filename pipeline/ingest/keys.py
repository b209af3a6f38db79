"""The hub's own key, and the public keys of the partners it takes deliveries from.

The hub never holds the linkage key or a partner's private keys; nothing here could make or read them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.errors import KeyMaterialError
from pipeline.settings import Settings

IDENTITY_FILE = "hub.identity"
RECIPIENT_FILE = "hub.recipient"
PARTNER_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")


def create_hub_keys(settings: Settings) -> str:
    """Make the key that opens deliveries, once, and return the recipient that partners encrypt to.

    A key that exists is kept, and its recipient is returned. Raises KeyMaterialError when it cannot be read.
    """
    from pyrage import x25519

    path = settings.hub_keys / IDENTITY_FILE
    if not path.exists():
        settings.hub_keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(path, str(x25519.Identity.generate()))
    recipient = str(load_hub_identity(settings).to_public())
    (settings.hub_keys / RECIPIENT_FILE).write_text(recipient + "\n", encoding="ascii")
    return recipient


def load_hub_identity(settings: Settings) -> Any:
    """The hub's age identity. Raises KeyMaterialError when it is missing or is not one."""
    from pyrage import IdentityError, x25519

    path = settings.hub_keys / IDENTITY_FILE
    try:
        return x25519.Identity.from_str(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        rule, remedy = "the hub has no key to open deliveries with.", "run: wholefamily keys hub"
    except (IdentityError, ValueError, OSError):
        rule, remedy = "this is not a readable age identity.", "restore it from the hub's key backup."
    raise KeyMaterialError(where=str(path), rule=rule, remedy=remedy)


def register_partner(settings: Settings, partner: str, public_key_hex: str) -> Path:
    """Keep the key that a partner's deliveries are verified with; registering the same key again changes nothing.

    Raises KeyMaterialError when the name or the key has the wrong form, or another key is registered already.
    """
    key = public_key_hex.strip().lower()
    if not PARTNER_NAME.fullmatch(partner) or not PUBLIC_KEY.fullmatch(key):
        raise KeyMaterialError(
            where=f"partner '{partner}'" if PARTNER_NAME.fullmatch(partner) else "the partner's name",
            rule="a partner is a lower-case word, and its public key 64 hex digits.",
            remedy="copy the key as `wholefamily keys partner` printed it at the partner.",
        )
    path = _public_key_path(settings, partner)
    if path.exists() and path.read_text(encoding="ascii").strip() != key:
        raise KeyMaterialError(
            where=str(path),
            rule="another public key is registered for this partner.",
            remedy="if the partner confirms its new key by telephone, remove this file and register again.",
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(key + "\n", encoding="ascii")
    return path


def load_public_key(settings: Settings, partner: str) -> Ed25519PublicKey:
    """The registered public key of a partner. Raises KeyMaterialError when there is none."""
    path = _public_key_path(settings, partner)
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except FileNotFoundError:
        rule = "no public key is registered for this partner, so its deliveries cannot be verified."
    except (ValueError, OSError):
        rule = "this is not a readable public key."
    raise KeyMaterialError(where=str(path), rule=rule, remedy=f"run: wholefamily keys register {partner} PUBLIC_KEY")


def is_signed_by(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether the signature (64 bytes) is the key's over the exact message."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _public_key_path(settings: Settings, partner: str) -> Path:
    return settings.hub_keys / "partners" / f"{partner}.pub"


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(text + "\n")
