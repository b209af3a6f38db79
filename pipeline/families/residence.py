"""Where each person is held to live as at a date, from all partners' spells. Who lives together belongs in `household`.

A partner's open spell may be stale: what another partner has seen end, or seen start elsewhere later, is newer news.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

LONG_AGO = pd.Timestamp("1900-01-01")
KNOWN_PLACE_COLUMNS = ("person_id", "place_id", "area", "since", "first_day", "partners", "left", "rank")


def places_known(residences: pd.DataFrame, as_at: pd.Timestamp) -> pd.DataFrame:
    """Every place at which some partner holds a person to live as at the date, the likeliest with rank 0.

    One row per person and place: since (the latest start any partner gives), first_day (the earliest; NaT if none),
    partners (how many place the person there), left (a partner has seen this spell end), rank. Order of rank: not
    left, latest start, most partners, lowest place_id. A missing start is taken from others' spells there (first the
    same person's, then the same partner's, then anyone's, always the latest), else it is long ago. Where residences
    also carry `address_id` (the place_id that the address alone would have), an address without a UPRN is the place of
    the one UPRN it is elsewhere written with.
    """
    spells = _one_id_per_place(residences)
    spells = spells[spells["start_date"].isna() | (spells["start_date"] <= as_at)].copy()
    spells["first_day"] = pd.to_datetime(spells["start_date"])
    spells["since"] = _starts(spells)
    holds = spells["end_date"].isna() | (spells["end_date"] >= as_at)
    places = (
        spells[holds]
        .groupby(["person_id", "place_id"], as_index=False, sort=True)
        .agg(since=("since", "max"), first_day=("first_day", "min"), partners=("partner", "nunique"))
    )
    places = places.merge(_most_common_area(spells), on="place_id", how="left")
    ended = spells[~holds].groupby(["person_id", "place_id"], as_index=False)["end_date"].max()
    places = places.merge(ended, on=["person_id", "place_id"], how="left")
    places["left"] = (places["end_date"] >= places["since"]).fillna(False).astype(bool)
    places = places.sort_values(
        ["person_id", "left", "since", "partners", "place_id"], ascending=[True, True, False, False, True]
    )
    places["rank"] = places.groupby("person_id").cumcount()
    return places[list(KNOWN_PLACE_COLUMNS)].reset_index(drop=True)


def _one_id_per_place(residences: pd.DataFrame) -> pd.DataFrame:
    """Spells known by address alone, at the place whose UPRN others write with that address, if it is one place."""
    if "address_id" not in residences:
        return residences
    by_address = residences["place_id"] == residences["address_id"]
    written = residences[~by_address & residences["address_id"].notna()].groupby("address_id")["place_id"]
    one_place = written.first()[written.nunique() == 1]
    place = residences["address_id"].map(one_place).where(by_address).fillna(residences["place_id"])
    return residences.assign(place_id=place.astype(np.int64))


def _starts(spells: pd.DataFrame) -> pd.Series:
    start = pd.to_datetime(spells["start_date"])
    for others in (["person_id", "place_id"], ["place_id", "partner"], ["place_id"]):
        if not start.isna().any():
            break
        start = start.fillna(spells.assign(start=start).groupby(others)["start"].transform("max"))
    return start.fillna(LONG_AGO)


def _most_common_area(spells: pd.DataFrame) -> pd.DataFrame:
    votes = spells.dropna(subset=["area"]).groupby(["place_id", "area"], as_index=False, observed=True).size()
    votes = votes.sort_values(["place_id", "size", "area"], ascending=[True, False, True])
    return votes.drop_duplicates("place_id")[["place_id", "area"]]
