"""`wholefamily up` for real: Airflow standalone, asked through its REST API to do a night's work, then stopped."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.airflow_home.sessions import members_of
from pipeline.settings import Settings
from pipeline.store.database import open_database
from pipeline.up import is_healthy

INGESTS = ["ingest_council", "ingest_dwp", "ingest_police", "ingest_schools"]
START = "import sys; from pathlib import Path; from pipeline.settings import Settings; from pipeline.up import up; " \
    "up(Settings(home=Path(sys.argv[1])), say=lambda text: print(text, flush=True))"  # fmt: skip


class Api:
    """Airflow's REST API, as a user with a token asks it."""

    def __init__(self, url: str, password_file: Path) -> None:
        self.url = url
        login = {"username": "admin", "password": json.loads(password_file.read_text())["admin"]}
        self.token = self.ask("POST", "/auth/token", login)["access_token"]

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if hasattr(self, "token"):
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"])


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


def listening_beyond_loopback(pids: list[int]) -> list[str]:
    """Addresses other than 127.0.0.1 or ::1 that one of the processes listens on (from /proc)."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes |= set(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
            except OSError:
                continue
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, state, inode = fields[1].split(":")[0], fields[3], fields[9]
            if state == "0A" and inode in inodes and address not in ("0100007F", "0" * 24 + "01000000"):
                found.append(fields[1])
    return found


@pytest.fixture
def running(hub: Settings) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """`up`, started as the command line starts it, with the lines that it has printed until it was ready."""
    process = subprocess.Popen([sys.executable, "-c", START, str(hub.home)], stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    try:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C stops everything" in line:
                break
        yield process, lines
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def test_a_night_through_the_rest_api(hub: Settings, running: tuple[subprocess.Popen[str], list[str]]) -> None:
    process, lines = running
    said = "".join(lines)
    (url,) = re.findall(r"Airflow +(http://127\.0\.0\.1:\d+) ", said)
    password_file = hub.airflow / "secrets" / "passwords.json"
    assert str(password_file) in said
    assert json.loads(password_file.read_text())["admin"] not in said
    assert is_healthy(url)
    session = int((hub.airflow / "up.lock").read_text())
    assert len(members_of(session)) > 4
    assert listening_beyond_loopback(members_of(session)) == []

    with pytest.raises(urllib.error.HTTPError) as refused:  # nobody without a login
        urllib.request.urlopen(f"{url}/api/v2/dags", timeout=30)
    assert refused.value.code == 401
    api = Api(url, password_file)
    until(lambda: api.ask("GET", "/api/v2/dags")["total_entries"] == 6, 60, "the DAGs are read")
    for dag_id in ["build_live", *INGESTS]:  # a paused build would not hear of what is loaded meanwhile
        assert api.ask("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})["is_paused"] is False
    for dag_id in INGESTS:
        api.ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})

    def built_by_assets() -> Any:
        runs = api.runs("build_live")
        failed = [run for d in [*INGESTS, "build_live"] for run in api.runs(d) if run["state"] == "failed"]
        assert not failed, (hub.airflow / "logs" / "alerts.log").read_text()
        return [run for run in runs if run["run_type"] == "asset_triggered" and run["state"] == "success"]

    (built,) = until(built_by_assets, 240, "build_live has run by asset events")
    events = api.ask("GET", f"/api/v2/dags/build_live/dagRuns/{built['dag_run_id']}/upstreamAssetEvents")
    assert {event["source_dag_id"] for event in events["asset_events"]} == set(INGESTS)

    with open_database(hub) as database, database.connect() as connection:
        runs = connection.execute("select state from registry.run").fetchall()
        families = connection.execute("select count(*) from cohort.family").fetchone()
        selected = connection.execute("select count(*) from cohort.cohort").fetchone()
    assert ("published",) in runs
    assert families is not None
    assert families[0] > 0
    assert selected is not None
    assert selected[0] > 0

    again = subprocess.run(  # a second one on the same home is refused
        [sys.executable, "-c", START, str(hub.home)], capture_output=True, text=True, timeout=60, check=False
    )
    assert again.returncode != 0
    assert "already runs for this home" in again.stderr

    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert members_of(session) == []
    assert not is_healthy(url)
