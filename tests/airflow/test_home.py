"""Airflow's home: secrets in closed files, none in the environment or the configuration, nothing but loopback."""

from __future__ import annotations

import configparser
import json
import socket
import stat
from pathlib import Path

import pytest

from pipeline.airflow_home import AirflowHome, free_port, prepare_airflow_home
from pipeline.settings import Settings


def secrets_of(home: AirflowHome) -> dict[str, str]:
    return {path.name: path.read_text() for path in (home.folder / "secrets").iterdir()}


def options_of(home: AirflowHome) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(home.config)
    return parser


def test_secrets_are_random_per_installation_kept_and_closed(tmp_path: Path) -> None:
    one, other = (prepare_airflow_home(Settings(home=tmp_path / name), "trial") for name in ("one", "other"))
    first, second = secrets_of(one), secrets_of(other)
    kept = {"fernet_key", "secret_key", "jwt_secret", "passwords.json"}
    assert kept <= set(first)
    assert all(first[name] != second[name] for name in kept)
    assert secrets_of(prepare_airflow_home(Settings(home=tmp_path / "one"), "trial")) == first
    for path in [*(one.folder / "secrets").iterdir(), one.config]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE(one.folder.stat().st_mode) == 0o700


def test_no_secret_in_environment_configuration_or_text(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    home = prepare_airflow_home(
        settings, "trial", database_url="postgresql+psycopg2://airflow:s3cret@127.0.0.1/airflow"
    )
    secrets = [*secrets_of(home).values(), *json.loads(home.password_file.read_text()).values(), "s3cret"]
    everywhere = [home.config.read_text(), repr(home), *home.environment(settings).values()]
    assert not [secret for secret in secrets for text in everywhere if secret.strip() in text]


def test_settings_of_another_airflow_are_not_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", "/elsewhere")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://another")
    settings = Settings(home=tmp_path)
    environment = prepare_airflow_home(settings, "trial").environment(settings)
    assert {name for name in environment if name.startswith("AIRFLOW")} == {"AIRFLOW_HOME", "AIRFLOW_CONFIG"}
    assert environment["WHOLEFAMILY_HOME"] == str(tmp_path)


def test_everything_listens_on_loopback(tmp_path: Path) -> None:
    home = prepare_airflow_home(Settings(home=tmp_path), "trial")
    options = options_of(home)
    assert options["api"]["host"] == "127.0.0.1"
    assert options["api"]["base_url"] == home.url == f"http://127.0.0.1:{home.port}"
    assert options["core"]["execution_api_server_url"].startswith("http://127.0.0.1:")
    assert "--skip-serve-logs" in (home.folder / "bin" / "airflow").read_text()


def test_a_port_in_use_is_left_alone() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


@pytest.mark.parametrize("name", ["50 % off", "a b", "it's"])
def test_a_home_of_any_name(tmp_path: Path, name: str) -> None:
    home = prepare_airflow_home(Settings(home=tmp_path / name), "trial")
    assert options_of(home)["logging"]["base_log_folder"] == str(home.folder / "logs")
