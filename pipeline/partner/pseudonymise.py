"""From a raw extract to a draft of plain pseudonymised files. Nothing is sent here."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts import Contract, Encoding, LinkModel, Vocabulary
from pipeline.partner.chance_agreement import chance_agreement
from pipeline.partner.changes import changes_since, made_with, only, prints_of, write_prints
from pipeline.partner.check import CheckedTable, check_extract
from pipeline.partner.draft import SUMMARY_FILE, Draft, DraftFile, discard, draft_file, wipe
from pipeline.partner.encode import encode_persons
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.known_answers import known_answers
from pipeline.partner.minimise import delivered_table, write_encodings, write_table
from pipeline.partner.people import People, people_of
from pipeline.partner.preview import Preview, preview_of
from pipeline.partner.read_extract import read_extract
from pipeline.progress import Progress, silent
from pipeline.records import ENCODINGS, REMOVALS


@dataclass(frozen=True)
class Base:
    """The delivery that a delta builds on: its id, its manifest's hash, and the partner's home with its prints."""

    delivery_id: str
    manifest_sha256: str
    home: Path


def pseudonymise(
    contract: Contract,
    encoding: Encoding,
    link_model: LinkModel,
    raw: Path,
    out: Path,
    keys: PartnerKeys,
    period_from: dt.date,
    period_to: dt.date,
    progress: Progress = silent,
    *,
    vocabulary: Vocabulary,
    base: Base | None = None,
) -> Preview:
    """Pseudonymise the extract in `raw` into the draft folder `out`, in place of an older draft.

    With a `base`, only what has changed since that delivery: a delta. Returns what would leave, column by column.
    Raises ExtractError where the extract cannot be used, and then leaves no draft behind.
    """
    extract = read_extract(contract, raw, progress)
    whole = check_extract(contract, extract, vocabulary)
    everybody = people_of(whole)
    working = _empty_folder(out)
    try:
        prints, under = prints_of(whole, keys), made_with(contract.version, encoding, keys)
        checked, people, removed = whole, everybody, None
        if base is not None:
            changes = changes_since(base.home, base.delivery_id, whole, prints, under)
            checked = {name: only(table, changes.rows[name]) for name, table in whole.items()}
            people, removed = people_of(checked), changes.removed
        write_prints(prints, working, under)
        files = _write_files(encoding, checked, people, working, keys, progress)
        if removed is not None:
            files.append(_write_removals(removed, working))
        progress("count chance agreement", 0.0)
        preview = preview_of(contract, encoding, checked, {file.table: file.rows for file in files})
        draft = Draft(
            draft_id=secrets.token_hex(4),
            partner=contract.partner,
            contract_version=contract.version,
            encoding_version=encoding.version,
            key_version=keys.key_version,
            kind="full" if base is None else "delta",
            base_manifest_sha256=None if base is None else base.manifest_sha256,
            period_from=period_from,
            period_to=period_to,
            files=tuple(files),
            known_answers=known_answers(encoding, keys),
            chance_agreement=chance_agreement(encoding, link_model, keys, everybody),
            problems=preview.problems,
        )
        (working / SUMMARY_FILE).write_text(draft.model_dump_json(indent=1), encoding="utf-8")
    except BaseException:
        wipe(working)
        raise
    discard(out)
    working.rename(out)
    progress("pseudonymised", 1.0)
    return preview


def _write_files(
    encoding: Encoding,
    checked: dict[str, CheckedTable],
    people: People,
    folder: Path,
    keys: PartnerKeys,
    progress: Progress,
) -> list[DraftFile]:
    files = []
    for number, (name, table) in enumerate(checked.items()):
        path = folder / f"{name}.csv"
        delivered = delivered_table(table, keys, encoding.version)
        write_table(delivered, path)
        files.append(draft_file(name, path, delivered.num_rows))
        progress(f"pseudonymise {name}", (number + 1) / len(checked))
    path = folder / f"{ENCODINGS}.parquet"
    pieces = encode_persons(encoding, keys, people.persons)
    rows = write_encodings(pieces, encoding, people, keys, path, progress)
    files.append(draft_file(ENCODINGS, path, rows))
    return files


def _write_removals(removed: list[str], folder: Path) -> DraftFile:
    path = folder / f"{REMOVALS}.csv"
    path.write_text("\n".join(["person_ref", *removed, ""]), encoding="ascii")
    return draft_file(REMOVALS, path, len(removed))


def _empty_folder(out: Path) -> Path:
    """A new working folder beside the draft, only for its owner; what an interrupted run left there is wiped."""
    working = out.with_name(f".{out.name}.partial")
    if working.exists():
        wipe(working)
    working.parent.mkdir(parents=True, exist_ok=True)
    working.mkdir(mode=0o700)
    return working
