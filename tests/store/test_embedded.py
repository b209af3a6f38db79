"""The embedded server under what happens to servers: killed, started twice at once, ports taken, another account."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.errors import StoreError
from pipeline.settings import PROJECT, Settings
from pipeline.store import place as places
from pipeline.store.database import open_database
from pipeline.store.embedded import EmbeddedServer
from pipeline.store.processes import servers_running

NOBODY = 65534
HOLD = """
import sys, time
from pathlib import Path
from pipeline.settings import Settings
from pipeline.store.database import open_database
with open_database(Settings(home=Path(sys.argv[1]))) as database, database.connect() as connection:
    print(database.address.port, connection.execute("select count(*) from cohort.family").fetchone()[0], flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def temporary_home() -> Iterator[Settings]:
    folder = Path(tempfile.mkdtemp(prefix="a home with spaces "))
    settings = Settings(home=folder / "it's $HOME & more")
    try:
        yield settings
    finally:
        EmbeddedServer(settings.postgres, settings.hub_keys).destroy()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fresh_home() -> Iterator[Settings]:
    """A home in which nothing has been made yet."""
    with temporary_home() as settings:
        yield settings


@pytest.fixture(scope="module")
def used_home() -> Iterator[Settings]:
    with temporary_home() as settings:
        with open_database(settings) as database, database.connect() as connection:
            connection.execute("create table public.kept as select 1 as a")
        yield settings


@pytest.fixture
def home(used_home: Settings) -> Iterator[Settings]:
    """A home with a database in it, whose server is stopped before and after the test."""
    yield used_home
    assert not processes_of(used_home), "the test's server still runs"


def server_of(settings: Settings) -> EmbeddedServer:
    return EmbeddedServer(settings.postgres, settings.hub_keys)


def processes_of(settings: Settings) -> dict[int, bytes]:
    mark = server_of(settings).place.mark.encode()
    return {number: command for number, command in servers_running().items() if mark in command}


def postmaster_of(settings: Settings) -> int:
    return int((server_of(settings).place.data / "postmaster.pid").read_text().split("\n")[0])


def test_a_life(fresh_home: Settings) -> None:
    """Made, used, stopped with its last user, and the same again with its rows and its port."""
    with open_database(fresh_home) as database:
        with database.connect() as connection:
            connection.execute("create table public.kept as select 1 as a")
        with open_database(fresh_home) as inner:
            assert inner.address == database.address
        assert processes_of(fresh_home)  # the inner user left; the outer one still has it
        files = [fresh_home.hub_keys / "database.json", server_of(fresh_home).place.data / "PG_VERSION"]
        assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
        for path in (server_of(fresh_home).place.data, server_of(fresh_home).place.folder):
            assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0, path
    assert not processes_of(fresh_home)
    with open_database(fresh_home) as again, again.connect() as connection:
        assert again.address.port == database.address.port
        assert connection.execute("select a from public.kept").fetchone() == (1,)
        shown = dict(connection.execute("select name, setting from pg_settings").fetchall())
        assert shown["listen_addresses"] == "127.0.0.1"
        assert "\nunix_socket_directories = ''\n" in (server_of(fresh_home).place.data / "postgresql.conf").read_text()
        assert {shown[name] for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")} == {"on"}
    assert not processes_of(fresh_home)


def test_no_login_without_the_password(home: Settings) -> None:
    with open_database(home) as database:
        for user in ("postgres", "wholefamily", "analyst"):
            for password in ("", "wrong", user):
                with pytest.raises(psycopg.OperationalError):
                    psycopg.connect(database.address.as_login(user, password).url(), passfile=os.devnull)


def test_passwords_are_in_no_argument_file_or_log(home: Settings) -> None:
    with open_database(home) as database:
        secrets = [database.credentials.password(login).encode() for login in ("postgres", "wholefamily", "analyst")]
        commands = b"".join(servers_running().values())
        place = server_of(home).place
        files = [place.log, *place.data.glob("*.conf"), place.data / "postmaster.opts"]
        text = commands + b"".join(path.read_bytes() for path in files)
        assert not any(secret in text for secret in secrets)
        assert not list(place.folder.glob("*password*"))


def test_killed_without_warning_it_comes_back_with_every_committed_row(home: Settings) -> None:
    with open_database(home):
        os.kill(postmaster_of(home), signal.SIGKILL)
        with open_database(home) as again, again.connect() as connection:
            assert connection.execute("select a from public.kept").fetchone() == (1,)
    assert not processes_of(home)


def test_a_stale_pid_file_with_somebody_elses_number(home: Settings) -> None:
    """As after a container's restart: the number in the file is alive, and is not PostgreSQL."""
    with open_database(home):
        pid_file = server_of(home).place.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        os.kill(int(lines[0]), signal.SIGKILL)
        while processes_of(home):
            time.sleep(0.02)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with open_database(home) as database:
        assert database.address.port


def test_its_port_taken_by_another(home: Settings) -> None:
    with open_database(home) as database:
        port = database.address.port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with open_database(home) as database:
            assert database.address.port != port


def test_processes_that_open_at_once_share_one_server(fresh_home: Settings) -> None:
    users = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(fresh_home.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    answers = {user.stdout.readline() for user in users if user.stdout}
    assert len(answers) == 1
    assert answers.pop().endswith(" 0\n")
    assert len([c for c in processes_of(fresh_home).values() if b"-D" in c]) == 1
    users[0].kill()  # a user that dies does not take the server along
    users[1].communicate("", timeout=30)
    assert processes_of(fresh_home)
    users[2].communicate("", timeout=30)
    users[0].communicate()
    assert not processes_of(fresh_home)


def test_kept_running_until_shut_down(home: Settings) -> None:
    with open_database(home, keep_running=True) as database:
        port = database.address.port
    with open_database(home) as again:
        assert again.address.port == port
    assert processes_of(home)
    server_of(home).shut_down()
    assert not processes_of(home)


def test_a_database_of_its_own_for_somebody_else(home: Settings) -> None:
    """Airflow's records lie on the same server, behind a wall."""
    with open_database(home) as database:
        server = server_of(home)
        airflow = server.make_login_database("airflow")
        assert server.make_login_database("airflow") == airflow
        with airflow.connect() as connection:
            connection.execute("create table records (a int)")
        with pytest.raises(StoreError, match="may not connect"):
            airflow.in_database(database.address.database).connect()
        with pytest.raises(StoreError, match="may not connect"):
            database.address.in_database("airflow").connect()


def test_lost_passwords_are_said(home: Settings) -> None:
    with open_database(home):
        pass
    file = home.hub_keys / "database.json"
    kept = file.rename(file.with_name("kept"))
    with pytest.raises(StoreError, match="not kept here"), open_database(home):
        pass
    kept.rename(file)
    assert not processes_of(home)


def test_a_cluster_half_made_is_made_again(fresh_home: Settings) -> None:
    server = server_of(fresh_home)
    (server.place.folder / "data.draft").mkdir()
    (server.place.folder / "data.draft" / "PG_VERSION").write_text("18")
    with open_database(fresh_home) as database:
        assert database.address.port


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account run the server")


@AS_ROOT
def test_as_root_no_folder_above_the_home_is_opened(home: Settings) -> None:
    above = [home.home.parent, home.home.parent.parent]
    before = [path.stat().st_mode for path in above]
    with open_database(home):
        place = server_of(home).place
        assert place.account is not None
        owners = {Path(f"/proc/{number}").stat().st_uid for number in processes_of(home)}
        assert owners == {place.account.uid} != {0}
    assert [path.stat().st_mode for path in above] == before
    assert "unprivileged account" in (home.postgres / places.NOTE).read_text()


@AS_ROOT
def test_as_root_programs_behind_a_closed_folder_are_copied(
    fresh_home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = fresh_home.home.parent / "closed"
    closed.mkdir(mode=0o700)
    package = places.bundled_program("postgres").parent.parent.parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    programs = closed / package.name / "pginstall" / "bin"
    monkeypatch.setattr(places, "bundled_program", lambda name: programs / name)
    place = server_of(fresh_home).place
    copy = place.programs.parents[2]
    assert copy.parent == places.SHARED
    assert server_of(fresh_home).place.programs == place.programs  # copied once
    assert [place.run(program, "--version") for program in ("initdb", "postgres", "pg_ctl")] == [0, 0, 0]
    shutil.rmtree(copy)


@AS_ROOT
def test_as_root_a_home_made_anew_gets_a_new_database(fresh_home: Settings) -> None:
    first = second = server_of(fresh_home).place
    for _ in range(2):
        shutil.rmtree(fresh_home.home)
        second = server_of(fresh_home).place
    assert second.folder != first.folder
    left = [note for note in places.SHARED.glob("*.home") if note.read_text() == str(fresh_home.postgres)]
    assert len(left) == 2  # the newest that was left behind stays; what was before it is cleared away
    for note in left:
        shutil.rmtree(note.with_suffix(""))
        note.unlink()


def python_for(account: int) -> str | None:
    """A Python of our version that this account can run: ours, unless it lies behind a closed folder."""
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", ""], user=account, check=False, cwd="/").returncode == 0:
                return python
    return None


@AS_ROOT
def test_as_an_ordinary_user_it_lies_in_the_home() -> None:
    """A process of the account nobody, in a home of its own, opens, closes and opens again."""
    python = python_for(NOBODY)
    if python is None:
        pytest.skip("the account nobody can run no Python of this version")
    folder = Path(tempfile.mkdtemp(prefix="ordinary user "))
    os.chown(folder, NOBODY, NOBODY)
    try:
        for _ in range(2):
            done = subprocess.run(
                [python, "-c", HOLD, str(folder / "home")],
                user=NOBODY, group=NOBODY, extra_groups=[], cwd=PROJECT, input="", capture_output=True, text=True,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1",
                     "PYTHONPATH": sysconfig.get_path("purelib")}, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert done.stdout.endswith(" 0\n")
        assert (folder / "home" / "hub" / "postgres" / "data" / "PG_VERSION").exists()
        assert not (folder / "home" / "hub" / "postgres" / places.NOTE).exists()
    finally:
        shutil.rmtree(folder)
