"""Take a delivery back: afterwards the hub holds what it would hold had it never come.

Withdrawn with it is every delta that builds on it. What was in force before is loaded again from the archive of sealed
deliveries; where that is no longer kept, the partner's feed is empty until it delivers in full. The sealed copies of
what is withdrawn are deleted. One transaction; killed afterwards, the next run deletes what is left.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg.rows import dict_row

from pipeline.errors import DeliveryError
from pipeline.ingest.closing import delete_under_closed_keys
from pipeline.ingest.examine import open_and_sort
from pipeline.ingest.history import IN_FORCE, read_history
from pipeline.ingest.landing import Landed, private_folder
from pipeline.ingest.load import PIPELINE, fence, forget_removed, put_full, remove_rows
from pipeline.ingest.opening import Hub, check_agreement
from pipeline.ingest.patch import put_delta
from pipeline.ingest.registry import Case, write_carried_out, write_withdrawn
from pipeline.ingest.verifying import Verified, verify
from pipeline.settings import Settings
from pipeline.store.bulk import lock_for_transaction, told_as_store_error
from pipeline.store.database import Database
from pipeline.store.locks import HUB_DATA, advisory_lock

Row = dict[str, Any]
DELIVERIES = """
select delivery_id, sequence, state, kind, base_delivery_id from registry.delivery
where partner = %s and kind in ('full', 'delta') and state in ('accepted', 'accepted_with_quarantine', 'superseded')
order by sequence
"""


@dataclass(frozen=True)
class Withdrawn:
    """What a withdrawal did: the deliveries withdrawn, and those whose rows are in force now, both oldest first."""

    withdrawn: tuple[str, ...]
    in_force: tuple[str, ...]


def withdraw(
    settings: Settings, database: Database, hub: Hub, delivery_id: str, *, by: str, why: str, order: Case | None = None
) -> Withdrawn:
    """Withdraw a delivery. `by`: a person at the hub, or the partner, whose signed order is then the case `order`.

    Raises DeliveryError `unknown_delivery` when it is not one that was accepted, or has been withdrawn already.
    """
    partner = hub.contract.partner
    with (
        told_as_store_error(f"withdrawal at {partner}"),
        database.connect(autocommit=True) as session,
        advisory_lock(session, f"ingest {partner}"),
    ):
        return carry_out(settings, database, session, hub, delivery_id, by=by, why=why, order=order)


def carry_out(
    settings: Settings,
    database: Database,
    session: psycopg.Connection[Any],
    hub: Hub,
    delivery_id: str,
    *,
    by: str,
    why: str,
    order: Case | None = None,
) -> Withdrawn:
    """As `withdraw`, for who holds the partner's lock already."""
    partner = hub.contract.partner
    delete_under_closed_keys(settings, session, partner)  # so that none of them is loaded again
    with session.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(DELIVERIES, (partner,)).fetchall()
    last = read_history(session, partner).last
    withdrawn = _with_what_builds_on_it(rows, delivery_id)
    was_in_force = any(row["state"] in IN_FORCE for row in rows if row["delivery_id"] in withdrawn)
    chain = _chain_left(settings, partner, [row for row in rows if row["delivery_id"] not in withdrawn])
    with private_folder(settings, partner) as folder:
        opened = _open_again(settings, hub, chain, folder) if was_in_force else []
        with database.adbc(role=PIPELINE) as connection:
            lock_for_transaction(connection, HUB_DATA, shared=True)
            fence(connection, hub.contract, last.sequence if last else None)
            if was_in_force:
                _put_back(connection, hub, opened)
            write_withdrawn(connection, withdrawn, chain if was_in_force else [], by=by, why=why)
            if order is not None:
                write_carried_out(connection, order)
            connection.commit()
    delete_withdrawn(settings, session, partner)
    left = chain if was_in_force else [row["delivery_id"] for row in rows if row["state"] in IN_FORCE]
    return Withdrawn(tuple(withdrawn), tuple(left))


def delete_withdrawn(settings: Settings, session: psycopg.Connection[Any], partner: str) -> None:
    """Delete the sealed copies that must not stay: of withdrawn deliveries, and of those under a closed version of the
    linkage key. Also what a killed run has left."""
    gone = session.execute(
        "select delivery_id from registry.delivery where partner = %s and state = 'withdrawn'", (partner,)
    ).fetchall()
    for (delivery_id,) in gone:
        shutil.rmtree(settings.accepted(partner) / delivery_id, ignore_errors=True)
    delete_under_closed_keys(settings, session, partner)


def _with_what_builds_on_it(rows: Sequence[Row], delivery_id: str) -> list[str]:
    if delivery_id not in {row["delivery_id"] for row in rows}:
        raise DeliveryError(
            code="unknown_delivery",
            where="withdraw",
            rule="no delivery of this id stands accepted: it never came, was rejected, or is withdrawn already.",
            remedy="copy the id from `wholefamily deliveries`.",
        )
    taken = [delivery_id]
    for row in rows:  # by sequence: what a delta builds on stands before it
        if row["kind"] == "delta" and row["base_delivery_id"] in taken:
            taken.append(row["delivery_id"])
    return taken


def _chain_left(settings: Settings, partner: str, rows: Sequence[Row]) -> list[str]:
    """The newest full delivery that is still archived, and the deltas on it, oldest first; none when there is none."""
    kept = [row for row in rows if (settings.accepted(partner) / row["delivery_id"]).is_dir()]
    chain = [row["delivery_id"] for row in kept if row["kind"] == "full"][-1:]
    for row in kept:
        if chain and row["kind"] == "delta" and row["base_delivery_id"] == chain[-1]:
            chain.append(row["delivery_id"])
    return chain


def _open_again(settings: Settings, hub: Hub, chain: Sequence[str], folder: Any) -> list[tuple[Case, pa.Table]]:
    """Open the archived deliveries of a chain once more: verified, and under an agreement in force, as at first."""
    opened: list[tuple[Case, pa.Table]] = []
    standing: pa.Array | None = None
    for number, delivery_id in enumerate(chain):
        archived = settings.accepted(hub.contract.partner) / delivery_id
        landed = Landed(folder=archived, partner=hub.contract.partner, signed=True)
        verified: Verified = verify(landed, hub.public_key)
        check_agreement(verified, hub)
        case = Case(landed, dt.datetime.now(dt.UTC), verified.manifest, verified.manifest_sha256)
        own = folder / str(number)
        own.mkdir(mode=0o700)
        encodings = open_and_sort(case, verified.manifest, hub, own, lambda share: None, standing)
        loaded = case.tables["people"].loaded["person_ref"].combine_chunks()
        standing = pc.unique(pa.concat_arrays([loaded, case.others]))
        opened.append((case, encodings))
    return opened


def _put_back(connection: Any, hub: Hub, opened: Sequence[tuple[Case, pa.Table]]) -> None:
    if not opened:
        remove_rows(connection, hub.contract.partner)
        forget_removed(connection)
    for number, (case, encodings) in enumerate(opened):
        put = put_delta if number else put_full
        put(connection, hub.contract, case, encodings, lambda share: None)
