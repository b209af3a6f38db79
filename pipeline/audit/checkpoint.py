"""Sign the log as it stands: the nightly checkpoint."""

from __future__ import annotations

import datetime as dt

from pipeline.audit.examine import examine, ledger_findings
from pipeline.audit.findings import Finding
from pipeline.audit.ledger import NAME, Kept, digest, ledger_folder, read_ledger, signing_key, write_once
from pipeline.audit.log import append
from pipeline.audit.notes import FIRST, Checkpoint, origin_of, sign
from pipeline.errors import StoreError
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.store.locks import file_lock

ACTOR, ACTION = "pipeline", "checkpoint"


def write_checkpoint(settings: Settings, database: Database) -> Kept:
    """Check the log, sign it and keep the checkpoint; the log says so in its next entry.

    Makes the signing key at the first. Raises StoreError for a log or ledger that is not as it was left: what cannot
    be trusted is not signed. Raises KeyMaterialError for a key or checkpoint that cannot be read.
    """
    key = signing_key(settings)
    folder = ledger_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file_lock(folder / ".lock"):
        before = read_ledger(folder, key.public_key())
        log = examine(database, before)
        _only_when_whole([*ledger_findings(before), *log.findings])
        checkpoint = Checkpoint(
            origin=origin_of(key.public_key()),
            size=log.size,
            root=log.root,
            number=len(before) + 1,
            last_entry=log.last_entry,
            at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            previous=digest(before[-1].note) if before else FIRST,
        )
        note = sign(checkpoint, key)
        path = folder / NAME.format(checkpoint.number)
        write_once(path, note)
        with database.connect() as connection:
            detail = {"number": checkpoint.number, "size": log.size, "root": log.root.hex(), "sha256": digest(note)}
            append(connection, ACTOR, ACTION, f"checkpoint/{checkpoint.number}", detail)
    return Kept(path, note, checkpoint)


def _only_when_whole(findings: list[Finding]) -> None:
    if findings:
        raise StoreError(
            where=f"the audit log, {findings[0].where}",
            rule=f"it is not as it was left ({findings[0].kind}), and is not signed as it stands.",
            remedy="run: wholefamily verify; keep the database and the checkpoints as they are, and tell the IG lead.",
        )
