"""Where somebody may be thought to have lived while no partner knew: between two homes, and before the first known one.

Only for looking back. Nothing here is a fact that a partner told, and nothing of it changes who is a family tonight.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.families.household import NEWBORN_DAYS
from pipeline.families.residence import ENDED, LONG_AGO, START_THERE
from pipeline.families.worlds import MOST_PLACES

DAY = pd.Timedelta(days=1)
FOREVER = pd.Timestamp("2150-01-01")
MOVING = pd.Timedelta(days=92)  # partners hear of the two ends of one move at different times
ONE_MOVE = pd.Timedelta(days=31)  # arrivals so close to each other are one move


def without_gaps(spells: pd.DataFrame, people: pd.DataFrame, first: pd.Timestamp) -> pd.DataFrame:
    """Spells (prepared, with `since`) and what may be thought of the time between and before them.

    A home lasts until the next one is known, if that is soon. Who came to the first known home in one move with others
    of tonight's family lived with them before: where a partner knows that one of them lived, else somewhere together.
    `people`: person_id, birth_month, family_id (tonight's); `first`: the day from which it matters.
    """
    lasting = _until_the_next(spells)
    return pd.concat([lasting, _before_the_first(lasting, people, first)], ignore_index=True)


def _until_the_next(spells: pd.DataFrame) -> pd.DataFrame:
    rows = spells.sort_values(["person_id", "since", "end_date"], ignore_index=True)
    end = rows["end_date"].fillna(FOREVER)
    known_until = end.groupby(rows["person_id"]).cummax()
    following = rows.groupby("person_id")["since"].shift(-1)
    gap = following - known_until
    short = (gap > DAY) & (gap <= MOVING) & (known_until == end)
    return rows.assign(end_date=rows["end_date"].mask(short, following - DAY))


def _before_the_first(spells: pd.DataFrame, people: pd.DataFrame, first: pd.Timestamp) -> pd.DataFrame:
    """One assumed spell for each person whom no partner places anywhere at first."""
    earliest = spells.sort_values(["person_id", "since", "place_id"]).drop_duplicates("person_id")
    earliest = earliest.merge(people[["person_id", "birth_month", "family_id"]], on="person_id")
    newborn = (earliest["since"] - earliest["birth_month"]).dt.days < NEWBORN_DAYS
    came = earliest[(earliest["since"] > first) & ~newborn].drop(columns="birth_month")
    company = _company_with_a_past(came, spells, people)
    came = came.sort_values(["place_id", "family_id", "since", "person_id"])
    same = (came[["place_id", "family_id"]] == came[["place_id", "family_id"]].shift()).all(axis=1)
    somewhere = MOST_PLACES // 2 + (~same | (came["since"] - came["since"].shift() > ONE_MOVE)).cumsum()
    known = came["person_id"].isin(company.index)
    home = company.reindex(came["person_id"])
    since = home["since"].where(known.to_numpy(), LONG_AGO).to_numpy()
    assumed = came.drop(columns="family_id")
    assumed["place_id"] = np.where(known, home["place_id"].fillna(0), somewhere).astype(np.int64)
    assumed["end_date"] = came["since"] - DAY
    assumed["since"] = assumed[START_THERE] = since
    assumed["start_date"] = pd.to_datetime(pd.Series(None, index=assumed.index))
    assumed[ENDED] = False
    return assumed


def _company_with_a_past(came: pd.DataFrame, spells: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """By person: place_id and since of the home that one of those who came in the same move had just before."""
    arrivals = spells[["person_id", "place_id", "since"]].drop_duplicates()
    arrivals = arrivals.merge(people[["person_id", "family_id"]], on="person_id")
    together = came[["person_id", "place_id", "family_id", "since"]].merge(
        arrivals, on=["place_id", "family_id"], suffixes=("", "_2")
    )
    together = together[(together["person_id"] != together["person_id_2"])]
    together = together[(together["since_2"] - together["since"]).abs() <= ONE_MOVE]
    past = spells[["person_id", "place_id", "since", "end_date"]]
    past = past.rename(columns={"person_id": "person_id_2", "place_id": "home", "since": "home_since"})
    before = together.merge(past, on="person_id_2")
    before = before[(before["home"] != before["place_id"]) & (before["home_since"] < before["since_2"] - ONE_MOVE)]
    before = before[before["end_date"].notna() & (before["end_date"] >= before["since_2"] - MOVING)]
    before = before.sort_values(["person_id", "home_since", "home"], ascending=[True, False, True])
    before = before.drop_duplicates("person_id").set_index("person_id")
    return before[["home", "home_since"]].rename(columns={"home": "place_id", "home_since": "since"})
