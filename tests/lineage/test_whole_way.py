"""The lineage of real commands on the dozen: valid, paired, counted, by column, and without anything of a person."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.holdings.catalogue import Catalogue, read_catalogue
from pipeline.holdings.jobs import everything, load_jobs
from pipeline.lineage import LEDGER_FILE, read_events
from pipeline.settings import PROJECT, Settings
from pipeline.store.database import Database, open_database
from tests.conftest import TestServer, live_database
from tests.lineage.spec import problems_of
from tests.whole_way.conftest import DOZEN, PARTNERS, runner

Event = dict[str, Any]
WRITTEN = """
    select schemaname || '.' || relname, n_tup_ins + n_tup_upd + n_tup_del from pg_stat_user_tables
    where schemaname in ('identity', 'evidence', 'publication', 'casework')
"""


@pytest.fixture(scope="module")
def events(built_dozen: Settings) -> list[Event]:
    return read_events(built_dozen.lineage / LEDGER_FILE)


@pytest.fixture(scope="module")
def opened(built_dozen: Settings) -> Any:
    with open_database(built_dozen) as database:
        yield database


@pytest.fixture(scope="module")
def catalogue(opened: Database) -> Catalogue:
    with opened.connect() as connection:
        return read_catalogue(connection)


def ended(events: list[Event], job: str) -> Event:
    return next(event for event in events if event["job"]["name"] == job and event["eventType"] == "COMPLETE")


def test_every_event_is_valid_and_every_run_starts_and_ends_once(events: list[Event]) -> None:
    assert [problem for event in events for problem in problems_of(event)] == []
    states: dict[str, list[str]] = {}
    for event in events:
        states.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert set(map(tuple, states.values())) == {("START", "COMPLETE")}
    jobs = {event["job"]["name"] for event in events}
    assert jobs >= {"build", *(job.name for job in load_jobs(PROJECT / "schemas"))}
    assert jobs >= {f"ingest.{partner}" for partner in PARTNERS}


def test_the_stages_are_parts_of_the_build(events: list[Event]) -> None:
    whole = ended(events, "build")["run"]["runId"]
    stages = [event for event in events if event["job"]["name"].startswith("build.")]
    assert stages
    assert {event["run"]["facets"]["parent"]["run"]["runId"] for event in stages} == {whole}


def test_what_is_read_and_written_is_counted(events: list[Event], opened: Database) -> None:
    told = {
        output["name"]: output["outputFacets"]["outputStatistics"]["rowCount"]
        for event in events
        for output in event["outputs"]
        if "outputStatistics" in output["outputFacets"] and event["job"]["name"].startswith("build.")
    }
    with opened.connect() as connection:
        for table, rows in told.items():
            assert connection.execute(f"select count(*) from {table}".encode()).fetchone() == (rows,), table
        delivered = dict(
            connection.execute(
                "select delivery_id || table_name, rows_delivered from registry.delivery_table"
            ).fetchall()
        )
    assert told["publication.family"] > 0
    read = {
        each["facets"]["version"]["datasetVersion"] + each["name"].rpartition("/")[2]:
        each["inputFacets"]["inputStatistics"]["rowCount"]
        for partner in PARTNERS for each in ended(events, f"ingest.{partner}")["inputs"]
        if "inputStatistics" in each["inputFacets"]  # not the checks of a delivery as a whole
    }  # fmt: skip
    assert read == delivered


def test_a_delivery_comes_with_its_checks_and_its_agreement(events: list[Event], opened: Database) -> None:
    told = Counter(
        (each["name"], one["assertion"], one["success"])
        for partner in PARTNERS
        for each in ended(events, f"ingest.{partner}")["inputs"]
        for one in each["inputFacets"].get("dataQualityAssertions", {}).get("assertions", [])
    )
    with opened.connect() as connection:
        checked = Counter(
            ("deliveries/" + suite.replace("_", "/", 1), expectation, success)
            for suite, expectation, success in connection.execute(
                "select suite, expectation, success from registry.check_result"
            )
        )
    assert told == checked
    assert len(checked) > 20
    for partner in PARTNERS:
        facet = ended(events, f"ingest.{partner}")["run"]["facets"]["wholeFamily_governance"]
        assert [(one["id"], one["version"]) for one in facet["agreements"]] == [("whole-family-2012", "1.0.0")]
        assert [one["partner"] for one in facet["contracts"]] == [partner]


def test_every_published_cohort_column_has_lineage(events: list[Event], catalogue: Catalogue) -> None:
    told = {
        output["name"]: output["facets"]["columnLineage"]["fields"]
        for output in ended(events, "build.publish")["outputs"]
        if output["name"].startswith("cohort.")
    }
    there = {name: relation for name, relation in catalogue.relations.items() if relation.schema == "cohort"}
    assert set(told) == set(there)
    without = [
        f"{name}.{column}"
        for name, relation in there.items()
        for column in relation.columns
        if not told[name].get(column, {}).get("inputFields")
    ]
    assert without == []


def test_columns_go_back_to_the_partners_own_extracts(catalogue: Catalogue) -> None:
    lineage = everything(PROJECT / "schemas", catalogue)
    assert {origin for origin, _ in lineage.origins("cohort.family_member", "birth_month")} == {
        f"extracts/{partner}/people" for partner in PARTNERS
    }
    assert {column for _, column in lineage.origins("cohort.family_member", "birth_month")} == {"date_of_birth"}
    assert ("extracts/schools/residences", "postcode") in lineage.origins("cohort.family", "area")
    assert ("extracts/dwp/events", "kind") in lineage.origins("cohort.criterion_evidence", "kind")
    assert ("schemas/costs", "unit_costs") in lineage.origins("cohort.unit_cost", "fiscal")
    names = {column for _, column in lineage.origins("cohort.family_member", "person_id")}
    assert names >= {"forename", "surname", "date_of_birth"}  # by way of the encodings


def test_the_declaration_names_only_what_there_is(catalogue: Catalogue) -> None:
    wrong = []
    for job in load_jobs(PROJECT / "schemas"):
        named = [(table, column) for table, columns in job.reads.items() for column in columns]
        named += [(table, column) for table, columns in job.carried.items() for column in columns]
        named += [(s.dataset, s.column) for cs in job.carried.values() for ss in cs.values() for s in ss]
        for table, column in named:
            declared = table.startswith("schemas/") and (PROJECT / table).exists()
            if not declared and column not in catalogue.relations[table].columns:
                wrong.append((job.name, table, column))
        assert set(job.writes) <= set(catalogue.relations), job.name
    assert wrong == []


def test_a_build_writes_what_is_declared_and_nothing_else(
    built_dozen: Settings, test_server: TestServer, tmp_path: Path
) -> None:
    """As the server counted it: every table that a first build changes, schemas that are not the build's left out."""
    home, template = tmp_path / "home", str(built_dozen.database_url).rpartition("/")[2]
    shutil.copytree(built_dozen.home, home)
    with live_database(test_server, template, home) as made, open_database(made) as database:
        with database.connect(autocommit=True) as connection:
            before = dict(connection.execute(WRITTEN).fetchall())
        runner(made)("build", "--full")
        with database.connect(autocommit=True) as connection:
            after = dict(connection.execute(WRITTEN).fetchall())
        changed = {name for name, rows in after.items() if rows > before.get(name, 0)}
    declared = {table for job in load_jobs(PROJECT / "schemas") for table in job.writes}
    assert changed - declared == set(), "declare these in schemas/lineage.yaml: which step of the build writes them"
    assert changed >= {"publication.family", "publication.criterion_result", "identity.person"}


def test_nothing_of_a_person_is_in_any_event(built_dozen: Settings, opened: Database) -> None:
    text = (built_dozen.lineage / LEDGER_FILE).read_text().lower()
    values = set()
    for path in DOZEN.glob("raw/*/*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                values |= {
                    value
                    for name, value in row.items()
                    if name in ("forename", "surname", "nino", "upn", "nhs_number", "address", "uprn", "date_of_birth")
                    or name.endswith("_ref")
                }
    with opened.connect() as connection:
        for query in (
            "select encode(person_ref, 'hex') from identity.record",
            "select encode(nino_token, 'hex') from identity.record where nino_token is not null",
            "select encode(forename, 'hex') from identity.encoding where forename is not null",
            "select encode(place_token, 'hex') from identity.place",
        ):
            values |= {value for (value,) in connection.execute(query.encode())}
    assert len(values) > 100
    assert [value for value in values if len(value) > 3 and f'"{value.lower()}' in text] == []
    assert [value for value in values if len(value) > 8 and value.lower() in text] == []
