"""The log itself: entries added inside the caller's transaction, and read back for checking from the raw columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi
from psycopg import sql

from pipeline.store.bulk import execute, refused

GENESIS = bytes(32)
CONTENT = ("entry_id", "at", "actor", "action", "subject", "detail")
APPEND = "select audit.append($1, $2, $3, $4)"
ENTRIES = """
    select entry_id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor, action, subject,
           detail::text as detail, previous_hash, hash
    from audit.log order by entry_id
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it stands in the table; `content` in the order of CONTENT, as the octets that are hashed."""

    entry_id: int
    content: Sequence[bytes]
    previous_hash: bytes
    hash: bytes

    def hash_anew(self) -> bytes:
        """What its hash must be, from its content and the hash it says it follows."""
        return entry_hash(self.previous_hash, self.content)


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


def entries(connection: dbapi.Connection) -> Iterator[Entry]:
    """Every entry in order, as one snapshot; memory stays flat. Raises StoreError."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(ENTRIES)
            for batch in cursor.fetch_record_batch():
                yield from _of_batch(batch)
        except AdbcError as problem:
            raise refused("reading the audit log", problem) from None


def entry_hash(previous: bytes, content: Sequence[bytes]) -> bytes:
    """SHA-256 over the hash before and the content as netstrings (each says its own length)."""
    return hashlib.sha256(previous + b"".join([b"%d:%b," % (len(part), part) for part in content])).digest()


def _of_batch(batch: pa.RecordBatch) -> Iterator[Entry]:
    ids = batch.column("entry_id").to_pylist()
    texts = [batch.column(name).cast(pa.binary()).to_pylist() for name in CONTENT[1:]]
    hashes = (batch.column(name).to_pylist() for name in ("previous_hash", "hash"))
    for entry_id, *content, previous, found in zip(ids, *texts, *hashes, strict=True):
        yield Entry(entry_id, (b"%d" % entry_id, *content), previous, found)
