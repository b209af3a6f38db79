"""The run report: says what the registry says, stands alone, keeps small numbers and markup to itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from pipeline.errors import BuildError
from pipeline.reports import write_run_report
from pipeline.reports.page import as_shown, render_report
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.reports.live import write_family, write_partners, write_run, write_summary
from tests.reports.sample import PARTNERS, delivery, sample_facts, sample_quality

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed in order; keeps pictures, tables, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: list[dict[str, Any]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.cells: list[list[str]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in told.items()]
        if "id" in told:
            self.ids.append(told["id"])
        if tag == "svg":
            self.pictures.append({"labelled": told.get("aria-labelledby", ""), "role": told.get("role"), "marks": 0,
                                  "title": "", "desc": "", "text": ""})  # fmt: skip
        elif self.pictures and "svg" in self.open and tag in ("path", "text", "rect", "line"):
            self.pictures[-1]["marks"] += 1
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "svg" in self.open:
            kind = self.open[-1] if self.open[-1] in ("title", "desc") else "text"
            self.pictures[-1][kind] += data
        elif self.open and self.open[-1] in ("td", "th"):
            self.cells[-1][-1] += data
        if self.open and self.open[-1] != "style":
            self.words += data

    def row(self, *start: str) -> list[str]:
        """The first row of any table that starts with these cells."""
        return next(cells for cells in self.cells if cells[: len(start)] == list(start))


@pytest.fixture
def night(database: Database) -> int:
    """A published run with everything in the database that a report shows."""
    write_partners(database)
    run_id = write_run(database)
    write_family(database, run_id, 1, {11: "adult", 12: "child"}, {"work", "education"}, selected=False)
    write_summary(database, {("XB1", "work"): 120, ("XB1", "education"): None, ("all areas", "work"): 215})
    return run_id


def test_the_page_says_what_the_database_says(database: Database, settings: Settings, night: int) -> None:
    path = write_run_report(database, settings, night, sample_quality())

    page = Page(path.read_text(encoding="utf-8"))
    assert path == settings.reports / f"run-{night}.html"
    assert page.row("Rows", "Delivered")[2] == "80,406"
    assert page.row("Rows", "Loaded")[2] == "80,306"
    assert page.row("People", "Records")[2] == "31,204"
    assert page.row("People", "Persons")[2:] == ["19,871", "63.7 %"]
    assert page.row("Families", "Flagged for review")[2:] == ["41", "1.4 %"]
    assert page.row("Education + Out of work") == ["Education + Out of work", "33"]
    assert page.row("police", "date_form")[2] == "25"
    assert page.row("police", "unknown_code")[2] == "3"  # told twice, counted once
    assert page.row("Police force", "2011-08-01")[2:4] == ["2014-05-31", "61 days old, stale"]
    assert page.row("residence") == ["residence", "8,000", "96", "52,000", "2"]
    assert page.row("police_events", "1")[2:] == ["1", "0"]  # one passed, one warning, none critical
    assert page.row("XB1") == ["XB1", "hidden", "120"]  # in the pack's order
    assert page.row("all areas") == ["all areas", "hidden", "215"]
    assert page.row("Persons: pairs of records")[1:] == ["99.31 %", "97.13 %", "98.21 %", "96.42 %"]
    assert page.row("Link persons") == ["Link persons", "6.4 s"]
    assert page.row("forename", "same") == ["forename", "same", "0.86", "0.0051", "+7.4"]


def test_a_rejected_delivery_is_told_with_what_to_do(database: Database, settings: Settings, night: int) -> None:
    text = write_run_report(database, settings, night, None).read_text(encoding="utf-8")

    words = Page(text).words
    assert "Delivery police-000002-ffffffff of Police force is rejected (known answers differ)" in words
    assert "The <known-answer> records differ." in words  # as text
    assert "<known-answer>" not in text  # not as markup
    assert "What to do: Call the police's data officer & compare keys." in words


def test_no_such_run(database: Database, settings: Settings) -> None:
    with pytest.raises(BuildError, match="no such run"):
        write_run_report(database, settings, 99, None)
    assert not settings.reports.exists()


@pytest.fixture(scope="module")
def text() -> str:
    """The page of the sample run."""
    return render_report(sample_facts(), sample_quality())


def test_the_page_stands_alone(text: str) -> None:
    page = Page(text)
    assert not re.search(r"https?:|//[a-z]", text)
    assert "<script" not in text
    assert "@import" not in text
    loads = [(tag, name, value) for tag, name, value in page.attributes if name in ("src", "href", "srcset", "data")]
    beside = ("holdings.html", "lineage.html")  # pages of the same folder
    inside = {f"#{name}" for name in page.ids}
    assert all(tag == "a" and value in {*inside, *beside} for tag, _, value in loads)
    assert all(value.startswith("#") for value in re.findall(r"url\(([^)]*)\)", text))
    assert "default-src 'none'" in text
    assert "/home/" not in text


def test_every_picture_has_a_name_words_and_marks(text: str) -> None:
    page = Page(text)

    titles = [picture["title"] for picture in page.pictures]
    assert titles == [
        "From delivered rows to flagged families",
        "Which criteria come together",
        "How fresh each partner's data is",
        "Rows in quarantine, by reason",
        "Data-quality checks, by suite",
        "How sure the links are",
        "Quality against the truth",
        "Linking persons, by age band",
        "Where the time went",
    ]
    for picture in page.pictures:
        assert picture["role"] == "img"
        assert all(name in page.ids for name in picture["labelled"].split())
        assert len(picture["desc"]) > 20
        assert picture["marks"] > 10
        assert picture["text"]
    assert "41" in page.pictures[0]["text"]
    assert len(page.ids) == len(set(page.ids))


def test_markup_in_names_stays_text() -> None:
    evil = "<script>alert('x')</script> & \"co\""
    facts = sample_facts(
        deliveries=[delivery("council", name=evil, state="rejected", code=evil, reason=evil, remedy=evil)],
        quarantine=[{"partner": evil, "reason": evil, "rows": 12}],
        freshness=[row | {"name": evil} for row in sample_facts().freshness[:1]],
        titles={"crime_asb": evil, "education": evil + "2"},
        areas=[{"area": evil, "criterion": "work", "families": 15}],
        blocking=[{"blocking_pass": evil}],
        timings={evil: 1.0},
        parameters={"comparisons": {evil: [{"level": evil}]}},
    )

    text = render_report(facts, {"persons": {"by_subgroup": [{"dimension": "sex", "group": evil, "f1": 0.5}]}})

    assert "<script" not in text
    assert "alert(" in Page(text).words


def test_counts_of_the_summary_come_as_they_may_be_shown() -> None:
    assert [as_shown(n) for n in (None, 0, 10, 1235)] == ["hidden", "0", "10", "1,235"]


def test_a_run_that_kept_little_still_gives_a_page() -> None:
    nothing: dict[str, Any] = {
        "counts": {}, "timings": {}, "parameters": {}, "blocking": [], "deliveries": [], "quarantine": [],
        "checks": [], "freshness": [], "areas": [], "titles": {}, "state": "failed", "finished_at": None,
    }  # fmt: skip

    page = Page(render_report(sample_facts(**nothing), None))

    assert "not published" in page.words
    assert "No delivery has arrived yet." in page.words
    assert [picture["title"] for picture in page.pictures] == ["From delivered rows to flagged families"]


@pytest.mark.parametrize("lost", ["combinations", "criteria", "pairs", "selected"])
def test_each_missing_count_is_left_out_alone(lost: str) -> None:
    counts = {name: value for name, value in sample_facts().counts.items() if name != lost}

    assert "Linking" in Page(render_report(sample_facts(counts=counts), sample_quality())).words


def test_weights_as_the_link_stage_keeps_them() -> None:
    counts = {name: value for name, value in sample_facts().counts.items() if name != "weights_histogram"}
    parameters = sample_facts().parameters | {"histogram": {"bits": 2, "bars": [[-4, 70], [0, 5], [6, 4321]]}}

    page = Page(render_report(sample_facts(counts=counts, parameters=parameters), None))

    assert page.row("6", "8") == ["6", "8", "4,321", "match"]
    assert page.row("-2", "0") == ["-2", "0", "0", "not linked"]


def test_every_partner_has_a_line_of_freshness(text: str) -> None:
    page = Page(text)

    for name in PARTNERS.values():
        assert any(name in picture["text"] for picture in page.pictures)
