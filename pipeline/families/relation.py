"""Ties between persons from all partners' relationships: closed symmetrically, the implausible ones taken out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.records import RELATIONS

PARENT, PARTNER, SIBLING, OTHER = "parent", "partner", "sibling", "other"
TIE_COLUMNS = ("person_id", "related_person_id", "tie", "partners", "since")
YOUNGEST_PARENT_MONTHS = 12 * 12  # a parent born less than twelve years before the child is a mistake of recording


def ties_between(
    relationships: pd.DataFrame, persons: pd.DataFrame, as_at: pd.Timestamp
) -> tuple[pd.DataFrame, pd.Index]:
    """Every tie that holds as at the date, and the persons of implausible ones (to review).

    Ties: one row per pair and tie: person_id, related_person_id, tie, partners (how many say so), since (earliest
    start, NaT if none says). parent: the related person is parent or carer of the person, whichever side a partner
    recorded it from; the other ties are symmetric and stand once, the lower person_id first. Implausible: somebody
    tied to themselves; a parent less than twelve years older than the child, where both birth months are known; a
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
    implausible = (ties["person_id"] == ties["related_person_id"]) | _parent_too_young(ties, persons)
    doubtful = ties.loc[implausible, ["person_id", "related_person_id"]]
    ties = (
        ties[~implausible]
        .groupby(["person_id", "related_person_id", "tie"], as_index=False, sort=True)
        .agg(partners=("partner", "nunique"), since=("since", "min"))
    )
    ties, contradicted = _without_contradictions(ties)
    persons_doubtful = np.unique(np.concatenate([doubtful.to_numpy().ravel(), contradicted]))
    return ties[list(TIE_COLUMNS)], pd.Index(persons_doubtful, dtype=np.int64, name="person_id")


def _parent_too_young(ties: pd.DataFrame, persons: pd.DataFrame) -> pd.Series:
    """Carers are left out: a grown brother may be one."""
    birth = persons.drop_duplicates("person_id").set_index("person_id")["birth_month"]
    child, parent = (
        pd.to_datetime(birth.reindex(ties[column])).reset_index(drop=True)
        for column in ("person_id", "related_person_id")
    )
    gap = (child.dt.year - parent.dt.year) * 12 + child.dt.month - parent.dt.month
    return (ties["tie"] == PARENT) & ~ties["carer"] & (gap < YOUNGEST_PARENT_MONTHS)


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
