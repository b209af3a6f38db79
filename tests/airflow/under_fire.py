"""A hub whose nights go wrong, with Airflow beside it (tests/airflow/runner.py), and people who get its alerts."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import HTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from pipeline.airflow_home import prepare_airflow_home
from pipeline.settings import PROJECT, Settings
from pipeline.store.database import Database, open_database
from tests.conftest import TestServer, live_database
from tests.notices.sinks import MailSink, WebSink, serving

RUNNER = Path(__file__).parent / "runner.py"
NOTICES = """
email: {{host: 127.0.0.1, port: {port}, security: none, sender: hub@example.org, recipients: [team@example.org]}}
webhook: {{url_file: hook}}
"""


@dataclass(frozen=True)
class Hub:
    """The installation, its database, Airflow, and what the mail server and the webhook have got."""

    settings: Settings
    database: Database
    mails: list[str]
    posts: list[tuple[str, str]]
    orders: IO[str]
    answers: IO[str]

    def run(self, dag_id: str, **order: Any) -> Any:
        """Run a DAG to its end."""
        self.orders.write(json.dumps({"dag_id": dag_id, **order}) + "\n")
        self.orders.flush()
        answer = self.answers.readline()
        assert answer, (self.settings.airflow / "logs" / "runner.log").read_text()[-3000:]
        return json.loads(answer)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def published(self) -> list[tuple[Any, ...]]:
        return self.rows("select run_id, as_at::text from registry.run where state = 'published' order by run_id")

    @contextmanager
    def losing(self, when: str) -> Iterator[list[int]]:
        """Once, as soon as the query has a row, cut every connection to the database; the backends that were cut."""
        over, cut = threading.Event(), list[int]()

        def watch() -> None:
            with self.database.connect(autocommit=True) as connection:
                while not over.is_set():
                    if connection.execute(when.encode()).fetchone():
                        cut.extend(row[0] for row in connection.execute(CUT.encode()).fetchall())
                        return
                    time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield cut
        finally:
            over.set()
            watcher.join()


CUT = """
select pid, pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and usename = current_user
"""


@contextmanager
def hub_under_fire(
    server: TestServer, built: Settings, home: Path, airflow_database: Callable[[Path], None]
) -> Iterator[Hub]:
    """A copy of the dozen's installation, with routes for its alerts and a witness, and Airflow."""
    shutil.copytree(built.home, home)
    template = urlsplit(str(built.database_url)).path.lstrip("/")
    with contextlib.ExitStack() as stack:
        settings = stack.enter_context(live_database(server, template, home))
        mail = stack.enter_context(serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailSink)))
        web = stack.enter_context(serving(HTTPServer(("127.0.0.1", 0), WebSink)))
        hook = settings.hub_keys / "hook"
        hook.write_text(f"http://127.0.0.1:{web.server_address[1]}/alerts")
        hook.chmod(0o600)
        (settings.hub / "notices.yaml").write_text(NOTICES.format(port=mail.server_address[1]))
        database = stack.enter_context(open_database(settings))
        orders, answers = stack.enter_context(_airflow(settings, airflow_database))
        yield Hub(settings, database, mail.messages, web.messages, orders, answers)  # type: ignore[attr-defined]


@contextmanager
def _airflow(settings: Settings, airflow_database: Callable[[Path], None]) -> Iterator[tuple[IO[str], IO[str]]]:
    prepared = prepare_airflow_home(settings, "runner")
    airflow_database(prepared.folder)
    reading, writing = os.pipe()
    environment = prepared.environment(settings) | {"WHOLEFAMILY_WITNESS": "mailto:witness@example.org"}
    with prepared.log("runner").open("ab") as log, os.fdopen(reading, encoding="utf-8") as answers:
        child = subprocess.Popen(
            [sys.executable, str(RUNNER), str(writing)], env=environment, cwd=PROJECT, stdin=subprocess.PIPE,
            stdout=log, stderr=subprocess.STDOUT, pass_fds=(writing,), text=True,
        )  # fmt: skip
        os.close(writing)
        assert child.stdin
        try:
            yield child.stdin, answers
        finally:
            child.stdin.close()
            child.wait(timeout=60)
