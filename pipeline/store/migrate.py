"""Bring the live database up to this program's version: Alembic's migrations, whole or not at all, one at a time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors

from pipeline.errors import StoreError
from pipeline.store.credentials import Credentials
from pipeline.store.roles import close_to_public, ensure_analyst, ensure_groups, walls_stand

OLDEST_SERVER = 160000  # GRANT … WITH INHERIT FALSE
MIGRATION_LOCK = "wholefamily-migration"
LOCK = "select pg_advisory_xact_lock(hashtextextended(%s, 0))"
MIGRATION_FILE = re.compile(r"^(\d{4})_\w+\.py$")


def migrate(connection: psycopg.Connection[Any], migrations: Path, credentials: Credentials) -> str | None:
    """Make roles, walls and schemas as this program wants them; the version it came from, None when new.

    Quick when there is nothing to do (Alembic is not even imported). `migrations` is `schemas/database`.
    Raises StoreError for a server too old, rights that are missing, or a database newer than the program.
    """
    if connection.info.server_version < OLDEST_SERVER:
        raise StoreError(
            where="the database server",
            rule=f"it is PostgreSQL {connection.info.server_version // 10000}.",
            remedy="use version 16 or newer.",
        )
    head = head_version(migrations)
    found = current_version(connection)
    if found != head:
        _upgrade(connection, migrations, head)
    if walls_stand(connection):
        return found
    with connection.transaction():
        connection.execute(LOCK, (MIGRATION_LOCK,))
        close_to_public(connection)
        ensure_analyst(connection, credentials)
    return found


def head_version(migrations: Path) -> str:
    """The newest migration's version: files are named by it, so Alembic need not be asked."""
    versions = [
        named.group(1) for path in (migrations / "versions").glob("*.py") if (named := MIGRATION_FILE.match(path.name))
    ]
    if not versions:
        raise StoreError(
            where=str(migrations), rule="no migrations are here.", remedy="set WHOLEFAMILY_DECLARATIONS to schemas/."
        )
    return max(versions)


def current_version(connection: psycopg.Connection[Any]) -> str | None:
    """The database's version; None for one that has nothing of ours yet."""
    if connection.execute("select to_regclass('registry.schema_version')").fetchone() == (None,):
        return None
    row = connection.execute("select version_num from registry.schema_version").fetchone()
    return row[0] if row else None


def _upgrade(connection: psycopg.Connection[Any], migrations: Path, head: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import StaticPool

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    # SQLAlchemy only borrows the connection, and from outside the transaction: it rolls back as it takes and returns.
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as borrowed, connection.transaction():
        config.attributes["connection"] = borrowed
        connection.execute(LOCK, (MIGRATION_LOCK,))
        found = current_version(connection)  # somebody may have been quicker
        if found is not None and found > head:
            raise StoreError(
                where="the live database",
                rule="a newer version of this program has changed it.",
                remedy="update the program, or restore a backup from before.",
            )
        if found == head:
            return
        ensure_groups(connection)
        try:
            connection.execute("create schema if not exists registry")
            command.upgrade(config, "head")
        except (psycopg.Error, SQLAlchemyError) as problem:
            raise _failed(problem) from None


def _failed(problem: Exception) -> StoreError:
    cause = getattr(problem, "orig", problem)  # SQLAlchemy's errors carry the driver's
    if isinstance(cause, errors.InsufficientPrivilege):
        return StoreError(
            where="the login role of --database-url",
            rule=f"it lacks a right that the migrations need ({cause.diag.message_primary}).",
            remedy="let it own the database, with createrole (create role X login createrole; "
            "create database Y owner X).",
        )
    state = getattr(cause, "sqlstate", None) or "none"
    return StoreError(
        where="the live database",
        rule=f"a migration failed and nothing was changed ({type(cause).__name__}, SQLSTATE {state}).",
        remedy="see that the server has disk left and run again; else report it with this message.",
    )
