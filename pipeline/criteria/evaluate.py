"""Evaluate a pack over families' evidence: met, not met or unknown, the rows that decide it, and who is selected.

Pure and vectorised; the conventions at every edge are in docs/criteria.md and shown by tests/criteria.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.criteria.measure import Facts, facts_by_kind, find, persons_reaching
from pipeline.criteria.packs import Criterion, Pack, Rule
from pipeline.criteria.people import YEAR, age_of, belonging, live_with_parents, settle
from pipeline.criteria.selection import CriterionStanding, Standing, select
from pipeline.criteria.windows import Mask, period_of
from pipeline.records import CriteriaResult

MET, NOT_MET, UNKNOWN = "met", "not_met", "unknown"
ONLY_ELSEWHERE = " (only through a parent who lives elsewhere)"


def evaluate(
    families: pd.DataFrame,
    members: pd.DataFrame,
    persons: pd.DataFrame,
    evidence: pd.DataFrame,
    coverage: pd.DataFrame,
    pack: Pack,
    as_at: pd.Timestamp,
) -> CriteriaResult:
    """Which criteria each family meets as at a date, and which families the pack selects.

    Frames as in pipeline.records: FAMILIES, MEMBERS (as formed as at that date), PERSONS, EVIDENCE, COVERAGE (also
    `since`, if there: the first day a partner's data covers). Returns `results` (one row per family looked at and
    criterion), `decisive` (one row per family, criterion and evidence row that meets it) and `selection` (one row per
    family looked at: families with a child as the pack defines one, unless it says all). Order of rows in makes no
    difference.
    """
    as_at = pd.Timestamp(as_at).normalize()
    candidates, with_children = _candidates(families, pack)
    people = belonging(candidates, members, persons, pack, as_at)
    facts = facts_by_kind(people, evidence, pack.kinds)
    if pack.young_people is not None:
        people = _with_young_people(people, facts, coverage, pack, as_at)
    looked_at = _looked_at(with_children, people, facts, pack, as_at)
    family_ids = candidates[looked_at]
    outcomes = [_criterion(criterion, candidates, looked_at, people, facts, coverage, pack, as_at)
                for criterion in pack.criteria]  # fmt: skip
    order = ["family_id", "criterion"]
    results = pd.concat([result for _, result, _ in outcomes], ignore_index=True)
    decisive = pd.concat([rows for _, _, rows in outcomes], ignore_index=True)
    return CriteriaResult(
        results=results.sort_values(order, ignore_index=True),
        decisive=decisive.drop_duplicates().sort_values([*order, "evidence_id"], ignore_index=True),
        selection=select(family_ids, [standing for standing, _, _ in outcomes], pack),
    )


# --- which families are looked at
def _candidates(families: pd.DataFrame, pack: Pack) -> tuple[pd.Index, Mask]:
    """Ids of the families that might be looked at, in order; and which of them are of the kind with children."""
    by_kind = pack.selection.families == "with_children" and not pack.selection.also
    chosen = families[families["kind"] == "with_children"] if by_kind else families
    chosen = chosen.sort_values("family_id")
    ids = pd.Index(chosen["family_id"].to_numpy(dtype=np.int64), name="family_id")
    return ids, (chosen["kind"] == "with_children").to_numpy(dtype=bool)


def _with_young_people(
    people: pd.DataFrame, facts: Facts, coverage: pd.DataFrame, pack: Pack, as_at: pd.Timestamp
) -> pd.DataFrame:
    """Dependent children of the older ages: those who live with parents and whose evidence meets one of the rules;
    where a feed is missing that could tell, the family's role decides."""
    young = pack.young_people
    assert young is not None
    age = age_of(people, as_at)
    with np.errstate(invalid="ignore"):
        of_age = (age >= young.ages.start * YEAR) & (age < young.ages.under * YEAR)
    told = np.logical_or.reduce([persons_reaching(rule, facts, people, pack, as_at) for rule in young.any_of])
    if any(_gaps(rule, coverage, pack, as_at) for rule in young.any_of):
        told = told | people["says_child"].to_numpy(dtype=bool)
    older = of_age & told & live_with_parents(people, pack, as_at)
    return settle(people.assign(child=people["child"].to_numpy(dtype=bool) | older), pack, as_at)


def _looked_at(with_children: Mask, people: pd.DataFrame, facts: Facts, pack: Pack, as_at: pd.Timestamp) -> Mask:
    selection = pack.selection
    if selection.families == "all":
        return np.ones(len(with_children), dtype=bool)
    looked_at = with_children
    if selection.families == "with_dependent_child":
        looked_at = np.zeros(len(with_children), dtype=bool)
        looked_at[people["family"].to_numpy(dtype=np.int64)[people["child"].to_numpy(dtype=bool)]] = True
    for rule in selection.also:
        looked_at = looked_at | find(rule, facts, people, len(looked_at), pack, as_at).at_home
    return looked_at


# --- one criterion
def _criterion(
    criterion: Criterion,
    candidates: pd.Index,
    looked_at: Mask,
    people: pd.DataFrame,
    facts: Facts,
    coverage: pd.DataFrame,
    pack: Pack,
    as_at: pd.Timestamp,
) -> tuple[CriterionStanding, pd.DataFrame, pd.DataFrame]:
    """How the families looked at stand on one criterion, its RESULTS and its DECISIVE rows."""
    found = [find(rule, facts, people, len(candidates), pack, as_at) for rule in criterion.any_of]
    gaps = [_gaps(rule, coverage, pack, as_at) for rule in criterion.any_of]
    rules = tuple(
        Standing(one.at_home[looked_at], one.with_elsewhere[looked_at], bool(missing))
        for one, missing in zip(found, gaps, strict=True)
    )
    at_home = np.logical_or.reduce([one.at_home for one in rules])
    everybody = np.logical_or.reduce([one.with_elsewhere for one in rules])
    missing = list(dict.fromkeys(gap for of_rule in gaps for gap in of_rule))
    result = pd.DataFrame(
        {
            "family_id": candidates[looked_at],
            "criterion": criterion.id,
            "state": np.where(everybody, MET, UNKNOWN if missing else NOT_MET).astype(object),
            "reason": _reasons(criterion, rules, at_home, missing),
        }
    )
    rows = pd.concat([one.rows for one in found], ignore_index=True)
    family = rows["family"].to_numpy(dtype=np.int64)
    rows, family = rows[looked_at[family]], family[looked_at[family]]
    decisive = pd.DataFrame(
        {"family_id": candidates[family], "criterion": criterion.id, "evidence_id": rows["evidence_id"].to_numpy()}
    )
    return CriterionStanding(criterion, Standing(at_home, everybody, bool(missing)), rules), result, decisive


def _reasons(criterion: Criterion, rules: tuple[Standing, ...], at_home: Mask, missing: list[str]) -> pd.Series:
    """Which rules are met, else what is missing; told apart when only a parent who lives elsewhere meets it."""
    ways = np.zeros(len(at_home), dtype=np.int64)  # bit i: rule i is met; the bit after the last: not at home
    for place, rule in enumerate(rules):
        ways |= rule.with_elsewhere.astype(np.int64) << place
    ways |= ((ways > 0) & ~at_home).astype(np.int64) << len(rules)
    texts = {0: "; ".join(missing) or "no rule met"}
    for way in np.unique(ways[ways > 0]):
        names = ", ".join(rule.id for place, rule in enumerate(criterion.any_of) if way >> place & 1)
        texts[int(way)] = names + (ONLY_ELSEWHERE if way >> len(rules) & 1 else "")
    return pd.Series(ways).map(texts).astype(object)


def _gaps(rule: Rule, coverage: pd.DataFrame, pack: Pack, as_at: pd.Timestamp) -> list[str]:
    """Why "not met" could not be said: a kind nobody sends, a stale feed of it, data that start too late, or a term
    calendar that does not reach."""
    gaps = []
    for test in rule.tests:
        period = period_of(test.window, pack.terms, as_at)
        if period is None:
            gaps.append("the term calendar does not reach the as-at date")
            continue
        for kind in sorted(test.kinds):
            feeds = coverage[coverage["kind"] == kind]
            if feeds.empty:
                gaps.append(f"no feed of {kind}")
            stale = feeds.loc[~feeds["fresh"].astype(bool), "partner"]
            gaps += [f"stale feed of {kind} from {name}" for name in sorted(stale)]
            if "since" in feeds:
                late = feeds.loc[pd.to_datetime(feeds["since"]) > period.first, "partner"]
                gaps += [f"feed of {kind} from {name} starts inside the window" for name in sorted(late)]
    return gaps
