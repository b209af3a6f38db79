"""The lineage of each step as it is run: its events, with what it read and wrote, counted and by column.

The command line and the DAGs wrap the same work in these. Everything told is a name, a count, a version or the outcome
of a check; what cannot be read for it is left out, and never fails the work.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from pipeline import logs, metrics
from pipeline.contracts import (
    Agreement,
    Contract,
    agreement_for,
    load_agreements,
    load_contract,
    load_contracts,
    load_encoding,
    load_link_model,
    load_vocabulary,
)
from pipeline.errors import WholeFamilyError
from pipeline.holdings.catalogue import Catalogue, read_catalogue
from pipeline.holdings.jobs import PUBLISH, load_jobs
from pipeline.holdings.loaded import delivered_columns, loaded_columns
from pipeline.ingest import Taken
from pipeline.lineage import Check, Dataset, Governance, Parent, Task, forward, task
from pipeline.settings import Settings
from pipeline.store.database import Database

log = logging.getLogger(__name__)
BUILD = "build"
HELD = ("audit.log", "registry.delivery", "registry.run", "identity.record", "evidence.fact", "publication.family")
REPORTED = ("registry.delivery", "registry.run", "cohort.attrition", "cohort.summary", "cohort.criterion_result")
TABLES = "select table_name, rows_delivered from registry.delivery_table where delivery_id = %s order by table_name"
CHECKS = """
    select suite, expectation, column_name, severity, success from registry.check_result where delivery_id = %s
    order by suite, expectation, column_name
"""
QUARANTINED = "select count(*) from registry.quarantine where delivery_id = any(%s)"


@contextmanager
def ingest(
    settings: Settings, database: Database, partner: str, parent: Parent | None = None
) -> Iterator[Callable[[Taken], None]]:
    """The lineage of one partner's ingest; the work hands over what it took in."""
    with task(settings, f"ingest.{partner}", parent) as run:

        def took(taken: Taken) -> None:
            _log_deliveries(run, settings, taken)
            _push_metrics(settings, database)
            if not taken.accepted:
                run.failure = next(iter(taken.rejections), taken.unreachable)
            with _never_failing(run):
                _tell_ingest(run, settings, database, partner, taken)

        yield took


class Build:
    """The lineage of a build while it goes on: `stage` wraps each of its stages, `published` names the run."""

    def __init__(self, settings: Settings, whole: Task) -> None:
        self._settings, self._whole = settings, whole
        self.stages: list[Task] = []
        self.run_id: int | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        with task(self._settings, f"{BUILD}.{name}", self._whole.as_parent(), keep=True) as run:
            self.stages.append(run)
            yield

    def published(self, run_id: int) -> None:
        self.run_id = run_id


@contextmanager
def build(settings: Settings, database: Database, parent: Parent | None = None) -> Iterator[Build]:
    """The lineage of a build and its stages. What they wrote is counted when it is published: how each stage ended is
    told then, with the time at which it ended."""
    with task(settings, BUILD, parent, keep=True) as whole:
        trace = Build(settings, whole)
        try:
            yield trace
        except BaseException as failure:
            whole.failure = failure
            raise
        finally:
            whole.ended = dt.datetime.now(dt.UTC)
            if trace.run_id is not None:
                with _never_failing(whole):
                    logs.write(settings, "build", "published", run_id=trace.run_id, run=whole.run_id)
                    _tell_build(trace, whole, settings, database)
                _push_metrics(settings, database)
            for run in (*trace.stages, whole):
                run.finish()
            forward(settings)


@contextmanager
def step(
    settings: Settings,
    job: str,
    *,
    reads: Iterable[str] = (),
    writes: Iterable[str] = (),
    parent: Parent | None = None,
) -> Iterator[Task]:
    """The lineage of a step that reads and writes whole datasets: reports, governance."""
    with task(settings, job, parent) as run:
        run.reads(Dataset(name) for name in reads)
        yield run
        run.writes(Dataset(name) for name in writes)


def governance_of(settings: Settings, contracts: Iterable[Contract], rules: Mapping[str, str]) -> Governance:
    """The agreements in force today, and the contracts, as an event names them."""
    today = dt.datetime.now(dt.UTC).date()
    agreements = load_agreements(settings.declarations)
    named = list(contracts)
    found: dict[str, Agreement] = {}
    for contract in named:
        one = agreement_for(agreements, contract.partner, today)
        if one is not None:
            found[one.id] = one
    return Governance(
        agreements=[
            {"id": one.id, "version": one.version, "expiry": one.expiry.isoformat(), "partners": sorted(one.feeds)}
            for one in found.values()
        ],
        contracts=[{"partner": one.partner, "version": one.version, "sha256": one.sha256} for one in named],
        rules=dict(rules),
    )


@contextmanager
def _never_failing(run: Task) -> Iterator[None]:
    try:
        yield
    except (WholeFamilyError, psycopg.Error, OSError) as problem:
        log.warning("Part of the lineage of %s is missing: %s.", run.job, type(problem).__name__)


def _log_deliveries(run: Task, settings: Settings, taken: Taken) -> None:
    with _never_failing(run):
        for one in taken.outcomes:
            logs.write(
                settings, "delivery", one.state, delivery_id=one.delivery_id, partner=one.partner, run=run.run_id,
                rows_delivered=one.rows_delivered, rows_loaded=one.rows_loaded, rows_quarantined=one.rows_quarantined,
                rows_suppressed=one.rows_suppressed, warnings=list(one.warnings) or None, code=one.code,
            )  # fmt: skip


def _push_metrics(settings: Settings, database: Database) -> None:
    """Send how the installation stands to the collector, where one is named."""
    if metrics.endpoint() is None:
        return
    try:
        contracts = load_contracts(settings.declarations, load_vocabulary(settings.declarations))
        with database.connect() as connection:
            found = metrics.measures(connection, contracts, dt.datetime.now(dt.UTC))
        metrics.push(found)
    except (WholeFamilyError, psycopg.Error, OSError) as problem:
        log.warning("The metrics were not sent: %s.", type(problem).__name__)


def _tell_ingest(run: Task, settings: Settings, database: Database, partner: str, taken: Taken) -> None:
    vocabulary = load_vocabulary(settings.declarations)
    contract = load_contract(settings.declarations / "extracts" / f"{partner}.yaml", vocabulary)
    encoding = load_encoding(settings.declarations, load_link_model(settings.declarations).encoding)
    run.governance = governance_of(settings, [contract], {"encoding": str(encoding.version)})
    deliveries = [outcome.delivery_id for outcome in taken.outcomes if outcome.state != "received"]
    if not deliveries:
        return
    delivered = delivered_columns(contract, encoding)
    stored = loaded_columns(contract, encoding)
    accepted = [outcome.delivery_id for outcome in taken.accepted]
    with database.connect() as connection:
        for delivery_id in deliveries:
            checks = _checks(connection, delivery_id, partner)
            for table, rows in connection.execute(TABLES, (delivery_id,)).fetchall():
                run.reads(
                    [
                        Dataset(
                            f"deliveries/{partner}/{table}", rows, delivery_id, delivered.get(table, {}),
                            checks.pop(table, ()),
                        )
                    ]
                )  # fmt: skip
            # What was asked of the delivery as a whole.
            run.reads(
                Dataset(f"deliveries/{partner}/{name}", version=delivery_id, checks=left)
                for name, left in checks.items()
            )
        if accepted:
            run.writes(
                Dataset(name, _loaded(connection, name, accepted), accepted[-1], columns)
                for name, columns in sorted(stored.items())
            )
        quarantined = (connection.execute(QUARANTINED, (deliveries,)).fetchone() or (0,))[0]
        run.writes([Dataset("registry.quarantine", quarantined, deliveries[-1])])


def _checks(connection: psycopg.Connection[Any], delivery_id: str, partner: str) -> dict[str, list[Check]]:
    found: dict[str, list[Check]] = {}
    for suite, expectation, column, severity, success in connection.execute(CHECKS, (delivery_id,)).fetchall():
        table = suite.removeprefix(f"{partner}_")
        found.setdefault(table, []).append(Check(expectation, column, severity, success))
    return found


def _loaded(connection: psycopg.Connection[Any], table: str, deliveries: list[str]) -> int | None:
    """How many rows of these deliveries stand in a table; None where its rows do not name their delivery."""
    named = connection.execute(
        "select 1 from information_schema.columns where table_schema || '.' || table_name = %s"
        " and column_name = 'delivery_id'",
        (table,),
    ).fetchone()
    if named is None:
        return None
    query = sql.SQL("select count(*) from {} where delivery_id = any(%s)").format(sql.Identifier(*table.split(".")))
    return int((connection.execute(query, (deliveries,)).fetchone() or (0,))[0])


def _tell_build(trace: Build, whole: Task, settings: Settings, database: Database) -> None:
    jobs = {job.name: job for job in load_jobs(settings.declarations)}
    with database.connect() as connection:
        catalogue = read_catalogue(connection)
        counted = _counted(connection, catalogue, {table for job in jobs.values() for table in job.writes})
        about = connection.execute(
            "select pack, pack_version, model_version from registry.run where run_id = %s", (trace.run_id,)
        ).fetchone()
    version = f"run/{trace.run_id}"
    for run in trace.stages:
        job = jobs.get(run.job)
        if job is not None:
            run.reads(
                Dataset(table, counted.get(table), columns=dict.fromkeys(columns, ()))
                for table, columns in job.reads.items()
            )
            run.writes(
                Dataset(table, counted[table], version, job.columns_of(table, catalogue.relations[table].columns))
                for table in job.writes
                if table in counted
            )
        if run.job == PUBLISH:
            run.writes(
                Dataset(name, None, version, catalogue.view_columns(name))
                for name, relation in catalogue.relations.items()
                if relation.schema == "cohort"
            )
    vocabulary = load_vocabulary(settings.declarations)
    contracts = [
        load_contract(path, vocabulary) for path in sorted((settings.declarations / "extracts").glob("*.yaml"))
    ]
    rules = {"pack": f"{about[0]} {about[1]}", "link_model": str(about[2])} if about else {}
    whole.governance = governance_of(settings, contracts, rules)


def _counted(connection: psycopg.Connection[Any], catalogue: Catalogue, tables: Iterable[str]) -> dict[str, int]:
    """Rows of each table that there is."""
    found = {}
    for table in sorted(tables):
        if catalogue.has(table):
            query = sql.SQL("select count(*) from {}").format(sql.Identifier(*table.split(".")))
            found[table] = int((connection.execute(query).fetchone() or (0,))[0])
    return found
