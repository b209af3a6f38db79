"""Close a version of the linkage key: everything at the hub that was made under it goes, and is counted.

What stays is what no key was needed for: numbers of records, persons, places and families, evidence, links (which pair
of records, with which pattern of agreement), and the partners' pseudonyms. Where partners still stand under the version
(a compromised key cannot wait for them), their records are emptied of tokens and encodings, and wait so for the next
full delivery; their links are carried.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pipeline import audit
from pipeline.contracts import load_encoding
from pipeline.errors import KeyMaterialError, StoreError
from pipeline.manifest import MANIFEST_FILE
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.store.locks import HUB_DATA, advisory_lock

Connection = psycopg.Connection[Any]
# What was made under a version: how many rows there are, and what takes them away, in this order.
MADE_UNDER = {
    "encodings": (
        "select count(*) from identity.encoding join identity.record using (record_id) where key_version = %(version)s",
        "delete from identity.encoding e using identity.record r"
        " where r.record_id = e.record_id and r.key_version = %(version)s",
    ),
    "records": (
        "select count(*) from identity.record where key_version = %(version)s",
        "update identity.record set key_version = null, encoding_print = null, nino_token = null,"
        " nhs_number_token = null, upn_token = null, pnc_id_token = null, uprn_token = null, address_token = null,"
        " postcode_token = null where key_version = %(version)s",
    ),
    "places": (
        "select count(*) from identity.place where key_version = %(version)s",
        "delete from identity.place where key_version = %(version)s",
    ),
    "prints": (
        "select count(*) from identity.link_print where key_version = %(version)s",
        "delete from identity.link_print where key_version = %(version)s",
    ),
    "pairs compared": (
        "select count(*) from identity.link_pair p join identity.record a on a.record_id = p.record_a"
        " join identity.record b on b.record_id = p.record_b"
        " where p.key_version = %(version)s and a.key_version = b.key_version",
        "delete from identity.link_pair p using identity.record a, identity.record b where a.record_id = p.record_a"
        " and b.record_id = p.record_b and p.key_version = %(version)s and a.key_version = b.key_version",
    ),
    "blocks nobody is in": (
        "select count(*) from identity.link_left_out l where not exists"
        " (select from identity.encoding e where (e.pass, e.block) = (l.pass, l.block))",
        "delete from identity.link_left_out l where not exists"
        " (select from identity.encoding e where (e.pass, e.block) = (l.pass, l.block))",
    ),
    "replies": (
        "select count(*) from identity.review_reply where encoded is not null"
        " and (said ->> 'key_version')::integer = %(version)s",
        "update identity.review_reply set encoded = null where encoded is not null"
        " and (said ->> 'key_version')::integer = %(version)s",
    ),
    "rows of restricted people": (
        "with held as (select record_id from rights.held_row where table_name = 'identity.record'"
        "   and (content ->> 'key_version')::integer = %(version)s)"
        " select count(*) from rights.held_row join held using (record_id)"
        " where table_name in ('identity.record', 'identity.encoding')",
        "with held as (select record_id from rights.held_row where table_name = 'identity.record'"
        "   and (content ->> 'key_version')::integer = %(version)s),"
        " encodings as (delete from rights.held_row h using held"
        "   where h.record_id = held.record_id and h.table_name = 'identity.encoding')"
        " update rights.held_row h set content = h.content || jsonb_build_object('key_version', null,"
        "   'encoding_print', null, 'nino_token', null, 'nhs_number_token', null, 'upn_token', null,"
        "   'pnc_id_token', null, 'uprn_token', null, 'address_token', null, 'postcode_token', null)"
        " from held where h.record_id = held.record_id and h.table_name = 'identity.record'",
    ),
    "known answers": (
        "select count(*) from registry.delivery where key_version = %(version)s and known_answers <> '{}'",
        "update registry.delivery set known_answers = '{}' where key_version = %(version)s and known_answers <> '{}'",
    ),
}
# Rewritten afterwards, so that what was taken away is not left in the files of the tables either.
REWRITTEN = ("identity.encoding", "identity.record", "identity.place", "identity.link_print", "identity.link_pair",
             "identity.link_left_out", "identity.review_reply", "rights.held_row")  # fmt: skip


@dataclass(frozen=True)
class Closed:
    """What closing a version did: rows by what they were, and the records that wait for a delivery under another."""

    version: int
    taken_away: dict[str, int]
    waiting: int
    sealed: int  # deliveries whose sealed copies were deleted


def close_version(
    settings: Settings, database: Database, version: int, *, by: str, why: str, at_once: bool = False
) -> Closed:
    """Take everything under a version away, in one transaction, and never take it in again.

    Closing a version again finishes what a killed run has left. Raises KeyMaterialError where the declared encoding
    still has the version in force, nothing was ever delivered under it, nobody or nothing is named, or, unless
    `at_once`, a partner still stands under it.
    """
    if not by.strip() or not why.strip():
        raise _refused("closing it needs a person and a reason.", "give --by and --reason; both are logged.")
    if version in load_encoding(settings.declarations).key_versions:
        raise _refused(
            f"the declared encoding still has version {version} in force.",
            "take it out of key_versions in schemas/linkage, at the hub and at every partner; then close it.",
        )
    with database.connect() as connection, advisory_lock(connection, HUB_DATA):
        _check(connection, version, at_once=at_once)
        taken = {
            name: connection.execute(statement.encode(), {"version": version}).rowcount
            for name, (_, statement) in MADE_UNDER.items()
        }
        left = {name: rows for name, rows in rows_under(connection, version).items() if rows}
        if left:
            raise StoreError(
                where=f"version {version} of the linkage key",
                rule=f"something under it would be left: {', '.join(left)}.",
                remedy="nothing was changed; report this.",
            )
        waiting = _one(connection, "select count(*) from identity.record where key_version is null")
        told = {"why": why.strip(), "at_once": at_once, "taken_away": taken}
        connection.execute(
            "insert into registry.key_closing (key_version, closed_by, why, at_once, taken_away)"
            " values (%s, %s, %s, %s, %s) on conflict (key_version) do nothing",
            (version, by.strip(), why.strip(), at_once, json.dumps(taken)),
        )
        audit.append(connection, by.strip(), "key version closed", f"key/{version}", told)
        connection.commit()
    with database.connect(autocommit=True) as connection:
        for table in REWRITTEN:
            connection.execute(f"vacuum (full) {table}".encode())
        partners = [row[0] for row in connection.execute("select partner from registry.partner order by 1").fetchall()]
        sealed = sum(delete_under_closed_keys(settings, connection, partner) for partner in partners)
    return Closed(version, taken, waiting, sealed)


def rows_under(connection: Connection, version: int) -> dict[str, int]:
    """How many rows at the hub were made under a version, by what they are: all nought once it is closed."""
    return {name: _one(connection, count, version) for name, (count, _) in MADE_UNDER.items()}


def delete_under_closed_keys(settings: Settings, connection: Connection, partner: str) -> int:
    """Delete the sealed copies of a partner's deliveries under closed versions, accepted and rejected: the hub could
    open them again. Returns how many; also what a killed run has left."""
    closed = [row[0] for row in connection.execute("select key_version from registry.key_closing").fetchall()]
    if not closed:
        return 0
    known = connection.execute(
        "select split_part(delivery_id, '~', 1) from registry.delivery where partner = %s and key_version = any(%s)",
        (partner, closed),
    ).fetchall()
    named = {row[0] for row in known}
    folders = [folder for base in (settings.accepted, settings.rejected) for folder in base(partner).glob("*")]
    gone = [folder for folder in folders if folder.name.split("~")[0] in named or _stated(folder) in closed]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return len(gone)


def _stated(folder: Path) -> int | None:
    """The version that a delivery's manifest states, signed or not; None where there is none to read."""
    try:
        stated = json.loads((folder / MANIFEST_FILE).read_bytes())["key_version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return stated if isinstance(stated, int) else None


def _check(connection: Connection, version: int, *, at_once: bool) -> None:
    if not _one(connection, "select count(*) from registry.delivery where key_version = %(version)s", version):
        raise _refused(
            f"no delivery ever came under version {version}.", "copy the version from: wholefamily keys versions"
        )
    standing = connection.execute(
        "select distinct partner from identity.record where key_version = %s order by 1", (version,)
    ).fetchall()
    if standing and not at_once:
        raise _refused(
            f"records of {', '.join(row[0] for row in standing)} still stand under version {version}.",
            "wait for their full deliveries under the new one; if the key is compromised, close it with --at-once.",
        )


def _one(connection: Connection, query: str, version: int | None = None) -> int:
    row = connection.execute(query.encode(), {"version": version}).fetchone()
    return int(row[0]) if row else 0


def _refused(rule: str, remedy: str) -> KeyMaterialError:
    return KeyMaterialError(where="the linkage key", rule=rule, remedy=remedy)
