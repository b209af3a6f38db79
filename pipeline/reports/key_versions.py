"""Versions of the linkage key at the hub: which is in force, who stands under which, and what would be left of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.contracts import Encoding
from pipeline.ingest.closing import rows_under
from pipeline.store.database import Database

if TYPE_CHECKING:
    from rich.table import Table as RichTable

IN_FORCE, WINDOW, OUT, CLOSED = "in force", "in force until all have changed", "not in force: close it", "closed"


@dataclass(frozen=True)
class PartnerStands:
    """Under which version a partner's records stand; `version` None: they were emptied, and wait for a delivery."""

    partner: str
    version: int | None
    records: int
    delivery_id: str | None
    period_to: dt.date | None


@dataclass(frozen=True)
class VersionStands:
    """One version: its state, who closed it when, and how many rows were made under it, by what they are."""

    version: int
    state: str
    closed_at: dt.datetime | None
    closed_by: str | None
    rows: dict[str, int]


@dataclass(frozen=True)
class KeyVersions:
    """All of it. `carried`: links of the published build that stand from before; `waiting`: new records by partner."""

    partners: tuple[PartnerStands, ...]
    versions: tuple[VersionStands, ...]
    carried: int
    waiting: dict[str, int]


def read_key_versions(database: Database, encoding: Encoding) -> KeyVersions:
    """What the hub holds now, and what the published build had to carry."""
    with database.connect() as connection:
        partners = connection.execute(PARTNERS).fetchall()
        closed = {row[0]: (row[1], row[2]) for row in connection.execute(CLOSINGS).fetchall()}
        delivered = {row[0] for row in connection.execute(DELIVERED).fetchall()}
        rows = {one: rows_under(connection, one) for one in sorted({*delivered, *encoding.key_versions})}
        built = connection.execute(BUILT).fetchone()
    told = (built[0] if built else None) or {}
    return KeyVersions(
        partners=tuple(PartnerStands(*row) for row in partners),
        versions=tuple(
            VersionStands(one, _state(one, encoding, set(closed)), *closed.get(one, (None, None)), rows[one])
            for one in rows
        ),
        carried=int(told.get("carried_links", 0)),
        waiting=dict(told.get("waiting", {})),
    )


def partners_table(partners: Sequence[PartnerStands]) -> RichTable:
    from rich.table import Table

    table = Table("Partner", "Version", "Records", "Delivery in force", "Covers to", title="Linkage keys: partners")
    for one in partners:
        version = "none: emptied, waits for a full delivery" if one.version is None else str(one.version)
        table.add_row(one.partner, version, f"{one.records:,}", one.delivery_id or "–", str(one.period_to or "–"))
    return table


def versions_table(versions: Sequence[VersionStands]) -> RichTable:
    from rich.table import Table

    table = Table("Version", "State", "What the hub holds that was made under it", title="Linkage keys: versions")
    for one in versions:
        state = f"{one.state} {one.closed_at:%Y-%m-%d %H:%M} by {one.closed_by}" if one.closed_at else one.state
        held = ", ".join(f"{name} {count:,}" for name, count in one.rows.items() if count)
        table.add_row(str(one.version), state, held or "nothing")
    return table


def _state(version: int, encoding: Encoding, closed: set[int]) -> str:
    if version in closed:
        return CLOSED
    if version not in encoding.key_versions:
        return OUT
    return IN_FORCE if version == encoding.key_version else WINDOW


PARTNERS = """
select r.partner, r.key_version, r.records, d.delivery_id, d.period_to
from (select partner, key_version, count(*) as records from identity.record group by 1, 2) r
left join lateral (
    select delivery_id, period_to from registry.delivery
    where delivery.partner = r.partner and state in ('accepted', 'accepted_with_quarantine')
    order by sequence desc limit 1
) d on true
order by r.partner, r.key_version
"""
CLOSINGS = "select key_version, closed_at, closed_by from registry.key_closing"
DELIVERED = "select distinct key_version from registry.delivery where key_version is not null and state <> 'rejected'"
BUILT = "select counts -> 'linking' -> 'key_versions' from registry.run where state = 'published' order by run_id desc"
