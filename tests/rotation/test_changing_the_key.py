"""From one linkage key to the next through the real kit, hub and store, as its users do it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.partner.keys import linkage_key_path
from pipeline.reports.key_versions import IN_FORCE, OUT
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.rotation.conftest import Declare
from tests.whole_way.conftest import DOZEN, PARTNERS, PERIOD, Run

SIGNED = ("--by", "J. Smith", "--reason", "every partner stands under version 2")
TOKENS = """
select nino_token from identity.record where nino_token is not null union
select uprn_token from identity.record where uprn_token is not null union
select place_token from identity.place union select block from identity.encoding union
select forename from identity.encoding where forename is not null
"""
PERSONS = """
select r.partner, encode(r.person_ref, 'hex'), p.person_id
from identity.record r join identity.person p using (record_id) order by 1, 2
"""
FAMILIES = """
select family_id, person_id, role, start_date, end_date, reason from publication.family_member order by 1, 2, 3, 4, 5
"""
LINKS = "select record_a, record_b, decision from identity.link where decision = 'match' order by 1, 2"
PLACES = "select record_id, start_date, area, place_id, address_id from evidence.residence order by 1, 2, 3, 4, 5"
ACROSS = """
select count(*) from identity.link_pair p join identity.record a on a.record_id = p.record_a
join identity.record b on b.record_id = p.record_b
where a.key_version is not distinct from b.key_version and p.key_version is distinct from a.key_version
"""


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def published(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    queries = {"persons": PERSONS, "families": FAMILIES, "links": LINKS, "places": PLACES}
    return {name: rows(database, query) for name, query in queries.items()}


def new_key(run: Run, folder: Path, version: int = 2) -> None:
    """The ceremony: one of the partners makes it, each installs it, and they compare their words."""
    key = folder / f"carried-v{version}.key"
    run("keys", "linkage", "--version", str(version), "--out", key)
    words = set()
    for partner in PARTNERS:
        run("keys", "install", partner, key, "--version", str(version))
        told = json.loads(run("keys", "check", partner, "--json").out)
        words.add(next(one["check_word"] for one in told if one["version"] == version))
        assert len({one["check_word"] for one in told}) == len(told)
    assert len(words) == 1
    key.unlink()


def deliver(run: Run, partner: str, *options: str, raw: Path | None = None, code: int = 0) -> str:
    run("pseudonymise", partner, raw or DOZEN / "raw" / partner, *PERIOD, *options)
    run("deliver", partner)
    return run("ingest", partner, code=code).err


def built(run: Run, *options: str, command: tuple[str, ...] = ("build",)) -> str:
    """What a build, or another command, says, without the terminal's line breaks."""
    return " ".join(run(*command, *options).out.split())


def stands(run: Run) -> dict[str, Any]:
    return dict(json.loads(run("keys", "versions", "--json").out))


def held_under(run: Run, version: int) -> dict[str, int]:
    return next(one["rows"] for one in stands(run)["versions"] if one["version"] == version)


def with_somebody_new(raw: Path, folder: Path) -> Path:
    """The extract with one person more, who is in no other extract."""
    folder.mkdir()
    for path in raw.glob("*.csv"):
        text = path.read_text(encoding="utf-8")
        if path.name == "people.csv":
            header, first = text.splitlines()[:2]
            names, cells = header.split(","), first.split(",")
            new = {"person_ref": "NEW-1", "forename": "Wilhelmina", "surname": "Oystercatcher", "nino": "", "upn": ""}
            new |= {"nhs_number": "", "date_of_birth": "1971-02-03"}
            text += ",".join(new.get(name, cell) for name, cell in zip(names, cells, strict=True)) + "\n"
        (folder / path.name).write_text(text, encoding="utf-8")
    return folder


def test_partners_change_one_after_the_other_and_no_link_person_or_family_is_lost(
    dozen: Run, database: Database, settings: Settings, in_force: Declare, tmp_path: Path,
    superuser: psycopg.Connection[Any],
) -> None:  # fmt: skip
    before = published(database)
    old = {bytes(row[0]) for row in rows(database, TOKENS)}
    new_key(dozen, tmp_path)
    assert (
        "not under 2" in dozen("pseudonymise", "council", DOZEN / "raw" / "council", "--key-version", "2", code=4).err
    )
    assert "still has version 1 in force" in dozen("keys", "close", "1", *SIGNED, code=4).err

    in_force(1, 2)
    assert (
        "linkage key have changed"
        in dozen("pseudonymise", "dwp", DOZEN / "raw" / "dwp", *PERIOD, "--delta", code=3).err
    )
    deliver(dozen, "dwp", "--delta", "--key-version", "1")  # those who have not changed yet go on
    for partner in PARTNERS:
        deliver(dozen, partner)
        last = partner == PARTNERS[-1]
        told = built(dozen)
        assert published(database) == before
        assert rows(database, ACROSS) == [(0,)]
        assert ("everything was compared: another encoding or key" in told) == last
        assert ("are carried from before" in told) != last
        if partner == PARTNERS[0]:
            assert "is older than that of" in deliver(dozen, partner, "--key-version", "1", code=5)
            carried_links_say_so(dozen, database)
            built(dozen, "--full")  # what can be compared is; the model stays
            assert published(database) == before
    assert not stands(dozen)["carried"]

    in_force(2)
    assert {one["version"]: one["state"] for one in stands(dozen)["versions"]} == {1: OUT, 2: IN_FORCE}
    assert held_under(dozen, 1)["places"]
    closed = dozen("keys", "close", "1", *SIGNED).out
    assert "now 0 of each" in closed
    assert not any(held_under(dozen, 1).values())
    assert all(held_under(dozen, 2)[name] for name in ("records", "encodings", "places", "prints"))
    assert not in_the_files(superuser, old)
    archived = [json.loads(path.read_text()) for path in settings.hub.glob("*/*/*/manifest.json")]
    assert archived
    assert {manifest["key_version"] for manifest in archived} == {2}
    assert "Taken away: nothing was left" in built(dozen, command=("keys", "close", "1", *SIGNED))
    in_force(1, 2)
    for partner in PARTNERS:
        linkage_key_path(settings, partner, 1).rename(tmp_path / partner)
    assert "no linkage key of version 1" in dozen(
        "pseudonymise", "dwp", DOZEN / "raw" / "dwp", "--key-version", "1", code=4
    ).err  # fmt: skip
    (tmp_path / "dwp").rename(linkage_key_path(settings, "dwp", 1))
    assert "is closed, and what was under it has been taken away" in deliver(dozen, "dwp", "--key-version", "1", code=5)
    in_force(2)
    built(dozen)
    assert published(database) == before
    reads_all_the_same(dozen, database)


def carried_links_say_so(dozen: Run, database: Database) -> None:
    pair = rows(
        database,
        "select p.record_a, p.record_b from identity.link_pair p join identity.link using (record_a, record_b)"
        " join identity.record a on a.record_id = p.record_a join identity.record b on b.record_id = p.record_b"
        " where decision = 'match' and a.key_version <> b.key_version order by 1, 2",
    )[0]
    assert "carried: compared under version 1 of the linkage key" in dozen("explain", *map(str, pair)).out


def in_the_files(superuser: psycopg.Connection[Any], tokens: set[bytes]) -> list[bytes]:
    """Which of the tokens stand in the files of the tables, also where no query finds them."""
    superuser.execute("checkpoint")
    content = b"".join(
        bytes(row[0])
        for row in superuser.execute(
            "select pg_read_binary_file(pg_relation_filepath(c.oid), 0, pg_relation_size(c.oid), true)"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where nspname in ('identity', 'registry', 'evidence', 'publication') and relkind in ('r', 'i')"
        ).fetchall()
    )
    assert content
    return [token for token in tokens if token in content]


def reads_all_the_same(dozen: Run, database: Database) -> None:
    """A partner's own commands need no old key: a reference is found by its pseudonym."""
    pseudonym = rows(
        database, "select encode(person_ref, 'hex') from identity.record where partner = 'schools' limit 1"
    )
    dozen(
        "reveal", "schools", pseudonym[0][0], "--raw", DOZEN / "raw" / "schools", "--reason", "a visit",
        "--approver", "J. Smith",
    )  # fmt: skip


def test_new_people_wait_to_be_compared_with_those_of_the_other_version(
    dozen: Run, database: Database, in_force: Declare, tmp_path: Path
) -> None:
    before = published(database)
    new_key(dozen, tmp_path)
    in_force(1, 2)
    raw = with_somebody_new(DOZEN / "raw" / "council", tmp_path / "council with somebody new")
    deliver(dozen, "council", raw=raw)
    assert "wait to be compared with the others: council 1" in built(dozen)
    assert stands(dozen)["waiting"] == {"council": 1}
    page = Path(dozen("report").out.strip()).read_text(encoding="utf-8")
    assert "New records that wait to be compared with the others: council 1." in page
    for name in ("families", "links"):
        assert set(before[name]) <= set(published(database)[name])
    for partner in PARTNERS[1:]:
        deliver(dozen, partner)
    assert "wait" not in built(dozen)
    assert stands(dozen)["waiting"] == {}


def test_a_compromised_key_is_closed_at_once_and_the_nights_go_on(
    dozen: Run, database: Database, in_force: Declare, tmp_path: Path
) -> None:
    before = published(database)
    held_apart_and_replied(database)
    in_force(2)
    assert "still stand under version 1" in dozen("keys", "close", "1", *SIGNED, code=4).err
    told = dozen("keys", "close", "1", *SIGNED, "--at-once").out
    assert "wait, without tokens" in told
    assert not any(held_under(dozen, 1).values())
    assert rows(database, "select count(*) from identity.encoding") == [(0,)]
    held = rows(database, "select table_name, content from rights.held_row order by table_name")
    assert [name for name, _ in held] == ["evidence.person", "identity.record"]
    assert not any(value for name, value in held[1][1].items() if name.endswith(("_token", "_version", "_print")))
    assert rows(database, "select encoded from identity.review_reply") == [(None,)]
    assert rows(database, "select count(*) from registry.delivery where known_answers <> '{}'") == [(0,)]
    assert "under a version that was closed" in built(dozen)
    assert published(database) == before
    new_key(dozen, tmp_path)
    for number, partner in enumerate(PARTNERS):
        deliver(dozen, partner)
        if number % 2:
            built(dozen)
            assert published(database) == before
    assert not any(held_under(dozen, 1).values())
    assert not stands(dozen)["carried"]
    newest = rows(database, "select delivery_id from registry.delivery where partner = 'dwp' and state <> 'superseded'")
    dozen("withdraw", newest[0][0], "--by", "J. Smith", "--reason", "the wrong year")  # none of before comes back
    assert rows(database, "select count(*) from identity.record where partner = 'dwp'") == [(0,)]


def held_apart_and_replied(database: Database) -> None:
    """As if somebody's data were restricted, and a partner's reply to a question waited for the other's."""
    with database.connect() as connection:
        for table in ("identity.record", "identity.encoding", "evidence.person"):
            connection.execute(
                "insert into rights.held_row (record_id, partner, person_ref, table_name, content)"
                f" select record_id, 'dwp', decode(md5('x'), 'hex'), '{table}', to_jsonb(t) from {table} t"
                " where record_id = (select min(record_id) from identity.record where nino_token is not null)".encode()
            )
        question = b"q" * 16
        connection.execute(
            "insert into identity.review_question (question_id, kind, partner_a, person_ref_a, partner_b, person_ref_b,"
            " asked_by, expires_on) values (%s, 'details', 'council', decode(md5('a'), 'hex'), 'dwp',"
            " decode(md5('b'), 'hex'), 'J. Smith', current_date + 9)",
            (question,),
        )
        connection.execute(
            "insert into identity.review_reply (question_id, partner, answered_by, replied_at, reply_sha256, said,"
            " encoded) values (%s, 'dwp', 'A. Jones', now(), repeat('a', 64), %s, %s)",
            (question, json.dumps({"key_version": 1}), json.dumps({"names": {}})),
        )


def test_another_link_model_waits_until_all_have_changed(
    dozen: Run, database: Database, in_force: Declare, tmp_path: Path
) -> None:
    new_key(dozen, tmp_path)
    in_force(1, 2)
    deliver(dozen, "council")
    before = published(database)
    path = tmp_path / "schemas" / "linkage" / "model-v2.yaml"
    text = path.read_text()
    path.write_text(text.replace("largest_block: ", "largest_block: 1"))
    assert path.read_text() != text
    assert "would be lost" in dozen("build", code=7).err
    assert published(database) == before


@pytest.mark.parametrize("declared", ["[]", "[2, 1]", "[1, 2, 3]", "[0]", "[1, 1]"])
def test_which_versions_may_be_in_force(declared: str, in_force: Declare, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "schemas" / "linkage" / "encoding-v2.yaml"
    path.write_text(path.read_text().replace("key_versions: [1]", f"key_versions: {declared}"))
    assert "two while partners change" in run("keys", "all", code=2).err
