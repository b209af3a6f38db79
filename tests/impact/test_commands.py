"""evaluate-programme and estimates as people use them: what is printed, written, refused and hidden."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest

from pipeline.impact import Material, drawn_at_random
from pipeline.impact.effect import FEWER, NO_EFFECT
from pipeline.reports.facts import read_run_facts
from pipeline.reports.page import render_report
from pipeline.settings import PROJECT
from pipeline.store.database import Database
from tests.impact.live_borough import enter_programme, fill
from tests.impact.test_evaluate import START, borough, with_effect
from tests.whole_way.conftest import Run

COSTS = PROJECT / "examples" / "programme" / "costs.csv"
VIEWS = ("evaluation", "left_out", "effect", "issue", "balance", "return", "share")


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connect(role="wf_analyst", purpose="evaluate") as connection:
        return connection.execute(query.encode()).fetchall()


def given(tmp_path: Path, assigned: pd.DataFrame) -> Path:
    path = tmp_path / "groups.csv"
    assigned.assign(start_date=assigned["start_date"].dt.date).to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL)
    return path


def filled(database: Database, share: float, groups: range = range(1, 481)) -> tuple[pd.DataFrame, Material]:
    assigned = drawn_at_random(groups, START, 5)
    material = with_effect(assigned, share) if share else borough()
    fill(database, material)
    return assigned, material


def primary(answer: dict[str, Any]) -> dict[str, Any]:
    return next(row for row in answer["effects"] if row["is_primary"])


def test_a_planted_effect_is_found_from_an_assignment_file(run: Run, database: Database, tmp_path: Path) -> None:
    assigned, _ = filled(database, 0.4)
    path = given(tmp_path, assigned)
    answer = json.loads(run("evaluate-programme", "--assignment", path, "--programme-costs", COSTS, "--json").out)
    head, found = answer["evaluation"], primary(answer)
    assert (head["design"], head["groups_from"], head["made_up"], head["verdict"]) == (
        "assigned", "assignment", False, FEWER,
    )  # fmt: skip
    assert found["relative_low"] < -0.4 < found["relative_high"]
    assert {row["arm"] for row in answer["returns"] if row["per_pound"] is not None} == {
        "new_model", "business_as_usual", "new_model_beside_business_as_usual",
    }  # fmt: skip
    for row in answer["shares"]:
        if row["agency"] == "all agencies":
            paid = row["pays_now"]
            assert [row[way] for way in ("by_headcount", "by_benefit", "hybrid")] == pytest.approx([paid] * 3)
    # What analysts read is what was printed.
    assert rows(database, "select verdict, families_new_model, made_up from cohort.programme_evaluation") == [
        (FEWER, 240, False)
    ]
    assert rows(database, "select relative from cohort.programme_effect where is_primary") == [(found["relative"],)]
    for view in VIEWS[2:]:
        assert rows(database, f"select count(*) from cohort.programme_{view}")[0][0] > 0, view
    # Again is once.
    run("evaluate-programme", "--assignment", path)
    assert rows(database, "select count(*), count(distinct name) from cohort.programme_evaluation") == [(1, 1)]


def test_the_families_of_the_cohorts_life_are_compared_with_families_alike(run: Run, database: Database) -> None:
    assigned, _ = filled(database, 0.5, range(1, 241))
    new = assigned.loc[assigned["arm"] == "new_model", "family_id"]
    enter_programme(database, [int(family) for family in new], START.date())
    answer = json.loads(run("evaluate-programme", "--json").out)
    assert (answer["evaluation"]["design"], answer["evaluation"]["groups_from"]) == ("matched", "cohort")
    assert answer["evaluation"]["verdict"] == FEWER
    assert primary(answer)["relative_low"] < -0.5 < primary(answer)["relative_high"]
    assert all(row["difference_after"] is not None for row in answer["balance"])
    assert all(row["per_pound"] is None for row in answer["returns"])  # nobody said what it costs


def test_a_simulation_says_that_it_is_made_up(run: Run, database: Database, tmp_path: Path) -> None:
    filled(database, 0)
    page, picture = tmp_path / "page.html", tmp_path / "picture.svg"
    said = run("evaluate-programme", "--simulate", "0.5", "--out", page)
    assert "Made up" in said.out
    text = page.read_text(encoding="utf-8")
    assert "Made up" in text
    assert text.count("<svg") >= 3
    assert "http" not in text
    run("evaluate-programme", "--simulate", "0", "--chosen", "by-record", "--name", "nothing", "--out", picture)
    assert picture.read_text(encoding="utf-8").startswith("<svg xmlns=")
    told = rows(database, "select name, made_up, planted, design, verdict from cohort.programme_evaluation order by 1")
    assert told == [("nothing", True, 0.0, "matched", NO_EFFECT), ("simulated", True, 0.5, "assigned", FEWER)]


def test_what_few_families_are_behind_is_hidden(run: Run, database: Database, tmp_path: Path) -> None:
    assigned, _ = filled(database, 0, range(1, 31))
    answer = json.loads(run("evaluate-programme", "--assignment", given(tmp_path, assigned), "--json").out)
    assert answer["evaluation"]["families_new_model"] == 15
    school = [row for row in answer["issues"] if row["issue"] == "school"]
    assert all(row["share_on_entry"] is None for row in school)  # 15 families: some with, some without are under ten
    hidden = [row for row in answer["effects"] if row["verdict"] == "hidden"]
    assert hidden
    assert all(row["new_before"] is row["effect"] is row["p_value"] is None for row in hidden)
    few = drawn_at_random(range(1, 19), START, 5)
    assert "fewer than 10 families" in run("evaluate-programme", "--assignment", given(tmp_path, few), code=7).err


def test_nobody_in_the_programme_yet(dozen: Run) -> None:
    said = dozen("evaluate-programme", code=7).err
    assert "no family has entered a programme" in said
    assert "--simulate" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--simulate", "1"), "a share from 0"),
        (("--simulate", "0.5", "--assignment", "groups.csv"), "not together with --assignment"),
        (("--simulate", "0.5", "--chosen", "worst"), "by-lot or by-record"),
        (("--start", "2013-08-01"), "only with --simulate"),
        (("--name", "Our programme"), "small letters"),
        (("--out", "page.pdf"), "ends in .html or .svg"),
        (("--assignment", "nowhere.csv"), "no such file"),
    ],
)
def test_evaluate_programme_refuses(run: Run, arguments: tuple[str, ...], says: str) -> None:
    assert says in " ".join(run("evaluate-programme", *arguments, code=2).err.split())


ESTIMATES = "district,area,low,high\nNorth,,60,80\nNorth,XB1,,\nNorth,XB2,10,20\nSouth,XB3,5,9\nSouth,XB4,5,9\n"


def test_families_beside_estimates(run: Run, database: Database, tmp_path: Path) -> None:
    filled(database, 0)
    file, page = tmp_path / "estimates.csv", tmp_path / "page.html"
    file.write_text(ESTIMATES, encoding="utf-8")
    answer = json.loads(run("estimates", file, "--out", page, "--json").out)
    told = {(row["district"], row["area"]): (row["found"], row["beside"]) for row in answer["rows"]}
    assert told == {
        ("North", "whole district"): (65, "within"), ("North", "XB1"): (40, "no estimate"),
        ("North", "XB2"): (25, "more than estimated"), ("South", "whole district"): (10, "within"),
        ("South", "XB3"): (None, "hidden"), ("South", "XB4"): (None, "hidden"), ("", "all areas"): (75, "within"),
    }  # fmt: skip
    seen = rows(database, "select district, area, found, beside from cohort.estimate order by place")
    assert {(district, area): (found, beside) for district, area, found, beside in seen} == told
    assert "<svg" in page.read_text(encoding="utf-8")
    assert "within" in run("estimates", file).out
    table = tmp_path / "places.csv"
    table.write_text("area,population,low,high\nElsewhere,10000,100,200\n", encoding="utf-8")
    spread = json.loads(run("estimates", table, "--place", "Elsewhere", "--json").out)
    by_area = {row["area"]: row for row in spread["rows"]}
    assert by_area["XB1"]["low"] == 3.0  # 300 of 1,200 people
    assert "line 2: no family lives in an area of this name" in run("estimates", table, code=2).err


def test_estimates_on_the_dozen(dozen: Run, tmp_path: Path) -> None:
    file = tmp_path / "estimates.csv"
    file.write_text("area,low,high\nXB1,-1,2\nXB1,1,2\nXB1,3,4\n", encoding="utf-8")
    said = " ".join(dozen("estimates", file, code=2).err.split())
    assert "line 2: an estimate or population is below nought" in said
    assert "line 4: this area stands on line 3 already" in said
    file.write_text("area,low,high\nXB1,1,2\n", encoding="utf-8")
    assert "XB1" in dozen("estimates", file).out


def test_analysts_read_the_views_and_nothing_behind_them(run: Run, database: Database) -> None:
    for view in (*(f"programme_{name}" for name in VIEWS), "estimate"):
        assert rows(database, f"select * from cohort.{view}") == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows(database, f"select * from publication.{view}")


def test_the_run_report_shows_what_is_on_file(run: Run, database: Database, tmp_path: Path) -> None:
    assigned, _ = filled(database, 0.4)
    before = render_report(read_run_facts(database, 1), None)
    assert "Does the programme work" not in before
    run("evaluate-programme", "--simulate", "0.2")
    run("evaluate-programme", "--assignment", given(tmp_path, assigned))
    file = tmp_path / "estimates.csv"
    file.write_text(ESTIMATES, encoding="utf-8")
    run("estimates", file)
    page = render_report(read_run_facts(database, 1), None)
    assert "Does the programme work" in page
    assert "made up" in page
    assert "Families found beside the estimate" in page
    assert "What the new model changed" in page
