"""What an answer is put together from, each part read under the role that may: evidence and families by the evaluating
role, links by the linking role, deliveries and runs by either. Only here do the two meet, for one family at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd
import psycopg
from psycopg.rows import dict_row

from pipeline.criteria import Pack
from pipeline.errors import BuildError
from pipeline.store.database import Database
from pipeline.why.worlds import FamilyCase

EVALUATOR, LINKER, PIPELINE = "wf_evaluator", "wf_linker", "wf_pipeline"
Row = dict[str, Any]
RUN = """
    select run_id, pack, pack_version, model_version, code_version, as_at, started_at, finished_at as published_at,
           (parameters ->> 'prior_bits')::float8 as prior_bits
    from registry.run where state = 'published' order by run_id desc limit 1
"""
MEMBERS = """
    select family_id, person_id, role, start_date, end_date, reason, confidence, birth_month, sex
    from publication.family_member
    where person_id in (select person_id from publication.family_member where family_id = %s)
    order by family_id, person_id, start_date
"""
FACTS = """
    select f.evidence_id, p.person_id, f.record_id, f.kind, f.code, f.role, f.start_date, f.end_date, f.quantity,
           f.out_of, f.partner, f.delivery_id, f.table_name, f.row_number
    from evidence.person p join evidence.fact f using (record_id)
    where p.person_id = any(%s) and f.kind = any(%s) order by f.evidence_id
"""
DELIVERIES = """
    select delivery_id, partner, agreement_id, contract_version, period_from, period_to, created_at, received_at,
           decided_at as accepted_at, manifest_sha256, state
    from registry.delivery where delivery_id = any(%s) order by delivery_id
"""
RECORDS = """
    select r.record_id, p.person_id, r.partner, r.delivery_id, r.row_number
    from identity.person p join identity.record r using (record_id) where p.person_id = any(%s) order by r.record_id
"""
LINKS = """
    select record_a, record_b, l.blocking_pass, l.pattern, weight, probability, decision, model_version,
           case when a.key_version = b.key_version then null else p.key_version end as carried_from
    from identity.link l left join identity.link_pair p using (record_a, record_b)
    left join identity.record a on a.record_id = record_a left join identity.record b on b.record_id = record_b
    where record_a = any(%s) and record_b = any(%s) and decision <> 'cut'
"""
DOUBT = """
    select criterion, state, would_become, record_a, record_b, link_probability, otherwise
    from publication.flag_doubt where family_id = %s and pack = %s order by otherwise desc, record_a, record_b
"""
LEDGER = """
    select run_id, change, old_id, new_id from publication.family_ledger
    where old_id = %s or new_id = %s order by run_id
"""
ENTRIES = """
    select subject, max(entry_id) as entry_id from audit.log
    where subject = any(%s) and action in ('published', 'delivery accepted') group by subject
"""
LOADED_SINCE = "select count(*) as loaded from registry.delivery where decided_at > %s and state <> 'rejected'"
FRAME_DATES = ("start_date", "end_date", "birth_month")


class Reader:
    """Connections under the three roles, kept open for as many questions as are asked."""

    def __init__(self, database: Database) -> None:
        self.evaluator = database.connect(EVALUATOR, autocommit=True)
        self.linker = database.connect(LINKER, autocommit=True)
        self.pipeline = database.connect(PIPELINE, autocommit=True)

    def close(self) -> None:
        for connection in (self.evaluator, self.linker, self.pipeline):
            connection.close()

    def run(self) -> Row:
        """The run that users see. Raises BuildError where there is none."""
        found = rows(self.evaluator, RUN)
        if not found:
            raise BuildError(
                where="the live database", rule="nothing has been published yet.", remedy="run: wholefamily build"
            )
        return found[0]

    def case(
        self, family_id: int, pack: Pack, coverage: pd.DataFrame, as_at: dt.date
    ) -> tuple[FamilyCase, list[Row]] | None:
        """The family as the pack looks at it, and its evidence rows with where they came from; None: no such family."""
        family = rows(self.evaluator, "select kind from publication.family where family_id = %s", family_id)
        if not family:
            return None
        members = rows(self.evaluator, MEMBERS, family_id)
        persons = {one["person_id"]: one for one in members}
        facts = rows(self.evaluator, FACTS, list(persons), list(pack.kinds))
        case = FamilyCase(
            family_id=family_id,
            kind=family[0]["kind"],
            members=frame(
                members, ["family_id", "person_id", "role", "start_date", "end_date", "reason", "confidence"]
            ),
            persons=frame(list(persons.values()), ["person_id", "birth_month", "sex"]),
            evidence=frame(
                facts,
                [
                    "evidence_id",
                    "person_id",
                    "kind",
                    "code",
                    "role",
                    "start_date",
                    "end_date",
                    "quantity",
                    "out_of",
                    "partner",
                ],
            ),
            coverage=coverage,
            pack=pack,
            as_at=pd.Timestamp(as_at),
        )
        return case, facts

    def deliveries(self, ids: Collection[str]) -> dict[str, Row]:
        return {row["delivery_id"]: row for row in rows(self.evaluator, DELIVERIES, sorted(ids))}

    def records(self, persons: Collection[int]) -> list[Row]:
        return rows(self.linker, RECORDS, sorted(persons))

    def links(self, records: Sequence[int]) -> list[Row]:
        return rows(self.linker, LINKS, list(records), list(records))

    def doubt(self, family_id: int, pack: str) -> list[Row]:
        return rows(self.evaluator, DOUBT, family_id, pack)

    def ledger(self, family_id: int) -> list[Row]:
        return rows(self.evaluator, LEDGER, family_id, family_id)

    def entries(self, subjects: Collection[str]) -> dict[str, int]:
        return {row["subject"]: row["entry_id"] for row in rows(self.pipeline, ENTRIES, sorted(subjects))}

    def loaded_since(self, moment: dt.datetime) -> int:
        return int(rows(self.evaluator, LOADED_SINCE, moment)[0]["loaded"])


def rows(connection: psycopg.Connection[Any], sql: str, *values: Any) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found: list[Row] = cursor.execute(sql.encode(), values).fetchall()
        return found


def frame(found: Sequence[Row], columns: list[str]) -> pd.DataFrame:
    """Rows as a frame of these columns, days as pandas has them."""
    made = pd.DataFrame([[row[name] for name in columns] for row in found], columns=columns)
    for name in columns:
        if name in FRAME_DATES:
            made[name] = pd.to_datetime(made[name])
        elif name in ("quantity", "out_of", "confidence"):
            made[name] = made[name].astype("float64")
        elif name.endswith("_id"):
            made[name] = made[name].astype("int64")
    return made
