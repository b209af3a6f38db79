"""The log of what was done: entries added inside the caller's transaction, and a check that nothing was changed.

The chain is computed in the database (`audit.append`) and checked here, from the raw columns, by other code. A cut
tail cannot be seen from inside: compare `head` with a checkpoint kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import psycopg
from adbc_driver_postgresql import dbapi
from psycopg import sql

from pipeline.store.bulk import execute

__all__ = ["append", "head", "verify"]

GENESIS = bytes(32)
APPEND = "select audit.append($1, $2, $3, $4)"
ENTRIES = """
    select entry_id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, action, subject,
           detail::text, previous_hash, hash
    from audit.log order by entry_id
"""
BATCH = 10_000


def append(
    connection: psycopg.Connection[Any] | dbapi.Connection,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add one entry to the log, in the caller's transaction: it stands if and only if the rest does.

    `detail` holds counts, versions and codes, never a person's value. Other appenders wait until the transaction
    ends, so append last. Raises psycopg.Error, or StoreError on an ADBC connection.
    """
    values = (actor, action, subject, json.dumps(detail or {}, sort_keys=True, allow_nan=False))
    if isinstance(connection, dbapi.Connection):
        execute(connection, APPEND, values)
        return
    with psycopg.RawCursor(connection) as cursor:
        cursor.execute(sql.SQL(APPEND), values)


def head(connection: psycopg.Connection[Any]) -> tuple[int, bytes] | None:
    """The last entry's number and hash: what a checkpoint keeps. None when the log is empty."""
    row = connection.execute("select entry_id, hash from audit.log order by entry_id desc limit 1").fetchone()
    return (row[0], bytes(row[1])) if row else None


def verify(connection: psycopg.Connection[Any]) -> int | None:
    """The first entry that is not as it was written, or does not follow the one before; None when all do."""
    previous = GENESIS
    with connection.transaction(), connection.cursor(name="audit_entries") as cursor:
        cursor.itersize = BATCH
        cursor.execute(ENTRIES)
        for entry_id, *content, previous_hash, found in cursor:
            if previous_hash != previous or found != entry_hash(previous, str(entry_id), *content):
                return int(entry_id)
            previous = found
    return None


def entry_hash(previous: bytes, *content: str) -> bytes:
    """SHA-256 over the hash before and the content as netstrings (each says its own length)."""
    digest = hashlib.sha256(previous)
    for part in content:
        octets = part.encode()
        digest.update(b"%d:%b," % (len(octets), octets))
    return digest.digest()
