"""Ties between persons from all partners' relationships: closed symmetrically, the implausible turned or left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.records import RELATIONS

PARENT, PARTNER, SIBLING, OTHER = "parent", "partner", "sibling", "other"
TIE_COLUMNS = ("person_id", "related_person_id", "tie", "partners", "since")
YOUNGEST_PARENT_MONTHS = 12 * 12  # a parent born less than twelve years before the child is is a mistake of recording


def ties_between(
    relationships: pd.DataFrame, persons: pd.DataFrame, as_at: pd.Timestamp
) -> tuple[pd.DataFrame, pd.Index]:
    """Every tie that holds as at the date, and the persons of implausible ones (to review).

    Ties: one row per pair and tie: person_id, related_person_id, tie, partners (how many say so), since (earliest
    start, NaT if none says). parent: the related person is parent or carer of the person, whichever side a partner
    recorded it from; the other ties are symmetric and stand once, the lower person_id first. Implausible, where birth
    months are known: a parent or carer at least twelve years younger than the child (recorded from the wrong side:
    turned round); another parent less than twelve years older (left out). And somebody tied to themselves (left out); a
    pair recorded both as partners and as parent and child (the tie that more partners record stays).
    """
    held = (relationships["start_date"].isna() | (relationships["start_date"] <= as_at)) & (
        relationships["end_date"].isna() | (relationships["end_date"] >= as_at)
    )
    rows = relationships[held & relationships["relation"].isin(RELATIONS)]
    relation = rows["relation"].astype(object)
    person = rows["person_id"].to_numpy(dtype=np.int64)
    related = rows["related_person_id"].to_numpy(dtype=np.int64)
    downward = (relation == "child").to_numpy()
    symmetric = relation.isin((PARTNER, SIBLING, OTHER)).to_numpy()
    swap = downward | (symmetric & (person > related))
    ties = pd.DataFrame(
        {
            "person_id": np.where(swap, related, person),
            "related_person_id": np.where(swap, person, related),
            "tie": np.where(symmetric, relation, PARENT),
            "carer": (relation == "carer").to_numpy(),
            "partner": rows["partner"].to_numpy(dtype=object),
            "since": pd.to_datetime(rows["start_date"]).to_numpy(),
        }
    )
    older = _months_older(ties, persons)
    parental = ties["tie"] == PARENT
    turned = parental & (older <= -YOUNGEST_PARENT_MONTHS)
    ends = ["person_id", "related_person_id"]
    ties.loc[turned, ends] = ties.loc[turned, ends[::-1]].to_numpy()
    # A carer may be a grown brother, so only parents must be older by so much.
    too_close = parental & ~turned & ~ties["carer"] & (older < YOUNGEST_PARENT_MONTHS)
    to_itself = ties["person_id"] == ties["related_person_id"]
    doubtful = ties.loc[turned | too_close | to_itself, ends]
    ties = (
        ties[~too_close & ~to_itself]
        .groupby(["person_id", "related_person_id", "tie"], as_index=False, sort=True)
        .agg(partners=("partner", "nunique"), since=("since", "min"))
    )
    ties, contradicted = _without_contradictions(ties)
    persons_doubtful = np.unique(np.concatenate([doubtful.to_numpy().ravel(), contradicted]))
    return ties[list(TIE_COLUMNS)], pd.Index(persons_doubtful, dtype=np.int64, name="person_id")


def _months_older(ties: pd.DataFrame, persons: pd.DataFrame) -> pd.Series:
    """By how many months the related person is older; NaN where a birth month is not known."""
    birth = persons.drop_duplicates("person_id").set_index("person_id")["birth_month"]
    person, related = (
        pd.to_datetime(birth.reindex(ties[column])).reset_index(drop=True)
        for column in ("person_id", "related_person_id")
    )
    return (person.dt.year - related.dt.year) * 12 + person.dt.month - related.dt.month


def _without_contradictions(ties: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """One of partner and parent for a pair, and one direction of parent; most partners win, ties go to parent."""
    first = ties[["person_id", "related_person_id"]].min(axis=1)
    second = ties[["person_id", "related_person_id"]].max(axis=1)
    exclusive = ties["tie"].isin((PARENT, PARTNER))
    order = ties.assign(first=first, second=second)[exclusive].sort_values(
        ["first", "second", "partners", "tie", "person_id"], ascending=[True, True, False, True, True]
    )
    losing = order[order.duplicated(["first", "second"])]
    return ties.drop(losing.index), losing[["person_id", "related_person_id"]].to_numpy().ravel()
