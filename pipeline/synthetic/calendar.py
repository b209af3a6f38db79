"""The days that matter: the years the extracts cover, a year ago, school terms."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.declared import Ints, day

# First day, last day, half-day sessions of a school's year, by term; the days lie inside the council's term calendar
# (autumn September to December, spring January to March, summer April to August).
TERM_DAYS = {
    "autumn": ((9, 3), (12, 20), 140),
    "spring": ((1, 6), (3, 28), 116),
    "summer": ((4, 14), (7, 23), 128),
}
CALENDAR_STARTS = ((1, "spring"), (4, "summer"), (9, "autumn"))


@dataclass(frozen=True)
class Term:
    """One school term."""

    name: str
    start: int
    end: int
    sessions: int


@dataclass(frozen=True)
class Calendar:
    """Days as numbers since 1970-01-01. `since` is the first day the extracts cover, `until` the as-at date."""

    until: int
    since: int
    year_ago: int
    terms: tuple[Term, ...]  # wholly inside the years, in order
    last_terms_start: int  # first day of the third last calendar term that has begun by `until`

    @property
    def recent_school_days(self) -> Ints:
        """Days of term since `last_terms_start`, weekends left out."""
        return self._days(self.last_terms_start, self.until)

    @property
    def older_school_days(self) -> Ints:
        return self._days(self.since, self.last_terms_start - 1)

    def _days(self, first: int, last: int) -> Ints:
        spans = [np.arange(max(t.start, first), min(t.end, last) + 1) for t in self.terms]
        days = np.concatenate([*spans, np.empty(0, dtype=np.int64)]).astype(np.int64)
        weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
        kept = days[weekday < 5]
        return kept if len(kept) else np.array([last], dtype=np.int64)


def make_calendar(until: dt.date, years: int) -> Calendar:
    """The calendar of extracts that end on `until` and reach `years` back."""
    last = day(until.year, until.month, until.day)
    since = _years_before(until, years) + 1
    terms = []
    for year in range(until.year - years - 1, until.year + 1):
        for name, (start, end, sessions) in TERM_DAYS.items():
            term = Term(f"{year}-{name}", day(year, *start), day(year, *end), sessions)
            if term.start >= since and term.end <= last:
                terms.append(term)
    begun = [day(y, month, 1) for y in (until.year - 1, until.year) for month, _ in CALENDAR_STARTS]
    begun = [start for start in begun if start <= last]
    return Calendar(
        until=last,
        since=since,
        year_ago=_years_before(until, 1),
        terms=tuple(sorted(terms, key=lambda term: term.start)),
        last_terms_start=sorted(begun)[-3],
    )


def _years_before(date: dt.date, years: int) -> int:
    last_day = 28 if (date.month, date.day) == (2, 29) else date.day
    return day(date.year - years, date.month, last_day)
