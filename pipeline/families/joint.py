"""Joint reasoning: what homes and relatives say of doubtful links between records, and of links that cannot be.

Linking compares two records at a time and never sees who lives with whom, who is whose parent, or a birth month. Here
that is weighed too: of possible pairs, and against links already made. What then becomes of the clusters belongs in
`rejoin`; who may see both sides of the split file is the caller's concern.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.families.impossible import AGES_APART_MONTHS
from pipeline.families.persons import by_person, persons_frame
from pipeline.families.relation import PARENT, ties_between
from pipeline.families.residence import prepared

PAIR = ["record_a", "record_b"]
HELD_SHARE = ("record_id", "partner")
CONTEXTS = ("related", "held_apart", "same_relative", "housemates", "housemates_other_birth", "same_place", "nothing")


@dataclass(frozen=True)
class Context:
    """What each context of a possible pair adds to its log2 odds, measured on made-up boroughs (docs/families.md).

    The first that holds counts. related: a partner says that the two are relatives. held_apart: a partner holds both
    as two persons. same_relative: both are parent (or child, partner, brother or sister) of the same person.
    housemates: both are known at one place, with the same other person; `other_birth` where their birth months differ.
    same_place: at one place that is no communal one. nothing: none of these.
    """

    related: float = -6.5
    held_apart: float = -5.5
    same_relative: float = 6.0
    housemates: float = 3.0
    housemates_other_birth: float = 1.0
    same_place: float = 1.0
    nothing: float = -1.5
    communal_persons: int = 12


def joint(
    pairs: pd.DataFrame,
    person_map: pd.DataFrame,
    attributes: pd.DataFrame,
    residences: pd.DataFrame,
    relationships: pd.DataFrame,
    as_at: pd.Timestamp,
    *,
    match_threshold: float,
    possible_threshold: float,
    context: Context | None = None,
) -> pd.DataFrame:
    """Every possible pair between two persons, weighed anew with what homes and relatives say.

    `pairs`: PAIRS; `person_map`: record_id, person_id; attributes, residences, relationships by record_id. One row per
    pair: record_a, record_b, context, bits, probability (after), decision (by the thresholds: match, possible,
    non_match). Pure; the order of rows makes no difference.
    """
    bits = context or Context()
    doubtful = pairs[pairs["decision"] == "possible"]
    of = person_map.set_index("record_id")["person_id"]
    two = doubtful[[*PAIR, "probability"]].assign(
        a=of.reindex(doubtful["record_a"]).to_numpy(), b=of.reindex(doubtful["record_b"]).to_numpy()
    )
    two = two[two["a"] != two["b"]].sort_values(PAIR, ignore_index=True)
    asked = np.unique(two[["a", "b"]].to_numpy(dtype=np.int64).ravel())

    persons = persons_frame(attributes, person_map).set_index("person_id")
    related, same_relative = _by_relatives(two, persons, by_person(relationships, person_map), asked, as_at)
    at_place, housemates = _by_places(two, by_person(prepared(residences, as_at), person_map), bits.communal_persons)
    held_apart = _held_apart(two, attributes, person_map)
    born_one, born_two = (persons["birth_month"].reindex(two[side]).reset_index(drop=True) for side in ("a", "b"))
    other_birth = (born_one.notna() & born_two.notna() & (born_one != born_two)).to_numpy()
    holds = [
        related, held_apart, same_relative, housemates & ~other_birth, housemates, at_place,
        np.ones(len(two), dtype=bool),
    ]  # fmt: skip
    found = np.select(holds, CONTEXTS, default="nothing").astype(object)
    added = pd.Series(found).map({name: getattr(bits, name) for name in CONTEXTS}).to_numpy(dtype=np.float64)
    odds = np.log2(two["probability"] / (1 - two["probability"])) + added
    probability = 1 / (1 + np.exp2(-odds))
    decision = np.select(
        [probability >= match_threshold, probability >= possible_threshold], ["match", "possible"], "non_match"
    ).astype(object)
    return two[PAIR].assign(context=found, bits=added, probability=probability, decision=decision)


def contradicted(person_map: pd.DataFrame, attributes: pd.DataFrame, relationships: pd.DataFrame) -> pd.DataFrame:
    """Pairs of records linked as one person that cannot be: record_a, record_b, why.

    related: a partner says that the one is a relative of the other; different_ages: the births that they give are two
    years apart or more.
    """
    of = person_map.set_index("record_id")["person_id"]
    one, other = (of.reindex(relationships[name]).to_numpy() for name in ("record_id", "related_record_id"))
    rows = relationships[(one == other) & (relationships["record_id"] != relationships["related_record_id"]).to_numpy()]
    ends = np.sort(rows[["record_id", "related_record_id"]].to_numpy(dtype=np.int64), axis=1)
    related = pd.DataFrame(ends, columns=PAIR).assign(why="related")

    born = pd.to_datetime(attributes["birth_month"])
    known = attributes[["record_id"]].assign(
        person=of.reindex(attributes["record_id"]).to_numpy(), month=born.dt.year * 12 + born.dt.month
    )
    known = known.dropna(subset=["month"])
    spread = known.groupby("person")["month"].transform("max") - known.groupby("person")["month"].transform("min")
    wide = known[spread >= AGES_APART_MONTHS]
    both = wide.merge(wide, on="person", suffixes=("", "_2"))
    both = both[(both["record_id"] < both["record_id_2"])]
    both = both[(both["month"] - both["month_2"]).abs() >= AGES_APART_MONTHS]
    apart = pd.DataFrame({"record_a": both["record_id"], "record_b": both["record_id_2"], "why": "different_ages"})
    found = pd.concat([related, apart]).drop_duplicates(PAIR).sort_values(PAIR, ignore_index=True)
    return found.astype({"record_a": "int64", "record_b": "int64", "why": object})


def _by_relatives(
    two: pd.DataFrame, persons: pd.DataFrame, relationships: pd.DataFrame, asked: np.ndarray, as_at: pd.Timestamp
) -> tuple[np.ndarray, np.ndarray]:
    """Per pair: whether the two are tied to each other; whether both are tied in the same way to a third."""
    near = relationships["person_id"].isin(asked) | relationships["related_person_id"].isin(asked)
    ties, _ = ties_between(relationships[near], persons.reset_index(), as_at)
    upward = ties.rename(columns={"person_id": "related_person_id", "related_person_id": "person_id"})
    upward = upward.assign(tie=upward["tie"].replace({PARENT: "child"}))
    kin = pd.concat([ties, upward])[["person_id", "related_person_id", "tie"]].drop_duplicates()
    place = np.arange(len(two))
    of_one = pd.DataFrame({"pair": place, "person_id": two["a"]}).merge(kin, on="person_id")
    of_two = pd.DataFrame({"pair": place, "person_id": two["b"]}).merge(kin, on="person_id")
    shared = of_one.merge(of_two, on=["pair", "related_person_id", "tie"])
    # Also a tie that cannot be as it is told (a father of the son's age) speaks of two.
    each_other = _pair_of(two, ["a", "b"]).isin(_pair_of(relationships, ["person_id", "related_person_id"]))
    return np.asarray(each_other), np.isin(place, shared["pair"])


def _pair_of(frame: pd.DataFrame, ends: list[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([frame[ends].min(axis=1), frame[ends].max(axis=1)])


def _by_places(two: pd.DataFrame, residences: pd.DataFrame, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Per pair: whether both are known at one place of no more than `most` people; whether with somebody else too."""
    lived = residences[["person_id", "place_id"]].drop_duplicates()
    there = lived.groupby("place_id")["person_id"].size()
    lived = lived[lived["place_id"].map(there).le(most)]
    place = np.arange(len(two))
    of_one = pd.DataFrame({"pair": place, "person_id": two["a"]}).merge(lived, on="person_id")
    of_two = pd.DataFrame({"pair": place, "person_id": two["b"]}).merge(lived, on="person_id")
    shared = of_one.merge(of_two, on=["pair", "place_id"])
    # Somebody else at the same place is a housemate of both.
    company = shared[shared["place_id"].map(there).gt(2)]
    return np.isin(place, shared["pair"]), np.isin(place, company["pair"])


def _held_apart(two: pd.DataFrame, attributes: pd.DataFrame, person_map: pd.DataFrame) -> np.ndarray:
    """Per pair: whether a partner holds both as two persons. That the two records are one partner's counts before."""
    partner_of = attributes.set_index("record_id")["partner"].astype(object)
    holders = attributes[["record_id", "partner"]].merge(person_map, on="record_id")
    holders = holders[["person_id", "partner"]].drop_duplicates().astype({"partner": object})
    place = np.arange(len(two))
    of_one = pd.DataFrame({"pair": place, "person_id": two["a"]}).merge(holders, on="person_id")
    of_two = pd.DataFrame({"pair": place, "person_id": two["b"]}).merge(holders, on="person_id")
    both = of_one.merge(of_two, on=["pair", "partner"])
    one, other = (partner_of.reindex(two[name]).to_numpy() for name in PAIR)
    own = np.where(one == other, one, "")
    return np.isin(place, both["pair"][both["partner"].to_numpy() != own[both["pair"]]])
