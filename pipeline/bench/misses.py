"""What linkage misses and what it links wrongly, told by passes and patterns of levels, never by a value.

Needs the truth, so it is a benchmark's: which true pairs share a block in which pass, which are found by one pass
alone, and how the missed and the wrong pairs look to the link model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.bench.case import PERSON, RECORD, Case
from pipeline.bench.linked import model_of, read_encoded
from pipeline.contracts import LinkModel
from pipeline.link import Encodings
from pipeline.link.compare import Patterns, record_codes, scan

PATTERNS_SHOWN = 25
Keys = NDArray[np.int64]  # (pairs,): lower record · number of records + higher record


def explain(case: Case, out: Path) -> dict[str, Any]:
    """Blocking recall (all passes, each pass, found by it alone), and missed and wrong pairs by pattern."""
    truth = case.truth()
    assert truth is not None
    records, encodings, _ = read_encoded(case.folder / "encoded")
    model = model_of(case)
    person = truth.sort_values(RECORD)[PERSON].to_numpy()
    source = records["partner"].cat.codes.to_numpy() if case.link_only else None
    true = pairs_within(person, np.arange(len(person)), case.records)
    if source is not None:
        true = true[source[true // case.records] != source[true % case.records]]
    by_pass = {name: _true_in_blocks(encodings, name, person, model, case.records, true) for name in encodings.passes}
    clusters = pq.read_table(out / "clusters.parquet").to_pandas().sort_values(RECORD)["cluster"].to_numpy()
    together = clusters[true // case.records] == clusters[true % case.records]
    return {
        "true_pairs": len(true),
        "blocking": blocking_recall(by_pass, true),
        "missed": _missed(true[~together], by_pass, records, encodings, model, out, case.records),
        "wrong": _wrong(clusters, person, records, encodings, model, case.records),
    }


def pairs_within(labels: NDArray[np.int64], records: NDArray[np.int64], number: int) -> Keys:
    """Keys of all pairs of records with the same label, sorted; `records` ascending within a label or not."""
    order = np.lexsort((records, labels))
    labels, records = labels[order], records[order]
    starts = np.flatnonzero(np.concatenate([[True], labels[1:] != labels[:-1]])) if len(labels) else np.zeros(0, int)
    keys = [np.zeros(0, dtype=np.int64)]
    for step in range(1, int(np.diff(np.append(starts, len(labels))).max(initial=1))):
        same = labels[step:] == labels[:-step]
        keys.append(records[:-step][same] * number + records[step:][same])
    return np.unique(np.concatenate(keys))


def blocking_recall(by_pass: dict[str, Keys], true: Keys) -> dict[str, Any]:
    """Share of true pairs that share a block; per pass, and the share that no other pass has."""
    found = np.concatenate([np.zeros(0, dtype=np.int64), *by_pass.values()])
    pairs, times = np.unique(found, return_counts=True)
    once = pairs[times == 1]
    total = max(len(true), 1)
    return {
        "recall": len(pairs) / total,
        "passes": {
            name: {"recall": len(keys) / total, "alone": int(np.isin(keys, once, assume_unique=True).sum()) / total}
            for name, keys in by_pass.items()
        },
    }


def _true_in_blocks(
    encodings: Encodings, name: str, person: NDArray[np.int64], model: LinkModel, number: int, true: Keys
) -> Keys:
    held = encodings.passes[name]
    block = np.repeat(np.arange(len(held.sizes)), held.sizes)
    within = (held.sizes <= model.largest_block)[block]
    record, block = held.record_id[within], block[within]
    both = pd.factorize(block * (int(person.max(initial=0)) + 1) + person[record])[0].astype(np.int64)
    return np.intersect1d(pairs_within(both, record, number), true, assume_unique=True)


def _patterns_of(wanted: Keys, records: pd.DataFrame, encodings: Encodings, model: LinkModel, number: int) -> pd.Series:
    """The pattern of each wanted pair that any pass compares: text by key."""
    patterns = Patterns(model.comparisons)
    record_ids = records["record_id"].to_numpy(dtype=np.int64)
    codes = record_codes(records, model)
    keys, found = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for held in encodings.passes.values():
        for chunk in scan(held, record_ids, codes, model):
            key = record_ids[chunk.position_a] * number + record_ids[chunk.position_b]
            is_wanted = np.isin(key, wanted)
            keys.append(key[is_wanted])
            found.append(chunk.pattern[is_wanted])
    key, first = np.unique(np.concatenate(keys), return_index=True)
    return pd.Series(patterns.text(np.concatenate(found)[first]), index=key, dtype=object)


def _missed(
    missed: Keys, by_pass: dict[str, Keys], records: pd.DataFrame, encodings: Encodings, model: LinkModel, out: Path,
    number: int,
) -> dict[str, Any]:  # fmt: skip
    """Missed pairs by why: no pass compares them, scored too low, linked or possible but kept apart as a cluster."""
    candidates = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *by_pass.values()]))
    compared = missed[np.isin(missed, candidates)]
    pairs = pq.read_table(out / "pairs.parquet").to_pandas()
    decided = pd.Series(
        pairs["decision"].to_numpy(), index=pairs["record_a"].to_numpy() * number + pairs["record_b"].to_numpy()
    )
    decision = decided.reindex(compared).fillna("non_match")
    pattern = _patterns_of(compared, records, encodings, model, number).reindex(compared)
    table = pd.DataFrame({"decision": decision.to_numpy(), "pattern": pattern.to_numpy()})
    return {
        "pairs": len(missed),
        "never_compared": len(missed) - len(compared),
        "by_decision": {str(name): int(count) for name, count in table["decision"].value_counts().items()},
        "patterns": _commonest(table, ["decision", "pattern"]),
    }


def _wrong(
    clusters: NDArray[np.int64], person: NDArray[np.int64], records: pd.DataFrame, encodings: Encodings,
    model: LinkModel, number: int,
) -> dict[str, Any]:  # fmt: skip
    """Pairs wrongly together, by pattern; `not_compared` are together only through others."""
    together = pairs_within(clusters, np.arange(len(clusters)), number)
    wrong = together[person[together // number] != person[together % number]]
    pattern = _patterns_of(wrong, records, encodings, model, number)
    return {
        "pairs": len(wrong),
        "not_compared": len(wrong) - len(pattern),
        "patterns": _commonest(pd.DataFrame({"pattern": pattern.to_numpy()}), ["pattern"]),
    }


def _commonest(table: pd.DataFrame, by: list[str]) -> list[dict[str, Any]]:
    counts = table.groupby(by, as_index=False).size().sort_values(["size", *by], ascending=[False, *[True] * len(by)])
    return [{str(key): value for key, value in row.items()} for row in counts.head(PATTERNS_SHOWN).to_dict("records")]
