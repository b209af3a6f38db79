"""`wholefamily roles`: logins by command, logged, and refused where they cannot be."""

from __future__ import annotations

import json
import secrets

import psycopg
import pytest

from pipeline.errors import StoreError
from pipeline.settings import Settings
from pipeline.store.database import Database, open_database
from tests.whole_way.conftest import runner


def test_a_login_is_made_listed_used_and_taken_away(settings: Settings) -> None:
    run, name = runner(settings), f"jo_{secrets.token_hex(3)}"
    made = run("roles", "add", "caseworker", name, "--district", "North", "--purpose", "identify", "--default-purpose",
               "--by", "A Manager").out  # fmt: skip
    try:
        path = settings.hub_keys / "logins" / f"{name}.url"
        assert str(path) in made
        assert path.stat().st_mode & 0o077 == 0
        listed = {one["login"]: one for one in json.loads(run("roles", "list", "--json").out)}
        assert listed[name]["districts"] == ["North"]
        assert listed[name]["added_by"] == "A Manager"
        assert name in run("roles", "list").out
        with psycopg.connect(path.read_text().strip()) as session:
            assert session.execute("select * from cohort.family_case").fetchall() == []
        url = path.read_text().strip()
        assert url not in made
    finally:
        run("roles", "remove", name, "--by", "A Manager", "--why", "moved on")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    with open_database(settings) as database, database.connect() as connection:
        told = connection.execute(
            "select action, actor, detail->>'why' from audit.log where subject = %s order by entry_id",
            (f"login/{name}",),
        ).fetchall()
    assert told == [("login_added", "A Manager", None), ("login_removed", "A Manager", "moved on")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("caseworker", "jo"), "without a district sees nothing"),
        (("analyst", "jo", "--district", "North"), "districts are a caseworker's"),
        (("analyst", "wf_jo"), "no name for a login"),
        (("analyst", "Jo"), "no name for a login"),
        (("king", "jo"), "no such kind of reader"),
        (("partner", "nobody"), "no such partner has delivered"),
        (("caseworker", "jo", "--district", "North", "--purpose", "evaluate"), "may not state this purpose"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(settings: Settings, arguments: tuple[str, ...], says: str) -> None:
    ended = runner(settings)("roles", "add", *arguments, "--by", "A Manager", code=StoreError.exit_code)
    assert says in ended.err
    assert "What to do" in ended.err


def test_only_what_was_made_here_is_taken_away(settings: Settings) -> None:
    for name in ("analyst", "wf_pipeline", "nobody"):
        ended = runner(settings)("roles", "remove", name, "--by", "me", "--why", "w", code=StoreError.exit_code)
        assert "no such login was made here" in ended.err


def test_the_check_by_command_names_what_is_open(settings: Settings, database: Database) -> None:
    run = runner(settings)
    assert "as declared" in run("roles", "check").out
    with database.connect() as connection:
        connection.execute("grant select on publication.family to wf_auditor")
    told = run("roles", "check", code=1).out
    assert "wf_auditor · select · right publication.family" in told
    assert json.loads(run("roles", "check", "--json", code=1).out)["stand"] is False


def test_sql_without_a_purpose_says_what_to_do(settings: Settings, database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "insert into publication.summary (as_at, area, pack, criterion, families)"
            " values ('2014-07-31', 'all areas', 'p', 'selected', 10)"
        )
    ended = runner(settings)("sql", "select * from cohort.summary", code=StoreError.exit_code)
    assert "no purpose is stated" in ended.err
    assert "identify" in ended.err
