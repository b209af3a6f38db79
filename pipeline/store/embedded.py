"""The embedded PostgreSQL server: made, started, shared by several processes, and stopped by the last of them.

SCRAM on 127.0.0.1 only, at a free port; no socket file, no trusted login. The server stays outside our process
group, so Ctrl-C ends a command and not the database under another. It has no TLS and no pgaudit: production wants a
server of its own, by URL.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psycopg

from pipeline.errors import StoreError
from pipeline.store.address import Address
from pipeline.store.credentials import Credentials
from pipeline.store.locks import Attendance, file_lock
from pipeline.store.place import Place, bundled_program, find_place, forget_place
from pipeline.store.processes import servers_running
from pipeline.store.tuning import server_settings

__all__ = ["DATABASE", "OWNER", "EmbeddedServer", "bundled_program"]

HOST = "127.0.0.1"
SUPERUSER = "postgres"  # makes the database and its owner, and is not used after that
OWNER = "wholefamily"  # owns the live database; not a superuser, so that any server by URL will do as well
DATABASE = "wholefamily"
START_SECONDS = 60  # crash recovery of a big load included
LEAVE_SECONDS = 20  # for the children of a killed server to notice
LOG_BYTES = 5_000_000
# Counters of rows and blocks read would tell whether a query that shows nothing has met a hidden row.
CLOSE_STATISTICS = f"""
    do $$ declare counter regprocedure; begin
        for counter in select oid from pg_proc where pronamespace = 'pg_catalog'::regnamespace
                       and proname ~ '^pg_stat_get_' and proname <> 'pg_stat_get_activity' loop
            execute format('revoke execute on function %s from public', counter);
            execute format('grant execute on function %s to {OWNER}', counter);
        end loop;
    end $$
"""  # noqa: S608  (no value of anybody's)
# The owner may have the queries of the logins it makes told to the log.
WATCH_READERS = f"grant set on parameter log_min_duration_statement to {OWNER}"
ACCESS = f"host all all {HOST}/32 scram-sha-256\n"


class EmbeddedServer:
    """The server of one home. Safe to use from several processes, and after a crash of any of them."""

    def __init__(self, home: Path, keys: Path) -> None:
        self.home = home
        self.keys = keys
        self._guard = home / "start.lock"
        self._users = home / "users.lock"
        self._keep = home / "keep-running"
        self._attendance: Attendance | None = None

    @cached_property
    def place(self) -> Place:
        return find_place(self.home)

    def start(self, *, keep_running: bool = False) -> Address:
        """Make and start the server where needed, and be counted as a user of it until `stop`; the owner's address.

        `keep_running` leaves it running when its last user has gone, until somebody calls `shut_down`.
        Raises StoreError.
        """
        with file_lock(self._guard):
            self._attendance = Attendance(self._users)
            if keep_running:
                self._keep.touch()
            credentials = self._credentials()
            if not self.place.data.exists():
                self._make_cluster(credentials)
            port = self.running_port() or self._start()
            owner = Address(HOST, port, DATABASE, OWNER, credentials.password(OWNER))
            self._make_database(owner.as_login(SUPERUSER, credentials.password(SUPERUSER)), credentials)
        return owner

    def stop(self) -> None:
        """Stop being a user of the server; the last one stops it, unless it is to be kept running."""
        with file_lock(self._guard):
            alone = self._attendance.leave() if self._attendance else False
            self._attendance = None
            if alone and not self._keep.exists():
                self._stop()

    def shut_down(self) -> None:
        """Stop the server whoever uses it, also one that was to be kept running."""
        with file_lock(self._guard):
            self._keep.unlink(missing_ok=True)
            self._stop()

    def destroy(self) -> None:
        """Stop the server and delete its files. The passwords stay where they are."""
        with file_lock(self._guard):
            self._stop("immediate")
        forget_place(self.place)
        shutil.rmtree(self.home, ignore_errors=True)

    def running_port(self) -> int | None:
        """The port of the running server; None when it does not run. Waits for one that is starting."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            lines = self._pid_file()
            if not lines or int(lines[0]) not in self._processes():
                return None
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return int(lines[3])
            if time.monotonic() > deadline:
                raise self._failed("the server has been starting for a minute.")
            time.sleep(0.05)

    def make_login_database(self, name: str) -> Address:
        """A database of this server with an owner of its own of the same name (Airflow's records); made when missing.

        That owner reaches nothing of the live database.
        """
        with file_lock(self._guard):
            credentials = self._credentials()
            credentials.ensure(name)
            port = self.running_port()
            if port is None:
                raise self._failed("the server is not running.")
            admin = Address(HOST, port, SUPERUSER, SUPERUSER, credentials.password(SUPERUSER))
            _ensure_login(admin, name, credentials.password(name), "")
            _ensure_database(admin, name)
        return Address(HOST, port, name, name, credentials.password(name))

    # --- making

    def _credentials(self) -> Credentials:
        credentials = Credentials(self.keys)
        if not self.place.data.exists():
            credentials.ensure(SUPERUSER, OWNER)
        return credentials

    def _make_cluster(self, credentials: Credentials) -> None:
        """initdb beside its final name: a cluster that is there is whole."""
        draft = self.place.folder / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            self.place.write("initdb.password", credentials.password(SUPERUSER))
            made = self.place.run(
                "initdb", "--pgdata=data.draft", f"--username={SUPERUSER}", "--pwfile=initdb.password",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8", "--data-checksums", "--no-instructions",
            )  # fmt: skip
        finally:
            (self.place.folder / "initdb.password").unlink(missing_ok=True)
        if made:
            raise self._failed("initdb could not make the database's files.", "see that the disk has 100 MB free")
        draft.replace(self.place.data)

    def _make_database(self, superuser: Address, credentials: Credentials) -> None:
        """The owner and the live database; everybody else is kept out of every database."""
        with superuser.in_database("postgres").connect(autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone():
                may = "select has_parameter_privilege(%s, 'log_min_duration_statement', 'set')"
                if connection.execute(may, (OWNER,)).fetchone() != (True,):  # made by an older program
                    connection.execute(WATCH_READERS.encode())
                return
            connection.execute("revoke all on database postgres, template1 from public")
            _ensure_login(superuser.in_database("postgres"), OWNER, credentials.password(OWNER), "createrole")
            # Made under another name first: a database that has its own name is ready.
            connection.execute("drop database if exists wholefamily_draft")
            connection.execute(f"create database wholefamily_draft owner {OWNER}".encode())
            with superuser.in_database("wholefamily_draft").connect() as inside:
                # Large objects would let anybody who can log in store data outside every schema.
                inside.execute(
                    "revoke execute on function lo_creat(int), lo_create(oid), lo_from_bytea(oid, bytea) from public"
                )
                # A block of procedural code would hide from a query's text what it asks (access.refuse_explain).
                inside.execute("revoke usage on language plpgsql from public")
                inside.execute(f"grant usage on language plpgsql to {OWNER}".encode())
                inside.execute(CLOSE_STATISTICS.encode())
            connection.execute(WATCH_READERS.encode())
            connection.execute(f"alter database wholefamily_draft rename to {DATABASE}".encode())

    # --- starting and stopping

    def _start(self) -> int:
        self._clear_stale_pid_file()
        self._write_settings()
        if self.place.log.exists() and self.place.log.stat().st_size > LOG_BYTES:
            self.place.log.replace(self.place.log.with_suffix(".log.old"))
        port_note = self.home / "port"  # kept over restarts where it is free, so that saved connections stay good
        preferred = port_note.read_text() if port_note.exists() else ""
        for attempt in range(6):
            port = _free_port(int(preferred) if preferred.isdigit() and attempt == 0 else 0)
            started = self.place.run(
                "pg_ctl", "start", "--silent", "--wait", f"--timeout={START_SECONDS}", "--pgdata=data",
                "--log=server.log", f"--options=-p {port} -c cluster_name={self.place.mark}",
            )  # fmt: skip
            if started == 0:
                port_note.write_text(str(port))
                return port
            if _is_free(port):  # then it was not the port that somebody else took in between
                break
        raise self._failed("the server did not start.", "see its log")

    def _stop(self, *modes: str) -> None:
        if not self._pid_file() or not self._processes():
            return
        for mode in modes or ("fast", "immediate"):
            if self.place.run("pg_ctl", "stop", "--silent", "--wait", f"--mode={mode}", "--pgdata=data") == 0:
                return

    def _write_settings(self) -> None:
        """Our settings and access rules, anew at every start: a newer program's take effect on an older cluster."""
        self.place.write("data/postgresql.conf", server_settings(HOST))
        self.place.write("data/pg_hba.conf", ACCESS)

    def _clear_stale_pid_file(self) -> None:
        """After a kill -9: wait until the server's children are gone too, then see to the file it left.

        PostgreSQL sees by itself that a dead server's file is stale; not so when another process has the number by
        now (a restarted container), or nobody has reaped the dead server.
        """
        deadline = time.monotonic() + LEAVE_SECONDS
        while self._processes():
            if time.monotonic() > deadline:
                raise self._failed("parts of a killed server are still running.", "end them; see its log")
            time.sleep(0.05)
        lines = self._pid_file()
        if lines and int(lines[0]) not in servers_running():
            (self.place.data / "postmaster.pid").unlink(missing_ok=True)

    def _pid_file(self) -> list[str]:
        try:
            lines = (self.place.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []
        return lines if lines and lines[0].strip().isdigit() else []

    def _processes(self) -> set[int]:
        """The numbers of this server's processes, by the cluster's name on their command lines."""
        mark = self.place.mark.encode()
        return {number for number, command in servers_running().items() if mark in command}

    def _failed(self, rule: str, remedy: str = "see its log") -> StoreError:
        return StoreError(
            where=f"the embedded database of {self.home}", rule=rule, remedy=f"{remedy} ({self.place.log})."
        )


@contextmanager
def embedded_server(home: Path, keys: Path, *, keep_running: bool = False) -> Iterator[tuple[EmbeddedServer, Address]]:
    """The home's server, running as long as the block; see EmbeddedServer.start."""
    server = EmbeddedServer(home, keys)
    try:
        yield server, server.start(keep_running=keep_running)
    finally:
        server.stop()


def _ensure_login(admin: Address, name: str, password: str, rights: str) -> None:
    """A login role with this password; the server is sent its SCRAM verifier and never the password."""
    with admin.connect() as connection:
        verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        exists = connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
        role = psycopg.sql.SQL("{} role {} login {} password {}").format(
            psycopg.sql.SQL("alter" if exists else "create"),
            psycopg.sql.Identifier(name),
            psycopg.sql.SQL(rights),
            psycopg.sql.Literal(verifier),
        )
        connection.execute(role)


def _ensure_database(admin: Address, name: str) -> None:
    database = psycopg.sql.Identifier(name)
    with admin.connect(autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            connection.execute(psycopg.sql.SQL("create database {} owner {}").format(database, database))
        connection.execute(psycopg.sql.SQL("revoke all on database {} from public").format(database))


def _free_port(preferred: int) -> int:
    if preferred and _is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
