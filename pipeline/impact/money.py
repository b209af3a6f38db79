"""What the programme gives back: costs avoided per £1 put in, for the new model and business as usual, and whose they
are. Pure. Fiscal, economic and cashable are kept apart and never added up.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import DeclarationError
from pipeline.impact.declared import ARMS, NEW_MODEL, USUAL, Impact
from pipeline.impact.effect import Groups, effects
from pipeline.impact.panel import AFTER, BEFORE, EARLIER

MONEY = ("fiscal", "economic", "cashable")
NET = "new_model_beside_business_as_usual"
EVERYBODY = "all agencies"
RETURN_COLUMNS = (
    "money", "arm", "families", "before", "after", "avoided", "avoided_low", "avoided_high", "programme",
    "per_pound", "per_pound_low", "per_pound_high", "fewest_behind",
)  # fmt: skip
SHARE_COLUMNS = (
    "arm", "agency", "families", "avoided_fiscal", "avoided_cashable", "pays_now", "by_headcount", "by_benefit",
    "hybrid", "left_by_headcount", "left_by_benefit", "left_hybrid",
)  # fmt: skip
COST_COLUMNS = ("arm", "agency", "staff", "pounds_a_family")


@dataclass(frozen=True)
class Costed:
    """What families cost in the year before their start and the year after it: `rows`: family_id, agency, money,
    before, after; `families`: those whose both years the feeds cover. Who is among them without a row cost nothing."""

    rows: pd.DataFrame
    families: npt.NDArray[np.int64]


@dataclass(frozen=True)
class ProgrammeCosts:
    """What each arm costs itself: one row per arm and agency (COST_COLUMNS): staff in it, in whole-time posts, and what
    the agency pays now for each family in the months compared."""

    rows: pd.DataFrame

    def of(self, arm: str) -> float:
        """Pounds a family."""
        return float(self.rows.loc[self.rows["arm"] == arm, "pounds_a_family"].sum())


def read_programme_costs(path: Path, agencies: Collection[str]) -> ProgrammeCosts:
    """The programme's own costs from a CSV file with COST_COLUMNS.

    Raises DeclarationError, with the line, for a column missing, an unknown arm or agency, a number below nought, an
    arm that costs nothing.
    """

    def fail(where: str, rule: str, remedy: str) -> DeclarationError:
        return DeclarationError(where=f"{path.name}{where}", rule=rule, remedy=remedy)

    try:
        reader = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    except (FileNotFoundError, UnicodeDecodeError):
        raise fail("", "there is no such file in UTF-8.", "give a CSV file.") from None
    missing = [name for name in COST_COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise fail(", line 1", f"there is no column {', '.join(missing)}.", f"give {', '.join(COST_COLUMNS)}.")
    rows = []
    for row in reader:
        where = f", line {reader.line_num}"
        if row["arm"] not in ARMS:
            raise fail(where, "the arm is not known.", f"write {' or '.join(ARMS)}.")
        if row["agency"] not in agencies:
            raise fail(where, "the agency is not known.", f"use one of {', '.join(sorted(agencies))}.")
        try:
            numbers = [float(row[name]) for name in ("staff", "pounds_a_family")]
        except (TypeError, ValueError):
            numbers = [-1.0]
        if not all(0 <= number < float("inf") for number in numbers):
            raise fail(where, "staff and pounds are numbers from 0.", "mend them; write pounds without a sign.")
        rows.append((row["arm"], row["agency"], *numbers))
    table = pd.DataFrame(rows, columns=list(COST_COLUMNS))
    free = [arm for arm in ARMS if not table.loc[table["arm"] == arm, "pounds_a_family"].sum() > 0]
    if free:
        raise fail("", f"{' and '.join(free)} cost nothing.", "give what each arm costs: both are held against it.")
    return ProgrammeCosts(table)


def observed(groups: Groups, costed: Costed) -> Groups:
    """The groups without the families whose costs the feeds do not cover; of matched sets, whole ones only."""
    kept = groups.families[groups.families["family_id"].isin(costed.families)]
    if groups.matched:
        kept = kept[kept.groupby("cluster")["arm"].transform("nunique") == len(ARMS)]
    return Groups(kept.reset_index(drop=True), groups.matched)


def returns(groups: Groups, costed: Costed, programme: ProgrammeCosts | None, declared: Impact) -> pd.DataFrame:
    """RETURN_COLUMNS, pounds a family in the year compared; one row per kind of money and arm, and one of the new model
    beside business as usual.

    An arm's `avoided` is its own before less after, as Manchester
    reported it: part of it would have happened anyway. The row NET has what would not: the difference between the
    arms, over what the new model costs more. per_pound is missing where an arm costs no more, or no costs are given.
    """
    totals = costed.rows.groupby(["family_id", "money"], as_index=False)[[BEFORE, AFTER]].sum()
    panel = totals.rename(columns={"money": "measure"}).assign(**{EARLIER: np.nan})
    panel = _with_everybody(panel, groups)
    table = effects(groups, panel, MONEY, (), MONEY[0], declared)
    rows: list[dict[str, object]] = []
    for found in table.to_dict(orient="records"):
        for arm, prefix, families in ((NEW_MODEL, "new", "new_model"), (USUAL, "usual", "usual")):
            change = tuple(found[f"{prefix}_change{end}"] for end in ("", "_low", "_high"))
            levels = (found[f"{prefix}_before"], found[f"{prefix}_after"])
            spent = programme.of(arm) if programme else np.nan
            rows.append(_row(found, arm, found[f"families_{families}"], levels, change, spent))
        more = programme.of(NEW_MODEL) - programme.of(USUAL) if programme else np.nan
        beside = tuple(found[f"effect{end}"] for end in ("", "_low", "_high"))
        rows.append(_row(found, NET, found["families_new_model"], (np.nan, np.nan), beside, more))
    return pd.DataFrame(rows, columns=list(RETURN_COLUMNS))


def shared_among_agencies(
    groups: Groups, costed: Costed, programme: ProgrammeCosts | None, hybrid_by_headcount: float
) -> pd.DataFrame:
    """SHARE_COLUMNS, pounds a family; per arm one row per agency and one for all; and the same of NET.

    What each agency is spared (before less after), what it pays for the programme now, and what it would pay under the
    three ways tried in West Cheshire: by staff in it, by modelled gross benefit (what each is spared, losses counting
    as nought), and a hybrid of the two. `left_…` is what it is spared less what it would pay. NET: what is spared
    beside business as usual, and who would bear what the new model costs more. `families`: how many cost the agency
    anything, of the arm that has fewer.
    """
    arms = groups.families[["family_id", "arm"]].drop_duplicates()
    joined = costed.rows.merge(arms, on="family_id")
    joined = joined[joined["money"].isin(("fiscal", "cashable")) & ((joined[BEFORE] > 0) | (joined[AFTER] > 0))]
    joined["avoided"] = joined[BEFORE] - joined[AFTER]
    given = programme.rows if programme else pd.DataFrame(columns=list(COST_COLUMNS))
    agencies = sorted(set(joined["agency"]) | set(given["agency"]))
    spared, paid, behind = {}, {}, {}
    for arm in ARMS:
        of_arm = joined[joined["arm"] == arm]
        sums = of_arm.pivot_table("avoided", "agency", "money", aggfunc="sum", fill_value=0.0)
        families = max(int((arms["arm"] == arm).sum()), 1)
        spared[arm] = sums.reindex(agencies, fill_value=0.0).reindex(columns=["fiscal", "cashable"], fill_value=0.0)
        spared[arm] = spared[arm] / families
        costs = given[given["arm"] == arm].groupby("agency")[["staff", "pounds_a_family"]].sum()
        paid[arm] = costs.reindex(agencies, fill_value=0.0).astype("float64")
        behind[arm] = of_arm.groupby("agency")["family_id"].nunique().reindex(agencies, fill_value=0)
    spared[NET] = spared[NEW_MODEL] - spared[USUAL]
    paid[NET] = paid[NEW_MODEL].assign(
        pounds_a_family=paid[NEW_MODEL]["pounds_a_family"] - paid[USUAL]["pounds_a_family"]
    )
    behind[NET] = behind[NEW_MODEL].clip(upper=behind[USUAL])
    rows = [
        _shared(arm, spared[arm], paid[arm], behind[arm], programme is not None, hybrid_by_headcount)
        for arm in (*ARMS, NET)
    ]
    return pd.concat(rows, ignore_index=True)[list(SHARE_COLUMNS)]


def _shared(
    arm: str, spared: pd.DataFrame, paid: pd.DataFrame, behind: pd.Series, known: bool, hybrid_by_headcount: float
) -> pd.DataFrame:
    """One arm's agencies, and all of them together."""
    table = pd.DataFrame({"arm": arm, "agency": spared.index, "families": behind.to_numpy()}, index=spared.index)
    for money in ("fiscal", "cashable"):
        table[f"avoided_{money}"] = spared[money]
    table["pays_now"] = paid["pounds_a_family"] if known else np.nan
    whole = float(table["pays_now"].sum())
    staff = apportioned(whole, paid["staff"])
    benefit = apportioned(whole, table["avoided_fiscal"].clip(lower=0.0))
    hybrid = hybrid_by_headcount * staff + (1 - hybrid_by_headcount) * benefit
    for way, cost in (("by_headcount", staff), ("by_benefit", benefit), ("hybrid", hybrid)):
        table[way] = cost if known and whole > 0 else np.nan
        table[f"left_{way}"] = table["avoided_fiscal"] - table[way]
    total = table.drop(columns=["arm", "agency", "families"]).sum(min_count=1)
    everybody = pd.DataFrame([{"arm": arm, "agency": EVERYBODY, "families": np.nan, **total}])
    return pd.concat([table, everybody], ignore_index=True)


def apportioned(whole: float, weights: pd.Series) -> pd.Series:
    """A sum shared in proportion to the weights; missing where all are nought."""
    total = float(weights.sum())
    return whole * weights / total if total > 0 else weights * np.nan


def _with_everybody(panel: pd.DataFrame, groups: Groups) -> pd.DataFrame:
    """A row for each family and kind of money: who cost nothing in either window is no gap."""
    families = pd.Index(groups.families["family_id"]).unique()
    every = pd.MultiIndex.from_product([families, MONEY], names=["family_id", "measure"]).to_frame(index=False)
    whole = every.merge(panel, how="left", on=["family_id", "measure"])
    whole[[BEFORE, AFTER]] = whole[[BEFORE, AFTER]].fillna(0.0)
    return whole


def _row(
    found: Mapping[Hashable, Any],
    arm: str,
    families: int,
    levels: tuple[float, float],
    change: tuple[float, ...],
    spent: float,
) -> dict[str, object]:
    avoided = [-change[0], -change[2], -change[1]]
    per_pound = [value / spent if spent > 0 else np.nan for value in avoided]
    cells = (found["measure"], arm, families, *levels, *avoided, spent, *per_pound, found["fewest_behind"])
    return dict(zip(RETURN_COLUMNS, cells, strict=True))
