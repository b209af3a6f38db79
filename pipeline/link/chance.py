"""u-probabilities: how often two different people agree by chance, comparison by comparison.

Names and dates: from the partners' kits, which count levels between random pairs of their own people, and between
people of one address. Tokens are equal for equal values everywhere, so the hub counts their chance agreement itself,
exactly, from numbers of records per value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts.linkage import Comparison, LinkModel
from pipeline.link.weigh import Probabilities, smoothed

LEAST = 1e-9


def chance_probabilities(
    counts: Mapping[str, Any],
    codes: Mapping[str, NDArray[np.int64]],
    model: LinkModel,
) -> Probabilities:
    """u of every comparison of the model.

    `counts`: per comparison, pairs at each level among random pairs, pooled over partners; `codes`: see
    `compare.record_codes`. A partner's few people cannot say more than all their pairs do: counts are scaled down to
    the number of pairs there are.
    """
    pairs_within = float(_pairs(np.bincount(codes["partner"])) if len(codes["partner"]) else 0.0)
    u: Probabilities = {}
    for comparison in model.comparisons:
        if comparison.name in model.fixed_u:
            u[comparison.name] = np.asarray(model.fixed_u[comparison.name])
        elif comparison.kind in ("equal", "any_equal"):
            u[comparison.name] = token_chance(comparison, codes)
        else:
            u[comparison.name] = counted_chance(comparison, counts.get(comparison.name), pairs_within, model)
    return u


def dependent_chance(counts: Mapping[str, Any], model: LinkModel) -> Probabilities:
    """u among different people at the model's dependent level, from the kits' counts (see `weigh.smoothed`)."""
    dependent = model.dependent_chance
    if dependent is None:
        return {}
    found = {}
    for name, start in dependent.starting_u.items():
        drawn = np.asarray(counts.get(dependent.counted_as(name), np.zeros(len(start))), dtype=np.float64)
        found[name] = smoothed(drawn, np.asarray(start))
    return found


def counted_chance(comparison: Comparison, counts: Any, most: float, model: LinkModel) -> NDArray[np.float64]:
    """u from partners' counts and the model's starting u (see `weigh.smoothed`)."""
    start = np.asarray(
        model.starting_u.get(comparison.name, np.full(len(comparison.levels), 1 / len(comparison.levels)))
    )
    drawn = np.zeros(len(start)) if counts is None else np.asarray(counts, dtype=np.float64)
    if drawn.shape != start.shape:
        drawn = np.zeros(len(start))
    if drawn.sum() > most:
        drawn = drawn * most / drawn.sum()
    return smoothed(drawn, start)


def token_chance(comparison: Comparison, codes: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float64]:
    """u of a comparison of tokens: pairs of one partner's records that agree, over pairs that could.

    Within one partner nearly all pairs are different people. Where several columns reach a level, the commonest
    column's share stands for it (an equal UPRN and an equal address are nearly the same event). Whether two records
    are of one partner is itself counted over all pairs.
    """
    over_all = comparison.columns == ("partner",)
    within = np.zeros_like(codes["partner"]) if over_all else codes["partner"]
    shares = np.array([_equal_share(codes[column], within) for column in comparison.columns])
    result = np.zeros(len(comparison.levels))
    above = 0.0
    for code, level in enumerate(comparison.levels[:-1]):
        reach = [not level.columns or column in level.columns for column in comparison.columns]
        share = float(shares[np.array(reach)].max(initial=0.0))
        result[code] = max(share - above, LEAST)
        above = max(above, share)
    result[-1] = max(1.0 - result[:-1].sum(), LEAST)
    return np.asarray(result / result.sum())


def _equal_share(codes: NDArray[np.int64], partner: NDArray[np.int64]) -> float:
    held = codes >= 0
    if not held.any():
        return LEAST
    agreeing = _pairs(np.unique(codes[held] * (partner.max() + 1) + partner[held], return_counts=True)[1])
    possible = _pairs(np.bincount(partner[held]))
    # Half a pair stands in where nobody agrees: a register of n people sees no event rarer than that.
    return max(agreeing, 0.5) / max(possible, 1)


def _pairs(sizes: NDArray[np.int64]) -> int:
    return int((sizes.astype(np.int64) * (sizes.astype(np.int64) - 1) // 2).sum())
