"""What is held about a person, section by section, with where each row came from (Art 15). Nobody else is shown.

Other people's pseudonyms, ids and evidence are counted and not told. What a feed's agreement closes to onward
disclosure (DWP) is shown to its own partner alone: others are told that there is some, and whom to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pipeline.rights.persons import Reference
from pipeline.rights.places import EVIDENCE, PERSON, RECORD, REFERENCE, read_places
from pipeline.rights.remove import mark
from pipeline.rights.sections import SECTIONS

Connection = psycopg.Connection[Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """All sections with their rows; what is not shown, in words; and every place in the database where rows stand."""

    rows: Mapping[str, Sequence[Row]]
    not_shown: tuple[str, ...]
    places: Mapping[str, int] = field(default_factory=dict)


def read_account(
    connection: Connection,
    references: Sequence[Reference],
    tags: Sequence[bytes],
    closed: Sequence[str],
    doubtful: int,
) -> Account:
    """What is held about the records; `closed`: partners whose feed is not shown to who asked. Changes nothing."""
    mark(connection, references)
    values = {"closed": list(closed), "tags": list(tags)}
    found: dict[str, Sequence[Row]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        for section in SECTIONS:
            found[section.name] = cursor.execute(section.query.encode(), values).fetchall()
    return Account(found, tuple(_not_shown(connection, values, closed, doubtful)), _places(connection))


def _not_shown(connection: Connection, values: Row, closed: Sequence[str], doubtful: int) -> list[str]:
    told = []
    for partner in closed:
        rows = connection.execute(
            "select count(*) from evidence.fact join gone_record using (record_id) where fact.partner = %s", (partner,)
        ).fetchone()
        records = connection.execute("select count(*) from gone_record where partner = %s", (partner,)).fetchone()
        if records and records[0]:
            told.append(
                f"Held from {partner}, and not shown here: records: {records[0]}, facts: {rows[0] if rows else 0}."
                f" The law lets nobody but {partner} pass them on. Ask {partner} for them."
            )
    others = connection.execute(
        "select count(distinct e.evidence_id) from publication.criterion_evidence e where e.family_id in (select"
        " family_id from publication.family_member where person_id in (select person_id from gone_person))"
        " and e.evidence_id not in (select evidence_id from gone_fact)"
    ).fetchone()
    if others and others[0]:
        told.append(f"Rows about other members of your family decide criteria too ({others[0]}); they are theirs.")
    if doubtful:
        told.append(
            f"Other records that may be yours: {doubtful}. We are not sure enough to show them; somebody will look."
        )
    return told


def _places(connection: Connection) -> dict[str, int]:
    """Rows by table, everywhere that the person stands: found by the catalogue, whatever the sections above tell."""
    found: dict[str, int] = {}
    sources = ((RECORD, "gone_record", "record_id"), (PERSON, "gone_person", "person_id"),
               (EVIDENCE, "gone_fact", "evidence_id"), (REFERENCE, "gone_ref", "person_ref"))  # fmt: skip
    wanted: dict[tuple[str, str], list[sql.Composed]] = {}
    for names, source, key in sources:
        for column in read_places(connection).named(*names):
            wanted.setdefault((column.schema, column.table), []).append(
                sql.SQL("{} in (select {} from {})").format(
                    sql.Identifier(column.name), sql.Identifier(key), sql.Identifier(source)
                )
            )
    for (schema, table), conditions in sorted(wanted.items()):
        statement = sql.SQL("select count(*) from {} where {}")
        row = connection.execute(
            statement.format(sql.Identifier(schema, table), sql.SQL(" or ").join(conditions))
        ).fetchone()
        if row and row[0]:
            found[f"{schema}.{table}"] = int(row[0])
    return found
