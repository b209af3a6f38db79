"""The evidence pack: one zip for the information governance lead, whose every file is under one signature.

Static pages and CSV: the verified log with its checkpoints and proofs, deliveries, agreements, accesses, role changes,
certificates, lineage, what is held, open alerts, and the generated documents. `check_pack` needs the file and the audit
key's public part, and nothing else.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline import audit
from pipeline.audit.ledger import read_ledger, signing_key
from pipeline.audit.notes import origin_of, read_note
from pipeline.contracts import load_agreements, refusal
from pipeline.errors import KeyMaterialError, StoreError
from pipeline.holdings.catalogue import read_catalogue
from pipeline.holdings.documents import documents
from pipeline.holdings.exported import as_csv, exports
from pipeline.holdings.page import holdings_document, lineage_document
from pipeline.holdings.paper import Block, Document, Heading, Links, Table, Text, as_html
from pipeline.holdings.watch import open_alerts
from pipeline.settings import Settings
from pipeline.store.database import Database

MANIFEST, SIGNATURE = "MANIFEST", "MANIFEST.sig"
HEAD = "whole-family evidence pack 1"
FOLDER = "evidence-packs"
PROVED = ("delivery accepted", "published", "roles_changed", "agreement reprocessed")
HOW_TO_CHECK = (
    "wholefamily verify --pack FILE --key HEX, where HEX is the audit key's public part as it was handed to you, not "
    "as it stands in this pack. It needs no access to the hub. Without the program: MANIFEST lists the SHA-256 of each "
    "file, and MANIFEST.sig is its Ed25519 signature in hexadecimal."
)
LARGEST = 200 * 1024 * 1024  # of one file, when a pack is read: more is no evidence pack


@dataclass(frozen=True)
class Made:
    """A pack that was made: where, its hash, how many files it has, and whether the log was whole."""

    path: Path
    sha256: str
    files: int
    log_whole: bool


@dataclass(frozen=True)
class PackVerdict:
    """A check of a pack: what it says of itself, and all that is wrong with it."""

    made_at: str
    files: int
    findings: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.findings


def make_pack(settings: Settings, database: Database, folder: Path | None = None) -> Made:
    """Make tonight's pack in `hub/evidence-packs` (or a folder given); the log says so, with the pack's hash.

    A log that is not whole does not stop it: that is what the pack then shows. Raises StoreError, KeyMaterialError.
    """
    now = dt.datetime.now(dt.UTC)
    verdict = audit.verify(settings, database)
    files = _evidence(settings, database, verdict, now)
    key = signing_key(settings)
    manifest = _manifest(files, origin_of(key.public_key()), now)
    signed = {**files, MANIFEST: manifest, SIGNATURE: key.sign(manifest).hex().encode() + b"\n"}
    path = (folder or settings.hub / FOLDER) / f"evidence-{now:%Y%m%dT%H%M%SZ}.zip"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(signed):
            archive.writestr(name, signed[name])
    unfinished.chmod(0o600)
    unfinished.replace(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with database.connect() as connection:
        detail = {"sha256": digest, "files": len(signed), "log_whole": verdict.whole}
        audit.append(connection, "governance", "evidence pack made", f"pack/{path.stem}", detail)
    return Made(path, digest, len(signed), verdict.whole)


def check_pack(path: Path, key: Ed25519PublicKey) -> PackVerdict:
    """Is a pack (a zip, or the folder it was unpacked to) as it was signed? KeyMaterialError where it is none."""
    files = _read(path)
    if MANIFEST not in files or SIGNATURE not in files:
        raise _refused(path, f"it has no {MANIFEST} and {SIGNATURE}.")
    manifest = files.pop(MANIFEST)
    try:
        key.verify(bytes.fromhex(files.pop(SIGNATURE).decode("ascii").strip()), manifest)
    except (InvalidSignature, ValueError):
        raise _refused(path, "its manifest is not signed with this audit key.") from None
    head, listed = _read_manifest(path, manifest)
    findings = [f"{name}: it is not in the manifest." for name in sorted(set(files) - set(listed))]
    findings += [f"{name}: it is gone." for name in sorted(set(listed) - set(files))]
    findings += [
        f"{name}: it is not as it was signed."
        for name in sorted(set(listed) & set(files))
        if hashlib.sha256(files[name]).hexdigest() != listed[name]
    ]
    for name in sorted(set(files) & set(listed)):
        try:
            if name.startswith("checkpoints/"):
                read_note(files[name].decode(), key, name)
            elif name.startswith("proofs/"):
                audit.check_proof(json.loads(files[name]), key)
        except (KeyMaterialError, ValueError) as problem:
            rule = problem.rule if isinstance(problem, KeyMaterialError) else "it cannot be read."
            findings.append(f"{name}: {rule}")
    return PackVerdict(head["made"], len(listed), findings)


def _evidence(settings: Settings, database: Database, verdict: audit.Verdict, now: dt.datetime) -> dict[str, bytes]:
    """The pack's files, by name."""
    files: dict[str, str] = {}
    told = {"whole": verdict.whole, "checked_at": now.isoformat(timespec="seconds"), **dataclasses.asdict(verdict)}
    files["log-verification.json"] = json.dumps(told, indent=1) + "\n"
    for path in sorted(audit.ledger_folder(settings).glob("checkpoint-*.txt")):
        files[f"checkpoints/{path.name}"] = path.read_text(encoding="utf-8")
    public = audit.public_key(settings)
    if public is not None:
        files["audit.pub"] = public.public_bytes_raw().hex() + "\n"
    proofs = _proofs(settings, database)
    files |= {f"proofs/{name}.json": json.dumps(proof, indent=1) + "\n" for name, proof in proofs.items()}
    for path in sorted((settings.hub / "certificates").glob("*")):
        if path.is_file():
            files[f"certificates/{path.name}"] = path.read_text(encoding="utf-8", errors="replace")
    with database.connect() as connection:
        catalogue = read_catalogue(connection)
        tables = exports(connection, catalogue)
    files |= {one.file: text for one, text, _ in tables}
    files["agreements.csv"] = _agreements(settings, now.date())
    alerts = open_alerts(settings, database, now.date())
    files["alerts.csv"] = as_csv(["when", "what", "text"], alerts)
    files["holdings.html"] = as_html(holdings_document(settings, database))
    files["lineage.html"] = as_html(lineage_document(settings, database))
    for document in documents(settings, catalogue):
        files[f"documents/{document.name}.html"] = as_html(document)
    listed = [(one.file, one.title, f"{rows:,}") for one, _, rows in tables]
    files["index.html"] = as_html(_index(verdict, listed, files, len(alerts), now))
    return {name: text.encode() for name, text in files.items()}


def _proofs(settings: Settings, database: Database) -> dict[str, Mapping[str, object]]:
    """The proof that the newest entry of each kind that matters most is in the log under its newest checkpoint."""
    key = audit.public_key(settings)
    kept = read_ledger(audit.ledger_folder(settings), key) if key else []
    if not kept:
        return {}
    with database.connect() as connection:
        newest = connection.execute(
            "select action, max(entry_id) from audit.log where action = any(%s) and entry_id <= %s group by action",
            (list(PROVED), kept[-1].checkpoint.last_entry),
        ).fetchall()
    found: dict[str, Mapping[str, object]] = {}
    for action, entry in newest:
        try:
            found[f"{action.replace(' ', '-').replace('_', '-')}-{entry}"] = audit.prove(settings, database, entry)
        except StoreError:  # the log is not what was signed: log-verification.json says so
            continue
    return found


def _agreements(settings: Settings, today: dt.date) -> str:
    rows = [
        [one.id, one.version, one.start, one.expiry, feed.partner, purpose,
         "; ".join(gateway.title for gateway in named),
         "yes" if refusal([one], feed.partner, purpose, today) is None else "no", one.shown_months, one.held_months]
        for one in load_agreements(settings.declarations)
        for feed in one.feeds.values()
        for purpose, named in feed.gateways.items()
    ]  # fmt: skip
    header = ["agreement", "version", "start", "expiry", "partner", "purpose", "gateway", "allowed_today",
              "months_shown", "months_held"]  # fmt: skip
    return as_csv(header, rows)


def _index(
    verdict: audit.Verdict, tables: list[tuple[str, str, str]], files: Mapping[str, str], alerts: int, now: dt.datetime
) -> Document:
    blocks: list[Block] = []
    if verdict.whole:
        covered = f"{verdict.entries:,} entries, {verdict.covered:,} of them under a signed checkpoint."
        blocks.append(Text(f"The audit log is unbroken: {covered}"))
    else:
        blocks.append(Text(f"The audit log is NOT as it was left: {len(verdict.findings)} findings.", alarm=True))
        rows = [[one.kind, one.where, one.what] for one in verdict.findings]
        blocks.append(Table(["Finding", "Where", "What"], rows))
    blocks += [Text(note) for note in verdict.notes]
    pages = [name for name in sorted(files) if name.endswith(".html")]
    others = [name for name in sorted(files) if "/" in name and not name.endswith(".html")]
    blocks += [
        Heading("Pages"), Links([(name, name) for name in pages]),
        Heading("Tables"), Table(["File", "What it shows", "Rows"], [list(one) for one in tables]),
        Text(f"agreements.csv: every feed, purpose and gateway. alerts.csv: {alerts} open alerts."),
        Heading("Checkpoints, proofs, certificates"), Links([(name, name) for name in others]),
        Heading("How to check this pack"),
        Text(HOW_TO_CHECK),
    ]  # fmt: skip
    lead = f"Made on {now:%-d %B %Y at %H:%M} UTC. Confidential: it names staff, and families by this hub's pseudonyms."
    return Document("index", "Evidence pack", lead, blocks)


def _manifest(files: Mapping[str, bytes], origin: str, now: dt.datetime) -> bytes:
    lines = [HEAD, f"log {origin}", f"made {now.isoformat(timespec='seconds').replace('+00:00', 'Z')}"]
    lines += [f"{hashlib.sha256(files[name]).hexdigest()}  {name}" for name in sorted(files)]
    return ("\n".join(lines) + "\n").encode()


def _read_manifest(path: Path, manifest: bytes) -> tuple[dict[str, str], dict[str, str]]:
    try:
        head, *lines = manifest.decode().splitlines()
        told = dict(line.split(" ", 1) for line in lines[:2])
        listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines[2:])}
    except ValueError:
        raise _refused(path, "its manifest cannot be read.") from None
    if head != HEAD or "made" not in told:
        raise _refused(path, "its manifest is not one of an evidence pack.")
    return told, listed


def _read(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        return {str(one.relative_to(path)): one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file()}
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
            names = [one.filename for one in entries]
            if len(set(names)) != len(names) or any(one.file_size > LARGEST for one in entries):
                raise _refused(path, "a file stands in it twice, or is too large.")
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, OSError):
        raise _refused(path, "it is not a zip file that can be read.") from None


def _refused(path: Path, rule: str) -> KeyMaterialError:
    return KeyMaterialError(
        where=str(path), rule=rule, remedy="ask for the pack again, and compare the key with the one you were handed."
    )
