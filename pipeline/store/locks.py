"""Locks: on files, between processes of this machine; and advisory ones in the database, between its clients."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

HUB_DATA = "hub-data"  # held by the build, which reads everything; loads wait for it


@contextmanager
def advisory_lock(connection: psycopg.Connection[Any], name: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the database's advisory lock of this name on this session; waits for it.

    Freed at the end, or by the server when the process dies or the connection is lost: whoever writes under it does so
    on this very connection. `shared` holders exclude only exclusive ones.
    """
    kind = "_shared" if shared else ""
    take, give_back = f"select pg_advisory_lock{kind}(hashtextextended(%s, 0))", f"select pg_advisory_unlock{kind}"
    connection.execute(take.encode(), (name,))
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            with contextlib.suppress(psycopg.OperationalError):  # lost meanwhile, and the lock with it
                if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                    connection.rollback()
                connection.execute(f"{give_back}(hashtextextended(%s, 0))".encode(), (name,))


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold a file's lock alone; waits for it. The kernel frees it when the process dies."""
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def file_lock_if_free(path: Path) -> Iterator[bool]:
    """As `file_lock`, without waiting: whether it was to be had."""
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)


class Attendance:
    """Who is using something: each user holds a file's lock in common with the others, until it leaves or dies."""

    def __init__(self, path: Path) -> None:
        self._handle = _open(path)
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Stop being counted; true when nobody else is there. Call it while holding the lock that guards joining."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(self._handle)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
