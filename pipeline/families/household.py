"""Households as at a date: one place for each person, who of a place lives together, whom a tie brings in.

Everything here speaks of positions in a sorted frame of people (0 to n-1), not of ids. Ids, roles and periods belong
in `form`. The rules and why they are so: docs/families.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.families.relation import PARENT, PARTNER, SIBLING

Positions = npt.NDArray[np.int64]
NOWHERE = -1
NEWBORN_DAYS = 62  # held there from the birth: births are known to the month, and first records come some weeks late


@dataclass(frozen=True)
class Communal:
    """When a place is communal (hostel, refuge, house in multiple occupation): there a residence alone ties nobody.

    More than `persons` people; or at least `singles` persons without a tie to others there who came one by one, more
    than `days` apart (who was born there did not come). Arrivals up to `days` apart are one move.
    """

    persons: int = 12
    singles: int = 3
    days: int = 31


def components(edges_from: Positions, edges_to: Positions, count: int) -> Positions:
    """The connected component of each of `count` nodes; components are numbered by their lowest node."""
    graph = coo_array((np.ones(len(edges_from), dtype=np.int8), (edges_from, edges_to)), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    _, lowest = np.unique(label, return_index=True)
    return np.asarray(lowest[label], dtype=np.int64)


def choose_places(child: npt.NDArray[np.bool_], places: pd.DataFrame, ties: pd.DataFrame) -> Positions:
    """The place of each person (NOWHERE where none is known), so that couples and children with a carer are together.

    `places`: PLACES KNOWN with `person` (position); `ties`: with `person`, `related` (positions).
    """
    best = places[places["rank"] == 0].set_index("person")
    chosen = np.full(len(child), NOWHERE, dtype=np.int64)
    since = np.full(len(child), np.datetime64("NaT"), dtype="datetime64[ns]")
    chosen[best.index] = best["place_id"]
    since[best.index] = best["since"]

    _couples_together(chosen, since, best, ties)
    parents = ties[(ties["tie"] == PARENT)]
    parents = parents[child[parents["person"].to_numpy()] & ~child[parents["related"].to_numpy()]]
    _children_with_a_carer(chosen, since, places, parents)
    _nobody_under_age_alone(chosen, since, child, parents, ties)
    return chosen


def _couples_together(
    chosen: Positions, since: npt.NDArray[np.datetime64], best: pd.DataFrame, ties: pd.DataFrame
) -> None:
    """Two partners held at two places live at the one of which there is the newer news."""
    couples = ties[ties["tie"] == PARTNER].sort_values(
        ["partners", "since", "person", "related"], ascending=[False, False, True, True]
    )
    one, two = couples["person"].to_numpy(), couples["related"].to_numpy()
    apart = (chosen[one] != chosen[two]) & (chosen[one] != NOWHERE) & (chosen[two] != NOWHERE)
    # Looking back, who is certain to have lived somewhere is not moved, nor is anybody moved there.
    certain = np.isin(np.arange(len(chosen)), best.index[best["past"]])
    couples = couples[apart & ~certain[one] & ~certain[two]]
    couples = couples[~couples.duplicated("person") & ~couples.duplicated("related")]
    one, two = couples["person"].to_numpy(), couples["related"].to_numpy()
    rank = best[["left", "partners"]]
    left_one, left_two = (rank["left"].reindex(side).to_numpy(dtype=bool) for side in (one, two))
    many_one, many_two = (rank["partners"].reindex(side).to_numpy() for side in (one, two))
    newer_two = np.where(
        left_one != left_two, left_one,
        np.where(since[one] != since[two], since[two] > since[one], many_two > many_one),
    )  # fmt: skip
    mover, stayer = np.where(newer_two, one, two), np.where(newer_two, two, one)
    chosen[mover], since[mover] = chosen[stayer], since[stayer]


def _children_with_a_carer(
    chosen: Positions, since: npt.NDArray[np.datetime64], places: pd.DataFrame, parents: pd.DataFrame
) -> None:
    """A child known at several places lives where most partners say: that it lives there, or that its carer does.

    A place where both the child and a carer are known goes before one where only either is. Of the former: most
    partners for the child, then for it and the children it shares a carer with, then the longest standing. Of the
    latter, the newer news.
    """
    known = parents[chosen[parents["related"].to_numpy()] != NOWHERE]
    carer = known["related"].to_numpy()
    where_carers_live = pd.DataFrame(
        {"person": known["person"], "place_id": chosen[carer], "since": since[carer], "carers": known["partners"]}
    )
    own = places.loc[places["person"].isin(known["person"]) & ~places["left"]]
    own = own[["person", "place_id", "since", "partners"]].rename(columns={"partners": "own"})
    options = pd.concat([own, where_carers_live])
    options[["own", "carers"]] = options[["own", "carers"]].fillna(0)
    options = options.groupby(["person", "place_id"], as_index=False).agg(
        since=("since", "max"), own=("own", "sum"), carers=("carers", "sum")
    )
    options["both"] = (options["own"] > 0) & (options["carers"] > 0)
    options["support"] = np.where(options["both"], options["own"] + options["carers"], 0)
    siblings = components(parents["person"].to_numpy(), parents["related"].to_numpy(), len(chosen))
    options["siblings"] = siblings[options["person"].to_numpy()]
    options["shared"] = options.groupby(["siblings", "place_id"])["support"].transform("sum")
    age_of_news = -options["since"].astype("int64")
    options["news"] = np.where(options["both"], -age_of_news, age_of_news)
    options = options.sort_values(
        ["person", "both", "support", "shared", "news", "carers", "place_id"],
        ascending=[True, False, False, False, True, False, True],
    ).drop_duplicates("person")
    person = options["person"].to_numpy()
    chosen[person], since[person] = options["place_id"], options["since"]


def _nobody_under_age_alone(
    chosen: Positions,
    since: npt.NDArray[np.datetime64],
    child: npt.NDArray[np.bool_],
    parents: pd.DataFrame,
    ties: pd.DataFrame,
) -> None:
    """Where no adult is known with a child, it and the carer whom most partners name are thought to be together.

    At the carer's place if somebody tied to the carer is there, so that nobody is torn away; else at the child's.
    """
    adults_at = np.unique(chosen[~child & (chosen != NOWHERE)])
    alone = parents[chosen[parents["person"].to_numpy()] != NOWHERE]
    alone = alone[~np.isin(chosen[alone["person"].to_numpy()], adults_at)]
    alone = alone.sort_values(["person", "partners", "related"], ascending=[True, False, True])
    alone = alone.drop_duplicates("person").sort_values(["related", "person"])

    one, two = ties["person"].to_numpy(), ties["related"].to_numpy()
    together = (chosen[one] == chosen[two]) & (chosen[one] != NOWHERE)
    in_company = np.isin(alone["related"], np.concatenate([one[together], two[together]]))
    follows = alone[~in_company].drop_duplicates("related")
    carer, minor = follows["related"].to_numpy(), follows["person"].to_numpy()
    chosen[carer], since[carer] = chosen[minor], since[minor]
    carer, minor = alone["related"].to_numpy(), alone["person"].to_numpy()
    chosen[minor], since[minor] = chosen[carer], since[carer]


def households(
    chosen: Positions,
    child: npt.NDArray[np.bool_],
    born: pd.Series,
    places: pd.DataFrame,
    ties: pd.DataFrame,
    communal: Communal,
) -> tuple[Positions, npt.NDArray[np.bool_]]:
    """The household of each person, numbered by its lowest position; and who was in an impossibly large one."""
    count = len(chosen)
    one, two = ties["person"].to_numpy(), ties["related"].to_numpy()
    together = (chosen[one] == chosen[two]) & (chosen[one] != NOWHERE)
    unit = components(one[together], two[together], count)
    placed = np.flatnonzero(chosen != NOWHERE)
    group = _households_of_places(placed, chosen, unit, born, places, communal)
    joined_from, joined_to = _brought_in(chosen, child, ties)
    found = components(np.concatenate([placed, joined_from]), np.concatenate([group, joined_to]), count)
    return _nobody_lives_with_a_crowd(found, child, ties, communal.persons)


def _nobody_lives_with_a_crowd(
    household: Positions, child: npt.NDArray[np.bool_], ties: pd.DataFrame, most: int
) -> tuple[Positions, npt.NDArray[np.bool_]]:
    """Households of more than `most` persons taken apart into couples with their children under 18; and who was in one.

    So many hang together only by ties, and mostly by one person who is really two or by a tie to the wrong person.
    """
    crowd = np.bincount(household, minlength=len(household))[household] > most
    if not crowd.any():
        return household, crowd
    one, two, tie = ties["person"].to_numpy(), ties["related"].to_numpy(), ties["tie"].to_numpy()
    close = (tie == PARTNER) | ((tie == PARENT) & child[one]) | ((tie == SIBLING) & child[one] & child[two])
    close &= crowd[one] & (household[one] == household[two])
    apart = components(one[close], two[close], len(household))
    return np.where(crowd, apart, household), crowd


def _households_of_places(
    placed: Positions,
    chosen: Positions,
    unit: Positions,
    born: pd.Series,
    places: pd.DataFrame,
    communal: Communal,
) -> Positions:
    """For each placed person the lowest position of the household."""
    people = pd.DataFrame({"person": placed, "place_id": chosen[placed], "unit": unit[placed]})
    people = people.merge(places[["person", "place_id", "since"]], on=["person", "place_id"], how="left")
    people["born_there"] = (people["since"] - born.to_numpy()[people["person"]]).dt.days < NEWBORN_DAYS
    units = people.groupby(["place_id", "unit"], as_index=False).agg(
        arrival=("since", "min"), size=("person", "size"), born_there=("born_there", "any")
    )
    units["arrival"] = units["arrival"].fillna(units.groupby("place_id")["arrival"].transform("max"))
    units = units.sort_values(["place_id", "arrival", "unit"], ignore_index=True)
    same_place = units["place_id"].eq(units["place_id"].shift())
    later = same_place & (units["arrival"] - units["arrival"].shift() > pd.Timedelta(days=communal.days))
    # Not so if one of them was born there: they came to be there as the others' kin.
    came = later & ~units["born_there"]
    by_place = units["place_id"]
    crowded = units.groupby("place_id")["size"].transform("sum") > communal.persons
    singles = ((came | ~same_place) & (units["size"] == 1)).groupby(by_place).transform("sum")
    units["communal"] = crowded | (singles >= communal.singles)
    # Two or more who belong together and come where others have lived, with no tie to them, have taken their home: what
    # still holds the others there is stale, or it is another flat of the house.
    wave = (~same_place | later).cumsum()
    several = ((units["size"] > 1) & ~units["born_there"]).groupby(wave).transform("any")
    starts = ~same_place | (later & several) | units["communal"]
    units["household"] = starts.cumsum()
    people = people.merge(units[["place_id", "unit", "household"]], on=["place_id", "unit"], how="left")
    people = people.sort_values("person")
    lowest = people.groupby("household")["person"].transform("min").to_numpy()
    return lowest.astype(np.int64)


def _brought_in(chosen: Positions, child: npt.NDArray[np.bool_], ties: pd.DataFrame) -> tuple[Positions, Positions]:
    """Persons of no known place, each with the one relative to whose household it is counted.

    A partner goes before a child's carer, a carer before a minor's parent, these before a minor's brothers and sisters.
    Grown children and their parents are not brought together by their tie alone.
    """
    both = pd.concat(
        [
            ties.assign(order=ties["tie"].map({PARTNER: 0, PARENT: 1, SIBLING: 3})),
            ties.rename(columns={"person": "related", "related": "person"}).assign(
                order=ties["tie"].map({PARTNER: 0, PARENT: 2, SIBLING: 3})
            ),
        ]
    ).dropna(subset=["order"])
    person, related = both["person"].to_numpy(), both["related"].to_numpy()
    minor = np.select(
        [both["order"] == 1, both["order"] == 2, both["order"] == 3],
        [child[person], child[related], child[person] & child[related]],
        default=True,
    ).astype(bool)
    both = both[(chosen[person] == NOWHERE) & minor]
    both["unplaced"] = chosen[both["related"].to_numpy()] == NOWHERE
    both = both.sort_values(
        ["person", "unplaced", "order", "partners", "related"], ascending=[True, True, True, False, True]
    ).drop_duplicates("person")
    return both["person"].to_numpy(dtype=np.int64), both["related"].to_numpy(dtype=np.int64)
