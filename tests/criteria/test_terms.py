"""School terms as a council's own data: dated, of every year, or both; gaps and overlaps refused at their line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pipeline.criteria import TermCalendar, load_terms
from pipeline.errors import DeclarationError

HEAD = "id: council\ntitle: Terms\nsource: The council\n"
EVERY_YEAR = (
    "every_year:\n  autumn: {start: '09-01', end: '12-31'}\n  spring: {start: '01-01', end: '03-31'}\n"
    "  summer: {start: '04-01', end: '08-31'}\n"
)
DATED = """school_years:
  2012-13:
    autumn: {start: 2012-09-04, end: 2012-12-21}
    spring: {start: 2013-01-07, end: 2013-03-28}
    summer: {start: 2013-04-15, end: 2013-07-24}
  2013-14:
    autumn: {start: 2013-09-03, end: 2013-12-20}
    spring: {start: 2014-01-06, end: 2014-04-04}
    summer: {start: 2014-04-22, end: 2014-07-23}
"""


def calendar(folder: Path, text: str) -> TermCalendar:
    path = folder / "council.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_terms(path)


@pytest.mark.parametrize(
    ("as_at", "codes"),
    [
        ("2014-07-23", ["2013-autumn", "2014-spring", "2014-summer"]),
        ("2014-04-22", ["2013-autumn", "2014-spring", "2014-summer"]),
        ("2014-04-21", ["2013-summer", "2013-autumn", "2014-spring"]),  # the holiday goes with spring
        ("2013-09-03", ["2013-spring", "2013-summer", "2013-autumn"]),
        ("2013-09-02", ["2012-autumn", "2013-spring", "2013-summer"]),  # not nine months: terms
        ("2013-04-15", ["2012-autumn", "2013-spring", "2013-summer"]),
        ("2013-04-14", []),  # only two terms of the calendar have begun
        ("2014-07-24", []),  # whether another has begun, this calendar does not say
    ],
)
def test_dated_terms(tmp_path: Path, as_at: str, codes: list[str]) -> None:
    last = calendar(tmp_path, DATED).last(3, dt.date.fromisoformat(as_at))
    assert [term.code for term in last] == codes


def test_dated_terms_come_before_those_of_every_year(tmp_path: Path) -> None:
    both = calendar(tmp_path, EVERY_YEAR + DATED)
    for as_at, codes in {
        "2013-09-02": ["2012-autumn", "2013-spring", "2013-summer"],
        "2013-04-14": ["2012-summer", "2012-autumn", "2013-spring"],
        "2014-09-01": ["2014-spring", "2014-summer", "2014-autumn"],
        "2020-02-29": ["2019-summer", "2019-autumn", "2020-spring"],
    }.items():
        assert [term.code for term in both.last(3, dt.date.fromisoformat(as_at))] == codes


def test_more_terms_than_a_year_has(tmp_path: Path) -> None:
    last = calendar(tmp_path, EVERY_YEAR).last(7, dt.date(2014, 7, 31))
    assert [last[0].code, last[-1].code] == ["2012-summer", "2014-summer"]
    assert len(last) == 7


WRONG = {
    "a term missing": ("    spring: {start: 2014-01-06, end: 2014-04-04}\n", "", "term 'spring' is missing", "2013-14"),
    "terms overlap": ("start: 2014-01-06", "start: 2013-12-20", "starts in 2014", "2013-12-20, end: 2014"),
    "overlap within a year": ("start: 2014-04-22", "start: 2014-04-04", "'spring' and 'summer' overlap", "2014-04-04,"),
    "overlap across years": ("start: 2013-09-03", "start: 2013-07-24", "'summer' and 'autumn' overlap",
                             "start: 2013-07-24, end: 2013-12"),
    "backwards": ("{start: 2014-01-06, end: 2014-04-04}", "{start: 2014-04-04, end: 2014-01-06}",
                  "ends before it starts", "2014-04-04, end"),
    "a school year left out": ("  2013-14:", "  2014-15:", "a school year is missing before 2014-15", "2014-15"),
    "no school year": ("  2013-14:", "  2013-15:", "is no school year", "2013-15"),
    "no date": ("start: 2014-01-06", "start: January", "needs a start date", "January"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says", "line"), WRONG.values(), ids=list(WRONG))
def test_wrong_terms_are_refused_at_their_line(tmp_path: Path, old: str, new: str, says: str, line: str) -> None:
    assert old in DATED
    text = DATED.replace(old, new, 1)
    with pytest.raises(DeclarationError, match=says) as refused:
        calendar(tmp_path, text)
    expected = next(n for n, written in enumerate((HEAD + text).splitlines(), start=1) if line in written)
    assert refused.value.where == f"council.yaml, line {expected}"


def test_dated_years_that_do_not_meet_those_of_every_year(tmp_path: Path) -> None:
    early = DATED.replace("start: 2012-09-04", "start: 2012-08-30")  # every year's summer lasts to 31 August
    with pytest.raises(DeclarationError, match="overlap"):
        calendar(tmp_path, EVERY_YEAR + early)
