"""Contested rows (Art 16): marked while their partner checks them, and closed by what the partner sends next.

The hub changes no fact itself: it does not know what is right. The request goes to the partner that delivered the row,
as a file that its kit reads (`wholefamily rejected`), under its own pseudonyms.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from pipeline.records import PEOPLE
from pipeline.rejections import RejectedRow, Rejections
from pipeline.rights.ledger import Act, Line
from pipeline.rights.tags import Tagger

Connection = psycopg.Connection[Any]
Reference = tuple[str, bytes]
CONTESTED = "contested"
NOT_CONTENT = ("record_id", "related_record_id", "evidence_id", "delivery_id", "row_number")
# Every delivered line of the records asked for, with what it says.
ROWS = """
    select r.record_id, r.partner, r.person_ref, t.delivery_id, t.table_name, t.row_number, t.content::text
    from identity.record r join (
        select record_id, delivery_id, 'people' as table_name, row_number, to_jsonb(t) as content from identity.record t
        union all select record_id, delivery_id, 'residences', row_number, to_jsonb(t) from evidence.residence t
        union all select record_id, delivery_id, 'relationships', row_number, to_jsonb(t) from evidence.relationship t
        union all select record_id, delivery_id, 'nominations', row_number, to_jsonb(t) from evidence.nomination t
        union all select record_id, delivery_id, table_name, row_number, to_jsonb(t) from evidence.fact t
    ) t using (record_id)
    where r.record_id = any(%s)
    order by r.partner, t.delivery_id, t.table_name, t.row_number, t.content::text
"""


@dataclass(frozen=True)
class Delivered:
    """A delivered line about a person, and a keyed print of all that it says."""

    record_id: int
    partner: str
    person_ref: bytes
    line: Line
    print: str


def delivered_rows(connection: Connection, tagger: Tagger, record_ids: Sequence[int]) -> list[Delivered]:
    """Every line that the records rest on, one each, as loaded now."""
    found: dict[tuple[int, str, bytes, Line], list[str]] = {}
    for record, partner, ref, delivery, table, row, content in connection.execute(ROWS, (list(record_ids),)):
        said = {key: value for key, value in json.loads(content).items() if key not in NOT_CONTENT}
        key = (record, partner, bytes(ref), Line(delivery, table, row))
        found.setdefault(key, []).append(json.dumps(said, sort_keys=True))
    return [Delivered(*key, tagger.content("\n".join(sorted(said)))) for key, said in found.items()]


def open_contests(connection: Connection, tagger: Tagger, act: Act, record_ids: Sequence[int]) -> int:
    """Mark the lines that the act names as contested; returns how many stand (a restored backup may lack some)."""
    chosen = [one for one in delivered_rows(connection, tagger, record_ids) if one.line in set(act.lines)]
    for one in chosen:
        connection.execute(
            "insert into rights.contest (request_id, record_id, delivery_id, table_name, row_number, print, state,"
            " opened_at) values (%s, %s, %s, %s, %s, %s, 'open', %s) on conflict do nothing",
            (act.request, one.record_id, one.line.delivery_id, one.line.table, one.line.row, one.print, act.moment),
        )
    return len(chosen)


def close_contests(connection: Connection, tagger: Tagger) -> int:
    """Close what the partners have answered since: the person came again, or came no more. Returns how many.

    A row that stands as it was delivered stays open. Where a row of another delivery says the same, it is confirmed;
    else it was corrected. A request whose rows are all closed is granted, or, where all are confirmed, refused by the
    source.
    """
    waiting = connection.execute(
        "select request_id, record_id, delivery_id, table_name, row_number, print from rights.contest"
        " where state = 'open'"
    ).fetchall()
    if not waiting:
        return 0
    now: dict[int, list[Delivered]] = {}
    for one in delivered_rows(connection, tagger, sorted({row[1] for row in waiting})):
        now.setdefault(one.record_id, []).append(one)
    held = {row[0] for row in connection.execute("select distinct record_id from rights.held_row")}
    closed = 0
    for request, record, delivery, table, row, was in waiting:
        rows = now.get(record, [])
        if record in held or any(one.line == Line(delivery, table, row) for one in rows):
            continue
        same = [one.line.delivery_id for one in rows if one.line.table == table and one.print == was]
        by = same or [one.line.delivery_id for one in rows if one.line.table == PEOPLE]
        connection.execute(
            "update rights.contest set state = %s, closed_at = clock_timestamp(), closed_by = %s"
            " where (request_id, delivery_id, table_name, row_number) = (%s, %s, %s, %s)",
            ("confirmed" if same else "corrected", by[0] if by else None, request, delivery, table, row),
        )
        closed += 1
    connection.execute(
        """
        update rights.request r set state = case when c.corrected then 'granted' else 'refused' end,
            decided_at = clock_timestamp(), decided_by = 'the source partner',
            decision = case when c.corrected then 'The source has sent corrected data.'
                            else 'The source has sent the same data again.' end,
            ground = case when c.corrected then null else 'accuracy_confirmed' end
        from (select request_id, bool_or(state = 'open') as waits, bool_or(state = 'corrected') as corrected
              from rights.contest group by request_id) c
        where c.request_id = r.request_id and r.state = 'open' and not c.waits
        """
    )
    return closed


def rectifications(chosen: Sequence[Delivered]) -> list[Rejections]:
    """One file per delivery, in the form that the partners' kit reads."""
    files = []
    for delivery in sorted({one.line.delivery_id for one in chosen}):
        rows = [one for one in chosen if one.line.delivery_id == delivery]
        files.append(
            Rejections(
                delivery_id=delivery, partner=rows[0].partner, state=CONTESTED, code="rectification",
                rows=tuple(
                    RejectedRow(table=one.line.table, row=one.line.row, column=None, rule=CONTESTED,
                                reference=one.person_ref.hex())
                    for one in rows
                ),
            )
        )  # fmt: skip
    return files
