"""A partner's feed as it would stand with a delivery, beside how it stood with the last ones accepted.

Rows by table, shares of empty cells, and, of a delta, the share of people it changes: of the whole feed, so that many
small deltas cannot wear it away unseen. What may differ by how much is data: the partner's suite
`expectations/<partner>_feed.json` runs over one row of these differences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa

from pipeline.contracts import Contract
from pipeline.ingest.examine import check_expectations
from pipeline.ingest.registry import Case
from pipeline.records import PEOPLE, REMOVALS, ROW
from pipeline.store.bulk import read_frame, write_frame
from pipeline.validate import CheckResult, load_suite, run_suite, suite_path

FEED = "feed"
ROWS, CHANGED, MISSING = "rows", "changed", "missing "
Measures = dict[tuple[str, str], float]  # by table and measure

# The deliveries whose feed once stood, newest first, and what was measured of each.
LAST = """
    select d.delivery_id, m.table_name, m.measure, m.value from (
        select delivery_id, sequence from registry.delivery where partner = %s and kind in ('full', 'delta')
            and state in ('accepted', 'accepted_with_quarantine', 'superseded') order by sequence desc limit %s
    ) d join registry.feed_measure m using (delivery_id) order by d.sequence desc
"""
HELD = """
    with gone as materialized (
        select record_id from identity.record where partner = $1
            and person_ref in (select decode(ref, 'hex') from unnest(string_to_array($2, ',')) ref)
    )
    select 'people' as table_name, count(*) as rows from gone
    union all select 'residences', count(*) from evidence.residence where record_id in (table gone)
    union all select 'relationships', count(*) from evidence.relationship where record_id in (table gone)
    union all select 'nominations', count(*) from evidence.nomination where record_id in (table gone)
    union all select table_name, count(distinct (delivery_id, row_number)) from evidence.fact
        where record_id in (table gone) group by table_name
"""


@dataclass(frozen=True)
class Before:
    """The feed as it stood with the last deliveries accepted, newest first: measures of each."""

    deliveries: tuple[Measures, ...] = ()

    def usual(self, table: str, measure: str) -> float:
        """The median over these deliveries; NaN where it was never measured."""
        known = [measured[table, measure] for measured in self.deliveries if (table, measure) in measured]
        return float(pd.Series(known, dtype=float).median())


def check_feed_suite(expectations: Path, contract: Contract) -> None:
    """Raise DeclarationError unless the partner's feed has a suite that can be read."""
    load_suite(suite_path(expectations, contract.partner, FEED))


def judge_feed(
    session: psycopg.Connection[Any], connection: Any, case: Case, contract: Contract, expectations: Path, standing: int
) -> Measures:
    """Measure the feed as it would stand, and run its suite (into `case.checks`); returns what was measured.

    `standing`: people loaded before, of a delta. Raises DeliveryError where a critical expectation is not met.
    """
    path = suite_path(expectations, contract.partner, FEED)
    meta = load_suite(path).meta
    before = read_before(session, contract.partner, int(meta.get("compared_with", 5)))
    delta = case.manifest is not None and case.manifest.kind == "delta"
    measures = _of_delta(connection, case, before, standing) if delta else _of_full(case)
    frame = feed_frame(contract, measures, before, int(meta.get("smallest_rows", 100)))
    results = run_suite(path, frame)
    case.checks += results
    check_expectations(case.landed, results)
    return measures


def read_before(session: psycopg.Connection[Any], partner: str, number: int) -> Before:
    """What was measured of the last `number` deliveries that were accepted and are not withdrawn."""
    found: dict[str, Measures] = {}
    for delivery_id, table, measure, value in session.execute(LAST, (partner, number)).fetchall():
        found.setdefault(delivery_id, {})[table, measure] = value
    return Before(tuple(found.values()))


def feed_frame(
    contract: Contract, measures: Mapping[tuple[str, str], float], before: Before, smallest: int
) -> pd.DataFrame:
    """One row: how the feed would differ from the usual. Empty where there is nothing to compare with, or too little.

    <table>_rows_share: its rows as a share of the usual · <table>_<column>_missing_more: by how much its share of empty
    cells is above the usual (points of 1) · changed_people_share, of a delta.
    """
    row: dict[str, float] = {"changed_people_share": measures.get((PEOPLE, CHANGED), math.nan)}
    for table in contract.tables:
        usual = before.usual(table.name, ROWS)
        enough = usual >= smallest
        rows = measures.get((table.name, ROWS), math.nan)
        row[f"{table.name}_rows_share"] = rows / usual if enough else math.nan
        for column in table.delivered_columns():
            name = f"{MISSING}{column.name}"
            more = measures.get((table.name, name), math.nan) - before.usual(table.name, name)
            row[f"{table.name}_{column.name}_missing_more"] = more if enough else math.nan
    if (measures.get((PEOPLE, ROWS)) or 0.0) < smallest and not before.usual(PEOPLE, ROWS) >= smallest:
        row["changed_people_share"] = math.nan
    return pd.DataFrame([row])


def write_measures(connection: Any, delivery_id: str, measures: Measures) -> None:
    """Keep what was measured, in the transaction that loads the delivery."""
    keys = list(measures)
    rows = {
        "delivery_id": [delivery_id] * len(keys),
        "table_name": [table for table, _ in keys],
        "measure": [measure for _, measure in keys],
        "value": pa.array([measures[key] for key in keys], pa.float64()),
    }
    write_frame(connection, "registry", "feed_measure", pa.table(rows))


def _of_full(case: Case) -> Measures:
    measures: Measures = {}
    for name, table in case.tables.items():
        rows = table.loaded.num_rows
        measures[name, ROWS] = rows
        for column in table.loaded.column_names:
            if column != ROW and rows:
                measures[name, f"{MISSING}{column}"] = table.loaded[column].null_count / rows
    return measures


def _of_delta(connection: Any, case: Case, before: Before, standing: int) -> Measures:
    measures: Measures = {}
    if standing:
        measures[PEOPLE, CHANGED] = len(case.affected) / standing
    if not before.deliveries:
        return measures
    people = ",".join(reference.hex() for reference in case.affected.to_pylist())
    held = read_frame(connection, HELD, [case.landed.partner, people])
    gone = dict(zip(held["table_name"].to_pylist(), held["rows"].to_pylist(), strict=True))
    stood = {table: value for (table, measure), value in before.deliveries[0].items() if measure == ROWS}
    for name in {*stood, *case.tables} - {REMOVALS}:
        loaded = case.tables[name].loaded.num_rows if name in case.tables else 0
        measures[name, ROWS] = max(0.0, stood.get(name, 0.0) - gone.get(name, 0) + loaded)
    return measures


__all__ = ["Before", "CheckResult", "check_feed_suite", "feed_frame", "judge_feed", "read_before", "write_measures"]
