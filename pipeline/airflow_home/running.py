"""Run the real DAGs once, in order, in one child process (`dags/run_in_process.py`): the four ingests, the build."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.airflow_home.home import AirflowHome, prepare_airflow_home
from pipeline.errors import OrchestrationError
from pipeline.settings import PROJECT, Settings

if TYPE_CHECKING:
    from rich.console import Console

RUNNER = PROJECT / "dags" / "run_in_process.py"
LOG_NAME = "in-process"


@dataclass(frozen=True)
class DagOutcome:
    """What one DAG did: its end state, seconds, and what its tasks gave back (ids and counts, by task)."""

    dag_id: str
    state: str
    seconds: float
    results: dict[str, Any] = field(default_factory=dict)


def run_dags(settings: Settings, as_at: dt.date | None = None, terminal: Console | None = None) -> list[DagOutcome]:
    """Run every `ingest_<partner>` and then `build_live`, each by `dag.test()`, and say how each ended.

    Airflow's own output goes to a log file in its home. Raises OrchestrationError, with that file's path, when a
    DAG fails; DAGs after it are not run.
    """
    home = prepare_airflow_home(settings, LOG_NAME)
    outcomes: list[DagOutcome] = []
    alerts_before = _size(home.alerts)
    with _shown(terminal) as show:
        for event in _events(settings, home, as_at):
            if "starting" in event:
                show(event["starting"], None)
                continue
            outcomes.append(DagOutcome(**event))
            show(outcomes[-1].dag_id, outcomes[-1])
    if not outcomes or outcomes[-1].state != "success" or outcomes[-1].dag_id != "build_live":
        raise _failure(home, outcomes, alerts_before)
    return outcomes


def _events(settings: Settings, home: AirflowHome, as_at: dt.date | None) -> Iterator[dict[str, Any]]:
    """The child's events, as they come: one JSON line when a DAG starts, one when it has ended."""
    reading, writing = os.pipe()
    command = [sys.executable, str(RUNNER), "--events-to", str(writing)]
    if as_at:
        command += ["--as-at", as_at.isoformat()]
    with os.fdopen(reading, encoding="utf-8") as events, home.log(LOG_NAME).open("ab") as log:
        child = subprocess.Popen(
            command,
            env=home.environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
        )
        os.close(writing)
        try:
            for line in events:
                yield json.loads(line)
            child.wait()
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait()


def _failure(home: AirflowHome, outcomes: list[DagOutcome], alerts_before: int) -> OrchestrationError:
    last = outcomes[-1] if outcomes else None
    return OrchestrationError(
        where=f"DAG {last.dag_id}" if last and last.state != "success" else "Airflow, in process",
        rule=_alerts_since(home.alerts, alerts_before) or "it did not end in success.",
        remedy=f"do that, then run again; Airflow's own log is {home.log(LOG_NAME)}",
    )


def _alerts_since(path: Path, offset: int) -> str:
    """What the DAGs' failure callback has written since: already in the form where, rule, what to do."""
    if not path.exists():
        return ""
    with path.open("rb") as stream:
        stream.seek(offset)
        return "; ".join(line.split("\t", 1)[-1] for line in stream.read().decode().splitlines())


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _shown(terminal: Console | None) -> Iterator[Callable[[str, DagOutcome | None], None]]:
    """One line per DAG that has ended; on a terminal, what is running as well."""
    if terminal is None:
        yield lambda _dag_id, _outcome: None
        return
    with terminal.status("Airflow: making its own database and reading the DAGs") as status:

        def show(dag_id: str, outcome: DagOutcome | None) -> None:
            status.update(f"Airflow: {dag_id}")
            if outcome is not None:
                terminal.print(f"  {dag_id:<24} {outcome.state:<8} {outcome.seconds:6.1f} s", highlight=False)

        yield show
