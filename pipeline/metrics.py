"""Freshness, rows and times as metrics, by OpenTelemetry: seen from outside, without looking inside.

Airflow 3.3 sends its own metrics the same way; both go to one collector, named by OpenTelemetry's own variables
(`OTEL_EXPORTER_OTLP_ENDPOINT`, or `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`). Without one nothing is sent. Attributes are
names of partners, tables, states and stages; nothing here counts people by what they are or did.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pipeline.contracts import Contract

log = logging.getLogger(__name__)
ENDPOINTS = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SECONDS = 5.0  # a collector that does not answer must not hold up the night
LAST_ACCEPTED = """
    select partner, max(decided_at) from registry.delivery
    where state in ('accepted', 'accepted_with_quarantine', 'superseded') group by partner order by partner
"""
DELIVERIES = "select partner, state, count(*) from registry.delivery group by partner, state order by partner, state"
IN_FORCE = """
    select d.partner, t.table_name, sum(t.rows_loaded), sum(t.rows_quarantined)
    from registry.delivery d join registry.delivery_table t using (delivery_id)
    where d.state in ('accepted', 'accepted_with_quarantine') group by d.partner, t.table_name order by 1, 2
"""
WAITING = """
    select d.partner, count(distinct (q.delivery_id, q.table_name, q.row_number))
    from registry.quarantine q join registry.delivery d using (delivery_id)
    where q.cleared_at is null and d.state in ('accepted', 'accepted_with_quarantine') group by d.partner order by 1
"""
LAST_RUN = """
    select finished_at, timings, (counts ->> 'persons')::bigint, (counts ->> 'families')::bigint
    from registry.run where state = 'published' order by run_id desc limit 1
"""
FAILED = "select count(*) from registry.run where state = 'failed'"


@dataclass(frozen=True)
class Measure:
    """One number: `unit` as UCUM writes it (d days, s seconds, {row} rows)."""

    name: str
    unit: str
    about: str
    value: float
    attributes: Mapping[str, str] = field(default_factory=dict)


def measures(connection: psycopg.Connection[Any], contracts: Mapping[str, Contract], now: dt.datetime) -> list[Measure]:
    """How the installation stands: one Measure per partner, table, state or stage."""
    return [*_of_feeds(connection, contracts, now), *_of_runs(connection, now)]


def _of_feeds(
    connection: psycopg.Connection[Any], contracts: Mapping[str, Contract], now: dt.datetime
) -> Iterator[Measure]:
    for partner, decided_at in connection.execute(LAST_ACCEPTED).fetchall():
        age = (now - decided_at).total_seconds() / 86400
        yield Measure("wholefamily.feed.age", "d", "Since the last accepted delivery.", age, {"partner": partner})
        if partner in contracts:
            allowed = contracts[partner].freshness_days
            about = "How old the contract lets it become."
            yield Measure("wholefamily.feed.age.allowed", "d", about, allowed, {"partner": partner})
    for partner, state, count in connection.execute(DELIVERIES).fetchall():
        about = "Deliveries ever received, by state."
        yield Measure("wholefamily.deliveries", "{delivery}", about, count, {"partner": partner, "state": state})
    for partner, table, loaded, quarantined in connection.execute(IN_FORCE).fetchall():
        for outcome, rows in (("loaded", loaded), ("quarantined", quarantined)):
            yield Measure(
                "wholefamily.feed.rows", "{row}", "Rows of the deliveries in force.", int(rows),
                {"partner": partner, "table": table, "outcome": outcome},
            )  # fmt: skip
    for partner, rows in connection.execute(WAITING).fetchall():
        about = "Rows in quarantine that no later delivery has cleared."
        yield Measure("wholefamily.quarantine.open", "{row}", about, rows, {"partner": partner})


def _of_runs(connection: psycopg.Connection[Any], now: dt.datetime) -> Iterator[Measure]:
    for finished_at, timings, persons, families in connection.execute(LAST_RUN).fetchall():
        age = (now - finished_at).total_seconds()
        yield Measure("wholefamily.published.age", "s", "Since the last published build.", age)
        for what, count in (("persons", persons), ("families", families)):
            if count is not None:
                yield Measure(f"wholefamily.published.{what}", f"{{{what}}}", f"{what.title()} published.", count)
        for stage, seconds in (timings or {}).items():
            about = "How long each stage of the last published build took."
            yield Measure("wholefamily.build.duration", "s", about, float(seconds), {"stage": stage})
    failed = connection.execute(FAILED).fetchone()
    yield Measure("wholefamily.builds.failed", "{run}", "Builds that have failed, ever.", failed[0] if failed else 0)


def endpoint() -> str | None:
    """The collector's address; None where none is set."""
    return next((os.environ[name] for name in ENDPOINTS if os.environ.get(name)), None)


def push(found: Iterable[Measure]) -> bool:
    """Send measures to the collector, by OTLP over HTTP; whether it took them. A collector that is away is logged and
    nothing else: no night fails for it."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
    from opentelemetry.sdk.resources import Resource

    by_name: dict[str, list[Measure]] = {}
    for one in found:
        by_name.setdefault(one.name, []).append(one)
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource=Resource({"service.name": "wholefamily"}), shutdown_on_exit=False)
    meter = provider.get_meter("wholefamily")
    for name, group in by_name.items():
        observed = [Observation(one.value, dict(one.attributes)) for one in group]

        def told(_: CallbackOptions, observed: list[Observation] = observed) -> list[Observation]:
            return observed

        meter.create_observable_gauge(name, [told], unit=group[0].unit, description=group[0].about)
    data = reader.get_metrics_data()
    exporter = OTLPMetricExporter(timeout=SECONDS)
    try:
        taken = data is not None and exporter.export(data, timeout_millis=SECONDS * 1000) is MetricExportResult.SUCCESS
    finally:
        exporter.shutdown()
        provider.shutdown()
    if not taken:
        log.warning("The metrics collector did not take the metrics.")
    return taken
