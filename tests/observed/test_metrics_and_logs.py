"""What is seen from outside: metrics in a real OTLP collector's words; one structured line per step and delivery."""

from __future__ import annotations

import datetime as dt
import http.server
import json
import stat
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from pipeline import logs, metrics
from pipeline.settings import Settings
from tests.notices.sinks import serving
from tests.whole_way.conftest import Run, dozen, run, settings

__all__ = ["dozen", "run", "settings"]  # fixtures
PARTNERS = {"council", "dwp", "police", "schools"}


class Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bytes]]]:
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)) as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        yield server.messages  # type: ignore[attr-defined]


def received(messages: list[tuple[str, bytes]]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The newest value of each metric and attributes that the collector was sent."""
    found = {}
    for path, body in messages:
        assert path == "/v1/metrics"
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                for point in metric.gauge.data_points:
                    named = frozenset((one.key, one.value.string_value) for one in point.attributes)
                    value = point.as_double if point.HasField("as_double") else float(point.as_int)
                    found[metric.name, named] = value
    return found


def test_an_ingest_sends_how_fresh_and_how_large_each_feed_is(dozen: Run, collector: list[tuple[str, bytes]]) -> None:
    dozen("build")
    found = received(collector)
    by_name: dict[str, list[dict[str, str]]] = {}
    for name, attributes in found:
        by_name.setdefault(name, []).append(dict(attributes))
    assert {one["partner"] for one in by_name["wholefamily.feed.age"]} == PARTNERS
    assert {one["stage"] for one in by_name["wholefamily.build.duration"]} >= {"link", "families", "publish"}
    shown = json.loads(dozen("deliveries", "--json").out)
    for partner in PARTNERS:
        rows = sum(
            value for (name, attributes), value in found.items()
            if name == "wholefamily.feed.rows" and dict(attributes)["partner"] == partner
            and dict(attributes)["outcome"] == "loaded"
        )  # fmt: skip
        assert rows == sum(one["rows_loaded"] for one in shown if one["partner"] == partner)
    told = json.loads(dozen("metrics", "--json").out)
    assert {one["name"] for one in told} == set(by_name)
    dozen("metrics", "--push")


def test_a_collector_that_is_away_fails_no_night(dozen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no collector is named" in dozen("metrics", "--push", code=2).err
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(metrics, "SECONDS", 0.2)
    dozen("ingest")
    assert "did not take" in dozen("metrics", "--push", code=6).err


def test_each_step_and_delivery_has_its_line_and_ids_join_them(dozen: Run, settings: Settings) -> None:
    dozen("build")
    files = sorted(settings.logs.glob("*.jsonl"))
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    assert all({"at", "level", "event", "state", "process"} <= set(line) for line in lines)
    deliveries = {line["partner"]: line for line in lines if line["event"] == "delivery"}
    assert set(deliveries) == PARTNERS
    listed = {one["delivery_id"]: one for one in json.loads(dozen("deliveries", "--json").out)}
    for line in deliveries.values():
        assert line["rows_loaded"] == listed[line["delivery_id"]]["rows_loaded"]
    steps = {line["run"]: line for line in lines if line["event"] == "step"}
    assert {steps[line["run"]]["job"] for line in deliveries.values()} == {f"ingest.{one}" for one in PARTNERS}
    published = [line for line in lines if line["event"] == "build"]
    assert [line["run_id"] for line in published] == sorted(line["run_id"] for line in published)
    assert {steps[line["run"]]["job"] for line in published} == {"build"}


def test_a_failed_step_says_what_kind_and_where_and_old_days_go(dozen: Run, settings: Settings) -> None:
    old = settings.logs / f"{dt.date(2020, 1, 1)}.jsonl"
    old.write_text("{}\n")
    dozen("build", "--as-at", "2009-01-01", "--pack", "no-such-pack", code=2)
    today = settings.logs / f"{dt.datetime.now(dt.UTC).date()}.jsonl"
    last = json.loads(today.read_text().splitlines()[-1])
    assert (last["event"], last["state"], last["level"], last["job"]) == ("step", "failed", "error", "build")
    assert last["error"].startswith("DeclarationError")
    today.unlink()
    logs.write(settings, "step", "completed", job="report")
    assert not old.exists()
