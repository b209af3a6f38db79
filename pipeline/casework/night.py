"""One night's casework: cases follow their families, new ones are opened, costs, priority, progress and claims. Pure.

Frames in, frames out; what stands on file comes in as `Standing` (`reading`), and what is new goes out as `Night`, for
`register` to write. A case opened tonight has a number below zero until it is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.casework.declared import Declared
from pipeline.casework.follow import Followed, follow
from pipeline.casework.life import IDENTIFIED, MERGED
from pipeline.casework.priority import Priority, prioritise
from pipeline.claims import claim_lines, lineages, run_tests, take_baselines
from pipeline.claims.claimable import LINE_COLUMNS
from pipeline.claims.result_tests import Measured
from pipeline.costs import duplicated_services, family_costs
from pipeline.records import CriteriaResult, FamilyResult
from pipeline.spans import Ints, own_members


@dataclass(frozen=True)
class Standing:
    """What stands on file of a pack's cases before tonight.

    cases: case_id, family_id, state, identified_on, attached_on; those merged away are left out. case_records: case_id,
    record_id. case_families: case_id, family_id. baselines: case_id, test, value. problems: case_id, criterion,
    found_on. claimed: case_id, family_id, claim, pounds, tariff_year. certificates: case_id, test. nominations:
    record_id, partner, nominated_on, rank. ledger: old_id, new_id, change, of all runs before. published_to: the latest
    as-at date published under the pack, missing before the first.
    """

    cases: pd.DataFrame
    case_records: pd.DataFrame
    case_families: pd.DataFrame
    baselines: pd.DataFrame
    problems: pd.DataFrame
    claimed: pd.DataFrame
    certificates: pd.DataFrame
    nominations: pd.DataFrame
    ledger: pd.DataFrame
    published_to: pd.Timestamp | None = None


@dataclass(frozen=True)
class Facts:
    """Tonight's frames of the build, as in pipeline.records; `person_map`: record_id, person_id."""

    formed: FamilyResult
    evaluated: CriteriaResult
    persons: pd.DataFrame
    evidence: pd.DataFrame
    coverage: pd.DataFrame
    person_map: pd.DataFrame
    as_at: pd.Timestamp


@dataclass(frozen=True)
class Night:
    """What to write. `cases`: all leading cases as of tonight; `opened`: case_id (below zero), family_id, split_from,
    contains_dwp. `baselines` and `problems` are the new ones; `records` are the opened cases' (case_id, record_id)."""

    cases: pd.DataFrame
    followed: Followed
    opened: pd.DataFrame
    records: pd.DataFrame
    baselines: Measured
    problems: pd.DataFrame
    costs: pd.DataFrame
    duplicated: pd.DataFrame
    priority: Priority
    tests: Measured
    lines: pd.DataFrame
    counts: dict[str, int] = field(default_factory=dict)


def work_out(standing: Standing, declared: Declared, facts: Facts) -> Night:
    """The whole of a night's casework, in order. The same facts on the same files give the same night.

    A night as at an earlier day than was published before looks back and opens no case: `pipeline.identify` does, when
    somebody says so and why.
    """
    results = marked(facts.evaluated.results, declared)
    home = own_members(facts.formed.members, facts.as_at)
    then = standing.case_records.merge(facts.person_map, on="record_id")[["case_id", "person_id"]].drop_duplicates()
    selected = facts.evaluated.selection.loc[facts.evaluated.selection["selected"].astype(bool), "family_id"]
    if standing.published_to is not None and facts.as_at < standing.published_to:
        selected = selected.iloc[:0]
    places = {name: state.place for name, state in declared.life.states.items()}
    followed = follow(standing.cases, then, home, facts.formed.ledger, selected, places)
    opened = numbered_below_zero(followed.opened, results)
    cases = _cases(standing, followed, opened, facts.as_at)

    people = people_of(cases, then, home, facts.persons)
    here = _of_cases(results, cases)
    problems = _new_problems(here, cases, standing.problems, facts.as_at)
    fresh = cases[cases["case_id"].isin(opened["case_id"])]
    known_problems = stacked(standing.problems, problems)
    baselines = _baselines(fresh, people, facts.evidence, problems, declared, facts.as_at)

    wanted = _families_of_interest(facts, declared, home, standing.nominations)
    costs = family_costs(
        facts.formed.members, facts.persons, facts.evidence, declared.costs, facts.as_at, families=wanted
    )
    duplicated = duplicated_services(facts.formed.members, facts.evidence, declared.costs, facts.as_at)
    priority = prioritise(
        facts.evaluated.selection, results, costs, facts.formed.members, facts.evidence,
        standing.nominations.merge(facts.person_map, on="record_id"), declared.costs.spells, declared.weights,
        facts.as_at, closed_values(declared),
    )  # fmt: skip
    all_baselines = stacked(standing.baselines, baselines.rows)
    tests = _tests(cases, people, facts, all_baselines, known_problems, here, declared)
    lines = lines_of(cases, tests.rows, standing, known_problems, facts.formed.ledger, declared)
    return Night(
        cases=cases, followed=followed, opened=opened, records=records_of(opened, home, facts.person_map),
        baselines=baselines, problems=problems, costs=costs, duplicated=duplicated, priority=priority, tests=tests,
        lines=lines,
        counts={
            "cases_opened": len(opened), "cases": len(cases), "families_costed": int(costs["family_id"].nunique()),
            "families_listed": len(priority.families), "claimable": int((lines["state"] == "claimable").sum()),
        },
    )  # fmt: skip


def lines_of(
    cases: pd.DataFrame,
    tests: pd.DataFrame,
    standing: Standing,
    problems: pd.DataFrame,
    ledger: pd.DataFrame,
    declared: Declared,
) -> pd.DataFrame:
    """CLAIM_LINES of all cases: what can be claimed now (`pipeline.claims.claim_lines`), one lineage a family."""
    if declared.tariffs is None:
        return pd.DataFrame(columns=list(LINE_COLUMNS)).astype({"case_id": "int64", "pounds": "int64"})
    known = stacked(standing.case_families[["case_id", "family_id"]], cases[["case_id", "family_id"]])
    ids = stacked(cases[["family_id"]], standing.claimed[["family_id"]])["family_id"].astype("int64")
    joined = stacked(standing.ledger, ledger)
    found = lineages(ids, known.drop_duplicates(), joined)
    told = cases.assign(lineage=found.iloc[: len(cases)].to_numpy())
    claimed = standing.claimed.assign(lineage=found.iloc[len(cases) :].to_numpy())
    since = cases.set_index("case_id")["identified_on"].reindex(problems["case_id"]).to_numpy()
    first = problems[(pd.to_datetime(problems["found_on"]) <= since).to_numpy()]
    return claim_lines(told, tests, claimed, standing.certificates, first, declared.tariffs)


def stacked(*frames: pd.DataFrame) -> pd.DataFrame:
    """Frames under each other; those without rows, and columns without values, have no say in the columns' types."""
    columns = list(dict.fromkeys(name for frame in frames for name in frame))
    filled = [frame.dropna(axis="columns", how="all") for frame in frames if len(frame)]
    return (
        pd.concat(filled, ignore_index=True).reindex(columns=columns) if filled else frames[0].reindex(columns=columns)
    )


def marked(results: pd.DataFrame, declared: Declared) -> pd.DataFrame:
    """Results with contains_dwp: whether the criterion looks at evidence that is closed to onward disclosure."""
    return results.assign(contains_dwp=results["criterion"].map(declared.closed_criteria()).astype(bool))


def closed_values(declared: Declared) -> frozenset[str]:
    """Which of the values that a priority is made of a closed feed goes into."""
    values = {
        "criteria_met": any(declared.closed_criteria().values()),
        "fiscal_cost": any(declared.costs.is_closed(rule) for rule in declared.costs.rules),
        "partners": bool(declared.closed.kinds - set(declared.weights.routine)),
        "nominating_partners": declared.closed.nominates,
        "best_rank": declared.closed.nominates,
    }
    return frozenset(name for name, closed in values.items() if closed)


def numbered_below_zero(opened: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Cases to open, with provisional numbers; contains_dwp: a criterion that the family meets is marked so."""
    flagged = results.loc[(results["state"] == "met") & results["contains_dwp"], "family_id"]
    return opened.reset_index(drop=True).assign(
        case_id=-np.arange(1, len(opened) + 1, dtype=np.int64),
        contains_dwp=opened["family_id"].isin(flagged).to_numpy(),
    )


def _cases(standing: Standing, followed: Followed, opened: pd.DataFrame, as_at: pd.Timestamp) -> pd.DataFrame:
    """Leading cases as of tonight: case_id, family_id, state, identified_on, attached_on."""
    moved = followed.followed.set_index("case_id")["family_id"]
    cases = standing.cases[~standing.cases["case_id"].isin(followed.merged["case_id"])]
    cases = cases.assign(family_id=cases["case_id"].map(moved).fillna(cases["family_id"]).astype("int64"))
    new = opened[["case_id", "family_id"]].assign(
        state=IDENTIFIED, identified_on=as_at, attached_on=pd.Series(pd.NaT, opened.index, dtype="datetime64[ns]")
    )
    both = stacked(cases, new)
    for column in ("identified_on", "attached_on"):
        both[column] = pd.to_datetime(both[column])
    return both[both["state"] != MERGED].reset_index(drop=True)


def people_of(cases: pd.DataFrame, then: pd.DataFrame, home: pd.DataFrame, persons: pd.DataFrame) -> pd.DataFrame:
    """case_id, person_id, birth_month, role: those of the day of identification and those of now."""
    now = cases[["case_id", "family_id"]].merge(home, on="family_id")[["case_id", "person_id"]]
    people = stacked(then[then["case_id"].isin(cases["case_id"])], now).drop_duplicates(ignore_index=True)
    role = home.set_index("person_id")["role"]
    birth = persons.drop_duplicates("person_id").set_index("person_id")["birth_month"]
    return people.assign(
        birth_month=pd.to_datetime(birth.reindex(people["person_id"])).to_numpy(),
        role=role.reindex(people["person_id"]).fillna("adult").to_numpy(),
    )


def _of_cases(results: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    return cases[["case_id", "family_id"]].merge(results, on="family_id").drop(columns="family_id")


def _new_problems(here: pd.DataFrame, cases: pd.DataFrame, known: pd.DataFrame, as_at: pd.Timestamp) -> pd.DataFrame:
    """case_id, criterion, found_on, contains_dwp: criteria met tonight that are not on file; none of days before the
    family was identified."""
    met = here[here["state"] == "met"][["case_id", "criterion", "contains_dwp"]]
    since = cases.set_index("case_id")["identified_on"].reindex(met["case_id"]).to_numpy()
    met = met[since <= np.datetime64(as_at)]
    on_file = pd.MultiIndex.from_frame(known[["case_id", "criterion"]])
    fresh = met[~pd.MultiIndex.from_frame(met[["case_id", "criterion"]]).isin(on_file)]
    return fresh.assign(found_on=as_at)[["case_id", "criterion", "found_on", "contains_dwp"]].reset_index(drop=True)


def _baselines(
    fresh: pd.DataFrame, people: pd.DataFrame, evidence: pd.DataFrame, problems: pd.DataFrame, declared: Declared,
    on: pd.Timestamp,
) -> Measured:  # fmt: skip
    if declared.tariffs is None:
        return Measured(pd.DataFrame(columns=["case_id", "test", "value"]), _no_evidence())
    mine = people[people["case_id"].isin(fresh["case_id"])]
    return take_baselines(fresh, mine, evidence, problems, declared.tariffs, declared.last_terms, on)


def _tests(
    cases: pd.DataFrame, people: pd.DataFrame, facts: Facts, baselines: pd.DataFrame, problems: pd.DataFrame,
    here: pd.DataFrame, declared: Declared,
) -> Measured:  # fmt: skip
    if declared.tariffs is None:
        columns = ["case_id", "test", "state", "reason", "before", "now", "contains_dwp"]
        return Measured(pd.DataFrame(columns=columns), _no_evidence())
    return run_tests(
        cases, people, facts.evidence, baselines, problems, here, facts.coverage, declared.tariffs, declared.last_terms,
        facts.as_at, declared.closed.kinds,
    )  # fmt: skip


def _families_of_interest(facts: Facts, declared: Declared, home: pd.DataFrame, nominations: pd.DataFrame) -> Ints:
    """The families whose costs are worked out: those the pack looks at, and those nominated."""
    nominated = facts.person_map.loc[facts.person_map["record_id"].isin(nominations["record_id"]), "person_id"]
    named = home.loc[home["person_id"].isin(nominated), "family_id"]
    looked_at = facts.evaluated.selection["family_id"].to_numpy(dtype=np.int64)
    return np.union1d(looked_at, named.to_numpy(dtype=np.int64))


def records_of(opened: pd.DataFrame, home: pd.DataFrame, person_map: pd.DataFrame) -> pd.DataFrame:
    """The records of the people of each case opened tonight: case_id, record_id."""
    people = opened[["case_id", "family_id"]].merge(home, on="family_id")
    return people.merge(person_map, on="person_id")[["case_id", "record_id"]]


def _no_evidence() -> pd.DataFrame:
    return pd.DataFrame(columns=["case_id", "test", "evidence_id", "period"])
