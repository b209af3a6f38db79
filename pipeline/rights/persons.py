"""From a partner's pseudonym to every record that linking holds for the same person, and from tags back to records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from pipeline.rights.tags import Tagger

Connection = psycopg.Connection[Any]
Reference = tuple[str, bytes]  # partner, pseudonym (16 bytes)

# Everywhere a pseudonym stands, with its partner.
PSEUDONYMS = """
    select partner, person_ref from identity.record
    union select partner, person_ref from rights.held_row
    union select d.partner, q.person_ref from identity.quarantined_row q join registry.delivery d using (delivery_id)
          where q.person_ref is not null
    union select partner_a, person_ref_a from identity.review_question
    union select partner_b, person_ref_b from identity.review_question where person_ref_b is not null
    union select partner_a, person_ref_a from identity.review_answer
    union select partner_b, person_ref_b from identity.review_answer
"""
OF_ONE_PERSON = """
    with known as (
        select record_id, partner, person_ref from identity.record
        union select distinct record_id, partner, person_ref from rights.held_row
    ), belongs as (
        select record_id, person_id from identity.person
        union select record_id, (content ->> 'person_id')::bigint from rights.held_row
              where table_name = 'identity.person'
    ), asked as (
        select record_id from known where partner = %(partner)s and person_ref = %(ref)s
    )
    select partner, person_ref from known where record_id in (
        select record_id from asked
        union select record_id from belongs
              where person_id in (select person_id from belongs join asked using (record_id)))
    order by partner, person_ref
"""


def records_of_person(connection: Connection, partner: str, person_ref: bytes) -> list[Reference]:
    """Every record that linking holds for the person of this pseudonym, the one asked for first.

    The pseudonym alone where no record has it: what arrives under it later is suppressed all the same.
    """
    found = [(of, bytes(ref)) for of, ref in connection.execute(OF_ONE_PERSON, {"partner": partner, "ref": person_ref})]
    return [(partner, person_ref), *(one for one in found if one != (partner, person_ref))]


def doubtful_records(connection: Connection, references: Iterable[Reference]) -> int:
    """How many records of others may be the same person (possible links): a person decides about them."""
    refs = [ref for _, ref in references]
    row = connection.execute(
        "with own as (select record_id from identity.record where person_ref = any(%s)), near as ("
        " select record_a as one, record_b as other from identity.link where decision = 'possible'"
        " union all select record_b, record_a from identity.link where decision = 'possible')"
        " select count(distinct other) from near where one in (select record_id from own)"
        " and other not in (select record_id from own)",
        (refs,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def with_tags(connection: Connection, tagger: Tagger, tags: Iterable[tuple[str, bytes]]) -> list[Reference]:
    """The pseudonyms, wherever they stand in the database, whose tags are these."""
    wanted: dict[str, set[bytes]] = {}
    for partner, tag in tags:
        wanted.setdefault(partner, set()).add(tag)
    found = connection.execute(
        f"select partner, person_ref from ({PSEUDONYMS}) all_of_them where partner = any(%s)".encode(),  # noqa: S608
        (sorted(wanted),),
    ).fetchall()
    return sorted(
        (partner, bytes(ref)) for partner, ref in found if tagger.record(partner, bytes(ref)) in wanted[partner]
    )
