"""Counts of a run: the funnel, the overlap of criteria, and the summary by area under disclosure control.

The funnel and the overlap are exact and for those inside; the summary is made by `pipeline.disclosure` as every table
that leaves, and remembered, so that no later one gives it away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import psycopg

from pipeline.contracts import Agreement
from pipeline.criteria import Pack
from pipeline.disclosure import Control, Dimension, Released, Table, count_table
from pipeline.publish.run import Run
from pipeline.records import CriteriaResult, FamilyResult, LinkResult
from pipeline.release import ledger
from pipeline.store.bulk import copy_frame

SELECTED = "selected"
ALL_AREAS = "all areas"
NOWHERE = "not known"

# Rows that are loaded now: the whole feed as it stands with each partner's newest delivery (a delta replaces rows of
# those before it, so adding up would count a person twice); and rows that wait in quarantine, cleared by no later one.
HELD = """
    with in_force as (
        select * from registry.delivery where state in ('accepted', 'accepted_with_quarantine')
    ), newest as (
        select distinct on (partner) partner, delivery_id, rows_loaded from in_force order by partner, sequence desc
    ), feeds as (
        select coalesce(sum(m.value), newest.rows_loaded) as rows from newest
        left join registry.feed_measure m on m.delivery_id = newest.delivery_id and m.measure = 'rows'
        group by newest.partner, newest.rows_loaded
    ), loaded as (
        select coalesce(sum(rows), 0)::bigint as rows from feeds
    ), waiting as (
        select count(distinct (q.delivery_id, q.table_name, q.row_number)) as rows
        from registry.quarantine q join in_force using (delivery_id) where q.cleared_by is null
    )
    select loaded.rows + waiting.rows, loaded.rows from loaded, waiting
"""


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
    row = connection.execute(HELD).fetchone()
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
    connection: psycopg.Connection[Any],
    run: Run,
    formed: FamilyResult,
    evaluated: CriteriaResult,
    control: Control,
    agreements: Sequence[Agreement],
) -> None:
    """Families that meet each criterion, and that are selected, by area: as they may be shown, and remembered."""
    met = evaluated.results.loc[evaluated.results["state"] == "met", ["family_id", "criterion"]]
    chosen = evaluated.selection.loc[evaluated.selection["selected"], ["family_id"]].assign(criterion=SELECTED)
    homes = formed.families[["family_id", "area"]].assign(area=formed.families["area"].fillna(NOWHERE))
    flagged = pd.concat([met, chosen]).merge(homes, on="family_id")
    areas = Dimension("area", tuple(sorted(homes["area"].unique())), control.district_of, ALL_AREAS)
    made: dict[str, tuple[Table, Released]] = {}
    ledger.lock(connection)
    frames = []
    for criterion in [*(one.id for one in run.pack.criteria), SELECTED]:
        universe = f"families/{run.pack.id}/{criterion}"
        table = count_table(flagged[flagged["criterion"] == criterion], [areas], control, of=homes)
        before = ledger.released_before(connection, universe)
        told = table.released(before, run.as_at.isoformat(), strict=False)
        made[universe] = table, told
        dates = ledger.made_for(ledger.counted_on(connection, universe), table, told, run.as_at)
        frames.append(table.names.assign(criterion=criterion, families=told.counts(), counted_on=dates))
    rows = pd.concat(frames).assign(as_at=run.as_at, pack=run.pack.id)
    connection.execute("delete from publication.summary")
    copy_frame(connection, "publication.summary", rows)
    standing = {one.id: one.version for one in agreements if one.in_force(run.as_at)}
    occasion = ledger.Occasion(
        ledger.SUMMARY, "counts", ledger.EVERY_NIGHT, "identify", standing, run.run_id, run.as_at
    )
    release_id = ledger.open_release(
        connection, occasion, control, [str(name) for name in rows], len(rows), [told for _, told in made.values()]
    )
    for universe, (table, told) in made.items():
        ledger.remember(connection, release_id, universe, table, told, run.as_at)
