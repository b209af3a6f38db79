"""An evaluation as it may be shown: counts rounded, and hidden what would tell of a few families. Pure.

Whoever prints, draws or writes an evaluation does it from here: no exact count goes farther than this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.disclosure import Control
from pipeline.impact.declared import Impact
from pipeline.impact.evaluate import MATCHED, Evaluation
from pipeline.impact.money import EVERYBODY

HIDDEN = "hidden"
OTHERS = "other agencies"
SHARES = "share of families"
_AMOUNTS = ("before", "after", "avoided", "avoided_low", "avoided_high", "per_pound", "per_pound_low", "per_pound_high")


@dataclass(frozen=True)
class Shown:
    """Frames with the columns of cohort.programme_…, but for name: `head` (one row), `effects`, `issues`, `balance`,
    `returns`, `shares`, `left_out`."""

    head: dict[str, Any]
    effects: pd.DataFrame
    issues: pd.DataFrame
    balance: pd.DataFrame
    returns: pd.DataFrame
    shares: pd.DataFrame
    left_out: pd.DataFrame

    def answer(self) -> dict[str, Any]:
        """JSON-able; what is missing is null."""
        parts = {name: records(getattr(self, name)) for name in _FRAMES}
        return {"evaluation": self.head, **parts}


_FRAMES = ("effects", "issues", "balance", "returns", "shares", "left_out")


def shown(evaluation: Evaluation, declared: Impact, prices: str, control: Control) -> Shown:
    """The evaluation as it may be shown; `prices` is the price year of its money."""
    apart = evaluation.balance["difference_after" if evaluation.design == MATCHED else "difference_before"]
    effects = _effects(evaluation, declared, control)
    counts = pd.Series(evaluation.families)
    families = control.rounded(counts)
    head = {
        "design": evaluation.design,
        "method": method_of(evaluation, declared),
        "families_new_model": int(families["new_model"]),
        "families_usual": int(families["business_as_usual"]),
        "first_start": evaluation.first_start.date().isoformat(),
        "last_start": evaluation.last_start.date().isoformat(),
        "months": declared.months,
        "level": declared.intervals.level,
        "largest_difference": None if apart.isna().all() else float(apart.abs().max()),
        "balanced_below": declared.matching.balanced_below,
        "verdict": str(effects["verdict"].iloc[0]),
    }
    return Shown(
        head=head,
        effects=effects,
        issues=_issues(evaluation, declared, control),
        balance=evaluation.balance[["covariate", "difference_before", "difference_after"]].reset_index(drop=True),
        returns=_returns(evaluation.returns, control).assign(prices=prices),
        shares=_folded(evaluation.shares, control.threshold).drop(columns="families"),
        left_out=evaluation.left_out.assign(families=control.rounded(evaluation.left_out["families"])),
    )


def method_of(evaluation: Evaluation, declared: Impact) -> str:
    """How the effects and intervals came about, in one sentence; docs/impact.md has the sources."""
    level = f"{declared.intervals.level:.0%}".replace("%", " %")
    if evaluation.design == MATCHED:
        how = declared.matching.method
        return (
            f"Comparison families matched on {how}, each once (caliper {declared.matching.caliper:g}, optimal), "
            f"differences after corrected for those left before (Abadie and Imbens 2011); {level} intervals by CR2 "
            f"standard errors over matched sets, of ratios by {declared.intervals.resamples} seeded resamplings."
        )
    return (
        "Difference in differences of assigned groups, of counts as a ratio of ratios (Wooldridge 2023); "
        f"{level} intervals by CR2 standard errors over clusters (Bell and McCaffrey 2002), of other ratios by "
        f"{declared.intervals.resamples} seeded resamplings."
    )


def _effects(evaluation: Evaluation, declared: Impact, control: Control) -> pd.DataFrame:
    """Outcomes and then issues; a row is hidden whose averages rest on too few families."""
    table = pd.concat([evaluation.outcomes, evaluation.issue_effects], ignore_index=True)
    titles = {item.id: item.title for item in declared.outcomes} | {item.id: item.title for item in declared.issues}
    units = {item.id: item.unit for item in declared.outcomes}
    families = table[["families_new_model", "families_usual"]].astype("int64")
    few = (families > 0).any(axis=1) & (families < control.threshold).any(axis=1)
    hide = few | (table["fewest_behind"] < control.threshold)
    numbers = [str(name) for name in table if name not in ("measure", "verdict", *families.columns)]
    table[numbers] = table[numbers].astype("float64")
    table.loc[hide, numbers] = np.nan
    table.loc[hide, "verdict"] = HIDDEN
    for name in families:
        table[name] = control.rounded(families[name])
    return table.drop(columns=["clusters", "fewest_behind"]).assign(
        place=range(1, len(table) + 1),
        title=table["measure"].map(titles),
        unit=table["measure"].map(units).fillna(SHARES),
        is_primary=table["measure"] == declared.primary.id,
    )


def _issues(evaluation: Evaluation, declared: Impact, control: Control) -> pd.DataFrame:
    """Shares of rounded counts; empty where too few families have the issue, or have it not."""
    order = {issue.id: place for place, issue in enumerate(declared.issues, start=1)}
    titles = {issue.id: issue.title for issue in declared.issues}
    table = evaluation.issues.copy()
    whole = control.rounded(table["families"])
    for when in ("entry", "exit"):
        count = table[f"on_{when}"].astype("float64")
        rest = table["families"] - count
        small = ((count > 0) & (count < control.threshold)) | ((rest > 0) & (rest < control.threshold))
        rounded = (count / control.base).round() * control.base
        share = (rounded / whole.astype("float64").where(whole > 0)).clip(upper=1.0)
        table[f"share_on_{when}"] = share.mask(small | whole.isna())
    table = table.assign(families=whole, place=table["issue"].map(order), title=table["issue"].map(titles))
    return table.drop(columns=["on_entry", "on_exit"])


def _returns(table: pd.DataFrame, control: Control) -> pd.DataFrame:
    """Money without the amounts that rest on too few families."""
    told = table.copy()
    told[list(_AMOUNTS)] = told[list(_AMOUNTS)].astype("float64").mask(told["fewest_behind"] < control.threshold)
    return told.assign(families=control.rounded(told["families"])).drop(columns="fewest_behind")


def _folded(shares: pd.DataFrame, least: int) -> pd.DataFrame:
    """Agencies that too few families cost anything, put together with the next larger one: the same in every arm, so
    that nothing follows from a difference."""
    real = shares[shares["agency"] != EVERYBODY]
    behind = real[real["families"] > 0].groupby("agency")["families"].min().sort_values(kind="stable")
    small = behind[behind < least]
    if small.empty:
        return shares
    if len(small) == len(behind):  # their sum would tell as much
        return shares.iloc[:0]
    together = {*small.index, *behind[behind >= least].index[:1]}
    named = shares.assign(agency=shares["agency"].where(~shares["agency"].isin(together), OTHERS))
    numbers = [name for name in shares if name not in ("arm", "agency")]
    summed = named.groupby(["arm", "agency"], sort=False)[numbers].sum(min_count=1)
    return summed.reset_index()[list(shares.columns)]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain Python values."""

    def plain(value: Any) -> Any:
        if pd.isna(value):
            return None
        return value.item() if isinstance(value, np.generic) else value

    rows = frame.astype(object).to_dict(orient="records")
    return [{str(name): plain(value) for name, value in row.items()} for row in rows]
