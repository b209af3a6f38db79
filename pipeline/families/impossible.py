"""Families that look impossible or rest on contradictions: which, and why a person should look first."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.families.membership import Households
from pipeline.families.relation import PARENT, PARTNER

LARGEST_FAMILY = 12  # more members than this are looked at by a person
AGES_APART_MONTHS = 24  # records of one person that give births so far apart are rather two persons'
REVIEW_REASONS = {
    "person_of_different_ages": "records put together as one person give births two years apart or more",
    "two_mothers": "two women who are no couple live with a child as its parents: rather one woman not linked",
    "cut_from_a_crowd": "more than twelve hung together by ties alone and were taken apart into couples with children",
    "too_many_members": "more than twelve members",
    "child_without_adult": "children live there without any known adult",
    "parent_younger_than_child": "a relationship was recorded from the wrong side and has been turned round",
    "parent_of_like_age": "a parent less than twelve years older than the child was left out",
    "contradicting_ties": "one pair is recorded both as partners and as parent and child",
    "tied_to_oneself": "somebody is recorded as related to themselves",
}


def reasons_to_review(
    town: Households, crowd: np.ndarray, implausible: pd.DataFrame, persons: pd.DataFrame
) -> pd.Series:
    """Per family with any, the codes of why a person should look first, joined by commas in the order declared.

    `crowd`: who was taken out of an impossibly large household; `implausible`: person_id, review_reason, from the
    relationships; `persons`: PERSONS in the order of the town's index, with `birth_months_apart` if it is known by
    how much a person's records differ.
    """
    family = pd.Series(town.family)
    found = [
        pd.DataFrame({"family": town.family[crowd], "reason": "cut_from_a_crowd"}),
        pd.DataFrame(
            {"family": family[family.map(family.value_counts()) > LARGEST_FAMILY], "reason": "too_many_members"}
        ),
        pd.DataFrame({"family": np.setdiff1d(town.family, town.family[~town.child]), "reason": "child_without_adult"}),
        pd.DataFrame({"family": _with_two_mothers(town, persons), "reason": "two_mothers"}),
    ]
    known = town.index.get_indexer(pd.Index(implausible["person_id"]))
    told = implausible.assign(family=town.family[known])[known >= 0]
    found.append(told[["family", "review_reason"]].rename(columns={"review_reason": "reason"}))
    if "birth_months_apart" in persons:
        apart = (persons["birth_months_apart"] >= AGES_APART_MONTHS).to_numpy()
        found.append(pd.DataFrame({"family": town.family[apart], "reason": "person_of_different_ages"}))
    rows = pd.concat(found, ignore_index=True).drop_duplicates()
    rows["order"] = rows["reason"].map({code: place for place, code in enumerate(REVIEW_REASONS)})
    rows = rows.sort_values(["family", "order"])
    return rows.groupby("family")["reason"].agg(", ".join)


def _with_two_mothers(town: Households, persons: pd.DataFrame) -> np.ndarray:
    """Families in which two women live with a child as its parents and are not known as a couple."""
    woman = (persons["sex"] == "F").to_numpy()
    ties = town.ties
    one, two = ties["person"].to_numpy(), ties["related"].to_numpy()
    mothers = (ties["tie"] == PARENT).to_numpy() & town.child[one] & woman[two] & (town.family[one] == town.family[two])
    raising = pd.DataFrame({"child": one[mothers], "mother": two[mothers]})
    couples = ties.loc[ties["tie"] == PARTNER, ["person", "related"]]
    pairs = raising.merge(raising, on="child", suffixes=("", "_2"))
    pairs = pairs[pairs["mother"] < pairs["mother_2"]]
    pairs = pairs.merge(couples, left_on=["mother", "mother_2"], right_on=["person", "related"], how="left")
    return np.unique(town.family[pairs.loc[pairs["person"].isna(), "child"].to_numpy()])
