"""What happened to each family before and after its start: outcomes and issues, from dated evidence. Pure.

Each family has windows of its own, by its own start date. Today's members count in both windows, so that a change of
household is not taken for a change of behaviour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.impact.declared import Impact, Rule
from pipeline.spans import Span, age_in_months, covered_days

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]
ADULT_MONTHS = 18 * 12
YEAR = 365.25
EARLIER, BEFORE, AFTER = "earlier", "before", "after"
PERIODS = (EARLIER, BEFORE, AFTER)
PANEL_COLUMNS = ("family_id", "measure", EARLIER, BEFORE, AFTER)


@dataclass(frozen=True)
class Window:
    """First and last day by family, both inclusive, in the order of the families."""

    first: Days
    last: Days


def windows_of(starts: pd.Series, months: int, lag: int) -> dict[str, Window]:
    """The three windows of each start date: `earlier` and `before`, of so many months up to the day before the start,
    and `after`, as long, from `lag` months after it."""
    start = pd.DatetimeIndex(starts)
    edges = [start - pd.DateOffset(months=2 * months), start - pd.DateOffset(months=months), start]
    begin = start + pd.DateOffset(months=lag)
    ends = begin + pd.DateOffset(months=months)
    day = pd.Timedelta(days=1)

    def window(first: pd.DatetimeIndex, after: pd.DatetimeIndex) -> Window:
        return Window(_days(first), _days(after - day))

    return {EARLIER: window(edges[0], edges[1]), BEFORE: window(edges[1], edges[2]), AFTER: window(begin, ends)}


def measure_families(
    starts: pd.DataFrame,
    members: pd.DataFrame,
    persons: pd.DataFrame,
    evidence: pd.DataFrame,
    covered_from: Mapping[str, pd.Timestamp],
    declared: Impact,
    as_at: pd.Timestamp,
) -> pd.DataFrame:
    """Outcomes and issues of each family in each window: family_id, measure, earlier, before, after (PANEL_COLUMNS).

    `starts`: family_id, start_date, one row per family; `members`: family_id, person_id, role; `persons`: person_id,
    birth_month; `evidence` as in pipeline.records; `covered_from`: by kind, the first day its feeds cover, only for
    kinds that are sent. Outcomes are counts or years in the window; issues are 1 or 0. A value is missing where a
    window begins before the feeds it needs, ends after the as-at date, or no partner sends what would tell.
    """
    families = starts.sort_values("family_id").drop_duplicates("family_id")
    ids = families["family_id"].to_numpy(dtype=np.int64)
    windows = windows_of(families["start_date"], declared.months, declared.lag)
    facts = _facts(ids, members, persons, evidence)
    parts = []
    for outcome in declared.outcomes:
        rows = _chosen(outcome.rule, facts)
        of_period = {period: _outcome(rows, outcome.measure, facts, window) for period, window in windows.items()}
        parts.append(_part(ids, outcome.id, of_period, [outcome.rule], windows, covered_from, as_at))
    for issue in declared.issues:
        chosen = [(rule, _chosen(rule, facts)) for rule in issue.any_of]
        found = {
            period: np.maximum.reduce(
                [np.zeros(len(ids)), *(_has(rule, rows, facts.families, window) for rule, rows in chosen)]
            )
            for period, window in windows.items()
        }
        parts.append(_part(ids, issue.id, found, issue.any_of, windows, covered_from, as_at))
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class _Facts:
    """Members' evidence by kind: `family` and `person` are positions; `child` on the fact's first day."""

    by_kind: Mapping[str, pd.DataFrame]
    nothing: pd.DataFrame
    families: int
    persons: int


def _facts(ids: Ints, members: pd.DataFrame, persons: pd.DataFrame, evidence: pd.DataFrame) -> _Facts:
    own = members[members["role"].isin(("adult", "child")) & members["family_id"].isin(ids)]
    own = own.drop_duplicates("person_id").sort_values("person_id").reset_index(drop=True)
    place = pd.Index(own["person_id"]).get_indexer(pd.Index(evidence["person_id"]))
    rows = evidence[place >= 0]
    person = place[place >= 0].astype(np.int64)
    birth = pd.to_datetime(persons.drop_duplicates("person_id").set_index("person_id")["birth_month"])
    born = birth.reindex(own["person_id"]).iloc[person]
    age = age_in_months(born, pd.to_datetime(rows["start_date"]).set_axis(born.index))
    says_child = (own["role"] == "child").to_numpy()[person]
    child = np.where(np.isnan(age), says_child, age < ADULT_MONTHS)
    told = rows.assign(
        person=person,
        family=np.searchsorted(ids, own["family_id"].to_numpy(dtype=np.int64))[person],
        child=child,
        start=_days(rows["start_date"]),
        end=_days(rows["end_date"]),
    )
    by_kind = {str(kind): found for kind, found in told.groupby(told["kind"].astype("category"), observed=True)}
    return _Facts(by_kind, told.iloc[:0], len(ids), len(own))


def _chosen(rule: Rule, facts: _Facts) -> pd.DataFrame:
    found = [facts.by_kind[kind] for kind in rule.kinds if kind in facts.by_kind]
    if not found:
        return facts.nothing
    rows = pd.concat(found) if len(found) > 1 else found[0]
    if rule.codes is not None:
        rows = rows[rows["code"].isin(rule.codes)]
    if rule.roles is not None:
        rows = rows[rows["role"].isin(rule.roles) | rows["role"].isna()]
    return rows if rule.who == "any" else rows[rows["child"] == (rule.who == "child")]


def _outcome(rows: pd.DataFrame, measure: str, facts: _Facts, window: Window) -> Floats:
    first, last = _of_rows(rows, window)
    start = _days(rows["start"])
    if measure == "count":
        inside = rows[(start >= first) & (start <= last)]
        once = inside.drop_duplicates(["person", "kind", "code", "start"])
        return np.bincount(once["family"].to_numpy(), minlength=facts.families).astype(np.float64)
    end = _days(rows["end"])
    overlaps = ((end >= first) | np.isnat(end)) & ~(start > last)
    rows, first, last, start, end = rows[overlaps], first[overlaps], last[overlaps], start[overlaps], end[overlaps]
    # Windows differ by family: count each as days from its own first, so that one span serves all.
    origin = pd.Timestamp("2000-01-01")
    longest = int((window.last - window.first).astype(np.int64).max(initial=0))
    begins = np.where(np.isnat(start) | (start < first), first, start) - first
    finishes = np.where(np.isnat(end) | (end > last), last, end) - first
    days = covered_days(
        rows["person"].to_numpy(dtype=np.int64),
        pd.Series(origin + pd.to_timedelta(begins.astype(np.int64), unit="D")),
        pd.Series(origin + pd.to_timedelta(finishes.astype(np.int64), unit="D")),
        Span(origin, origin + pd.Timedelta(days=longest)),
        facts.persons,
    )
    person, place = np.unique(rows["person"].to_numpy(dtype=np.int64), return_index=True)
    family = rows["family"].to_numpy(dtype=np.int64)[place]
    return np.asarray(np.bincount(family, weights=days[person] / YEAR, minlength=facts.families), dtype=np.float64)


def _has(rule: Rule, rows: pd.DataFrame, families: int, window: Window) -> Floats:
    first, last = _of_rows(rows, window)
    start, end = _days(rows["start"]), _days(rows["end"])
    begun = (start >= first) & (start <= last)
    if rule.rate_at_least is not None:
        return _over(rows[begun], rule.rate_at_least, families)
    if rule.on_last_day:
        inside = ~(start > last) & (np.isnat(end) | (end >= last))
    elif rule.lasts:
        inside = ~(start > last) & (np.isnat(end) | (end >= first))
    else:
        inside = begun
    return (np.bincount(rows["family"].to_numpy()[inside], minlength=families) > 0).astype(np.float64)


def _over(rows: pd.DataFrame, least: float, families: int) -> Floats:
    """Families with a person whose quantities over what was possible reach the least; a row told twice counts once."""
    once = rows.drop_duplicates(["person", "kind", "code", "start", "quantity", "out_of"])
    sums = once.groupby(["family", "person"], as_index=False)[["quantity", "out_of"]].sum()
    reached = sums[(sums["out_of"] > 0) & (sums["quantity"] >= least * sums["out_of"])]
    return (np.bincount(reached["family"].to_numpy(dtype=np.int64), minlength=families) > 0).astype(np.float64)


def _part(
    ids: Ints,
    name: str,
    values: Mapping[str, Floats],
    rules: Iterable[Rule],
    windows: Mapping[str, Window],
    covered_from: Mapping[str, pd.Timestamp],
    as_at: pd.Timestamp,
) -> pd.DataFrame:
    """The rows of one outcome or issue; what its feeds could not have told is missing, never nought."""
    firsts = [covered_from[kind] for rule in rules for kind in rule.kinds if kind in covered_from]
    until = np.datetime64(as_at, "D")
    columns = {}
    for period in PERIODS:
        window = windows[period]
        seen = np.zeros(len(ids), dtype=np.bool_)
        if firsts:
            seen = (window.first >= np.datetime64(max(firsts), "D")) & (window.last <= until)
        columns[period] = np.where(seen, values[period], np.nan)
    return pd.DataFrame({"family_id": ids, "measure": name, **columns})


def _of_rows(rows: pd.DataFrame, window: Window) -> tuple[Days, Days]:
    family = rows["family"].to_numpy()
    return window.first[family], window.last[family]


def _days(dates: pd.Series | pd.DatetimeIndex) -> Days:
    return np.asarray(pd.DatetimeIndex(dates).to_numpy().astype("datetime64[D]"))
