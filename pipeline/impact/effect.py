"""Does it work: before against after, and against what would have happened anyway. Pure; resampling is seeded.

Difference in differences where groups were assigned: of counts as a ratio of ratios, since whatever else happens to a
place makes counts rise and fall in proportion (Wooldridge 2023), of anything else as a difference. Matched sets against
each other, adjusted for what the match left over, where groups were not assigned. A difference that chance alone can
make is called none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.impact.declared import NEW_MODEL, USUAL, Impact, Intervals
from pipeline.impact.panel import AFTER, BEFORE, EARLIER
from pipeline.impact.regress import NONE, Estimate, least_squares

Floats = npt.NDArray[np.float64]
NO_EFFECT, FEWER, MORE, CANNOT_TELL = "no effect shown", "fewer", "more", "cannot tell"
POWER = 2.8  # standard errors at which an effect is found 8 times in 10, at 95 % (Bloom 1995)
EFFECT_COLUMNS = (
    "measure", "families_new_model", "families_usual", "new_before", "new_after", "usual_before", "usual_after",
    "new_change", "new_change_low", "new_change_high", "usual_change", "usual_change_low", "usual_change_high",
    "effect", "effect_low", "effect_high", "p_value", "p_adjusted", "relative", "relative_low", "relative_high",
    "smallest_to_be_seen", "already_parting", "clusters", "fewest_behind", "verdict",
)  # fmt: skip
FEWEST = 10  # families in each group: with fewer an average tells of single families, and an interval of nothing
FEWEST_FACTS = 10  # in each group and window; below, counts are compared as a difference too


@dataclass(frozen=True)
class Groups:
    """Who is compared: family_id, arm, cluster (rows that go together: a team, an area, a matched set), matched."""

    families: pd.DataFrame
    matched: bool


def effects(
    groups: Groups, panel: pd.DataFrame, measures: Iterable[str], counts: Iterable[str], primary: str, declared: Impact
) -> pd.DataFrame:
    """One row per measure (EFFECT_COLUMNS): per family, in the unit of the measure.

    `panel`: family_id, measure, earlier, before, after. new_change and usual_change: after less before in each group,
    which says nothing of cause (families come when things are worst). effect: what the new model changed beside what
    would have happened; negative is fewer. already_parting: p of the same comparison of the two windows before the
    start, where nothing can have worked yet; small means the groups were not alike. p_adjusted: Holm's over all but
    the primary, which stands alone. fewest_behind: families that an average rests on, the fewest of all four (of a
    share, those with it or those without; missing where nobody has any): what decides whether it may be shown.
    """
    counted = frozenset(counts)
    rows = [_measure(name, groups, panel[panel["measure"] == name], name in counted, declared) for name in measures]
    table = pd.DataFrame(rows, columns=[name for name in EFFECT_COLUMNS if name not in {"p_adjusted", "verdict"}])
    others = table["measure"] != primary
    table["p_adjusted"] = table["p_value"]
    table.loc[others, "p_adjusted"] = holm(table.loc[others, "p_value"].to_numpy(dtype=np.float64))
    threshold = 1 - declared.intervals.level
    table["verdict"] = [
        _verdict(effect, p_value, threshold)
        for effect, p_value in zip(table["effect"], table["p_adjusted"], strict=True)
    ]
    return table[list(EFFECT_COLUMNS)]


def holm(p_values: Floats) -> Floats:
    """Holm's step-down correction (1979); what is missing stays missing and counts for no test."""
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def _measure(name: str, groups: Groups, panel: pd.DataFrame, is_count: bool, declared: Impact) -> dict[str, object]:
    joined = groups.families.merge(panel, on="family_id").dropna(subset=[BEFORE, AFTER])
    if groups.matched:
        joined = _whole_sets(joined)
    new, usual = (joined[joined["arm"] == arm] for arm in (NEW_MODEL, USUAL))
    told: dict[str, object] = {
        "measure": name,
        "families_new_model": new["family_id"].nunique(),
        "families_usual": usual["family_id"].nunique(),
    }
    level = declared.intervals.level
    changes = [_change(group, level) for group in (new, usual)]
    for prefix, group, change in (("new", new, changes[0]), ("usual", usual, changes[1])):
        told |= {
            f"{prefix}_before": group[BEFORE].mean(), f"{prefix}_after": group[AFTER].mean(),
            f"{prefix}_change": change.value, f"{prefix}_change_low": change.low, f"{prefix}_change_high": change.high,
        }  # fmt: skip
    if min(len(new), len(usual)) < FEWEST:
        found, relative, parting = NONE, (np.nan,) * 3, NONE
    elif groups.matched:
        found = _between_sets(joined, level)
        relative = _relative(joined, found.value, True, declared.intervals)
        parting = NONE  # families were chosen to be alike before: it would tell nothing
    else:
        found, relative = _assigned(joined, BEFORE, AFTER, is_count, declared.intervals)
        parting = _assigned(joined.dropna(subset=[EARLIER]), EARLIER, BEFORE, is_count, declared.intervals)[0]
    return told | {
        "effect": found.value, "effect_low": found.low, "effect_high": found.high, "p_value": found.p_value,
        "relative": relative[0], "relative_low": relative[1], "relative_high": relative[2],
        "smallest_to_be_seen": POWER * found.error, "already_parting": parting.p_value, "clusters": found.clusters,
        "fewest_behind": _fewest_behind([group[period] for group in (new, usual) for period in (BEFORE, AFTER)]),
    }  # fmt: skip


def _fewest_behind(columns: Iterable[pd.Series]) -> float:
    """The smallest number of families, above nought, that have any of it; of a share, also that have it not."""
    numbers = []
    for column in columns:
        values = column.to_numpy(dtype=np.float64)
        having = int((values > 0).sum())
        is_share = bool(np.isin(values, (0.0, 1.0)).all())
        numbers += [having, len(values) - having] if is_share else [having]
    return float(min((number for number in numbers if number), default=np.nan))


def _whole_sets(joined: pd.DataFrame) -> pd.DataFrame:
    """Matched sets of which both sides are observed."""
    arms = joined.groupby("cluster")["arm"].transform("nunique")
    return joined[arms == 2]


def _change(group: pd.DataFrame, level: float) -> Estimate:
    """After less before in one group."""
    values = (group[AFTER] - group[BEFORE]).to_numpy(dtype=np.float64)
    return least_squares(values, np.ones((len(group), 1)), _codes(group["cluster"]), 0, level)


def _assigned(
    joined: pd.DataFrame, first: str, second: str, is_count: bool, settings: Intervals
) -> tuple[Estimate, tuple[float, float, float]]:
    """Difference in differences from one window to another, and the same as a share of what would have happened."""
    treated = (joined["arm"] == NEW_MODEL).to_numpy()
    columns = np.stack([np.ones(len(joined)), treated.astype(np.float64)], axis=1)
    cluster = _codes(joined["cluster"])
    one, other = (joined[name].to_numpy(dtype=np.float64) for name in (first, second))
    facts = min((values[group].sum() for values in (one, other) for group in (treated, ~treated)), default=0)
    if not is_count or facts < FEWEST_FACTS:
        found = least_squares(other - one, columns, cluster, 1, settings.level)
        known = second == AFTER and not np.isnan(found.value)
        return found, _relative(joined, found.value, False, settings) if known else (np.nan,) * 3
    # Each family's share in the logarithm of the ratio of ratios; their difference of means is that logarithm.
    at_first, at_second = ((values[treated].mean(), values[~treated].mean()) for values in (one, other))
    logarithm = np.log(np.where(treated, *at_second)) - np.log(np.where(treated, *at_first))
    share = other / np.where(treated, *at_second) - one / np.where(treated, *at_first)
    ratio = least_squares(share + logarithm, columns, cluster, 1, settings.level)
    # And in the number of facts a family that this is: new after, less what it would have been.
    would = at_second[0] * np.exp(-ratio.value)
    effect = at_second[0] - would
    spread = np.where(treated, effect * other / at_second[0], 0.0) + would * share
    found = least_squares(spread, columns, cluster, 1, settings.level)
    relative = tuple(float(np.expm1(value)) for value in (ratio.value, ratio.low, ratio.high))
    return found, (relative[0], relative[1], relative[2])


def _between_sets(joined: pd.DataFrame, level: float) -> Estimate:
    """Matched sets: the mean of their differences after, each corrected for what the match left of those before."""
    values = _corrected(joined)
    return least_squares(values, np.ones((len(values), 1)), np.arange(len(values)), 0, level)


def _corrected(joined: pd.DataFrame) -> Floats:
    """Per matched set, in order of sets: the new model's family less the mean of its comparisons, after; less what
    their differences before foretell. What is foretold is learnt from the comparison families alone, so that an effect
    larger for some families than for others does not pass for it (Abadie and Imbens 2011, bias-corrected matching)."""
    pasts = [BEFORE] if joined[EARLIER].isna().any() else [BEFORE, EARLIER]
    usual = joined[joined["arm"] == USUAL]
    columns = np.concatenate([np.ones((len(usual), 1)), usual[pasts].to_numpy(dtype=np.float64)], axis=1)
    slopes = np.linalg.lstsq(columns, usual[AFTER].to_numpy(dtype=np.float64), rcond=None)[0][1:]
    new = joined[joined["arm"] == NEW_MODEL]
    means = [group.groupby("cluster")[[AFTER, *pasts]].mean().sort_index() for group in (new, usual)]
    apart = means[0].to_numpy(dtype=np.float64) - means[1].to_numpy(dtype=np.float64)
    return np.asarray(apart[:, 0] - apart[:, 1:] @ slopes)


def _relative(joined: pd.DataFrame, effect: float, matched: bool, settings: Intervals) -> tuple[float, float, float]:
    """The effect as a share of what would have happened to the new model's families, with a percentile interval.

    Whole clusters are drawn again, within each arm where groups were assigned.
    """
    rng = np.random.default_rng(settings.seed)
    new, usual = (joined[joined["arm"] == arm] for arm in (NEW_MODEL, USUAL))
    if matched:
        names = sorted(joined["cluster"].unique())
        times = _draws(rng, len(names), settings.resamples)
        after = times @ _sums(new, names)
        changed = times @ _corrected(joined) / len(names)
        means = after[:, 2] / after[:, 0]
    else:
        drawn = []
        for group in (new, usual):
            names = sorted(group["cluster"].unique())
            drawn.append(_draws(rng, len(names), settings.resamples) @ _sums(group, names))
        before_after = [part[:, 1:] / part[:, :1] for part in drawn]
        changed = np.diff(before_after[0])[:, 0] - np.diff(before_after[1])[:, 0]
        means = before_after[0][:, 1]
    otherwise = means - changed
    would = float(new[AFTER].mean()) - effect
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(otherwise > 0, changed / otherwise, np.nan)
    if np.isnan(ratios).mean() > 0.05 or not would > 0:
        return float("nan"), float("nan"), float("nan")
    tail = (1 - settings.level) / 2
    low, high = np.nanquantile(ratios, [tail, 1 - tail])
    return effect / would, float(low), float(high)


def _draws(rng: np.random.Generator, clusters: int, resamples: int) -> Floats:
    """How often each cluster is drawn, resamples × clusters."""
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(np.float64)


def _sums(group: pd.DataFrame, names: list[object]) -> Floats:
    """Per cluster: families, sum before, sum after."""
    counted = group.groupby("cluster").agg(n=(BEFORE, "size"), before=(BEFORE, "sum"), after=(AFTER, "sum"))
    return counted.reindex(names, fill_value=0).to_numpy(dtype=np.float64)


def _codes(column: pd.Series) -> npt.NDArray[np.int64]:
    return np.asarray(pd.factorize(column, use_na_sentinel=False)[0], dtype=np.int64)


def _verdict(effect: float, p_value: float, threshold: float) -> str:
    if np.isnan(effect) or np.isnan(p_value):
        return CANNOT_TELL
    if p_value > threshold:
        return NO_EFFECT
    return FEWER if effect < 0 else MORE
