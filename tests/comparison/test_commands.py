"""The criteria commands on a real night: what they print, and that nothing users see changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.store.database import Database
from tests.whole_way.conftest import Run

PUBLISHED = ("family", "family_member", "criterion_result", "criterion_evidence", "cohort", "family_history")
PACKS = ("fmp-2010", "supporting-families-2022", "troubled-families-2012", "troubled-families-2015")


def published(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.connect() as connection:
        found = {
            name: connection.execute(f"select * from cohort.{name} order by 1, 2, 3".encode()).fetchall()
            for name in PUBLISHED
        }
        found["run"] = connection.execute("select count(*) from registry.run").fetchall()
        return found


def test_every_pack_on_the_dozen_and_nothing_is_published(dozen: Run, database: Database) -> None:
    before = published(database)
    answer = json.loads(dozen("compare-packs", "--json", "--families").out)
    assert published(database) == before
    assert {row["pack"] for row in answer["definitions"]} == set(PACKS)
    by_pack = {row["pack"]: row for row in answer["definitions"]}
    for row in answer["definitions"]:
        assert row["selected"] + row["unknown"] + row["not_selected"] == row["looked_at"]
    # The night's own pack says what is published.
    selected = {row[1] for row in before["cohort"]}
    assert by_pack["troubled-families-2012"]["selected"] == len(selected) == 2
    for change in answer["changes"]:
        assert change["kept"] + change["lost"] == len(selected)
        assert set(change["families_lost"]) <= selected
        assert not set(change["families_gained"]) & selected
    assert sum(row["families"] for row in answer["overlap"]) >= len(selected)
    # No partner sends health, income or qualifications: five of seven can be met by nobody for certain.
    assert by_pack["fmp-2010"]["selected"] == 0
    assert by_pack["fmp-2010"]["unknown"] > 0


def test_as_at_a_past_date_and_before_the_data(dozen: Run, database: Database) -> None:
    past = json.loads(dozen("compare-packs", "troubled-families-2012", "--as-at", "2013-07-31", "--json").out)
    assert past["families_formed_anew"]
    before = json.loads(dozen("compare-packs", "troubled-families-2012", "--as-at", "2011-08-31", "--json").out)
    (row,) = before["definitions"]
    # The data start inside every window: what is not met is unknown, never "not met".
    education = next(told for told in row["criteria"] if told["criterion"] == "education")
    assert education["met"] + education["unknown"] == row["looked_at"]
    # Before any day of the data nothing can be said under any pack.
    for row in json.loads(dozen("compare-packs", "--as-at", "2011-07-01", "--json").out)["definitions"]:
        assert row["looked_at"] > 0
        assert (row["selected"], row["not_selected"], row["unknown"]) == (0, 0, row["looked_at"])
        assert all((told["met"], told["unknown"]) == (0, row["looked_at"]) for told in row["criteria"])


def test_a_build_as_at_a_past_date_says_what_compare_packs_said(dozen: Run, database: Database) -> None:
    asked = json.loads(
        dozen("compare-packs", "troubled-families-2015", "--as-at", "2014-03-31", "--json",
              "--reference", "troubled-families-2015").out
    )  # fmt: skip
    dozen("build", "--as-at", "2014-03-31", "--pack", "troubled-families-2015")
    with database.connect() as connection:
        states = dict(
            connection.execute(
                "select criterion, count(*) from cohort.criterion_result"
                " where pack = 'troubled-families-2015' and state = 'met' group by criterion"
            ).fetchall()
        )
    told = {row["criterion"]: row["met"] for row in asked["definitions"][0]["criteria"]}
    assert {name: count for name, count in told.items() if count} == states


def test_pictures(dozen: Run, tmp_path: Path) -> None:
    page, picture = tmp_path / "packs.html", tmp_path / "packs.svg"
    dozen("compare-packs", "--out", page)
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert "Troubled Families, 2012 to 2015" in text
    assert "http" not in text
    dozen("compare-packs", "fmp-2010", "troubled-families-2012", "--out", picture)
    assert picture.read_text(encoding="utf-8").startswith("<svg xmlns=")
    assert "ends in .html or .svg" in dozen("compare-packs", "--out", tmp_path / "packs.pdf", code=2).err


def test_what_if(dozen: Run, database: Database) -> None:
    before = published(database)
    loose = ("--set", "selection.two_and_local.at_least=1", "--set", "education.unauthorised_absence.at_least=0.10")
    answer = json.loads(dozen("criteria", "what-if", "troubled-families-2012", *loose, "--json").out)
    assert answer["selected"]["lost"] == 0
    assert answer["after"]["selected"] == answer["before"]["selected"] + answer["selected"]["gained"]
    assert not any(name.startswith("families_") for name in answer["selected"])  # counts only, unless asked
    swapped = json.loads(
        dozen("criteria", "what-if", "troubled-families-2012", "--local", "early-signs", "--json", "--families").out
    )
    assert len(swapped["selected"]["families_lost"]) == swapped["selected"]["lost"]
    assert published(database) == before
    assert "what would change" in dozen("criteria", "what-if", "troubled-families-2012", *loose).out


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (("--set", "education.unauthorised_absence.at_least=10"), "a share between 0 and 1", 2),
        (("--set", "education.truancy.at_least=10"), "nothing called 'truancy'", 2),
        (("--set", "nonsense"), "criterion.rule.key=value", 2),
        (("--local", "late-signs"), "no such local filter", 2),
        ((), "say what to change", 2),
    ],
)
def test_what_if_refuses(dozen: Run, arguments: tuple[str, ...], says: str, code: int) -> None:
    assert says in " ".join(dozen("criteria", "what-if", "troubled-families-2012", *arguments, code=code).err.split())


def test_list_show_and_test(run: Run) -> None:
    listed = json.loads(run("criteria", "list", "--json").out)
    assert {row["name"] for row in listed} == {*PACKS, "early-signs", "repeat-demand"}
    assert "15 % or more" in run("criteria", "show", "troubled-families-2012").out
    tried = json.loads(run("criteria", "test", "--json").out)
    assert all(row["cases"] > 5 and not row["failed"] for row in tried)
    assert "no such pack" in run("criteria", "show", "nothing", code=2).err
    assert "up to date" in run("criteria", "docs", "--check").out


def test_a_compare_before_anything_is_published_says_what_to_do(run: Run) -> None:
    assert "nothing has been published" in run("compare-packs", code=7).err
