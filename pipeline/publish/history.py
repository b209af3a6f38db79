"""What we said about each family, and when: periods that open and close as runs change their mind."""

from __future__ import annotations

from typing import Any

import psycopg

from pipeline.publish.run import Run
from pipeline.records import CriteriaResult
from pipeline.store.bulk import copy_frame


def record(connection: psycopg.Connection[Any], run: Run, evaluated: CriteriaResult) -> None:
    """Bring `family_history` (transaction time) and `cohort` (as-at dates, in OMOP's form) up to this run.

    A build as at an earlier date than was published before looks back, and leaves the periods as they are: what was
    true then is no change of mind now. A period is closed when a family's selection or number of criteria met changes,
    or the family is gone; nothing changes on an unchanged re-run. A family in the cohort has one open period per pack.
    """
    if _looks_back(connection, run):
        return
    connection.execute(
        "create temporary table selection_now (family_id bigint primary key, selected boolean, criteria_met int)"
        " on commit drop"
    )
    now = evaluated.selection[["family_id", "selected", "criteria_met"]]
    copy_frame(connection, "selection_now", now)
    pack = {"pack": run.pack.id, "as_at": run.as_at}
    connection.execute(
        """
        update publication.family_history h set valid_to = now()
        where h.pack = %(pack)s and h.valid_to is null and not exists (
            select 1 from selection_now n where n.family_id = h.family_id
            and n.selected = h.selected and n.criteria_met = h.criteria_met)
        """,
        pack,
    )
    connection.execute(
        """
        insert into publication.family_history (family_id, pack, selected, criteria_met, valid_from)
        select n.family_id, %(pack)s, n.selected, n.criteria_met, now() from selection_now n
        where not exists (select 1 from publication.family_history h
            where h.family_id = n.family_id and h.pack = %(pack)s and h.valid_to is null)
        """,
        pack,
    )
    connection.execute(
        """
        update publication.cohort c set cohort_end_date = greatest(%(as_at)s, c.cohort_start_date)
        where c.pack = %(pack)s and c.cohort_end_date is null and not exists (
            select 1 from selection_now n where n.family_id = c.family_id and n.selected)
        """,
        pack,
    )
    connection.execute(
        """
        insert into publication.cohort (pack, family_id, cohort_start_date)
        select %(pack)s, n.family_id, %(as_at)s from selection_now n
        where n.selected and not exists (select 1 from publication.cohort c
            where c.family_id = n.family_id and c.pack = %(pack)s and c.cohort_end_date is null)
        """,
        pack,
    )


def _looks_back(connection: psycopg.Connection[Any], run: Run) -> bool:
    row = connection.execute(
        "select max(as_at) > %s from registry.run where state = 'published' and pack = %s", (run.as_at, run.pack.id)
    ).fetchone()
    return bool(row and row[0])
