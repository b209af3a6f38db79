"""A backup is what has been restored: dumped and restored, the log verifies and the walls stand."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from pipeline.settings import Settings
from pipeline.store.address import Address
from pipeline.store.database import open_database
from pipeline.store.embedded import OWNER, bundled_program
from tests.conftest import TestServer
from tests.whole_way.conftest import runner

COUNTS = (
    "publication.family",
    "publication.statement",
    "evidence.fact",
    "identity.encoding",
    "audit.log",
    "casework.step",
)


def client(program: str, address: Address, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of PostgreSQL's own programs, as docs/operations.md calls it; the password goes by the environment."""
    where = ["--host", address.host, "--port", str(address.port), "--username", address.user]
    return subprocess.run(
        [str(bundled_program(program)), *where, "--no-password", *arguments],
        env=dict(os.environ, PGPASSWORD=address.password or ""), capture_output=True, text=True, check=False,
    )  # fmt: skip


def counted(connection: psycopg.Connection[tuple[int, ...]]) -> list[int]:
    told = [connection.execute(f"select count(*) from {table}".encode()).fetchone() for table in COUNTS]
    return [row[0] for row in told if row]


def test_a_restored_dump_verifies_and_its_walls_stand(
    test_server: TestServer, built_dozen: Settings, tmp_path: Path
) -> None:
    live = urlsplit(str(built_dozen.database_url)).path.lstrip("/")
    dump, home = tmp_path / "live.dump", tmp_path / "home"
    superuser = test_server.superuser.in_database(live)
    refused = client("pg_dump", superuser.as_login(OWNER, test_server.passwords[OWNER]), "--format=custom", "--file",
                     str(tmp_path / "by owner"), live)  # fmt: skip
    assert "row-level security" in refused.stderr  # a dump that would be short is refused, not written
    done = client("pg_dump", superuser, "--format=custom", "--file", str(dump), live)
    assert done.returncode == 0, done.stderr
    shutil.copytree(built_dozen.home, home)
    restored = test_server.superuser.in_database("restored")
    with test_server.superuser.in_database("postgres").connect(autocommit=True) as connection:
        connection.execute(f"create database restored owner {OWNER} template template0".encode())
        try:
            done = client(
                "pg_restore", restored, "--dbname=restored", "--exit-on-error", "--single-transaction", str(dump)
            )
            assert done.returncode == 0, done.stderr
            owner = restored.as_login(OWNER, test_server.passwords[OWNER])
            settings = Settings(home=home, database_url=owner.url())
            with open_database(settings) as database, superuser.connect() as before, restored.connect() as after:
                assert counted(after) == counted(before)
                with psycopg.connect(database.url_for("analyst", purpose="identify")) as analyst:
                    assert analyst.execute("select count(*) from cohort.family").fetchone() == (counted(after)[0],)
                with psycopg.connect(database.url_for("analyst")) as analyst, pytest.raises(psycopg.Error):
                    analyst.execute("select * from cohort.family")
            run = runner(settings)
            assert "unbroken" in run("verify").out
            assert "as declared" in run("roles", "check").out
        finally:
            connection.execute("drop database if exists restored with (force)")
