"""Evaluations and estimates on the live database: whom to compare, and what is written for analysts. No rule here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg

from pipeline import audit
from pipeline.contracts import load_agreements, load_vocabulary
from pipeline.costs import load_cost_model
from pipeline.disclosure import load_control
from pipeline.errors import DeclarationError
from pipeline.impact.declared import Impact, load_impact
from pipeline.impact.estimates import (
    ALL_AREAS,
    Estimates,
    beside_estimates,
    check_areas,
    found_in_districts,
    spread_over_areas,
)
from pipeline.impact.evaluate import Material, evaluate_programme
from pipeline.impact.money import read_programme_costs
from pipeline.impact.panel import BEFORE, measure_families
from pipeline.impact.reading import costs_of, read_in_programme, read_published
from pipeline.impact.shown import Shown, shown
from pipeline.impact.simulate import by_lot, by_record, plant
from pipeline.nightly import EVALUATOR
from pipeline.progress import Progress, silent
from pipeline.publish import latest_run
from pipeline.publish.summarise import SELECTED
from pipeline.release import ledger
from pipeline.settings import Settings
from pipeline.store.bulk import copy_frame
from pipeline.store.database import Database

COHORT, ASSIGNMENT, SIMULATION = "cohort", "assignment", "simulation"
NOWHERE = "not known"  # of families whose area no partner gave
BY_LOT, BY_RECORD = "by-lot", "by-record"
_WAYS = {BY_LOT: by_lot, BY_RECORD: by_record}


@dataclass(frozen=True)
class Drawn:
    """Whom to compare: ASSIGNMENT_COLUMNS, where they come from, and the material, changed where something was planted
    (`planted`, a share of facts)."""

    assigned: pd.DataFrame
    groups_from: str
    material: Material
    planted: float | None = None


Draw = Callable[[Database, str, Material, Impact], Drawn]


def from_cohort(database: Database, pack: str, material: Material, _declared: Impact) -> Drawn:
    """The families of the cohort's life that have been in the programme; the comparison is matched."""
    return Drawn(read_in_programme(database, pack), COHORT, material)


def from_assignment(families: pd.DataFrame) -> Draw:
    """The groups of an assignment file."""
    return lambda _database, _pack, material, _declared: Drawn(families, ASSIGNMENT, material)


def simulated(share: float, *, chosen: str = BY_LOT, start: dt.date | None = None, seed: int = 2012) -> Draw:
    """Families drawn here, with a share of their facts since the start taken out: to see what an evaluation would say.

    `chosen`: by-lot, half of those with something on record, and the others beside them; by-record, those with more on
    record likelier, to be matched. The start is by default the last day whose months after are over.
    """

    def draw(_database: Database, _pack: str, material: Material, declared: Impact) -> Drawn:
        after = pd.DateOffset(months=declared.months + declared.lag)
        begins = pd.Timestamp(start) if start else material.as_at + pd.Timedelta(days=1) - after
        assigned = _WAYS[chosen](_contacts_before(material, declared, begins), begins, seed)
        new = assigned.loc[assigned["arm"] == "new_model", "family_id"]
        persons = material.members.loc[material.members["family_id"].isin(new), "person_id"]
        evidence = plant(material.evidence, persons, begins, share, seed, declared.primary.rule.kinds)
        return Drawn(assigned, SIMULATION, replace(material, evidence=evidence), share)

    return draw


def evaluate(
    database: Database,
    settings: Settings,
    name: str,
    draw: Draw,
    programme: Path | None = None,
    progress: Progress = silent,
) -> Shown:
    """Evaluate the programme on the published run and write what analysts see, in one transaction.

    `draw` says whom to compare; `programme` is a file of the programme's own costs. Raises BuildError when nothing is
    published, nobody is in the programme or too few families can be compared; DeclarationError for a bad file.
    """
    vocabulary = load_vocabulary(settings.declarations)
    declared = load_impact(settings.declarations, vocabulary)
    model = load_cost_model(settings.declarations / "costs", vocabulary)
    if model.window_months != declared.months:
        raise DeclarationError(
            where="schemas/impact/impact.yaml, windows",
            rule=f"outcomes are compared over {declared.months} months and costs over {model.window_months}.",
            remedy="give windows.months here and window_months in schemas/costs the same number.",
        )
    costs = read_programme_costs(programme, model.agencies) if programme else None
    progress("read", 0.05)
    kinds = sorted({kind for rule in model.rules for kind in rule.kinds} | set(declared.kinds()))
    published = read_published(database, settings, kinds)
    progress("draw", 0.4)
    drawn = draw(database, published.pack, published.material, declared)
    progress("compare", 0.5)
    found = evaluate_programme(
        drawn.assigned, drawn.material, declared, costs_of(drawn.material, model, declared), costs
    )
    progress("write", 0.95)
    result = shown(found, declared, model.prices_of, load_control(settings.declarations))
    head = {
        "name": name, "groups_from": drawn.groups_from, "made_up": drawn.planted is not None, "planted": drawn.planted,
        **result.head, "as_at": published.as_at.isoformat(), "run_id": published.run_id,
    }  # fmt: skip
    result = replace(result, head=head)
    _write(database, result)
    return result


def compare_estimates(
    database: Database, settings: Settings, estimates: Estimates, place: str | None = None
) -> dict[str, Any]:
    """Families selected by district and area, as published, beside estimates; written for analysts.

    With `place`, that place's estimate as a rate a head on the people on record in each area. Returns source, pack,
    as_at, run_id and rows (BESIDE_COLUMNS). Raises DeclarationError for an area that is not on record.
    """
    declared = load_impact(settings.declarations, load_vocabulary(settings.declarations))
    control = load_control(settings.declarations)
    run_id = latest_run(database)
    with database.connect(role=EVALUATOR) as connection:
        run = connection.execute("select as_at, pack from registry.run where run_id = %s", (run_id,)).fetchone()
        assert run is not None
        found = pd.Series(
            dict(
                connection.execute(
                    "select area, families from publication.summary where criterion = %s and pack = %s order by area",
                    (SELECTED, run[1]),
                ).fetchall()
            ),
            dtype="Int64",
        )
        exact = pd.Series(
            dict(
                connection.execute(
                    "select coalesce(f.area, 'not known'), count(c.family_id) from publication.family f"
                    " left join publication.cohort c on c.family_id = f.family_id and c.pack = %s"
                    " and c.cohort_end_date is null group by 1 order by 1",
                    (run[1],),
                ).fetchall()
            ),
            dtype="int64",
        )
        people = dict(
            connection.execute(
                "select f.area, count(distinct m.person_id) from publication.family f"
                " join publication.family_member m using (family_id) where f.area is not null"
                " and m.role in ('adult', 'child') and m.end_date is null"
                " group by f.area having count(distinct m.person_id) >= %s",
                (control.threshold,),
            ).fetchall()
        )
    if found.get(NOWHERE) == 0:  # nobody is missing from the areas
        found, exact = found.drop(NOWHERE), exact.drop(NOWHERE, errors="ignore")
    if place:
        source = spread_over_areas(estimates, place, people)
    else:
        source = estimates
        check_areas(source, [area for area in found.index if area != ALL_AREAS])
    with database.connect() as connection:
        ledger.lock(connection)
        districts = _found_in_districts(connection, settings, exact, source.district_of(), (run_id, *run))
        rows = beside_estimates(source, found, districts, declared.within)
        places = range(1, len(rows) + 1)
        table = rows.assign(source=source.source, place=places, pack=run[1], as_at=run[0], run_id=run_id)
        connection.execute("delete from publication.estimate where source = %s", (source.source,))
        copy_frame(connection, "publication.estimate", table)
        audit.append(connection, "pipeline", "estimates_compared", f"run/{run_id}", {"rows": len(table)})
    return {"source": source.source, "pack": run[1], "as_at": run[0], "run_id": run_id, "rows": rows}


def _found_in_districts(
    connection: psycopg.Connection[Any], settings: Settings, exact: pd.Series, district_of: dict[str, str],
    run: tuple[int, dt.date, str],
) -> pd.Series:  # fmt: skip
    """Families selected by district, as they may be shown beside what was published by area; remembered as released."""
    if not district_of:
        return pd.Series(dtype="Int64")
    run_id, as_at, pack = run
    control, universe = load_control(settings.declarations), f"families/{pack}/{SELECTED}"
    before = ledger.released_before(connection, universe)
    table, told = found_in_districts(exact, before, district_of, control, as_at.isoformat())
    standing = {one.id: one.version for one in load_agreements(settings.declarations) if one.in_force(as_at)}
    occasion = ledger.Occasion("estimates", "counts", ledger.EVERY_NIGHT, "evaluate", standing, run_id, as_at)
    number = ledger.open_release(connection, occasion, control, ["district", "found"], len(table.names), [told])
    ledger.remember(connection, number, universe, table, told, as_at)
    return told.counts(pd.Index(table.names["district"]))


def _contacts_before(material: Material, declared: Impact, start: pd.Timestamp) -> pd.Series:
    """The primary outcome of every family of the pool in the months before a day, by family_id."""
    starts = pd.DataFrame({"family_id": material.pool, "start_date": start})
    only = replace(declared, outcomes=(declared.primary,), issues=())
    panel = measure_families(
        starts, material.members, material.persons, material.evidence, material.covered_from, only, material.as_at
    )
    return panel.set_index("family_id")[BEFORE].fillna(0.0)


def _write(database: Database, result: Shown) -> None:
    """Replace the evaluation of this name."""
    name = str(result.head["name"])
    tables = {
        "effect": result.effects, "issue": result.issues, "balance": result.balance, "return": result.returns,
        "share": result.shares, "left_out": result.left_out,
    }  # fmt: skip
    head = pd.DataFrame([result.head])
    for column in ("first_start", "last_start", "as_at"):
        head[column] = pd.to_datetime(head[column])
    for column in ("planted", "largest_difference"):
        head[column] = head[column].astype("float64")
    with database.connect() as connection:
        connection.execute("delete from publication.programme_evaluation where name = %s", (name,))
        copy_frame(connection, "publication.programme_evaluation", head)
        for part, rows in tables.items():
            copy_frame(connection, f"publication.programme_{part}", rows.assign(name=name))
        told = {"name": name, "verdict": result.head["verdict"], "made_up": result.head["made_up"]}
        audit.append(connection, "pipeline", "programme_evaluated", f"run/{result.head['run_id']}", told)
