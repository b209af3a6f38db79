"""The certificate of destruction: what went, by table, agreement and year, signed with the key of the audit log.

It names no person and quotes nothing. `check_certificate` needs the public key alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.audit.ledger import signing_key, write_once
from pipeline.errors import KeyMaterialError
from pipeline.settings import Settings

NAME = "destruction-{:06d}.json"
SIGNATURE = ".sig"


@dataclass(frozen=True)
class Destroyed:
    """How many rows (or sealed copies) of one table went, under which agreement, by the year of their last day."""

    table: str
    agreement: str
    year: str
    rows: int


@dataclass(frozen=True)
class Certificate:
    """A certificate on file."""

    number: int
    path: Path
    sha256: str
    destroyed: tuple[Destroyed, ...]


def write_certificate(
    settings: Settings,
    connection: psycopg.Connection[Any],
    limits: Sequence[dict[str, str]],
    destroyed: Sequence[Destroyed],
) -> Certificate:
    """Write and sign the next certificate; it names the one before by its hash. The caller records it."""
    row = connection.execute(
        "select number, sha256 from rights.destruction order by number desc limit 1"
    ).fetchone() or (0, "")
    folder = settings.hub / "certificates"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken = [int(path.stem.rpartition("-")[2]) for path in folder.glob("destruction-*.json")]
    number = max([int(row[0]), *taken]) + 1
    text = json.dumps(
        {
            "certificate": "destruction", "number": number, "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "previous": row[1], "limits": list(limits), "destroyed": [asdict(one) for one in destroyed],
            "rows": sum(one.rows for one in destroyed),
        },
        indent=1,
    )  # fmt: skip
    path = folder / NAME.format(number)
    write_once(path, text + "\n")
    key = signing_key(settings)
    write_once(path.with_suffix(SIGNATURE), key.sign(path.read_bytes()).hex() + "\n")
    return Certificate(number, path, hashlib.sha256(path.read_bytes()).hexdigest(), tuple(destroyed))


def check_certificate(path: Path, key: Ed25519PublicKey) -> dict[str, Any]:
    """What a certificate says. Raises KeyMaterialError where it is not as it was signed."""
    try:
        content = path.read_bytes()
        key.verify(bytes.fromhex(path.with_suffix(SIGNATURE).read_text(encoding="ascii").strip()), content)
        told: dict[str, Any] = json.loads(content)
    except (OSError, ValueError, InvalidSignature):
        raise KeyMaterialError(
            where=path.name,
            rule="it is not a certificate as this hub's audit key signed it.",
            remedy="ask the hub for the file and its .sig again, and compare the public key.",
        ) from None
    return told
