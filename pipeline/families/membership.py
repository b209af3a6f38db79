"""Who is a member of which household, as what, since when, on what grounds and how surely; and who is associated.

Everything is as at one date. How memberships follow each other over the years belongs in `periods`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.families.household import Positions
from pipeline.families.relation import OTHER, PARENT, PARTNER, PLAIN_ORIGIN, SIBLING
from pipeline.records import MEMBER_COLUMNS

TIE_DOUBT = 0.5  # of an associated member: the share of doubt that stays after one partner's word (not measured)


@dataclass(frozen=True)
class Confidence:
    """What speaks for a member's belonging, in bits of log2 odds, as measured on made-up boroughs (docs/families.md).

    start: of everybody; alone: who lives with nobody; residence, tie: one partner says so (of the best-recorded tie to
    a member); second_*: another one does too; elsewhere: one spell that a partner holds elsewhere.
    """

    start: float = 0.5
    alone: float = 0.9
    residence: float = 3.1
    second_residence: float = 0.5
    tie: float = 4.3
    second_tie: float = 1.0
    elsewhere: float = -1.8
    second_elsewhere: float = -0.6


@dataclass(frozen=True)
class Households:
    """People and their households as at a date, by position in `index` (person ids, sorted).

    child, chosen (place id, NOWHERE), family (the household's lowest person id) have one entry per person; places and
    ties as `places_known` and `ties_between` give them, with the positions `person` and `related`.
    """

    index: pd.Index
    child: npt.NDArray[np.bool_]
    chosen: Positions
    family: Positions
    places: pd.DataFrame
    ties: pd.DataFrame


def own_members(town: Households) -> pd.DataFrame:
    """MEMBERS who belong (adult or child), in the order of `index`; `home`: whether their own spells say so."""
    count = len(town.index)
    places = town.places
    here = places[places["place_id"].to_numpy() == town.chosen[places["person"].to_numpy()]].set_index("person")
    says = here["partners"].reindex(range(count)).fillna(0).to_numpy()
    all_places = places.groupby("person")["partners"].sum().reindex(range(count)).fillna(0).to_numpy()
    tied = _ties_within(town.family, town.ties)
    tie_partners = tied.groupby("person")["partners"].max().reindex(range(count)).fillna(0).to_numpy()
    size = np.unique(town.family, return_inverse=True, return_counts=True)
    alone = size[2][size[1]] == 1
    best = tied.drop_duplicates("person").set_index("person")
    first_day = here["first_day"].reindex(range(count))
    return pd.DataFrame(
        {
            "family_id": town.family,
            "person_id": town.index,
            "role": np.where(town.child, "child", "adult"),
            "start_date": _since_together(town.family, first_day),
            "end_date": pd.Series(pd.NaT, index=range(count), dtype="datetime64[ns]"),
            "reason": _grounds(alone, says > 0, best.reindex(range(count))),
            "confidence": _confidence(alone, says, tie_partners, all_places - says, Confidence()),
            "home": says > 0,
        }
    )


def _grounds(
    alone: npt.NDArray[np.bool_], at_home: npt.NDArray[np.bool_], best: pd.DataFrame
) -> npt.NDArray[np.object_]:
    """What puts each person there: alone; else same_residence and the best tie as <origin>:<what the person is>."""
    tie = best["origin"] + ":" + best["tie"]
    texts = np.select(
        [alone, at_home & tie.notna(), at_home, tie.notna()],
        ["alone", "same_residence; " + tie.fillna(""), "same_residence", tie.fillna("")],
        default=f"{PLAIN_ORIGIN}:{OTHER}",
    )
    return np.asarray(texts, dtype=object)


def _confidence(
    alone: npt.NDArray[np.bool_],
    says: npt.NDArray[np.float64],
    tie_partners: npt.NDArray[np.float64],
    elsewhere: npt.NDArray[np.float64],
    bits: Confidence,
) -> npt.NDArray[np.float64]:
    """The probability that the member belongs there, from how many partners say what."""
    odds = bits.start + bits.alone * alone
    for count, first, second in (
        (says, bits.residence, bits.second_residence),
        (tie_partners, bits.tie, bits.second_tie),
        (elsewhere, bits.elsewhere, bits.second_elsewhere),
    ):
        odds = odds + first * (count >= 1) + second * (count >= 2)
    return np.asarray(np.round(1 / (1 + np.exp2(-odds)), 4))


def _ties_within(family: Positions, ties: pd.DataFrame) -> pd.DataFrame:
    """Ties between members of one family, from both sides; `tie` is what the person is to the other."""
    inside = ties[family[ties["person"].to_numpy()] == family[ties["related"].to_numpy()]]
    downward = inside.assign(tie=inside["tie"].replace({PARENT: "child"}))
    upward = inside.rename(columns={"person": "related", "related": "person"})
    both = pd.concat([downward, upward])
    order = {PARTNER: 0, "child": 1, PARENT: 2, SIBLING: 3, OTHER: 4}
    both["order"] = both["tie"].map(order)
    return pd.DataFrame(
        both.sort_values(["person", "order", "partners", "related"], ascending=[True, True, False, True])
    )


def _since_together(family: Positions, first_day: pd.Series) -> pd.Series:
    """The first day each member shared with another member: the later of the own first day and the others' earliest."""
    frame = pd.DataFrame({"family": family, "day": pd.to_datetime(first_day).to_numpy()})
    ordered = frame.dropna().sort_values(["family", "day"])
    second = ordered[ordered.groupby("family").cumcount() == 1].set_index("family")["day"]
    other = second.reindex(frame["family"]).reset_index(drop=True)
    return frame["day"].where(other.isna() | frame["day"].isna() | (frame["day"] > other), other)


def associated(town: Households, own: pd.DataFrame) -> pd.DataFrame:
    """MEMBERS who belong elsewhere: parents of a child living apart, and children with a second home."""
    index, child, family, ties, places = town.index, town.child, town.family, town.ties, town.places
    parental = ties[(ties["tie"] == PARENT)]
    person, related = parental["person"].to_numpy(), parental["related"].to_numpy()
    parental = parental[child[person] & (family[person] != family[related])]
    person, related = parental["person"].to_numpy(), parental["related"].to_numpy()
    apart = pd.DataFrame(
        {
            "family_id": family[person], "person_id": index[related], "role": "non_resident_parent",
            "start_date": parental["since"], "reason": parental["origin"] + ":parent",
            "partners": parental["partners"],
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
    both = pd.concat([apart, twice]).sort_values(["family_id", "person_id", "role", "reason"])
    both = both.groupby(["family_id", "person_id", "role"], as_index=False).agg(
        reason=("reason", "first"), start_date=("start_date", "min"), partners=("partners", "max")
    )
    both["confidence"] = np.round(1 - TIE_DOUBT ** both["partners"].astype(np.float64), 4)
    both["start_date"] = pd.to_datetime(both["start_date"])
    both["end_date"] = pd.Series(pd.NaT, index=both.index, dtype="datetime64[ns]")
    return pd.DataFrame(both[list(MEMBER_COLUMNS)])
