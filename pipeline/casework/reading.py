"""What casework reads from the store: what stands on file of a pack's cases, and the last run's results."""

from __future__ import annotations

from typing import Any

import pandas as pd
from psycopg.rows import dict_row

from pipeline.casework.night import Standing
from pipeline.store.bulk import read_frame
from pipeline.store.database import Database

EVALUATOR = "wf_evaluator"
_DATES = ("identified_on", "attached_on", "found_on", "nominated_on")


def read_standing(database: Database, pack: str) -> Standing:
    """Everything on file of a pack's cases, read as the evaluating role."""
    with database.connect() as plain:
        row = plain.execute(
            "select max(as_at) from registry.run where state = 'published' and pack = %s", (pack,)
        ).fetchone()
    published_to = pd.Timestamp(row[0]) if row and row[0] else None
    with database.adbc(role=EVALUATOR) as connection:

        def frame(sql: str, *parameters: Any) -> pd.DataFrame:
            found = pd.DataFrame(read_frame(connection, sql, parameters or None).to_pandas(date_as_object=False))
            for column in _DATES:
                if column in found:
                    found[column] = pd.to_datetime(found[column]).astype("datetime64[ns]")
            return found

        return Standing(
            cases=frame(
                "select case_id, family_id, state, identified_on, attached_on from casework.family_case"
                " where pack = $1 and merged_into is null order by case_id",
                pack,
            ),
            case_records=frame(
                "select case_id, record_id from casework.case_record"
                " join casework.family_case c using (case_id) where c.pack = $1 and c.merged_into is null",
                pack,
            ),
            case_families=frame(
                "select distinct case_id, f.family_id from casework.case_family f"
                " join casework.family_case c using (case_id) where c.pack = $1 order by 1, 2",
                pack,
            ),
            # The baseline of the day of identification in force: it may have been moved back.
            baselines=frame(
                "select case_id, b.test, b.value from casework.baseline b join casework.family_case c"
                " using (case_id, identified_on) where c.pack = $1 and c.merged_into is null",
                pack,
            ),
            problems=frame(
                "select case_id, p.criterion, p.found_on from casework.problem p"
                " join casework.family_case c using (case_id) where c.pack = $1 and c.merged_into is null",
                pack,
            ),
            claimed=frame(
                "select case_id, family_id, claim, pounds::bigint as pounds, tariff_year from casework.claim"
                " where pack = $1 order by claim_id",
                pack,
            ),
            certificates=frame(
                "select case_id, k.test from casework.certificate k"
                " join casework.family_case c using (case_id) where c.pack = $1 and c.merged_into is null",
                pack,
            ),
            nominations=frame(
                "select record_id, partner, nominated_on, rank from evidence.nomination where nominated_on is not null"
            ),
            ledger=frame(
                "select old_id, new_id, change from publication.family_ledger where change in ('merge', 'split')"
            ),
            published_to=published_to,
        )


def read_tests(database: Database, pack: str) -> pd.DataFrame:
    """TEST rows of the last run: case_id, test, state, contains_dwp."""
    with database.adbc(role=EVALUATOR) as connection:
        found = read_frame(
            connection,
            "select case_id, p.test, p.state, p.contains_dwp from publication.progress p"
            " join casework.family_case c using (case_id) where c.pack = $1",
            [pack],
        )
    return pd.DataFrame(found.to_pandas())


def read_rows(database: Database, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    """Rows of a query on the views, as dicts; for the command line and the report."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows: list[dict[str, Any]] = cursor.execute(sql.encode(), parameters).fetchall()
    return rows
