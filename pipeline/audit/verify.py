"""The whole check: the log, its guards, the ledger, a witness's copies, and whether what happened was logged."""

from __future__ import annotations

from pathlib import Path

from pipeline.audit.examine import examine, ledger_findings, split_views
from pipeline.audit.findings import LEDGER, UNGUARDED, UNRECORDED, Finding, Verdict
from pipeline.audit.ledger import Kept, ledger_folder, public_key, read_ledger
from pipeline.errors import KeyMaterialError
from pipeline.settings import Settings
from pipeline.store.database import Database

# What the registry says was done, and the entry that must tell of it. Counted against the log on both sides' words.
UNRECORDED_SQL = {
    "delivery": """
        select delivery_id from registry.delivery d where state not in ('received', 'opened') and not exists (
            select from audit.log
            where subject = d.delivery_id and action in ('delivery accepted', 'delivery rejected'))
        order by 1 limit 20""",
    "published run": """
        select run_id::text from registry.run r where state = 'published' and not exists (
            select from audit.log where subject = 'run/' || r.run_id and action = 'published')
        order by run_id limit 20""",
    "answer of a reviewer": """
        select answer_id::text from identity.review_answer a where not exists (
            select from audit.log where subject = 'review_answer/' || a.answer_id and action = 'link_answered')
        order by answer_id limit 20""",
}
GUARDS = """
    select 'the trigger ' || want from unnest(array['append_only', 'never_emptied']) want
    where not exists (
        select from pg_trigger where tgrelid = 'audit.log'::regclass and tgname = want and tgenabled in ('O', 'A'))
    union all
    select 'the constraint that a chain cannot fork' where not exists (
        select from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and c.conkey = array[a.attnum]
        where c.conrelid = 'audit.log'::regclass and c.contype = 'u' and a.attname = 'previous_hash')
"""
CHECKPOINTS_LOGGED = "select count(*) from audit.log where action = 'checkpoint' and actor = 'pipeline'"
NUMBERS_GIVEN = "select coalesce(pg_sequence_last_value(pg_get_serial_sequence('audit.log', 'entry_id')), 0)"


def verify(settings: Settings, database: Database, witness: Path | None = None, key: str | None = None) -> Verdict:
    """Check everything that can be checked. `witness`: a folder of checkpoints that somebody else kept; `key`: the
    audit key's public part, as somebody else kept it (else that of this home).

    Raises StoreError when the database cannot be read, KeyMaterialError for a key that is none.
    """
    ours, theirs, findings, notes = _checkpoints(settings, witness, key)
    log = examine(database, [*ours, *theirs])
    findings += [*ledger_findings(ours), *split_views(ours, theirs), *log.findings]
    if not ours and not theirs:
        notes.append("There is no checkpoint yet, so a cut tail or a rebuilt log would not show: "
                     "run wholefamily checkpoint.")  # fmt: skip
    elif not findings and log.covered < log.size:
        notes.append(f"Entries newer than the newest checkpoint: {log.size - log.covered}. Were the last of them "
                     "cut off, only the numbers given and the registry would tell.")  # fmt: skip
    with database.connect() as connection:
        findings += [
            Finding(UNGUARDED, "audit.log", f"{row[0]} is missing or off.")
            for row in connection.execute(GUARDS.encode())
        ]
        for what, query in UNRECORDED_SQL.items():
            for (subject,) in connection.execute(query.encode()):
                findings.append(
                    Finding(UNRECORDED, f"{what} {subject}", "it is in the database, and no entry tells of it.")
                )
        logged = (connection.execute(CHECKPOINTS_LOGGED).fetchone() or (0,))[0]
        given = (connection.execute(NUMBERS_GIVEN).fetchone() or (0,))[0]
    if logged > len(ours):
        findings.append(
            Finding(
                LEDGER, str(ledger_folder(settings)), f"the log tells of {logged} checkpoints; here are {len(ours)}."
            )
        )
    if given > log.last_entry:
        notes.append(f"Numbers were given up to {given}, and the last entry is {log.last_entry}: work that was rolled "
                     "back, or entries cut off since the newest checkpoint.")  # fmt: skip
    return Verdict(log.size, len(ours) + len(theirs), log.covered, findings, notes)


def _checkpoints(
    settings: Settings, witness: Path | None, key: str | None
) -> tuple[list[Kept], list[Kept], list[Finding], list[str]]:
    """Ours, the witness's, and what is wrong with either as files."""
    findings: list[Finding] = []
    checked_with = public_key(settings, key)
    folders = [ledger_folder(settings), *([witness] if witness else [])]
    if checked_with is None:
        if any(any(folder.glob("checkpoint-*.txt")) for folder in folders):
            findings.append(
                Finding(LEDGER, str(settings.hub_keys), "there are checkpoints, and no key to check them with.")
            )
        return [], [], findings, []
    read: list[list[Kept]] = []
    for folder in folders:
        try:
            read.append(read_ledger(folder, checked_with))
        except KeyMaterialError as problem:
            findings.append(Finding(LEDGER, problem.where, problem.rule))
            read.append([])
    return read[0], read[1] if witness else [], findings, []
