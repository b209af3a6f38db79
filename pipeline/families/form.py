"""Persons to families as at a date: places, ties, households, then roles, reasons, confidence and stable ids.

Rules in docs/families.md. Pure: frames in, frames out; the order of rows makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.families.household import NOWHERE, Communal, choose_places, households
from pipeline.families.identity import stable_ids
from pipeline.families.impossible import reasons_to_review
from pipeline.families.membership import Households, associated, own_members
from pipeline.families.relation import PARENT, PARTNER, ties_between
from pipeline.families.residence import Moment, places_known, prepared
from pipeline.records import FAMILY_COLUMNS, MEMBER_COLUMNS, FamilyResult

ADULT_MONTHS = 18 * 12
_DATES = ("birth_month", "start_date", "end_date", "start_there")
_TEXTS = ("area", "partner", "relation", "origin", "sex")


@dataclass(frozen=True)
class Formed:
    """FAMILIES and MEMBERS as at a date, each family under a makeshift id: its lowest person_id."""

    families: pd.DataFrame
    members: pd.DataFrame


def form_families(
    persons: pd.DataFrame,
    residences: pd.DataFrame,
    relationships: pd.DataFrame,
    as_at: pd.Timestamp,
    previous: pd.DataFrame,
    communal: Communal | None = None,
    *,
    last_id: int | None = None,
) -> FamilyResult:
    """Families as at a date, with stable ids.

    Frames as in pipeline.records: PERSONS, RESIDENCE_SPELLS, RELATIONSHIP_SPELLS; `previous` is last night's MEMBERS
    (family_id, person_id, and role and end_date if there: who had left does not count). Every person is an adult or
    child of exactly one family; besides, a parent living elsewhere is non_resident_parent, and a child with a second
    home associated. `last_id` is the highest family id ever given (default: the highest of last night).
    """
    formed = form_as_at(persons, residences, relationships, pd.Timestamp(as_at).normalize(), communal)
    own = formed.members[formed.members["role"].isin(("adult", "child"))]
    groups = own[["person_id", "family_id"]].rename(columns={"family_id": "group"})
    last_night = previous[previous["role"].isin(("adult", "child"))] if "role" in previous else previous
    last_night = last_night[last_night["end_date"].isna()] if "end_date" in last_night else last_night
    named, ledger = stable_ids(groups, last_night[["family_id", "person_id"]], last_id=last_id)
    ids = named.drop_duplicates("group").set_index("group")["family_id"]
    families, members = (
        frame.assign(family_id=ids.reindex(frame["family_id"]).to_numpy(dtype=np.int64))
        for frame in (formed.families, formed.members)
    )
    return FamilyResult(
        families=families.sort_values("family_id", ignore_index=True),
        members=members.sort_values(["family_id", "person_id", "role"], ignore_index=True),
        ledger=ledger,
    )


def form_as_at(
    persons: pd.DataFrame,
    residences: pd.DataFrame,
    relationships: pd.DataFrame,
    as_at: Moment,
    communal: Communal | None = None,
) -> Formed:
    """The same without ids of their own; `as_at` may be a day for each person, indexed by person_id.

    So many worlds can be formed in one pass: persons under other ids, each with the day of their world.
    """
    people = plain(persons.drop_duplicates("person_id").sort_values("person_id", ignore_index=True))
    residences, relationships = plain(residences), plain(relationships)
    latest = as_at if isinstance(as_at, pd.Timestamp) else as_at.max()
    index = pd.Index(people["person_id"].to_numpy(dtype=np.int64))
    ties, implausible = ties_between(relationships, people, as_at)
    ties = _positioned(ties, index, person="person_id", related="related_person_id")
    places = places_known(prepared(residences, latest), as_at)
    places = _positioned(places, index, person="person_id")
    child = _children(people, ties, as_at)

    chosen = choose_places(child, places, ties)
    born = pd.to_datetime(people["birth_month"])
    group, crowd = households(chosen, child, born, places, ties, communal or Communal())
    town = Households(index, child, chosen, index.to_numpy()[group], places, ties)
    own = own_members(town)
    members = pd.concat([own.drop(columns="home"), associated(town, own)])
    return Formed(
        families=_families(town, own, reasons_to_review(town, crowd, implausible, people)),
        members=members.sort_values(["family_id", "person_id", "role"], ignore_index=True)[list(MEMBER_COLUMNS)],
    )


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Dates in one resolution and categories as plain values, whatever a store hands out."""
    dates = {name: pd.to_datetime(frame[name]).astype("datetime64[ns]") for name in _DATES if name in frame}
    texts = {name: frame[name].astype(object) for name in _TEXTS if name in frame}
    return frame.assign(**dates, **texts)


def _positioned(frame: pd.DataFrame, index: pd.Index, **columns: str) -> pd.DataFrame:
    """The rows whose persons are all known, with their positions under new names."""
    positions = {name: index.get_indexer(pd.Index(frame[column])) for name, column in columns.items()}
    known = np.logical_and.reduce([position >= 0 for position in positions.values()])
    return pd.DataFrame(frame.assign(**positions)[known]).reset_index(drop=True)


def _children(people: pd.DataFrame, ties: pd.DataFrame, as_at: Moment) -> npt.NDArray[np.bool_]:
    """Under 18, the birthday taken as the first of the month; birth not known: somebody's child and nobody's parent."""
    birth = pd.to_datetime(people["birth_month"])
    if isinstance(as_at, pd.Timestamp):
        now = np.full(len(people), as_at.year * 12 + as_at.month)
    else:
        day = pd.to_datetime(as_at.reindex(people["person_id"]))
        now = (day.dt.year * 12 + day.dt.month).to_numpy()
    months = now - (birth.dt.year * 12 + birth.dt.month).to_numpy(dtype=np.float64)
    parental = ties[ties["tie"] == PARENT]
    count = len(people)
    is_child_of, is_parent, is_partner = (np.zeros(count, dtype=bool) for _ in range(3))
    is_child_of[parental["person"]] = True
    is_parent[parental["related"]] = True
    couples = ties[ties["tie"] == PARTNER]
    is_partner[np.concatenate([couples["person"], couples["related"]]).astype(np.int64)] = True
    return np.where(np.isnan(months), is_child_of & ~is_parent & ~is_partner, months < ADULT_MONTHS)


def _families(town: Households, own: pd.DataFrame, review: pd.Series) -> pd.DataFrame:
    """FAMILIES: place and area are those of most members (ties: the lower)."""
    area = town.places.drop_duplicates("place_id").set_index("place_id")["area"]
    people = own[["family_id"]].assign(place_id=town.chosen, adult=own["role"] == "adult", child=own["role"] == "child")
    people["area"] = area.reindex(town.chosen).to_numpy()
    families = people.groupby("family_id", as_index=False).agg(adults=("adult", "sum"), children=("child", "sum"))
    for column in ("place_id", "area"):
        known = people[(people["place_id"] != NOWHERE) & people[column].notna()]
        votes = known.groupby(["family_id", column], as_index=False).size()
        votes = votes.sort_values(["family_id", "size", column], ascending=[True, False, True])
        families = families.merge(votes.drop_duplicates("family_id")[["family_id", column]], on="family_id", how="left")
    families["place_id"] = families["place_id"].astype("Int64")
    families["kind"] = np.where(families["children"] > 0, "with_children", "adult_only")
    reason = review.reindex(families["family_id"]).astype(object).to_numpy()
    families["to_review"] = pd.notna(reason)
    families["review_reason"] = [text if isinstance(text, str) else None for text in reason]
    return families[list(FAMILY_COLUMNS)]
