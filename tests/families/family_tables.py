"""Small tables in: people, spells and ties as a few tuples become the frames of pipeline.records."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from pipeline.families import form_families
from pipeline.records import FamilyResult

AS_AT = pd.Timestamp("2014-07-31")
Spell = tuple[int, int, str | None, str | None, str]  # person, place, start, end, partner
Tie = tuple[int, int, str, str]  # person, related person, relation, partner


def people(births: dict[int, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {"person_id": list(births), "birth_month": pd.to_datetime(list(births.values())), "sex": "F", "partners": 1}
    )


def spells(rows: Iterable[Spell]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["person_id", "place_id", "start_date", "end_date", "partner"])
    frame = frame.astype({"person_id": "int64", "place_id": "int64"})
    frame["area"] = "XB" + (frame["place_id"] // 10).astype(str)
    return _dated(frame)


def ties(rows: Iterable[Tie]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["person_id", "related_person_id", "relation", "partner"])
    frame = frame.astype({"person_id": "int64", "related_person_id": "int64"})
    return _dated(frame.assign(start_date=None, end_date=None))


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    for column in ("start_date", "end_date"):
        frame[column] = pd.to_datetime(frame[column])
    return frame


def nobody() -> pd.DataFrame:
    return pd.DataFrame({"family_id": pd.Series(dtype="int64"), "person_id": pd.Series(dtype="int64")})


def form(
    births: dict[int, str | None],
    residences: Iterable[Spell] = (),
    relationships: Iterable[Tie] = (),
    previous: pd.DataFrame | None = None,
    as_at: pd.Timestamp = AS_AT,
) -> FamilyResult:
    last_night = nobody() if previous is None else previous
    return form_families(people(births), spells(residences), ties(relationships), as_at, last_night)


def belonging(result: FamilyResult) -> set[frozenset[int]]:
    """The families as sets of persons who belong (not the associated)."""
    own = result.members[result.members["role"].isin(["adult", "child"])]
    return {frozenset(group) for group in own.groupby("family_id")["person_id"].agg(list)}


def associated(result: FamilyResult) -> set[tuple[int, str, frozenset[int]]]:
    """(person, role, the family's persons) of those who are linked to a family and belong elsewhere."""
    own = result.members[result.members["role"].isin(["adult", "child"])]
    sets = own.groupby("family_id")["person_id"].agg(frozenset)
    others = result.members.drop(own.index)
    return {(row.person_id, row.role, sets[row.family_id]) for row in others.itertuples()}
