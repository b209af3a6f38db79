"""What the programme gives back: costs avoided per £1 put in, for the new model and business as usual, and whose they
are. Pure. Fiscal, economic and cashable are kept apart and never added up.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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
    "per_pound", "per_pound_low", "per_pound_high",
)  # fmt: skip
SHARE_COLUMNS = (
    "arm", "agency", "avoided_fiscal", "avoided_cashable", "pays_now", "by_headcount", "by_benefit", "hybrid",
    "left_by_headcount", "left_by_benefit", "left_hybrid",
)  # fmt: skip
COST_COLUMNS = ("arm", "agency", "staff", "pounds_a_family")


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
        except ValueError:
            numbers = [-1.0]
        if not all(0 <= number < float("inf") for number in numbers):
            raise fail(where, "staff and pounds are numbers from 0.", "mend them; write pounds without a sign.")
        rows.append((row["arm"], row["agency"], *numbers))
    table = pd.DataFrame(rows, columns=list(COST_COLUMNS))
    free = [arm for arm in ARMS if not table.loc[table["arm"] == arm, "pounds_a_family"].sum() > 0]
    if free:
        raise fail("", f"{' and '.join(free)} cost nothing.", "give what each arm costs: both are held against it.")
    return ProgrammeCosts(table)


def returns(groups: Groups, costs: pd.DataFrame, programme: ProgrammeCosts | None, declared: Impact) -> pd.DataFrame:
    """RETURN_COLUMNS, pounds a family in the months compared; one row per kind of money and arm, and one of the new
    model beside business as usual.

    `costs`: family_id, agency, money, before, after. An arm's `avoided` is its own before less after, as Manchester
    reported it: part of it would have happened anyway. The row NET has what would not: the difference between the
    arms, over what the new model costs more. per_pound is missing where an arm costs no more, or no costs are given.
    """
    totals = costs.groupby(["family_id", "money"], as_index=False)[[BEFORE, AFTER]].sum()
    panel = totals.rename(columns={"money": "measure"}).assign(**{EARLIER: np.nan})
    panel = _with_everybody(panel, groups)
    table = effects(groups, panel, MONEY, (), MONEY[0], declared)
    rows: list[dict[str, object]] = []
    for found in table.to_dict(orient="records"):
        money = str(found["measure"])
        for arm, prefix, families in ((NEW_MODEL, "new", "new_model"), (USUAL, "usual", "usual")):
            rows.append(
                _row(money, arm, found[f"families_{families}"], programme.of(arm) if programme else np.nan,
                     (found[f"{prefix}_change"], found[f"{prefix}_change_low"], found[f"{prefix}_change_high"]),
                     (found[f"{prefix}_before"], found[f"{prefix}_after"]))
            )  # fmt: skip
        more = programme.of(NEW_MODEL) - programme.of(USUAL) if programme else np.nan
        change = (found["effect"], found["effect_low"], found["effect_high"])
        rows.append(_row(money, NET, found["families_new_model"], more, change, (np.nan, np.nan)))
    return pd.DataFrame(rows, columns=list(RETURN_COLUMNS))


def shared_among_agencies(
    groups: Groups, costs: pd.DataFrame, programme: ProgrammeCosts | None, hybrid_by_headcount: float
) -> pd.DataFrame:
    """SHARE_COLUMNS, pounds a family; one row per arm and agency, and one for all agencies.

    What each agency is spared (before less after), what it pays for the programme now, and what it would pay under the
    three ways tried in West Cheshire: by staff in it, by modelled gross benefit (what each is spared, losses counting
    as nought), and a hybrid of the two. `left_…` is what it is spared less what it would pay.
    """
    arms = groups.families[["family_id", "arm"]].drop_duplicates()
    joined = costs.merge(arms, on="family_id")
    joined["avoided"] = joined[BEFORE] - joined[AFTER]
    given = programme.rows if programme else pd.DataFrame(columns=list(COST_COLUMNS))
    rows = []
    for arm in ARMS:
        families = max(int((arms["arm"] == arm).sum()), 1)
        of_arm = joined[joined["arm"] == arm]
        sums = of_arm.pivot_table("avoided", "agency", "money", aggfunc="sum", fill_value=0.0)
        spared = sums.reindex(columns=["fiscal", "cashable"], fill_value=0.0) / families
        paid = given[given["arm"] == arm].groupby("agency")[["staff", "pounds_a_family"]].sum()
        agencies = sorted(set(spared.index) | set(paid.index))
        table = pd.DataFrame({"arm": arm, "agency": agencies}).set_index("agency", drop=False)
        for money in ("fiscal", "cashable"):
            table[f"avoided_{money}"] = spared[money].reindex(agencies, fill_value=0.0)
        table["pays_now"] = paid["pounds_a_family"].reindex(agencies, fill_value=0.0) if programme else np.nan
        whole = table["pays_now"].sum()
        staff = apportioned(whole, paid["staff"].reindex(agencies, fill_value=0.0))
        benefit = apportioned(whole, table["avoided_fiscal"].clip(lower=0.0))
        ways = {
            "by_headcount": staff,
            "by_benefit": benefit,
            "hybrid": hybrid_by_headcount * staff + (1 - hybrid_by_headcount) * benefit,
        }
        for way, cost in ways.items():
            table[way] = cost if programme else np.nan
            table[f"left_{way}"] = table["avoided_fiscal"] - table[way]
        total = table.drop(columns=["arm", "agency"]).sum(min_count=1)
        rows.append(pd.concat([table, pd.DataFrame([{"arm": arm, "agency": EVERYBODY, **total.to_dict()}])]))
    return pd.concat(rows, ignore_index=True)[list(SHARE_COLUMNS)]


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
    money: str,
    arm: str,
    families: float,
    programme: float,
    change: tuple[float, float, float],
    levels: tuple[float, float],
) -> dict[str, object]:
    avoided, low, high = -change[0], -change[2], -change[1]
    per_pound = [value / programme if programme > 0 else np.nan for value in (avoided, low, high)]
    return dict(
        zip(
            RETURN_COLUMNS,
            (money, arm, int(families), *levels, avoided, low, high, programme, *per_pound),
            strict=True,
        )
    )
