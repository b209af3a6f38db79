"""From frames by record to frames by person, under any map of records to persons."""

from __future__ import annotations

import pandas as pd


def persons_frame(attributes: pd.DataFrame, person_map: pd.DataFrame) -> pd.DataFrame:
    """PERSONS: one row per person; birth month and sex as most of its records say (ties: the earliest value).

    `attributes`: record_id, partner, birth_month, sex; `person_map`: record_id, person_id. Also birth_months_apart: by
    how many months the births that its records give differ (0 where at most one does).
    """
    joined = attributes.merge(person_map, on="record_id")
    joined["birth_month"] = pd.to_datetime(joined["birth_month"])
    month = joined["birth_month"].dt.year * 12 + joined["birth_month"].dt.month
    persons = (
        joined.assign(month=month)
        .groupby("person_id", as_index=False)
        .agg(partners=("partner", "nunique"), earliest=("month", "min"), latest=("month", "max"))
    )
    persons["birth_months_apart"] = (persons["latest"] - persons["earliest"]).fillna(0).astype("int64")
    for column in ("birth_month", "sex"):
        votes = joined.dropna(subset=[column]).groupby(["person_id", column], as_index=False, observed=True).size()
        votes = votes.sort_values(["person_id", "size", column], ascending=[True, False, True])
        persons = persons.merge(votes.drop_duplicates("person_id")[["person_id", column]], how="left", on="person_id")
    persons["birth_month"] = pd.to_datetime(persons["birth_month"])
    return persons[["person_id", "birth_month", "sex", "partners", "birth_months_apart"]]


def by_person(frame: pd.DataFrame, person_map: pd.DataFrame) -> pd.DataFrame:
    """A frame by record_id (and related_record_id) as one by person_id; a person's relation to itself is dropped."""
    joined = frame.merge(person_map, on="record_id").drop(columns="record_id")
    if "related_record_id" in joined:
        related = person_map.rename(columns={"record_id": "related_record_id", "person_id": "related_person_id"})
        joined = joined.merge(related, on="related_record_id").drop(columns="related_record_id")
        joined = joined[joined["person_id"] != joined["related_person_id"]]
    return joined.drop_duplicates().reset_index(drop=True)
