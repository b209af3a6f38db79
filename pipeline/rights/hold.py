"""Restriction: a person's rows are held apart from the tables that linking, families and criteria read.

They are put back as they stood when nobody restricts them any more. What arrives meanwhile is not loaded.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from pipeline.rights.places import RECORD, Places
from pipeline.rights.remove import unpublish

Connection = psycopg.Connection[Any]
# In the order in which they are put back.
HELD = (
    "identity.record", "identity.encoding", "identity.person", "evidence.person", "evidence.person_attribute",
    "evidence.residence", "evidence.fact", "evidence.nomination",
)  # fmt: skip
RELATIONSHIP = "evidence.relationship"


def hold(connection: Connection, places: Places) -> dict[str, int]:
    """Hold every row of the marked persons apart (`remove.mark`); returns rows by table."""
    unpublish(connection, places, said_too=False)
    held: dict[str, int] = {}
    for table in HELD:
        held[table] = connection.execute(
            sql.SQL(
                "insert into rights.held_row (record_id, partner, person_ref, table_name, content)"
                " select g.record_id, g.partner, g.person_ref, {}, to_jsonb(t) from {} t"
                " join gone_record g using (record_id)"
            ).format(table, sql.Identifier(*table.split(".")))
        ).rowcount
    held[RELATIONSHIP] = connection.execute(
        "insert into rights.held_row (record_id, related_record_id, partner, person_ref, table_name, content)"
        " select g.record_id, case when g.record_id = t.record_id then t.related_record_id else t.record_id end,"
        " g.partner, g.person_ref, 'evidence.relationship', to_jsonb(t) from evidence.relationship t"
        " join gone_record g on g.record_id = t.record_id"
        " or (g.record_id = t.related_record_id and t.record_id not in (select record_id from gone_record))"
    ).rowcount
    for column in places.named(*RECORD, schemas=("identity", "evidence", "publication")):
        connection.execute(
            sql.SQL("delete from {} where {} in (select record_id from gone_record)").format(
                column.of, sql.Identifier(column.name)
            )
        )
    return {table: rows for table, rows in held.items() if rows}


def put_back(connection: Connection, released: list[tuple[str, bytes]]) -> dict[str, int]:
    """Put back what is held of these (partner, pseudonym); a relation to somebody who is no more goes."""
    connection.execute("create temporary table released (partner text, person_ref bytea) on commit drop")
    with connection.cursor() as cursor:
        cursor.executemany("insert into released values (%s, %s)", released)
    chosen = "(h.partner, h.person_ref) in (select partner, person_ref from released)"
    back: dict[str, int] = {}
    for table in (*HELD, RELATIONSHIP):
        both = (
            " and exists (select from identity.record r where r.record_id = h.record_id)"
            " and exists (select from identity.record r where r.record_id = h.related_record_id)"
            if table == RELATIONSHIP
            else ""
        )
        back[table] = connection.execute(
            sql.SQL(
                "insert into {} select (jsonb_populate_record(null::{}, h.content)).* from rights.held_row h"
                " where h.table_name = {} and {}"
            ).format(
                sql.Identifier(*table.split(".")), sql.Identifier(*table.split(".")), table, sql.SQL(chosen + both)
            )
        ).rowcount
    connection.execute(sql.SQL("delete from rights.held_row h where {}").format(sql.SQL(chosen)))
    return {table: rows for table, rows in back.items() if rows}
