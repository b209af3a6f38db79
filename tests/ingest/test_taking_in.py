"""What a good delivery becomes, that twice is once, and what a crash leaves."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import DeclarationError, DeliveryError, KeyMaterialError
from pipeline.ingest import DeliveryOutcome, ingest_partner, load
from pipeline.ingest.keys import register_partner
from pipeline.manifest import MANIFEST_FILE, SIGNATURE_FILE
from pipeline.partner.keys import create_partner_keys, install_hub_recipient, install_linkage_key, linkage_key_path
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.ingest.conftest import digest
from tests.ingest.site import PEOPLE, Site, changed


def query(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(statement).fetchall()


def count(database: Database, table: str) -> int:
    return int(query(database, f"select count(*) from {table}")[0][0])


def take_in(site: Site, database: Database, partner: str = "council") -> DeliveryOutcome:
    site.deliver(partner)
    (outcome,) = ingest_partner(site.settings, database, partner)
    return outcome


# --- what is loaded


def test_a_good_delivery_is_loaded_whole(site: Site, database: Database) -> None:
    landed = site.deliver("council")
    (outcome,) = ingest_partner(site.settings, database, "council")
    assert (outcome.state, outcome.rows_delivered, outcome.rows_loaded) == ("accepted", 5 * PEOPLE, 5 * PEOPLE)
    assert outcome.warnings == ()
    for name in ("identity.record", "evidence.fact", "evidence.residence", "evidence.relationship"):
        assert count(database, name) == PEOPLE
    assert count(database, "identity.place") == 2 * (PEOPLE // 4)  # each home by its UPRN, and by its address
    assert not landed.exists()
    archived = site.settings.accepted("council") / landed.name
    assert {path.suffix for path in archived.iterdir()} == {".age", ".json", ".sig"}
    assert not list(site.settings.work.rglob("*.csv"))


def test_each_row_says_where_it_came_from(site: Site, database: Database) -> None:
    outcome = take_in(site, database)
    origin = query(
        database, "select distinct partner, delivery_id, table_name, min(row_number) over () from evidence.fact"
    )
    assert origin == [("council", outcome.delivery_id, "events", 2)]


def test_a_row_may_be_several_facts_or_none(site: Site, database: Database) -> None:
    take_in(site, database, "schools")
    facts = dict(query(database, "select kind, count(*) from evidence.fact group by 1"))
    assert facts == {
        "authorised_absence": PEOPLE,
        "unauthorised_absence": PEOPLE,
        "enrolment": PEOPLE,
        "enrolment_because_excluded": PEOPLE // 10,
        "suspension": PEOPLE,
    }
    absence = query(
        database, "select distinct code, quantity, out_of from evidence.fact where kind = 'unauthorised_absence'"
    )
    assert absence == [("2014-summer", 20.0, 120.0)]


def test_the_registry_tells_what_happened(site: Site, database: Database) -> None:
    outcome = take_in(site, database)
    (row,) = query(
        database,
        "select state, agreement_id, sequence, cardinality(known_answers), jsonb_typeof(chance_agreement->0->'counts'),"
        " rows_delivered from registry.delivery",
    )
    assert row == ("accepted", "whole-family-2012", 1, 2, "array", 5 * PEOPLE)
    assert count(database, "registry.delivery_table") == 5
    assert query(database, "select bool_and(success), count(*) > 10 from registry.check_result") == [(True, True)]
    assert query(database, "select action, subject from audit.log order by entry_id desc limit 1") == [
        ("delivery accepted", outcome.delivery_id)
    ]


def test_partners_share_places_and_nothing_else(site: Site, database: Database) -> None:
    take_in(site, database, "council")
    take_in(site, database, "police")
    assert count(database, "identity.place") == 2 * (PEOPLE // 4)  # each home by its UPRN, and by its address
    assert count(database, "identity.record") == 2 * PEOPLE
    shared = (
        "select count(*) from identity.record a join identity.record b using (person_ref) where a.partner < b.partner"
    )
    assert query(database, shared) == [(0,)]


# --- twice is once


def test_again_changes_nothing(site: Site, database: Database) -> None:
    take_in(site, database)
    before = digest(database)
    assert ingest_partner(site.settings, database, "council") == []
    assert digest(database) == before


def test_the_next_delivery_keeps_record_ids_and_supersedes(site: Site, database: Database) -> None:
    first = take_in(site, database)
    ids = query(database, "select person_ref, record_id from identity.record order by 1")
    second = take_in(site, database)
    assert query(database, "select person_ref, record_id from identity.record order by 1") == ids
    assert dict(query(database, "select delivery_id, state from registry.delivery")) == {
        first.delivery_id: "superseded",
        second.delivery_id: "accepted",
    }
    assert query(database, "select distinct delivery_id from evidence.fact") == [(second.delivery_id,)]


def test_who_no_longer_comes_is_gone_with_everything(site: Site, database: Database) -> None:
    take_in(site, database)
    site.pseudonymise("council", people=PEOPLE - 4)
    with database.connect() as connection:
        connection.execute("insert into identity.person select record_id, record_id from identity.record")
        connection.execute("insert into evidence.person select record_id, record_id from identity.record")
        connection.execute(
            "insert into identity.link select min(record_id), max(record_id), 'nino', '', 9, 0.99, 'match', 1"
            " from identity.record"
        )
    assert take_in(site, database).state == "accepted"
    for name in ("identity.record", "evidence.person_attribute", "evidence.fact"):
        assert count(database, name) == PEOPLE - 4
    for name in ("identity.person", "evidence.person"):  # until the next build's ledger has told who is gone
        assert count(database, name) == PEOPLE
    assert count(database, "identity.link") == 0
    orphans = "select count(*) from identity.encoding where record_id not in (select record_id from identity.record)"
    assert query(database, orphans) == [(0,)]


def test_two_at_once_take_it_in_once(site: Site, database: Database) -> None:
    site.deliver("council")
    outcomes: list[DeliveryOutcome] = []
    runs = [
        threading.Thread(target=lambda: outcomes.extend(ingest_partner(site.settings, database, "council")))
        for _ in range(2)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [outcome.state for outcome in outcomes] == ["accepted"]
    assert count(database, "identity.record") == PEOPLE


# --- quarantine


def test_one_bad_row_is_quarantined_and_the_rest_loaded(site: Site, database: Database) -> None:
    site.deliver("council", changed("events", lambda rows: rows[7].update(code="N99")))
    (outcome,) = ingest_partner(site.settings, database, "council")
    assert (outcome.state, outcome.rows_loaded, outcome.rows_quarantined) == (
        "accepted_with_quarantine", 5 * PEOPLE - 1, 1,
    )  # fmt: skip
    assert query(database, "select table_name, row_number, column_name, reason from registry.quarantine") == [
        ("events", 9, "code", "unknown_code")
    ]
    assert count(database, "evidence.fact") == PEOPLE - 1


def test_rows_of_a_quarantined_person_go_with_them(site: Site, database: Database) -> None:
    def broken(rows: list[dict[str, str]]) -> None:
        rows[7].update(sex="X")

    site.deliver("council", changed("people", broken), changed("relationships", lambda rows: rows[:6] + rows[7:]))
    (outcome,) = ingest_partner(site.settings, database, "council")
    reasons = query(database, "select table_name, reason, count(*) from registry.quarantine group by 1, 2 order by 1")
    assert outcome.rows_quarantined == 5
    assert reasons == [
        ("events", "unknown_person", 1),
        ("nominations", "unknown_person", 1),
        ("people", "unknown_code", 1),
        ("relationships", "unknown_person", 1),
        ("residences", "unknown_person", 1),
    ]
    gone = "select count(*) from identity.encoding where record_id not in (select record_id from identity.record)"
    assert query(database, gone) == [(0,)]


# --- several, and their order


def test_a_gap_in_the_sequence_is_accepted_and_told(site: Site, database: Database) -> None:
    lost = site.deliver("council")
    shutil.rmtree(lost)
    outcome = take_in(site, database)
    assert outcome.state == "accepted"
    assert [warning.split(":")[0] for warning in outcome.warnings] == ["sequence_gap"]


def test_those_after_a_rejected_one_are_taken_in(site: Site, database: Database) -> None:
    bad = site.deliver("council", changed("events", lambda rows: [row.update(code="N99") for row in rows] and None))
    good = site.deliver("council")
    with pytest.raises(DeliveryError) as caught:
        ingest_partner(site.settings, database, "council")
    assert caught.value.code == "too_many_problems"
    assert dict(query(database, "select delivery_id, state from registry.delivery")) == {
        bad.name: "rejected",
        good.name: "accepted",
    }


def test_a_rejected_delivery_may_come_again_once_the_hub_is_mended(site: Site, database: Database) -> None:
    landed = site.deliver("council")
    declarations = site.settings.home / "schemas"
    shutil.copytree(site.settings.declarations, declarations)
    path = declarations / "agreements" / "whole-family-2012.yaml"
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(document | {"expiry": "2015-03-31"}))
    with pytest.raises(DeliveryError):
        ingest_partner(Settings(home=site.settings.home, declarations=declarations), database, "council")
    site.again(landed)
    (outcome,) = ingest_partner(site.settings, database, "council")
    assert (outcome.state, outcome.delivery_id) == ("accepted", landed.name)
    assert query(database, "select state, code from registry.delivery") == [("accepted", None)]


def test_an_upload_on_its_way_is_left_alone(site: Site, database: Database) -> None:
    landed = site.deliver("council")
    signature = (landed / SIGNATURE_FILE).read_bytes()
    (landed / SIGNATURE_FILE).unlink()
    events = (landed / "events.csv.age").read_bytes()
    (landed / "events.csv.age").write_bytes(events[:100])
    assert ingest_partner(site.settings, database, "council", patience=0.0) == []
    manifest = (landed / MANIFEST_FILE).read_bytes()
    (landed / MANIFEST_FILE).unlink()
    assert ingest_partner(site.settings, database, "council", patience=0.0) == []
    (landed / "events.csv.age").write_bytes(events)
    (landed / MANIFEST_FILE).write_bytes(manifest)
    (landed / SIGNATURE_FILE).write_bytes(signature)
    assert [outcome.state for outcome in ingest_partner(site.settings, database, "council")] == ["accepted"]


# --- crashes


def test_killed_between_commit_and_archive_the_next_run_finishes(site: Site, database: Database) -> None:
    outcome = take_in(site, database)
    archived = site.settings.accepted("council") / outcome.delivery_id
    archived.rename(site.settings.landing("council") / outcome.delivery_id)
    before = digest(database)
    (told,) = ingest_partner(site.settings, database, "council")
    assert told == outcome  # the run that died told nobody
    assert archived.exists()
    assert digest(database) == before
    assert ingest_partner(site.settings, database, "council") == []


def test_killed_while_loading_nothing_has_changed(
    site: Site, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(site, database)
    before, landed = digest(database), site.deliver("council")

    def dies(*arguments: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(load, "write_accepted", dies)
        with pytest.raises(KeyboardInterrupt):
            ingest_partner(site.settings, database, "council")
    assert digest(database) == before
    assert landed.exists()
    assert not list(site.settings.work.rglob("*.csv"))
    assert [outcome.state for outcome in ingest_partner(site.settings, database, "council")] == ["accepted"]


def test_what_a_killed_run_left_open_is_swept(site: Site, database: Database) -> None:
    left = site.settings.work / "opening" / "council" / "left"
    left.mkdir(parents=True)
    (left / "people.csv").write_text("a person")
    take_in(site, database)
    assert not left.exists()


# --- the hub's own faults


def test_a_partner_that_is_not_registered_waits(site: Site, database: Database) -> None:
    landed = site.deliver("council")
    (site.settings.hub_keys / "partners" / "council.pub").unlink()
    with pytest.raises(KeyMaterialError):
        ingest_partner(site.settings, database, "council")
    assert landed.exists()


def test_a_table_without_a_suite_waits(site: Site, database: Database) -> None:
    expectations = site.settings.home / "expectations"
    shutil.copytree(site.settings.expectations, expectations)
    (expectations / "council_events.json").unlink()
    landed = site.deliver("council")
    with pytest.raises(DeclarationError, match="council_events"):
        ingest_partner(Settings(home=site.settings.home, expectations=expectations), database, "council")
    assert landed.exists()


# --- a new partner takes no code


def test_probation_joins_with_a_contract_a_feed_and_suites(site: Site, database: Database, tmp_path: Path) -> None:
    declarations, expectations = tmp_path / "schemas", tmp_path / "expectations"
    shutil.copytree(site.settings.declarations, declarations)
    shutil.copytree(site.settings.expectations, expectations)
    _declare_probation(declarations, expectations)
    joined = Site(Settings(home=site.settings.home, declarations=declarations, expectations=expectations))
    register_partner(joined.settings, "probation", create_partner_keys(joined.settings, "probation"))
    install_linkage_key(joined.settings, "probation", linkage_key_path(joined.settings, "council"))
    recipient = (joined.settings.hub_keys / "hub.recipient").read_text()
    install_hub_recipient(joined.settings, "probation", recipient)
    joined.pseudonymise("probation")
    outcome = take_in(joined, database, "probation")
    assert outcome.state == "accepted"
    facts = query(database, "select distinct partner, kind, code, role from evidence.fact")
    assert facts == [("probation", "probation_order", "licence", "offender")]


def _declare_probation(declarations: Path, expectations: Path) -> None:
    contract = yaml.safe_load((declarations / "extracts" / "police.yaml").read_text())
    contract |= {"id": "extract-probation", "name": "Probation service", "dataProduct": "probation-extract"}
    contract["customProperties"][0]["value"] = "probation"
    contract["schema"] = [table for table in contract["schema"] if table["name"] in ("people", "events")]
    people, events = contract["schema"]
    people["properties"] = [column for column in people["properties"] if column["name"] not in ("nino", "pnc_id")]
    events["name"] = events["physicalName"] = "orders"
    kind = next(column for column in events["properties"] if column["name"] == "kind")
    kind["enum"] = [{"value": "probation_order"}]
    (declarations / "extracts" / "probation.yaml").write_text(yaml.safe_dump(contract))
    agreement_path = declarations / "agreements" / "whole-family-2012.yaml"
    agreement = yaml.safe_load(agreement_path.read_text())
    police = next(feed for feed in agreement["feeds"] if feed["partner"] == "police")
    columns = {"people": police["columns"]["people"], "orders": police["columns"]["events"]}
    agreement["feeds"].append(police | {"partner": "probation", "columns": columns})
    agreement_path.write_text(yaml.safe_dump(agreement))
    for table in ("people", "orders", "feed"):
        rows = {
            "type": "expect_table_row_count_to_be_between",
            "kwargs": {"min_value": 1},
            "severity": "critical",
            "meta": {"why": "An empty extract is never right."},
        }
        suite = {"name": f"probation_{table}", "expectations": [rows]}
        (expectations / f"probation_{table}.json").write_text(json.dumps(suite))
