"""Windows of time and ages, exact at their edges. Dates in, dates and masks out; nothing of families or rules.

Conventions (docs/criteria.md): days are inclusive unless said otherwise; a person whose birth is known to the month
has had the birthday from the first day of that month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.criteria.packs import Window
from pipeline.criteria.terms import TermCalendar

Mask = npt.NDArray[np.bool_]
Months = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Period:
    """First and last day of a window, both inclusive, and the codes of the school terms in it (if any)."""

    first: pd.Timestamp
    last: pd.Timestamp
    term_codes: tuple[str, ...] = ()


def period_of(window: Window, terms: TermCalendar | None, as_at: pd.Timestamp) -> Period | None:
    """The days a window covers as at a date; None when the term calendar does not reach so far.

    months: from the day after the same day so many months earlier (the last of a shorter month) to the as-at date.
    terms: from the first day of the earliest of the last so many terms, the last being the one that started last on
    or before the as-at date, to the as-at date; holidays go with the term before them. current: the as-at date.
    """
    if window.kind == "months":
        return Period(as_at - pd.DateOffset(months=window.length) + pd.Timedelta(days=1), as_at)
    if window.kind == "terms":
        begun = terms.last(window.length, as_at.date()) if terms else ()
        if not begun:
            return None
        return Period(pd.Timestamp(begun[0].start), as_at, tuple(term.code for term in begun))
    return Period(as_at, as_at)


def happens_in(period: Period, day: pd.Series) -> Mask:
    """Whether a day falls in the period; a day that is missing does not."""
    return np.asarray((day >= period.first) & (day <= period.last), dtype=bool)


def overlaps(period: Period, start: pd.Series, end: pd.Series) -> Mask:
    """Whether a spell (open while the end is missing) has a day in the period."""
    return np.asarray((start <= period.last) & (end.isna() | (end >= period.first)), dtype=bool)


def month_index(dates: pd.Series) -> Months:
    """Months since year 0 of each date; NaN where the date is missing."""
    return np.asarray(dates.dt.year * 12 + dates.dt.month, dtype=np.float64)


def age_in_months(birth_month: Months, at: Months | float) -> Months:
    """Age in completed months, the birthday taken as the first of the month; NaN where the birth is not known."""
    return np.asarray(at - birth_month, dtype=np.float64)
