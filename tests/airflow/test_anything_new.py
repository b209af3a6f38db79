"""Whether the morning's build has anything to do."""

from __future__ import annotations

from typing import Any

from pipeline.nightly import anything_new
from pipeline.store.database import Database

NIGHT = [  # what happens, in order, one hour after the other; whether there is anything new after it
    ("nothing yet", False),
    ("accepted", True),
    ("published", False),
    ("rejected", False),
    ("accepted_with_quarantine", True),
    ("failed", True),
    ("published", False),
]


def test_over_a_few_nights(database: Database) -> None:
    found = []
    with database.connect(autocommit=True) as connection:
        for hour, (event, _expected) in enumerate(NIGHT):
            happen(connection, hour, event)
            found.append((event, anything_new(database)))
    assert found == NIGHT


def test_a_delivery_loaded_while_a_build_runs_is_new_for_the_next(database: Database) -> None:
    with database.connect(autocommit=True) as connection:
        happen(connection, 1, "published")
        connection.execute("update registry.run set finished_at = started_at + interval '2 hours'")
        happen(connection, 2, "accepted")
    assert anything_new(database)


def happen(connection: Any, hour: int, event: str) -> None:
    at = f"2014-07-31 {hour:02}:00:00+00"
    if event in ("published", "failed"):
        connection.execute(
            "insert into registry.run (kind, as_at, started_at, finished_at, state) values"
            " ('build', '2014-07-31', %s, %s, %s)",
            (at, at, event),
        )
    elif event != "nothing yet":
        add_delivery(connection, hour, event, at)


def add_delivery(connection: Any, number: int, state: str, at: str) -> None:
    columns = {
        "delivery_id": f"dwp-{number:06}-aaaaaaaa", "partner": "dwp", "sequence": number, "state": state,
        "kind": "full", "manifest_sha256": f"{number:064x}", "contract_version": "1.0.0", "encoding_version": 1,
        "key_version": 1, "agreement_id": "an-agreement", "period_from": "2011-08-01", "period_to": "2014-07-31",
        "created_at": at, "received_at": at, "decided_at": at,
        "rows_delivered": 0, "rows_loaded": 0, "rows_quarantined": 0,
    }  # fmt: skip
    if state == "rejected":
        columns |= {"code": "unsigned", "reason": "it is not signed.", "remedy": "seal it again."}
    known = connection.execute("select 1 from registry.partner where partner = 'dwp'").fetchone()
    if not known:
        connection.execute(
            "insert into registry.partner (partner, name, contract_version, contract_sha256, schedule, freshness_days)"
            " values ('dwp', 'DWP', '1.0.0', repeat('0', 64), '0 1 * * *', 3)"
        )
    names = ", ".join(columns)
    connection.execute(
        f"insert into registry.delivery ({names}) values ({', '.join(['%s'] * len(columns))})", tuple(columns.values())
    )
