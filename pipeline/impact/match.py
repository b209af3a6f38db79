"""A comparison group where none was assigned: families alike before the start, with the balance shown. Pure.

Each family of the new model is matched with its nearest not yet taken, all together at the least whole distance
(optimal matching, not one after the other), none farther than the caliper. What was not measured cannot be matched on:
balance on what was is no proof of likeness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from pipeline.impact.declared import Matching

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
RIDGE = 1e-3  # keeps the propensity finite where a covariate tells the groups apart
BALANCE_COLUMNS = ("covariate", "mean_new_model", "mean_pool", "mean_matched", "difference_before", "difference_after")


@dataclass(frozen=True)
class Matched:
    """sets: one row per family kept: family_id, new_model (bool), set. balance: BALANCE_COLUMNS, differences in
    standard deviations of the two groups before matching. unmatched: families of the new model with nobody like them.
    """

    sets: pd.DataFrame
    balance: pd.DataFrame
    unmatched: int


def match_families(covariates: pd.DataFrame, treated: Mask, settings: Matching) -> Matched:
    """Sets of one family of the new model and its comparisons.

    `covariates`: one row per family, `family_id` and a numeric column each; `treated`: which rows are the new model's.
    Columns without any variation are left out of the match and shown in the balance.
    """
    names = [str(name) for name in covariates if name != "family_id"]
    values = covariates[names].to_numpy(dtype=np.float64)
    spread = values.std(axis=0)
    scaled = (values[:, spread > 0] - values[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    where, caliper = _placed(scaled, treated, settings)
    new, pool = np.flatnonzero(treated), np.flatnonzero(~treated)
    pairs = _assign(where[new], where[pool], settings.controls, settings.nearest, caliper)
    ids = covariates["family_id"].to_numpy()
    rows = [(ids[new[one]], True, int(ids[new[one]])) for one in sorted({one for one, _ in pairs})]
    rows += [(ids[pool[other]], False, int(ids[new[one]])) for one, other in pairs]
    sets = pd.DataFrame(rows, columns=["family_id", "new_model", "set"]).astype({"new_model": bool})
    return Matched(sets, _balance(covariates, names, treated, sets), len(new) - len({one for one, _ in pairs}))


def propensity(scaled: Floats, treated: Mask) -> Floats:
    """Logit of the chance to be in the new model, given the covariates: logistic regression by Newton's method."""
    columns = np.concatenate([np.ones((len(scaled), 1)), scaled], axis=1)
    penalty = np.full(columns.shape[1], RIDGE * len(columns))
    penalty[0] = 0.0
    coefficients = np.zeros(columns.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(columns @ coefficients, -30, 30)))
        slope = columns.T @ (treated - chance) - penalty * coefficients
        curve = (columns * (chance * (1 - chance))[:, None]).T @ columns + np.diag(penalty)
        step = np.linalg.solve(curve + 1e-9 * np.eye(len(curve)), slope)
        coefficients += step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(columns @ coefficients)


def standardised_differences(new: Floats, other: Floats, spread: Floats) -> Floats:
    """Difference of means in standard deviations; nought where nothing varies."""
    if not len(new) or not len(other):
        return np.full(new.shape[1], np.nan)
    apart = new.mean(axis=0) - other.mean(axis=0)
    return np.asarray(np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 0))


def _placed(scaled: Floats, treated: Mask, settings: Matching) -> tuple[Floats, float]:
    """Where each family lies, so that plain distance is the method's; and the caliper in it."""
    if settings.method == "propensity":
        logit = propensity(scaled, treated)[:, None]
        return logit, settings.caliper * max(float(logit.std()), 1e-12)
    covariance = np.atleast_2d(np.cov(scaled, rowvar=False)) + 1e-9 * np.eye(scaled.shape[1])
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), scaled.T).T
    return whitened, settings.caliper * float(np.sqrt(scaled.shape[1]))  # a caliper per covariate


def _assign(new: Floats, pool: Floats, controls: int, nearest: int, caliper: float) -> list[tuple[int, int]]:
    """Pairs of positions: each of `new` with up to `controls` of `pool`, each of the pool once, least whole distance.

    Each has a place of its own to stay unmatched in, dearer than any match, so that a whole assignment always exists.
    """
    if not len(new) or not len(pool):
        return []
    count = min(max(nearest, controls), len(pool))
    distance, neighbour = cKDTree(pool).query(new, k=count, distance_upper_bound=caliper)
    distance, neighbour = distance.reshape(len(new), count), neighbour.reshape(len(new), count)
    one, column = np.nonzero(np.isfinite(distance))
    other, cost = neighbour[one, column], distance[one, column] + 1e-9 * caliper  # a cost of nought is no edge
    rows = np.concatenate([one * controls + copy for copy in range(controls)])
    places = len(new) * controls
    dear = 10 * caliper * (places + 1)
    graph = sparse.csr_array(
        (
            np.concatenate([np.tile(cost, controls), np.full(places, dear)]),
            (
                np.concatenate([rows, np.arange(places)]),
                np.concatenate([np.tile(other, controls), len(pool) + np.arange(places)]),
            ),
        ),
        shape=(places, len(pool) + places),
    )
    taken, chosen = min_weight_full_bipartite_matching(graph)
    return sorted(
        (int(row) // controls, int(column)) for row, column in zip(taken, chosen, strict=True) if column < len(pool)
    )


def _balance(covariates: pd.DataFrame, names: list[str], treated: Mask, sets: pd.DataFrame) -> pd.DataFrame:
    values = covariates.set_index("family_id")[names]
    new, pool = values[treated], values[~treated]
    spread = np.sqrt((new.var(ddof=1).fillna(0) + pool.var(ddof=1).fillna(0)) / 2).to_numpy(dtype=np.float64)
    kept = values.loc[sets.loc[sets["new_model"], "family_id"]]
    drawn = sets[~sets["new_model"]]
    # Every set counts once, whatever the number of its comparisons.
    share = 1 / drawn.groupby("set")["family_id"].transform("size").to_numpy(dtype=np.float64)
    beside = values.loc[drawn["family_id"]].to_numpy(dtype=np.float64)
    mean = (
        (beside * share[:, None]).sum(axis=0) / max(share.sum(), 1e-12) if len(drawn) else np.full(len(names), np.nan)
    )
    after = (kept.mean().to_numpy(dtype=np.float64) - mean) if len(kept) else np.full(len(names), np.nan)
    return pd.DataFrame(
        {
            "covariate": names,
            "mean_new_model": new.mean().to_numpy(),
            "mean_pool": pool.mean().to_numpy(),
            "mean_matched": mean,
            "difference_before": standardised_differences(new.to_numpy(), pool.to_numpy(), spread),
            "difference_after": np.divide(after, spread, out=np.zeros(len(names)), where=spread > 0),
        }
    )[list(BALANCE_COLUMNS)]
