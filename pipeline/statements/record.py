"""Keep what a run says of each family: one row per stretch of runs that say the same."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pandas as pd
import psycopg

from pipeline.criteria import Pack
from pipeline.records import CriteriaResult
from pipeline.store.bulk import copy_frame

NOT_MET, NO_RULE = "not_met", "no rule met"


def record(
    connection: psycopg.Connection[Any],
    run_id: int,
    pack: Pack,
    evaluated: CriteriaResult,
    evidence: pd.DataFrame,
    closed_kinds: Collection[str],
) -> None:
    """Bring publication.statement up to this run, in the caller's transaction.

    `evidence` as in pipeline.records; `closed_kinds`: kinds of feeds closed to onward disclosure. Unlike the periods of
    the cohort, a run that looks back is kept as well: it is what was said. Nothing is written where nothing changed.
    """
    said = statements(pack, evaluated, evidence, closed_kinds)
    connection.execute(
        "create temporary table said_now (family_id bigint primary key, selected boolean, standing text,"
        " criteria_met int, criteria text) on commit drop"
    )
    copy_frame(connection, "said_now", said)
    values = {"pack": pack.id, "run": run_id}
    connection.execute(
        """
        update publication.statement s set until_run = %(run)s
        where s.pack = %(pack)s and s.until_run is null and not exists (
            select from said_now n where n.family_id = s.family_id and n.selected = s.selected
            and n.standing = s.standing and n.criteria_met = s.criteria_met and n.criteria::jsonb = s.criteria)
        """,
        values,
    )
    connection.execute(
        """
        insert into publication.statement (pack, family_id, from_run, selected, standing, criteria_met, criteria)
        select %(pack)s, n.family_id, %(run)s, n.selected, n.standing, n.criteria_met, n.criteria::jsonb
        from said_now n where not exists (
            select from publication.statement s
            where s.pack = %(pack)s and s.family_id = n.family_id and s.until_run is null)
        """,
        values,
    )


def statements(
    pack: Pack, evaluated: CriteriaResult, evidence: pd.DataFrame, closed_kinds: Collection[str]
) -> pd.DataFrame:
    """One row per family looked at: family_id · selected · standing · criteria_met · criteria (JSON text).

    Evidence is told by partner, kind and days, not by id: a row delivered again is the same fact.
    """
    columns = ["evidence_id", "partner", "kind", "start_date", "end_date"]
    rows = evaluated.decisive.merge(evidence[columns].drop_duplicates("evidence_id"), on="evidence_id")
    days = {name: pd.to_datetime(rows[name]).dt.strftime("%Y-%m-%d") for name in ("start_date", "end_date")}
    facts: dict[tuple[int, str], set[tuple[str, str, str | None, str | None]]] = {}
    for family, criterion, partner, kind, start, end in zip(
        rows["family_id"], rows["criterion"], rows["partner"], rows["kind"], *days.values(), strict=True
    ):
        told = (
            str(partner),
            str(kind),
            start if isinstance(start, str) else None,
            end if isinstance(end, str) else None,
        )
        facts.setdefault((family, criterion), set()).add(told)
    closed = {criterion.id: bool(set(criterion.kinds) & set(closed_kinds)) for criterion in pack.criteria}
    notable = evaluated.results[(evaluated.results["state"] != NOT_MET) | (evaluated.results["reason"] != NO_RULE)]
    by_family: dict[int, dict[str, Any]] = {}
    for family, criterion, state, reason in zip(
        notable["family_id"], notable["criterion"], notable["state"], notable["reason"], strict=True
    ):
        of = sorted(facts.get((family, criterion), ()), key=lambda one: tuple(part or "" for part in one))
        by_family.setdefault(family, {})[criterion] = {
            "state": state, "reason": reason, "contains_dwp": closed[criterion], "evidence": of,
        }  # fmt: skip
    selection = evaluated.selection
    return pd.DataFrame(
        {
            "family_id": selection["family_id"],
            "selected": selection["selected"].astype(bool),
            "standing": selection["state"].astype(str),
            "criteria_met": selection["criteria_met"],
            "criteria": [json.dumps(by_family.get(family, {})) for family in selection["family_id"]],
        }
    )
