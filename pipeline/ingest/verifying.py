"""Whether a delivery is the partner's own: signature first, then the manifest's form, then that it speaks of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from pipeline.ingest.keys import is_signed_by
from pipeline.ingest.landing import Landed, read_small
from pipeline.manifest import DELIVERY_ID, MANIFEST_FILE, SIGNATURE_FILE, Manifest, sha256_hex

HASH = re.compile(r"[0-9a-f]{64}")
VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")
WORD = re.compile(r"[a-z][a-z0-9_]{0,47}")
MOST_ENTRIES = 64
MOST_FILES = 32  # tables of a contract, encodings and removals
LONGEST_REASON = 300
LIKELY = range(1 << 53)  # counts of pairs of persons


@dataclass(frozen=True)
class Verified:
    """A delivery whose manifest the partner signed."""

    landed: Landed
    manifest: Manifest
    manifest_sha256: str


def verify(landed: Landed, public_key: Ed25519PublicKey) -> Verified:
    """Read the manifest once its signature over the exact bytes is the partner's, and it speaks of this folder.

    Raises DeliveryError: `unsigned`, `bad_signature`, `bad_manifest`, `wrong_partner`, `wrong_name`.
    """
    if not landed.signed:
        raise landed.refusal(
            "unsigned",
            "every file has arrived, but no signature.",
            "ask the partner whether it sent this; deliver again with the kit, which signs.",
            SIGNATURE_FILE,
        )
    content = read_small(landed, MANIFEST_FILE)
    if not is_signed_by(public_key, read_small(landed, SIGNATURE_FILE), content):
        raise landed.refusal(
            "bad_signature",
            "the manifest is not signed by the key that is registered for this partner.",
            "ask the partner, by telephone, whether it sent this and with which key; do not open it.",
            SIGNATURE_FILE,
        )
    manifest = _parse(landed, content)
    if manifest.partner != landed.partner:
        raise landed.refusal(
            "wrong_partner",
            "its manifest names another partner than the landing folder.",
            "deliver it into that partner's own landing folder.",
            MANIFEST_FILE,
        )
    if not manifest.delivery_id == landed.folder.name == _name_of(manifest):
        raise landed.refusal(
            "wrong_name",
            "folder, delivery id, partner and sequence number do not agree.",
            "deliver with the kit, and do not rename what it made.",
            MANIFEST_FILE,
        )
    return Verified(landed=landed, manifest=manifest, manifest_sha256=sha256_hex(content))


def _parse(landed: Landed, content: bytes) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(content)
        field_name = next(_implausible(manifest), None)
        if field_name is None:
            return manifest
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
        fields = [str(part) for part in problem["loc"] if isinstance(part, int) or part in Manifest.model_fields]
        field_name = ".".join(fields) or "the document"
    raise landed.refusal(
        "bad_manifest", f"{field_name} is not as the form of manifests says.", "use a current kit.", MANIFEST_FILE
    )


def _implausible(manifest: Manifest) -> Iterator[str]:
    """Fields that have the type of the form but cannot be: signed does not mean well made."""
    if manifest.previous_manifest_sha256 is not None and not HASH.fullmatch(manifest.previous_manifest_sha256):
        yield "previous_manifest_sha256"
    if not VERSION.fullmatch(manifest.contract_version):
        yield "contract_version"
    if not all(0 < version < 1000 for version in (manifest.encoding_version, manifest.key_version)):
        yield "encoding_version or key_version"
    if len(manifest.files) > MOST_FILES:
        yield "files"
    if manifest.period_from > manifest.period_to or not 1900 < manifest.created_at.year < 2200:
        yield "period_from, period_to or created_at"
    if manifest.base_manifest_sha256 is not None and not HASH.fullmatch(manifest.base_manifest_sha256):
        yield "base_manifest_sha256"
    if manifest.withdraws is not None and not DELIVERY_ID.fullmatch(manifest.withdraws):
        yield "withdraws"
    if manifest.why is not None and not (manifest.why.isprintable() and 0 < len(manifest.why) <= LONGEST_REASON):
        yield "why"
    if len(manifest.known_answers) > MOST_ENTRIES or not all(map(HASH.fullmatch, manifest.known_answers)):
        yield "known_answers"
    if len(manifest.chance_agreement) > MOST_ENTRIES or not all(
        WORD.fullmatch(entry.comparison)
        and len(entry.counts) <= MOST_ENTRIES
        and all(map(LIKELY.__contains__, entry.counts))
        for entry in manifest.chance_agreement
    ):
        yield "chance_agreement"


def _name_of(manifest: Manifest) -> str:
    random_part = manifest.delivery_id.rsplit("-", maxsplit=1)[1]
    return f"{manifest.partner}-{manifest.sequence:06d}-{random_part}"
