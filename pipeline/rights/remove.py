"""Take a person out of the database, inside the caller's transaction: for good, or held apart until it is lifted.

Both begin alike: whose rows, which families are touched (`mark`), and what is published of these goes at once; the next
build publishes them anew. Tables are found by the names of their columns (`places`). Works as the owner of the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from pipeline.errors import StoreError
from pipeline.rights.places import CASE, EVIDENCE, FAMILY, PERSON, RECORD, REFERENCE, Column, Places, read_places

Connection = psycopg.Connection[Any]
Reference = tuple[str, bytes]
LEDGERS = ("identity.person_ledger", "publication.family_ledger")
# Beside what the next build writes anew: what was said on earlier nights. It goes with an erasure, and stays with a
# restriction, which holds what there is.
SAID = ("publication.statement", "publication.family_history", "publication.cohort")
MARKS = """
create temporary table gone_record on commit drop as
    select record_id, partner, person_ref from identity.record join gone_ref using (partner, person_ref)
    union select h.record_id, h.partner, h.person_ref from rights.held_row h join gone_ref using (partner, person_ref);
create temporary table gone_person on commit drop as
    with belongs as (
        select record_id, person_id from identity.person union select record_id, person_id from evidence.person
        union select record_id, (content ->> 'person_id')::bigint from rights.held_row
              where table_name in ('identity.person', 'evidence.person')
    )
    select person_id, bool_and(exists (select from gone_record g where g.record_id = belongs.record_id)) as whole
    from belongs where person_id in (select person_id from belongs join gone_record using (record_id))
    group by person_id;
create temporary table touched_case on commit drop as
    select distinct case_id from casework.case_record join gone_record using (record_id);
create temporary table touched_family on commit drop as
    with recursive lived_in (family_id) as (
        select family_id from publication.family_member where person_id in (select person_id from gone_person)
        union select family_id from casework.family_case join touched_case using (case_id)
        union select family_id from publication.flag_doubt
              where record_a in (select record_id from gone_record) or record_b in (select record_id from gone_record)
    ), line (family_id) as (
        select family_id from lived_in
        union select l.old_id from publication.family_ledger l join line on line.family_id = l.new_id
              where l.change in ('merge', 'split') and l.old_id is not null
    )
    select distinct family_id from line;
insert into touched_case select case_id from casework.family_case
    where family_id in (select family_id from touched_family) and case_id not in (select case_id from touched_case);
create temporary table gone_fact on commit drop as
    select evidence_id from evidence.fact join gone_record using (record_id)
    union select (content ->> 'evidence_id')::bigint from rights.held_row join gone_record using (record_id)
          where table_name = 'evidence.fact';
"""


def mark(connection: Connection, references: Sequence[Reference]) -> Places:
    """Note in temporary tables who goes and what is touched by it; returns where to look."""
    sees_all(connection)
    connection.execute("create temporary table gone_ref (partner text, person_ref bytea) on commit drop")
    with connection.cursor() as cursor:
        cursor.executemany("insert into gone_ref values (%s, %s)", references)
    connection.execute(MARKS)
    return read_places(connection)


def sees_all(connection: Connection) -> None:
    """Raise StoreError unless the walls let us see every row: a policy may not hide from us what has to go."""
    if connection.execute("select access.is_hub(current_user)").fetchone() != (True,):
        raise StoreError(
            where="rights of data subjects",
            rule="this login does not see every row of the live database.",
            remedy="use the owner's login, as for a build.",
        )


def counted(connection: Connection, name: str) -> int:
    """How many rows one of the temporary tables has."""
    row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(name))).fetchone()
    assert row is not None
    return int(row[0])


def unpublish(connection: Connection, places: Places, *, said_too: bool) -> dict[str, int]:
    """Take away what is published of the person and of the families touched; other members stay members of these."""
    gone: dict[str, int] = {}
    for column in places.named(*PERSON, schemas=("publication",)):
        _delete(connection, column, "gone_person", "person_id", gone)
    for column in places.named(*FAMILY, schemas=("publication",)):
        name = column.full_table
        if name not in (*LEDGERS, "publication.family_member") and (said_too or name not in SAID):
            _delete(connection, column, "touched_family", "family_id", gone)
    for column in places.named(*CASE, schemas=("publication",)):
        _delete(connection, column, "touched_case", "case_id", gone)
    for column in places.named(*EVIDENCE, schemas=("publication",)):
        _delete(connection, column, "gone_fact", "evidence_id", gone)
    return gone


def erase(connection: Connection, places: Places) -> dict[str, int]:
    """Take away every row of the marked persons; returns rows by table. Raises StoreError where one would be left."""
    gone = unpublish(connection, places, said_too=True)
    lifted = _lift_append_only(connection)
    _erase_from_casework(connection, gone)
    _erase_quarantine(connection, gone)
    _erase_from_review(connection, gone)
    for column in _of_persons(places):
        _delete(connection, column, *_source(column), gone)
    _end_ids(connection)
    forget_places(connection)
    for table, trigger in lifted:
        connection.execute(
            sql.SQL("alter table {} enable trigger {}").format(
                sql.Identifier(*table.split(".")), sql.Identifier(trigger)
            )
        )
    _nothing_is_left(connection, places)
    return {table: rows for table, rows in gone.items() if rows}


def _of_persons(places: Places) -> list[Column]:
    """Columns by which rows are a person's own, those that others refer to last."""
    found = [
        one for one in places.named(*RECORD, *PERSON, *EVIDENCE, *REFERENCE)
        if one.full_table not in LEDGERS and one.schema not in ("pg_temp",)
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.full_table == "identity.record")


def _source(column: Column) -> tuple[str, str]:
    if column.name in RECORD:
        return "gone_record", "record_id"
    if column.name in PERSON:
        return "gone_person where whole", "person_id"
    return ("gone_fact", "evidence_id") if column.name in EVIDENCE else ("gone_ref", "person_ref")


def _delete(connection: Connection, column: Column, source: str, key: str, gone: dict[str, int]) -> None:
    statement = sql.SQL("delete from {} where {} in (select {} from {})").format(
        column.of,
        sql.Identifier(column.name),
        sql.Identifier(key),
        sql.SQL(source),
    )
    rows = connection.execute(statement).rowcount
    gone[column.full_table] = gone.get(column.full_table, 0) + rows


def _lift_append_only(connection: Connection) -> list[tuple[str, str]]:
    """What people said stays as it was said, but for an erasure: the refusals of our own tables are lifted for this
    transaction. Never those of the audit log."""
    found = connection.execute(
        "select n.nspname || '.' || c.relname, t.tgname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid"
        " join pg_namespace n on n.oid = c.relnamespace where t.tgname = 'append_only'"
        " and n.nspname in ('casework', 'identity')"
    ).fetchall()
    for table, trigger in found:
        connection.execute(
            sql.SQL("alter table {} disable trigger {}").format(
                sql.Identifier(*table.split(".")), sql.Identifier(trigger)
            )
        )
    return [(table, trigger) for table, trigger in found]


def _erase_from_casework(connection: Connection, gone: dict[str, int]) -> None:
    """Free text and delivered rows of the cases touched; states, days and pounds stay, as the accounts need them."""
    cases = "case_id in (select case_id from touched_case)"
    gone["casework.baseline_evidence"] = connection.execute(
        f"delete from casework.baseline_evidence where {cases}".encode()  # noqa: S608
    ).rowcount
    removed = "'Taken away: somebody of the family was erased.'"
    for table in ("step", "certificate", "claim"):
        by_people = " and by_whom <> 'pipeline'" if table == "step" else ""
        connection.execute(
            f"update casework.{table} set why = {removed} where {cases}{by_people}".encode()  # noqa: S608
        )
    # A claim's file names delivered rows, and quotes what was certified.
    connection.execute(
        f"""
        update casework.claim set evidence = (evidence - 'certificates') || jsonb_build_object(
            'rows_taken_away', true,
            'tests', coalesce((select jsonb_agg(test || '{{"rows_before": [], "rows_now": []}}'::jsonb)
                               from jsonb_array_elements(evidence -> 'tests') test), '[]'::jsonb))
        where {cases}
        """.encode()  # noqa: S608
    )


def _erase_quarantine(connection: Connection, gone: dict[str, int]) -> None:
    gone["registry.quarantine"] = connection.execute(
        "delete from registry.quarantine q using identity.quarantined_row r, registry.delivery d"
        " where (r.delivery_id, r.table_name, r.row_number) = (q.delivery_id, q.table_name, q.row_number)"
        " and d.delivery_id = r.delivery_id and (d.partner, r.person_ref) in (select partner, person_ref from gone_ref)"
    ).rowcount


def _erase_from_review(connection: Connection, gone: dict[str, int]) -> None:
    """Answers and questions about the person, with all that partners replied to them."""
    asked = (
        "select question_id from identity.review_question where person_ref_a in (select person_ref from gone_ref)"
        " or person_ref_b in (select person_ref from gone_ref)"
    )
    for table in ("review_answer", "review_reply", "review_question"):
        gone[f"identity.{table}"] = connection.execute(
            f"delete from identity.{table} where question_id in ({asked})".encode()  # noqa: S608
        ).rowcount


def _end_ids(connection: Connection) -> None:
    """The ledgers say that an id ended by erasure. A person's own number goes, with the numbers that became it."""
    connection.execute(
        """
        create temporary table ended_person on commit drop as
        with recursive line (person_id) as (
            select person_id from gone_person where whole
            union select l.old_id from identity.person_ledger l join line on line.person_id = l.new_id
                  where l.change = 'merge' and l.old_id is not null
        ) select person_id from line;
        create temporary table ended_family on commit drop as
        select family_id from touched_family t where exists (select from publication.family_ledger l
                                                             where t.family_id in (l.old_id, l.new_id))
           and not exists (select from publication.family_member m where m.family_id = t.family_id)
           and not exists (select from publication.family_ledger l
                           where l.old_id = t.family_id and l.change in ('merge', 'retired', 'erased'));
        create temporary table highest on commit drop as
        select coalesce(max(greatest(old_id, new_id)), 0) as id from identity.person_ledger;
        delete from identity.person_ledger
        where old_id in (select person_id from ended_person) or new_id in (select person_id from ended_person);
        insert into identity.person_ledger (run_id, old_id, new_id, change)
        select (select max(run_id) from registry.run), null, id + 1, 'erased' from highest
        where exists (select from ended_person) and exists (select from registry.run);
        insert into publication.family_ledger (run_id, old_id, new_id, change)
        select (select max(run_id) from registry.run), family_id, null, 'erased' from ended_family;
        """
    )


def forget_places(connection: Connection) -> None:
    """A place where nobody lives, or has lived, is no longer held."""
    connection.execute(
        """
        delete from identity.place p where not exists (
            select from evidence.residence r where p.place_id in (r.place_id, r.address_id))
        and not exists (
            select from rights.held_row h where h.table_name = 'evidence.residence'
            and p.place_id in ((h.content ->> 'place_id')::bigint, (h.content ->> 'address_id')::bigint))
        """
    )


def _nothing_is_left(connection: Connection, places: Places) -> None:
    for column in _of_persons(places):
        source, key = _source(column)
        left = connection.execute(
            sql.SQL("select exists (select from {} where {} in (select {} from {}))").format(
                column.of,
                sql.Identifier(column.name),
                sql.Identifier(key),
                sql.SQL(source),
            )
        ).fetchone()
        if left == (True,):
            raise StoreError(
                where=f"erasure, table {column.full_table}",
                rule="rows of the person would be left; nothing was changed.",
                remedy="this is a fault of the program: report it.",
            )
