"""Casework in the run report: what each picture says in words and as a table; nothing where there is nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.reports import casework_pictures
from pipeline.reports.page import render_report
from tests.reports.sample import sample_facts as sample

LIFE = [("Identified", None, False, 31), ("Not verified", "overridden", True, 4), ("Verified", "agreed", False, 9),
        ("In programme", None, False, 22), ("Closed", None, True, 3)]  # fmt: skip
COSTS = [("dwp", 210_000.0, 210_000.0, 0.0), ("council", 180_400.0, 45_100.0, 0.0), ("police", 96_200.0, 4_810.0, 0.0),
         ("nhs", 60_100.0, 6_010.0, 0.0), ("economy", 0.0, 0.0, 391_000.0)]  # fmt: skip
PARTS = {"need": "Criteria met", "cost": "Fiscal cost in a year", "partners": "Partners involved"}
PROGRESS = [
    ("Every child in school", "passed", 12), ("Every child in school", "failed", 7),
    ("Every child in school", "needs_certificate", 3), ("Less anti-social behaviour", "passed", 4),
    ("Less anti-social behaviour", "not_applicable", 15), ("Less anti-social behaviour", "too_early", 3),
]  # fmt: skip


def casework() -> dict[str, list[dict[str, Any]]]:
    return {
        "life": [dict(zip(("title", "review", "ended", "cases"), row, strict=True)) for row in LIFE],
        "reviews": [{"reviewed": 40, "overridden": 4}],
        "costs": [
            {"agency": agency, "prices": "2014/15", "fiscal": fiscal, "cashable": cashable, "economic": economic,
             "families": 30, "dwp": agency == "dwp"}
            for agency, fiscal, cashable, economic in COSTS
        ],
        "places": [
            {"place": place, "score": 90.0 - place, "part": part, "title": title, "points": (90.0 - place) / 3}
            for place in range(1, 21) for part, title in PARTS.items()
        ],
        "progress": [dict(zip(("title", "state", "cases"), row, strict=True)) for row in PROGRESS],
        "claims": [
            {"title": "Attachment fee", "state": "claimable", "claims": 5, "pounds": 8000, "lost": 0},
            {"title": "Education and crime result", "state": "claimed", "claims": 2, "pounds": 4600, "lost": 1},
        ],
    }  # fmt: skip


def test_pictures_tell_the_same_in_words_and_as_a_table() -> None:
    facts = sample(casework=casework())
    life = casework_pictures.life(facts)
    assert life is not None
    assert life.rows == [["Identified", "31"], ["Not verified", "4"], ["Verified", "9"], ["In programme", "22"],
                         ["Closed", "3"]]  # fmt: skip
    assert "Of 40 flags reviewed so far, people overrode 4 (10" in life.caption
    costs = casework_pictures.costs(facts)
    assert costs is not None
    assert costs.rows[1] == ["Council", "30", "£180,400", "£45,100", "£0"]
    assert costs.rows[-1] == ["Economy", "30", "£0", "£0", "£391,000"]
    assert "economic, on no budget" in costs.description
    assert "DWP" in costs.caption
    places = casework_pictures.first_places(facts)
    assert places is not None
    assert places.header == ["Place", "Points", *PARTS.values()]
    assert places.rows[0] == ["1", "89.00", "29.67", "29.67", "29.67"]
    progress = casework_pictures.progress(facts)
    assert progress is not None
    assert progress.header == ["Test", "Passed", "To be certified", "Failed", "Too early", "Does not apply"]
    assert progress.rows == [
        ["Every child in school", "12", "3", "7", "0", "0"], ["Less anti-social behaviour", "4", "0", "0", "3", "15"],
    ]  # fmt: skip


def test_the_page_shows_them_and_the_claims() -> None:
    page = render_report(sample(casework=casework()), None)
    for told in ('id="life"', 'id="costs"', 'id="first-places"', 'id="progress"', "£4,600", "Lost again"):
        assert told in page


@pytest.mark.parametrize("nothing", [{}, {"life": [], "reviews": [], "costs": [], "places": [], "progress": []}])
def test_without_cases_there_is_no_section(nothing: dict[str, list[dict[str, Any]]]) -> None:
    assert "Where the cases stand" not in render_report(sample(casework=nothing), None)
