"""Who looked: what a reader's query did is taken from the server's own log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline import audit
from pipeline.access.looked import Unusual, accesses, collect, load_unusual, read_log, unusual_accesses
from pipeline.settings import PROJECT
from pipeline.store.place import find_place
from tests.conftest import TestServer
from tests.walls.conftest import Session, World

BEGINNING = dt.datetime(2014, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def log(test_server: TestServer) -> Path:
    return find_place(test_server.settings.postgres).log


@pytest.fixture
def looked(world: World, log: Path) -> Callable[..., list[dict[str, Any]]]:
    """Collect, and list the accesses of one reader of the world since this test began."""
    with world.database.connect() as connection:
        start = connection.execute("select clock_timestamp()").fetchone()
    assert start is not None

    def listed(login: str, family: int | None = None) -> list[dict[str, Any]]:
        with world.database.connect() as connection:
            collect(connection, [log])
            return accesses(connection, family=family, login=world.logins[login], since=start[0])

    return listed


def test_each_query_is_told_with_purpose_relations_rows_and_families(
    log_in: Callable[..., Session], looked: Callable[..., list[dict[str, Any]]]
) -> None:
    reader = log_in("analyst")
    reader.execute("select * from cohort.family where family_id = 1").fetchall()
    reader.execute("select * from cohort.criterion_result where family_id in (1, 2)").fetchall()
    reader.execute("select * from cohort.family_member where family_id = %s", (2,)).fetchall()
    reader.execute("select family_id from cohort.family").fetchall()
    reader.execute("select family_id from family where family_id = 1 or true").fetchall()
    reader.execute("select * from cohort.why(1)").fetchall()
    one, several, bound, whole, either, asked = looked("analyst")
    assert (one["families"], one["reach"], one["purpose"], one["way"]) == ([1], "asked", "identify", "sql")
    assert one["what"] == "cohort.family"
    assert (several["families"], several["reach"]) == ([1, 2], "asked")
    assert (bound["families"], bound["what"]) == ([2], "cohort.family_member")
    assert (whole["families"], whole["reach"]) == (None, "open")
    assert (either["families"], either["reach"], either["what"]) == ([1], "open", "cohort.family")
    assert (asked["families"], asked["reach"]) == ([1], "asked")
    assert [row["families"] for row in looked("analyst", family=2)] == [[1, 2], [2], None, [1]]


def test_the_pipeline_is_not_watched_and_collecting_twice_is_once(world: World, log: Path) -> None:
    with world.database.connect() as connection:
        connection.execute("select * from publication.family where family_id = 3").fetchall()
        collect(connection, [log])
        assert collect(connection, [log]) == 0
        logins = {row[0] for row in connection.execute("select distinct login from access.query")}
        assert logins <= set(world.logins.values())
        told = connection.execute("select count(*) from audit.log where action = 'accesses_collected'").fetchone()
        assert told is not None
        assert told[0] >= 1


def test_a_reader_cannot_stop_it(log_in: Callable[..., Session]) -> None:
    reader = log_in("analyst")
    for sabotage in (
        "set log_min_duration_statement = -1",
        "alter role current_user set log_min_duration_statement = -1",
        "set log_min_messages = panic",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(sabotage.encode())


def test_what_was_looked_at_stays(world: World) -> None:
    with world.database.connect() as connection, connection.transaction(force_rollback=True):
        for change in ("delete from access.query", "update access.query set rows = 0", "truncate access.query"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(change.encode())


def test_only_what_a_reader_of_ones_own_database_read_counts() -> None:
    begin, known = "2014-07-01 10:00:00.000 UTC [7] ", {"family": "cohort.family", "cohort.family": "cohort.family"}
    lines = [
        f"{begin}ann@ours LOG:  duration: 0.1 ms  statement: select *\n", "\tfrom family\n",
        f"{begin}ann@theirs LOG:  duration: 0.1 ms  statement: select * from family\n",
        f"{begin}ann@ours LOG:  duration: 0.1 ms  statement: SET datestyle = iso\n",
        f"{begin}ann@ours LOG:  duration: 0.1 ms  execute <unnamed>: select * from family where family_id = $1\n",
        f"{begin}ann@ours DETAIL:  Parameters: $1 = '12'\n",
        "2014-07-01 10:00:01.000 UTC [8] user=bob db=ours app=psql host=10.0.0.1 session=5.1 LOG:  "
        "AUDIT: SESSION,1,1,READ,SELECT,VIEW,cohort.family,"
        '"select * from cohort.family where family_id in (3, 4)",<not logged>,2\n',
    ]  # fmt: skip
    whole, one, audited = read_log(lines, "ours", known)
    assert (whole.families, whole.no_others, whole.rows) == ((), False, None)
    assert (one.families, one.no_others, one.place) == ((12,), True, 2)
    assert (audited.login, audited.families, audited.rows) == ("bob", (3, 4), 2)


def test_what_is_unusual(world: World) -> None:
    rules = load_unusual(PROJECT / "schemas")
    assert rules.at_night(dt.datetime(2014, 7, 1, 4, 59, tzinfo=dt.UTC))  # 05:59 in London
    assert not rules.at_night(dt.datetime(2014, 7, 1, 5, 1, tzinfo=dt.UTC))
    few = Unusual(2, 1000, rules.night_from, rules.night_until, rules.zone)
    noon, night = dt.datetime(2014, 7, 1, 12, tzinfo=dt.UTC), dt.datetime(2014, 7, 1, 23, tzinfo=dt.UTC)
    with world.database.connect() as connection, connection.transaction(force_rollback=True):

        def put(login: str, at: dt.datetime, rows: int, families: list[int] | None) -> None:
            connection.execute(
                "insert into access.query (login, at, process, place, relations, rows, families) values"
                " (%s, %s, 1, (select count(*) + 1 from access.query), '{}', %s, %s)",
                (world.logins[login], at, rows, families),
            )

        def in_july() -> list[dict[str, Any]]:
            return [one for one in unusual_accesses(connection, few, BEGINNING) if one["day"] < dt.date(2014, 8, 1)]

        put("analyst", noon, 5, [1, 2])
        assert in_july() == []
        put("analyst", noon, 5, [3])
        put("analyst", night, 2000, None)
        put("north", noon, 1, [1])
        put("north", noon, 0, [3])
        found = in_july()
        audit.append(connection, "j.smith", "family_explained", "family/3", {"purpose": "spot check"})
        by_command = [one for one in accesses(connection, family=3, login=None, since=noon) if one["way"] == "command"]
    day, next_day = dt.date(2014, 7, 1), dt.date(2014, 7, 2)  # 23:00 UTC is past midnight in London
    analyst, north = world.logins["analyst"], world.logins["north"]
    assert {(one["login"], one["day"], one["rule"], one["figure"]) for one in found} == {
        (analyst, day, "many_families", 3),
        (analyst, next_day, "many_rows", 2000),
        (analyst, next_day, "at_night", 1),
        (north, day, "out_of_district", 1),
    }
    assert [(one["who"], one["purpose"]) for one in by_command] == [("j.smith", "spot check")]
