"""Windows of time and ages, exact at their edges. Dates in, dates and masks out; nothing of families or rules.

Conventions (docs/criteria.md): days are inclusive unless said otherwise; a person whose birth is known to the month
has had the birthday from the first day of that month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.criteria.packs import Term, Window

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Period:
    """First and last day of a window, both inclusive, and the codes of the school terms in it (if any)."""

    first: pd.Timestamp
    last: pd.Timestamp
    term_codes: tuple[str, ...] = ()


def period_of(window: Window, terms: tuple[Term, ...], as_at: pd.Timestamp) -> Period:
    """The days a window covers as at a date.

    months: from the day after the same day so many months earlier (the last of a shorter month) to the as-at date.
    terms: from the first day of the earliest of the last so many terms, the last being the one that started last on
    or before the as-at date, to the as-at date; holidays go with the term before them. current: the as-at date.
    """
    if window.kind == "months":
        return Period(as_at - pd.DateOffset(months=window.length) + pd.Timedelta(days=1), as_at)
    if window.kind == "terms":
        started = last_terms(terms, as_at, window.length)
        return Period(started[0][1], as_at, tuple(code for code, _ in started))
    return Period(as_at, as_at)


def last_terms(terms: tuple[Term, ...], as_at: pd.Timestamp, count: int) -> list[tuple[str, pd.Timestamp]]:
    """The last `count` consecutive terms started on or before the date: (code as 2013-autumn, first day), in order."""
    years = range(as_at.year - count // len(terms) - 1, as_at.year + 1)
    started = sorted(
        (pd.Timestamp(year=year, month=term.start[0], day=term.start[1]), f"{year}-{term.name}")
        for year in years
        for term in terms
    )
    return [(code, first) for first, code in started if first <= as_at][-count:]


def happens_in(period: Period, start: pd.Series) -> Mask:
    """Whether a one-day fact falls in the period."""
    return np.asarray((start >= period.first) & (start <= period.last), dtype=bool)


def overlaps(period: Period, start: pd.Series, end: pd.Series) -> Mask:
    """Whether a spell (open while the end is missing) has a day in the period."""
    return np.asarray((start <= period.last) & (end.isna() | (end >= period.first)), dtype=bool)


def month_index(dates: pd.Series) -> npt.NDArray[np.float64]:
    """Months since year 0 of each date; NaN where the date is missing."""
    return np.asarray(dates.dt.year * 12 + dates.dt.month, dtype=np.float64)


def age_in_months(birth_month: npt.NDArray[np.float64], at: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
    """Age in completed months, the birthday taken as the first of the month; NaN where the birth is not known."""
    return np.asarray(at - birth_month, dtype=np.float64)
