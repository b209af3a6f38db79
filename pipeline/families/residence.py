"""Where each person is held to live as at a date, from all partners' spells. Who lives together belongs in `household`.

A partner's open spell may be stale: what another partner has seen end, or seen start elsewhere later, is newer news.
"""

from __future__ import annotations

import pandas as pd

LONG_AGO = pd.Timestamp("1900-01-01")
KNOWN_PLACE_COLUMNS = ("person_id", "place_id", "area", "since", "first_day", "partners", "left", "past", "rank")
START_THERE, ENDED = "start_there", "ended"
Moment = pd.Timestamp | pd.Series  # one day for all, or a day for each person (indexed by person_id)


def prepared(residences: pd.DataFrame, as_at: pd.Timestamp) -> pd.DataFrame:
    """The spells known by a date, with what of them does not depend on who is who: one id and one area per place, and
    `start_there`, the start to take where a person has none (the same partner's others there, else anyone's: always
    the latest; else long ago), and `ended`, whether a partner has seen it end before that date.

    RESIDENCE_SPELLS, by person or by record; rows and other columns as they are. Where they carry `address_id` (the
    place_id that the address alone would have), an address without a UPRN is the place of the one UPRN it is elsewhere
    written with. Spells that are prepared already are handed back.
    """
    if START_THERE in residences:
        return residences
    spells = _one_id_per_place(residences)
    spells = spells[spells["start_date"].isna() | (spells["start_date"] <= as_at)].reset_index(drop=True)
    areas = _most_common_area(spells).set_index("place_id")["area"]
    start = spells["start_date"]
    for others in (["place_id", "partner"], ["place_id"]):
        if start.isna().any():
            start = start.fillna(spells.assign(start=start).groupby(others)["start"].transform("max"))
    return spells.assign(
        area=areas.reindex(spells["place_id"]).to_numpy(),
        **{START_THERE: start.fillna(LONG_AGO), ENDED: spells["end_date"] < as_at},
    )


def places_known(residences: pd.DataFrame, as_at: Moment) -> pd.DataFrame:
    """Every place at which some partner holds a person to live as at the date, the likeliest with rank 0.

    One row per person and place: since (the latest start any partner gives), first_day (the earliest; NaT if none),
    partners (how many place the person there), left (a partner has seen this spell end), past (a partner saw it end
    later: looking back it is certain), rank. Order of rank: past, not left, latest start, most partners, lowest
    place_id. A missing start is the person's latest other one there, else `start_there`. `residences`: prepared.
    """
    spells = with_starts(residences)
    day = on(as_at, spells["person_id"])
    began = (spells["since"] <= day).to_numpy()
    holds = spells["end_date"].isna() | (spells["end_date"] >= day)
    spells, holds = spells[began], holds[began]
    places = (
        spells[holds]
        .groupby(["person_id", "place_id"], as_index=False, sort=True)
        .agg(
            since=("since", "max"), first_day=("start_date", "min"), partners=("partner", "nunique"),
            area=("area", "first"), past=(ENDED, "any"),
        )
    )  # fmt: skip
    ended = spells[~holds].groupby(["person_id", "place_id"], as_index=False)["end_date"].max()
    places = places.merge(ended, on=["person_id", "place_id"], how="left")
    places["left"] = (places["end_date"] >= places["since"]).fillna(False).astype(bool)
    places = places.sort_values(
        ["person_id", "past", "left", "since", "partners", "place_id"],
        ascending=[True, False, True, False, False, True],
    )
    places["rank"] = places.groupby("person_id").cumcount()
    return places[list(KNOWN_PLACE_COLUMNS)].reset_index(drop=True)


def with_starts(residences: pd.DataFrame) -> pd.DataFrame:
    """Prepared spells by person with `since`: the start, taken from others where it is missing."""
    start = residences["start_date"]
    if start.isna().any():
        latest = residences.groupby(["person_id", "place_id"])["start_date"].transform("max")
        start = start.fillna(latest).fillna(residences[START_THERE])
    return residences.assign(since=start)


def on(as_at: Moment, persons: pd.Series) -> pd.Timestamp | pd.Series:
    """The day for each row, by its person."""
    if isinstance(as_at, pd.Timestamp):
        return as_at
    return pd.Series(as_at.reindex(persons).to_numpy(), index=persons.index)


def _one_id_per_place(residences: pd.DataFrame) -> pd.DataFrame:
    """Spells known by address alone, at the place whose UPRN others write with that address, if it is one place."""
    if "address_id" not in residences:
        return residences
    by_address = residences["place_id"] == residences["address_id"]
    written = residences[~by_address & residences["address_id"].notna()].groupby("address_id")["place_id"]
    one_place = written.first()[written.nunique() == 1]
    place = residences["address_id"].map(one_place).where(by_address).fillna(residences["place_id"])
    return residences.assign(place_id=place.astype("int64"))


def _most_common_area(spells: pd.DataFrame) -> pd.DataFrame:
    votes = spells.dropna(subset=["area"]).groupby(["place_id", "area"], as_index=False, observed=True).size()
    votes = votes.sort_values(["place_id", "size", "area"], ascending=[True, False, True])
    return votes.drop_duplicates("place_id")[["place_id", "area"]]
