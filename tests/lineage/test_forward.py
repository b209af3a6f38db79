"""Events sent on to an OpenLineage server: a real one on this machine, that takes, refuses, and is away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline import lineage
from pipeline.errors import DeclarationError
from pipeline.lineage import Dataset, forward, read_events
from pipeline.lineage.forward import server
from pipeline.settings import Settings
from tests.lineage.spec import problems_of

URL = "WHOLEFAMILY_OPENLINEAGE_URL"


class Sink:
    """An HTTP server that keeps what is posted to it; `answers` are the codes of the next answers, then 201."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str | None, dict[str, Any]]] = []
        self.answers: list[int] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                code = sink.answers.pop(0) if sink.answers else 201
                if code == 201:
                    sink.got.append((self.path, self.headers.get("Authorization"), json.loads(content)))
                self.send_response(code)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    made = Sink()
    monkeypatch.setenv(URL, made.url)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def work(settings: Settings, job: str = "report") -> None:
    with lineage.task(settings, job) as run:
        run.writes([Dataset("reports/run", 1)])


def test_what_the_ledger_keeps_is_what_the_server_gets(sink: Sink, settings: Settings) -> None:
    settings.hub_keys.mkdir(parents=True)
    (settings.hub_keys / "openlineage-key").write_text("a key\n")
    work(settings)
    kept = read_events(settings.lineage / lineage.LEDGER_FILE)
    assert [event for _, _, event in sink.got] == kept
    assert [problem for event in kept for problem in problems_of(event)] == []
    assert {(path, key) for path, key, _ in sink.got} == {("/api/v1/lineage", "Bearer a key")}
    assert forward(settings) == 0, "nothing is sent twice"


def test_a_server_that_was_away_gets_what_it_missed_in_order(
    sink: Sink, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL, "http://127.0.0.1:9")
    work(settings, "first")
    sink.answers = [503]
    monkeypatch.setenv(URL, sink.url)
    work(settings, "second")
    assert sink.got == []
    assert forward(settings) == 4
    told = [(event["job"]["name"], event["eventType"]) for _, _, event in sink.got]
    assert told == [(job, state) for job in ("first", "second") for state in ("START", "COMPLETE")]


def test_an_event_that_is_refused_for_good_holds_up_no_other(sink: Sink, settings: Settings) -> None:
    sink.answers = [422]
    work(settings)
    assert [event["eventType"] for _, _, event in sink.got] == ["COMPLETE"]


def test_only_to_a_server_that_may_be_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server({}) is None
    assert server({URL: "https://lineage.council.example/"}) == "https://lineage.council.example"
    with pytest.raises(DeclarationError) as refused:
        server({URL: "http://lineage.council.example"})
    assert "https only" in refused.value.rule
    monkeypatch.delenv(URL, raising=False)
    work(settings)
    assert not (settings.lineage / "sent").exists()
