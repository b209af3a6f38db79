"""Questions whose answers are the rows a reader sees, with what each is to be: for the tests, and to kill mutants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors

from tests.walls.world import BY_CASE, MARKED, SEES, SEES_CASES, SEES_MARKED


@dataclass(frozen=True)
class Probe:
    """A query of a reader for the purpose `identify`; `expected` are its rows, or None where it is refused."""

    reader: str
    query: str
    expected: list[tuple[Any, ...]] | None

    def __str__(self) -> str:
        return f"{self.reader}: {self.query[:60]}"


def _probes() -> list[Probe]:
    found = []
    for reader, views in SEES.items():
        for view, families in views.items():
            query = f"select distinct family_id from {view} order by 1"
            found.append(Probe(reader, query, [(family,) for family in sorted(families)]))
    for reader, cases in SEES_CASES.items():
        found += [
            Probe(reader, f"select distinct case_id from cohort.{view} order by 1", [(case,) for case in sorted(cases)])
            for view in BY_CASE
        ]
    for reader, sees in SEES_MARKED.items():
        schema = "exchange" if "exchange.family" in SEES[reader] else "cohort"
        open_views = [name for name in MARKED if f"{schema}.{name}" in SEES[reader]]
        found += [
            Probe(reader, f"select count(*) > 0 from {schema}.{view} where contains_dwp", [(sees,)])
            for view in open_views
        ]
    for reader in ("analyst", "north"):
        found.append(Probe(reader, "select distinct partner from cohort.criterion_evidence", [("police",)]))
    for partner in ("police", "council", "dwp", "schools"):
        for view in ("delivery", "delivery_table", "rejected_row", "check_result"):
            query = f"select distinct delivery_id from exchange.{view}"
            found.append(Probe(partner, query, [(f"{partner}-1",)]))
    found.append(Probe("analyst", "select new_id from cohort.family_ledger", [(1,)]))
    found.append(Probe("analyst", "select families from cohort.summary", [(10,)]))
    found.append(Probe("north", "select count(*) from casework.step", [(2,)]))
    found.append(Probe("auditor", "select count(*) from registry.delivery", [(4,)]))
    for reader, closed in (
        ("analyst", "publication.family"), ("analyst", "exchange.family"), ("analyst", "registry.delivery"),
        ("north", "publication.family"), ("north", "cohort.cohort"), ("police", "cohort.family"),
        ("police", "registry.delivery"), ("police", "publication.family_partner"), ("auditor", "cohort.family"),
        ("auditor", "evidence.fact"), ("auditor", "identity.record"),
    ):  # fmt: skip
        found.append(Probe(reader, f"select count(*) from {closed}", None))
    found.append(Probe("north", "select distinct partner from cohort.chronology", [("police",)]))
    for reader, query in (
        ("north", "explain analyze select * from cohort.priority where family_id = 3"),
        ("police", "explain (analyze, costs off) select * from exchange.criterion_result where family_id = 2"),
    ):
        found.append(Probe(reader, query, None))
    return found


PROBES = _probes()


def answer(session: psycopg.Connection[Any], probe: Probe) -> list[tuple[Any, ...]] | None:
    try:
        with session.transaction():
            return session.execute(probe.query.encode()).fetchall()
    except errors.InsufficientPrivilege:
        return None
