"""A council's school terms as data (`schemas/terms/<calendar>.yaml`): which three come last as at a date.

A calendar gives the terms of every year, or dated terms school year by school year, or both (dated ones come first).
Holidays go with the term before them. No rule of a programme belongs here.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.criteria.document import At, Document

SCHOOL_TERMS = ("autumn", "spring", "summer")  # of a school year, in order
_KEYS = {"id", "title", "source", "every_year", "school_years"}


@dataclass(frozen=True)
class Term:
    """One school term: its code (2013-autumn), first and last day."""

    code: str
    start: dt.date
    end: dt.date


@dataclass(frozen=True)
class TermCalendar:
    """A council's terms. `every_year`: (month, day) of first and last day by name; `school_years`: by first year."""

    id: str
    every_year: Mapping[str, tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=dict)
    school_years: Mapping[int, tuple[Term, ...]] = field(default_factory=dict)

    def last(self, count: int, as_at: dt.date) -> tuple[Term, ...]:
        """The last `count` consecutive terms begun on or before the date, in order.

        Empty when the calendar does not reach: dated terms alone say nothing before the first, nor after the last day
        of the last, of them.
        """
        years = range(as_at.year - 1 - count // len(SCHOOL_TERMS) - 1, as_at.year + 1)
        terms = [term for year in years for term in self._year(year)]
        begun = [term for term in terms if term.start <= as_at]
        unknown_after = not self.every_year and (not terms or as_at > terms[-1].end)
        return () if len(begun) < count or unknown_after else tuple(begun[-count:])

    def _year(self, first: int) -> tuple[Term, ...]:
        """The terms of the school year that begins in this calendar year."""
        if first in self.school_years or not self.every_year:
            return self.school_years.get(first, ())
        return tuple(
            Term(f"{year}-{name}", dt.date(year, *self.every_year[name][0]), dt.date(year, *self.every_year[name][1]))
            for name, year in zip(SCHOOL_TERMS, (first, first + 1, first + 1), strict=True)
        )


def load_terms(path: Path) -> TermCalendar:
    """One calendar. Raises DeclarationError with file and line: a term that is missing, overlaps or runs backwards,
    a school year left out."""
    document = Document(path)
    document.known_keys((), document.content, _KEYS, "a term calendar")
    for key in ("id", "title", "source"):
        document.name((), document.content, key)
    document.require(
        document.content["id"] == path.stem, ("id",), "the file is named after its calendar.", "rename it."
    )
    return read_terms(document, (), document.content)


def read_terms(document: Document, at: At, entry: Mapping[str, Any]) -> TermCalendar:
    """A calendar that stands in a document, with `every_year`, `school_years` or both."""
    yearly, dated = entry.get("every_year"), entry.get("school_years")
    document.require(
        bool(yearly or dated), at, "a term calendar is empty.", "add 'every_year' or 'school_years' with its terms."
    )
    years = _school_years(document, (*at, "school_years"), dated) if dated else {}
    every = _every_year(document, (*at, "every_year"), yearly) if yearly else {}
    calendar = TermCalendar(str(entry.get("id", "")), every, years)
    if every and years:
        _meet_at_the_seams(document, (*at, "school_years"), calendar)
    return calendar


def _every_year(document: Document, at: At, entry: Any) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    whole = _all_three(document, at, entry)
    found = {}
    for name in SCHOOL_TERMS:
        days = []
        for key in ("start", "end"):
            text = re.fullmatch(r"(\d{2})-(\d{2})", str(whole[name].get(key, "")))
            try:
                day = dt.date(2001, int(text[1]), int(text[2])) if text else None
            except ValueError:
                day = None
            if day is None:
                document.fail((*at, name, key), f"term '{name}' needs a {key}, a day of every year.", "write 'MM-DD'.")
            days.append(day)
        _forwards(document, (*at, name), name, days[0], days[1])
        found[name] = ((days[0].month, days[0].day), (days[1].month, days[1].day))
    # Compared within a calendar year: spring, summer, autumn.
    order = sorted(SCHOOL_TERMS, key=lambda name: found[name][0])
    for before, after in itertools.pairwise(order):
        document.require(
            found[before][1] < found[after][0],
            (*at, after),
            f"terms '{before}' and '{after}' overlap.",
            "let one end before the next starts.",
        )
    document.require(
        order == ["spring", "summer", "autumn"],
        at,
        "the terms of a calendar year come in the order spring, summer, autumn.",
        "exchange their days.",
    )
    return found


def _school_years(document: Document, at: At, entry: Any) -> dict[int, tuple[Term, ...]]:
    document.require(isinstance(entry, dict), at, "'school_years' is a mapping.", "write 2013-14: {autumn: …}.")
    years: dict[int, tuple[Term, ...]] = {}
    previous: tuple[str, Term] | None = None
    for label in entry:
        form = re.fullmatch(r"(\d{4})-(\d{2})", str(label))
        first = int(form[1]) if form and (int(form[1]) + 1) % 100 == int(form[2]) else None
        if first is None:
            document.fail((*at, label), f"'{label}' is no school year.", "write it as 2013-14.")
        document.require(
            not years or first == max(years) + 1,
            (*at, label),
            f"a school year is missing before {label}, or it is out of order.",
            "list every school year from the first to the last, in order.",
        )
        whole = _all_three(document, (*at, label), entry[label])
        terms = []
        for name in SCHOOL_TERMS:
            place = (*at, label, name)
            start, end = (_date(document, place, name, whole[name], key) for key in ("start", "end"))
            _forwards(document, place, name, start, end)
            year = first if name == "autumn" else first + 1
            document.require(
                start.year == year,
                place,
                f"the {name} term of {label} starts in {year}.",
                "mend its dates: terms are told by their year and name.",
            )
            if previous is not None:
                document.require(
                    previous[1].end < start,
                    place,
                    f"terms '{previous[0]}' and '{name}' overlap.",
                    "let one end before the next starts.",
                )
            term = Term(f"{year}-{name}", start, end)
            previous = (name, term)
            terms.append(term)
        years[first] = tuple(terms)
    return years


def _meet_at_the_seams(document: Document, at: At, calendar: TermCalendar) -> None:
    """Where dated years meet those of every year, no two terms overlap."""
    first, last = min(calendar.school_years), max(calendar.school_years)
    for year in (first, last + 1):
        before, after = calendar._year(year - 1), calendar._year(year)
        document.require(
            before[-1].end < after[0].start,
            at,
            f"the summer term of {before[-1].code[:4]} and the autumn term after it overlap.",
            "bring 'every_year' and the dated school years in line.",
        )


def _all_three(document: Document, at: At, entry: Any) -> Mapping[str, Mapping[str, Any]]:
    document.known_keys(at, entry, SCHOOL_TERMS, "a school year")
    for name in SCHOOL_TERMS:
        document.require(name in entry, at, f"term '{name}' is missing.", "add it: a school year has three terms.")
        document.known_keys((*at, name), entry[name], ("start", "end"), "a term")
    whole: Mapping[str, Mapping[str, Any]] = entry
    return whole


def _forwards(document: Document, at: At, name: str, start: dt.date, end: dt.date) -> None:
    document.require(start < end, at, f"term '{name}' ends before it starts.", "exchange start and end.")


def _date(document: Document, at: At, name: str, entry: Mapping[str, Any], key: str) -> dt.date:
    value = entry.get(key)
    if isinstance(value, str):
        try:
            value = dt.date.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        document.fail((*at, key), f"term '{name}' needs a {key} date.", "write it as 2013-09-03.")
    return value
