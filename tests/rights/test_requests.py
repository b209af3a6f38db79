"""Access, rectification, restriction, objection and refusal, by the commands, on the dozen of examples/."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

from pipeline.rights.access import escaped
from tests.rights.conftest import BY, Site
from tests.whole_way.conftest import DOZEN


def test_access_shows_all_of_one_person_and_nothing_of_others(site: Site, tmp_path: Path) -> None:
    pseudonym, person = site.person("schools")
    out = tmp_path / "for the person"
    site.run("rights", "access", "schools", pseudonym, "--out", out, *BY)
    account = json.loads((out / "account.json").read_text())
    # Every fact of theirs that is open to schools, with the delivered line, and no fact of anybody else.
    facts = site.rows(
        "select f.partner, f.kind, f.delivery_id, f.table_name, f.row_number from evidence.fact f"
        " join evidence.person p using (record_id) where p.person_id = %s and f.partner <> 'dwp'",
        person,
    )
    told = account["rows"]["facts"]
    shown = {(row["partner"], row["kind"], row["delivery_id"], row["file"], row["line"]) for row in told}
    assert shown == set(facts)
    assert {"partner", "agreement", "purposes", "gateways", "recipients", "held_months"} <= set(account["why"][0])
    # Nobody else's pseudonym, record or person id; no token, no encoding.
    text = "".join(path.read_text() for path in out.iterdir())
    everybody = site.rows("select encode(person_ref, 'hex') from identity.record")
    assert not [ref for (ref,) in everybody if ref in text]
    tokens = site.rows("select encode(coalesce(nino_token, upn_token, uprn_token), 'hex') from identity.record")
    assert not [token for (token,) in tokens if token and token in text]
    # Every table of the database that holds rows of theirs is named.
    with site.database.connect() as connection:
        from pipeline.rights.scan import scan_tables

        named = {hit.where for hit in scan_tables(connection, site.sought(person))}
    assert named <= set(account["stands_in"])
    manifest = json.loads((out / "manifest.json").read_text())
    for file in manifest["files"]:
        assert hashlib.sha256((out / file["name"]).read_bytes()).hexdigest() == file["sha256"]
        if file["name"].endswith(".csv"):
            with (out / file["name"]).open() as handle:
                assert len(list(csv.DictReader(handle))) == file["rows"]
    (asked,) = site.rows('select "right", state from rights.request')
    assert asked == ("access", "granted")


def test_what_the_dwp_sent_is_told_to_the_dwp_alone(site: Site, tmp_path: Path) -> None:
    pseudonym, _ = site.person("dwp")
    others = site.one(
        "select encode(o.person_ref, 'hex') from identity.record r join identity.person p using (record_id)"
        " join identity.person q using (person_id) join identity.record o on o.record_id = q.record_id"
        " where encode(r.person_ref, 'hex') = %s and o.partner = 'council'",
        pseudonym,
    )
    site.run("rights", "access", "dwp", pseudonym, "--out", tmp_path / "a", *BY)
    site.run("rights", "access", "council", others, "--out", tmp_path / "b", *BY)
    own, other = (json.loads((tmp_path / name / "account.json").read_text()) for name in ("a", "b"))
    assert any(row["partner"] == "dwp" for row in own["rows"]["facts"])
    assert not any(row.get("partner") == "dwp" for rows in other["rows"].values() for row in rows)
    assert any("Ask dwp" in text for text in other["not_shown"])
    hidden = [row for row in other["rows"]["criteria"] if row["criterion"] == "work"]
    assert all(row["state"] == "not shown here" for row in hidden)


def test_no_cell_runs_as_a_formula() -> None:
    assert [escaped(cell) for cell in ("=1+1", "-x", "@a", "+44", "plain", -3, None)] == [
        "'=1+1", "'-x", "'@a", "'+44", "plain", "-3", "",
    ]  # fmt: skip


def test_a_restricted_person_is_held_and_neither_shown_nor_used(site: Site) -> None:
    pseudonym, person = site.person("schools")
    before = everything(site)
    records = [row[0] for row in site.rows("select record_id from identity.person where person_id = %s", person)]
    site.run("rights", "restrict", "schools", pseudonym, *BY)
    request = site.one("select request_id from rights.request")
    for table in ("identity.record", "identity.encoding", "evidence.fact", "evidence.person"):
        assert site.rows(f"select from {table} where record_id = any(%s)", records) == []
    assert site.one("select count(*) from rights.held_row where record_id = any(%s)", records) > 0
    site.deliver("schools")  # tomorrow's delivery brings them again: it does not reach linking
    site.run("ingest", "schools")
    site.run("build")
    assert site.rows("select from publication.family_member where person_id = %s", person) == []
    assert site.one("select count(*) from identity.person where person_id = %s", person) == 0
    site.run("rights", "lift", request, *BY)
    site.run("build")
    assert everything(site) == before
    assert site.one("select state from rights.request") == "ended"


def test_an_objection_is_held_until_it_is_decided_and_a_refusal_says_why(site: Site) -> None:
    pseudonym, person = site.person("council")
    before = everything(site)
    site.run("rights", "object", "council", pseudonym, *BY)
    request, state = site.rows("select request_id, state from rights.request")[0]
    assert state == "open"
    assert site.rows("select from identity.person where person_id = %s", person) == []
    no_reason = site.run("rights", "refuse", request, "--ground", "public_task", *BY, code=14)
    assert "compelling_grounds" in no_reason.err  # Art 17(3)(b) is no answer to an objection
    site.run(
        "rights", "refuse", request, "--ground", "compelling_grounds", "--by", "I. Lead", "--reason", "child at risk"
    )
    assert site.rows("select state, ground, decision from rights.request") == [
        ("refused", "compelling_grounds", "child at risk")
    ]
    site.run("build")
    assert everything(site) == before
    site.run("rights", "refuse", request, "--ground", "compelling_grounds", *BY, code=14)  # decided once
    assert "refused" in site.run("rights", "list").out


def test_a_contested_row_is_marked_until_its_partner_has_sent_it_again(site: Site, tmp_path: Path) -> None:
    delivery, row, pseudonym, person = site.rows(
        "select f.delivery_id, f.row_number, encode(r.person_ref, 'hex'), p.person_id"
        " from evidence.fact f join evidence.person p using (record_id) join identity.record r using (record_id)"
        " join publication.criterion_evidence e using (evidence_id)"
        " where f.table_name = 'events' and f.partner = 'schools' order by f.row_number limit 1"
    )[0]
    line = f"{delivery}:events:{row}"
    family = site.one("select family_id from publication.family_member where person_id = %s", person)
    site.run("rights", "rectify", "schools", pseudonym, "--line", line, "--out", tmp_path, *BY)
    request = site.one("select request_id from rights.request")
    contested = ("sql", "--purpose", "identify", "select family_id, 'rows ' || contested_rows from cohort.contested")
    assert "rows 1" in site.run(*contested).out
    site.run("build")
    assert "contested" in site.one("select review_reason from cohort.family where family_id = %s", family)
    # The partner reads its file at home, under its own reference, and sends the person again, corrected.
    raw = tmp_path / "raw"
    shutil.copytree(DOZEN / "raw", raw)
    read = site.run("rejected", "schools", tmp_path / f"{request}-{delivery}.json", "--raw", raw / "schools").out
    assert "the person" in read
    events = (raw / "schools" / "events.csv").read_text().splitlines(keepends=True)
    del events[row - 1]
    (raw / "schools" / "events.csv").write_text("".join(events))
    site.deliver("schools", raw)
    site.run("ingest", "schools")
    site.run("build")
    assert site.rows("select state from rights.contest") == [("corrected",)]
    assert site.rows("select state from rights.request") == [("granted",)]
    assert "rows 1" not in site.run(*contested).out


def everything(site: Site) -> dict[str, list[tuple]]:
    """What is published, but for runs, days and delivered lines."""
    queries = {
        "member": "select family_id, person_id, role, start_date, end_date, reason from publication.family_member",
        "result": "select family_id, criterion, state, reason, in_doubt from publication.criterion_result",
        "family": "select family_id, kind, area, adults, children, review_reason from publication.family",
    }
    return {name: sorted(map(repr, site.rows(query))) for name, query in queries.items()}
