"""In which families a partner's own records have a part: what its own login may see of them hangs on that."""

from __future__ import annotations

import datetime as dt
from typing import Any

import psycopg

PARTS = """
    insert into publication.family_partner (family_id, partner, persons, as_at, run_id)
    select m.family_id, a.partner, count(distinct m.person_id), %s, %s
    from publication.family_member as m
    join evidence.person as p using (person_id)
    join evidence.person_attribute as a using (record_id)
    where m.end_date is null
    group by m.family_id, a.partner
"""


def record_parts(connection: psycopg.Connection[Any], run_id: int, as_at: dt.date) -> None:
    """Replace publication.family_partner inside the caller's transaction, after members and persons are written."""
    connection.execute("delete from publication.family_partner")
    connection.execute(PARTS, (as_at, run_id))
