"""Counts of a run: the funnel, the overlap of criteria, and the suppressed summary by area.

Disclosure control (domain: threshold 10, rounding to base 5) is applied here and nowhere else.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import psycopg

from pipeline.criteria import Pack
from pipeline.publish.run import Run
from pipeline.records import CriteriaResult, FamilyResult, LinkResult
from pipeline.store.bulk import copy_frame

THRESHOLD = 10
BASE = 5
SELECTED = "selected"
ALL_AREAS = "all areas"


def counts(pack: Pack, linked: LinkResult, formed: FamilyResult, evaluated: CriteriaResult) -> dict[str, Any]:
    """The run's counts, JSON-able: records, persons, families, met by criterion, selected, pairs, combinations."""
    met = evaluated.results[evaluated.results["state"] == "met"]
    per_family = met.sort_values("criterion").groupby("family_id")["criterion"].agg(tuple)
    order = {criterion.id: criterion.number for criterion in pack.criteria}
    sets = per_family.map(lambda names: tuple(sorted(names, key=order.__getitem__)))
    chosen = evaluated.selection.set_index("family_id")["selected"].reindex(sets.index, fill_value=False)
    combinations = chosen.groupby(sets).agg(["size", "any"]).sort_values("size", ascending=False, kind="stable")
    core = met[met["criterion"].isin([c.id for c in pack.criteria if not c.local])].groupby("family_id").size()
    decisions = linked.pairs["decision"].value_counts()
    return {
        "records": len(linked.persons),
        "persons": int(linked.persons["person_id"].nunique()),
        "linking": linked.parameters["build"],
        "families": len(formed.families),
        "families_with_children": int((formed.families["kind"] == "with_children").sum()),
        "families_to_review": int(formed.families["to_review"].astype(bool).sum()),
        "criteria": {
            c.id: int(((evaluated.results["criterion"] == c.id) & (evaluated.results["state"] == "met")).sum())
            for c in pack.criteria
        },
        "criteria_order": list(order),  # JSON in the database forgets the order of keys
        "core_criteria_met": {str(number): int((core >= number).sum()) for number in (1, 2, 3)},
        "selected": int(evaluated.selection["selected"].sum()),
        "unknown": int((evaluated.selection["state"] == "unknown").sum()),
        "pairs": {
            "candidate": int(linked.blocking["candidate_pairs"].sum()),
            **{decision: int(decisions.get(decision, 0)) for decision in ("match", "possible", "cut")},
        },
        "combinations": [
            {"criteria": list(names), "families": int(families), "selected": bool(selected)}
            for names, families, selected in zip(
                combinations.index, combinations["size"], combinations["any"], strict=True
            )
        ],
    }


def write_attrition(connection: psycopg.Connection[Any], run: Run, numbers: dict[str, Any]) -> None:
    """The funnel from delivered rows to selected families, one row per step."""
    row = connection.execute(
        "select coalesce(sum(rows_delivered), 0), coalesce(sum(rows_loaded), 0) from registry.delivery"
        " where state in ('accepted', 'accepted_with_quarantine')"
    ).fetchone()
    assert row is not None
    steps = [
        ("Rows delivered by the partners", int(row[0])),
        ("Rows loaded after checks and quarantine", int(row[1])),
        ("Records of people", numbers["records"]),
        ("Persons after linkage", numbers["persons"]),
        ("Families and households", numbers["families"]),
        ("Families with a dependent child", numbers["families_with_children"]),
        ("… that meet at least one of the programme's criteria", numbers["core_criteria_met"]["1"]),
        ("… that meet at least two", numbers["core_criteria_met"]["2"]),
        ("Families selected by the pack", numbers["selected"]),
    ]
    frame = pd.DataFrame(
        [(run.run_id, number, text, count) for number, (text, count) in enumerate(steps, start=1)],
        columns=["run_id", "step", "description", "count"],
    )
    connection.execute("delete from publication.attrition")
    copy_frame(connection, "publication.attrition", frame)


def write_summary(
    connection: psycopg.Connection[Any], run: Run, formed: FamilyResult, evaluated: CriteriaResult
) -> None:
    """Families that meet each criterion, and that are selected, by area: suppressed and rounded."""
    met = evaluated.results.loc[evaluated.results["state"] == "met", ["family_id", "criterion"]]
    chosen = evaluated.selection.loc[evaluated.selection["selected"], ["family_id"]].assign(criterion=SELECTED)
    flagged = pd.concat([met, chosen]).merge(formed.families[["family_id", "area"]], on="family_id", how="left")
    flagged["area"] = flagged["area"].fillna("not known")
    names = [*(criterion.id for criterion in run.pack.criteria), SELECTED]
    areas = sorted(formed.families["area"].fillna("not known").unique())
    cells = pd.MultiIndex.from_product([areas, names], names=["area", "criterion"])
    by_area = flagged.groupby(["area", "criterion"]).size().reindex(cells, fill_value=0)
    table = suppressed(by_area.unstack("criterion"))
    rows = table.melt(ignore_index=False, value_name="families").reset_index()
    rows = rows.assign(as_at=run.as_at, pack=run.pack.id)[["as_at", "area", "pack", "criterion", "families"]]
    connection.execute("delete from publication.summary")
    copy_frame(connection, "publication.summary", rows.astype({"families": "Int64"}))


def suppressed(table: pd.DataFrame) -> pd.DataFrame:
    """Areas × criteria with a total row, so that no cell under the threshold can be seen or recovered.

    A count from 1 to 9 is hidden; where a column hides exactly one cell, the smallest other one is hidden with it
    (else the total would give it away); what is shown is rounded to base 5, the totals too.
    """
    hidden = (table > 0) & (table < THRESHOLD)
    for column in table.columns:
        if hidden[column].sum() == 1:
            others = table.loc[~hidden[column] & (table[column] > 0), column]
            if len(others):
                hidden.loc[others.idxmin(), column] = True
    totals = table.sum()
    rounded = (table / BASE).round().mul(BASE).astype("Int64").mask(hidden)
    whole = (totals / BASE).round().mul(BASE).astype("Int64").mask((totals > 0) & (totals < THRESHOLD))
    rounded.loc[ALL_AREAS] = whole
    return rounded
