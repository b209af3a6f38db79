"""Exports: a table or an extract leaves as a file with a manifest, or is refused with the reason.

The story: is it covered by an agreement; read the rows; make what may leave of them (`pipeline.disclosure`); enter the
release, its cells and the audit log in one transaction; only then write the file. So no file is out that is not in the
log.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
from psycopg.rows import dict_row

from pipeline import audit
from pipeline.contracts import Agreement
from pipeline.disclosure import (
    Control,
    Disclosure,
    Released,
    RowsRule,
    Table,
    TableRule,
    UnprotectableError,
    amount_table,
    count_table,
    dimensions_of,
    load_disclosure,
)
from pipeline.disclosure.anonymity import Anonymity, coarsened, examine, without_small_classes
from pipeline.errors import ReleaseError
from pipeline.release import files, ledger
from pipeline.release.covered import agreement_covering
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.store.published import PublishedRun, published_run

READER = "wf_pipeline"
SUMMARY_ROWS = (
    "select as_at, pack, area, criterion, families, counted_on from cohort.summary order by pack, criterion, area"
)
COUNTED, ROWS = "families", "rows"


@dataclass(frozen=True)
class Asked:
    """What somebody asks for: `coarsen` lets columns of an extract be coarsened as far as k needs, `leave_out` lets
    rows in small classes be left out."""

    name: str
    purpose: str
    agreement: str
    actor: str
    recipient: str = "analyst"
    format: str = files.CSV
    coarsen: bool = False
    leave_out: bool = False


@dataclass(frozen=True)
class Manifest:
    """What the file says of itself, beside it."""

    release_id: int
    name: str
    file: str
    sha256: str
    rows: int
    columns: tuple[str, ...]
    form: str
    purpose: str
    recipient: str
    exported_by: str
    exported_at: str
    agreement: str
    agreement_version: str
    disclosure_rule: str
    disclosure_version: str
    run_id: int
    as_at: str
    hidden: int | None
    held: int | None
    k: int | None
    coarsened: str | None
    left_out: int | None


@dataclass(frozen=True)
class _Made:
    """What is about to leave; `parts`: cells to be remembered, by universe."""

    frame: pd.DataFrame
    form: str
    parts: Mapping[str, tuple[Table, Released]]
    anonymity: Anonymity | None = None
    coarsened: str | None = None
    left_out: int | None = None


def export(settings: Settings, database: Database, asked: Asked, out: Path) -> tuple[Path, Manifest]:
    """Write one export and its manifest into a folder; returns the file. Raises ReleaseError where it is refused,
    BuildError when nothing is published."""
    declared = load_disclosure(settings.declarations)
    today = dt.datetime.now(dt.UTC)
    rule = rule_of(declared, asked.name)
    if asked.format not in (files.CSV, files.PARQUET):
        raise _refused(asked.name, "there is no such format.", f"use {files.CSV} or {files.PARQUET}.")
    run = published_run(database)
    with database.connect(READER) as connection:
        ledger.lock(connection)
        agreement = _covered(settings, connection, asked, rule, today.date())
        made = _made(connection, rule, declared, run, asked)
        content = files.as_csv(made.frame) if asked.format == files.CSV else files.as_parquet(made.frame)
        name = f"{asked.name}-{run.as_at:%Y%m%d}-{today:%Y%m%dT%H%M%SZ}.{asked.format}"
        manifest = _entered(connection, declared.control, run, agreement, asked, made, name, content, today)
    path = out / name
    files.written(path.with_name(name + ".manifest.json"), (json.dumps(asdict(manifest), indent=2) + "\n").encode())
    files.written(path, content)
    return path, manifest


def rule_of(declared: Disclosure, name: str) -> TableRule | RowsRule | None:
    """The declaration of what is asked for; None for the summary. Raises ReleaseError for what is not declared."""
    if name == ledger.SUMMARY:
        return None
    rule = declared.tables.get(name) or declared.extracts.get(name)
    if rule is None:
        known = ", ".join([ledger.SUMMARY, *declared.tables, *declared.extracts])
        raise _refused("export", f"nothing of this name may leave; there are: {known}.", "name one of these.")
    return rule


def read_rows(connection: psycopg.Connection[Any], rule: TableRule | RowsRule, run: PublishedRun) -> pd.DataFrame:
    """The rows that a declaration reads, of the published run's pack where they are of packs."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(rule.rows.encode())
        columns = [column.name for column in cursor.description or ()]
        frame = pd.DataFrame(cursor.fetchall(), columns=columns)
    return frame[frame["pack"] == run.pack].drop(columns="pack") if "pack" in frame else frame


def _covered(
    settings: Settings,
    connection: psycopg.Connection[Any],
    asked: Asked,
    rule: TableRule | RowsRule | None,
    on: dt.date,
) -> Agreement:
    purposes = rule.purposes if rule else ("identify", "evaluate")
    if asked.purpose not in purposes:
        raise _refused(asked.name, f"it may leave for {' or '.join(purposes)} alone.", "state one of these purposes.")
    partners = [
        row[0]
        for row in connection.execute(
            "select distinct partner from registry.delivery where state in ('accepted', 'accepted_with_quarantine')"
            " order by partner"
        )
    ]
    return agreement_covering(
        settings.declarations, asked.agreement, asked.purpose, partners, on,
        rows=isinstance(rule, RowsRule), reader=asked.recipient,
    )  # fmt: skip


def _made(
    connection: psycopg.Connection[Any], rule: TableRule | RowsRule | None, declared: Disclosure, run: PublishedRun,
    asked: Asked,
) -> _Made:  # fmt: skip
    if rule is None:
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = pd.DataFrame(cursor.execute(SUMMARY_ROWS).fetchall())
        return _Made(rows.astype({COUNTED: "Int64"}) if len(rows) else rows, "counts", {})
    if isinstance(rule, RowsRule):
        return _extract(read_rows(connection, rule, run), rule, declared.control, asked)
    universe = rule.universe.format(pack=run.pack)
    rows = read_rows(connection, rule, run)
    whole = read_rows(connection, declared.tables[rule.of], run) if rule.of else None
    table = table_of(rule, rows, declared.control, whole)
    try:
        told = table.released(ledger.released_before(connection, universe), run.as_at.isoformat())
    except UnprotectableError as refused:
        raise _refused(
            asked.name,
            f"with what was released before, {len(refused.cells)} cells would tell of too few families.",
            "release it after more has changed, or with fewer columns; what was released before cannot be taken back.",
        ) from None
    name, form = (rule.amount, "amounts") if rule.amount else (COUNTED, "counts")
    dates = ledger.made_for(ledger.counted_on(connection, universe), table, told, run.as_at)
    frame = table.names.assign(counted_on=dates)
    frame.insert(len(table.names.columns), name, told.counts())
    return _Made(frame, form, {universe: (table, told)})


def table_of(rule: TableRule, rows: pd.DataFrame, control: Control, whole: pd.DataFrame | None = None) -> Table:
    """The table that a declaration makes of its rows; `whole`: rows of the groups that they are taken from."""
    groups = {"area": control.district_of}
    leaves = {} if whole is None else {name: sorted(whole[name].astype(str).unique()) for name in rule.by}
    dimensions = dimensions_of(rows, rule.by, rule.totals, groups, leaves)
    if rule.amount:
        return amount_table(rows, dimensions, control, rule.amount)
    return count_table(rows, dimensions, control, of=whole)


def _extract(rows: pd.DataFrame, rule: RowsRule, control: Control, asked: Asked) -> _Made:
    """Rows with ids of this extract alone, in an order that says nothing, alike to at least k."""
    found, told, left_out = examine(rows, rule, control), None, None
    if not found.enough and asked.coarsen and found.way is not None:
        rows, told = coarsened(rows, rule, found.way.steps, control.district_of), found.way.words
        found = examine(rows, rule, control)
    if not found.enough and asked.leave_out:
        kept = without_small_classes(rows, rule, control.k)
        left_out, rows = len(rows) - len(kept), kept
        found = examine(rows, rule, control)
    if not found.enough:
        way = f"coarsened ({found.way.words}) it would be" if found.way else "no coarsening that is declared would do"
        raise _refused(
            asked.name,
            f"k is {found.k} and l {found.least_l}; {control.k} and {control.l} are asked for ({found.rows_below} rows "
            f"are in smaller classes); {way}.",
            "export it with --coarsen, or --leave-out for the rows in small classes; wholefamily anonymity tells more.",
        )
    order = list(range(len(rows)))
    secrets.SystemRandom().shuffle(order)
    mixed = rows.iloc[order].reset_index(drop=True)
    for column in rule.ids:
        mixed[column] = range(1, len(mixed) + 1)
    dropped = [name for name in rule.quasi_identifiers if len(mixed) and (mixed[name].astype(str) == "").all()]
    return _Made(mixed.drop(columns=dropped), ROWS, {}, found, told, left_out)


def _entered(
    connection: psycopg.Connection[Any], control: Control, run: PublishedRun, agreement: Agreement, asked: Asked,
    made: _Made, name: str, content: bytes, now: dt.datetime,
) -> Manifest:  # fmt: skip
    """Enter the release, what its cells tell, and the audit log."""
    import hashlib

    digest = hashlib.sha256(content).hexdigest()
    occasion = ledger.Occasion(
        asked.name, made.form, asked.actor, asked.purpose, {agreement.id: agreement.version}, run.run_id, run.as_at
    )
    released = [told for _, told in made.parts.values()]
    number = ledger.open_release(
        connection, occasion, control, [str(column) for column in made.frame], len(made.frame), released, (name, digest)
    )
    for universe, (table, told) in made.parts.items():
        ledger.remember(connection, number, universe, table, told, run.as_at)
    manifest = Manifest(
        release_id=number, name=asked.name, file=name, sha256=digest, rows=len(made.frame),
        columns=tuple(map(str, made.frame)), form=made.form, purpose=asked.purpose, recipient=asked.recipient,
        exported_by=asked.actor, exported_at=now.isoformat(timespec="seconds"), agreement=agreement.id,
        agreement_version=agreement.version, disclosure_rule=control.id, disclosure_version=control.version,
        run_id=run.run_id, as_at=run.as_at.isoformat(),
        hidden=sum(int((one.how == "hidden").sum()) for one in released) if released else None,
        held=sum(int((one.how == "held").sum()) for one in released) if released else None,
        k=made.anonymity.k if made.anonymity else None, coarsened=made.coarsened, left_out=made.left_out,
    )  # fmt: skip
    detail = {key: value for key, value in asdict(manifest).items() if key not in ("exported_by", "exported_at")}
    audit.append(connection, asked.actor, "exported", f"release/{number}", detail)
    return manifest


def _refused(name: str, rule: str, remedy: str) -> ReleaseError:
    return ReleaseError(where=name, rule=rule, remedy=remedy)
