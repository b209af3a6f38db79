"""Identify families as at an earlier date: for a council that takes the system into use after its programme began.

The evidence held is asked which of today's families the pack would have selected then. A family without a case gets
one of that day; one that is only identified so far is moved back to it. What people have verified is left alone.
Progress and claims follow with the next build.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline import audit, casework, criteria, nightly
from pipeline import families as families_stage
from pipeline.casework.life import IDENTIFIED
from pipeline.casework.night import marked, numbered_below_zero, people_of, records_of
from pipeline.casework.register import open_cases, sync_life, write_baselines, write_problems
from pipeline.claims import take_baselines
from pipeline.contracts import load_contracts
from pipeline.errors import CaseworkError
from pipeline.settings import Settings
from pipeline.spans import own_members
from pipeline.store.bulk import read_frame
from pipeline.store.database import Database
from pipeline.store.published import published_run

COORDINATOR = "coordinator"


@dataclass(frozen=True)
class Identified:
    """How many cases were opened, and how many were moved back to the day."""

    opened: int
    moved_back: int


def identify(
    settings: Settings,
    database: Database,
    declared: casework.Declared,
    on: dt.date,
    *,
    by_whom: str,
    why: str,
    named: Sequence[int] = (),
) -> Identified:
    """Open the cases of families that the pack would have selected on a day, with baselines of that day.

    `named`: these families instead, whether selected or not (a partner's nomination that people agree with). Raises
    CaseworkError when the day lies after the last run's, a family is not there, or nobody and no reason is given.
    """
    last = published_run(database)
    if on > last.as_at or not by_whom.strip() or not why.strip():
        raise CaseworkError(
            where="cases identify",
            rule=f"it needs a day up to the last run's ({last.as_at}), who says so and why.",
            remedy="give --as-at, --by and --why.",
        )
    day = pd.Timestamp(on)
    facts = nightly.read_evidence_inputs(database)
    with database.adbc(role=nightly.EVALUATOR) as connection:
        person_map = read_frame(connection, "select record_id, person_id from evidence.person").to_pandas()
        families = read_frame(connection, "select * from publication.family").to_pandas(date_as_object=False)
        members = read_frame(connection, "select * from publication.family_member").to_pandas(date_as_object=False)
    persons = families_stage.persons_frame(facts.attributes, person_map)
    evidence = families_stage.by_person(facts.facts, person_map)
    contracts = load_contracts(settings.declarations, declared.vocabulary)
    coverage = nightly.read_coverage(database, contracts, on)
    evaluated = criteria.evaluate(families, members, persons, evidence, coverage, declared.pack, day)

    standing = casework.read_standing(database, declared.pack.id)
    selected = evaluated.selection.loc[evaluated.selection["selected"].astype(bool), "family_id"]
    if named:
        selected = pd.Series(sorted(set(named)), dtype="int64")
        if not selected.isin(families["family_id"]).all():
            raise CaseworkError(
                where="--family", rule="there is no such family in the last run.", remedy="look in cohort.family."
            )
    results = marked(evaluated.results, declared)
    fresh = np.setdiff1d(selected.to_numpy(dtype=np.int64), standing.cases["family_id"].to_numpy(dtype=np.int64))
    opened = numbered_below_zero(
        pd.DataFrame({"family_id": fresh, "split_from": pd.array([None] * len(fresh), dtype="Int64")}), results
    )
    back = standing.cases[
        (standing.cases["state"] == IDENTIFIED)
        & (standing.cases["identified_on"] > day)
        & standing.cases["family_id"].isin(selected)
    ]
    cases = pd.concat([opened[["case_id", "family_id"]], back[["case_id", "family_id"]]], ignore_index=True)
    home = own_members(members, day)
    met = results[results["state"] == "met"]
    problems = cases.merge(met, on="family_id")[["case_id", "criterion", "contains_dwp"]].assign(found_on=day)
    problems = problems[["case_id", "criterion", "found_on", "contains_dwp"]]

    with database.connect() as connection:
        sync_life(connection, declared.life)
        numbers = open_cases(
            connection, opened, records_of(opened, home, person_map), declared.pack.id, on,
            role=COORDINATOR, by_whom=by_whom, why=why,
        )  # fmt: skip
        for case in back["case_id"]:
            connection.execute(
                "insert into casework.step (case_id, from_state, to_state, on_date, role, by_whom, why)"
                " values (%s, '', %s, %s, %s, %s, %s)",
                (int(case), IDENTIFIED, on, COORDINATOR, by_whom, why),
            )
        if declared.tariffs is not None:
            people = people_of(cases, home.iloc[:0].assign(case_id=0)[["case_id", "person_id"]], home, persons)
            taken = take_baselines(cases, people, evidence, problems, declared.tariffs, declared.last_terms, day)
            rows, resting = (casework.numbered(frame, numbers) for frame in (taken.rows, taken.evidence))
            write_baselines(connection, rows, resting, on)
        write_problems(connection, casework.numbered(problems, numbers), None)
        counts = {"opened": len(numbers), "moved_back": len(back), "as_at": on.isoformat(), "pack": declared.pack.id}
        audit.append(connection, by_whom, "cases_identified", "casework", counts)
    return Identified(len(numbers), len(back))
