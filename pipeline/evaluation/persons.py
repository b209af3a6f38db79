"""Persons against the truth: are the records of one person together, and nobody else's with them?

All figures come from how many records each (predicted person, true person) holds; no pair is ever listed. Only
loaded records count: a record in quarantine could not be linked.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation.figures import rates
from pipeline.evaluation.truth import NOBODY
from pipeline.link.quality import clustering_quality


def person_quality(records: pd.DataFrame, details: pd.DataFrame) -> dict[str, Any]:
    """How well records are linked: pairwise, exactness, by partners, by group of people.

    `records`: one row per loaded record: partner, person_id, true_person_id (NOBODY where the truth has none; such
    records are left out). `details`: true_person_id and one column per way to tell groups apart. Pairwise: of all
    pairs of records, precision is the share rightly linked among those linked, recall among those that are one
    person; exact: the share of true persons whose records are together and with no others.
    """
    known = records[records["true_person_id"] != NOBODY]
    quality = clustering_quality(known["person_id"].to_numpy(), known["true_person_id"].to_numpy())
    return {
        "precision": quality["pairwise_precision"],
        "recall": quality["pairwise_recall"],
        "f1": quality["pairwise_f1"],
        "exact": quality["cluster_recall"],
        "records": len(known),
        "true_persons": int(quality["true_clusters"]),
        "predicted_persons": int(quality["found_clusters"]),
        "by_partners": by_partners(known),
        "by_subgroup": by_subgroup(known, details),
    }


def by_partners(known: pd.DataFrame) -> list[dict[str, Any]]:
    """Pairwise figures of the pairs with one record of each of two partners, and of those within one partner.

    The pairs between two partners are, summed over persons, the product of their numbers of records there.
    """
    partners = sorted(known["partner"].unique())
    by_cell = _counts(known, ["person_id", "true_person_id"], partners)
    by_predicted = _counts(known, ["person_id"], partners)
    by_true = _counts(known, ["true_person_id"], partners)
    return [
        {"partners": [one, other], **rates(*(_pairs(table, one, other) for table in (by_cell, by_predicted, by_true)))}
        for one, other in combinations_with_replacement(partners, 2)
    ]


def by_subgroup(known: pd.DataFrame, details: pd.DataFrame) -> list[dict[str, Any]]:
    """Pairwise figures by group of true persons, one row per column of `details` and value in it.

    Recall is over the pairs of one person of the group. Precision is over the linked pairs with a record of the
    group at one end at least, so that a link between two groups counts against both.
    """
    rows = []
    linked_sizes = known.groupby("person_id").size()
    for dimension in [column for column in details.columns if column != "true_person_id"]:
        labelled = known.merge(details[["true_person_id", dimension]], on="true_person_id")
        for group, records in labelled.groupby(dimension):
            cells = records.groupby(["person_id", "true_person_id"]).size()
            inside = records.groupby("person_id").size()
            sizes = linked_sizes.reindex(inside.index)
            touched = int((_choose(sizes) - _choose(sizes - inside)).sum())
            real = int(_choose(records.groupby("true_person_id").size()).sum())
            rows.append(
                {
                    "dimension": dimension,
                    "group": str(group) or "not known",
                    "persons": int(records["true_person_id"].nunique()),
                    **rates(int(_choose(cells).sum()), touched, real),
                }
            )
    return rows


def _counts(known: pd.DataFrame, keys: list[str], partners: list[str]) -> dict[str, np.ndarray]:
    """Records per partner of each group, as one array per partner in the same order of groups."""
    groups = known.groupby(keys, sort=False).ngroup().to_numpy()
    number = int(groups.max()) + 1 if len(groups) else 0
    partner = known["partner"].to_numpy()
    return {name: np.bincount(groups[partner == name], minlength=number) for name in partners}


def _pairs(counts: dict[str, np.ndarray], one: str, other: str) -> int:
    a, b = counts[one], counts[other]
    return int((a * (a - 1) // 2).sum() if one == other else (a * b).sum())


def _choose(sizes: pd.Series) -> pd.Series:
    return sizes * (sizes - 1) // 2
