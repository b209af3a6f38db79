"""Escalation and chronology, the whole way: a dozen hand-made people delivered, taken in, built, and asked about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from pipeline.errors import BuildError, DeclarationError
from pipeline.escalation import Watched, declaration, record, work_out
from pipeline.escalation.reading import read_grounds, read_night
from pipeline.reports.desk import desk_lines
from pipeline.settings import Settings
from pipeline.store.database import Database, open_database
from tests.escalation.contact_tables import AS_AT, declared
from tests.escalation.test_night import coverage
from tests.whole_way.conftest import Run

FORBIDDEN = ("birth", "nino", "token", "person_id", "record_id", "row_number", "delivery")


def told(run: Run, *arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").out)


def test_a_handful_of_families_is_unknown_and_never_not_rising(dozen: Run) -> None:
    night = told(dozen, "escalation")
    assert (night["families"], night["could_be_tested"], night["alerts"]) == (2, False, [])
    assert {agency["state"] for agency in night["agencies"]} == {"too few peers"}
    assert len(night["agencies"]) == 9
    assert "cannot be said" in dozen("escalation").out
    one = told(dozen, "escalation", "--family", "1")
    assert {row["state"] for row in one["agencies"]} == {"unknown"}
    assert {(row["agency"], row["month_end"]) for row in one["months"]} >= {("police", "2014-01-31")}


def test_a_day_before_the_data_is_unknown_and_nothing_is_written(dozen: Run) -> None:
    before = told(dozen, "escalation")
    early = told(dozen, "escalation", "--as-at", "2009-01-31")
    assert (early["as_at"], early["could_be_tested"], early["alerts"]) == ("2009-01-31", False, [])
    assert "cannot be said" in dozen("escalation", "--as-at", "2009-01-31").out
    assert told(dozen, "escalation") == before


def test_the_journey_is_filtered_by_who_reads(dozen: Run) -> None:
    whole = told(dozen, "chronology", "1", "--as", "council")
    assert [row["day"] for row in whole["rows"]] == sorted(row["day"] for row in whole["rows"])
    assert {row["partner"] for row in whole["rows"]} == {"council", "dwp", "hub", "police", "schools"}
    assert {row["member"] for row in whole["rows"] if row["kind"]} == {"adult 1", "child 1", "child 2"}
    for reader in ("analyst", "caseworker", "police", "schools", "wf_police"):
        seen = told(dozen, "chronology", "1", "--as", reader)["rows"]
        assert {row["partner"] for row in seen} == {"council", "police", "schools"}, reader
        assert seen == [row for row in whole["rows"] if row["partner"] not in ("dwp", "hub")]
    assert not [name for name in FORBIDDEN if name in json.dumps(whole)]


def test_a_span_of_days(dozen: Run) -> None:
    spring = told(dozen, "chronology", "1", "--as", "council", "--from", "2014-03-01", "--to", "2014-03-31")["rows"]
    assert {"permanent_exclusion", "unauthorised_absence"} <= {row["kind"] for row in spring}
    assert "suspension" not in {row["kind"] for row in spring}
    assert all(row["day"] <= "2014-03-31" for row in spring)


def test_a_page_to_print_says_for_whom_and_keeps_to_it(dozen: Run, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "journey.html"
    dozen("chronology", "1", "--as", "police", "--page", page)
    text = page.read_text()
    assert page.stat().st_mode & 0o077 == 0
    assert "For: Police" in text
    assert "<svg" in text
    assert "Permanent exclusion" in text
    assert "benefit" not in text.lower()
    assert "Selected" not in text
    assert "//" not in text.replace("<!DOCTYPE", "")  # no address of any kind
    dozen("chronology", "1", "--as", "police", "--from", "2030-01-01", "--page", page)
    assert "Nothing that this reader may see" in page.read_text()


def test_reading_a_journey_is_logged_with_reader_and_reason(dozen: Run, settings: Settings) -> None:
    dozen("chronology", "3", "--as", "schools", "--why", "meeting of 3 June")
    dozen("verify")
    with open_database(settings) as database, database.connect() as connection:
        last = connection.execute(
            "select actor, subject, detail from audit.log where action = 'chronology_read'"
        ).fetchall()
    assert last == [("reader schools", "family/3", {"why": "meeting of 3 June"})]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("chronology", "999"), "there is no such family"),
        (("chronology", "1", "--as", "somebody"), "there are: analyst, caseworker, council"),
        (("escalation", "--as", "somebody"), "there are: analyst, caseworker, council"),
        (("escalation", "--family", "999"), "not among the selected families"),
        (("escalation", "--family", "1", "--as", "police"), "not among the selected families that this reader may see"),
    ],
)
def test_a_wrong_question_says_what_to_do(dozen: Run, arguments: tuple[str, ...], says: str) -> None:
    ended = dozen(*arguments, code=(DeclarationError if "somebody" in arguments else BuildError).exit_code)
    assert says in ended.err
    assert "What to do" in ended.err


def test_nothing_published_yet_is_said(run: Run) -> None:
    for arguments in (("escalation",), ("chronology", "1")):
        assert "nothing has been published yet" in run(*arguments, code=BuildError.exit_code).err


def test_which_families_are_selected_is_closed_to_other_partners(dozen: Run) -> None:
    """Selection under the 2012 pack looks at DWP's feed: counts by agency are for all, families are not."""
    assert told(dozen, "escalation", "--as", "council")["families"] == 2
    police = told(dozen, "escalation", "--as", "police")
    assert (police["families"], police["closed"], len(police["agencies"])) == (0, True, 9)


def test_the_same_walls_stand_in_sql(dozen: Run, settings: Settings) -> None:
    """Jobcentre rows and DWP's evidence are hidden from analysts, until declaration and agreement open them."""
    with open_database(settings) as database:

        def seen(query: str) -> set[str]:
            with psycopg.connect(database.url_for("analyst", purpose="identify")) as analyst:
                return {row[0] for row in analyst.execute(query.encode())}

        assert seen("select distinct partner from cohort.chronology") == {"council", "police", "schools"}
        assert "jobcentre" not in seen("select distinct agency from cohort.escalation")
        with database.connect() as connection:
            connection.execute("insert into publication.reader_feed values ('wf_analyst', 'dwp')")
        assert "dwp" not in seen("select distinct partner from cohort.chronology")  # the agreement has its say too
        with database.connect() as connection:
            connection.execute("insert into access.closed_feed_reader values ('dwp', 'analyst', 'rows')")
        assert "dwp" in seen("select distinct partner from cohort.chronology")
        assert "jobcentre" in seen("select distinct agency from cohort.escalation")
        with database.connect() as connection:
            connection.execute("delete from publication.reader_feed")  # nobody declared: nobody sees
        assert seen("select distinct partner from cohort.chronology") == set()
        assert "jobcentre" not in seen("select distinct agency from cohort.escalation")


def test_a_rise_is_written_and_told(dozen: Run, settings: Settings) -> None:
    """With thirty peers and a rise given to family 1, the night written by hand is what commands and report tell."""
    with open_database(settings) as database:
        assert "cannot be said" in desk_lines(database, 1, "HOME")[0]
        _write_a_rise(database, settings)
        (line, family, journey) = desk_lines(database, 1, "HOME")
    assert "1 of 30 selected families" in line
    for command in (family, journey):
        assert dozen(*command.split()[1:-2]).out
    night = told(dozen, "escalation")
    assert {(row["family_id"], row["agency"]) for row in night["alerts"]} == {(1, "police"), (1, "together")}
    assert "reason to look" in dozen("escalation").out
    assert told(dozen, "escalation", "--family", "1")["agencies"][0]["state"] == "rising"
    page = Path(dozen("report").out.strip()).read_text()
    assert "Rising involvement" in page
    assert "1 of 30" in page


def _write_a_rise(database: Database, settings: Settings) -> None:
    run = read_night(database).run
    assert read_grounds(database, declaration(settings)).watched.selected.tolist() == [1, 3]
    people = np.arange(1, 31)
    members = pd.DataFrame({"family_id": people, "person_id": people, "role": "adult"}).assign(
        start_date=pd.NaT, end_date=pd.NaT
    )
    days = [(1, AS_AT - pd.Timedelta(days=3 * back)) for back in range(20)]
    days += [(int(family), AS_AT - pd.Timedelta(days=30 * int(family))) for family in people[1:]]
    evidence = pd.DataFrame(days, columns=["person_id", "start_date"]).assign(kind="police_callout", partner="police")
    night = work_out(declared(), Watched(people, people), members, evidence, coverage(), AS_AT)
    with database.connect() as connection:
        record(connection, night, declared(), run.run_id, run.as_at)
