"""Does it work, in one look: whom to compare, what happened to them, what the programme changed, what it gave back.

Pure: frames in and out; every random draw is seeded by the declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import BuildError
from pipeline.impact import assignment as who
from pipeline.impact.assignment import Assignment
from pipeline.impact.declared import ARMS, NEW_MODEL, USUAL, Impact
from pipeline.impact.effect import FEWEST, Groups, effects
from pipeline.impact.match import BALANCE_COLUMNS, match_families, standardised_differences
from pipeline.impact.money import (
    RETURN_COLUMNS,
    SHARE_COLUMNS,
    Costed,
    ProgrammeCosts,
    observed,
    returns,
    shared_among_agencies,
)
from pipeline.impact.panel import AFTER, BEFORE, EARLIER, measure_families, windows_of

ASSIGNED, MATCHED = "assigned", "matched"
ISSUE_COLUMNS = (
    "issue", "arm", "families", "on_entry", "on_exit", "share_on_entry", "share_on_exit", "published_entry",
    "published_exit",
)  # fmt: skip
CostsOf = Callable[[pd.DataFrame], Costed]


@dataclass(frozen=True)
class Material:
    """What an evaluation reads: FAMILIES, MEMBERS, PERSONS and EVIDENCE of pipeline.records as of the published run;
    `pool`: families that a comparison may be drawn from; `covered_from`: by kind of evidence, the first day its feeds
    cover; `ledger`: old_id, new_id, change."""

    families: pd.DataFrame
    members: pd.DataFrame
    persons: pd.DataFrame
    evidence: pd.DataFrame
    ledger: pd.DataFrame
    pool: npt.NDArray[np.int64]
    covered_from: Mapping[str, pd.Timestamp]
    as_at: pd.Timestamp


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation says, as frames: `outcomes` and `issue_effects` (EFFECT_COLUMNS), `issues` (ISSUE_COLUMNS),
    `balance` (BALANCE_COLUMNS), `returns` (RETURN_COLUMNS), `shares` (SHARE_COLUMNS), `left_out` (arm, reason,
    families). `design`: assigned or matched."""

    design: str
    families: dict[str, int]
    first_start: pd.Timestamp
    last_start: pd.Timestamp
    outcomes: pd.DataFrame
    issue_effects: pd.DataFrame
    issues: pd.DataFrame
    balance: pd.DataFrame
    returns: pd.DataFrame
    shares: pd.DataFrame
    left_out: pd.DataFrame

    @property
    def verdict(self) -> str:
        """Of the primary outcome."""
        return str(self.outcomes["verdict"].iloc[0])


def evaluate_programme(
    assigned: pd.DataFrame,
    material: Material,
    declared: Impact,
    costs_of: CostsOf | None = None,
    programme: ProgrammeCosts | None = None,
) -> Evaluation:
    """Compare the families of the new model with business as usual, or with families matched from the pool.

    `assigned` as `read_assignment` gives it. `costs_of` says what families (family_id, start_date) cost before their
    start and after it. Raises BuildError when too few families can be compared.
    """
    followed = _followed(who.follow(assigned, material.ledger, material.families["family_id"]), material, declared)
    new = followed.families[followed.families["arm"] == NEW_MODEL]
    _enough(len(new), followed)
    if (followed.families["arm"] == USUAL).any():
        design, everybody = ASSIGNED, followed.families
        panel = _panel(everybody, material, declared)
        groups = Groups(everybody[["family_id", "arm", "cluster"]], matched=False)
        balance = _balance(_covariates(everybody, panel, material, declared), everybody)
    else:
        design = MATCHED
        pool = _pool(new, _never_in_it(assigned, material), declared.intervals.seed)
        everybody = pd.concat([new, pool], ignore_index=True)
        panel = _panel(everybody, material, declared)
        covariates = _covariates(everybody, panel, material, declared)
        treated = covariates["family_id"].isin(new["family_id"]).to_numpy()
        found = match_families(covariates, treated, declared.matching)
        groups = Groups(_of_sets(found.sets), matched=True)
        balance = found.balance
        followed = who.and_left_out(followed, len(new) - int(treated.sum()), NEW_MODEL, who.NOT_COVERED)
        followed = who.and_left_out(followed, found.unmatched, NEW_MODEL, who.NOBODY_LIKE_IT)
    return _told(design, groups, panel, everybody, balance, followed, declared, costs_of, programme)


def _told(
    design: str,
    groups: Groups,
    panel: pd.DataFrame,
    everybody: pd.DataFrame,
    balance: pd.DataFrame,
    followed: Assignment,
    declared: Impact,
    costs_of: CostsOf | None,
    programme: ProgrammeCosts | None,
) -> Evaluation:
    families = {arm: int((groups.families["arm"] == arm).sum()) for arm in ARMS}
    _enough(min(families.values()), followed)
    primary = declared.primary.id
    names = [primary, *(outcome.id for outcome in declared.outcomes if outcome.id != primary)]
    counts = [outcome.id for outcome in declared.outcomes if outcome.measure == "count"]
    starts = everybody[everybody["family_id"].isin(groups.families["family_id"])]
    table, shares = _money(groups, starts, costs_of, programme, declared)
    of_new = starts.loc[starts["family_id"].isin(groups.families.loc[groups.families["arm"] == NEW_MODEL, "family_id"])]
    return Evaluation(
        design=design,
        families=families,
        first_start=of_new["start_date"].min(),
        last_start=of_new["start_date"].max(),
        outcomes=effects(groups, panel, names, counts, primary, declared),
        issue_effects=effects(groups, panel, [issue.id for issue in declared.issues], (), "", declared),
        issues=issue_shares(groups, panel, declared),
        balance=balance,
        returns=table,
        shares=shares,
        left_out=followed.left_out.groupby(["arm", "reason"]).agg(families=("families", "sum")).reset_index(),
    )


def _money(
    groups: Groups,
    starts: pd.DataFrame,
    costs_of: CostsOf | None,
    programme: ProgrammeCosts | None,
    declared: Impact,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """RETURN_COLUMNS and SHARE_COLUMNS; no rows where nobody says what families cost, or too few are observed."""
    costed = costs_of(starts[["family_id", "start_date"]]) if costs_of else None
    seen = observed(groups, costed) if costed else None
    if costed is None or seen is None or seen.families.groupby("arm").size().reindex(ARMS, fill_value=0).min() < FEWEST:
        return pd.DataFrame(columns=list(RETURN_COLUMNS)), pd.DataFrame(columns=list(SHARE_COLUMNS))
    return (
        returns(seen, costed, programme, declared),
        shared_among_agencies(seen, costed, programme, declared.hybrid_by_headcount),
    )


def issue_shares(groups: Groups, panel: pd.DataFrame, declared: Impact) -> pd.DataFrame:
    """ISSUE_COLUMNS: families with each issue on entry and exit, by arm, with the published shares beside; missing
    where no partner sends what would tell."""
    joined = groups.families.merge(panel, on="family_id").dropna(subset=[BEFORE, AFTER])
    rows = []
    for issue in declared.issues:
        for arm in ARMS:
            seen = joined[(joined["measure"] == issue.id) & (joined["arm"] == arm)]
            count = len(seen)
            told = (seen[BEFORE].sum(), seen[AFTER].sum()) if count else (np.nan, np.nan)
            shares = tuple(number / count if count else np.nan for number in told)
            published = tuple(np.nan if share is None else share / 100 for share in (issue.entry, issue.exit))
            rows.append((issue.id, arm, count, *told, *shares, *published))
    return pd.DataFrame(rows, columns=list(ISSUE_COLUMNS))


def _enough(families: int, followed: Assignment) -> None:
    if families < FEWEST:
        reasons = "; ".join(f"{row.families} {row.reason}" for row in followed.left_out.itertuples())
        raise BuildError(
            where="evaluate-programme",
            rule=f"fewer than {FEWEST} families can be compared in a group ({reasons or 'none was left out'}).",
            remedy="give more families, earlier starts, or shorter windows in schemas/impact.",
        )


def _followed(assigned: Assignment, material: Material, declared: Impact) -> Assignment:
    last = windows_of(assigned.families["start_date"], declared.months, declared.lag)[AFTER].last
    return who.keep_followed(assigned, pd.Series(pd.DatetimeIndex(last)), material.as_at)


def _panel(everybody: pd.DataFrame, material: Material, declared: Impact) -> pd.DataFrame:
    return measure_families(
        everybody[["family_id", "start_date"]],
        material.members,
        material.persons,
        material.evidence,
        material.covered_from,
        declared,
        material.as_at,
    )


def _never_in_it(assigned: pd.DataFrame, material: Material) -> npt.NDArray[np.int64]:
    """The pool without anybody who was ever in the new model, also those too late to be followed themselves."""
    ever = who.follow(assigned, material.ledger, material.families["family_id"]).families
    return np.setdiff1d(material.pool, ever["family_id"].to_numpy(dtype=np.int64))


def _pool(new: pd.DataFrame, ids: npt.NDArray[np.int64], seed: int) -> pd.DataFrame:
    """Families that may be compared, each with a start drawn from those of the new model: so that the same months of
    the same years are compared."""
    places = np.random.default_rng(seed).integers(0, max(len(new), 1), len(ids))
    starts = new["start_date"].to_numpy()[places] if len(new) else new["start_date"].to_numpy()
    ids = ids[: len(starts)]
    return pd.DataFrame(
        {"family_id": ids, "arm": USUAL, "start_date": pd.to_datetime(starts), "cluster": [f"family {i}" for i in ids]}
    )


def _covariates(everybody: pd.DataFrame, panel: pd.DataFrame, material: Material, declared: Impact) -> pd.DataFrame:
    """What families are matched on and held alike by: who they are, and every outcome and issue before the start."""
    of_family = material.families.set_index("family_id").reindex(everybody["family_id"])
    table = pd.DataFrame({"family_id": everybody["family_id"].to_numpy()})
    for name in ("adults", "children"):
        table[name] = of_family[name].to_numpy(dtype=np.float64)
    table["one_adult"] = (table["adults"] == 1).astype(np.float64)
    wide = {name: part.set_index("family_id") for name, part in panel.groupby("measure", sort=False)}
    for outcome in declared.outcomes:
        for period in (EARLIER, BEFORE) if outcome.primary else (BEFORE,):
            values = wide[outcome.id][period].reindex(table["family_id"]).to_numpy(dtype=np.float64)
            table[f"{outcome.id}, {period}"] = np.log1p(values) if outcome.measure == "count" else values
    for issue in declared.issues:
        table[f"{issue.id}, {BEFORE}"] = wide[issue.id][BEFORE].reindex(table["family_id"]).to_numpy(dtype=np.float64)
    table = table.loc[:, table.notna().any()]  # what no partner sends
    fully = table.notna().mean() > 0.5  # what feeds cover for few families cannot be matched on
    return table.loc[:, fully].dropna().reset_index(drop=True)


def _of_sets(sets: pd.DataFrame) -> pd.DataFrame:
    arm = np.where(sets["new_model"], NEW_MODEL, USUAL)
    return pd.DataFrame({"family_id": sets["family_id"], "arm": arm, "cluster": "set " + sets["set"].astype(str)})


def _balance(covariates: pd.DataFrame, everybody: pd.DataFrame) -> pd.DataFrame:
    """How alike assigned groups were before the start: nothing was matched, so before and after are one."""
    arm = everybody.set_index("family_id")["arm"].reindex(covariates["family_id"]).to_numpy()
    names = [str(name) for name in covariates if name != "family_id"]
    new, usual = (covariates.loc[arm == which, names].to_numpy(dtype=np.float64) for which in (NEW_MODEL, USUAL))
    spread = np.sqrt((new.var(axis=0) + usual.var(axis=0)) / 2)
    apart = standardised_differences(new, usual, spread)
    return pd.DataFrame(
        {
            "covariate": names, "mean_new_model": new.mean(axis=0), "mean_pool": usual.mean(axis=0),
            "mean_matched": np.nan, "difference_before": apart, "difference_after": np.nan,
        }
    )[list(BALANCE_COLUMNS)]  # fmt: skip
