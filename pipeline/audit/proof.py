"""Proof that one entry is in the log under a signed checkpoint: made from the database, checked without it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.audit import merkle
from pipeline.audit.ledger import Kept, ledger_folder, log_leaf, public_key, read_ledger
from pipeline.audit.log import CONTENT, Entry, entries, entry_hash
from pipeline.audit.notes import Checkpoint, read_note
from pipeline.errors import KeyMaterialError, StoreError
from pipeline.settings import Settings
from pipeline.store.database import Database


def prove(settings: Settings, database: Database, entry_id: int) -> dict[str, Any]:
    """Everything that shows that entry `entry_id` is under the newest checkpoint, as JSON can hold it.

    Raises StoreError when there is no such entry, no checkpoint covers it yet, or the log is not what was signed.
    """
    where = f"entry {entry_id}"
    key = public_key(settings)
    kept: list[Kept] = read_ledger(ledger_folder(settings), key) if key else []
    newest = kept[-1].checkpoint if kept else None
    leaves: list[bytes] = []
    found: tuple[int, Entry] | None = None
    with database.adbc() as connection:
        for entry in entries(connection):
            if entry.entry_id == entry_id:
                found = (len(leaves), entry)
            leaves.append(log_leaf(entry))
    if found is None:
        raise StoreError(
            where=where, rule="the log has no entry of this number.", remedy="see the numbers in audit.log."
        )
    index, entry = found
    if newest is None or index >= newest.size:
        raise StoreError(
            where=where,
            rule="no checkpoint covers it yet.",
            remedy="run: wholefamily checkpoint (or wait for the night).",
        )
    if len(leaves) < newest.size or merkle.root_of(leaves[: newest.size]) != newest.root:
        raise StoreError(
            where=where,
            rule="the log is not what the newest checkpoint was signed over.",
            remedy="run: wholefamily verify",
        )
    return {
        "entry": {name: part.decode() for name, part in zip(CONTENT, entry.content, strict=True)},
        "previous_hash": entry.previous_hash.hex(),
        "index": index,
        "proof": [base64.b64encode(one).decode() for one in merkle.inclusion_proof(leaves[: newest.size], index)],
        "checkpoint": kept[-1].note,
    }


def check_proof(told: Mapping[str, Any], key: Ed25519PublicKey) -> Checkpoint:
    """The checkpoint under which a proof's entry stands; nothing but the proof and the key is needed.

    Raises KeyMaterialError when the proof is not one, is not signed by the key, or does not lead to the root.
    """
    where = "the proof"
    try:
        content = [str(told["entry"][name]).encode() for name in CONTENT]
        leaf = merkle.leaf_hash(entry_hash(bytes.fromhex(told["previous_hash"]), content))
        index, path = int(told["index"]), [base64.b64decode(one, validate=True) for one in told["proof"]]
        note = str(told["checkpoint"])
    except (KeyError, TypeError, ValueError):
        raise KeyMaterialError(
            where=where,
            rule="it does not have the form of one.",
            remedy="make it by: wholefamily verify --entry N --json",
        ) from None
    checkpoint = read_note(note, key, where)
    if not merkle.is_included(leaf, index, checkpoint.size, path, checkpoint.root):
        raise KeyMaterialError(
            where=where,
            rule="the entry it shows is not in the log that the checkpoint was signed over.",
            remedy="trust the checkpoint, not the entry; ask for the proof again, and tell the IG lead.",
        )
    return checkpoint
