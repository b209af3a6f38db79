"""From flags to claims, on the command line: cases moved and refused, claimed once, lost again, merged and split."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline.casework.claiming import Made, make_claims
from pipeline.cli.casework import declared_of
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.whole_way.conftest import Run

LEAD = ("--by", "A. Lead", "--why", "panel of 15 April")
AUTUMN = """
insert into evidence.fact (record_id, kind, code, role, start_date, end_date, quantity, out_of, partner, delivery_id,
                           table_name, row_number)
select record_id, kind, '2014-autumn', role, '2014-09-01', '2014-12-19', quantity, out_of, partner, delivery_id,
       table_name, row_number + 100
from evidence.fact where code = '2014-summer'
"""
AGAIN = """
insert into evidence.fact (record_id, kind, code, role, start_date, partner, delivery_id, table_name, row_number)
select record_id, kind, code, role, '2014-12-20', partner, delivery_id, table_name, 900
from evidence.fact where kind = 'proven_offence'
"""
INTO_WORK = """
update evidence.fact set end_date = '2014-08-31' where kind = 'out_of_work_benefit' and record_id in
    (select record_id from evidence.person join publication.family_member using (person_id) where family_id = 1)
"""
COUPLE = """
insert into evidence.relationship (record_id, related_record_id, relation, start_date, partner, delivery_id, row_number)
select a.record_id, b.record_id, 'partner', '2014-10-01', 'council', d.delivery_id, 900
from (select min(record_id) as record_id from evidence.person join publication.family_member using (person_id)
      where family_id = 1 and role = 'adult') a,
     (select min(record_id) as record_id from evidence.person join publication.family_member using (person_id)
      where family_id = 3 and role = 'adult') b,
     (select min(delivery_id) as delivery_id from registry.delivery where partner = 'council') d
"""
HOME_OF = """
select min(r.place_id) from evidence.residence r join evidence.person p using (record_id)
join publication.family_member m using (person_id) where m.family_id = %s and r.end_date is null
"""


def told(database: Database, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def change(database: Database, *statements: str) -> None:
    """What later deliveries would bring, put where deliveries are loaded."""
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def csv_of(path: Path, *lines: str, header: str = "family_id,to_state,on_date,team,key_worker,district") -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def into_the_programme(run: Run, folder: Path, *families: tuple[int, str]) -> None:
    """Families that a reviewer agrees with, through every step, by CSV."""
    by = ("--by", "B. Coordinator", "--why", "panel")
    verified = csv_of(folder / "verified.csv", *(f"{family},verified,{day},,," for family, day in families))
    run("cases", "move", "--csv", verified, "--role", "reviewer", *by)
    onward = [
        f"{family},{state},{day},{'North,K. Worker,Riverside' if state == 'allocated' else ',,'}"
        for family, day in families
        for state in ("invited", "consented", "allocated", "in_programme")
    ]
    assert "Moved" in run("cases", "move", "--csv", csv_of(folder / "onward.csv", *onward), *by).out


def test_identified_reviewed_and_moved(dozen: Run, database: Database, tmp_path: Path) -> None:
    identified = "select case_id, identified_on::text, state from casework.family_case order by 1"
    assert told(database, identified) == [(1, "2014-07-31", "identified"), (2, "2014-07-31", "identified")]
    # Before the data start nothing can be said of anybody: nobody is identified, and nothing is "not met".
    assert "Opened: 0. Moved back to 2011-01-01: 0" in dozen("cases", "identify", "--as-at", "2011-01-01", *LEAD).out
    assert "Moved back to 2014-04-15: 2" in dozen("cases", "identify", "--as-at", "2014-04-15", *LEAD).out
    assert told(database, identified) == [(1, "2014-04-15", "identified"), (2, "2014-04-15", "identified")]
    days = "select distinct case_id, identified_on::text from casework.baseline order by 1, 2"
    assert [day for _, day in told(database, days)] == ["2014-04-15", "2014-07-31"] * 2  # what was said stays
    found = "select case_id, criterion, found_on::text, contains_dwp from casework.problem where criterion = 'work'"
    assert told(database, found + " order by 1") == [(1, "work", "2014-04-15", True), (2, "work", "2014-04-15", True)]
    # A partner's nomination that people agree with: a family that the pack does not select.
    (other,) = {
        row[0] for row in told(database, "select family_id from cohort.family where kind = 'with_children'")
    } - {row[0] for row in told(database, "select family_id from cohort.family_case")}
    assert "Opened: 1" in dozen("cases", "identify", "--family", str(other), *LEAD).out

    by = ("--role", "reviewer", "--by", "C. Reviewer", "--why", "looked at the file")
    dozen("cases", "move", "1", "verified", *by)
    dozen("cases", "move", "2", "not_verified", *by)
    status = json.loads(dozen("cases", "status", "--json").out)
    assert status["reviews"] == [
        {"pack": "troubled-families-2012", "reviewed": 2, "overridden": 1, "override_rate": 0.5}
    ]
    assert {row["state"]: row["cases"] for row in status["states"]} == {
        "identified": 1, "not_verified": 1, "verified": 1,
    }  # fmt: skip
    shown = json.loads(dozen("cases", "show", "2", "--json").out)
    assert [(step["to_state"], step["by_whom"]) for step in shown["steps"]] == [
        ("identified", "pipeline"), ("identified", "A. Lead"), ("not_verified", "C. Reviewer"),
    ]  # fmt: skip


WRONG_FILES = {  # header, line → what is said of it
    "a state out of turn": ("case_id,to_state,on_date", "1,closed,2014-08-01", "line 2: a case that is identified"),
    "a state nobody knows": ("case_id,to_state,on_date", "1,sorted,2014-08-01", "line 2: there is no such state"),
    "a case nobody knows": ("case_id,to_state,on_date", "77,verified,2014-08-01", "line 2: there is no such case"),
    "a family nobody knows": ("family_id,to_state,on_date", "77,verified,2014-08-01", "line 2: there is no such case"),
    "a day that is none": ("case_id,to_state,on_date", "1,verified,next week", "line 2: on_date is no date"),
    "a day too early": ("case_id,to_state,on_date", "1,verified,2013-01-01", "line 2: the step before it was on"),
    "a number that is none": ("case_id,to_state,on_date", "Miller,verified,2014-08-01", "line 2: case_id is no number"),
    "nobody": ("case_id,to_state,on_date", ",verified,2014-08-01", "line 2: a line names a case or a family"),
    "a cell too many": ("case_id,to_state,on_date", "1,verified,2014-08-01,Miller", "no more cells than the header"),
    "a column nobody knows": (
        "case_id,to_state,on_date,surname",
        "1,verified,2014-08-01,Miller",
        "line 1 Rule: the file",
    ),
    "no day": ("case_id,to_state", "1,verified", "line 1 Rule: the file has no rows, or its columns are not those"),
    "no rows": ("case_id,to_state,on_date", "", "line 1 Rule: the file has no rows"),
}


def test_wrong_moves_and_wrong_numbers_are_refused_and_nothing_is_lost(
    dozen: Run, database: Database, tmp_path: Path
) -> None:
    tables = ("family_case", "step", "claim", "certificate", "baseline", "problem")
    query = " union all ".join(f"select '{name}', count(*) from casework.{name}" for name in tables)
    before = told(database, query)
    reviewer = ("--role", "reviewer", "--by", "C. Reviewer", "--why", "w")
    for header, line, says in WRONG_FILES.values():
        # The first line alone would be allowed: it is not taken either.
        right = {"case_id": "2", "family_id": "3", "to_state": "verified", "on_date": "2014-08-01"}
        wrong = csv_of(tmp_path / "wrong.csv", line, ",".join(right.get(name, "") for name in header.split(",")),
                       header=header) if line else csv_of(tmp_path / "wrong.csv", header=header)  # fmt: skip
        err = " ".join(dozen("cases", "move", "--csv", wrong, *reviewer, code=10).err.split())
        assert says in err, (says, err)
        assert "Miller" not in err
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00case_id")
    for arguments, says, code in (
        (("cases", "move", "--csv", tmp_path / "binary.csv", *reviewer), "cannot be read as CSV in UTF-8", 10),
        (("cases", "move", "--csv", tmp_path / "nowhere.csv", *reviewer), "cannot be read", 10),
        (("cases", "move", "1", "verified", "--role", "friend", *LEAD), "nobody has this role", 10),
        (("cases", "move", "1", "verified", "--role", "key_worker", *LEAD), "this role may not move a case", 10),
        (("cases", "move", "1", "verified", "--role", "reviewer", "--why", "w"), "needs who took it and why", 10),
        (("cases", "move", "1", "identified", *LEAD), "use: wholefamily cases identify", 10),
        (("cases", "identify", "--as-at", "2015-01-01", *LEAD), "a day up to the last run's", 10),
        (("cases", "identify", "--as-at", "2014-04-15"), "who says so and why", 10),
        (("cases", "identify", "--family", "77", *LEAD), "no such family in the last run", 10),
        (("cases", "show", "77"), "there is no such case", 10),
        (("cases", "worker", "somebody", "--role", "friend"), "nobody has this role", 10),
        (("claims", "--year", "2016/17"), "there is no tariff for 2016/17", 2),
        (("claims", "make", "--year", "2016/17", *LEAD), "there is no tariff for 2016/17", 2),
        (("claims", "make"), "needs who makes it and why", 10),
        (("claims", "certify", "1", "continuous_employment", *LEAD), "asks for no certificate now", 10),
        (("claims", "certify", "77", "asb", *LEAD), "asks for no certificate now", 10),
        (("costs", "--prices", "1850/51"), "there is no index of prices for 1850/51", 2),
        (("costs", "--by", "colour"), "agency, need or cost", 2),
    ):  # fmt: skip
        err = " ".join(dozen(*arguments, code=code).err.replace("│", " ").split())
        assert says in err, (says, err)
    assert told(database, query) == before
    # Two lines of a file of many: both are named, and a rule once.
    two = csv_of(tmp_path / "two.csv", "1,closed,2014-08-01", "2,closed,2014-08-01", header="case_id,to_state,on_date")
    err = " ".join(dozen("cases", "move", "--csv", two, *LEAD, code=10).err.split())
    assert "line 2: " in err
    assert "line 3: " in err
    assert err.count("cases rules") == 1


def test_claimed_once_with_its_evidence_and_lost_again_through_merge_and_split(
    dozen: Run, settings: Settings, database: Database, tmp_path: Path
) -> None:
    dozen("cases", "identify", "--as-at", "2014-04-15", *LEAD)
    into_the_programme(dozen, tmp_path, (1, "2014-05-01"), (3, "2014-05-02"))
    change(database, "update registry.delivery set period_to = '2014-12-31'", AUTUMN)
    dozen("build")

    def claims(*arguments: str) -> dict[tuple[int, str], dict[str, Any]]:
        answer = json.loads(dozen("claims", "--json", *arguments).out)
        assert answer["as_at"] == "2014-12-31"
        return {(row["case"], row["claim"]): row for row in answer["claims"]}

    # Two families are attached and five of six are funded: there is one place, and the first attached has it.
    now = claims("--all")
    assert {key: row["pounds"] for key, row in now.items() if row["state"] == "claimable"} == {
        (1, "Attachment fee"): 1600, (1, "Education and crime result"): 2300,
    }  # fmt: skip
    assert now[2, "Attachment fee"]["state"] == "beyond_cap"
    assert "5 of 6 families" in now[2, "Attachment fee"]["reason"]
    assert now[2, "Education and crime result"]["reason"] == "education failed"
    assert {key[0] for key in claims("--year", "2014/15")} == {1, 2}
    assert not claims("--year", "2012/13")

    # Two people press the button at once.
    declared, last = declared_of(settings, database)

    def make(_: int) -> list[Made]:
        today = dt.date(2015, 1, 31)
        return make_claims(database, declared, as_at=last.as_at, on=today, by_whom="A. Lead", why="January window")

    with ThreadPoolExecutor(2) as both:
        made = [claim for claims_of_one in both.map(make, range(2)) for claim in claims_of_one]
    assert sorted((claim.case_id, claim.claim, claim.pounds) for claim in made) == [
        (1, "attachment", 1600), (1, "education_crime", 2300),
    ]  # fmt: skip
    assert json.loads(dozen("claims", "make", *LEAD, "--json").out) == []
    after = claims("--all")
    assert after[1, "Education and crime result"]["holds"] is True
    assert after[1, "Continuous employment"]["reason"] == "education crime is claimed instead"

    dozen("claims", "evidence", "--out", tmp_path / "packs")
    packs = {path.name.rsplit("-", 1)[1]: json.loads(path.read_text()) for path in (tmp_path / "packs").iterdir()}
    assert set(packs) == {"attachment.json", "education_crime.json"}
    pack = packs["education_crime.json"]
    assert (pack["by_whom"], pack["why"]) == ("A. Lead", "January window")
    kept = pack["evidence"]
    assert (kept["pounds"], kept["tariff_year"], kept["tariff_confirmed"]) == (2300, "2014/15", False)
    tests = {test["test"]: test for test in kept["tests"]}
    assert {name: test["state"] for name, test in tests.items()} == {
        "education": "passed", "asb": "not_applicable", "youth_crime": "passed",
    }  # fmt: skip
    (offence,) = tests["youth_crime"]["rows_before"]  # the delivered row it was held against
    assert (offence["kind"], offence["table_name"], offence["start_date"]) == ("proven_offence", "events", "2014-01-22")
    assert offence["delivery_id"].startswith("police-")
    assert {row["kind"] for row in tests["education"]["rows_now"]} >= {"unauthorised_absence"}
    assert [step["to_state"] for step in kept["steps"]][-1] == "in_programme"
    assert kept["contains_dwp"] is True  # the case was opened on a flag that rests on a benefit

    # No feed shows work: the council certifies it, once.
    change(database, INTO_WORK)
    dozen("build")
    certify = ("claims", "certify", "1", "continuous_employment", "--by", "C. Lead", "--why", "payslips seen")
    dozen(*certify)
    dozen(*certify)
    assert told(database, "select case_id, test, by_whom from casework.certificate") == [
        (1, "continuous_employment", "C. Lead")
    ]

    # The trouble comes back: what was claimed stays claimed, and is shown as lost.
    change(database, AGAIN)
    dozen("build")
    lost = claims()
    assert lost[1, "Education and crime result"]["state"] == "claimed"
    assert lost[1, "Education and crime result"]["holds"] is False
    assert lost[1, "Education and crime result"]["pounds"] == 2300

    # The two families move together, and apart again: one lineage, for which nothing is claimed twice.
    ((place,),) = told(database, HOME_OF, 1)
    change(
        database,
        "create table public.homes as select r.record_id, r.place_id, r.address_id, r.start_date, r.end_date"
        " from evidence.residence r join evidence.person p using (record_id)"
        " join publication.family_member m using (person_id) where m.family_id = 3",
        f"update evidence.residence r set place_id = {place}, address_id = null, start_date = '2011-01-01',"
        " end_date = null from public.homes h where h.record_id = r.record_id",
        COUPLE,
    )
    dozen("build")
    cases = "select case_id, state, merged_into from casework.family_case order by 1"
    assert told(database, cases) == [(1, "in_programme", None), (2, "merged", 1)]
    change(
        database,
        "update evidence.residence r set place_id = h.place_id, address_id = h.address_id, start_date = h.start_date,"
        " end_date = h.end_date from public.homes h where h.record_id = r.record_id",
        "drop table public.homes",
        "delete from evidence.relationship where row_number = 900",
    )
    dozen("build")
    apart = told(database, "select case_id, family_id, split_from from casework.family_case where case_id > 2")
    ((new, family, came_from),) = apart
    assert came_from == 1
    into_the_programme(dozen, tmp_path, (family, "2015-01-10"))
    dozen("build")
    blocked = claims("--all")[new, "Attachment fee"]
    assert (blocked["state"], blocked["reason"]) == ("blocked", "claimed for the same family under another case")
    assert json.loads(dozen("claims", "make", *LEAD, "--json").out) == []
    assert told(database, "select case_id, claim from casework.claim order by 1, 2") == [
        (1, "attachment"), (1, "education_crime"),
    ]  # fmt: skip
