"""A new partner is a contract, a feed of the agreement and a suite: data, no code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.settings import PROJECT
from pipeline.store.database import Database
from tests.whole_way.conftest import DOZEN, PARTNERS, Run, send
from tests.whole_way.test_a_raw_folder import rows


def add_probation(declarations: Path, expectations: Path) -> None:
    """Declare the partner: its own column names (physicalName), a table of its own, mapped to evidence."""
    contract = yaml.safe_load((declarations / "extracts" / "police.yaml").read_text())
    contract["id"], contract["name"] = "extract-probation", "Probation service"
    for entry in contract["customProperties"]:
        if entry["property"] == "partner":
            entry["value"] = "probation"
    people, residences = contract["schema"][:2]
    people["properties"] = [column for column in people["properties"] if column["name"] not in ("nino", "pnc_id")]
    next(column for column in people["properties"] if column["name"] == "surname")["physicalName"] = "FAMILY_NAME"

    def column(name: str, kind: str, *treatment: str) -> dict[str, object]:
        return {
            "name": name,
            "logicalType": kind,
            "required": name != "ended_on",
            "customProperties": [{"property": "treatment", "value": list(treatment)}],
        }

    supervision = {
        "name": "supervision",
        "physicalName": "supervision.csv",
        "properties": [
            column("person_ref", "string", "pseudonym"),
            column("offence", "string", "keep"),
            column("started_on", "date", "keep"),
            {**column("ended_on", "date", "keep")},
        ],
        "customProperties": [
            {
                "property": "evidence",
                "value": [
                    {
                        "kind": {"value": "proven_offence"},
                        "code": {"column": "offence"},
                        "role": {"value": "offender"},
                        "start": {"column": "started_on"},
                        "end": {"column": "ended_on"},
                    }
                ],
            }
        ],
    }
    contract["schema"] = [people, residences, supervision]
    (declarations / "extracts" / "probation.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))

    path = declarations / "agreements" / "whole-family-2012.yaml"
    agreement = yaml.safe_load(path.read_text())
    agreement["feeds"].append(
        {
            "partner": "probation",
            "gateways": {"identify": ["crime-and-disorder-act-1998-s115"]},
            "columns": {
                "people": ["person_ref", "forename", "surname", "date_of_birth", "sex"],
                "residences": ["person_ref", "uprn", "address", "postcode", "start_date", "end_date"],
                "supervision": ["person_ref", "offence", "started_on", "ended_on"],
            },
        }
    )
    path.write_text(yaml.safe_dump(agreement, sort_keys=False))
    for table in ("people", "residences"):
        shutil.copy(expectations / f"police_{table}.json", expectations / f"probation_{table}.json")
    suite = json.loads((expectations / "police_residences.json").read_text())
    suite["name"] = "probation_supervision"
    suite["expectations"] = [e for e in suite["expectations"] if "row_count" in e["type"]]
    (expectations / "probation_supervision.json").write_text(json.dumps(suite))
    feed = json.loads((expectations / "police_feed.json").read_text())
    feed["name"] = "probation_feed"
    feed["expectations"] = [e for e in feed["expectations"] if "events" not in json.dumps(e)]
    (expectations / "probation_feed.json").write_text(json.dumps(feed))
    for table in ("people", "residences"):
        copy = expectations / f"probation_{table}.json"
        suite = json.loads(copy.read_text())
        suite["name"] = f"probation_{table}"
        suite["expectations"] = [
            e for e in suite["expectations"] if not {"nino_token", "pnc_id_token"} & set(json.dumps(e).split('"'))
        ]
        copy.write_text(json.dumps(suite))


@pytest.fixture
def with_probation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    declarations, expectations = tmp_path / "schemas", tmp_path / "expectations"
    shutil.copytree(PROJECT / "schemas", declarations)
    shutil.copytree(PROJECT / "expectations", expectations)
    add_probation(declarations, expectations)
    monkeypatch.setenv("WHOLEFAMILY_DECLARATIONS", str(declarations))
    monkeypatch.setenv("WHOLEFAMILY_EXPECTATIONS", str(expectations))
    raw = tmp_path / "probation"
    raw.mkdir()
    (raw / "people.csv").write_text(
        "person_ref,forename,middle_names,FAMILY_NAME,date_of_birth,sex\n"
        "X1,Ada,,Okafor,08/02/2003,F\nX2,Chidi,,Okafor,30/11/1979,M\n"
    )
    (raw / "residences.csv").write_text(
        "person_ref,uprn,address,postcode,start_date,end_date\n"
        "X1,100074839203,3 High Street,XB2 2AA,01/09/2010,\nX2,100074839203,3 High Street,XB2 2AA,01/09/2010,\n"
    )
    (raw / "supervision.csv").write_text("person_ref,offence,started_on,ended_on\nX1,49/10,2014-03-03,\n")
    return raw


def test_probation_joins_by_contract_alone_and_its_evidence_counts(
    with_probation: Path, run: Run, database: Database
) -> None:
    run("keys", "all")
    for partner in PARTNERS:
        send(run, partner, DOZEN / "raw" / partner)
    run("ingest")
    run("build")
    crime = "select count(*) from cohort.criterion_result where criterion = 'crime_asb' and state = 'met'"
    assert rows(database, crime) == [(2,)]

    send(run, "probation", with_probation)
    assert "probation" in run("ingest", "probation").out
    run("build")
    assert rows(database, crime) == [(3,)]
    used = rows(database, "select kind from cohort.criterion_evidence where partner = 'probation'")
    assert used == [("proven_offence",)]
