"""Ties between persons from all partners' relationships: closed symmetrically, the implausible turned or left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.families.residence import Moment, on
from pipeline.records import RELATIONS

PARENT, PARTNER, SIBLING, OTHER = "parent", "partner", "sibling", "other"
TIE_COLUMNS = ("person_id", "related_person_id", "tie", "partners", "since", "origin")
YOUNGEST_PARENT_MONTHS = 12 * 12  # a parent born less than twelve years before the child is is a mistake of recording
PLAIN_ORIGIN = "relationship"  # where the contract does not say what kind of record a tie comes from
PAIR = ["person_id", "related_person_id"]


def ties_between(
    relationships: pd.DataFrame, persons: pd.DataFrame, as_at: Moment
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every tie that holds as at the date, and the persons of implausible ones (person_id, review_reason).

    Ties: one row per pair and tie: person_id, related_person_id, tie, partners (how many say so), since (earliest
    start, NaT if none says), origin (the kinds of record it comes from, joined by +, as the relationships' own column
    `origin` says; else relationship). parent: the related person is parent or carer of the person, whichever side a
    partner recorded it from; the other ties are symmetric and stand once, the lower person_id first. Implausible, where
    birth months are known: a parent or carer at least twelve years younger than the child (recorded from the wrong
    side: turned round); another parent less than twelve years older (left out). And somebody tied to themselves (left
    out); a pair recorded both as partners and as parent and child (the tie that more partners record stays).
    """
    day = on(as_at, relationships["person_id"])
    held = (relationships["start_date"].isna() | (relationships["start_date"] <= day)) & (
        relationships["end_date"].isna() | (relationships["end_date"] >= day)
    )
    rows = _one_sided(relationships[held & relationships["relation"].isin(RELATIONS)])
    older = _months_older(rows, persons)
    parental = rows["tie"] == PARENT
    turned = parental & (older <= -YOUNGEST_PARENT_MONTHS)
    rows.loc[turned, PAIR] = rows.loc[turned, PAIR[::-1]].to_numpy()
    # A carer may be a grown brother, so only parents must be older by so much.
    too_close = parental & ~turned & ~rows["carer"] & (older < YOUNGEST_PARENT_MONTHS)
    to_itself = rows["person_id"] == rows["related_person_id"]
    implausible = [
        _persons_of(rows[turned], "parent_younger_than_child"),
        _persons_of(rows[too_close], "parent_of_like_age"),
        _persons_of(rows[to_itself], "tied_to_oneself"),
    ]
    rows = rows[~too_close & ~to_itself]
    ties = rows.groupby([*PAIR, "tie"], as_index=False, sort=True).agg(
        partners=("partner", "nunique"), since=("since", "min")
    )
    ties["origin"] = _origins(rows)
    ties, losing = _without_contradictions(ties)
    implausible.append(_persons_of(losing, "contradicting_ties"))
    doubtful = pd.concat(implausible, ignore_index=True).drop_duplicates(ignore_index=True)
    return ties[list(TIE_COLUMNS)], doubtful


def _one_sided(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per relationship: the child (or the lower person_id) first."""
    relation = rows["relation"].astype(object)
    person = rows["person_id"].to_numpy(dtype=np.int64)
    related = rows["related_person_id"].to_numpy(dtype=np.int64)
    symmetric = relation.isin((PARTNER, SIBLING, OTHER)).to_numpy()
    swap = (relation == "child").to_numpy() | (symmetric & (person > related))
    return pd.DataFrame(
        {
            "person_id": np.where(swap, related, person),
            "related_person_id": np.where(swap, person, related),
            "tie": np.where(symmetric, relation, PARENT),
            "carer": (relation == "carer").to_numpy(),
            "partner": rows["partner"].to_numpy(dtype=object),
            "since": pd.to_datetime(rows["start_date"]).to_numpy(),
            "origin": rows["origin"].fillna(PLAIN_ORIGIN).to_numpy() if "origin" in rows else PLAIN_ORIGIN,
        }
    )


def _origins(rows: pd.DataFrame) -> np.ndarray:
    """The origins of each tie, in the order of the ties (by pair and tie); as bits, since they are few."""
    names = sorted(rows["origin"].unique())
    once = rows[[*PAIR, "tie", "origin"]].drop_duplicates()
    bit = once["origin"].map({name: 1 << place for place, name in enumerate(names)}).astype(np.int64)
    sets = once.assign(bits=bit).groupby([*PAIR, "tie"], sort=True)["bits"].sum()
    texts = {
        bits: "+".join(name for place, name in enumerate(names) if bits >> place & 1) for bits in sets.unique().tolist()
    }
    return sets.map(texts).to_numpy(dtype=object)


def _persons_of(rows: pd.DataFrame, review_reason: str) -> pd.DataFrame:
    persons = np.unique(rows[PAIR].to_numpy(dtype=np.int64).ravel())
    return pd.DataFrame({"person_id": persons, "review_reason": review_reason})


def _months_older(ties: pd.DataFrame, persons: pd.DataFrame) -> pd.Series:
    """By how many months the related person is older; NaN where a birth month is not known."""
    birth = persons.drop_duplicates("person_id").set_index("person_id")["birth_month"]
    person, related = (pd.to_datetime(birth.reindex(ties[column])).reset_index(drop=True) for column in PAIR)
    return (person.dt.year - related.dt.year) * 12 + person.dt.month - related.dt.month


def _without_contradictions(ties: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One of partner and parent for a pair, and one direction of parent; most partners win, ties go to parent.

    Returns what stays, and what does not.
    """
    first, second = ties[PAIR].min(axis=1), ties[PAIR].max(axis=1)
    exclusive = ties["tie"].isin((PARENT, PARTNER))
    order = ties.assign(first=first, second=second)[exclusive].sort_values(
        ["first", "second", "partners", "tie", "person_id"], ascending=[True, True, False, True, True]
    )
    losing = order[order.duplicated(["first", "second"])]
    return ties.drop(losing.index), losing
