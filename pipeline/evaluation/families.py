"""Families against the truth: is everybody there, and nobody else?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation.truth import NOBODY


def majority(records: pd.DataFrame) -> pd.DataFrame:
    """Which true person a predicted person stands for: the one most of its records are of (ties: the lowest id).

    `records`: one row per loaded record: record_id, person_id, true_person_id (NOBODY where the truth has none).
    Returns one row per person_id: person_id, true_person_id, records. Two predicted persons may stand for one.
    """
    counts = records.groupby(["person_id", "true_person_id"], as_index=False).size().rename(columns={"size": "records"})
    counts = counts.sort_values(["person_id", "records", "true_person_id"], ascending=[True, False, True])
    return counts.drop_duplicates("person_id").reset_index(drop=True)


def place(members: pd.DataFrame, standing_for: pd.DataFrame, on_record: pd.DataFrame) -> pd.DataFrame:
    """Who is placed where: one row per predicted family and true person in it: family_id, true_person_id,
    true_family_id. Whoever belongs to no true family has NOBODY for one.

    `members`: family_id, person_id of those who live in the family; `standing_for` as `majority` returns it;
    `on_record`: true_person_id, true_family_id.
    """
    placed = members[["family_id", "person_id"]].merge(standing_for[["person_id", "true_person_id"]], on="person_id")
    placed = placed.drop_duplicates(["family_id", "true_person_id"])
    placed = placed.merge(on_record, on="true_person_id", how="left")
    placed["true_family_id"] = placed["true_family_id"].fillna(NOBODY).astype("int64")
    return placed[["family_id", "true_person_id", "true_family_id"]].reset_index(drop=True)


def exactly_right(placed: pd.DataFrame, on_record: pd.DataFrame) -> pd.Series:
    """Per true family on record, whether its membership is exactly right; indexed by true_family_id.

    Exactly right: its members on record (true persons whom at least one partner delivered) are all placed in one
    predicted family, none of them is in a second one, and that family holds nobody else. A member whose only
    records are in quarantine was delivered: the family is then not exactly right.
    """
    sizes = on_record.groupby("true_family_id").size()
    strangers = placed.groupby("family_id")["true_family_id"].nunique()
    own = placed[placed["true_family_id"] != NOBODY]
    found = own.groupby("true_family_id").agg(
        members=("true_person_id", "nunique"), homes=("family_id", "nunique"), home=("family_id", "first")
    )
    alone = found["home"].map(strangers).eq(1)
    right = (found["members"] == sizes.reindex(found.index)) & (found["homes"] == 1) & alone
    return right.reindex(sizes.index, fill_value=False).astype(bool)


def homes_of(records: pd.DataFrame, members: pd.DataFrame, on_record: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels for pairwise figures over persons: (true family, predicted family) of each true person on record.

    A true person's predicted family is that of the predicted person who stands for them and holds most of their
    records (where nobody stands for them, of any who holds most; ties: the lowest id); who is in no family is a family
    of their own. Both labels are int64; own ones are negative.
    """
    known = records[records["true_person_id"] != NOBODY]
    counts = known.groupby(["true_person_id", "person_id"], as_index=False).size()
    stands = counts["person_id"].map(majority(records).set_index("person_id")["true_person_id"])
    counts["stands"] = stands == counts["true_person_id"]
    counts = counts.sort_values(["true_person_id", "stands", "size", "person_id"], ascending=[True, False, False, True])
    main = counts.drop_duplicates("true_person_id")[["true_person_id", "person_id"]]
    lives_in = members.sort_values(["person_id", "family_id"]).drop_duplicates("person_id")[["person_id", "family_id"]]
    labels = on_record.merge(main, on="true_person_id", how="left").merge(lives_in, on="person_id", how="left")
    own = pd.Series(-1 - np.arange(len(labels)), index=labels.index)
    predicted = labels["family_id"].astype("Int64").fillna(own).astype("int64")
    return labels["true_family_id"].to_numpy(), predicted.to_numpy()


def rates_by(right: pd.Series, groups: pd.Series, name: str) -> list[dict[str, Any]]:
    """Share exactly right per group of true families, by group's name: [{name, families, exact_membership}]."""
    joined = pd.DataFrame({"right": right}).join(groups.rename("group"), how="inner").dropna(subset=["group"])
    table = joined.groupby("group")["right"].agg(["size", "mean"]).sort_index()
    return [
        {name: str(group), "families": int(row["size"]), "exact_membership": float(row["mean"])}
        for group, row in table.iterrows()
    ]
