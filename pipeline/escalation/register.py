"""Write a night's escalation into the publish transaction: who may read what, contact days, the tests and the model."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql

from pipeline import audit
from pipeline.escalation.declared import Escalation, titles_of
from pipeline.escalation.night import Night
from pipeline.store.bulk import copy_frame

ACTOR = "pipeline"


def record(
    connection: psycopg.Connection[Any], night: Night, declared: Escalation, run_id: int, as_at: dt.date
) -> None:
    """Everything of one night, inside the caller's transaction: it stands if and only if the rest of the night does."""
    tables = declaration_tables(declared) | {
        "service_contact": night.monthly.assign(as_at=as_at, run_id=run_id),
        "escalation": night.rising.rows.assign(as_at=as_at, run_id=run_id),
        "escalation_model": night.rising.model.assign(peer_group=night.peers, as_at=as_at, run_id=run_id),
    }
    for table, rows in tables.items():
        connection.execute(sql.SQL("delete from {}").format(sql.Identifier("publication", table)))
        copy_frame(connection, f"publication.{table}", rows)
    alerts = len(night.rising.alerts)
    audit.append(connection, ACTOR, "escalation", f"run/{run_id}", {"families": night.watched, "alerts": alerts})


def declaration_tables(declared: Escalation) -> dict[str, pd.DataFrame]:
    """The declaration as the database needs it: readers' feeds, agencies, and the agency of each kind of evidence."""
    feeds = [(reader.role, partner) for reader in declared.readers.values() for partner in sorted(reader.sees)]
    return {
        "reader_feed": pd.DataFrame(feeds, columns=["role_name", "partner"]),
        "blocked_feed": pd.DataFrame({"partner": sorted(declared.blocked)}, dtype=object),
        "agency": pd.DataFrame(
            [(agency, title, place) for place, (agency, title) in enumerate(titles_of(declared).items(), start=1)],
            columns=["agency", "title", "place"],
        ),
        "agency_of_kind": pd.DataFrame(list(declared.contacts.items()), columns=["kind", "agency"]),
    }
