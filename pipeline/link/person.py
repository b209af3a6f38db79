"""The story of linking persons, in order, and what it hands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.contracts.linkage import LinkModel
from pipeline.link.answers import bind_answers
from pipeline.link.block import PAIRS_PER_CHUNK, Encodings, blocking_row
from pipeline.link.chance import chance_probabilities
from pipeline.link.cluster import cluster
from pipeline.link.compare import Patterns
from pipeline.link.decide import (
    ScoredPairs,
    contradictions,
    decisions,
    log2_odds,
    match_threshold,
    prior_probability,
    probabilities,
    scored_pairs,
    told,
    worth_keeping,
)
from pipeline.link.identity import assign_ids
from pipeline.link.walk import ScannedPairs, count_patterns, keep_pairs, values_of
from pipeline.link.weigh import Estimates, estimate, pattern_terms
from pipeline.progress import Progress, silent
from pipeline.records import PAIR_COLUMNS, LinkResult

HISTOGRAM_BITS = 2  # width of a bar of the weight distribution


def link_persons(
    records: pd.DataFrame,
    encodings: Encodings,
    model: LinkModel,
    chance_agreement: Mapping[str, Any],
    previous: pd.DataFrame,
    progress: Progress = silent,
    *,
    first_new_id: int = 1,
    pairs_per_chunk: int = PAIRS_PER_CHUNK,
    answers: pd.DataFrame | None = None,
) -> LinkResult:
    """Link records into persons with stable ids.

    `records`: RECORDS (see pipeline.records), any order; `chance_agreement`: per comparison, pairs at each level among
    random pairs of people, pooled over partners; `previous`: last night's record_id and person_id; `answers`: record_a,
    record_b, answer (see `answers.settle`), which binds. Candidate pairs are walked twice, chunk by chunk: first to
    count patterns, then, with the weights learnt, to keep pairs worth keeping; so memory does not grow with them.
    Neither the order of the input nor the size of chunks changes the result.
    """
    records = records.sort_values("record_id", ignore_index=True)
    values = values_of(records, encodings, model)
    record_ids, codes = values.record_ids, values.codes
    patterns = Patterns(model.comparisons)

    names = list(encodings.passes)
    counts = {}
    for place, held in enumerate(encodings.passes.values()):
        progress(f"compare: {held.name}", 0.45 * place / len(names))
        counts[held.name] = count_patterns(held, values, model, pairs_per_chunk)

    chance = chance_probabilities(chance_agreement, codes, encodings, record_ids, model)
    estimates = estimate(counts, chance, model)
    levels = patterns.decode(np.arange(patterns.number))
    terms = pattern_terms(levels, model, estimates)
    weights = terms.sum(axis=1)
    worth = worth_keeping(terms, levels, model, len(records))

    def kept() -> Iterator[tuple[int, ScannedPairs]]:
        for place, held in enumerate(encodings.passes.values()):
            progress(f"weigh: {held.name}", 0.5 + 0.4 * place / len(names))
            for chunk in keep_pairs(held, values, model, worth, pairs_per_chunk=pairs_per_chunk):
                yield place, chunk

    scored = scored_pairs(kept(), weights)
    prior = prior_probability(scored.weight, len(records))
    probability = probabilities(scored.weight, prior)
    threshold = match_threshold(probability, model)
    decision = decisions(probability, threshold, model.possible_threshold)

    progress("cluster", 0.95)
    identifiers = {name: codes[name] for name in model.one_per_person}
    bits = scored.weight + log2_odds(prior)
    linked = decision == "match"
    clusters, cut = cluster(
        scored.a,
        scored.b,
        bits,
        linked,
        identifiers,
        len(records),
        model.unscored_bits,
        contradictions(levels, model)[scored.pattern],
        told(levels, model)[scored.pattern],
    )
    decision[cut] = "cut"
    bound = bind_answers(
        answers, record_ids, clusters, scored.a, scored.b, bits, decision, linked, identifiers, model.unscored_bits
    )
    clusters, decision = bound.clusters, bound.decision
    persons, ledger = assign_ids(record_ids, clusters, previous, first_new_id)

    blocking = pd.DataFrame([blocking_row(held, model.largest_block) for held in encodings.passes.values()])
    progress("persons linked", 1.0)
    return LinkResult(
        pairs=_pairs_frame(scored, record_ids, names, patterns, probability, decision),
        persons=persons,
        ledger=ledger,
        blocking=blocking,
        parameters=parameters(model, estimates, prior, threshold, counts, weights) | {"answers": bound.summary},
    )


def _pairs_frame(
    scored: ScoredPairs,
    record_ids: NDArray[np.int64],
    names: list[str],
    patterns: Patterns,
    probability: NDArray[np.float64],
    decision: NDArray[np.object_],
) -> pd.DataFrame:
    kept = decision != "non_match"
    seen, place = np.unique(scored.pattern[kept], return_inverse=True)
    frame = pd.DataFrame(
        {
            "record_a": record_ids[scored.a[kept]],
            "record_b": record_ids[scored.b[kept]],
            "blocking_pass": np.array(names, dtype=object)[scored.blocking_pass[kept]] if names else [],
            "pattern": np.array(patterns.text(seen), dtype=object)[place] if len(seen) else [],
            "weight": scored.weight[kept],
            "probability": probability[kept],
            "decision": decision[kept],
        }
    )
    return frame[list(PAIR_COLUMNS)]


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
