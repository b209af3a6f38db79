"""What linkage misses and what it links wrongly, told by passes and levels of agreement, never by a value.

Needs the truth, so it is a benchmark's: which true pairs share a block in which pass, which are found by one pass
alone, and how the missed and the wrong pairs look to the link model. Histories of addresses are left out of the look.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.bench.case import PERSON, RECORD, SOURCE, Case
from pipeline.bench.encoded import PARTNER, codes_of_tokens
from pipeline.contracts import LinkModel, load_link_model
from pipeline.levels import MISSING, Comparable, comparison_levels, unpack_date_parts, unpack_names

PATTERNS_SHOWN = 25
NOT_NAMES = ("record_id", "pass", "block", "date_parts")
Keys = NDArray[np.int64]  # (pairs,): lower record · number of records + higher record
NO_KEYS: Keys = np.zeros(0, dtype=np.int64)


def explain(case: Case, out: Path) -> dict[str, Any]:
    """Blocking recall (all passes, each pass, found by it alone), and missed and wrong pairs by pattern of levels."""
    truth = case.truth()
    assert truth is not None
    number, model = case.records, load_link_model(case.folder)
    person = truth.sort_values(RECORD)[PERSON].to_numpy()
    true = pairs_within(person, np.arange(number), number)
    if case.link_only:
        source = pq.read_table(case.clear, columns=[SOURCE])[SOURCE].to_pandas().to_numpy()
        true = true[source[true // number] != source[true % number]]
    passes = sorted((case.folder / "encoded").glob("pass-*.parquet"))
    by_pass = {path.stem[len("pass-") :]: _true_in_blocks(path, person, model, number, true) for path in passes}
    clusters = pq.read_table(out / "clusters.parquet").to_pandas().sort_values(RECORD)["cluster"].to_numpy()
    missed = true[clusters[true // number] != clusters[true % number]]
    together = pairs_within(clusters, np.arange(number), number)
    wrong = together[person[together // number] != person[together % number]]
    levels = pattern_texts(np.union1d(missed, wrong), case, model)
    return {
        "true_pairs": len(true),
        "blocking": blocking_recall(by_pass, true),
        "missed": _missed(missed, levels, out, number),
        "wrong": _wrong(wrong, levels),
    }


def pairs_within(labels: NDArray[np.int64], records: NDArray[np.int64], number: int) -> Keys:
    """Keys of all pairs of records with the same label, sorted."""
    order = np.lexsort((records, labels))
    labels, records = labels[order], records[order]
    largest = int(np.bincount(pd.factorize(labels)[0]).max(initial=1))
    keys = [NO_KEYS]
    for step in range(1, largest):
        same = labels[step:] == labels[:-step]
        keys.append(records[:-step][same] * number + records[step:][same])
    return np.unique(np.concatenate(keys))


def blocking_recall(by_pass: dict[str, Keys], true: Keys) -> dict[str, Any]:
    """Share of true pairs that share a block; per pass, and the share that no other pass has."""
    pairs, times = np.unique(np.concatenate([NO_KEYS, *by_pass.values()]), return_counts=True)
    once = pairs[times == 1]
    total = max(len(true), 1)
    return {
        "recall": len(pairs) / total,
        "passes": {
            name: {"recall": len(keys) / total, "alone": int(np.isin(keys, once, assume_unique=True).sum()) / total}
            for name, keys in by_pass.items()
        },
    }


def _true_in_blocks(path: Path, person: NDArray[np.int64], model: LinkModel, number: int, true: Keys) -> Keys:
    record, block = _record_and_block(path)
    within = (np.bincount(block) <= model.largest_block)[block]
    record, block = record[within], block[within]
    both = pd.factorize(block * (int(person.max(initial=0)) + 1) + person[record])[0].astype(np.int64)
    return np.intersect1d(pairs_within(both, record, number), true, assume_unique=True)


def _record_and_block(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    table = pq.read_table(path, columns=["record_id", "block"])
    return table["record_id"].to_numpy(), codes_of_tokens(table["block"])


def pattern_texts(wanted: Keys, case: Case, model: LinkModel) -> pd.Series:
    """How each wanted pair looks in the first pass that compares it: "surname same · sex differs", without what is
    missing; indexed by key, only pairs that share a block."""
    found: dict[int, str] = {}
    records = pq.read_table(case.folder / "encoded" / "records.parquet")
    codes = _codes(records, model)
    position = np.argsort(records["record_id"].to_numpy())
    for path in sorted((case.folder / "encoded").glob("pass-*.parquet")):
        left = wanted[~np.isin(wanted, np.fromiter(found, dtype=np.int64, count=len(found)))]
        record, block = _record_and_block(path)
        rows = pd.DataFrame({"record": record, "block": block, "row": np.arange(len(record))})
        pairs = pd.DataFrame({"key": left, "a": left // case.records, "b": left % case.records})
        pairs = pairs.merge(rows, left_on="a", right_on="record").drop(columns="record")
        pairs = pairs.merge(rows, left_on=["b", "block"], right_on=["record", "block"], suffixes=("_a", "_b"))
        pairs = pairs.drop_duplicates("key")
        table = pq.read_table(path)
        data = Comparable(
            names={name: unpack_names(table[name]) for name in table.column_names if name not in NOT_NAMES},
            date_parts=unpack_date_parts(table["date_parts"]),
            codes={name: values[position[record]] for name, values in codes.items()},
        )
        a, b = pairs["row_a"].to_numpy(dtype=np.int64), pairs["row_b"].to_numpy(dtype=np.int64)
        found.update(zip(pairs["key"].tolist(), _texts(model, data, a, b), strict=True))
    return pd.Series(found, dtype=object)


def _codes(records: pa.Table, model: LinkModel) -> dict[str, NDArray[np.int64]]:
    wanted = {column for comparison in model.comparisons for column in comparison.columns}
    missing = np.full(records.num_rows, MISSING, dtype=np.int64)
    return {name: codes_of_tokens(records[name]) if name in records.column_names else missing for name in wanted}


def _texts(model: LinkModel, data: Comparable, a: NDArray[np.int64], b: NDArray[np.int64]) -> list[str]:
    texts = [""] * len(a)
    for comparison in model.comparisons:
        if comparison.name == PARTNER:
            continue
        names = [f" · {comparison.name} {level.name}" for level in comparison.levels] + [""]
        found = comparison_levels(comparison, data, a, b)
        texts = [text + names[level] for text, level in zip(texts, found.tolist(), strict=True)]
    return [text[len(" · ") :] for text in texts]


def _missed(missed: Keys, levels: pd.Series, out: Path, number: int) -> dict[str, Any]:
    """Missed pairs by why: no pass compares them, scored too low, or linked or possible but kept apart as a cluster."""
    compared = missed[np.isin(missed, levels.index.to_numpy(dtype=np.int64))]
    pairs = pq.read_table(out / "pairs.parquet").to_pandas()
    keys = pairs["record_a"].to_numpy() * number + pairs["record_b"].to_numpy()
    decision = pd.Series(pairs["decision"].to_numpy(), index=keys, dtype=object).reindex(compared).fillna("non_match")
    table = pd.DataFrame({"decision": decision.to_numpy(), "pattern": levels.reindex(compared).to_numpy()})
    return {
        "pairs": len(missed),
        "never_compared": len(missed) - len(compared),
        "by_decision": {str(name): int(count) for name, count in table["decision"].value_counts().items()},
        "patterns": _commonest(table, ["decision", "pattern"]),
    }


def _wrong(wrong: Keys, levels: pd.Series) -> dict[str, Any]:
    """Pairs wrongly together, by pattern; `not_compared` are together only through others."""
    compared = wrong[np.isin(wrong, levels.index.to_numpy(dtype=np.int64))]
    return {
        "pairs": len(wrong),
        "not_compared": len(wrong) - len(compared),
        "patterns": _commonest(pd.DataFrame({"pattern": levels.reindex(compared).to_numpy()}), ["pattern"]),
    }


def _commonest(table: pd.DataFrame, by: list[str]) -> list[dict[str, Any]]:
    counts = table.groupby(by, as_index=False).size().sort_values(["size", *by], ascending=[False, *[True] * len(by)])
    rows = counts.head(PATTERNS_SHOWN).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
