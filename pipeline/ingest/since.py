"""What has been taken in since a moment: for who was to take it in, and finds it done by a process before."""

from __future__ import annotations

import datetime as dt

from pipeline.ingest import DeliveryOutcome, Taken
from pipeline.store.database import Database


def taken_in_since(database: Database, partner: str, moment: dt.datetime) -> Taken:
    """The partner's deliveries that were accepted since then, in the order of their sequence numbers."""
    with database.connect() as connection:
        rows = connection.execute(
            "select delivery_id, state, rows_delivered, rows_loaded, rows_quarantined, warnings from registry.delivery"
            " where partner = %s and decided_at >= %s and state in ('accepted', 'accepted_with_quarantine')"
            " order by sequence",
            (partner, moment),
        ).fetchall()
    return Taken(
        tuple(
            DeliveryOutcome(
                delivery_id=delivery_id,
                partner=partner,
                state=state,
                rows_delivered=delivered,
                rows_loaded=loaded,
                rows_quarantined=quarantined,
                warnings=tuple(warnings),
            )
            for delivery_id, state, delivered, loaded, quarantined, warnings in rows
        )
    )
