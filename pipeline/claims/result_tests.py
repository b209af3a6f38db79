"""Has the family's trouble lessened? Each result test of a programme, for every case, as at a date. Pure.

A case's people are those of its family when it was identified and those who live in it now: nobody improves a family's
figures by moving out. What was true at identification is kept then (`take_baselines`) and not worked out again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.claims import measure
from pipeline.claims.children import LastTerms, school_children
from pipeline.claims.declared import ResultTest, TariffPack
from pipeline.spans import Mask, Span, months_back, weeks_back

BASELINE_COLUMNS = ("case_id", "test", "value")
TEST_COLUMNS = ("case_id", "test", "state", "reason", "before", "now", "contains_dwp")
TEST_EVIDENCE_COLUMNS = ("case_id", "test", "evidence_id", "period")
BEFORE, NOW = "before", "now"


@dataclass(frozen=True)
class Measured:
    """`rows`: TEST_COLUMNS (or BASELINE_COLUMNS). `evidence`: TEST_EVIDENCE_COLUMNS, the rows they rest on."""

    rows: pd.DataFrame
    evidence: pd.DataFrame


def take_baselines(
    cases: pd.DataFrame,
    people: pd.DataFrame,
    evidence: pd.DataFrame,
    problems: pd.DataFrame,
    pack: TariffPack,
    last_terms: LastTerms,
    on: pd.Timestamp,
) -> Measured:
    """What each test will be held against, on the day of identification: one row per case and test.

    cases: case_id. people: case_id, person_id, birth_month, role. value: facts in the months before (reduction),
    children over a limit, adults on benefit, criteria met; missing where the test has none.
    """
    values, rows = [], []
    facts = measure.facts_of(people, evidence)
    for test in pack.tests:
        value = pd.Series(np.nan, index=pd.Index(cases["case_id"].to_numpy(), name="case_id"))
        if test.kind == "reduction":
            found = measure.chosen(test, facts, months_back(on, test.months))
            value = measure.per_case(found, value.index)
            rows.append(_told(found, test, BEFORE))
        elif test.kind == "each_child":
            over, _, found = school_children(test, people, facts, last_terms, on)
            value = over.groupby("case_id")["over"].sum().reindex(value.index).fillna(0).astype(float)
            rows.append(_told(found, test, BEFORE))
        elif test.kind == "off_benefit":
            found = measure.on_day(test, facts, on)
            value = found.groupby("case_id")["person_id"].nunique().reindex(value.index).fillna(0).astype(float)
            rows.append(_told(found, test, BEFORE))
        elif test.kind == "no_problem_left":
            value = problems.groupby("case_id")["criterion"].nunique().reindex(value.index).fillna(0).astype(float)
        values.append(pd.DataFrame({"case_id": value.index, "test": test.id, "value": value.to_numpy()}))
    return Measured(
        pd.concat(values, ignore_index=True)[list(BASELINE_COLUMNS)] if values else _empty(BASELINE_COLUMNS),
        _all_evidence(rows),
    )


def run_tests(
    cases: pd.DataFrame,
    people: pd.DataFrame,
    evidence: pd.DataFrame,
    baselines: pd.DataFrame,
    problems: pd.DataFrame,
    results: pd.DataFrame,
    coverage: pd.DataFrame,
    pack: TariffPack,
    last_terms: LastTerms,
    as_at: pd.Timestamp,
    closed_kinds: frozenset[str] = frozenset(),
) -> Measured:
    """Every test of the pack for every case, as at a date: one row per case and test.

    cases: case_id, identified_on. results: case_id, criterion, state, contains_dwp, of the pack now. problems:
    case_id, criterion, of identification and found later. state: passed, failed, not_applicable, too_early (its months
    reach back to before identification), needs_certificate (no feed shows it: work, or a child whom no school knows),
    or unknown (no fresh feed, no baseline). Nothing is passed on silence: a kind that no fresh feed covers makes its
    test unknown. A test that looks at `closed_kinds` (of feeds closed to onward disclosure) is marked in every state.
    """
    as_at = pd.Timestamp(as_at).normalize()
    facts = measure.facts_of(people, evidence)
    frames, rows = [], []
    for test in pack.tests:
        frame = cases[["case_id", "identified_on"]].merge(
            baselines.loc[baselines["test"] == test.id, ["case_id", "value"]], on="case_id", how="left"
        )
        frame = frame.rename(columns={"value": "before"}).assign(test=test.id, now=np.nan, state="unknown", reason="")
        if test.kind == "reduction":
            frame, found = _reduction(test, frame, facts, as_at)
        elif test.kind == "each_child":
            frame, found = _each_child(test, frame, people, facts, last_terms, as_at)
        elif test.kind == "event":
            frame, found = _event(test, frame, facts, as_at)
        elif test.kind == "off_benefit":
            frame, found = _off_benefit(test, frame, facts, as_at)
        else:
            frame, found = _no_problem_left(frame, problems, results), facts.iloc[:0]
        gaps = _gaps(test, coverage)
        if gaps:
            frame = frame.assign(state="unknown", reason=gaps)
        looks_at_results = test.kind == "no_problem_left" and bool(results["contains_dwp"].any())
        frame["contains_dwp"] = looks_at_results or bool(closed_kinds.intersection(test.all_kinds))
        frames.append(frame[list(TEST_COLUMNS)])
        rows.append(_told(found, test, NOW))
    tested = pd.concat(frames, ignore_index=True) if frames else _empty(TEST_COLUMNS)
    return Measured(tested.sort_values(["case_id", "test"], ignore_index=True, kind="stable"), _all_evidence(rows))


def _reduction(
    test: ResultTest, frame: pd.DataFrame, facts: pd.DataFrame, as_at: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    window = months_back(as_at, test.months)
    found = measure.chosen(test, facts, window)
    now = measure.per_case(found, pd.Index(frame["case_id"])).to_numpy()
    before = frame["before"].to_numpy(dtype=np.float64)
    none = (before == 0) & (now == 0)
    # Whole numbers: 60 % down from 5 is 2 exactly, whatever 5 × 0.4 is in binary.
    less = now <= before * (1 - test.by) + 1e-9
    state = np.select(
        [_early(frame, window), np.isnan(before), none, less & (before > 0)],
        ["too_early", "unknown", "not_applicable", "passed"],
        "failed",
    )
    told = [
        f"{n:.0f} in the last {test.months} months; before identification {'not known' if np.isnan(b) else f'{b:.0f}'}"
        for n, b in zip(now, before, strict=True)
    ]
    return frame.assign(now=now, state=state, reason=told), found


def _each_child(
    test: ResultTest,
    frame: pd.DataFrame,
    people: pd.DataFrame,
    facts: pd.DataFrame,
    last_terms: LastTerms,
    as_at: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    children, known_terms, found = school_children(test, people, facts, last_terms, as_at)
    by_case = children.groupby("case_id").agg(children=("over", "size"), over=("over", "sum"), silent=("silent", "sum"))
    told = by_case.reindex(frame["case_id"]).fillna(0)
    count, over, silent = (told[name].to_numpy(dtype=np.float64) for name in ("children", "over", "silent"))
    state = np.select(
        [count == 0, over > 0, np.full(len(frame), not known_terms), silent > 0],
        ["not_applicable", "failed", "unknown", "needs_certificate"],
        "passed",
    )
    reason = [
        f"children over a limit in the last {test.terms} terms: {o:.0f} of {c:.0f}"
        + (f"; without a school record: {s:.0f}" if s else "")
        for c, o, s in zip(count, over, silent, strict=True)
    ]
    return frame.assign(now=over, state=state, reason=reason), found


def _event(
    test: ResultTest, frame: pd.DataFrame, facts: pd.DataFrame, as_at: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = measure.chosen(test, facts, months_back(as_at, test.months))
    since = frame.set_index("case_id")["identified_on"].reindex(found["case_id"]).to_numpy()
    found = found[(found["start_date"] > since).to_numpy(dtype=bool)]
    now = measure.per_case(found, pd.Index(frame["case_id"])).to_numpy()
    told = np.where(now > 0, f"within the last {test.months} months", f"none in the last {test.months} months")
    return frame.assign(now=now, state=np.where(now > 0, "passed", "failed"), reason=told.astype(object)), found


def _off_benefit(
    test: ResultTest, frame: pd.DataFrame, facts: pd.DataFrame, as_at: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """An adult who was on a benefit when the family was identified has been off all of them for long enough."""
    identified = frame.set_index("case_id")["identified_on"]
    benefits = facts[facts["kind"].isin(test.kinds) & (facts["role_now"] == "adult")]
    day = identified.reindex(benefits["case_id"]).to_numpy()
    started = benefits["start_date"].isna().to_numpy() | (benefits["start_date"].to_numpy() <= day)
    then = benefits[started & (benefits["end_date"].isna().to_numpy() | (benefits["end_date"].to_numpy() >= day))]
    adult = ["case_id", "person_id"]
    passed: set[int] = set()
    early: set[int] = set()
    left = then
    for off in test.off:
        mine = left if off.codes is None else left[left["code"].isin(off.codes)]
        left = left[~pd.MultiIndex.from_frame(left[adult]).isin(pd.MultiIndex.from_frame(mine[adult]))]
        window = months_back(as_at, off.months) if off.months else weeks_back(as_at, off.of_weeks)
        allowed = 0 if off.months else 7 * (off.of_weeks - off.weeks)
        who = mine[adult].drop_duplicates()
        reaches_back = set(identified.index[(identified >= window.first).to_numpy()])
        early |= reaches_back & set(who["case_id"])
        off_long_enough = measure.covered(benefits, who, window) <= allowed
        passed |= set(who.loc[off_long_enough, "case_id"]) - reaches_back
    on_now = measure.on_day(test, facts, as_at).groupby("case_id")["person_id"].nunique()
    then_on = then.groupby("case_id")["person_id"].nunique().reindex(frame["case_id"]).fillna(0).to_numpy()
    state = np.select(
        [then_on == 0, frame["case_id"].isin(passed), frame["case_id"].isin(early)],
        ["not_applicable", "needs_certificate" if test.certified else "passed", "too_early"],
        "failed",
    )
    now = on_now.reindex(frame["case_id"]).fillna(0).to_numpy(dtype=np.float64)
    reason = [f"adults on benefit: {n:.0f}; when identified: {t:.0f}" for n, t in zip(now, then_on, strict=True)]
    return frame.assign(now=now, state=state, reason=reason), then


def _no_problem_left(frame: pd.DataFrame, problems: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Every criterion the family met when identified, or since, is not met now."""
    asked = (
        problems[["case_id", "criterion"]]
        .drop_duplicates()
        .merge(results[["case_id", "criterion", "state"]], on=["case_id", "criterion"], how="left")
    )
    asked["state"] = asked["state"].fillna("unknown")
    count = asked.groupby("case_id").size().reindex(frame["case_id"]).fillna(0).to_numpy(dtype=np.float64)
    left, unknown = (
        asked[asked["state"] == state].groupby("case_id").size().reindex(frame["case_id"]).fillna(0).to_numpy()
        for state in ("met", "unknown")
    )
    state = np.select([count == 0, left > 0, unknown > 0], ["unknown", "failed", "unknown"], "passed")
    reason = [
        "no problem on record"
        if c == 0
        else f"problems left: {b:.0f} of {c:.0f}" + (f"; not known: {u:.0f}" if u else "")
        for c, b, u in zip(count, left, unknown, strict=True)
    ]
    return frame.assign(now=left, state=state, reason=reason)


def _early(frame: pd.DataFrame, window: Span) -> Mask:
    """Whether the window begins on or before the day of identification: the two would share days."""
    return np.asarray(frame["identified_on"] >= window.first, dtype=bool)


def _gaps(test: ResultTest, coverage: pd.DataFrame) -> str:
    """Why nothing can be said: a kind that nobody sends, or a feed of it that is stale."""
    gaps = []
    for kind in test.all_kinds:
        feeds = coverage[coverage["kind"] == kind]
        if feeds.empty:
            gaps.append(f"no feed of {kind}")
        gaps += [
            f"stale feed of {kind} from {name}" for name in sorted(feeds.loc[~feeds["fresh"].astype(bool), "partner"])
        ]
    return "; ".join(gaps)


def _told(found: pd.DataFrame, test: ResultTest, period: str) -> pd.DataFrame:
    return found[["case_id", "evidence_id"]].assign(test=test.id, period=period)


def _all_evidence(rows: list[pd.DataFrame]) -> pd.DataFrame:
    told = pd.concat(rows, ignore_index=True) if rows else _empty(TEST_EVIDENCE_COLUMNS)
    return (
        told[list(TEST_EVIDENCE_COLUMNS)]
        .drop_duplicates()
        .sort_values(["case_id", "test", "period", "evidence_id"], ignore_index=True)
    )


def _empty(columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))
