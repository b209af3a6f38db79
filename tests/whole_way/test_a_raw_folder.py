"""Any folder in the raw layout goes the whole way, one step at a time, without the generator."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import psycopg

from pipeline.lineage import LEDGER_FILE, read_events
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.whole_way.conftest import DOZEN, PARTNERS, Run, send


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_dozen_people_come_out_as_their_truth_says(dozen: Run) -> None:
    quality = json.loads(dozen("evaluate", "--truth", DOZEN / "truth", "--json").out)
    assert quality["persons"]["f1"] == 1.0
    assert quality["families"]["exact_membership"] == 1.0
    assert quality["criteria"]["f1"] == 1.0


def test_each_flag_names_its_evidence(dozen: Run, database: Database) -> None:
    flagged = rows(
        database,
        "select criterion, array_agg(distinct kind order by kind) from cohort.criterion_evidence"
        " join cohort.cohort using (family_id, pack) group by criterion order by criterion",
    )
    assert flagged == [
        ("crime_asb", ["asb_contract", "proven_offence"]),
        ("education", ["enrolment_because_excluded", "permanent_exclusion", "unauthorised_absence"]),
        ("local", ["child_in_need"]),
        ("work", ["out_of_work_benefit"]),
    ]


def test_the_father_who_lives_elsewhere_is_not_a_member(dozen: Run, database: Database) -> None:
    roles = rows(database, "select role, count(*) from cohort.family_member group by role order by role")
    assert dict(roles)["non_resident_parent"] == 1
    assert sum(count for role, count in roles if role in ("adult", "child")) == 12


def test_twice_is_once(dozen: Run, database: Database) -> None:
    published = {
        table: rows(database, f"select * from cohort.{table} order by 1, 2, 3")
        for table in ("family_member", "criterion_evidence", "cohort", "family_history", "summary")
    }
    assert "Nothing waits" in dozen("ingest").out
    dozen("build")
    for table, before in published.items():
        assert rows(database, f"select * from cohort.{table} order by 1, 2, 3") == before, table
    assert rows(database, "select count(*) from identity.person_ledger where run_id > 1") == [(0,)]
    assert rows(database, "select count(*) from cohort.family_ledger where run_id > 1") == [(0,)]


def test_the_same_extracts_sent_again_change_no_id(dozen: Run, database: Database) -> None:
    members = rows(database, "select * from cohort.family_member order by 1, 2, 3")
    for partner in PARTNERS:
        send(dozen, partner, DOZEN / "raw" / partner)
    dozen("ingest")
    dozen("build")
    assert rows(database, "select * from cohort.family_member order by 1, 2, 3") == members
    states = rows(database, "select state, count(*) from registry.delivery group by state order by state")
    assert states == [("accepted", 4), ("superseded", 4)]


def test_one_partner_by_name_and_a_build_without_the_others(run: Run, database: Database) -> None:
    run("keys", "all")
    send(run, "dwp", DOZEN / "raw" / "dwp")
    run("ingest", "dwp")
    run("build")
    states = dict(rows(database, "select criterion, min(state) from cohort.criterion_result group by criterion"))
    assert states["education"] == "unknown"  # no schools' feed: unknown, never not met
    assert rows(database, "select count(*) from cohort.criterion_result where state = 'met' and criterion = 'work'")


def test_a_build_before_any_delivery_says_what_to_do(run: Run) -> None:
    ended = run("build", code=7)
    assert "no delivery has been accepted" in ended.err
    assert "What to do" in ended.err


def test_a_partner_without_a_contract_is_refused_by_name(run: Run) -> None:
    assert "council, dwp, police, schools" in run("ingest", "martians", code=2).err


def test_deliveries_report_log_and_queries(dozen: Run, settings: Settings) -> None:
    assert dozen("deliveries").out.count("accepted") >= 4
    listed = json.loads(dozen("deliveries", "--json").out)
    assert {row["partner"] for row in listed} == set(PARTNERS)
    assert "unbroken" in dozen("verify").out
    page = dozen("report").out.strip()
    assert page.endswith(".html")
    assert "selected" in dozen("sql", "--purpose", "evaluate", "select criterion from cohort.summary").out
    refused = dozen("sql", "--purpose", "evaluate", "select * from identity.record", code=6)
    assert "permission denied" in refused.err


def test_lineage_names_what_was_read_and_written(dozen: Run, settings: Settings) -> None:
    events = read_events(settings.lineage / LEDGER_FILE)
    whole = [event for event in events if event["eventType"] == "COMPLETE" and "parent" not in event["run"]["facets"]]
    assert [event["job"]["name"] for event in whole] == [*(f"ingest.{partner}" for partner in PARTNERS), "build"]
    written = {entry["name"] for event in events for entry in event["outputs"]}
    assert written >= {"evidence.fact", "cohort.family", "cohort.criterion_result"}


def test_nothing_personal_at_the_hub(dozen: Run, settings: Settings, superuser: psycopg.Connection[Any]) -> None:
    """No name, number, address or reference of the raw files, in any common spelling or as hexadecimal digits or a bare
    hash, in any table of the database or file of the hub; and whatever is put there in such a form is found."""
    dozen("report")
    dozen("deliveries")
    dozen("ingest")
    private = raw_values()
    assert len(private) > 60
    found = found_in(held_by_the_hub(settings, superuser), private)
    assert not found, f"{len(found)} raw values are readable at the hub"
    planted = sorted(value for value in private if value.isalpha())[:1] + [v for v in private if "-" in v][:1]
    for number, value in enumerate(planted):
        for spelled in (value.upper(), value.encode().hex(), hashlib.sha256(value.casefold().encode()).hexdigest()):
            superuser.execute("update registry.partner set name = %s", (f"x {spelled} x",))
            assert found_in(held_by_the_hub(settings, superuser), private) >= {value}, number
            superuser.execute("update registry.partner set name = partner")
            (settings.reports / "note.txt").write_text(f"see {spelled}")
            assert found_in(held_by_the_hub(settings, superuser), private) >= {value}, number
            (settings.reports / "note.txt").unlink()


def held_by_the_hub(settings: Settings, superuser: psycopg.Connection[Any]) -> bytes:
    """Every row of every table as text, and every file of the hub but what is sealed."""
    tables = superuser.execute(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables"
        " where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'"
    ).fetchall()
    held = []
    for (table,) in tables:
        with superuser.cursor().copy(f"copy {table} to stdout".encode()) as chunks:
            held += [bytes(chunk) for chunk in chunks]
    files = [path for path in settings.hub.rglob("*") if path.is_file() and path.suffix != ".age"]
    return b"\n".join([*held, *(path.read_bytes() for path in files)])


def found_in(held: bytes, values: set[str]) -> set[str]:
    """The values that stand there: as written, or as whole words or digits in another spelling."""
    folded = held.decode("utf-8", errors="replace").casefold()
    words = set(re.split(r"[^\w]+", folded.replace("\\x", " ")))
    squeezed = re.sub(r"[^\w\n]+", "", folded)
    found = set()
    for value in values:
        plain, bare = value.casefold(), re.sub(r"[^\w]+", "", value.casefold())
        spellings = {value, plain, bare, value.upper()}
        digits = {spelling.encode().hex() for spelling in spellings}
        hashes = {hashlib.sha256(spelling.encode()).hexdigest() for spelling in spellings}
        long_enough = len(bare) >= 10 and not re.fullmatch(r"[0-9a-f]+", bare)
        if (
            value.encode() in held
            or plain in words
            or (not plain.isalnum() and plain in folded)
            or (long_enough and bare in squeezed)
            or any(form in folded for form in digits | hashes)
        ):
            found.add(value)
    return found


def raw_values() -> set[str]:
    """Every name, identifier, address and reference of four or more characters in the dozen's raw files."""
    import csv

    columns = ("person_ref", "forename", "middle_names", "surname", "nino", "nhs_number", "upn", "pnc_id", "uprn")
    columns += ("address", "postcode", "date_of_birth", "event_ref")
    values = set()
    for path in DOZEN.glob("raw/*/*.csv"):
        with path.open(encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                values |= {row[name] for name in columns if len(row.get(name) or "") >= 4}
    return values
