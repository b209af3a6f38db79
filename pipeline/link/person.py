"""The story of linking persons, in order, and what it hands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.contracts.linkage import LinkModel
from pipeline.link.answers import bind_answers
from pipeline.link.block import PAIRS_PER_CHUNK, Encodings, Versions, blocking_row
from pipeline.link.chance import chance_probabilities, dependent_chance
from pipeline.link.cluster import cluster
from pipeline.link.compare import Patterns
from pipeline.link.decide import (
    ScoredPairs,
    contradictions,
    decisions,
    log2_odds,
    lowest_weight,
    probabilities,
    scored_pairs,
    told,
    worth_keeping,
)
from pipeline.link.fit import Fitted, digest, drift, fitted, pattern_weights
from pipeline.link.identity import assign_ids
from pipeline.link.state import LinkState, changed_records, standing_pairs, state_after, together
from pipeline.link.versions import are_mixed, by_version, can_compare, counted, versions_of
from pipeline.link.walk import ScannedPairs, Values, count_patterns, keep_pairs, values_of
from pipeline.link.weigh import estimate, names_exchanged
from pipeline.progress import Progress, silent
from pipeline.records import PAIR_COLUMNS, LinkResult


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
    state: LinkState | None = None,
    known: Fitted | None = None,
) -> LinkResult:
    """Link records into persons with stable ids.

    `records`: RECORDS (see pipeline.records), any order; `chance_agreement`: per comparison, pairs at each level among
    random pairs of people (`LinkModel.counted`), pooled over partners; `previous`: last night's record_id and
    person_id; `answers`: record_a, record_b, answer (see `answers.settle`), which binds.

    Without `state` or `known` this is a full build: candidate pairs are walked twice, chunk by chunk, first to count
    patterns and fit the model, then to keep the pairs worth keeping. With `known` it takes that fit instead. With
    `state`, what last night left, it takes that fit and compares only new and changed records with all; the result is
    the same as with `known` alone. A state of another declared model is not used.

    Records of different versions of the linkage key are not compared; what the state holds of them is carried.

    Memory does not grow with candidate pairs. Neither the order of the input nor the size of chunks changes the result.
    """
    records = records.sort_values("record_id", ignore_index=True)
    versions = versions_of(records)
    if are_mixed(versions):
        encodings = encodings.under(Versions(records["record_id"].to_numpy(dtype=np.int64), versions))
    values = values_of(records, encodings, model)
    # In one order on every night, though a partial night may lack a pass.
    names = sorted({*encodings.passes, *(() if state is None else state.pairs["blocking_pass"].unique())})

    fit = known if state is None or state.fitted.model != digest(model) else state.fitted
    changed = None
    if state is not None and fit is state.fitted:
        changed = changed_records(records, encodings, state, model.largest_block)

    def kept(worth: NDArray[np.bool_]) -> Iterator[tuple[int, ScannedPairs]]:
        for step, held in enumerate(encodings.passes.values()):
            progress(f"weigh: {held.name}", 0.5 + 0.4 * step / len(encodings.passes))
            for chunk in keep_pairs(held, values, model, worth, changed, pairs_per_chunk):
                yield names.index(held.name), chunk

    if fit is None:
        counts = {}
        for step, held in enumerate(encodings.passes.values()):
            progress(f"compare: {held.name}", 0.45 * step / len(encodings.passes))
            counts[held.name] = count_patterns(held, values, model, pairs_per_chunk)
        chance = chance_probabilities(chance_agreement, values.codes, model)
        estimates = estimate(counts, chance, dependent_chance(chance_agreement, model), model)
        levels, terms = pattern_weights(model, estimates)
        weights = terms.sum(axis=1)
        worth = worth_keeping(terms, levels, model, lowest_weight(len(records)))
        scored = scored_pairs(kept(worth), weights, names_exchanged(levels, model), versions)
        fit = fitted(model, estimates, scored.weight, scored.pattern, len(records), counts, weights)
    else:
        levels, terms = pattern_weights(model, fit.estimates)
        weights = terms.sum(axis=1)
        worth = worth_keeping(terms, levels, model, fit.lowest_weight)
        scored = scored_pairs(kept(worth), weights, names_exchanged(levels, model), versions)
        if state is not None and changed is not None:
            standing = standing_pairs(state, values.record_ids, versions, changed, names, weights)
            scored = together(standing, scored)

    progress("cluster", 0.95)
    return _persons(records, values, encodings, model, fit, levels, scored, names, previous, first_new_id, answers)


def _persons(
    records: pd.DataFrame,
    values: Values,
    encodings: Encodings,
    model: LinkModel,
    fit: Fitted,
    levels: NDArray[np.int8],
    scored: ScoredPairs,
    names: list[str],
    previous: pd.DataFrame,
    first_new_id: int,
    answers: pd.DataFrame | None,
) -> LinkResult:
    """From all pairs worth keeping to decisions, clusters and ids."""
    probability = probabilities(scored.weight, fit.prior)
    decision = decisions(probability, fit.threshold, model.possible_threshold)
    once = _once_each(records, model)
    versions = versions_of(records)
    identifiers = {**by_version({name: values.codes[name] for name in model.one_per_person}, versions), **once}
    bits = scored.weight + log2_odds(fit.prior)
    barred = np.zeros(len(scored.a), dtype=np.bool_)
    for codes in once.values():
        barred |= (codes[scored.a] >= 0) & (codes[scored.b] >= 0)
    decision[barred & (decision == "match")] = "cut"
    linked = decision == "match"
    clusters, cut = cluster(
        scored.a,
        scored.b,
        bits,
        linked,
        identifiers,
        len(records),
        model.unscored_bits,
        contradictions(levels, model)[scored.pattern] | barred,
        told(levels, model)[scored.pattern],
    )
    decision[cut] = "cut"
    bound = bind_answers(
        answers, values.record_ids, clusters, scored.a, scored.b, bits, decision, linked, identifiers,
        model.unscored_bits,
    )  # fmt: skip
    persons, ledger = assign_ids(values.record_ids, bound.clusters, previous, first_new_id)
    watched = drift(fit, scored.pattern[linked], len(records), model)
    return LinkResult(
        pairs=_pairs_frame(scored, values.record_ids, names, Patterns(model.comparisons), probability, bound.decision),
        persons=persons,
        ledger=ledger,
        blocking=pd.DataFrame([blocking_row(held, model.largest_block) for held in encodings.passes.values()]),
        parameters=fit.parameters
        | {"answers": bound.summary, "drift": watched}
        | _of_versions(versions, scored, bound.decision),
        state=state_after(fit, records, scored, names, encodings.oversized(model.largest_block)),
    )


def _of_versions(
    versions: NDArray[np.int64], scored: ScoredPairs, decision: NDArray[np.object_]
) -> dict[str, dict[str, Any]]:
    """Where versions of the key stand side by side: records under each, pairs carried, and links among those."""
    if not are_mixed(versions):
        return {}
    carried = ~can_compare(versions, scored.a, scored.b)
    links = int((carried & (decision == "match")).sum())
    return {"key_versions": {"records": counted(versions), "carried": int(carried.sum()), "carried_links": links}}


def _once_each(records: pd.DataFrame, model: LinkModel) -> dict[str, NDArray[np.int64]]:
    """Per partner that promises one record a person: a code of its own for each of its records, as an identifier would
    have; -1 for everybody else's."""
    partner = records["partner"].astype(str).to_numpy()
    own = np.arange(len(records), dtype=np.int64)
    return {f"record of {name}": np.where(partner == name, own, -1) for name in model.no_duplicates}


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
