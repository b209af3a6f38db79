"""Write a night's casework into the publish transaction: cases and their steps, baselines, and what readers see.

What was said stays; what is worked out is replaced. Rules belong in `night`; every step goes through the database's own
check (`casework.take_step`).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql

from pipeline import audit
from pipeline.casework.declared import Declared
from pipeline.casework.life import BUILD, Life
from pipeline.casework.night import Night
from pipeline.costs import CostModel
from pipeline.store.bulk import copy_frame

Connection = psycopg.Connection[Any]
ACTOR = "pipeline"


def record(connection: Connection, night: Night, declared: Declared, run_id: int, as_at: dt.date) -> None:
    """Everything of one night, inside the caller's transaction: it stands if and only if the rest of the night does."""
    sync_life(connection, declared.life)
    _follow(connection, night, run_id, as_at)
    numbers = open_cases(
        connection, night.opened, night.records, declared.pack.id, as_at,
        role=BUILD, by_whom=ACTOR, why=f"Selected by the pack {declared.pack.id}.", run_id=run_id,
    )  # fmt: skip
    write_baselines(
        connection, numbered(night.baselines.rows, numbers), numbered(night.baselines.evidence, numbers), as_at
    )
    write_problems(connection, numbered(night.problems, numbers), run_id)
    _costs(connection, night, declared.costs, run_id, as_at)
    _priority(connection, night, declared, run_id, as_at)
    _progress(connection, night, numbers, declared, run_id, as_at)
    replace_lines(connection, numbered(night.lines, numbers), declared, as_at)
    audit.append(connection, ACTOR, "casework", f"run/{run_id}", {**night.counts, "pack": declared.pack.id})


def sync_life(connection: Connection, life: Life) -> None:
    """Bring the database's states and moves in line with the declaration; mostly they are, and nothing is locked."""
    states = {
        (state.id, state.title, state.place, state.review, state.attaches, state.ended, state.needs)
        for state in life.states.values()
    }
    held = {(*row[:-1], tuple(row[-1])) for row in connection.execute("select * from casework.state")}
    moves = set(connection.execute("select from_state, to_state, role from casework.move").fetchall())
    if states <= held and moves == life.moves:
        return
    connection.execute("lock table casework.state in share row exclusive mode")
    connection.execute("delete from casework.move")
    copy_frame(
        connection, "casework.move", pd.DataFrame(sorted(life.moves), columns=["from_state", "to_state", "role"])
    )
    for state in sorted(states):
        connection.execute(
            "insert into casework.state values (%s, %s, %s, %s, %s, %s, %s) on conflict (state) do update set"
            " title = excluded.title, place = excluded.place, review = excluded.review, attaches = excluded.attaches,"
            " ended = excluded.ended, needs = excluded.needs",
            (*state[:-1], list(state[-1])),
        )


def numbered(frame: pd.DataFrame, numbers: dict[int, int]) -> pd.DataFrame:
    """Numbers below zero as the cases' own; rows of a case that somebody else opened meanwhile are dropped."""
    case = frame["case_id"].astype("int64")
    own = case.astype("Int64").where(case > 0, case.map(numbers).astype("Int64"))
    return frame.assign(case_id=own)[own.notna()].astype({"case_id": "int64"})


def replace_lines(connection: Connection, lines: pd.DataFrame, declared: Declared, as_at: dt.date) -> None:
    """The claims of a pack's cases, as readers see them."""
    _forget(connection, "claim_line", declared.pack.id)
    if declared.tariffs is not None and len(lines):
        titles = {claim.id: claim.title for claim in declared.tariffs.claims}
        told = lines.assign(title=lines["claim"].map(titles), as_at=as_at)
        copy_frame(connection, "publication.claim_line", told)


def _follow(connection: Connection, night: Night, run_id: int, as_at: dt.date) -> None:
    for case, leader in night.followed.merged.itertuples(index=False):
        connection.execute(
            "insert into casework.step (case_id, from_state, to_state, on_date, role, by_whom, why)"
            " select case_id, '', 'merged', greatest(since, least(%s, current_date)), 'build', %s,"
            " 'Two families became one: case ' || %s || ' leads.' from casework.family_case where case_id = %s",
            (as_at, ACTOR, int(leader), int(case)),
        )
        connection.execute(
            "update casework.family_case set merged_into = %s where case_id = %s", (int(leader), int(case))
        )
    for case, family, change in night.followed.followed.itertuples(index=False):
        connection.execute(
            "update casework.family_case set family_id = %s where case_id = %s", (int(family), int(case))
        )
        connection.execute(
            "insert into casework.case_family (case_id, family_id, run_id, change) values (%s, %s, %s, %s)",
            (int(case), int(family), run_id, change),
        )


def open_cases(
    connection: Connection,
    opened: pd.DataFrame,
    records: pd.DataFrame,
    pack: str,
    on: dt.date,
    *,
    role: str,
    by_whom: str,
    why: str,
    run_id: int | None = None,
) -> dict[int, int]:
    """Open cases identified on a day; returns their own numbers by the provisional ones.

    opened: case_id (below zero), family_id, split_from, contains_dwp. records: case_id, record_id. A family for which
    somebody opened a case meanwhile keeps that one.
    """
    connection.execute(
        "create temporary table opening (case_id bigint, family_id bigint, split_from bigint, contains_dwp boolean)"
        " on commit drop"
    )
    copy_frame(connection, "opening", opened[["case_id", "family_id", "split_from", "contains_dwp"]])
    found = connection.execute(
        "insert into casework.family_case (pack, family_id, identified_on, contains_dwp, opened_run, split_from)"
        " select %(pack)s, family_id, %(on)s, contains_dwp, %(run)s, split_from from opening order by family_id"
        " on conflict (pack, family_id) where merged_into is null do nothing returning family_id, case_id",
        {"pack": pack, "on": on, "run": run_id},
    ).fetchall()
    connection.execute("drop table opening")
    number_of = dict(found)
    provisional = zip(opened["case_id"], opened["family_id"], strict=True)
    numbers = {int(case): number_of[int(family)] for case, family in provisional if int(family) in number_of}
    cases = list(numbers.values())
    connection.execute(
        "insert into casework.step (case_id, from_state, to_state, on_date, role, by_whom, why)"
        " select case_id, '', 'identified', least(%s, current_date), %s, %s, %s"
        " from unnest(%s::bigint[]) as case_id order by case_id",
        (on, role, by_whom, why, cases),
    )
    connection.execute(
        "insert into casework.case_family (case_id, family_id, run_id, change)"
        " select case_id, family_id, %s, 'opened' from casework.family_case where case_id = any(%s)",
        (run_id, cases),
    )
    copy_frame(connection, "casework.case_record", numbered(records, numbers))
    return numbers


def write_baselines(connection: Connection, rows: pd.DataFrame, evidence: pd.DataFrame, on: dt.date) -> None:
    """Baselines of one day of identification, and the delivered rows they rest on: those rows may be gone one day."""
    copy_frame(connection, "casework.baseline", rows.assign(identified_on=on).astype({"value": "float64"}))
    connection.execute("create temporary table resting (case_id bigint, test text, evidence_id bigint) on commit drop")
    copy_frame(connection, "resting", evidence[["case_id", "test", "evidence_id"]])
    connection.execute(
        "insert into casework.baseline_evidence select r.case_id, r.test, %s, f.partner, f.kind, f.start_date,"
        " f.end_date, f.delivery_id, f.table_name, f.row_number"
        " from resting r join evidence.fact f using (evidence_id)",
        (on,),
    )
    connection.execute("drop table resting")


def write_problems(connection: Connection, problems: pd.DataFrame, run_id: int | None) -> None:
    """Criteria met, each once per case, by the earliest day it was found."""
    connection.execute("create temporary table found (like casework.problem) on commit drop")
    copy_frame(connection, "found", problems.assign(run_id=pd.array([run_id] * len(problems), dtype="Int64")))
    connection.execute(
        "insert into casework.problem select * from found on conflict (case_id, criterion) do update"
        " set found_on = least(problem.found_on, excluded.found_on),"
        " contains_dwp = problem.contains_dwp or excluded.contains_dwp"
    )
    connection.execute("drop table found")


def _costs(connection: Connection, night: Night, model: CostModel, run_id: int, as_at: dt.date) -> None:
    used = {part.cost.code: part.cost for part in model.used()}
    table = pd.DataFrame(
        [
            (c.code, c.label, c.unit, c.agency, c.fiscal, c.fiscal_year or None, c.economic, c.economic_year or None,
             c.source, c.confidence)
            for c in used.values()
        ],
        columns=["code", "label", "unit", "agency", "fiscal", "fiscal_priced_in", "economic", "economic_priced_in",
                 "source", "confidence"],
    )  # fmt: skip
    connection.execute("delete from publication.unit_cost")
    copy_frame(connection, "publication.unit_cost", table)
    titles = {rule.id: rule.title for rule in model.rules}
    connection.execute("delete from publication.family_cost")
    told = night.costs.assign(title=night.costs["cost"].map(titles), prices=model.prices_of, as_at=as_at, run_id=run_id)
    copy_frame(connection, "publication.family_cost", told)
    services = {service.id: service.title for service in model.services}
    connection.execute("delete from publication.duplicated_service")
    doubled = night.duplicated.assign(title=night.duplicated["service"].map(services), as_at=as_at, run_id=run_id)
    copy_frame(connection, "publication.duplicated_service", doubled)


def _priority(connection: Connection, night: Night, declared: Declared, run_id: int, as_at: dt.date) -> None:
    pack = declared.pack.id
    for table in ("priority", "priority_part"):
        connection.execute(sql.SQL("delete from publication.{} where pack = %s").format(sql.Identifier(table)), (pack,))
    families = night.priority.families.assign(pack=pack, as_at=as_at, run_id=run_id)
    copy_frame(connection, "publication.priority", families)
    parts = {part.id: part for part in declared.weights.parts}
    told = night.priority.parts
    told = told.assign(
        pack=pack,
        **{key: told["part"].map({name: getattr(part, key) for name, part in parts.items()})
           for key in ("title", "unit", "full_marks", "weight")},
    )  # fmt: skip
    copy_frame(connection, "publication.priority_part", told)


def _progress(
    connection: Connection, night: Night, numbers: dict[int, int], declared: Declared, run_id: int, as_at: dt.date
) -> None:
    replace_progress(
        connection,
        numbered(night.tests.rows, numbers),
        numbered(night.tests.evidence, numbers),
        declared,
        run_id,
        as_at,
    )


def replace_progress(
    connection: Connection, rows: pd.DataFrame, evidence: pd.DataFrame, declared: Declared, run_id: int, as_at: dt.date
) -> None:
    """The result tests of a pack's cases, as readers see them."""
    for table in ("progress", "progress_evidence"):
        _forget(connection, table, declared.pack.id)
    if declared.tariffs is None or not len(rows):
        return
    titles = {test.id: test.title for test in declared.tariffs.tests}
    told = rows.assign(title=rows["test"].map(titles), as_at=as_at, run_id=run_id)
    copy_frame(connection, "publication.progress", told.astype({"before": "float64", "now": "float64"}))
    copy_frame(connection, "publication.progress_evidence", evidence[["case_id", "test", "evidence_id"]])


def _forget(connection: Connection, table: str, pack: str) -> None:
    statement = sql.SQL(
        "delete from publication.{} where case_id in (select case_id from casework.family_case where pack = %s)"
    )
    connection.execute(statement.format(sql.Identifier(table)), (pack,))
