"""What the registry knows of a partner's deliveries when the next one comes."""

from __future__ import annotations

from typing import Any

import psycopg

from pipeline.ingest.opening import Accepted, History, Standing

IN_FORCE = ("accepted", "accepted_with_quarantine")
ONCE_ACCEPTED = (*IN_FORCE, "superseded", "withdrawn", "carried_out")


def read_history(connection: psycopg.Connection[Any], partner: str) -> History:
    """What has come before, as the registry says."""
    own = connection.execute(
        "select delivery_id, sequence, manifest_sha256, period_to, kind, state, contract_version, encoding_version,"
        " key_version from registry.delivery where partner = %s and state = any(%s) order by sequence",
        (partner, list(ONCE_ACCEPTED)),
    ).fetchall()
    others = connection.execute(
        "select partner, encoding_version, key_version, known_answers from registry.delivery"
        " where partner <> %s and state = any(%s) order by sequence",
        (partner, list(IN_FORCE)),
    ).fetchall()
    closed = connection.execute("select key_version from registry.key_closing").fetchall()
    last = None
    if own:
        delivery_id, sequence, manifest_sha256 = own[-1][:3]
        data = [row for row in own if row[4] != "withdrawal"]
        whole = [row[0] for row in data if row[4] != "delta" and row[5] != "withdrawn"]
        counted = connection.execute(
            "select table_name, rows_loaded from registry.delivery_table where delivery_id = %s", (whole or [""])[-1:]
        ).fetchall()
        withdrawn = own[-1][5] == "withdrawn"
        last = Accepted(delivery_id, sequence, manifest_sha256, data[-1][3], dict(counted), withdrawn)
    standing = [row for row in own if row[5] in IN_FORCE]
    return History(
        accepted_ids=frozenset(row[0] for row in own),
        accepted_manifests=frozenset(row[2] for row in own),
        last=last,
        standing=Standing(standing[-1][0], standing[-1][2], *standing[-1][6:]) if standing else None,
        known_answers={name: ((encoding, key), tuple(answers)) for name, encoding, key, answers in others},
        closed_keys=frozenset(version for (version,) in closed),
    )
