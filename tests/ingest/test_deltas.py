"""Deltas: a full delivery and deltas leave what the full of the end state leaves; out of order, they wait."""

from __future__ import annotations

import datetime as dt
import random
import shutil
from pathlib import Path

import pytest

from pipeline.errors import DeliveryError, ExtractError
from pipeline.ingest import ingest_partner, take_in
from pipeline.ingest.quarantine import QUARANTINE_SCHEMA
from pipeline.installation import pseudonymise_extract, seal_and_deliver
from pipeline.manifest import MANIFEST_FILE, Manifest
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.ingest.conftest import emptied
from tests.ingest.evolving import Extract, held
from tests.ingest.site import FROM, TO, Site, resign
from tests.ingest.test_taking_in import query

COUNTED = "select bool_and(rows_delivered = rows_loaded + rows_quarantined) from registry.delivery_table"


def states(database: Database) -> list[tuple[str, str]]:
    return query(database, "select state, kind from registry.delivery order by sequence")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_full_and_deltas_are_the_full_of_the_end(site: Site, database: Database, tmp_path: Path, seed: int) -> None:
    keys_only = tmp_path / "other"
    shutil.copytree(site.settings.home, keys_only)
    chance, extract = random.Random(seed), Extract(site)
    extract.deliver()
    ingest_partner(site.settings, database, "council")
    ids = dict(query(database, "select person_ref, record_id from identity.record"))
    for _ in range(2):
        extract.change(chance)
        extract.deliver(delta=True)
        (outcome,) = ingest_partner(site.settings, database, "council")
        assert outcome.rows_delivered < 200  # of a thousand
        assert outcome.rows_delivered == outcome.rows_loaded + outcome.rows_quarantined
    assert query(database, COUNTED) == [(True,)]
    by_deltas = held(database)
    kept = dict(query(database, "select person_ref, record_id from identity.record"))
    assert {ref: kept[ref] for ref in ids if ref in kept} == {ref: ids[ref] for ref in ids if ref in kept}
    assert by_deltas["quarantine"]

    emptied(database)
    extract.deliver(site=Site(Settings(home=keys_only)))
    ingest_partner(Settings(home=keys_only), database, "council")
    in_full = held(database)
    assert {name: rows == in_full[name] for name, rows in by_deltas.items()} == dict.fromkeys(in_full, True)


def test_nothing_new_is_an_empty_delta(site: Site, database: Database) -> None:
    extract = Extract(site)
    extract.deliver()
    ingest_partner(site.settings, database, "council")
    before = held(database)
    random.Random(1).shuffle(extract.tables["events"])
    extract.deliver(delta=True)
    (outcome,) = ingest_partner(site.settings, database, "council")
    assert (outcome.state, outcome.rows_delivered) == ("accepted", 0)
    assert held(database) == before


def test_a_mended_row_in_a_delta_clears_its_quarantine(site: Site, database: Database) -> None:
    extract = Extract(site)
    for row in extract.of("REF00007", "events"):
        row["code"] = "N99"
    first = extract.deliver()
    ingest_partner(site.settings, database, "council")
    waiting = "select table_name, reason, cleared_by from registry.quarantine"
    assert query(database, waiting) == [("events", "unknown_code", None)]
    for row in extract.of("REF00007", "events"):
        row["code"] = "N2"
    second = extract.deliver(delta=True)
    (outcome,) = ingest_partner(site.settings, database, "council")
    assert outcome.rows_quarantined == 0
    assert query(database, waiting) == [("events", "unknown_code", second.name)]
    assert states(database) == [("accepted_with_quarantine", "full"), ("accepted", "delta")]
    # The row's own delivery keeps its count of that night; the next full one supersedes both.
    assert query(database, f"select rows_quarantined from registry.delivery where delivery_id = '{first.name}'") == [
        (1,)
    ]
    third = extract.deliver()
    ingest_partner(site.settings, database, "council")
    assert states(database) == [("superseded", "full"), ("superseded", "delta"), ("accepted", "full")]
    assert query(database, "select distinct superseded_by from registry.delivery where state = 'superseded'") == [
        (third.name,)
    ]


def test_a_delta_before_its_base_waits_and_both_go_in_when_it_comes(site: Site, database: Database) -> None:
    extract = Extract(site)
    extract.deliver()
    ingest_partner(site.settings, database, "council")
    extract.change(random.Random(5))
    early = extract.deliver(delta=True)
    held_back = site.settings.home / "on its way"
    early.rename(held_back)
    extract.change(random.Random(6))
    late = extract.deliver(delta=True)
    for _ in range(2):  # told each time, changes nothing
        taken = take_in(site.settings, database, "council")
        assert [(o.state, o.code) for o in taken.outcomes] == [("received", "base_missing")]
        assert not taken.accepted
        assert states(database)[1:] == [("received", "delta")]
    assert late.exists()
    held_back.rename(early)
    outcomes = ingest_partner(site.settings, database, "council")
    assert [outcome.delivery_id for outcome in outcomes] == [early.name, late.name]
    assert {state for state, _ in states(database)} <= {"accepted", "accepted_with_quarantine"}


def test_a_delta_that_waited_too_long_is_rejected_and_the_gap_told(site: Site, database: Database) -> None:

    extract = Extract(site)
    lost = extract.deliver()
    shutil.rmtree(lost)
    delta = extract.deliver(delta=True)
    resign(delta, site.keys("council"), created_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    (rejection,) = take_in(site.settings, database, "council").rejections
    assert rejection.code == "base_missing"
    late = extract.deliver()
    manifest = Manifest.model_validate_json((late / MANIFEST_FILE).read_bytes())
    resign(late, site.keys("council"), created_at=manifest.created_at - dt.timedelta(days=300))
    (outcome,) = ingest_partner(site.settings, database, "council")
    assert [warning.split(":")[0] for warning in outcome.warnings] == ["sequence_gap", "late_arrival"]


def test_a_delta_on_what_is_not_in_force_any_more_is_refused(site: Site, database: Database) -> None:
    extract = Extract(site)
    first = extract.deliver()
    extract.deliver()
    ingest_partner(site.settings, database, "council")
    contract = site.contract("council")
    pseudonymise_extract(site.settings, contract, extract.raw, since=FROM, until=TO, since_delivery=first.name)
    seal_and_deliver(site.settings, contract)
    with pytest.raises(DeliveryError) as caught:
        ingest_partner(site.settings, database, "council")
    assert caught.value.code == "base_replaced"


def test_the_kit_makes_no_delta_without_what_it_needs(site: Site) -> None:
    extract = Extract(site)
    with pytest.raises(ExtractError, match="no such delivery in the ledger"):
        extract.deliver(delta=True)
    sent = extract.deliver()
    (site.settings.partner_home("council") / "prints" / f"{sent.name}.parquet").unlink()
    with pytest.raises(ExtractError, match="not kept here"):
        extract.deliver(delta=True)


def test_prints_say_nothing_without_the_partners_key_and_never_leave(site: Site) -> None:
    extract = Extract(site)
    landed = extract.deliver()
    prints = site.settings.partner_home("council") / "prints" / f"{landed.name}.parquet"
    assert prints.exists()
    assert not list(landed.glob("prints*"))
    content = prints.read_bytes()
    assert not [ref for ref in extract.references() if ref.encode() in content]


def test_a_quarantined_row_knows_its_person() -> None:
    assert QUARANTINE_SCHEMA.names == ["row", "column", "reason", "person_ref"]
