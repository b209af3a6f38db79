"""Persons to families as at a date: places, ties, households, then roles, periods, reasons, confidence and ids.

Rules in docs/families.md. Pure: frames in, frames out; the order of rows makes no difference.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.families.household import NOWHERE, Communal, Positions, choose_places, households
from pipeline.families.identity import stable_ids
from pipeline.families.relation import OTHER, PARENT, PARTNER, SIBLING, ties_between
from pipeline.families.residence import places_known
from pipeline.records import FAMILY_COLUMNS, MEMBER_COLUMNS, FamilyResult

ADULT_MONTHS = 18 * 12
LARGEST_FAMILY = 12  # more members than this are looked at by a person
# Share of doubt that stays after one partner's word for a residence, and for a tie.
RESIDENCE_DOUBT, TIE_DOUBT = 0.4, 0.5
_DATES, _TEXTS = ("birth_month", "start_date", "end_date"), ("area", "partner", "relation")


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
    (family_id, person_id, and role if there is one). Every person is an adult or child of exactly one family; besides,
    a parent living elsewhere is non_resident_parent, and a child with a second home associated. `last_id` is the
    highest family id ever given (default: the highest of last night).
    """
    as_at = pd.Timestamp(as_at).normalize()
    people = _plain(persons.drop_duplicates("person_id").sort_values("person_id", ignore_index=True))
    residences, relationships = _plain(residences), _plain(relationships)
    index = pd.Index(people["person_id"].to_numpy(dtype=np.int64))
    ties, doubtful = ties_between(relationships, people, as_at)
    ties = _positioned(ties, index, person="person_id", related="related_person_id")
    places = _positioned(places_known(residences, as_at), index, person="person_id")
    child = _children(people, ties, as_at)

    chosen = choose_places(child, places, ties)
    household = households(chosen, child, pd.to_datetime(people["birth_month"]), places, ties, communal or Communal())

    last_night = previous[previous["role"].isin(("adult", "child"))] if "role" in previous else previous
    groups = pd.DataFrame({"person_id": index, "group": household})
    named, ledger = stable_ids(groups, last_night[["family_id", "person_id"]], last_id=last_id)
    family = named.set_index("person_id")["family_id"].reindex(index).to_numpy(dtype=np.int64)

    own = _own_members(index, family, child, chosen, places, ties)
    members = pd.concat([own.drop(columns="home"), _associated(index, family, child, places, ties, own)])
    to_review = np.isin(index, doubtful) | (child & ~np.isin(family, family[~child]))
    families = _families(own, chosen, places, to_review)
    return FamilyResult(
        families=families,
        members=members.sort_values(["family_id", "person_id", "role"], ignore_index=True)[list(MEMBER_COLUMNS)],
        ledger=ledger,
    )


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Dates in one resolution and categories as plain values, whatever a store hands out."""
    dates = {name: pd.to_datetime(frame[name]).astype("datetime64[ns]") for name in _DATES if name in frame}
    texts = {name: frame[name].astype(object) for name in _TEXTS if name in frame}
    return frame.assign(**dates, **texts)


def _positioned(frame: pd.DataFrame, index: pd.Index, **columns: str) -> pd.DataFrame:
    """The rows whose persons are all known, with their positions under new names."""
    positions = {name: index.get_indexer(pd.Index(frame[column])) for name, column in columns.items()}
    known = np.logical_and.reduce([position >= 0 for position in positions.values()])
    return pd.DataFrame(frame.assign(**positions)[known]).reset_index(drop=True)


def _children(people: pd.DataFrame, ties: pd.DataFrame, as_at: pd.Timestamp) -> npt.NDArray[np.bool_]:
    """Under 18, the birthday taken as the first of the month; birth not known: somebody's child and nobody's parent."""
    birth = pd.to_datetime(people["birth_month"])
    months = ((as_at.year - birth.dt.year) * 12 + as_at.month - birth.dt.month).to_numpy(dtype=np.float64)
    parental = ties[ties["tie"] == PARENT]
    count = len(people)
    is_child_of, is_parent, is_partner = (np.zeros(count, dtype=bool) for _ in range(3))
    is_child_of[parental["person"]] = True
    is_parent[parental["related"]] = True
    couples = ties[ties["tie"] == PARTNER]
    is_partner[np.concatenate([couples["person"], couples["related"]]).astype(np.int64)] = True
    return np.where(np.isnan(months), is_child_of & ~is_parent & ~is_partner, months < ADULT_MONTHS)


def _own_members(
    index: pd.Index,
    family: Positions,
    child: npt.NDArray[np.bool_],
    chosen: Positions,
    places: pd.DataFrame,
    ties: pd.DataFrame,
) -> pd.DataFrame:
    """MEMBERS who belong (adult or child), in the order of `index`; `home`: whether their own spells say so."""
    count = len(index)
    here = places[places["place_id"].to_numpy() == chosen[places["person"].to_numpy()]].set_index("person")
    says = here["partners"].reindex(range(count)).fillna(0).to_numpy()
    all_places = places.groupby("person")["partners"].sum().reindex(range(count)).fillna(0).to_numpy()
    tied = _ties_within(family, ties)
    best = tied.drop_duplicates("person").set_index("person")
    tie_partners = tied.groupby("person")["partners"].max().reindex(range(count)).fillna(0).to_numpy()
    tie = best["tie"].reindex(range(count))
    size = np.unique(family, return_inverse=True, return_counts=True)
    alone = size[2][size[1]] == 1
    reason = np.where(alone, "alone", np.where(says > 0, "same_residence", "relationship:" + tie.fillna("other")))
    agreeing, speaking = says + tie_partners, all_places + tie_partners
    confidence = (1 - RESIDENCE_DOUBT**says * TIE_DOUBT**tie_partners) * np.divide(
        agreeing, speaking, out=np.zeros(count), where=speaking > 0
    )
    first_day = here["first_day"].reindex(range(count))
    return pd.DataFrame(
        {
            "family_id": family,
            "person_id": index,
            "role": np.where(child, "child", "adult"),
            "start_date": _since_together(family, first_day),
            "end_date": pd.Series(pd.NaT, index=range(count), dtype="datetime64[ns]"),
            "reason": reason.astype(object),
            "confidence": np.round(confidence, 4),
            "home": says > 0,
        }
    )


def _ties_within(family: Positions, ties: pd.DataFrame) -> pd.DataFrame:
    """Ties between members of one family, from both sides; `tie` is what the person is to the other."""
    inside = ties[family[ties["person"].to_numpy()] == family[ties["related"].to_numpy()]]
    downward = inside.assign(tie=inside["tie"].replace({PARENT: "child"}))
    upward = inside.rename(columns={"person": "related", "related": "person"})
    both = pd.concat([downward, upward])
    order = {PARTNER: 0, "child": 1, PARENT: 2, SIBLING: 3, OTHER: 4}
    both["order"] = both["tie"].map(order)
    return pd.DataFrame(both.sort_values(["person", "order", "partners", "related"]))


def _since_together(family: Positions, first_day: pd.Series) -> pd.Series:
    """The first day each member shared with another member: the later of the own first day and the others' earliest."""
    frame = pd.DataFrame({"family": family, "day": pd.to_datetime(first_day).to_numpy()})
    ordered = frame.dropna().sort_values(["family", "day"])
    second = ordered[ordered.groupby("family").cumcount() == 1].set_index("family")["day"]
    other = second.reindex(frame["family"]).reset_index(drop=True)
    return frame["day"].where(other.isna() | frame["day"].isna() | (frame["day"] > other), other)


def _associated(
    index: pd.Index,
    family: Positions,
    child: npt.NDArray[np.bool_],
    places: pd.DataFrame,
    ties: pd.DataFrame,
    own: pd.DataFrame,
) -> pd.DataFrame:
    """MEMBERS who belong elsewhere: parents of a child living apart, and children with a second home."""
    parental = ties[(ties["tie"] == PARENT)]
    person, related = parental["person"].to_numpy(), parental["related"].to_numpy()
    parental = parental[child[person] & (family[person] != family[related])]
    person, related = parental["person"].to_numpy(), parental["related"].to_numpy()
    apart = pd.DataFrame(
        {
            "family_id": family[person], "person_id": index[related], "role": "non_resident_parent",
            "start_date": parental["since"], "reason": "relationship:parent", "partners": parental["partners"],
        }
    )  # fmt: skip
    homes = own.loc[own["home"], ["family_id"]].assign(person=np.flatnonzero(own["home"]))
    at = places[["person", "place_id", "first_day", "partners"]]
    lived = homes.merge(at, on="person")
    second = at[child[at["person"].to_numpy()]].merge(lived[["family_id", "place_id"]].drop_duplicates(), on="place_id")
    second = second[second["family_id"].to_numpy() != family[second["person"].to_numpy()]]
    parent_family = pd.DataFrame({"person": person, "family_id": family[related]}).drop_duplicates()
    second = second.merge(parent_family, on=["person", "family_id"])
    twice = pd.DataFrame(
        {
            "family_id": second["family_id"], "person_id": index[second["person"].to_numpy()], "role": "associated",
            "start_date": second["first_day"], "reason": "second_home", "partners": second["partners"],
        }
    )  # fmt: skip
    both = pd.concat([apart, twice])
    both = both.groupby(["family_id", "person_id", "role", "reason"], as_index=False).agg(
        start_date=("start_date", "min"), partners=("partners", "max")
    )
    both["confidence"] = np.round(1 - TIE_DOUBT ** both["partners"].astype(np.float64), 4)
    both["start_date"] = pd.to_datetime(both["start_date"])
    both["end_date"] = pd.Series(pd.NaT, index=both.index, dtype="datetime64[ns]")
    return pd.DataFrame(both[list(MEMBER_COLUMNS)])


def _families(
    own: pd.DataFrame,
    chosen: Positions,
    places: pd.DataFrame,
    doubtful: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """FAMILIES: place and area are those of most members (ties: the lower)."""
    area = places.drop_duplicates("place_id").set_index("place_id")["area"]
    people = own[["family_id", "role"]].assign(
        place_id=chosen, doubtful=doubtful, adult=own["role"] == "adult", child=own["role"] == "child"
    )
    people["area"] = area.reindex(chosen).to_numpy()
    families = people.groupby("family_id", as_index=False).agg(
        adults=("adult", "sum"), children=("child", "sum"), doubtful=("doubtful", "any")
    )
    for column in ("place_id", "area"):
        known = people[(people["place_id"] != NOWHERE) & people[column].notna()]
        votes = known.groupby(["family_id", column], as_index=False).size()
        votes = votes.sort_values(["family_id", "size", column], ascending=[True, False, True])
        families = families.merge(votes.drop_duplicates("family_id")[["family_id", column]], on="family_id", how="left")
    families["place_id"] = families["place_id"].astype("Int64")
    families["kind"] = np.where(families["children"] > 0, "with_children", "adult_only")
    large = families["adults"] + families["children"] > LARGEST_FAMILY
    families["to_review"] = families["doubtful"] | large
    return families[list(FAMILY_COLUMNS)]
