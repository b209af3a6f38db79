"""Spans of days, and what of dated facts falls in one. Arrays in and out; no rule of a programme belongs here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
OWN_ROLES = ("adult", "child")  # roles that belong to a family; associated persons live elsewhere


@dataclass(frozen=True)
class Span:
    """First and last day, both inclusive."""

    first: pd.Timestamp
    last: pd.Timestamp

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def begins_in(self, start: pd.Series) -> Mask:
        """Whether a fact's first day is in the span."""
        return np.asarray((start >= self.first) & (start <= self.last), dtype=bool)

    def overlaps(self, start: pd.Series, end: pd.Series) -> Mask:
        """Whether a spell (open while the end is missing) has a day in the span."""
        return np.asarray((start <= self.last) & (end.isna() | (end >= self.first)), dtype=bool)


def months_back(last: pd.Timestamp, months: int) -> Span:
    """So many months up to a day: from the day after the same day so many months earlier, as the criteria count."""
    return Span(last - pd.DateOffset(months=months) + pd.Timedelta(days=1), last)


def weeks_back(last: pd.Timestamp, weeks: int) -> Span:
    return Span(last - pd.Timedelta(days=7 * weeks - 1), last)


def covered_days(group: Ints, start: pd.Series, end: pd.Series, span: Span, groups: int) -> Ints:
    """Days of the span that each group's spells cover, a day told twice counted once. Groups are 0 … groups − 1.

    A spell without an end lasts; one without a start has always been.
    """
    first = np.maximum(_day(start.fillna(span.first), span), 0)
    last = np.minimum(_day(end.fillna(span.last), span), span.days - 1)
    inside = last >= first
    order = np.lexsort((first[inside], group[inside]))
    whose, begin, finish = (values[inside][order] for values in (group, first, last))
    # One number line, each group on a stretch of its own, so that the furthest day so far is one running maximum.
    offset = whose * (span.days + 1)
    furthest = np.maximum.accumulate(finish + offset) if len(whose) else finish
    before = np.concatenate([[-1], furthest[:-1]]) - offset
    fresh = np.maximum(0, finish - np.maximum(begin, before + 1) + 1)
    return np.bincount(whose, weights=fresh, minlength=groups).astype(np.int64)


def age_in_months(birth_month: pd.Series, at: pd.Series | pd.Timestamp) -> npt.NDArray[np.float64]:
    """Completed months, the birthday taken as the first of the month; NaN where birth or day is not known."""
    born = (birth_month.dt.year * 12 + birth_month.dt.month).to_numpy(dtype=np.float64)
    if isinstance(at, pd.Timestamp):
        return np.asarray(at.year * 12 + at.month - born)
    return np.asarray((at.dt.year * 12 + at.dt.month).to_numpy(dtype=np.float64) - born)


def own_members(members: pd.DataFrame, as_at: pd.Timestamp) -> pd.DataFrame:
    """family_id, person_id, role of those who belong to a family on a day: one row per person.

    Of two families the surer membership (`confidence`, where there is one), then the lower id, as the criteria choose.
    """
    now = (members["start_date"].isna() | (members["start_date"] <= as_at)) & (
        members["end_date"].isna() | (members["end_date"] >= as_at)
    )
    own = members[now & members["role"].isin(OWN_ROLES)]
    own = own.assign(doubt=-own["confidence"].astype(float) if "confidence" in own else 0.0)
    own = own.sort_values(["person_id", "doubt", "family_id"]).drop_duplicates("person_id")
    return own[["family_id", "person_id", "role"]].reset_index(drop=True)


def _day(days: pd.Series, span: Span) -> Ints:
    """Days since the first of the span."""
    return np.asarray((days - span.first) // pd.Timedelta(days=1), dtype=np.int64)
