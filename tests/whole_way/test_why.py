"""The dozen of examples/: each flag accounted for down to the delivered line, and every answer logged."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings import Settings
from pipeline.store.database import open_database
from pipeline.why import explainer
from pipeline.why.prov import prov_of
from pipeline.why.tables import parts
from tests.whole_way.conftest import DOZEN, Run

ENDS = {
    "wasGeneratedBy": {"entity": "entity", "activity": "activity"},
    "used": {"activity": "activity", "entity": "entity"},
    "wasDerivedFrom": {"generatedEntity": "entity", "usedEntity": "entity", "activity": "activity"},
    "wasAttributedTo": {"entity": "entity", "agent": "agent"},
    "wasAssociatedWith": {"activity": "activity", "agent": "agent", "plan": "entity"},
    "wasInfluencedBy": {"influencee": "entity", "influencer": "entity"},
    "hadMember": {"collection": "entity", "entity": "entity"},
    "alternateOf": {"alternate1": "entity", "alternate2": "entity"},
}


def families(settings: Settings) -> dict[int, bool]:
    with open_database(settings) as database, database.connect() as connection:
        return dict(connection.execute("select family_id, selected from cohort.statement order by 1").fetchall())


@pytest.fixture
def answers(dozen: Run, settings: Settings) -> dict[int, Any]:
    with open_database(settings) as database, explainer(settings, database) as asked:
        return {family: asked.explain(family) for family in families(settings)}


def test_every_answer_is_what_was_published(answers: dict[int, Any], settings: Settings) -> None:
    listed = families(settings)
    assert any(listed.values())
    assert not all(listed.values())
    assert {family: one.selected for family, one in answers.items()} == listed
    with open_database(settings) as database, database.connect() as connection:
        states = connection.execute(
            "select family_id, criterion, state, reason from cohort.criterion_result"
        ).fetchall()
    told = {(family, one.id, one.state, one.reason) for family, answer in answers.items() for one in answer.criteria}
    assert told == set(states)


def test_every_cited_row_is_a_line_that_was_delivered(answers: dict[int, Any]) -> None:
    """The line of the raw file says what the answer says: the same day, and the same kind where it has one."""
    for answer in answers.values():
        for cited in (*answer.evidence, *answer.others):
            with (DOZEN / "raw" / cited.partner / cited.origin.file).open(newline="") as file:
                line = list(csv.DictReader(file))[cited.origin.line - 2]
            assert {str(cited.start_date), f"{cited.start_date:%d/%m/%Y}"} & set(line.values())
            assert line.get("kind", cited.kind) == cited.kind
            assert cited.origin.gateway
            assert cited.origin.agreement == "whole-family-2012 1.0.0"
            assert cited.origin.entry is not None
            assert cited.person_id in {one.person_id for one in answer.persons} | {o.person_id for o in answer.others}


def test_persons_are_told_with_records_and_links(answers: dict[int, Any]) -> None:
    persons = [person for answer in answers.values() for person in answer.persons]
    assert persons
    for person in persons:
        records = {one.record_id for one in person.records}
        joined = {record for link in person.links for record in (link.record_a, link.record_b)}
        assert joined | set(person.unlinked) == (records if len(records) > 1 else set())
    assert any(person.links for person in persons)


def test_why_not_says_what_is_missing(answers: dict[int, Any]) -> None:
    for answer in answers.values():
        if not answer.selected:
            assert answer.would_do
            unmet = {one.id for one in answer.criteria if one.state != "met"}
            assert {one.criterion for one in answer.missing} == unmet
            assert all(set(one) <= unmet for one in answer.would_do)
            assert not answer.evidence


def test_prov_is_whole(answers: dict[int, Any]) -> None:
    """PROV-JSON: every end of every relation is declared, as what it must be."""
    for answer in answers.values():
        document = json.loads(json.dumps(prov_of(answer)))
        assert set(document) <= {"prefix", "entity", "activity", "agent", *ENDS}
        for relation, ends in ENDS.items():
            for told in document.get(relation, {}).values():
                for end, name in told.items():
                    kind = ends.get(end.removeprefix("prov:"))
                    assert end == "prov:time" or name in document[kind], (relation, end)
        if answer.selected:
            derived = {one["prov:usedEntity"] for one in document["wasDerivedFrom"].values()}
            assert {f"wf:evidence/{one.evidence_id}" for one in answer.evidence} <= derived


def test_the_command_its_page_and_its_trace_in_the_log(dozen: Run, settings: Settings, tmp_path: Path) -> None:
    family = next(family for family, selected in families(settings).items() if selected)
    page, prov = tmp_path / "why.html", tmp_path / "why.json"
    told = dozen("why", str(family), "--page", page, "--prov", prov, "--by", "ig.lead", "--purpose", "spot check")
    assert "is on the list" in told.out
    assert "Evidence it rests on" in told.out
    text = page.read_text()
    assert "<script" not in text
    assert "http" not in text
    assert "Under which agreement" in text
    assert "wf:flag" not in prov.read_text()
    answer = json.loads(dozen("why", str(family), "--json").out)
    assert answer["selected"] is True
    assert "is not there" in dozen("why", "999999", code=1).out
    with open_database(settings) as database, database.connect() as connection:
        logged = connection.execute(
            "select actor, detail ->> 'purpose' from audit.log where action = 'family_explained' order by entry_id"
        ).fetchall()
    assert logged[0] == ("ig.lead", "spot check")
    assert len(logged) == 3


def test_every_part_has_cells_for_its_header(answers: dict[int, Any]) -> None:
    for answer in answers.values():
        for part in parts(answer):
            assert {len(row) for row in part.rows} == {len(part.header)}, part.heading


def test_history_and_the_signed_log_by_command(dozen: Run, settings: Settings, tmp_path: Path) -> None:
    family = next(family for family, selected in families(settings).items() if selected)
    assert "selected" in dozen("history", str(family), "--on", "2014-08-01").out
    moves = json.loads(dozen("history", "--from", "2013-01-01", "--to", "2014-08-01", "--json").out)
    assert family in [one["family_id"] for one in moves["moves"]]
    dozen("history", str(family), code=2)
    dozen("history", str(family), "--on", "2014-08-01", "--known", "2014-08-01", code=7)
    assert json.loads(dozen("checkpoint", "--json").out)["number"] == 1
    assert "The log is unbroken" in dozen("verify").out
    (tmp_path / "proof.json").write_text(dozen("verify", "--entry", "3").out)
    assert "Proved: entry 3" in dozen("verify", "--proof", tmp_path / "proof.json").out
