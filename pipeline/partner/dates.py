"""Dates: from the forms that a contract declares to ISO 8601, and nothing else let through."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.errors import DeclarationError

# A date outside these years is a slip: nobody alive was born earlier, no agreement runs longer.
EARLIEST_YEAR = 1880
LATEST_YEAR = 2100
# Systems that cannot leave an end date empty write the last day of one of these years for "still lasts".
OPEN_ENDED_YEARS = (2999, 9999)
# Systems that cannot leave a date of birth empty write this one; kept out of dates of birth only.
BIRTH_PLACEHOLDER = "1900-01-01"
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_PARTS = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "MMM": rf"(?P<name>{'|'.join(MONTHS)})",
    "MM": r"(?P<month>[0-9]{1,2})",
    "dd": r"(?P<day>[0-9]{1,2})",
}
_TOKEN = re.compile("yyyy|MMM|MM|dd|[^A-Za-z]")
# An export of a date and time column: midnight says nothing and is let pass.
_MIDNIGHT = r"(?:[T ]00:00(?::00(?:\.0+)?)?)?"


def iso_dates(
    values: pa.StringArray, formats: Sequence[str], *, birth: bool = False
) -> tuple[pa.StringArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Distinct dates as ISO texts (null: none, or an open end), which are of no declared form, which are out of range.

    A day that does not exist is of no form. Raises DeclarationError where the contract's form cannot be understood.
    """
    forms = tuple(_form(form) for form in formats)
    found: list[str | None] = []
    malformed = np.zeros(len(values), dtype=np.bool_)
    outside = np.zeros(len(values), dtype=np.bool_)
    for index, text in enumerate(values.to_pylist()):
        date = _read(text.upper(), forms)
        if date is None:
            malformed[index] = True
            found.append(None)
        elif date.year in OPEN_ENDED_YEARS and (date.month, date.day) == (12, 31):
            found.append(None)
        elif not EARLIEST_YEAR <= date.year <= LATEST_YEAR:
            outside[index] = True
            found.append(None)
        else:
            iso = date.isoformat()
            found.append(None if birth and iso == BIRTH_PLACEHOLDER else iso)
    return pa.array(found, pa.string()), malformed, outside


@lru_cache(maxsize=1 << 15)
def _read(text: str, forms: tuple[re.Pattern[str], ...]) -> dt.date | None:
    for form in forms:
        match = form.fullmatch(text)
        if match:
            parts = match.groupdict()
            month = MONTHS.index(parts["name"]) + 1 if parts.get("name") else int(parts["month"])
            try:
                return dt.date(int(parts["year"]), month, int(parts["day"]))
            except ValueError:
                continue
    return None


@lru_cache(maxsize=64)
def _form(form: str) -> re.Pattern[str]:
    tokens = _TOKEN.findall(form)
    if "".join(tokens) != form or not {"yyyy", "dd"} <= set(tokens) or not {"MM", "MMM"} & set(tokens):
        raise DeclarationError(
            where="dateFormats of a contract",
            rule=f"'{form}' is not a date form.",
            remedy="use yyyy, MM or MMM, and dd with separators, as in dd/MM/yyyy.",
        )
    return re.compile("".join(_PARTS.get(token, re.escape(token)) for token in tokens) + _MIDNIGHT)
