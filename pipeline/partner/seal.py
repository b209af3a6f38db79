"""Seal a draft: every file encrypted to the hub (age), a manifest of them, signed (Ed25519); the plain files wiped.

The partner's ledger `sent.jsonl` holds what was sealed when; it gives the sequence number and the hash of the manifest
before, so that the hub sees a missing or repeated delivery.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.contracts import Contract
from pipeline.errors import ExtractError, KeyMaterialError
from pipeline.manifest import DELIVERY_ID, MANIFEST_FILE, SIGNATURE_FILE, Manifest, SealedFile, file_sha256, sha256_hex
from pipeline.partner.changes import keep_prints
from pipeline.partner.draft import Draft, discard, read_draft
from pipeline.partner.keys import PartnerKeys
from pipeline.settings import Settings

LEDGER_FILE = "sent.jsonl"
WITHDRAWAL: Literal["withdrawal"] = "withdrawal"
SENT = "sent"  # folder of the outbox: sealed copies of what has been handed over


@dataclass(frozen=True)
class Sent:
    """One line of the ledger."""

    sequence: int
    delivery_id: str
    manifest_sha256: str
    created_at: str
    rows: dict[str, int]
    kind: str = "full"


def seal(settings: Settings, contract: Contract, keys: PartnerKeys, draft_folder: Path, outbox: Path) -> Path:
    """Make the delivery's folder in the outbox from a draft; returns it. The draft is wiped once it stands.

    Raises ExtractError where the draft is not whole or another partner's, KeyMaterialError where the hub's recipient
    is damaged. Killed at any moment, the next call goes on: a draft becomes one delivery, never two.
    """
    draft = read_draft(draft_folder)
    if (draft.partner, draft.contract_version, draft.key_version) != (
        contract.partner, contract.version, keys.key_version,
    ):  # fmt: skip
        raise ExtractError(
            where=str(draft_folder),
            rule="the draft was made for another partner, version of the contract or version of the linkage key.",
            remedy="pseudonymise the extract again.",
        )
    ledger = settings.partner_home(contract.partner) / LEDGER_FILE
    with _locked(ledger):
        before = _reconciled(ledger, outbox, contract.partner)
        last = before[-1] if before else None
        sequence = last.sequence + 1 if last else 1
        delivery_id = f"{contract.partner}-{sequence:06d}-{draft.draft_id}"
        sealed_before = next((entry for entry in before if entry.delivery_id.endswith(f"-{draft.draft_id}")), None)
        if sealed_before is not None:  # by a run that was killed before it could take the draft away
            keep_prints(draft_folder, ledger.parent, sealed_before.delivery_id)
            discard(draft_folder)
            return _standing(outbox, sealed_before.delivery_id)
        working = outbox / f".{delivery_id}.partial"
        shutil.rmtree(working, ignore_errors=True)
        working.mkdir(parents=True, mode=0o700)
        files = tuple(_sealed(draft_folder / file.name, file.table, file.rows, working, keys) for file in draft.files)
        manifest = _manifest(draft, delivery_id, sequence, last.manifest_sha256 if last else None, files)
        content = manifest.to_bytes()
        _write(working / MANIFEST_FILE, content)
        signature = Ed25519PrivateKey.from_private_bytes(keys.signing_key).sign(content)
        _write(working / SIGNATURE_FILE, signature)  # last: without it the folder is no delivery
        target = outbox / delivery_id
        working.rename(target)
        keep_prints(draft_folder, ledger.parent, delivery_id)
        _append(ledger, _sent(content))
        discard(draft_folder)
    return target


def seal_withdrawal(
    settings: Settings, contract: Contract, keys: PartnerKeys, delivery_id: str, why: str, outbox: Path
) -> Path:
    """Make the signed order to take a delivery back, in the outbox; returns its folder. Again changes nothing.

    Raises ExtractError where no such delivery was sent.
    """
    ledger = settings.partner_home(contract.partner) / LEDGER_FILE
    with _locked(ledger):
        before = _reconciled(ledger, outbox, contract.partner)
        if not any(entry.delivery_id == delivery_id and entry.kind != WITHDRAWAL for entry in before):
            raise ExtractError(
                where=str(ledger),
                rule="no delivery of this id was sent from here.",
                remedy=f"run `wholefamily sent {contract.partner}` to see what was sent.",
            )
        suffix = sha256_hex(f"withdraw {delivery_id}".encode())[:8]
        ordered = next((entry for entry in before if entry.delivery_id.endswith(f"-{suffix}")), None)
        if ordered is not None:
            return _standing(outbox, ordered.delivery_id)
        sequence = before[-1].sequence + 1
        today = dt.datetime.now(dt.UTC)
        manifest = Manifest(
            delivery_id=f"{contract.partner}-{sequence:06d}-{suffix}",
            partner=contract.partner,
            sequence=sequence,
            previous_manifest_sha256=before[-1].manifest_sha256,
            contract_version=contract.version,
            encoding_version=1,
            key_version=keys.key_version,
            kind=WITHDRAWAL,
            withdraws=delivery_id,
            why=why,
            period_from=today.date(),
            period_to=today.date(),
            created_at=today.replace(microsecond=0),
            files=(),
            known_answers=(),
            chance_agreement=(),
            problems={},
        )
        working = outbox / f".{manifest.delivery_id}.partial"
        shutil.rmtree(working, ignore_errors=True)
        working.mkdir(parents=True, mode=0o700)
        return _signed(manifest, keys, working, ledger)


def _signed(manifest: Manifest, keys: PartnerKeys, working: Path, ledger: Path) -> Path:
    """Write the manifest and, last, its signature; then give the folder its name and the ledger its line."""
    content = manifest.to_bytes()
    _write(working / MANIFEST_FILE, content)
    _write(working / SIGNATURE_FILE, Ed25519PrivateKey.from_private_bytes(keys.signing_key).sign(content))
    target = working.with_name(manifest.delivery_id)
    working.rename(target)
    _append(ledger, _sent(content))
    return target


def sent_deliveries(ledger: Path) -> list[Sent]:
    """The lines of the ledger, oldest first. Raises ExtractError where one cannot be read."""
    if not ledger.exists():
        return []
    try:
        return [Sent(**json.loads(line)) for line in ledger.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (ValueError, TypeError):
        raise ExtractError(
            where=str(ledger), rule="a line of the ledger cannot be read.", remedy="restore the ledger from its backup."
        ) from None


def _sealed(plain: Path, table: str, rows: int, folder: Path, keys: PartnerKeys) -> SealedFile:
    target = folder / f"{plain.name}.age"
    try:
        recipient = pyrage.x25519.Recipient.from_str(keys.hub_recipient)
    except pyrage.RecipientError:
        raise KeyMaterialError(
            where="hub.recipient", rule="this is not an age recipient.", remedy="install the hub's recipient again."
        ) from None
    with plain.open("rb") as source, target.open("wb") as sealed:
        pyrage.encrypt_io(source, sealed, [recipient])
        sealed.flush()
        os.fsync(sealed.fileno())
    return SealedFile(table=table, name=target.name, rows=rows, bytes=plain.stat().st_size, sha256=file_sha256(target))


def _manifest(
    draft: Draft, delivery_id: str, sequence: int, previous: str | None, files: tuple[SealedFile, ...]
) -> Manifest:
    return Manifest(
        delivery_id=delivery_id,
        partner=draft.partner,
        sequence=sequence,
        previous_manifest_sha256=previous,
        contract_version=draft.contract_version,
        encoding_version=draft.encoding_version,
        key_version=draft.key_version,
        kind=draft.kind,
        base_manifest_sha256=draft.base_manifest_sha256,
        period_from=draft.period_from,
        period_to=draft.period_to,
        created_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        files=files,
        known_answers=draft.known_answers,
        chance_agreement=draft.chance_agreement,
        problems=draft.problems,
    )


def _reconciled(ledger: Path, outbox: Path, partner: str) -> list[Sent]:
    """The ledger, with deliveries that a crash kept out of it written down after all."""
    sent = sent_deliveries(ledger)
    known = {entry.delivery_id for entry in sent}
    for folder in _sealed_folders(outbox, partner):
        if DELIVERY_ID.fullmatch(folder.name) and folder.name not in known and (folder / SIGNATURE_FILE).exists():
            entry = _sent((folder / MANIFEST_FILE).read_bytes())
            if not sent or entry.sequence > sent[-1].sequence:
                _append(ledger, entry)
                sent.append(entry)
    return sent


def _sealed_folders(outbox: Path, partner: str) -> list[Path]:
    """What stands sealed in the outbox, and what has gone from there, in the order of sequence numbers."""
    folders = [*outbox.glob(f"{partner}-*"), *(outbox / SENT).glob(f"{partner}-*")]
    return sorted(folders, key=lambda folder: folder.name)


def _standing(outbox: Path, delivery_id: str) -> Path:
    waiting = outbox / delivery_id
    return waiting if waiting.exists() else outbox / SENT / delivery_id


def _sent(content: bytes) -> Sent:
    manifest = Manifest.model_validate_json(content)
    return Sent(
        sequence=manifest.sequence,
        delivery_id=manifest.delivery_id,
        manifest_sha256=sha256_hex(content),
        created_at=manifest.created_at.isoformat(),
        rows={file.table: file.rows for file in manifest.files},
        kind=manifest.kind,
    )


def _append(ledger: Path, entry: Sent) -> None:
    with ledger.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(entry), sort_keys=True) + "\n")
        lines.flush()
        os.fsync(lines.fileno())


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


@contextmanager
def _locked(ledger: Path) -> Iterator[None]:
    """One sealing at a time, so that no sequence number is given twice."""
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.with_suffix(".lock").open("a") as lock:
        try:
            import fcntl
        except ImportError:  # Windows: the kit runs under one officer's hand there
            yield
            return
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
