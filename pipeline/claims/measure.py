"""What of the people's evidence a result test looks at, and how much of it there is. Pure, whole arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.claims.declared import ResultTest
from pipeline.spans import Ints, Span, age_in_months, covered_days

_CHILD_MONTHS = 18 * 12
_FACT = ["kind", "code", "start_date"]


def facts_of(people: pd.DataFrame, evidence: pd.DataFrame) -> pd.DataFrame:
    """The evidence of each case's people: EVIDENCE with case_id, birth_month and role_now (adult or child).

    people: case_id, person_id, birth_month, role. Somebody may be in two cases (a family that split): then their
    evidence is in both.
    """
    mine = evidence[evidence["person_id"].isin(people["person_id"])]
    joined = people.rename(columns={"role": "role_now"}).merge(mine, on="person_id")
    for column in ("start_date", "end_date"):
        joined[column] = pd.to_datetime(joined[column])
    for column in ("kind", "code", "role"):
        joined[column] = joined[column].astype(object)
    return joined


def chosen(test: ResultTest, facts: pd.DataFrame, window: Span) -> pd.DataFrame:
    """The facts begun in the window that a test counts, each once: told of two members, once for the family if the
    test says so."""
    rows = facts[facts["kind"].isin(test.kinds) & window.begins_in(facts["start_date"])]
    if test.codes is not None:
        rows = rows[rows["code"].isin(test.codes)]
    if test.roles is not None:
        rows = rows[rows["role"].isin(test.roles)]
    if test.who == "child_at_event":
        age = age_in_months(pd.to_datetime(rows["birth_month"]), rows["start_date"])
        rows = rows[np.where(np.isnan(age), rows["role_now"] == "child", age < _CHILD_MONTHS)]
    elif test.who == "adult":
        rows = rows[rows["role_now"] == "adult"]
    return distinct(rows, test.per)


def distinct(rows: pd.DataFrame, per: str) -> pd.DataFrame:
    """Facts told once: per person, or per family (one incident that two members are told of)."""
    whose = ["case_id"] if per == "family" else ["case_id", "person_id"]
    return rows.drop_duplicates([*whose, *_FACT])


def per_case(rows: pd.DataFrame, cases: pd.Index) -> pd.Series:
    """How many rows each case has, as a float."""
    return rows.groupby("case_id").size().reindex(cases).fillna(0).astype(np.float64)


def on_day(test: ResultTest, facts: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Spells of adults that cover a day."""
    rows = facts[facts["kind"].isin(test.kinds) & (facts["role_now"] == "adult")]
    return rows[Span(day, day).overlaps(rows["start_date"].fillna(day), rows["end_date"])]


def covered(spells: pd.DataFrame, who: pd.DataFrame, window: Span) -> Ints:
    """Days of the window covered by any spell of each case's person, in the order of `who` (case_id, person_id)."""
    keys = pd.MultiIndex.from_frame(who[["case_id", "person_id"]])
    place = keys.get_indexer(pd.MultiIndex.from_frame(spells[["case_id", "person_id"]]))
    mine, place = spells[place >= 0], place[place >= 0]
    return covered_days(place.astype(np.int64), mine["start_date"], mine["end_date"], window, len(keys))


def of_ages(people: pd.DataFrame, ages: tuple[int, int], day: pd.Timestamp) -> pd.DataFrame:
    """Those from one age to under another on a day; one whose birth is not known is taken for a child if the family
    says child."""
    age = age_in_months(pd.to_datetime(people["birth_month"]), day)
    fits = (age >= ages[0] * 12) & (age < ages[1] * 12)
    return people[np.where(np.isnan(age), people["role"] == "child", fits)].drop_duplicates(["case_id", "person_id"])
