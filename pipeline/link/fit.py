"""The link model as fitted on a full build: probabilities, prior and threshold, kept until the next full build.

Weights that were estimated anew every night would move links that nobody's data touched. So a full build fits, and
the nights after it link with what it found (docs/adr/0011), watching how far the links drift from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts.linkage import LinkModel
from pipeline.link.compare import Patterns
from pipeline.link.decide import lowest_weight, match_threshold, prior_probability, probabilities
from pipeline.link.weigh import Estimates, Probabilities, pattern_terms

HISTOGRAM_BITS = 2  # width of a bar of the weight distribution
FEWEST_LINKS = 100.0  # a level is watched for drift where at least so many links were, or should be, at it


@dataclass(frozen=True)
class Fitted:
    """What a full build found. `model`: digest of the declared model it belongs to; `records`: how many it was fitted
    on; `levels`: links at each level of each comparison then; `parameters`: see `parameters`."""

    model: str
    records: int
    m: Probabilities
    u: Probabilities
    u_given: Probabilities
    prior: float
    threshold: float
    levels: Probabilities
    parameters: dict[str, Any]

    @property
    def estimates(self) -> Estimates:
        return Estimates(m=self.m, u=self.u, u_given=self.u_given)

    @property
    def lowest_weight(self) -> float:
        """The weight from which a pair is carried on."""
        return lowest_weight(self.records)

    def to_json(self) -> str:
        """As text that `from_json` reads back to the same numbers."""
        tables = {name: _lists(getattr(self, name)) for name in ("m", "u", "u_given", "levels")}
        plain = {name: getattr(self, name) for name in ("model", "records", "prior", "threshold", "parameters")}
        return json.dumps({**plain, **tables})

    @classmethod
    def from_json(cls, text: str) -> Fitted:
        document = json.loads(text)
        tables = {
            name: {key: np.asarray(values, dtype=np.float64) for key, values in document[name].items()}
            for name in ("m", "u", "u_given", "levels")
        }
        return cls(**{**document, **tables})


def digest(model: LinkModel) -> str:
    """What tells one declared model from another."""
    return hashlib.sha256(repr(model).encode()).hexdigest()


def fitted(
    model: LinkModel,
    estimates: Estimates,
    weight: NDArray[np.float64],
    pattern: NDArray[np.int64],
    records: int,
    counts: Mapping[str, NDArray[np.int64]],
    weights: NDArray[np.float64],
) -> Fitted:
    """Prior and threshold from the pairs worth keeping (`weight` and `pattern` of each), put with the estimates.

    `counts`: candidate pairs per pass and pattern; `weights`: of every pattern.
    """
    prior = prior_probability(weight, records)
    probability = probabilities(weight, prior)
    threshold = match_threshold(probability, model)
    return Fitted(
        model=digest(model),
        records=records,
        m=estimates.m,
        u=estimates.u,
        u_given=estimates.u_given,
        prior=prior,
        threshold=threshold,
        levels=links_by_level(pattern[probability >= threshold], model),
        parameters=parameters(model, estimates, prior, threshold, counts, weights),
    )


def pattern_weights(model: LinkModel, estimates: Estimates) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Every pattern's levels, and what each comparison adds to its weight: both (patterns, comparisons)."""
    patterns = Patterns(model.comparisons)
    levels = patterns.decode(np.arange(patterns.number))
    return levels, pattern_terms(levels, model, estimates)


def links_by_level(pattern: NDArray[np.int64], model: LinkModel) -> Probabilities:
    """How many links are at each level of each comparison, the missing left out."""
    levels = Patterns(model.comparisons).decode(pattern)
    return {
        comparison.name: np.bincount(levels[levels[:, column] >= 0, column], minlength=len(comparison.levels)).astype(
            np.float64
        )
        for column, comparison in enumerate(model.comparisons)
    }


def drift(known: Fitted, pattern: NDArray[np.int64], records: int, model: LinkModel) -> dict[str, Any]:
    """How far tonight's links (their patterns) are from those the model was fitted on, and whether to fit anew.

    `bits`: per comparison the largest change of a level's share among links, as log2; `growth`: records now over then.
    """
    now = links_by_level(pattern, model)
    bits = {name: _moved(before, now[name]) for name, before in known.levels.items()}
    growth = records / max(known.records, 1)
    beyond = max(bits.values(), default=0.0) > model.refit_bits
    return {
        "bits": bits,
        "growth": growth,
        "refit": bool(beyond or not 1 / model.refit_growth <= growth <= model.refit_growth),
    }


def _moved(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    if not before.sum() or not now.sum():
        return 0.0
    expected = before * now.sum() / before.sum()
    watched = np.maximum(expected, now) >= FEWEST_LINKS
    return float(np.abs(np.log2((now[watched] + 1) / (expected[watched] + 1))).max(initial=0.0))


def parameters(
    model: LinkModel,
    estimates: Estimates,
    prior: float,
    threshold: float,
    counts: Mapping[str, NDArray[np.int64]],
    weights: NDArray[np.float64],
) -> dict[str, Any]:
    """The model as estimated, as JSON: per comparison and level m, u and weight in bits, and what came of each pass.

    `histogram`: candidate pairs by weight (prior included), a pair counted once per pass that found it.
    """
    dependent = model.dependent_chance
    comparisons = {}
    for comparison in model.comparisons:
        m, u = estimates.m[comparison.name], estimates.u[comparison.name]
        given = estimates.u_given.get(comparison.name)
        comparisons[comparison.name] = [
            {
                "level": level.name,
                "m": float(m[code]),
                "u": float(u[code]),
                "weight": _bits(m[code], u[code]),
                **(
                    {}
                    if given is None
                    else {"u_given": float(given[code]), "weight_given": _bits(m[code], given[code])}
                ),
            }
            for code, level in enumerate(comparison.levels)
        ]
    prior_bits = float(np.log2(prior / (1 - prior)))
    total = np.sum(list(counts.values()), axis=0) if counts else np.zeros(len(weights))
    seen = np.flatnonzero(total)
    bars = np.floor((weights[seen] + prior_bits) / HISTOGRAM_BITS).astype(np.int64) * HISTOGRAM_BITS
    return {
        "model_version": model.version,
        "comparisons": comparisons,
        "dependent_on": None if dependent is None else {"comparison": dependent.comparison, "level": dependent.level},
        "prior": prior,
        "prior_bits": prior_bits,
        "thresholds": {"match": threshold, "possible": model.possible_threshold},
        "passes": {
            name: {"share": learnt.share, "matches": learnt.matches, "iterations": learnt.iterations}
            for name, learnt in estimates.passes.items()
        },
        "histogram": {
            "bits": HISTOGRAM_BITS,
            "bars": [[int(bar), int(total[seen][bars == bar].sum())] for bar in np.unique(bars)],
        },
    }


def _bits(m: float, u: float) -> float:
    return float(np.log2(max(m, 1e-9) / max(u, 1e-9)))


def _lists(probabilities: Probabilities) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in probabilities.items()}
