"""recordlinkage 0.16 in clear: its own index, comparisons and ECM classifier (binary agreement, missing disagrees)."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import recordlinkage
from common import Case, Stopwatch, connected, main
from recordlinkage.compare import Exact, String

LIKELY = 0.85  # Jaro-Winkler at and above which names agree, as in its documentation's examples
IDENTIFIERS = ("nino", "nhs_number", "upn", "pnc_id", "soc_sec_id")
HELPERS = ("initial", "year", "month", "start")


def with_helpers(people: pd.DataFrame) -> pd.DataFrame:
    """Columns that blocks are made of beside the fields: initial, year and month of birth, start of the postcode."""
    people = people.set_index("record")
    if "forename" in people:
        people["initial"] = people["forename"].str[:1]
    if "date_of_birth" in people:
        digits = people["date_of_birth"].str.replace(r"\D", "", regex=True)
        people["year"], people["month"] = digits.str[:4], digits.str[:6]
    if "postcode" in people:
        people["start"] = people["postcode"].str[:3]
    return people.where(people.notna(), None)


def blocks_of(case: Case, people: pd.DataFrame) -> list[list[str]]:
    """The columns of each block, near to what Splink's examples block on."""
    wanted = [
        *([name] for name in IDENTIFIERS),
        ["date_of_birth"],
        ["uprn"],
        ["forename", "surname"],
        ["surname", "initial", "year"],
        ["forename", "month"],
        ["street_number", "street"],
    ]
    wanted += [["postcode"]] if case.name.startswith("febrl") else [["postcode", "forename"], ["postcode", "surname"]]
    if case.name == "historical_50k":
        wanted += [["start", "forename"], ["start", "surname"]]
    return [columns for columns in wanted if set(columns) <= set(people.columns)]


def candidates(case: Case, people: pd.DataFrame) -> pd.MultiIndex:
    indexer = recordlinkage.Index()
    for columns in blocks_of(case, people):
        indexer.block(columns)
    if not case.link_only:
        return indexer.index(people)
    parts = [people[people["source"] == source] for source in case.sources]
    found = [indexer.index(one, other) for one, other in combinations(parts, 2)]
    return found[0] if len(found) == 1 else pd.MultiIndex.from_tuples([pair for part in found for pair in part])


def compared(case: Case, people: pd.DataFrame, pairs: pd.MultiIndex) -> pd.DataFrame:
    compare = recordlinkage.Compare()
    for name, entry in case.fields.items():
        if entry["normalise"] == "name":
            compare.add(String(name, name, method="jarowinkler", threshold=LIKELY, label=name))
        else:
            compare.add(Exact(name, name, label=name))
    return compare.compute(pairs, people).astype(int)


def link(case: Case, out: Path) -> dict:
    watch = Stopwatch()
    people = with_helpers(case.clear())
    watch.lap("read")
    pairs = candidates(case, people)
    watch.lap("index")
    features = compared(case, people, pairs)
    features = features.loc[:, features.nunique() > 1]
    watch.lap("compare")
    classifier = recordlinkage.ECMClassifier()
    classifier.fit(features)
    score = classifier.prob(features)
    links = score[score >= 0.5]
    watch.lap("classify")
    found = pd.DataFrame({"a": links.index.get_level_values(0), "b": links.index.get_level_values(1)})
    connected(people.index.to_series(), found).to_parquet(out / "clusters.parquet")
    watch.lap("cluster")
    kept = score[score >= 0.01]
    scored = {"a": kept.index.get_level_values(0), "b": kept.index.get_level_values(1), "score": kept.to_numpy()}
    pd.DataFrame(scored).to_parquet(out / "pairs.parquet")
    return {"seconds": watch.seconds, "candidate_pairs": len(pairs), "threshold": 0.5}


def blocking(case: Case) -> float:
    pairs = candidates(case, with_helpers(case.clear()))
    a, b = (np.asarray(pairs.get_level_values(side)) for side in (0, 1))
    number = int(max(a.max(initial=0), b.max(initial=0))) + 1
    true = case.true_pairs()
    keys = np.minimum(a, b) * number + np.maximum(a, b)
    return float(np.isin(true["record_l"] * number + true["record_r"], keys).mean())


if __name__ == "__main__":
    main(link, blocking)
