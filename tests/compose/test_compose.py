"""docker-compose.yml against the rules we hold it to; no engine runs here, so nothing is started.

Each piece that can be tried without an engine is: the secrets' script, the entrypoint, the databases' script on a
real PostgreSQL. Where `docker-compose` is installed, the file goes through it as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.settings import PROJECT, Settings
from pipeline.store.address import Address
from pipeline.store.credentials import Credentials
from pipeline.store.embedded import SUPERUSER, EmbeddedServer, bundled_program

COMPOSE = PROJECT / "docker-compose.yml"
DOCKER = PROJECT / "docker"
SERVICES = {
    "postgres", "migrate", "airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer",
    "backup",
}  # fmt: skip
ONE_SHOT = {"migrate", "backup"}
LONG_RUNNING = sorted(SERVICES - ONE_SHOT)
# The parts of a service that we use, of those the Compose Specification has.
SPECIFIED = {
    "image", "build", "command", "user", "environment", "secrets", "volumes", "tmpfs", "ports", "depends_on",
    "healthcheck", "restart", "init", "read_only", "cap_drop", "security_opt", "shm_size",
    "profiles",
}  # fmt: skip
CONDITIONS = ("service_healthy", "service_completed_successfully")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")))


def test_the_services_are_airflows_and_postgres(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES


def test_every_secret_is_a_file_and_is_made_by_the_script(compose: dict[str, Any], tmp_path: Path) -> None:
    made = {path.name: path.read_text() for path in make_secrets(tmp_path / "secrets").iterdir()}
    assert set(compose["secrets"]) == set(made)
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./docker/secrets/{name}"}
    assert "secrets/" in (DOCKER / ".gitignore").read_text()
    assert all(len(value) >= 44 for value in made.values())
    one_line = [value for value in made.values() if not value.startswith("-----BEGIN")]
    assert len(one_line) == len(made) - 3
    assert all(value.strip() == value for value in one_line)


def test_secrets_are_random_and_kept(tmp_path: Path) -> None:
    one, other = make_secrets(tmp_path / "one"), make_secrets(tmp_path / "other")
    before = {path.name: path.read_text() for path in one.iterdir()}
    assert all(before[path.name] != path.read_text() for path in other.iterdir())
    assert {path.name: path.read_text() for path in make_secrets(tmp_path / "one").iterdir()} == before
    assert stat.S_IMODE(one.stat().st_mode) == 0o700


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_setting_holds_a_password(compose: dict[str, Any], service: str) -> None:
    settings = compose["services"][service]["environment"]
    assert isinstance(settings, dict)
    for name, value in settings.items():
        if re.search("PASSWORD|SECRET|FERNET|TOKEN", name):
            assert "/run/secrets/" in value or value == "/var/lib/airflow/passwords.json", name
        assert not re.search(r"://[^/@]*:[^/@]+@", str(value)), f"{name} holds a password"


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_is_hardened(compose: dict[str, Any], service: str) -> None:
    declared = compose["services"][service]
    uid, gid = declared["user"].split(":")
    assert int(uid) > 0
    assert int(gid) > 0
    assert declared["read_only"] is True
    assert declared["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in declared["security_opt"]
    assert not declared.get("privileged")
    assert "network_mode" not in declared


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_ports_are_loopback_and_images_are_pinned(compose: dict[str, Any], service: str) -> None:
    declared = compose["services"][service]
    assert all(port.startswith("127.0.0.1:") for port in declared.get("ports", []))
    assert re.fullmatch(r"[a-z-]+:\d+\.\d+(\.\d+)?", declared["image"])


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_every_lasting_service_has_a_health_check(compose: dict[str, Any], service: str) -> None:
    check = compose["services"][service]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


def test_airflow_waits_for_the_migration_and_the_migration_for_the_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"
    for name in SERVICES - {"postgres", "migrate", "backup"}:
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_live_database_is_reached_only_where_tasks_run(compose: dict[str, Any]) -> None:
    holders = {name for name, s in compose["services"].items() if "wholefamily_database_password" in s["secrets"]}
    assert holders == {"postgres", "migrate", "airflow-scheduler"}
    keyed = {name for name, s in compose["services"].items() if any(v.startswith("hub-home:") for v in s["volumes"])}
    assert keyed == {"migrate", "airflow-scheduler"}


def test_volumes_and_mounted_files_exist(compose: dict[str, Any]) -> None:
    for declared in compose["services"].values():
        for volume in declared["volumes"]:
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (PROJECT / source).is_file(), volume


def test_the_image_is_built_from_the_lock_and_runs_as_nobody_special(compose: dict[str, Any]) -> None:
    dockerfile = (DOCKER / "Dockerfile").read_text()
    assert re.search(r"^FROM python:3\.\d+\.\d+-slim-\w+$", dockerfile, re.M)
    assert "--require-hashes -r requirements.lock" in dockerfile
    last_user = re.findall(r"^USER (\w+)$", dockerfile, re.M)[-1]
    assert last_user == "hub"
    assert f"--uid {compose['services']['migrate']['user'].split(':')[0]} " in dockerfile
    for source in re.findall(r"^COPY (?:--\S+ )?(.+) \S+$", dockerfile, re.M):
        for name in source.split():
            assert (PROJECT / name).exists(), name
            assert f"!{name}" in (PROJECT / ".dockerignore").read_text().splitlines(), name


def test_the_entrypoint_hides_secrets_and_becomes_the_command(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path / "secrets")
    private = tmp_path / "private"
    private.mkdir()
    done = subprocess.run(
        ["sh", str(DOCKER / "entrypoint.sh"), "env"],
        env={"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(private), "SECRETS": str(secrets), "DATABASE_HOST": "db"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    values = {path.name: path.read_text() for path in secrets.iterdir()}
    assert not [name for name, value in values.items() if value in done.stdout + done.stderr]
    assert f"PGPASSFILE={private}/pgpass" in done.stdout
    assert (private / "pgpass").read_text().splitlines() == [
        f"db:5432:*:airflow:{values['airflow_database_password']}",
        f"db:5432:*:wholefamily:{values['wholefamily_database_password']}",
    ]
    assert json.loads((private / "passwords.json").read_text()) == {"admin": values["airflow_admin_password"]}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in private.iterdir())


def test_the_databases_are_made_each_with_its_own_login(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path / "secrets")
    with own_server(tmp_path) as superuser:
        done = subprocess.run(
            ["sh", str(DOCKER / "create-databases.sh")],
            env={
                "PATH": f"{bundled_program('psql').parent}:{os.environ['PATH']}", "SECRETS": str(secrets),
                "POSTGRES_USER": superuser.user, "PGPASSWORD": superuser.password or "",
                "PGHOST": superuser.host, "PGPORT": str(superuser.port),
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        for login in ("airflow", "wholefamily"):
            own = superuser.as_login(login, (secrets / f"{login}_database_password").read_text()).in_database(login)
            with own.connect() as connection:
                rights = connection.execute(
                    "select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user"
                ).fetchone()
            assert rights == (False, False, login == "wholefamily")
        with superuser.connect() as connection:
            reachable = connection.execute("select has_database_privilege('airflow', 'wholefamily', 'connect')")
            assert reachable.fetchone() == (False,)


def test_logins_go_over_checked_tls_and_nothing_is_trusted(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name != "postgres":
            assert service["environment"]["PGSSLMODE"] == "verify-full"
            assert service["environment"]["PGSSLROOTCERT"] == "/run/secrets/postgres_ca"
            assert "postgres_ca" in service["secrets"]
    rules = [line.split() for line in (DOCKER / "pg_hba.conf").read_text().splitlines() if line and line[0] != "#"]
    assert rules[-1] == ["host", "all", "all", "all", "reject"]
    assert {rule[0] for rule in rules[:-1]} == {"local", "hostssl"}
    assert {rule[-1] for rule in rules[:-1]} == {"scram-sha-256"}
    assert {rule[2] for rule in rules if rule[1] == "wholefamily"} == {
        "wholefamily", "+wf_analyst", "+wf_caseworker", "+wf_auditor", "+wf_partner",
    }  # fmt: skip


def test_the_servers_own_settings_are_read_by_a_real_server(tmp_path: Path) -> None:
    """All but pgaudit, which the embedded server has not, and with the files where this test has them."""
    secrets = make_secrets(tmp_path / "secrets")
    text = (DOCKER / "hardened.conf").read_text()
    assert "pgaudit" in (DOCKER / "postgres.Dockerfile").read_text()
    assert re.search(r"^shared_preload_libraries = 'pgaudit'$", text, re.M)
    kept = [line for line in text.splitlines() if not line.startswith(("shared_preload", "pgaudit.", "hba_file"))]
    with own_server(tmp_path) as superuser:
        with superuser.connect() as connection:
            known = dict(connection.execute("select name, vartype from pg_settings").fetchall())
        named = [line.partition(" = ")[0] for line in kept if line and not line.startswith("#")]
        assert not [name for name in named if name not in known]
    for kind in ("postgres_tls_certificate", "postgres_tls_key", "postgres_ca"):
        assert f"/run/secrets/{kind}" in (text + COMPOSE.read_text())
    checked = subprocess.run(
        ["openssl", "verify", "-purpose", "sslserver", "-verify_hostname", "postgres",
         "-CAfile", secrets / "postgres_ca",
         secrets / "postgres_tls_certificate"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    asked = ["openssl", "pkey", "-in", secrets / "postgres_tls_key", "-pubout"]
    of_key = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    asked = ["openssl", "x509", "-in", secrets / "postgres_tls_certificate", "-pubkey", "-noout"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == of_key


def test_what_only_a_superuser_can_shut_is_shut_at_the_start(tmp_path: Path) -> None:
    """The same that the embedded server shuts: else `wholefamily roles check` would find it open."""
    script = (DOCKER / "create-databases.sh").read_text()
    for line in ("lo_from_bytea(oid, bytea) from public", "usage on language plpgsql from public", "'^pg_stat_get_'"):
        assert line in script
        assert line in (PROJECT / "pipeline" / "store" / "embedded.py").read_text()


def test_the_file_keeps_to_the_compose_specification(compose: dict[str, Any]) -> None:
    assert {key for key in compose if not key.startswith("x-")} == {"services", "secrets", "volumes"}
    for name, declared in compose["services"].items():
        assert set(declared) <= SPECIFIED, name
        assert all(condition["condition"] in CONDITIONS for condition in declared.get("depends_on", {}).values())
    if shutil.which("docker-compose"):  # then its own opinion too
        done = subprocess.run(
            ["docker-compose", "-f", str(COMPOSE), "config"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert set(yaml.safe_load(done.stdout)["services"]) == set(compose["services"])


def make_secrets(folder: Path) -> Path:
    subprocess.run(["sh", str(DOCKER / "make-secrets.sh"), str(folder)], check=True, capture_output=True)
    return folder


@contextmanager
def own_server(folder: Path) -> Iterator[Address]:
    """A PostgreSQL of the test's own, with no database but its superuser's, as the image leaves it; its address."""
    settings = Settings(home=folder / "home")
    server = EmbeddedServer(settings.postgres, settings.hub_keys)
    try:
        owner = server.start()
        password = Credentials(settings.hub_keys).password(SUPERUSER)
        superuser = owner.as_login(SUPERUSER, password).in_database("postgres")
        with superuser.connect(autocommit=True) as connection:
            connection.execute("drop database wholefamily")
            connection.execute("drop owned by wholefamily")
            connection.execute("drop role wholefamily")
        yield superuser
    finally:
        server.destroy()
