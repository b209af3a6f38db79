"""The live database as the rest of the program sees it: opened, migrated, and connected to as a role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from adbc_driver_postgresql import dbapi

from pipeline.errors import StoreError
from pipeline.settings import Settings
from pipeline.store.address import Address, parse_address
from pipeline.store.bulk import told_as_store_error
from pipeline.store.credentials import Credentials
from pipeline.store.embedded import EmbeddedServer, embedded_server
from pipeline.store.migrate import head_version, migrate
from pipeline.store.readers import bring_in_line
from pipeline.store.roles import GROUPS

ADMIN = "admin"


@dataclass(frozen=True)
class Database:
    """An open live database. Its text never shows a password; `url` and `url_for` hold one."""

    address: Address
    credentials: Credentials = field(repr=False)
    server: EmbeddedServer | None = field(default=None, repr=False)  # None: a server given by URL

    @property
    def url(self) -> str:
        """The owner's connection URL (it holds the password)."""
        return self.address.url()

    def url_for(self, login: str, *, purpose: str | None = None) -> str:
        """The connection URL of a login role (it holds the password): analyst, or admin for the owner.

        `purpose` is stated as the session begins; readers see nothing without one.
        """
        if login in (ADMIN, self.address.user):
            return self.url
        return self.address.as_login(login, self.credentials.password(login)).url(**_stated(purpose))

    def connect(
        self, role: str | None = None, *, autocommit: bool = False, purpose: str | None = None
    ) -> psycopg.Connection[Any]:
        """A psycopg connection, as the owner or acting as one of the groups, for a purpose. Raises StoreError."""
        return self.address.connect(autocommit=autocommit, **_session(role), **_stated(purpose))

    def adbc(self, role: str | None = None, *, purpose: str | None = None) -> dbapi.Connection:
        """An ADBC connection for bulk work: one transaction until `commit()`. Raises StoreError."""
        return self.address.adbc(**_session(role), **_stated(purpose))


@contextmanager
def open_database(settings: Settings, *, keep_running: bool = False) -> Iterator[Database]:
    """The live database, at this program's version: of the embedded server, or of the server given by URL.

    The embedded server is started when it is not running, is shared by every process that has it open, and is
    stopped by the last of them; with `keep_running` it stays until `EmbeddedServer.shut_down`. Raises StoreError, also
    for a database that is lost inside the block.
    """
    if settings.database_url:
        address = parse_address(settings.database_url)
        with told_as_store_error(str(address)):
            yield _opened(settings, address, None)
        return
    server_open = embedded_server(settings.postgres, settings.hub_keys, keep_running=keep_running)
    with server_open as (server, address), told_as_store_error(str(address)):
        yield _opened(settings, address, server)


def _opened(settings: Settings, address: Address, server: EmbeddedServer | None) -> Database:
    credentials = Credentials(settings.hub_keys)
    with address.connect(autocommit=True) as connection:
        migrations = settings.declarations / "database"
        if migrate(connection, migrations, credentials) != head_version(migrations):
            bring_in_line(connection, settings.declarations)  # who may read for what; each build does it again
    return Database(address, credentials, server)


def _session(role: str | None) -> dict[str, str]:
    if role is None:
        return {"timezone": "UTC"}
    if role not in GROUPS:
        raise StoreError(
            where=f"role {role}", rule="this is not a role of the pipeline.", remedy=f"use one of {', '.join(GROUPS)}."
        )
    return {"timezone": "UTC", "role": role}


def _stated(purpose: str | None) -> dict[str, str]:
    return {"wf.purpose": purpose} if purpose else {}
