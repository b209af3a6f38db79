"""The real DAGs, run in process on a real hub: a good night, then one with nothing and with rubbish."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from pipeline.airflow_home import run_dags
from pipeline.errors import OrchestrationError
from pipeline.lineage.ledger import read_events
from pipeline.settings import Settings
from pipeline.store.database import Database, open_database
from tests.airflow.conftest import DOZEN, AirflowDatabase, deliver
from tests.lineage.spec import problems_of

INGESTS = ["ingest_council", "ingest_dwp", "ingest_police", "ingest_schools"]


def values_of_the_dozen() -> set[str]:
    """Names and identifiers of the made-up dozen: what must be nowhere at the hub."""
    values = set()
    for path in DOZEN.glob("*/people.csv"):
        header, *rows = (line.split(",") for line in path.read_text(encoding="utf-8").splitlines())
        for row in rows:
            named = dict(zip(header, row, strict=False))
            values |= {named.get(column, "") for column in ("surname", "nino", "upn", "nhs_number")}
    return {value for value in values if len(value) > 4}


def files_with(folder: Path, values: set[str]) -> list[str]:
    """Files of Airflow's home and the ledger that hold one of the values (its own database included)."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes().lower()
            found += [path.name for value in values if value.lower().encode() in content]
    return found


def test_a_good_night_then_a_bad_one(hub: Settings, airflow_database: AirflowDatabase) -> None:
    airflow_database(hub.airflow)
    with open_database(hub) as database:
        outcomes = run_dags(hub, dt.date(2014, 6, 30))
        assert [(o.dag_id, o.state) for o in outcomes] == [(d, "success") for d in [*INGESTS, "build_live"]]
        built = outcomes[-1].results["build_and_publish"]
        assert built["as_at"] == "2014-06-30"
        published = published_by(database)
        assert published == [(built["run_id"], "2014-06-30")]

        # The next night: nothing from the council, and a damaged file from the DWP.
        deliver(hub, "dwp")
        (sealed,) = hub.landing("dwp").glob("*/people.csv.age")
        sealed.write_bytes(sealed.read_bytes()[:-1] + b"x")
        with pytest.raises(OrchestrationError) as stopped:
            run_dags(hub)
        assert published_by(database) == published

    message = str(stopped.value)
    assert message.startswith("DAG ingest_dwp: ingest_dwp.take_in_deliveries: delivery dwp-000002-")
    assert "people.csv.age" in message
    log = hub.airflow / "logs" / "in-process.log"
    assert str(log) in message
    assert "No delivery of council waits" in log.read_text()
    assert log.read_text().count("Task failed with exception") == 1  # a rejection is not retried

    events = read_events(hub.lineage / "events.jsonl")
    assert [problem for event in events for problem in problems_of(event)] == []
    assert {event["eventType"] for event in events} >= {"START", "COMPLETE", "FAIL"}
    assert {event["job"]["namespace"] for event in events} == {"wholefamily"}
    delivered = {d["name"] for event in events for d in event["inputs"]}
    assert {f"deliveries/{partner}/people" for partner in ("council", "dwp", "police", "schools")} <= delivered
    tasks = {event["run"]["runId"]: event["job"]["name"] for event in events}
    ours = [event for event in events if event["job"]["name"] in ("build", "ingest.dwp", "report")]
    assert {tasks[event["run"]["facets"]["parent"]["run"]["runId"]] for event in ours} == {
        "build_live.build_and_publish", "build_live.write_report", "ingest_dwp.take_in_deliveries",
    }  # fmt: skip
    assert "cohort.family" in {d["name"] for event in events for d in event["outputs"]}
    assert files_with(hub.airflow, values_of_the_dozen()) == files_with(hub.lineage, values_of_the_dozen()) == []


def published_by(database: Database) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute("select run_id, as_at::text from cohort.family group by 1, 2").fetchall()
