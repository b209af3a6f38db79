"""The lineage ledger: whole lines whoever writes, valid events, and only the parts that are kept."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from pipeline import lineage
from pipeline.errors import DeliveryError
from pipeline.lineage.ledger import append_event, read_events
from pipeline.settings import Settings
from tests.airflow.openlineage import problems_of

EVENT = {
    "eventType": "COMPLETE",
    "eventTime": "2014-07-31T02:00:00+00:00",
    "producer": "wholefamily:test",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {"runId": "01a1ffb0-c0a1-74fc-a3de-682aa45f8e57", "facets": {}},
    "job": {"namespace": "wholefamily", "name": "build", "facets": {}},
    "inputs": [],
    "outputs": [],
}


def test_an_ingest_is_recorded_with_its_deliveries_and_counts(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    what = lineage.of_ingest("dwp", {"dwp-000001-aaaaaaaa": (90, 10), "dwp-000002-bbbbbbbb": (5, 0)})
    lineage.record_lineage(settings, "ingest.dwp", what)
    (event,) = read_events(settings.lineage / lineage.LEDGER_FILE)
    assert problems_of(event) == []
    assert event["eventType"] == "COMPLETE"
    assert [
        (d["name"], d["facets"]["version"]["datasetVersion"], d["inputFacets"]["inputStatistics"]["rowCount"])
        for d in event["inputs"]
    ] == [("deliveries/dwp", "dwp-000001-aaaaaaaa", 100), ("deliveries/dwp", "dwp-000002-bbbbbbbb", 5)]
    assert {d["name"] for d in event["outputs"]} >= {"identity.record", "evidence.fact", "registry.quarantine"}


def test_a_build_writes_the_cohort_of_its_run(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    lineage.record_lineage(settings, "build", lineage.of_build(7, families=3))
    (event,) = read_events(settings.lineage / lineage.LEDGER_FILE)
    assert problems_of(event) == []
    family = next(d for d in event["outputs"] if d["name"] == "cohort.family")
    assert family["facets"]["version"]["datasetVersion"] == "7"
    assert family["outputFacets"]["outputStatistics"]["rowCount"] == 3


def test_a_failed_run_says_so_in_our_words(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    refused = DeliveryError(code="unsigned", where="delivery x", rule="it is not signed.", remedy="seal it again.")
    lineage.record_lineage(settings, "ingest.dwp", lineage.of_ingest("dwp", {}), failure=refused)
    (event,) = read_events(settings.lineage / lineage.LEDGER_FILE)
    assert problems_of(event) == []
    assert event["eventType"] == "FAIL"
    assert event["run"]["facets"]["errorMessage"]["message"] == str(refused)


@pytest.mark.parametrize("part", ["run", "job"])
def test_what_the_ledger_does_not_know_stays_out(tmp_path: Path, part: str) -> None:
    facet = {"_producer": "p", "_schemaURL": "s", "secret": "Jane Doe"}
    named = {**EVENT[part], "facets": {"airflow": facet, "sourceCode": facet, "unknownSourceAttribute": facet}}
    append_event(tmp_path / "ledger", {**EVENT, part: named, "extra": "Jane Doe"})
    assert "Jane Doe" not in (tmp_path / "ledger").read_text()


def test_a_stack_trace_stays_out_and_the_message_stays(tmp_path: Path) -> None:
    error = {"_producer": "p", "_schemaURL": "s", "message": "ours", "stackTrace": "Jane Doe"}
    append_event(tmp_path / "ledger", {**EVENT, "run": {**EVENT["run"], "facets": {"errorMessage": error}}})
    assert read_events(tmp_path / "ledger")[0]["run"]["facets"]["errorMessage"]["message"] == "ours"
    assert "Jane Doe" not in (tmp_path / "ledger").read_text()


def _append_many(path: Path, name: str) -> None:
    long = {"_producer": "p", "_schemaURL": "s", "description": name * 20_000}
    for _ in range(50):
        append_event(path, {**EVENT, "job": {**EVENT["job"], "name": name, "facets": {"documentation": long}}})


def test_several_writers_leave_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    writers = [multiprocessing.get_context("fork").Process(target=_append_many, args=(path, name)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(event["job"]["name"] for event in read_events(path)) == sorted("abcd" * 50)
    assert path.stat().st_mode & 0o777 == 0o600
