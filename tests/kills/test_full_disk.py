"""The disk is full, at the hub's home or at the server: our own error with what to do, nothing half done, and the
next run goes on when there is room."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.errors import StoreError
from pipeline.ingest import take_in
from pipeline.run import build
from pipeline.settings import Settings
from pipeline.store.database import Database, open_database
from tests.conftest import TestServer
from tests.kills.test_lost import published, rows, runs
from tests.whole_way.conftest import DOZEN, Run, send


@contextlib.contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """This process can write no longer files: what a quota or a full disk does to it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_home_is_full(dozen: Run, settings: Settings) -> None:
    send(dozen, "schools", DOZEN / "raw" / "schools")
    with open_database(settings) as database:
        before = rows(database, "select delivery_id, state from registry.delivery order by 1")
        with no_file_larger_than(512), pytest.raises(StoreError, match="room on the disk"):
            take_in(settings, database, "schools")
        assert rows(database, "select delivery_id, state from registry.delivery order by 1") == before
        assert not any((settings.work / "opening").glob("*/*"))
        assert [one.state for one in take_in(settings, database, "schools").outcomes] == ["accepted"]


MakeRoom = Callable[[], None]


@pytest.fixture
def small_disk(test_server: TestServer, tmp_path: Path) -> Iterator[tuple[str, MakeRoom]]:
    """A tablespace on a file system of 1 MB, and how to give it more room."""
    place = Path("/var/lib/wholefamily") / f"small disk {os.getpid()}" if os.geteuid() == 0 else tmp_path / "small"
    place.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        place.rmdir()
        pytest.skip("only root may mount a small file system")
    name = f"small_{os.getpid()}"
    try:
        data = place / "data"
        data.mkdir(mode=0o700)
        owner = next(Path("/proc").glob(f"{_postmaster(test_server)}"))
        shutil.chown(data, owner.stat().st_uid, owner.stat().st_gid)
        with test_server.superuser.in_database("postgres").connect(autocommit=True) as connection:
            connection.execute(f"create tablespace {name} owner wholefamily location '{data}'".encode())
            connection.execute(f"grant create on tablespace {name} to wf_pipeline".encode())
        yield name, lambda: subprocess.run(["mount", "-o", "remount,size=64m", place], check=True) and None
    finally:
        with test_server.superuser.in_database("postgres").connect(autocommit=True) as connection:
            connection.execute(f"drop tablespace if exists {name}".encode())
        subprocess.run(["umount", place], check=True)
        place.rmdir()


def _postmaster(server: TestServer) -> int:
    from pipeline.store.embedded import EmbeddedServer

    place = EmbeddedServer(server.settings.postgres, server.settings.hub_keys).place
    return int((place.data / "postmaster.pid").read_text().split("\n")[0])


def fill(database: Database) -> None:
    """Fill what is left of the small disk."""
    with database.connect(autocommit=True) as connection:
        for pages in (20, 1):
            with contextlib.suppress(psycopg.errors.DiskFull):
                while True:
                    connection.execute(
                        "insert into public.filler select repeat('x', 7000) from generate_series(1, %s)", (pages,)
                    )


def test_the_servers_disk_is_full(small_disk: tuple[str, MakeRoom], dozen: Run, settings: Settings) -> None:
    tablespace, make_room = small_disk
    send(dozen, "schools", DOZEN / "raw" / "schools")
    with open_database(settings) as database:
        delivered = rows(database, "select delivery_id, state from registry.delivery order by 1")
        before = published(database)
        with database.connect(autocommit=True) as connection:
            connection.execute(f"alter table identity.encoding set tablespace {tablespace}".encode())
            connection.execute(
                f"alter database {database.address.database} set temp_tablespaces = {tablespace}".encode()
            )
            connection.execute(f"create table public.filler (a text) tablespace {tablespace}".encode())
            connection.execute("alter table public.filler alter column a set storage plain")
        fill(database)
        with pytest.raises(StoreError, match="disk is full"):
            take_in(settings, database, "schools")
        fill(database)
        with pytest.raises(StoreError, match="disk is full"):
            build(settings, database)
        assert published(database) == before
        assert rows(database, "select delivery_id, state from registry.delivery order by 1") == delivered
        make_room()
        assert [one.state for one in take_in(settings, database, "schools").outcomes] == ["accepted"]
        again = build(settings, database)
        assert runs(database)[-1] == (again.run_id, "published")
