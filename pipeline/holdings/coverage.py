"""What is held that no agreement covers any more, and its removal.

An agreement that changes (narrower columns, a feed or a purpose less) changes what may be held, not only what may come
in. What is covered is worked out from the agreement and the contract tonight, so a restored backup is cleaned again.
An agreement that has merely expired is another matter: nothing comes in any more, and what is held goes by retention.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from psycopg import sql

from pipeline import audit
from pipeline.contracts import (
    Agreement,
    Contract,
    Encoding,
    agreement_for,
    load_agreements,
    load_contracts,
    load_encoding,
    load_link_model,
    load_vocabulary,
)
from pipeline.contracts.agreement import IDENTIFY
from pipeline.holdings.catalogue import Catalogue, read_catalogue
from pipeline.holdings.loaded import traced
from pipeline.records import PEOPLE
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.store.locks import HUB_DATA, advisory_lock

ACTOR, ACTION, ROLE = "governance", "agreement reprocessed", "wf_pipeline"
FACTS, RECORDS, ENCODED = "evidence.fact", "identity.record", "identity.encoding"
LOADED = (
    "evidence.person_attribute", "evidence.residence", "evidence.relationship", FACTS, "evidence.nomination",
    ENCODED, RECORDS,
)  # fmt: skip
HELD_APART = ("rights.held_row",)  # rows of restricted records
# What the hub itself says of a row: whose it is and where it came from.
KEPT = frozenset({
    "record_id", "evidence_id", "partner", "person_ref", "delivery_id", "row_number", "table_name", "pass", "block",
    "encoding_print", "key_version",
})  # fmt: skip
IN_FORCE = ("accepted", "accepted_with_quarantine", "superseded")
GONE = "not exists (select from identity.record r where r.record_id = {})"


@dataclass(frozen=True)
class Removal:
    """Rows of a stored table to delete, or a column of them to empty (`column`); `rows`: how many hold something."""

    table: str
    column: str | None
    rows: int
    why: str


@dataclass(frozen=True)
class Uncovered:
    """What is held of a partner that its agreement does not cover. `whole`: nothing of it is covered any more."""

    partner: str
    agreement: Agreement | None
    whole: bool
    removals: tuple[Removal, ...]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.removals)


def find_uncovered(settings: Settings, database: Database, today: dt.date | None = None) -> list[Uncovered]:
    """What would be removed, by partner; nothing is changed. Empty when all that is held is covered."""
    with database.connect() as connection:
        return [found for found, _ in _find(settings, connection, today or dt.datetime.now(dt.UTC).date())]


def remove_uncovered(settings: Settings, database: Database, today: dt.date | None = None) -> list[Uncovered]:
    """Remove it, one partner a transaction, each with an entry in the audit log; returns what was removed.

    The sealed copies of a partner's deliveries go too: they hold what the rows held. What is published is made anew by
    the next build. Twice is once.
    """
    day = today or dt.datetime.now(dt.UTC).date()
    done = []
    with database.connect() as reader:
        partners = [found.partner for found, _ in _find(settings, reader, day)]
    for partner in partners:
        with (
            database.connect(autocommit=True) as session,
            advisory_lock(session, f"ingest {partner}"),
            database.connect(role=ROLE) as connection,
        ):
            connection.execute("select pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", (HUB_DATA,))
            for found, statements in _find(settings, connection, day, partner):
                for statement, parameters in statements:
                    connection.execute(statement, parameters)
                copies = _sealed_copies(settings, partner)
                _close(connection, found, len(copies))
                done.append(found)
        for copy in copies:
            shutil.rmtree(copy, ignore_errors=True)
    return done


Statement = tuple[sql.Composed, dict[str, Any]]


def _find(
    settings: Settings, connection: psycopg.Connection[Any], today: dt.date, only: str | None = None
) -> Iterator[tuple[Uncovered, list[Statement]]]:
    agreements = load_agreements(settings.declarations)
    contracts = load_contracts(settings.declarations, load_vocabulary(settings.declarations))
    encoding = load_encoding(settings.declarations, load_link_model(settings.declarations).encoding)
    catalogue = read_catalogue(connection)
    holding = connection.execute("select distinct partner from identity.record order by partner").fetchall()
    for (partner,) in holding:
        if only not in (None, partner):
            continue
        agreement, ended = _governing(agreements, partner, today)
        if ended:
            continue
        wanted = list(_removals(partner, contracts.get(partner), agreement, catalogue, encoding))
        removals, statements = [], []
        for table, column, condition, why in wanted:
            rows = _count(connection, table, column, condition, partner)
            if rows:
                removals.append(Removal(table, column, rows, why))
                statements.append((_statement(table, column, condition), {"partner": partner}))
        if removals:
            yield Uncovered(partner, agreement, agreement is None, tuple(removals)), statements


def _governing(agreements: Sequence[Agreement], partner: str, today: dt.date) -> tuple[Agreement | None, bool]:
    """The agreement that says what may be held of a partner (None: none does), and whether it is one that ended."""
    lawful = agreement_for(agreements, partner, today, IDENTIFY)
    if lawful is not None:
        return lawful, False
    in_force = agreement_for(agreements, partner, today)
    ended = [one for one in agreements if partner in one.feeds and one.expiry < today]
    return None, in_force is None and bool(ended)


Wanted = tuple[str, str | None, str, str]  # stored table, column (None: rows), condition, why


def _removals(
    partner: str, contract: Contract | None, agreement: Agreement | None, catalogue: Catalogue, encoding: Encoding
) -> Iterator[Wanted]:
    if contract is None or agreement is None:
        for table in (*LOADED, *(one for one in HELD_APART if catalogue.has(one))):
            yield table, None, _of_partner(table), "no agreement in force shares this feed to identify families"
        return
    covered = _covered(contract, agreement)
    made = traced(contract)
    if (PEOPLE, "person_ref") not in covered:
        for table in LOADED:
            yield table, None, _of_partner(table), "the agreement does not cover who the rows are about"
        return
    for table in LOADED:
        if table == ENCODED:
            yield from _of_encodings(contract, agreement, encoding)
        elif table == FACTS:
            names = [one.name for one in contract.tables if one.evidence]
            yield FACTS, None, _not_among(names), "the contract has no such table any more"
            for name in names:
                of_table = {c: {s for s in sources if s[0] == name} for c, sources in made[FACTS].items()}
                yield from _of_table(
                    FACTS, of_table, covered, catalogue, f"{_of_partner(FACTS)} and table_name = '{name}'"
                )
        else:
            yield from _of_table(table, made[table], covered, catalogue, _of_partner(table))


def _of_table(
    table: str,
    made: Mapping[str, set[tuple[str, str]]],
    covered: frozenset[tuple[str, str]],
    catalogue: Catalogue,
    condition: str,
) -> Iterator[Wanted]:
    """A stored table's columns, by what each is made from; rows go where one that must be there is uncovered."""
    relation = catalogue.relations[table]
    uncovered = [
        column
        for column in relation.columns
        if (column not in KEPT or column == "record_id") and not _is_covered(made.get(column, set()), covered)
        and not (column == "record_id" and table == RECORDS)
    ]  # fmt: skip
    if any(relation.columns[column][1] for column in uncovered):
        yield table, None, condition, f"the agreement does not cover {', '.join(uncovered)}"
        return
    for column in uncovered:
        yield table, column, condition, "the agreement does not cover what it is made from"


def _is_covered(sources: set[tuple[str, str]], covered: frozenset[tuple[str, str]]) -> bool:
    return bool(sources) and sources <= covered


def _covered(contract: Contract, agreement: Agreement) -> frozenset[tuple[str, str]]:
    """Delivered columns, as (table, column), that the agreement covers."""
    found = {("manifest", part) for part in ("partner", "delivery_id", "files")}
    for table in contract.tables:
        found.add((table.name, "row"))
        found |= {
            (table.name, column.name)
            for column in table.delivered_columns()
            if agreement.covers(contract.partner, table.name, column.source.name)
        }
    return frozenset(found)


def _of_encodings(contract: Contract, agreement: Agreement, encoding: Encoding) -> Iterator[Wanted]:
    """Encodings: a name or date that is not covered is emptied; a pass whose blocks are made of one goes."""

    feed = agreement.feeds[contract.partner]
    agreed = {column for columns in feed.columns.values() for column in columns}

    gone = [one.name for one in encoding.passes if not {c for part in one.block for c in part.columns} <= agreed]
    if gone:
        listed = ", ".join(f"'{name}'" for name in gone)
        yield (
            ENCODED,
            None,
            f"{_of_partner(ENCODED)} and pass in ({listed})",
            "its blocks are made of what is not covered",
        )
    for column, source in (*((name, name) for name in encoding.fields), ("date_parts", encoding.date_parts)):
        if source not in agreed:
            yield ENCODED, column, _of_partner(ENCODED), f"the agreement does not cover {source}"


def _of_partner(table: str) -> str:
    if table == ENCODED:
        return "record_id in (select record_id from identity.record where partner = %(partner)s)"
    return "partner = %(partner)s"


def _not_among(names: Sequence[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names) or "''"
    return f"{_of_partner(FACTS)} and table_name not in ({listed})"


def _count(connection: psycopg.Connection[Any], table: str, column: str | None, condition: str, partner: str) -> int:
    query = sql.SQL("select count({}) from {} where ").format(
        sql.SQL("*") if column is None else sql.Identifier(column), sql.Identifier(*table.split("."))
    ) + sql.SQL(condition)
    return int((connection.execute(query, {"partner": partner}).fetchone() or (0,))[0])


def _statement(table: str, column: str | None, condition: str) -> sql.Composed:
    name, where = sql.Identifier(*table.split(".")), sql.SQL(condition)
    if column is None:
        return sql.SQL("delete from {} where ").format(name) + where
    empty = sql.SQL("update {} set {} = null where {} is not null and ").format(
        name, sql.Identifier(column), sql.Identifier(column)
    )
    return empty + where


def _close(connection: psycopg.Connection[Any], found: Uncovered, copies: int) -> None:
    """What hangs on the rows, the registry's and the log's entries; inside the same transaction."""
    of_partner = {"partner": found.partner}
    if any(one.table in (ENCODED, RECORDS) for one in found.removals):
        # Another print: the next build compares these records anew.
        connection.execute("update identity.record set encoding_print = encoding_print # 1 where partner = %(partner)s",
                           of_partner)  # fmt: skip
    for table, columns in (("link", ("record_a", "record_b")), ("link_pair", ("record_a", "record_b")),
                           ("link_print", ("record_id",))):  # fmt: skip
        either = " or ".join(GONE.format(f"l.{column}") for column in columns)
        connection.execute(f"delete from identity.{table} l where {either}".encode())  # noqa: S608
    if found.whole:
        connection.execute(
            "delete from identity.quarantined_row q using registry.delivery d"
            " where d.delivery_id = q.delivery_id and d.partner = %(partner)s", of_partner,
        )  # fmt: skip
        connection.execute(
            "update registry.delivery set state = 'withdrawn', withdrawn_at = now(), withdrawn_by = 'governance',"
            " withdrawn_why = 'no agreement covers it any more'"
            " where partner = %(partner)s and state = any(%(states)s)", {**of_partner, "states": list(IN_FORCE)},
        )  # fmt: skip
    agreement = found.agreement
    removed = [asdict(one) for one in found.removals]
    connection.execute(
        "insert into registry.reprocessed (partner, agreement_id, agreement_version, removed, sealed_copies)"
        " values (%s, %s, %s, %s, %s)",
        (found.partner, agreement and agreement.id, agreement and agreement.version, json.dumps(removed), copies),
    )
    detail = {"agreement": agreement and f"{agreement.id} {agreement.version}", "removed": removed, "sealed": copies}
    audit.append(connection, ACTOR, ACTION, f"feed/{found.partner}", detail)


def _sealed_copies(settings: Settings, partner: str) -> list[Any]:
    """The sealed deliveries that are kept of a partner, taken in or rejected."""
    folders = (settings.accepted(partner), settings.rejected(partner))
    return [one for folder in folders if folder.is_dir() for one in sorted(folder.iterdir()) if one.is_dir()]
