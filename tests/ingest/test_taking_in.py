"""What a good delivery becomes, and that twice is once."""

from __future__ import annotations

import pytest

from pipeline.errors import DeliveryError
from pipeline.ingest import ingest_partner
from pipeline.store.database import Database
from tests.ingest.conftest import digest
from tests.ingest.site import PEOPLE, Site, changed


def rows(database: Database, query: str) -> list[tuple]:
    with database.connect() as connection:
        return connection.execute(query).fetchall()


def test_a_good_delivery_is_loaded_whole(site: Site, database: Database) -> None:
    landed = site.deliver("council")
    (outcome,) = ingest_partner(site.settings, database, "council")
    assert (outcome.state, outcome.rows_delivered, outcome.rows_loaded) == ("accepted", 5 * PEOPLE, 5 * PEOPLE)
    assert outcome.warnings == ()
    counts = {
        name: rows(database, f"select count(*) from {name}")[0][0]
        for name in ("identity.record", "evidence.fact", "evidence.residence", "evidence.relationship")
    }
    assert set(counts.values()) == {PEOPLE}
    assert not landed.exists()
    archived = site.settings.accepted("council") / landed.name
    assert all(path.suffix in (".age", ".json", ".sig") for path in archived.iterdir())
    assert not list(site.settings.work.rglob("*.csv"))
