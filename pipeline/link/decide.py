"""From weights to decisions: the prior, each pair's probability, and match, possible or non-match.

A pair found in several passes is scored once, by the same formula. No clusters here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts.linkage import LinkModel
from pipeline.link.walk import ScannedPairs

MOST_PER_RECORD = 16.0  # no prior supposes more other records of the same person than this, on average
WORTH_KEEPING = 0.01  # lowest probability, at the highest prior, of a pair that is carried on
PRIOR_ITERATIONS = 100


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs worth carrying on, sorted by (a, b): positions a < b in the RECORDS frame, the pass it is
    scored in (see `scored_pairs`), its pattern, its weight (log2 of m/u, without the prior), and the version of the
    key under which it was compared."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    blocking_pass: NDArray[np.int16]
    pattern: NDArray[np.int64]
    weight: NDArray[np.float64]
    version: NDArray[np.int64]


def lowest_weight(records: int) -> float:
    """The weight below which no prior would make a pair worth keeping."""
    odds = WORTH_KEEPING / (1 - WORTH_KEEPING)
    return float(np.log2(odds) - log2_odds(_prior_bounds(records)[1]))


def contradictions(levels: NDArray[np.int8], model: LinkModel) -> NDArray[np.bool_]:
    """Which patterns hold a level that one person cannot have."""
    return np.asarray(_at(levels, model, model.contradictions).any(axis=1))


def told(levels: NDArray[np.int8], model: LinkModel) -> NDArray[np.int8]:
    """Per pattern: 1 where it agrees on what is no slip when told twice, -1 where it differs in that, else 0."""
    first = {comparison.name: (comparison.levels[0].name,) for comparison in model.comparisons}
    agrees = _at(levels, model, {name: first[name] for name in model.no_slip_twice}).any(axis=1)
    differs = _at(levels, model, model.no_slip_twice).any(axis=1)
    return np.asarray(np.where(differs, -1, agrees), dtype=np.int8)


def _at(levels: NDArray[np.int8], model: LinkModel, wanted: Mapping[str, tuple[str, ...]]) -> NDArray[np.bool_]:
    """(patterns, comparisons): whether the pattern's level is among those wanted of the comparison."""
    found = np.zeros(levels.shape, dtype=np.bool_)
    for column, comparison in enumerate(model.comparisons):
        for code, level in enumerate(comparison.levels):
            if level.name in wanted.get(comparison.name, ()):
                found[:, column] |= levels[:, column] == code
    return found


def worth_keeping(
    terms: NDArray[np.float64], levels: NDArray[np.int8], model: LinkModel, lowest: float
) -> NDArray[np.bool_]:
    """Which patterns weigh at least `lowest`, so that a pair is carried on; `terms`, `levels`: (patterns, comparisons).

    A contradiction does not count here: father and son of one name must be known as two where a cluster holds both.
    """
    without = np.where(_at(levels, model, model.contradictions), 0.0, terms).sum(axis=1)
    return np.asarray(np.maximum(without, terms.sum(axis=1)) >= lowest)


def scored_pairs(
    kept: Iterable[tuple[int, ScannedPairs]],
    weights: NDArray[np.float64],
    telling: NDArray[np.bool_],
    versions: NDArray[np.int64],
) -> ScoredPairs:
    """The pairs of all passes, each once: as the first pass compares it, but rather one that finds a `telling` pattern.

    `kept` carries each pass's place in order; `weights` and `telling` have one entry per pattern, `versions` one per
    record. Exchanged names are telling, since they show in blocks of both names only.
    """
    parts = [
        (chunk.position_a, chunk.position_b, np.full(len(chunk.pattern), place, dtype=np.int16), chunk.pattern)
        for place, chunk in kept
        if len(chunk.pattern)
    ]
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return ScoredPairs(none, none, none.astype(np.int16), none, none.astype(np.float64), none)
    a, b, found_in, pattern = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((found_in, ~telling[pattern], b, a))
    a, b, found_in, pattern = a[order], b[order], found_in[order], pattern[order]
    first = np.ones(len(a), dtype=np.bool_)
    first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    a, b, found_in, pattern = a[first], b[first], found_in[first], pattern[first]
    return ScoredPairs(a, b, found_in, pattern, weights[pattern], versions[a])


def prior_probability(weight: NDArray[np.float64], records: int) -> float:
    """The share of all pairs of records that are one person's: what makes expected matches agree with itself.

    With m and u fixed this is EM for the mixing share alone, whose likelihood has one maximum; pairs that are not
    candidates count as non-matches.
    """
    total = records * (records - 1) / 2
    low, high = _prior_bounds(records)
    share = 1.0 / max(records, 2)
    if len(weight) == 0 or total < 1:
        return float(np.clip(share, low, high))
    for _ in range(PRIOR_ITERATIONS):
        expected = probabilities(weight, share).sum()
        updated = float(np.clip((expected + 0.5) / (total + 1), low, high))
        if abs(updated - share) <= 1e-9 * share:
            break
        share = updated
    return share


def probabilities(weight: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    """Posterior probability that a pair is one person's, from its weight in bits and the prior probability."""
    return np.asarray(1.0 / (1.0 + np.exp2(-np.clip(weight + log2_odds(prior), -1000, 1000))))


def match_threshold(probability: NDArray[np.float64], model: LinkModel) -> float:
    """The lowest probability at which pairs are linked: never below the model's, and so high that of the pairs linked
    the expected share of right ones reaches the target precision (in the model's own probabilities)."""
    ordered = np.sort(probability[probability >= model.match_threshold])[::-1]
    if not len(ordered) or model.target_precision <= 0:
        return model.match_threshold
    expected = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # equal probabilities are decided alike
    reached = last[expected[last] >= model.target_precision]
    return float(ordered[reached[-1]]) if len(reached) else 1.0


def decisions(probability: NDArray[np.float64], match: float, possible: float) -> NDArray[np.object_]:
    """`match`, `possible` or `non_match` by the two thresholds."""
    found = np.full(len(probability), "non_match", dtype=object)
    found[probability >= possible] = "possible"
    found[probability >= match] = "match"
    return found


def _prior_bounds(records: int) -> tuple[float, float]:
    n = max(records, 2)
    return 0.01 / n, min(MOST_PER_RECORD * 2 / n, 0.5)


def log2_odds(probability: float) -> float:
    """A probability as bits: log2 of its odds."""
    return float(np.log2(probability / (1 - probability)))
