"""`wholefamily up`: the live database and Airflow, kept running until Ctrl-C; nothing is left running after that."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.airflow_home import AirflowHome, prepare_airflow_home
from pipeline.airflow_home.home import LOGIN
from pipeline.airflow_home.sessions import end_session
from pipeline.errors import OrchestrationError
from pipeline.settings import Settings
from pipeline.store.database import Database, open_database

LOG_NAME = "standalone"
SECONDS_TO_BE_HEALTHY = 180
SECONDS_TO_STOP = 30
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def up(settings: Settings, say: Callable[[str], None] = print) -> None:
    """Start the database and `airflow standalone`, say where they are, and run until Ctrl-C or SIGTERM.

    Raises OrchestrationError when Airflow does not get healthy or ends by itself, or already runs for this home.
    """
    with _ended_by_signals() as ended, _only_one(settings) as lock, open_database(settings) as database:
        say("Starting Airflow and the live database; half a minute or so.")
        home = prepare_airflow_home(settings, LOG_NAME, database_url=_airflow_database(database))
        with _standalone(settings, home, lock) as airflow:
            if _wait_until_healthy(home, airflow, ended):
                _say_where(settings, home, database, say)
                _run_until(ended, airflow, home)
            say("Stopping.")


def _airflow_database(database: Database) -> str | None:
    """The URL of a database of Airflow's own on the embedded server, with a login that sees nothing else.

    None on a server that is not ours to add databases to: Airflow then keeps its records in its home.
    """
    if database.server is None:
        return None
    return database.server.make_login_database("airflow").url().replace("postgresql://", "postgresql+psycopg2://", 1)


@contextmanager
def _standalone(settings: Settings, home: AirflowHome, lock: int) -> Iterator[subprocess.Popen[bytes]]:
    """`airflow standalone` as a session of its own; every process of that session is gone afterwards."""
    with home.log(LOG_NAME).open("ab") as log:
        child = subprocess.Popen(
            [str(home.folder / "bin" / "airflow"), "standalone"],
            env=home.environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # It holds the lock too: should this process be killed, a second `up` on the home is still refused.
            pass_fds=(lock,),
        )
    os.pwrite(lock, f"{child.pid}\n".encode(), 0)
    try:
        yield child
    finally:
        end_session(child, SECONDS_TO_STOP)


def _wait_until_healthy(home: AirflowHome, airflow: subprocess.Popen[bytes], ended: threading.Event) -> bool:
    """Whether every part of Airflow got healthy before the user ended it. Raises OrchestrationError."""
    deadline = time.monotonic() + SECONDS_TO_BE_HEALTHY
    while time.monotonic() < deadline:
        if ended.wait(0.5):
            return False
        if airflow.poll() is not None:
            raise _broken(home, "Airflow ended while it was starting.")
        if is_healthy(home.url):
            return True
    raise _broken(home, f"Airflow was not healthy after {SECONDS_TO_BE_HEALTHY} seconds.")


def is_healthy(url: str) -> bool:
    """Whether the API answers and calls every one of its parts healthy."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310 loopback
            parts = json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return False
    return all((parts.get(name) or {}).get("status") == "healthy" for name in COMPONENTS)


def _run_until(ended: threading.Event, airflow: subprocess.Popen[bytes], home: AirflowHome) -> None:
    while not ended.wait(1.0):
        if airflow.poll() is not None:
            raise _broken(home, "Airflow ended by itself.")


def _say_where(settings: Settings, home: AirflowHome, database: Database, say: Callable[[str], None]) -> None:
    place = database.address
    password = f"password in {home.password_file}"
    if sys.stdout.isatty():  # to the person at the terminal, and to no log
        password = f"password {json.loads(home.password_file.read_text(encoding='utf-8'))[LOGIN]}"
    say(f"\nAirflow         {home.url}   login {LOGIN}, {password}")
    say(f"Live database   {place.host}:{place.port}, database {place.database}")
    say(f"  ask it        wholefamily sql --home {shlex.quote(str(settings.home))}")
    say(f"Deliveries go   {settings.landing('PARTNER')}")
    say(f"Alerts, logs    {home.alerts}, {home.log(LOG_NAME)}")
    say("\nThe DAGs are paused: switch on build_live, then the ingests. Ctrl-C stops everything.")


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM or a closed terminal sets."""
    ended = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda _number, _frame: ended.set()) for number in signals}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _only_one(settings: Settings) -> Iterator[int]:
    """A lock on the home's Airflow, held by this process and by its children. Raises OrchestrationError."""
    settings.airflow.mkdir(parents=True, exist_ok=True, mode=0o700)
    path: Path = settings.airflow / "up.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OrchestrationError(
                where=str(settings.airflow),
                rule=f"Airflow already runs for this home (process {path.read_text(encoding='utf-8').strip() or '?'}).",
                remedy="use that one, or stop it first (Ctrl-C where it was started, or kill that process).",
            ) from None
        yield handle
    finally:
        os.close(handle)


def _broken(home: AirflowHome, rule: str) -> OrchestrationError:
    return OrchestrationError(
        where="airflow standalone",
        rule=rule,
        remedy=f"read the end of {home.log(LOG_NAME)}; then start it again.",
    )
