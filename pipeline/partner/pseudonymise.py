"""From a raw extract to a draft of plain pseudonymised files. Nothing is sent here.

The extract goes by in pieces, and what is kept of it until the end is some bytes a row: pseudonyms, prints, and where
people lived. The people file goes by last, since people are encoded by their homes too.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts import Contract, Encoding, LinkModel, Vocabulary
from pipeline.partner.chance_agreement import chance_agreement_in
from pipeline.partner.changes import Changes, changes_since, made_with, write_prints
from pipeline.partner.draft import SUMMARY_FILE, Draft, DraftFile, discard, draft_file, wipe
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.known_answers import known_answers
from pipeline.partner.preview import Preview, preview_of
from pipeline.partner.read_extract import ROWS_AT_ONCE, open_extract
from pipeline.partner.stream import Stream, look_through
from pipeline.partner.write import Written, write_files
from pipeline.progress import Progress, silent
from pipeline.records import REMOVALS


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
    rows_at_once: int = ROWS_AT_ONCE,
) -> Preview:
    """Pseudonymise the extract in `raw` into the draft folder `out`, in place of an older draft.

    With a `base`, only what has changed since that delivery: a delta. Returns what would leave, column by column.
    `rows_at_once` bounds the pieces; the draft is the same for any. Raises ExtractError where the
    extract cannot be used, and then leaves no draft behind.
    """
    files = open_extract(contract, raw, rows_at_once)
    progress("read who is in people", 0.0)
    stream = Stream(contract, encoding, link_model, keys, vocabulary, files, follow=base is not None)
    under = made_with(contract.version, encoding, keys)
    changes: Changes | None = None
    if base is not None:
        changes = changes_since(base.home, base.delivery_id, look_through(stream, progress), under)
    working = _empty_folder(out)
    try:
        written = write_files(stream, working, changes, progress)
        write_prints(stream.prints, working, under)
        draft_files = [draft_file(table, working / name, rows) for table, (name, rows) in written.files.items()]
        if changes is not None:
            draft_files.append(_write_removals(changes.removed, working))
        progress("count chance agreement", 0.95)
        preview = preview_of(contract, encoding, written.tallies, {file.table: file.rows for file in draft_files})
        draft = _draft(stream, written, draft_files, preview, base, (period_from, period_to))
        (working / SUMMARY_FILE).write_text(draft.model_dump_json(indent=1), encoding="utf-8")
    except BaseException:
        wipe(working)
        raise
    discard(out)
    working.rename(out)
    progress("pseudonymised", 1.0)
    return preview


def _draft(
    stream: Stream,
    written: Written,
    files: list[DraftFile],
    preview: Preview,
    base: Base | None,
    period: tuple[dt.date, dt.date],
) -> Draft:
    return Draft(
        draft_id=secrets.token_hex(4),
        partner=stream.contract.partner,
        contract_version=stream.contract.version,
        encoding_version=stream.encoding.version,
        key_version=stream.keys.key_version,
        kind="full" if base is None else "delta",
        base_manifest_sha256=None if base is None else base.manifest_sha256,
        period_from=period[0],
        period_to=period[1],
        files=tuple(files),
        known_answers=known_answers(stream.encoding, stream.keys),
        chance_agreement=chance_agreement_in(stream.encoding, stream.model, stream.keys, written.sampler.sample()),
        problems=preview.problems,
    )


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
