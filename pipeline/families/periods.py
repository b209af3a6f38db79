"""Memberships as periods over the years: who belonged to tonight's families, as what, from when to when.

The rules that form tonight's families are asked again for every day on which something changed: a residence or a
relationship began or ended, somebody was born or came of age. Only the neighbourhood of a change is formed anew.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.families.form import Formed, form_as_at, plain
from pipeline.families.gaps import without_gaps
from pipeline.families.household import Communal
from pipeline.families.identity import match_groups
from pipeline.families.neighbourhood import chunks, neighbourhoods
from pipeline.families.residence import prepared, with_starts
from pipeline.families.worlds import Copies, original_place
from pipeline.records import MEMBER_COLUMNS, FamilyResult

YEARS = 3
DAY = pd.Timedelta(days=1)
ADULT_YEARS = 18
UNCERTAIN_DAYS = 92  # partners hear of a move at different times: a shorter absence is none
PASSING_DAYS = 31  # a shorter stay that is over is none either
LARGEST_DAILY = 100  # people: a larger neighbourhood is looked at on the first of each month only
COPIES_AT_ONCE = 300_000
OWN = ("adult", "child")


def with_periods(
    formed: FamilyResult,
    persons: pd.DataFrame,
    residences: pd.DataFrame,
    relationships: pd.DataFrame,
    as_at: pd.Timestamp,
    *,
    years: int = YEARS,
    communal: Communal | None = None,
) -> FamilyResult:
    """The same families, with MEMBERS as periods of the last years instead of as at the date alone.

    Frames as for `form_families`, of which `formed` is the result for `as_at`. One row per family, person, role and
    period: start_date (missing: before the years, and no partner gives one), end_date (missing: still so on the as-at
    date). Earlier, a family is the group of people that shares most persons with tonight's family (of equal ones, the
    one at the same place; then the lower id). Groups that are nobody's tonight have no rows. Memberships as at the date
    are those of `formed`.
    """
    as_at = pd.Timestamp(as_at).normalize()
    first = as_at - pd.DateOffset(years=years) + DAY
    people = plain(persons.drop_duplicates("person_id").sort_values("person_id", ignore_index=True))
    spells = with_starts(prepared(plain(residences), as_at))
    spells = spells[(spells["since"] <= as_at) & (spells["end_date"].isna() | (spells["end_date"] >= first))]
    own = formed.members[formed.members["role"].isin(OWN)]
    people["family_id"] = own.set_index("person_id")["family_id"].reindex(people["person_id"]).to_numpy()
    spells = without_gaps(spells, people, first)
    ties = _with_beginnings(plain(relationships), spells)
    ties = ties[ties["end_date"].isna() | (ties["end_date"] >= first)]

    index = pd.Index(people["person_id"].to_numpy(dtype=np.int64))
    people["neighbourhood"] = neighbourhoods(index, spells, ties)
    days = _days_of_change(people, spells, ties, first, as_at)
    states = [_tonight(formed, people, days)]
    earlier = days[days["until"].notna()]
    sizes = earlier["neighbourhood"].map(people["neighbourhood"].value_counts())
    for part in chunks(sizes, COPIES_AT_ONCE):
        states.append(_states(earlier.iloc[part], people, spells, ties, formed, communal))
    members = _periods(pd.concat(states, ignore_index=True), first)
    return FamilyResult(families=formed.families, members=members, ledger=formed.ledger)


def _with_beginnings(ties: pd.DataFrame, spells: pd.DataFrame) -> pd.DataFrame:
    """Ties between grown-ups that have no start hold from the first day on which both are known at one place."""
    open_ended = ties["start_date"].isna() & ties["relation"].isin(("partner", "other"))
    if not open_ended.any():
        return ties
    asked = ties.loc[open_ended, ["person_id", "related_person_id"]].assign(tie=ties.index[open_ended])
    lived = spells.groupby(["person_id", "place_id"], as_index=False)["since"].min()
    one = asked.merge(lived, on="person_id")
    other = pd.DataFrame(lived).rename(columns={"person_id": "related_person_id"})
    both = one.merge(other, on=["related_person_id", "place_id"])
    both["day"] = both[["since_x", "since_y"]].max(axis=1)
    began = both.groupby("tie")["day"].min()
    return ties.assign(start_date=ties["start_date"].fillna(began.reindex(ties.index)))


def _days_of_change(
    people: pd.DataFrame, spells: pd.DataFrame, ties: pd.DataFrame, first: pd.Timestamp, as_at: pd.Timestamp
) -> pd.DataFrame:
    """One row per neighbourhood with a change and interval between changes: neighbourhood, day, until (last: NaT)."""
    born = people["birth_month"]
    related = ties.rename(columns={"related_person_id": "person_id", "person_id": "related_person_id"})
    told = [
        pd.DataFrame({"person_id": frame["person_id"], "day": day})
        for frame, day in (
            (spells, spells["since"]), (spells, spells["end_date"] + DAY),
            (ties, ties["start_date"]), (ties, ties["end_date"] + DAY),
            (related, related["start_date"]), (related, related["end_date"] + DAY),
            (people, born), (people, born + pd.DateOffset(years=ADULT_YEARS)),
        )
    ]  # fmt: skip
    changes = pd.concat(told).dropna()
    changes = changes[(changes["day"] > first) & (changes["day"] <= as_at)]
    of = people.set_index("person_id")["neighbourhood"]
    days = pd.DataFrame(
        {"neighbourhood": of.reindex(changes["person_id"]).to_numpy(), "day": changes["day"].to_numpy()}
    )
    days = days.dropna().astype({"neighbourhood": "int64"})
    large = days["neighbourhood"].map(people["neighbourhood"].value_counts()) > LARGEST_DAILY
    month = days["day"] + pd.offsets.MonthBegin(0)
    month = month.where(month < as_at, as_at)
    days["day"] = days["day"].mask(large, month)
    begin = pd.DataFrame({"neighbourhood": days["neighbourhood"].unique(), "day": first})
    days = pd.concat([begin, days]).drop_duplicates().sort_values(["neighbourhood", "day"], ignore_index=True)
    days["until"] = days.groupby("neighbourhood")["day"].shift(-1) - DAY
    return days


def _tonight(formed: FamilyResult, people: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """Tonight's memberships, `since` the last change in the neighbourhood (NaT: none in all the years)."""
    last = days[days["until"].isna()].set_index("neighbourhood")["day"]
    of = people.set_index("person_id")["neighbourhood"]
    since = last.reindex(of.reindex(formed.members["person_id"])).to_numpy()
    return formed.members.assign(since=since, until=formed.members["end_date"])


def _states(
    days: pd.DataFrame,
    people: pd.DataFrame,
    spells: pd.DataFrame,
    ties: pd.DataFrame,
    formed: FamilyResult,
    communal: Communal | None,
) -> pd.DataFrame:
    """Memberships in tonight's families in each interval: MEMBERS with since and until."""
    worlds = days.reset_index(names="world")
    of = people.set_index("person_id")["neighbourhood"]

    def on_each_day(rows: pd.DataFrame) -> pd.DataFrame:
        whose = of.reindex(rows["person_id"]).to_numpy()
        return rows.assign(neighbourhood=whose).merge(worlds[["world", "neighbourhood", "day"]], on="neighbourhood")

    alive = people.merge(worlds[["world", "neighbourhood", "day"]], on="neighbourhood")
    alive = alive[alive["birth_month"].isna() | (alive["birth_month"] <= alive["day"])]
    alive = alive.sort_values(["world", "person_id"], ignore_index=True)
    copies = Copies.make(alive["world"], alive["person_id"])
    drop = ["neighbourhood", "day"]
    made = form_as_at(
        alive.assign(person_id=copies.frame.index).drop(columns=["world", "family_id", *drop]),
        copies.copied(on_each_day(spells).drop(columns=drop)),
        copies.copied(on_each_day(ties).drop(columns=drop)),
        pd.Series(alive["day"].to_numpy(), index=copies.frame.index),
        communal,
    )
    ids = _families_of_tonight(made, copies, formed)
    members = made.members[made.members["family_id"].isin(ids.index)]
    copy = copies.frame.loc[members["person_id"]].reset_index(drop=True)
    interval = worlds.set_index("world").loc[copy["world"]].reset_index(drop=True)
    return members.assign(
        family_id=ids.reindex(members["family_id"]).to_numpy(),
        person_id=copy["person_id"].to_numpy(),
        since=interval["day"].to_numpy(),
        until=interval["until"].to_numpy(),
    )


def _families_of_tonight(made: Formed, copies: Copies, formed: FamilyResult) -> pd.Series:
    """Tonight's family_id of each group that carries one on."""
    own = made.members.loc[made.members["role"].isin(OWN), ["family_id", "person_id"]]
    own = own.rename(columns={"family_id": "group"}).reset_index(drop=True)
    own[["world", "person_id"]] = copies.frame.loc[own["person_id"]].to_numpy()
    tonight = formed.members.loc[formed.members["role"].isin(OWN), ["person_id", "family_id"]]
    overlap = own.merge(tonight, on="person_id").groupby(["world", "group", "family_id"], as_index=False).size()
    place, home = (frame.set_index("family_id")["place_id"] for frame in (made.families, formed.families))
    then = original_place(place.reindex(overlap["group"])).reset_index(drop=True)
    overlap["elsewhere"] = ~(then == home.reindex(overlap["family_id"]).reset_index(drop=True)).fillna(False).astype(
        bool
    )
    overlap = overlap.sort_values(["size", "elsewhere", "family_id", "group"], ascending=[False, True, True, True])
    # A family is carried on by one group of each world.
    overlap["number"] = overlap.groupby(["world", "family_id"]).ngroup()
    matched = match_groups(overlap[["group", "number"]].rename(columns={"number": "family_id"}))
    of = overlap.drop_duplicates("number").set_index("number")["family_id"]
    return pd.Series(of.reindex(matched).to_numpy(dtype=np.int64), index=matched.index)


def _periods(states: pd.DataFrame, first: pd.Timestamp) -> pd.DataFrame:
    """MEMBERS: states that follow each other joined, absences and stays too short to be known left out."""
    own = states["role"].isin(OWN)
    whole = [
        _joined(_without_passing(_joined(states[own], ["person_id"])), ["person_id"]),
        _joined(states[~own], ["person_id", "family_id", "role"]),
    ]
    members = pd.concat(whole, ignore_index=True)
    began = members["since"].notna() & (members["since"] > first)
    members["start_date"] = members["since"].where(began, members["start_date"])
    members["end_date"] = members["until"]
    members = members.sort_values(
        ["family_id", "person_id", "role", "start_date"], na_position="first", ignore_index=True
    )
    return members[list(MEMBER_COLUMNS)]


def _joined(states: pd.DataFrame, line: list[str]) -> pd.DataFrame:
    """Of each line of a person's states, those in a row in one family and role as one, with the last one's reason."""
    rows = states.sort_values([*line, "since", "family_id"], na_position="first", ignore_index=True)
    same = _same_as_before(rows, [*line, "family_id", "role"])
    gap = rows["since"] - rows["until"].shift()
    begins = ~(same & (gap <= pd.Timedelta(days=UNCERTAIN_DAYS)).to_numpy())
    last = np.append(begins[1:], True)[: len(rows)]
    opening = rows.loc[begins, ["since", "start_date"]].reset_index(drop=True)
    return rows[last].reset_index(drop=True).assign(since=opening["since"], start_date=opening["start_date"])


def _same_as_before(rows: pd.DataFrame, columns: list[str]) -> npt.NDArray[np.bool_]:
    return np.asarray((rows[columns] == rows[columns].shift()).all(axis=1), dtype=bool)


def _without_passing(periods: pd.DataFrame) -> pd.DataFrame:
    passing = (periods["until"] - periods["since"]) < pd.Timedelta(days=PASSING_DAYS)
    return pd.DataFrame(periods[~passing.to_numpy()])
