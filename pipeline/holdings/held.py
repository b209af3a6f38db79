"""What is held tonight, counted in the live database and on the disk: by partner and table, by schema, by reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pipeline.holdings.catalogue import Catalogue
from pipeline.holdings.coverage import FACTS
from pipeline.settings import Settings

DATED = ("start_date", "end_date", "nominated_on")
FEED_TABLES = {
    "identity.record": "people", "evidence.residence": "residences", "evidence.relationship": "relationships",
    "evidence.nomination": "nominations", FACTS: None,
}  # fmt: skip
DELIVERED = """
    select partner, max(decided_at)::date as last_taken_in, min(period_from) as period_from,
           max(period_to) as period_to, count(*) as deliveries
    from registry.delivery where state in ('accepted', 'accepted_with_quarantine') group by partner
"""
READERS = r"""
    select grantee, table_schema, count(distinct table_name) as readable
    from information_schema.role_table_grants
    where privilege_type = 'SELECT' and grantee like 'wf\_%' and table_schema <> 'information_schema'
    group by 1, 2 order by 1, 2
"""


@dataclass(frozen=True)
class Feed:
    """What is held of one table of one partner: rows, people, first and last day spoken of."""

    partner: str
    table: str
    stored: str
    rows: int
    people: int
    first: dt.date | None
    last: dt.date | None


@dataclass(frozen=True)
class Held:
    """Everything that is held, as counts. `tables`: rows by table; `sealed`: partner → copies, bytes, oldest."""

    feeds: tuple[Feed, ...]
    delivered: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, int]
    readers: Mapping[str, Mapping[str, int]]
    sealed: Mapping[str, tuple[int, int, dt.date]]
    persons: int
    families: int
    selected: int


def read_held(settings: Settings, connection: psycopg.Connection[Any], catalogue: Catalogue) -> Held:
    """Count it, in one snapshot of the caller's transaction."""
    feeds = [one for stored, table in FEED_TABLES.items() for one in _feed(connection, catalogue, stored, table)]
    with connection.cursor(row_factory=dict_row) as cursor:
        delivered = {row["partner"]: row for row in cursor.execute(DELIVERED.encode())}
    readers: dict[str, dict[str, int]] = {}
    for grantee, schema, readable in connection.execute(READERS.encode()):
        readers.setdefault(grantee, {})[schema] = readable
    tables = {
        name: _one(connection, "select count(*) from {}", name)
        for name, relation in catalogue.relations.items()
        if not relation.is_view
    }
    return Held(
        feeds=tuple(sorted(feeds, key=lambda one: (one.partner, one.table))),
        delivered=delivered,
        tables=tables,
        readers=readers,
        sealed=dict(_sealed(settings)),
        persons=_one(connection, "select count(distinct person_id) from {}", "identity.person"),
        families=tables["publication.family"],
        selected=_one(connection, "select count(distinct family_id) from {} where cohort_end_date is null",
                      "publication.cohort"),
    )  # fmt: skip


def _feed(connection: psycopg.Connection[Any], catalogue: Catalogue, stored: str, table: str | None) -> list[Feed]:
    columns = catalogue.relations[stored].columns
    days = [name for name in DATED if name in columns]
    first = sql.SQL("min(least({}))" if days else "null::date").format(
        *[sql.SQL(", ").join(map(sql.Identifier, days))] if days else []
    )
    last = sql.SQL("max(greatest({}))" if days else "null::date").format(
        *[sql.SQL(", ").join(map(sql.Identifier, days))] if days else []
    )
    named = sql.Identifier("table_name") if table is None else sql.Literal(table)
    query = sql.SQL(
        "select partner, {}, count(*), count(distinct record_id), {}, {} from {} group by 1, 2 order by 1, 2"
    ).format(named, first, last, sql.Identifier(*stored.split(".")))
    return [
        Feed(partner, name, stored, rows, people, start, end)
        for partner, name, rows, people, start, end in connection.execute(query).fetchall()
    ]


def _one(connection: psycopg.Connection[Any], query: str, table: str) -> int:
    composed = sql.SQL(query).format(sql.Identifier(*table.split(".")))
    return int((connection.execute(composed).fetchone() or (0,))[0])


def _sealed(settings: Settings) -> list[tuple[str, tuple[int, int, dt.date]]]:
    """Sealed copies of deliveries by partner: how many, how large, and since when the oldest lies there."""
    found = []
    folder = settings.hub / "accepted"
    for partner in sorted(folder.iterdir()) if folder.is_dir() else []:
        copies = [one for one in partner.iterdir() if one.is_dir()]
        if copies:
            size = sum(file.stat().st_size for one in copies for file in one.rglob("*") if file.is_file())
            oldest = min(one.stat().st_mtime for one in copies)
            found.append((partner.name, (len(copies), size, dt.datetime.fromtimestamp(oldest, dt.UTC).date())))
    return found
