"""The manifest of a delivery: the one form that the partner's kit signs and the hub verifies.

A delivery is a folder named by its delivery id: `<table>.csv.age` for each table, `encodings.parquet.age`,
`manifest.json`, and `manifest.sig`, written last. The signature is Ed25519 over the exact bytes of
`manifest.json`; each file's sha256 is of its sealed bytes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig"
DELIVERY_ID = re.compile(r"^[a-z][a-z0-9_]{0,31}-\d{6}-[0-9a-f]{8}$")  # partner-sequence-random
SEALED_NAME = re.compile(r"^[a-z][a-z0-9_]{0,47}\.(csv|parquet)\.age$")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SealedFile(Strict):
    """One sealed file of a delivery. `bytes` and `rows` are of the plain file; rows exclude the header."""

    table: str
    name: str
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not SEALED_NAME.match(name):
            raise ValueError("not the name of a sealed file")
        return name


class ChanceAgreement(Strict):
    """How often each level of a comparison came up between random persons of the partner (counts of pairs)."""

    comparison: str
    counts: tuple[int, ...]


class Manifest(Strict):
    """What a delivery says of itself."""

    format: Literal[1] = 1
    delivery_id: str = Field(pattern=DELIVERY_ID.pattern)
    partner: str
    sequence: int = Field(ge=1)
    previous_manifest_sha256: str | None
    contract_version: str
    encoding_version: int
    key_version: int
    kind: Literal["full", "delta", "withdrawal"]
    base_manifest_sha256: str | None = None  # of a delta: the manifest of the delivery it builds on
    withdraws: str | None = None  # of a withdrawal: the delivery id
    why: str | None = None  # of a withdrawal
    period_from: dt.date
    period_to: dt.date
    created_at: dt.datetime
    files: tuple[SealedFile, ...]
    known_answers: tuple[str, ...]  # sha256 of each known-answer person's encoding, in the encoding's order
    chance_agreement: tuple[ChanceAgreement, ...]
    problems: dict[str, int]  # rows sent with a problem code, by "table:code:column"

    def to_bytes(self) -> bytes:
        """Canonical bytes: sorted keys, no spaces, UTF-8. These are what is signed."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """The sha256 of a file, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
