"""Where a database is, and reaching it without ever telling a password.

A connection URL carries a password: libpq's own messages may repeat it, so none of them leaves this module.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi
from psycopg.conninfo import conninfo_to_dict

from pipeline.errors import StoreError

CONNECT_SECONDS = 10
RECOVERY_SECONDS = 30.0
NOT_YET = ("is starting up", "in recovery mode", "not yet accepting connections")  # what a server says after a crash


@dataclass(frozen=True)
class Address:
    """One database as one login role sees it."""

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(default=None, repr=False)
    extra: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # sslmode and the like, as given

    def __str__(self) -> str:
        return f"database {self.database} on {self.host}:{self.port}"

    def url(self, **settings: str) -> str:
        """As a connection URL (it holds the password); `settings` are the session's, set as it begins."""
        login = quote(self.user, safe="") + (f":{quote(self.password, safe='')}" if self.password else "")
        local = self.host.startswith("/")  # a folder of sockets
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = "" if local else f"{host}:{self.port}"
        query = dict(self.extra) | ({"host": self.host, "port": str(self.port)} if local else {})
        if settings:
            given = [query["options"]] if "options" in query else []
            query["options"] = " ".join([*given, *(f"-c {name}={value}" for name, value in settings.items())])
        return f"postgresql://{login}@{place}/{quote(self.database, safe='')}" + (
            f"?{urlencode(query, quote_via=quote)}" if query else ""
        )

    def as_login(self, user: str, password: str) -> Address:
        return replace(self, user=user, password=password)

    def in_database(self, database: str) -> Address:
        return replace(self, database=database)

    def connect(self, *, autocommit: bool = False, **settings: str) -> psycopg.Connection[Any]:
        """A psycopg connection; waits for a server that recovers from a crash. Raises StoreError."""
        for message in self._patiently():
            try:
                return psycopg.connect(
                    self.url(**settings), autocommit=autocommit, connect_timeout=CONNECT_SECONDS,
                    application_name="wholefamily",
                )  # fmt: skip
            except psycopg.Error as problem:
                message.append(str(problem))
        raise self._unreachable(message[-1])

    def adbc(self, **settings: str) -> dbapi.Connection:
        """An ADBC connection (Arrow in and out), not committing by itself; waits likewise. Raises StoreError."""
        for message in self._patiently():
            try:
                return dbapi.connect(self.url(**settings), autocommit=False)
            except AdbcError as problem:
                message.append(str(problem))
        raise self._unreachable(message[-1])

    def _patiently(self) -> Iterator[list[str]]:
        """Try, and again as long as the server says that it is not ready yet; the list takes what it says."""
        deadline, said = time.monotonic() + RECOVERY_SECONDS, list[str]()
        yield said
        while any(words in said[-1] for words in NOT_YET) and time.monotonic() < deadline:
            time.sleep(0.1)
            yield said

    def _unreachable(self, message: str) -> StoreError:
        """Tell by the message's kind, and never by its words: they may hold the password."""
        kinds = {
            "password authentication failed": ("the server refused the login.", "check user and password."),
            "no password supplied": ("the server wants a password.", "put it in the URL, or in PGPASSFILE."),
            "no pg_hba.conf entry": ("the server takes no login from here.", "ask its administrator for an entry."),
            "permission denied for database": ("this login may not connect.", "grant it CONNECT on the database."),
            "permission denied to set role": ("this login may not take the role.", "run a command as the owner first."),
            "does not exist": ("there is no such database or role.", "create it, or correct the URL."),
            "is starting up": ("the server is still starting.", "try again in a minute."),
            "in recovery mode": ("the server is recovering from a crash.", "try again in a minute."),
            "not yet accepting connections": ("the server is still recovering.", "try again in a minute."),
            "shutting down": ("the server is shutting down.", "try again when it is up."),
            "too many": ("the server has no free connection.", "close some, or raise max_connections."),
            "remaining connection slots": (
                "the server has no free connection.",
                "close some, or raise max_connections.",
            ),
            "SSL": ("no agreement on TLS.", "check sslmode and the certificates."),
        }
        for words, (rule, remedy) in kinds.items():
            if words in message:
                return StoreError(where=str(self), rule=rule, remedy=remedy)
        return StoreError(
            where=str(self),
            rule="no server answers there.",
            remedy="start it, or correct host and port of --database-url (WHOLEFAMILY_DATABASE_URL).",
        )


def parse_address(url: str) -> Address:
    """The address in a connection URL (or libpq connection string). Raises StoreError, without the URL's text."""
    scheme, separator, rest = url.partition("://")
    plain = f"{scheme.split('+')[0]}{separator}{rest}" if separator else url  # SQLAlchemy's postgresql+psycopg://
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(plain).items() if value is not None}
        port = int(parts.pop("port", "") or 5432)
    except (psycopg.Error, ValueError):
        parts, port = {}, 0
    user, database = parts.pop("user", None), parts.pop("dbname", None)
    if not user or not database:
        raise StoreError(
            where="--database-url (WHOLEFAMILY_DATABASE_URL)",
            rule="this is not a PostgreSQL URL with a user and a database.",
            remedy="write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters as %XX.",
        )
    return Address(
        host=parts.pop("host", "") or parts.pop("hostaddr", "") or "localhost",
        port=port,
        database=database,
        user=user,
        password=parts.pop("password", None),
        extra=tuple(sorted(parts.items())),
    )
