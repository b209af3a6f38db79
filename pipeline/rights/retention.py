"""Retention: what an agreement lets be held no longer goes, every night, with a certificate of what was destroyed.

Periods are the agreements' own (`retention.held`), counted back from the day that a partner's data reach. That day
grows older with the clock: where the newest delivery in force covers up to the 31st and was accepted three days ago, it
is the 3rd. So a feed that stops does not stop its retention, and a trial of old data is not emptied by today's date.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipeline import audit
from pipeline.contracts import Agreement, Vocabulary, load_agreements, load_vocabulary
from pipeline.contracts.agreement import agreement_for
from pipeline.rights.certificate import Certificate, Destroyed, write_certificate
from pipeline.rights.months import add_months
from pipeline.rights.remove import forget_places, sees_all
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.store.locks import HUB_DATA, advisory_lock

Connection = psycopg.Connection[Any]
ACTOR, ACTION = "retention", "destroyed"
# Table, the last day that a row speaks of (empty while it lasts), and the partner's column.
DATED = (
    ("evidence.fact", "coalesce(t.end_date, case when t.kind = any(%(lasting)s) then null else t.start_date end)"),
    ("evidence.residence", "t.end_date"),
    ("evidence.relationship", "t.end_date"),
    ("evidence.nomination", "t.nominated_on"),
)
# What the hub itself said or noted, by the day it was over; held as long as the longest agreement lets it.
NOTED = (
    ("publication.statement", "(select r.as_at from registry.run r where r.run_id = t.until_run)"),
    ("publication.cohort", "t.cohort_end_date"),
    ("publication.family_history", "t.valid_to::date"),
    ("registry.quarantine", "(select d.decided_at::date from registry.delivery d where d.delivery_id = t.delivery_id)"),
    ("identity.quarantined_row", "(select d.decided_at::date from registry.delivery d"
                                 " where d.delivery_id = t.delivery_id)"),
)  # fmt: skip
BY_THE_CLOCK = ("publication.family_history", "registry.quarantine", "identity.quarantined_row")
NOTED_UNDER = "all agreements"
SEALED = "sealed copies"


@dataclass(frozen=True)
class Limit:
    """Until when a partner's rows may go back: the agreement, and the first day still held (None: it does not say)."""

    partner: str
    agreement: str
    held_from: dt.date | None
    today: dt.date  # the day that the partner's data reach


@dataclass(frozen=True)
class Retained:
    """One look: the limits, and what goes or has gone; the certificate where it has."""

    limits: tuple[Limit, ...]
    destroyed: tuple[Destroyed, ...]
    certificate: Path | None = None

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.destroyed)


def read_limits(connection: Connection, agreements: Sequence[Agreement], today: dt.date) -> list[Limit]:
    """The first day still held of each partner that has delivered."""
    found = []
    for partner, period_to, accepted_at in connection.execute(
        "select partner, period_to, accepted_at::date from registry.freshness where period_to is not null"
        " order by partner"
    ).fetchall():
        reach = period_to + max(today - accepted_at, dt.timedelta())
        agreement = agreement_for(agreements, partner, today)
        months = agreement.held_months if agreement else None
        held_from = add_months(reach, -months) if months is not None else None
        found.append(Limit(partner, agreement.id if agreement else "none in force", held_from, reach))
    return found


def keep_to_retention(
    settings: Settings, database: Database, *, dry_run: bool, today: dt.date | None = None
) -> Retained:
    """Destroy what may be held no longer, in one transaction, and certify it; with `dry_run` only count.

    Twice is once: nothing is left to destroy, and no certificate is written where nothing was. Loads and builds wait.
    """
    day = today or dt.datetime.now(dt.UTC).date()
    agreements, vocabulary = load_agreements(settings.declarations), load_vocabulary(settings.declarations)
    with (
        database.connect(autocommit=True) as session,
        advisory_lock(session, HUB_DATA),
        database.connect() as connection,
    ):
        sees_all(connection)
        limits = read_limits(connection, agreements, day)
        destroyed = _destroy(connection, limits, vocabulary)
        old = _old_copies(settings, connection, limits, day)
        destroyed += [Destroyed(SEALED, limit, "", len(paths)) for limit, paths in old if paths]
        if dry_run or not destroyed:
            connection.rollback()
            return Retained(tuple(limits), tuple(destroyed))
        forget_places(connection)
        for _, paths in old:
            for path in paths:
                shutil.rmtree(path)
        certificate = write_certificate(settings, connection, limits_told(limits), destroyed)
        _note(connection, certificate)
    return Retained(tuple(limits), tuple(destroyed), certificate.path)


def limits_told(limits: Iterable[Limit]) -> list[dict[str, str]]:
    """The limits for the certificate."""
    return [
        {"partner": one.partner, "agreement": one.agreement, "held_from": str(one.held_from or "not said")}
        for one in limits
    ]


def _destroy(connection: Connection, limits: Sequence[Limit], vocabulary: Vocabulary) -> list[Destroyed]:
    """Delete what is over, and count it by table, agreement and the year of its last day."""
    lasting = [kind.name for kind in vocabulary.kinds.values() if kind.spell]
    found = []
    for table, last_day in DATED:
        for limit in limits:
            if limit.held_from is not None:
                values = {"lasting": lasting, "partner": limit.partner, "from": limit.held_from}
                rows = _deleted(connection, table, last_day, "t.partner = %(partner)s", values)
                found += [Destroyed(table, limit.agreement, year, count) for year, count in rows]
    known = [limit.held_from for limit in limits if limit.held_from is not None]
    if known:
        ages = [limit.today - limit.held_from for limit in limits if limit.held_from is not None]
        by_the_clock = dt.datetime.now(dt.UTC).date() - max(ages)
        for table, last_day in NOTED:
            values = {"from": by_the_clock if table in BY_THE_CLOCK else min(known)}
            rows = _deleted(connection, table, last_day, "true", values)
            found += [Destroyed(table, NOTED_UNDER, year, count) for year, count in rows]
    return _summed(found)


def _deleted(
    connection: Connection, table: str, last_day: str, whose: str, values: dict[str, Any]
) -> list[tuple[str, int]]:
    statement = (
        f"with gone as (delete from {{}} t where {whose} and {last_day} < %(from)s"  # noqa: S608 - declared names only
        f" returning extract(year from {last_day})::int::text as year)"
        " select year, count(*) from gone group by year order by year"
    )
    found = connection.execute(sql.SQL(statement).format(sql.Identifier(*table.split("."))), values)
    return [(str(year), int(count)) for year, count in found.fetchall()]


def _summed(found: Iterable[Destroyed]) -> list[Destroyed]:
    """One line per table, agreement and year: partners under one agreement together."""
    sums: dict[tuple[str, str, str], int] = {}
    for one in found:
        key = (one.table, one.agreement, one.year)
        sums[key] = sums.get(key, 0) + one.rows
    return [Destroyed(*key, rows) for key, rows in sums.items() if rows]


def _old_copies(
    settings: Settings, connection: Connection, limits: Sequence[Limit], today: dt.date
) -> list[tuple[str, list[Path]]]:
    """Sealed copies decided on longer ago than rows may be held, but for those in force; the registry is told."""
    found = []
    for limit in limits:
        if limit.held_from is None:
            continue
        names = connection.execute(
            "update registry.delivery set sealed_deleted_at = clock_timestamp() where partner = %s"
            " and state in ('superseded', 'rejected') and decided_at::date < %s and sealed_deleted_at is null"
            " returning delivery_id",
            (limit.partner, today - (limit.today - limit.held_from)),
        ).fetchall()
        folders = (settings.accepted(limit.partner), settings.rejected(limit.partner))
        found.append(
            (limit.agreement, [path for (name,) in names for folder in folders if (path := folder / name).is_dir()])
        )
    return found


def _note(connection: Connection, certificate: Certificate) -> None:
    rows = sum(one.rows for one in certificate.destroyed)
    connection.execute(
        "insert into rights.destruction (number, sha256, rows_gone) values (%s, %s, %s)",
        (certificate.number, certificate.sha256, rows),
    )
    audit.append(
        connection, ACTOR, ACTION, f"certificate/{certificate.number}", {"rows": rows, "sha256": certificate.sha256}
    )
