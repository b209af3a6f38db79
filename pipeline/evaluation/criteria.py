"""Criteria against the truth: which flags are right, over families that are matched to true families."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.criteria import Pack
from pipeline.evaluation.figures import rates
from pipeline.evaluation.truth import NOBODY

MET = "met"
SELECTED = "selected"


def match_families(placed: pd.DataFrame) -> pd.DataFrame:
    """Predicted families matched to true ones, one to one: family_id, true_family_id, shared (persons in both).

    Greedy: the pair that shares most persons first, ties by the lower true, then the lower predicted id. Worked out
    in rounds: in each, every pair that comes first for both its sides is taken, which is what going through the
    whole list in order would take.
    """
    own = placed[placed["true_family_id"] != NOBODY]
    left = own.groupby(["family_id", "true_family_id"], as_index=False).size().rename(columns={"size": "shared"})
    left = left.sort_values(["shared", "true_family_id", "family_id"], ascending=[False, True, True])
    taken = []
    while len(left):
        first = ~left["family_id"].duplicated() & ~left["true_family_id"].duplicated()
        chosen = left[first]
        taken.append(chosen)
        gone = left["family_id"].isin(chosen["family_id"]) | left["true_family_id"].isin(chosen["true_family_id"])
        left = left[~gone]
    return pd.concat(taken, ignore_index=True) if taken else left.reset_index(drop=True)


def with_selection(criteria: pd.DataFrame, pack: Pack) -> pd.DataFrame:
    """Truth rows of met criteria for a pack, with `selected` worked out by its routes where the truth has no such rows.

    `criteria` as in `Truth`; returns true_family_id, criterion, one row per family and criterion that is true.
    """
    mine = criteria[(criteria["pack"] == pack.id) & (criteria["state"] == MET)]
    met = mine[["true_family_id", "criterion"]].drop_duplicates()
    if (criteria.loc[criteria["pack"] == pack.id, "criterion"] == SELECTED).any():
        return met.reset_index(drop=True)
    wide = pd.crosstab(met["true_family_id"], met["criterion"]).astype(bool)
    wide = wide.reindex(columns=[criterion.id for criterion in pack.criteria], fill_value=False)
    selected = pd.Series(False, index=wide.index)
    for route in pack.selection.any_of:
        enough = wide[list(route.of)].sum(axis=1) >= route.at_least if route.of else True
        selected |= wide[list(route.all)].all(axis=1) & enough
    chosen = pd.DataFrame({"true_family_id": selected.index[selected], "criterion": SELECTED})
    return pd.concat([met, chosen], ignore_index=True)


def criteria_quality(
    truth: pd.DataFrame, predicted: pd.DataFrame, matched: pd.DataFrame, criteria: list[str]
) -> dict[str, Any]:
    """Precision, recall and F1 over (family, criterion), met as positive; per criterion, and all together.

    `truth`: true_family_id, criterion of those that are met; `predicted`: family_id, criterion of those said to be
    met (unknown is not said); `matched` as `match_families` returns it. A predicted flag on a family that no true
    family is matched to is a false positive; a true one of an unmatched family a false negative.
    """
    said = predicted.merge(matched[["family_id", "true_family_id"]], on="family_id", how="left")
    said["true_family_id"] = said["true_family_id"].fillna(NOBODY).astype("int64")
    right = said.merge(truth, on=["true_family_id", "criterion"])
    hits, claims, facts = (frame["criterion"].value_counts() for frame in (right, said, truth))
    rows = [
        {"criterion": name, **rates(int(hits.get(name, 0)), int(claims.get(name, 0)), int(facts.get(name, 0)))}
        for name in criteria
    ]
    hit, claimed, real = (sum(int(row[key]) for row in rows) for key in ("true_positives", "predicted", "true"))
    return {**rates(hit, claimed, real), "by_criterion": rows}
