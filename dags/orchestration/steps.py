"""The tasks: each calls the function that the command line calls, and hands on ids and counts, never rows.

The pipeline is imported inside the tasks, so that reading a DAG file is quick and opens no database.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from orchestration.failures import told_plainly
from pipeline.errors import DeclarationError

log = logging.getLogger(__name__)


@told_plainly
def take_in_deliveries(partner: str, problem: str | None) -> dict[str, Any]:
    """Ingest what waits in the partner's landing folder; skipped when nothing does.

    Failed when all that waited is rejected, or nothing has come for longer than the contract allows. Where some is
    taken in and some rejected, this task does its part, so that the build learns of the new data, and
    `tell_of_rejections` fails. A retry tells of what a try before it took in, when that one died or still ran.
    """
    from pipeline.contracts import load_contract, load_vocabulary
    from pipeline.holdings import traced
    from pipeline.ingest import take_in
    from pipeline.ingest.lateness import late_partners, lateness_error
    from pipeline.ingest.since import taken_in_since
    from pipeline.reports.delivery_page import write_delivery_page
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    if problem is not None:
        raise AirflowFailException(problem)
    settings = read_settings()
    context = get_current_context()
    with open_database(settings) as database:
        with traced.ingest(settings, database, partner, _own_run()) as took:
            taken = take_in(settings, database, partner)
            if not taken.outcomes and not _is_first_try(context):
                taken = taken_in_since(database, partner, context["dag_run"].start_date)
            took(taken)
        for outcome in taken.outcomes:
            write_delivery_page(database, settings, outcome.delivery_id)
        contract = load_contract(
            settings.declarations / "extracts" / f"{partner}.yaml", load_vocabulary(settings.declarations)
        )
        with database.connect() as connection:
            late = late_partners(connection, {partner: contract}, dt.datetime.now(dt.UTC).date())
    if not taken.accepted:
        if taken.rejections:
            raise taken.rejections[0]
        if taken.unreachable:
            raise taken.unreachable
        if late:
            raise lateness_error(late)
        raise AirflowSkipException(f"No delivery of {partner} waits in its landing folder.")
    loaded = {o.delivery_id: (o.rows_loaded, o.rows_quarantined) for o in taken.accepted}
    return {
        "deliveries": sorted(loaded),
        "rejections": [str(one) for one in (*taken.rejections, taken.unreachable) if one is not None],
        "rows_loaded": sum(rows[0] for rows in loaded.values()),
        "rows_quarantined": sum(rows[1] for rows in loaded.values()),
    }


@told_plainly
def tell_of_rejections(taken: dict[str, Any]) -> None:
    """Fail, and so alert, when a delivery was rejected beside others that were taken in."""
    if taken["rejections"]:
        raise AirflowFailException(" ".join(taken["rejections"]))


@told_plainly
def build_and_publish() -> dict[str, Any]:
    """Build as at the run's `as_at`; a run started by the clock is skipped when nothing has come since the last.

    A DAG run is one order: a retry, or a twin that still runs, publishes nothing more. A backfilled night is built as
    at the day before its morning, and skipped when that day or a later one has been published: what was said is not
    said anew, and nobody is taken back to an old list.
    """
    from pipeline.holdings import traced
    from pipeline.nightly import anything_new, published_up_to
    from pipeline.publish.run import CarriedOut
    from pipeline.run import build
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    context = get_current_context()
    order = context["dag_run"]
    as_at = _day(context["params"].get("as_at"))
    first_try = _is_first_try(context)
    settings = read_settings()
    with open_database(settings) as database:
        if order.run_type == "backfill":
            as_at = order.logical_date.date() - dt.timedelta(days=1)
            if first_try and (reached := published_up_to(database)) and reached >= as_at:
                raise AirflowSkipException(f"As at {as_at} or later has been published: the last is as at {reached}.")
        if order.run_type == "scheduled" and first_try and not anything_new(database):
            raise AirflowSkipException("No delivery has been loaded since the last published build.")
        late = _late(settings, database)
        with traced.build(settings, database, _own_run()) as trace:
            try:
                asked_by = f"{order.run_id}, cleared {order.clear_number or 0}"
                summary = build(settings, database, as_at, watch=trace.stage, asked_by=asked_by)
                trace.published(summary.run_id)
            except CarriedOut as before:
                summary = before.order
                log.info("Run %s was published for this order already; nothing is done twice.", summary.run_id)
    for partner in late:
        log.warning("Built from the last good data. Late: %s", partner)
    counts = {name: count for name, count in summary.counts.items() if isinstance(count, int)}
    return {
        "run_id": summary.run_id,
        "as_at": summary.as_at.isoformat(),
        "counts": counts,
        "late": [one.partner for one in late],
    }


@told_plainly
def write_report(built: dict[str, Any]) -> str:
    """Write the run's report page; returns its file name."""
    from pipeline.holdings import traced
    from pipeline.reports import write_run_report
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    settings = read_settings()
    with (
        open_database(settings) as database,
        traced.step(settings, "report", reads=traced.REPORTED, writes=["reports/run"], parent=_own_run()),
    ):
        return write_run_report(database, settings, built["run_id"], None).name


@told_plainly
def keep_to_retention() -> dict[str, Any]:
    """Destroy what the agreements let be held no longer; returns how many rows, and the certificate's file name."""
    from pipeline.rights.retention import keep_to_retention as keep_to
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    settings = read_settings()
    with open_database(settings) as database:
        done = keep_to(settings, database, dry_run=False)
    return {"rows": done.rows, "certificate": done.certificate.name if done.certificate else None}


@told_plainly
def record_role_changes() -> dict[str, int]:
    """Log what changed of roles and rights since the last look; returns how many were added and removed."""
    from pipeline.audit import record_role_changes as record
    from pipeline.holdings import traced
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    settings = read_settings()
    with (
        open_database(settings) as database,
        traced.step(settings, "governance.roles", reads=["roles"], writes=["audit.log"], parent=_own_run()),
    ):
        return record(database)


@told_plainly
def collect_accesses() -> dict[str, int]:
    """Take readers' queries from the server's log; returns how many were new, and how many logins stand out today."""
    from pipeline.access.looked import collect, load_unusual, unusual_accesses
    from pipeline.access.server_log import server_logs
    from pipeline.holdings import traced
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    settings = read_settings()
    since = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    with (
        open_database(settings) as database,
        traced.step(settings, "governance.accesses", writes=["access.query"], parent=_own_run()),
        database.connect() as connection,
    ):
        added = collect(connection, server_logs(settings))
        found = unusual_accesses(connection, load_unusual(settings.declarations), since)
    return {"queries": added, "unusual": len({one["login"] for one in found})}


@told_plainly
def sign_the_log() -> dict[str, Any]:
    """Check and sign the audit log; returns the checkpoint's number, how many entries it covers, and their root."""
    from pipeline.audit import write_checkpoint
    from pipeline.errors import BuildError, StoreError
    from pipeline.holdings import traced
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    settings = read_settings()
    with (
        open_database(settings) as database,
        traced.step(settings, "governance.checkpoint", reads=["audit.log"], writes=["checkpoints"], parent=_own_run()),
    ):
        try:
            kept = write_checkpoint(settings, database).checkpoint
        except StoreError as error:
            if not error.where.startswith("the audit log"):
                raise
            problem = error
        else:
            return {"number": kept.number, "entries": kept.size, "root": kept.root.hex()}
    # A log that was tampered with is the same at the next try: no retry.
    raise BuildError(where=problem.where, rule=problem.rule, remedy=problem.remedy)


@told_plainly
def tell_the_witness() -> int:
    """Send the checkpoints that have no receipt yet; returns how many."""
    from pipeline.audit import tell_witness
    from pipeline.holdings import traced
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    settings = read_settings()
    with (
        open_database(settings) as database,
        traced.step(settings, "governance.witness", reads=["checkpoints"], writes=["witness"], parent=_own_run()),
    ):
        return tell_witness(settings, database)


@told_plainly
def remove_what_no_agreement_covers() -> dict[str, int]:
    """Remove what is held and covered by no agreement any more; returns rows or cells by partner."""
    from pipeline.holdings import traced
    from pipeline.holdings.coverage import LOADED, remove_uncovered
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    settings = read_settings()
    with (
        open_database(settings) as database,
        traced.step(settings, "governance.agreements", reads=["schemas/agreements"], writes=LOADED, parent=_own_run()),
    ):
        return {found.partner: found.rows for found in remove_uncovered(settings, database)}


@told_plainly
def tell_of_ending_agreements() -> int:
    """Send a notice of each agreement that ends within a month, or has ended; returns how many."""
    from orchestration.failures import announce
    from pipeline.holdings.watch import agreement_notices
    from pipeline.settings import read_settings

    notices = agreement_notices(read_settings(), dt.datetime.now(dt.UTC))
    for notice in notices:
        announce(notice)
    return len(notices)


@told_plainly
def write_what_is_held() -> list[str]:
    """Write the pages of what is held and of where it comes from; returns their file names."""
    from pipeline.holdings import traced
    from pipeline.holdings.page import write_holdings_page, write_lineage_page
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    settings = read_settings()
    pages = ["reports/holdings", "reports/lineage"]
    with (
        open_database(settings) as database,
        traced.step(settings, "governance.holdings", reads=traced.HELD, writes=pages, parent=_own_run()),
    ):
        return [write_holdings_page(settings, database).name, write_lineage_page(settings, database).name]


@told_plainly
def make_evidence_pack() -> dict[str, Any]:
    """Make the signed evidence pack; returns its name, hash and number of files."""
    from pipeline.holdings import traced
    from pipeline.holdings.pack import make_pack
    from pipeline.settings import read_settings
    from pipeline.store.database import open_database

    settings = read_settings()
    with (
        open_database(settings) as database,
        traced.step(
            settings, "governance.evidence_pack", reads=traced.HELD, writes=["evidence-pack"], parent=_own_run()
        ),
    ):
        made = make_pack(settings, database)
    return {"file": made.path.name, "sha256": made.sha256, "files": made.files}


def _is_first_try(context: Any) -> bool:
    """Whether no other process has begun this; a task that was cleared begins anew, with as many tries as at first."""
    instance = context["ti"]
    return bool(instance.try_number + context["task"].retries == instance.max_tries + 1)


def _late(settings: Any, database: Any) -> list[Any]:
    """Partners whose last delivery is older than their contract allows: the build goes on with it, and says so."""
    from pipeline.contracts import load_contracts, load_vocabulary
    from pipeline.ingest.lateness import late_partners

    contracts = load_contracts(settings.declarations, load_vocabulary(settings.declarations))
    with database.connect() as connection:
        return late_partners(connection, contracts, dt.datetime.now(dt.UTC).date())


def _own_run() -> Any:
    """This task's own run, as Airflow's lineage names it: the parent of what the work tells."""
    from airflow.providers.openlineage.plugins.macros import lineage_job_name, lineage_job_namespace, lineage_run_id

    from pipeline.lineage import Parent

    instance = get_current_context()["ti"]
    return Parent(lineage_run_id(instance), lineage_job_name(instance), lineage_job_namespace())


def _day(text: str | None) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise DeclarationError(
            where="build_live, parameter as_at", rule="this is not a date.", remedy="give it as YYYY-MM-DD."
        ) from None
