"""A hub with the dozen people of `examples/` delivered by all four partners, and Airflow asked from outside.

Airflow runs in child processes only, as it does for a user: importing it here would change this process's logging.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.airflow_home import prepare_airflow_home
from pipeline.contracts import Contract, load_contracts, load_vocabulary
from pipeline.installation import make_all_keys, pseudonymise_extract, seal_and_deliver
from pipeline.settings import PROJECT, Settings
from pipeline.store.embedded import EmbeddedServer

DOZEN = PROJECT / "examples" / "dozen" / "raw"
COVERED = (dt.date(2011, 8, 1), dt.date(2014, 7, 31))

DESCRIBE = """
import json, sys, time
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.configuration import conf
before = set(sys.modules)
started = time.perf_counter()
folder = conf.get("core", "dags_folder")
bag = BundleDagBag(dag_folder=folder, bundle_path=Path(folder), bundle_name="dags-folder")
seconds = time.perf_counter() - started
def task(t):
    return {
        "retries": t.retries, "backoff": t.retry_exponential_backoff, "limit": str(t.execution_timeout),
        "doc": t.doc_md, "pool": t.pool, "slots": t.pool_slots, "outlets": [o.uri for o in t.outlets],
        "told": bool(t.on_failure_callback), "result_in_log": t.show_return_value_in_logs,
    }
def dag(d):
    timetable = d.timetable
    clock = getattr(timetable, "timetable", timetable)
    condition = getattr(timetable, "asset_condition", None)
    assets = condition.objects if condition else []
    return {
        "doc": d.doc_md, "catchup": d.catchup, "max_active_runs": d.max_active_runs, "limit": str(d.dagrun_timeout),
        "cron": clock.expression, "zone": str(clock.timezone), "params": sorted(d.params),
        "condition": type(condition).__name__, "waits_for": sorted(a.uri for a in assets),
        "tasks": {t.task_id: task(t) for t in d.tasks},
    }
print(json.dumps({
    "dags": {i: dag(d) for i, d in bag.dags.items()}, "errors": bag.import_errors, "seconds": seconds,
    "imported": sorted(set(sys.modules) - before),
}))
"""


def ask_airflow(settings: Settings, code: str) -> Any:
    """What a few lines print as JSON, run by Airflow's Python with this installation's environment."""
    home = prepare_airflow_home(settings, "asked")
    done = subprocess.run(
        [sys.executable, "-c", code], env=home.environment(settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def read_dags(settings: Settings) -> Any:
    """The DAGs of an installation, as Airflow has read them."""
    return ask_airflow(settings, DESCRIBE)


def contracts_of(settings: Settings) -> dict[str, Contract]:
    return load_contracts(settings.declarations, load_vocabulary(settings.declarations))


def deliver(settings: Settings, *partners: str) -> None:
    """The dozen's extracts of these partners, through the kit, into the landing folders."""
    for partner in partners:
        contract = contracts_of(settings)[partner]
        pseudonymise_extract(settings, contract, DOZEN / partner, since=COVERED[0], until=COVERED[1])
        seal_and_deliver(settings, contract)


AirflowDatabase = Callable[[Path], None]


@pytest.fixture(scope="session")
def airflow_database(tmp_path_factory: pytest.TempPathFactory) -> AirflowDatabase:
    """Puts Airflow's own database, made once in this session, into an Airflow home that has none."""
    settings = Settings(home=tmp_path_factory.mktemp("airflow database"))
    ask_airflow(settings, "from airflow.utils.db import initdb; initdb(); print('{}')")

    def put(home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(settings.airflow / "airflow.db", home / "airflow.db")

    return put


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with keys, to which all four partners have delivered the dozen; nothing is taken in yet."""
    settings = Settings(home=tmp_path_factory.mktemp("delivered") / "home")
    partners = sorted(contracts_of(settings))
    make_all_keys(settings, partners)
    deliver(settings, *partners)
    return settings


@pytest.fixture
def hub(delivered: Settings, tmp_path: Path) -> Iterator[Settings]:
    """An installation with an embedded server of its own, and the dozen delivered."""
    settings = Settings(home=tmp_path / "a hub")
    shutil.copytree(delivered.home, settings.home)
    try:
        yield settings
    finally:
        EmbeddedServer(settings.postgres, settings.hub_keys).destroy()
