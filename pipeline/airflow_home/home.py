"""The AIRFLOW_HOME of an installation: its folder, its secrets, its configuration file, its processes' environment.

Airflow itself is never imported here. Secrets are random per installation, stand each in a file of mode 0600 under
`hub/airflow/secrets/`, and reach Airflow by `*_cmd` options: no environment variable and no configuration file
holds one. Everything listens on 127.0.0.1.
"""

from __future__ import annotations

import base64
import configparser
import json
import os
import secrets
import shlex
import socket
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.settings import PROJECT, Settings

LOOPBACK = "127.0.0.1"
LOGIN = "admin"
PREFERRED_PORT = 8080
# Two tasks at a time, and a build takes both places (pool_slots), so that it never runs beside an ingest.
HUB_SLOTS = 2
LEDGER_TRANSPORT = "pipeline.lineage.transport.LedgerTransport"


@dataclass(frozen=True)
class AirflowHome:
    """A prepared home: its folder, the configuration file to use, and where the API will listen."""

    folder: Path
    config: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def alerts(self) -> Path:
        """One plain line per failed task: when, what, where, what to do."""
        return self.folder / "logs" / "alerts.log"

    @property
    def password_file(self) -> Path:
        return _password_file(self.folder)

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def environment(self, settings: Settings) -> dict[str, str]:
        """The environment of Airflow's processes: what was inherited without any AIRFLOW setting, and ours.

        It holds no secret of ours.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        ours = {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW_CONFIG": str(self.config),
            "WHOLEFAMILY_HOME": str(settings.home),
            "WHOLEFAMILY_DECLARATIONS": str(settings.declarations),
            "WHOLEFAMILY_EXPECTATIONS": str(settings.expectations),
            "GX_ANALYTICS_ENABLED": "false",
            "PYTHONUNBUFFERED": "1",
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ.get("PATH", os.defpath)]),
        }
        if settings.database_url:
            ours["WHOLEFAMILY_DATABASE_URL"] = settings.database_url
        return inherited | ours


def prepare_airflow_home(settings: Settings, name: str, *, database_url: str | None = None) -> AirflowHome:
    """Make or refresh the home and write `<name>.cfg` in it: `name` says which way of running it is for.

    `database_url` is where Airflow keeps its own records; without it, in an SQLite file of the home. Secrets that
    exist are kept; the port is free at the time of the call.
    """
    folder = settings.airflow
    for needed in (folder, folder / "secrets", folder / "logs", folder / "bin", settings.lineage):
        needed.mkdir(parents=True, exist_ok=True, mode=0o700)
    home = AirflowHome(folder=folder, config=folder / f"{name}.cfg", port=free_port(PREFERRED_PORT))
    connection = folder / "secrets" / f"{name}-database.url"
    write_private(connection, database_url or f"sqlite:///{folder / 'airflow.db'}")
    keep_private(_password_file(folder), lambda: json.dumps({LOGIN: secrets.token_urlsafe(18)}) + "\n")
    _write_launcher(folder / "bin" / "airflow")
    options = _options(settings, home) | {
        "database": {"sql_alchemy_conn_cmd": _read(connection), "load_default_connections": "False"},
    }
    for section, option, make in _SECRETS:
        path = folder / "secrets" / option
        keep_private(path, make)
        options.setdefault(section, {})[f"{option}_cmd"] = _read(path)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict({s: {k: v.replace("%", "%%") for k, v in values.items()} for s, values in options.items()})
    write_private(home.config, "", then=parser.write)
    return home


_SECRETS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("core", "fernet_key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()),
    ("api", "secret_key", lambda: secrets.token_urlsafe(32)),
    ("api_auth", "jwt_secret", lambda: secrets.token_urlsafe(64)),
)


def _options(settings: Settings, home: AirflowHome) -> dict[str, dict[str, str]]:
    ledger = {"type": LEDGER_TRANSPORT, "path": str(settings.lineage / "events.jsonl")}
    return {
        "core": {
            "dags_folder": str(PROJECT / "dags"),
            "plugins_folder": str(PROJECT / "plugins"),
            "executor": "LocalExecutor",
            "parallelism": str(HUB_SLOTS),
            "default_pool_task_slot_count": str(HUB_SLOTS),
            "load_examples": "False",
            "simple_auth_manager_users": f"{LOGIN}:admin",
            "simple_auth_manager_passwords_file": str(_password_file(home.folder)),
            "execution_api_server_url": f"{home.url}/execution/",
        },
        "api": {
            "host": LOOPBACK, "port": str(home.port), "base_url": home.url, "workers": "1", "expose_config": "False",
        },
        "api_auth": {},
        "logging": {
            "base_log_folder": str(home.folder / "logs"), "colored_console_log": "False",
            # Great Expectations tells of its own start-up in hundreds of lines.
            "namespace_levels": "great_expectations=WARNING",
        },
        "scheduler": {"enable_health_check": "False"},
        # A contract that is added or changed shows within a minute.
        "dag_processor": {"refresh_interval": "30", "min_file_process_interval": "30", "parsing_processes": "1"},
        "usage_data_collection": {"enabled": "False"},
        "openlineage": {
            "transport": json.dumps(ledger), "namespace": "wholefamily",
            "emission_policy": '[{"controls": {"include_source_code": false}}]',
            # A forked copy of a task that holds Arrow's and numba's threads may hang; a thread of it does not.
            "execute_in_thread": "True",
        },
    }  # fmt: skip


def free_port(preferred: int = 0) -> int:
    """A port of the loopback address that nothing listens on: the preferred one when it is free."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As servers do: the rests of closed connections do not hold a port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on the loopback address")


def keep_private(path: Path, make: Callable[[], str]) -> None:
    """Write what `make` makes into a new file of mode 0600; leave a file that exists as it is."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        return
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(make())


def write_private(path: Path, text: str, then: Callable[..., object] | None = None) -> None:
    """Replace a file of mode 0600 as a whole, so that a reader sees the old text or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        if then:
            then(stream)
    draft.replace(path)


def _password_file(folder: Path) -> Path:
    return folder / "secrets" / "passwords.json"


def _read(path: Path) -> str:
    return f"cat {shlex.quote(str(path))}"


def _write_launcher(path: Path) -> None:
    # Airflow's log servers listen on every address of the machine, whatever the configuration says, and are only
    # needed where logs stand on another machine. `airflow standalone` starts its parts by the name `airflow`.
    path.write_text(
        "#!/bin/sh\n"
        'case "$1" in scheduler|triggerer) set -- "$@" --skip-serve-logs ;; esac\n'
        f'exec {shlex.quote(sys.executable)} -m airflow "$@"\n',
        encoding="utf-8",
    )
    path.chmod(0o700)
