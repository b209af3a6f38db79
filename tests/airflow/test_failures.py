"""What a failing task tells Airflow: our words, never a library's, and a retry only where it can help."""

from __future__ import annotations

import json
from http.server import HTTPServer
from typing import Any

import pytest

from pipeline.notices import ALERTS
from pipeline.settings import PROJECT, Settings
from tests.airflow.conftest import ask_airflow
from tests.notices.sinks import WebSink, serving

TRY_ALL = """
import json, os, sys, traceback
sys.path.insert(0, {dags!r})
import psycopg
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, AirflowTaskTimeout
from orchestration.failures import tell, told_plainly
from pipeline.errors import BuildError, DeliveryError, LatenessError, StoreError
words = dict(where="delivery x-000001-aaaaaaaa", rule="it is not signed.", remedy="seal it again.")

def unforeseen():
    try:
        int("QQ123456C")
    except ValueError as error:
        raise RuntimeError("Jane Doe of QQ123456C") from error

def of_database():
    raise psycopg.errors.UniqueViolation("Key (nino)=(QQ123456C) already exists.")

def full_disk():
    raise OSError(28, "No space left on device", "/home/Jane Doe")

def raising(error):
    def function():
        raise error
    return function

cases = dict(
    rejected=raising(DeliveryError(code="unsigned", **words)), store=raising(StoreError(**words)),
    nothing=raising(BuildError(**words)), skipped=raising(AirflowSkipException("nothing waits")),
    unforeseen=unforeseen, database=of_database, disk=full_disk, late=raising(LatenessError(**words)),
)
told = {{}}
for name, function in cases.items():
    try:
        told_plainly(function)()
    except Exception as error:
        told[name] = dict(
            kind=type(error).__name__, final=isinstance(error, AirflowFailException), text=str(error),
            trace="".join(traceback.format_exception(error)),
            context=repr(error.__context__), cause=repr(error.__cause__),
        )
        class Task: dag_id, task_id = "ingest_x", name
        tell(dict(ti=Task, exception=error))
def at(dag, task):
    return type("Task", (), dict(dag_id=dag, task_id=task))
full = StoreError(where="writing", rule="the server's disk is full (SQLSTATE 53100).", remedy="free some.")
for ti, error in (
    (at("build_live", "build_and_publish"), AirflowTaskTimeout("Timeout, PID: 1")),
    (at("build_live", "build_and_publish"), BuildError(**words)), (at("build_live", "build_and_publish"), full),
    (at("governance_nightly", "sign_the_log"), AirflowFailException(str(BuildError(**words)))),
    (at("governance_nightly", "sign_the_log"), StoreError(**words)),
    (at("governance_nightly", "tell_the_witness"), StoreError(**words)),
):
    tell(dict(ti=ti, exception=error))
tell(dict(ti=at("build_live", "build_and_publish")))
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = Settings(home=tmp_path_factory.mktemp("failures"))
    settings.hub_keys.mkdir(parents=True)
    with serving(HTTPServer(("127.0.0.1", 0), WebSink)) as web:
        hook = settings.hub_keys / "hook"
        hook.write_text(f"http://127.0.0.1:{web.server_address[1]}/alerts")
        hook.chmod(0o600)
        (settings.hub / "notices.yaml").write_text("webhook: {url_file: hook}\n")
        answer = ask_airflow(settings, TRY_ALL.format(dags=str(PROJECT / "dags")))
        sent = [json.loads(body) for _path, body in web.messages]  # type: ignore[attr-defined]
    alerts = (settings.airflow / "logs" / "alerts.log").read_text()
    return {"alerts": alerts, "sent": sent, **answer}


def test_our_errors_keep_their_words(told: dict[str, Any]) -> None:
    assert told["rejected"]["text"] == ("delivery x-000001-aaaaaaaa: it is not signed. What to do: seal it again.")


def test_only_what_may_pass_by_itself_is_retried(told: dict[str, Any]) -> None:
    final = {name: case["final"] for name, case in told.items() if name not in ("alerts", "sent")}
    assert final == {
        "rejected": True, "nothing": True, "store": False, "skipped": False,
        "unforeseen": False, "database": False, "disk": False, "late": True,
    }  # fmt: skip


def test_a_skip_stays_a_skip(told: dict[str, Any]) -> None:
    assert told["skipped"]["kind"] == "AirflowSkipException"


def test_no_value_travels_with_an_unforeseen_error(told: dict[str, Any]) -> None:
    assert "QQ123456C" not in str(told)
    assert "Jane" not in str(told)
    for name in ("unforeseen", "database", "disk"):
        assert told[name]["context"] == told[name]["cause"] == "None"


def test_an_unforeseen_error_is_told_by_kind_and_place(told: dict[str, Any]) -> None:
    assert "unforeseen RuntimeError" in told["unforeseen"]["text"]
    assert "in unforeseen" in told["unforeseen"]["text"]
    assert "UniqueViolation (SQLSTATE 23505)" in told["database"]["text"]
    assert "No space left on device" in told["disk"]["text"]


def test_one_alert_line_per_failure(told: dict[str, Any]) -> None:
    lines = told["alerts"].splitlines()
    assert len(lines) == 15
    assert lines[0].endswith(
        "ingest_x.rejected: delivery x-000001-aaaaaaaa: it is not signed. What to do: seal it again."
    )
    assert "ended from outside" in lines[-1]
    assert all(line.count("What to do:") == 1 for line in lines if "skipped" not in line)


def test_each_failure_reaches_the_webhook_with_its_entry_in_the_runbook(told: dict[str, Any]) -> None:
    assert [f"{notice['what']}: {notice['text']}" for notice in told["sent"]] == [
        line.split("\t", 1)[1] for line in told["alerts"].splitlines()
    ]
    assert [notice["alert"] for notice in told["sent"]] == [
        *["ingest-failed"] * 6, "disk-full", "feed-late", "too-long", "build-failed", "disk-full",
        "log-changed", "governance-failed", "witness-away", "task-ended",
    ]  # fmt: skip
    assert {notice["alert"] for notice in told["sent"]} <= set(ALERTS)
