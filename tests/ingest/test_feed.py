"""A feed is held against how it stood with the last deliveries accepted: several, whole, and after deltas too."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest import take_in
from pipeline.ingest.feed import ROWS, Before, feed_frame
from pipeline.publish.summarise import HELD
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.ingest.evolving import Extract
from tests.ingest.site import Site
from tests.ingest.test_taking_in import query

HELD_ROWS = """
    select 'people', count(*) from identity.record where partner = 'council'
    union all select 'residences', count(*) from evidence.residence where partner = 'council'
    union all select 'relationships', count(*) from evidence.relationship where partner = 'council'
    union all select 'nominations', count(*) from evidence.nomination where partner = 'council'
    union all select table_name, count(distinct (delivery_id, row_number)) from evidence.fact
        where partner = 'council' group by table_name
"""
MEASURED = "select table_name, value from registry.feed_measure where measure = 'rows' and delivery_id = %s"


def test_what_is_measured_after_deltas_is_what_is_held(site: Site, database: Database) -> None:
    chance, extract = random.Random(1), Extract(site)
    for night in range(3):
        extract.deliver(delta=night > 0)
        (outcome,) = take_in(site.settings, database, "council").outcomes
        assert outcome.state.startswith("accepted")
        held = {table: rows for table, rows in query(database, HELD_ROWS) if rows}
        with database.connect() as connection:
            measured = dict(connection.execute(MEASURED, (outcome.delivery_id,)).fetchall())
        assert {table: rows for table, rows in measured.items() if rows} == held
        ((waiting,),) = query(database, "select count(*) from (select distinct table_name, row_number, delivery_id"
                              " from registry.quarantine where cleared_by is null) q")  # fmt: skip
        assert query(database, HELD) == [(sum(held.values()) + waiting, sum(held.values()))]
        extract.change(chance)


def limited(site: Site, folder: Path, **limits: float) -> Settings:
    """The suites, with other limits for the council's deltas: thresholds are data."""
    shutil.copytree(site.settings.expectations, folder)
    path = folder / "council_feed.json"
    suite = json.loads(path.read_text())
    for entry in suite["expectations"]:
        if entry["kwargs"].get("column") == "changed_people_share" and entry["severity"] in limits:
            entry["kwargs"]["max_value"] = limits[entry["severity"]]
    path.write_text(json.dumps(suite))
    return replace(site.settings, expectations=folder)


def test_a_delta_of_most_people_warns_and_then_is_refused(site: Site, database: Database, tmp_path: Path) -> None:
    extract = Extract(site)
    extract.deliver()
    take_in(site.settings, database, "council")
    for row in extract.tables["people"][:60]:
        row["surname"] = f"{row['surname']}son"
    extract.deliver(delta=True)
    (outcome,) = take_in(limited(site, tmp_path / "a", warning=0.01), database, "council").outcomes
    assert outcome.state == "accepted"
    assert any("changed_people_share" in warning for warning in outcome.warnings)
    for row in extract.tables["people"][:60]:
        row["surname"] = f"{row['surname']}daughter"
    extract.deliver(delta=True)
    (outcome,) = take_in(limited(site, tmp_path / "b", critical=0.1), database, "council").outcomes
    assert (outcome.state, outcome.code) == ("rejected", "expectation_failed")
    assert "council_feed" in str(outcome.reason)


def test_deltas_that_wear_a_feed_away_are_refused(site: Site, database: Database) -> None:
    """No night loses half of it; the nights together would."""
    extract, states = Extract(site), []
    extract.deliver()
    take_in(site.settings, database, "council")
    for _ in range(5):
        for reference in extract.references()[-35:]:
            extract.remove(reference)
        for rows in extract.tables.values():  # nobody refers to who is gone
            rows[:] = [row for row in rows if row.get("related_person_ref") in (None, "", *extract.references())]
        extract.deliver(delta=True)
        (outcome,) = take_in(site.settings, database, "council").outcomes
        states.append(outcome.state.split("_")[0])
        if states[-1] == "rejected":
            break
    assert states[0] == "accepted"
    assert states[-1] == "rejected"
    assert outcome.code == "expectation_failed"


@given(st.lists(st.integers(0, 5_000), max_size=6), st.integers(0, 5_000))
def test_the_usual_is_the_median_and_little_is_not_compared(rows: list[int], now: int) -> None:
    from tests.ingest.site import _contracts

    contract = _contracts(Settings(home=Path()).declarations)["council"]
    before = Before(tuple({("people", ROWS): float(count)} for count in rows))
    (share,) = feed_frame(contract, {("people", ROWS): float(now)}, before, 100)["people_rows_share"]
    usual = sorted(rows)[len(rows) // 2] if len(rows) % 2 else None
    if usual is not None:
        assert (share == now / usual) if usual >= 100 else share != share
    if not rows:
        assert share != share
