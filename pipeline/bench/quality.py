"""A tool's result against the truth: pairs linked, clusters, groups of people, and the best that its scores allow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipeline.bench.case import PERSON, RECORD, Case
from pipeline.evaluation.figures import rates
from pipeline.evaluation.persons import by_subgroup
from pipeline.link.quality import clustering_quality

# What a group needs before its F1 is judged beside the whole's: one person more or less would move it too far.
FEWEST_PERSONS, FEWEST_PAIRS = 50, 100
WORST_BELOW = 0.01  # how far the worst group may be below the whole
# Thresholds tried for the best; a Dice coefficient and a probability are both in [0, 1].
THRESHOLDS = (*np.round(np.arange(0.5, 0.95, 0.01), 2), 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999, 0.9999, 0.2, 0.1)
LARGEST_FOR_BEST = 10_000_000  # pairs


def measure(case: Case, out: Path) -> dict[str, Any]:
    """All figures of a tool's `out` folder, JSON-able; empty where the case has no truth.

    `clustered`: pairwise over clusters; `cluster`: clusters exactly right; `links`: the pairs linked as such;
    `best`: pairwise over clusters at the threshold that is best with the truth in hand (peers with scores only);
    `subgroups`, `worst`: by group of people, with whether the worst is too far below the whole.
    """
    truth = case.truth()
    if truth is None:
        return {}
    truth = truth.sort_values(RECORD, ignore_index=True)
    person = truth[PERSON].to_numpy()
    found = pq.read_table(out / "clusters.parquet").to_pandas().sort_values(RECORD)
    labels = found["cluster"].to_numpy()
    figures = {**clustering_figures(labels, person), "subgroups": subgroups(labels, truth)}
    figures["worst"] = worst_subgroup(figures["subgroups"], figures["clustered"]["f1"])
    scores = scored_pairs(out)
    if scores is not None:
        links = scores[scores["linked"]]
        right = int((person[links["a"]] == person[links["b"]]).sum())
        true = figures["clustered"]["true"]
        figures["links"] = rates(right, len(links), true)
        if "score" in scores and len(scores) <= LARGEST_FOR_BEST:
            figures["best"] = best_threshold(scores, person, case)
    return figures


def clustering_figures(labels: NDArray[Any], person: NDArray[Any]) -> dict[str, Any]:
    """`clustered` (pairs) and `cluster` (exact) precision, recall, F1, with counts."""
    quality = clustering_quality(labels, person)
    right = int(quality["true_positive_pairs"])
    found, true = right + int(quality["false_positive_pairs"]), right + int(quality["false_negative_pairs"])
    exact = int(quality["exact_clusters"])
    return {
        "clustered": rates(right, found, true),
        "cluster": rates(exact, int(quality["found_clusters"]), int(quality["true_clusters"])),
    }


def subgroups(labels: NDArray[Any], truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Pairwise figures by group of people (see evaluation.persons.by_subgroup)."""
    known = pd.DataFrame({"person_id": labels, "true_person_id": truth[PERSON]})
    groups = [name for name in truth.columns if name not in (RECORD, PERSON)]
    details = truth[[PERSON, *groups]].drop_duplicates(PERSON).rename(columns={PERSON: "true_person_id"})
    return by_subgroup(known, details)


def worst_subgroup(rows: list[dict[str, Any]], whole: float | None) -> dict[str, Any] | None:
    """The group with the lowest F1 among those with enough true pairs; `red` where too far below the whole."""
    enough = [row for row in rows if row["true"] >= FEWEST_PAIRS and row["persons"] >= FEWEST_PERSONS]
    judged = [row for row in enough if row["group"] != "not known"]
    if not judged or whole is None:
        return None
    worst = min(judged, key=lambda row: row["f1"])
    return {**worst, "below": whole - worst["f1"], "red": whole - worst["f1"] > WORST_BELOW}


def scored_pairs(out: Path) -> pd.DataFrame | None:
    """a, b, linked, and score where the tool leaves its decision to a threshold; None where it gave no pairs."""
    path = out / "pairs.parquet"
    if not path.exists():
        return None
    pairs: pd.DataFrame = pq.read_table(path).to_pandas()
    if "decision" in pairs:
        linked = pairs["decision"].eq("match")
        return pd.DataFrame({"a": pairs["record_a"], "b": pairs["record_b"], "linked": linked})
    threshold = pd.read_json(out / "report.json", typ="series")["threshold"]
    return pairs.assign(linked=pairs["score"] >= threshold)


def best_threshold(scores: pd.DataFrame, person: NDArray[Any], case: Case) -> dict[str, Any]:
    """The threshold with the highest F1 over clusters: connected components, or one-to-one greedily between two
    registers that hold a person once each."""
    best: dict[str, Any] = {"f1": -1.0}
    if case.link_only:
        scores = one_to_one(scores)
    for threshold in THRESHOLDS:
        kept = scores[scores["score"] >= threshold]
        ends = (kept["a"].to_numpy(), kept["b"].to_numpy())
        graph = coo_matrix((np.ones(len(kept), dtype=np.int8), ends), shape=(len(person), len(person)))
        figures = clustering_figures(connected_components(graph, directed=False)[1], person)["clustered"]
        if (figures["f1"] or 0.0) > best["f1"]:
            best = {**figures, "threshold": float(threshold)}
    return best


def one_to_one(scores: pd.DataFrame) -> pd.DataFrame:
    """The pairs taken greedily, best first, so that no record is in two."""
    ordered = scores.sort_values(["score", "a", "b"], ascending=[False, True, True])
    taken: set[int] = set()
    kept = np.zeros(len(ordered), dtype=np.bool_)
    for place, (a, b) in enumerate(zip(ordered["a"].tolist(), ordered["b"].tolist(), strict=True)):
        if a not in taken and b not in taken:
            taken.update((a, b))
            kept[place] = True
    return ordered[kept]
