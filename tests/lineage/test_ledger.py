"""The lineage ledger: whole lines whoever writes, valid events, and only the parts that are kept."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from openlineage.client.facet_v2 import output_statistics_output_dataset

from pipeline import lineage
from pipeline.errors import DeliveryError
from pipeline.lineage import Check, Dataset, Governance, Parent, Source
from pipeline.lineage.ledger import append_event, read_events
from pipeline.settings import Settings
from tests.lineage.spec import problems_of

CHECK = Check("unique", "person_ref", "critical", True)
RowCount = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
GOVERNANCE = Governance(
    agreements=[{"id": "a", "version": "1.0.0", "expiry": "2030-03-31", "partners": ["dwp"]}],
    contracts=[{"partner": "dwp", "version": "1.0.0", "sha256": "0" * 64}],
    rules={"encoding": "2"},
)

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


def test_a_run_is_told_when_it_starts_and_when_it_ends(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    source = Source("deliveries/dwp/people", "sex")
    with lineage.task(settings, "ingest.dwp", Parent("01a1ffb0-c0a1-74fc-a3de-682aa45f8e57", "whole")) as run:
        run.reads([Dataset("deliveries/dwp/people", 90, "dwp-000001-aaaaaaaa", {"sex": ()}, [CHECK])])
        run.writes([Dataset("identity.record", 88, "dwp-000001-aaaaaaaa", {"sex": [source]})])
        run.governance = GOVERNANCE
    start, end = read_events(settings.lineage / lineage.LEDGER_FILE)
    assert [problems_of(event) for event in (start, end)] == [[], []]
    assert [start["eventType"], end["eventType"]] == ["START", "COMPLETE"]
    assert start["run"]["runId"] == end["run"]["runId"]
    assert start["eventTime"] < end["eventTime"]
    (read,), (written,) = end["inputs"], end["outputs"]
    assert read["inputFacets"]["inputStatistics"]["rowCount"] == 90
    (met,) = read["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (met["assertion"], met["column"], met["success"], met["severity"]) == ("unique", "person_ref", True, "error")
    assert written["facets"]["version"]["datasetVersion"] == "dwp-000001-aaaaaaaa"
    (field,) = written["facets"]["columnLineage"]["fields"]["sex"]["inputFields"]
    assert (field["name"], field["field"]) == ("deliveries/dwp/people", "sex")
    assert end["run"]["facets"]["wholeFamily_governance"]["agreements"][0]["version"] == "1.0.0"
    assert end["run"]["facets"]["parent"]["job"]["name"] == "whole"


def test_a_failed_run_tells_its_kind_and_code_and_no_text(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    refused = DeliveryError(code="unsigned", where="delivery x", rule="Jane Doe did not sign.", remedy="seal it.")
    unforeseen = ValueError("Jane Doe")
    for failure in (refused, unforeseen):
        with pytest.raises(type(failure)), lineage.task(settings, "ingest.dwp"):
            raise failure
    events = read_events(settings.lineage / lineage.LEDGER_FILE)
    assert [event["eventType"] for event in events] == ["START", "FAIL", "START", "FAIL"]
    assert [problem for event in events for problem in problems_of(event)] == []
    told = [event["run"]["facets"]["errorMessage"]["message"] for event in events[1::2]]
    assert told == ["DeliveryError (unsigned)", "ValueError"]
    assert "Jane" not in (settings.lineage / lineage.LEDGER_FILE).read_text()


def test_the_spec_is_held_against_the_generated_classes() -> None:
    facet = {"_producer": "p:", "_schemaURL": RowCount._get_schema(), "rowCount": "many", "secret": 1}
    event = {**EVENT, "outputs": [{"namespace": "n", "name": "t", "facets": {}, "outputFacets": {"f": facet}}]}
    assert problems_of(event) == [
        "f: has no secret", "f.rowCount: str where <class 'int'> is asked",
    ]  # fmt: skip
    assert problems_of(EVENT) == []


@pytest.mark.parametrize("part", ["run", "job"])
def test_what_the_ledger_does_not_know_stays_out(tmp_path: Path, part: str) -> None:
    facet = {"_producer": "p", "_schemaURL": "s", "secret": "Jane Doe"}
    named = {**EVENT[part], "facets": {"airflow": facet, "sourceCode": facet, "unknownSourceAttribute": facet}}
    append_event(tmp_path / "ledger", {**EVENT, part: named, "extra": "Jane Doe"})
    assert "Jane Doe" not in (tmp_path / "ledger").read_text()


def test_stack_traces_and_texts_of_errors_stay_out(tmp_path: Path) -> None:
    error = {"_producer": "p", "_schemaURL": "s", "message": "no Jane Doe here", "stackTrace": "Jane Doe"}
    append_event(tmp_path / "ledger", {**EVENT, "run": {**EVENT["run"], "facets": {"errorMessage": error}}})
    told = read_events(tmp_path / "ledger")[0]["run"]["facets"]["errorMessage"]["message"]
    assert told == "the task failed; its log says why"
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
