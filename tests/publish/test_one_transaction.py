"""Readers see the old night or the new one; a failed build changes nothing; builds wait for each other."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import psycopg
import pytest

from pipeline.errors import StoreError
from pipeline.nightly import anything_new
from pipeline.publish import write
from pipeline.run import build
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.whole_way.conftest import Run

VIEWS = ("family", "family_member", "criterion_result", "criterion_evidence", "cohort", "family_history", "summary")
SEEN = "select " + ", ".join(f"(select count(*) from cohort.{view})" for view in VIEWS)
RUNS = """
    select array_agg(distinct run_id)
    from (select run_id from cohort.family union all select run_id from cohort.criterion_result) as both_tables
"""


def one(database: Database, query: str) -> Any:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchone()


def test_a_reader_never_sees_two_nights(dozen: Run, settings: Settings, database: Database) -> None:
    with psycopg.connect(database.url_for("analyst", purpose="identify")) as connection:
        before, over = connection.execute(SEEN.encode()).fetchone(), threading.Event()
    seen: list[tuple[Any, Any]] = []

    def read() -> None:
        with psycopg.connect(database.url_for("analyst", purpose="identify")) as connection:
            while not over.is_set():
                runs, counts = connection.execute(RUNS).fetchone(), connection.execute(SEEN).fetchone()
                connection.rollback()
                seen.append((runs, counts))

    reader = threading.Thread(target=read)
    reader.start()
    for _night in range(3):
        build(settings, database)
    over.set()
    reader.join()
    assert len(seen) > 3
    assert {counts for _, counts in seen} == {before}
    assert {tuple(runs[0]) for runs, _ in seen} <= {(1,), (2,), (3,), (4,)}
    assert one(database, RUNS) == ([4],)


def test_a_build_that_fails_leaves_the_last_night(
    dozen: Run, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = one(database, SEEN), one(database, RUNS), one(database, "select count(*) from identity.link")

    def fails(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(write, "_write_results", fails)
    with pytest.raises(RuntimeError):
        build(settings, database)
    assert (one(database, SEEN), one(database, RUNS), one(database, "select count(*) from identity.link")) == before
    assert one(database, "select state from registry.run order by run_id desc limit 1") == ("failed",)

    monkeypatch.undo()
    build(settings, database)
    assert one(database, "select state from registry.run order by run_id desc limit 1") == ("published",)


def test_a_night_is_written_under_the_publishing_role(dozen: Run, settings: Settings, database: Database) -> None:
    for right in ("insert on publication.family", "update on registry.run"):
        with database.connect() as connection:
            connection.execute(f"revoke {right} from wf_pipeline".encode())
        with pytest.raises((StoreError, psycopg.errors.InsufficientPrivilege), match=r"may not|permission denied"):
            build(settings, database)
    append_only = "select has_table_privilege('wf_pipeline', 'casework.step', 'update, delete, truncate')"
    assert one(database, append_only) == (False,)


def test_two_builds_at_once_both_publish_one_after_the_other(
    dozen: Run, settings: Settings, database: Database
) -> None:
    threads = [threading.Thread(target=build, args=(settings, database)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one(database, "select count(*) from registry.run where state = 'published'") == (3,)
    overlapping = one(
        database,
        "select count(*) from registry.run a join registry.run b on a.run_id < b.run_id"
        " where b.started_at < a.finished_at",
    )
    assert overlapping == (0,)


def test_a_run_left_by_a_dead_process_is_closed_as_failed(dozen: Run, settings: Settings, database: Database) -> None:
    with database.connect() as connection:
        connection.execute("insert into registry.run (kind, as_at, state) values ('build', '2014-07-31', 'running')")
    build(settings, database)
    assert one(database, "select count(*) from registry.run where state = 'running'") == (0,)
    assert one(database, "select count(*) from registry.run where state = 'failed'") == (1,)


def test_leaving_the_cohort_closes_the_period_and_coming_back_opens_another(
    dozen: Run, settings: Settings, database: Database
) -> None:
    with database.connect() as connection:
        connection.execute("create table saved as table evidence.fact")
        connection.execute("delete from evidence.fact where kind = 'out_of_work_benefit'")
    build(settings, database)
    # One family still has two of three and the local criterion; the other is out.
    assert one(database, "select count(*), count(cohort_end_date) from cohort.cohort") == (2, 1)
    with database.connect() as connection:
        connection.execute("insert into evidence.fact table saved on conflict do nothing")
    build(settings, database)
    assert one(database, "select count(*), count(cohort_end_date) from cohort.cohort") == (3, 1)
    changes = one(database, "select count(*), count(valid_to) from cohort.family_history where selected")
    assert changes[0] > changes[1] >= 1


def test_a_look_back_leaves_the_periods_and_the_next_build_brings_the_present_back(
    dozen: Run, settings: Settings, database: Database
) -> None:
    periods = (
        "select array_agg(c order by c) from cohort.cohort c",
        "select array_agg(h order by h) from cohort.family_history h",
    )
    before = [str(one(database, query)) for query in periods]
    assert not anything_new(database)
    build(settings, database, dt.date(2013, 1, 31))
    assert one(database, "select max(as_at) from cohort.family") == (dt.date(2013, 1, 31),)
    assert anything_new(database)
    build(settings, database)
    assert not anything_new(database)
    assert [str(one(database, query)) for query in periods] == before


def test_what_rests_on_a_closed_feed_is_marked_in_every_state(dozen: Run, database: Database) -> None:
    marked = one(database, "select array_agg(distinct criterion) from cohort.criterion_result where contains_dwp")
    assert marked == (["work"],)
    assert one(database, "select bool_and(contains_dwp) from cohort.criterion_result where criterion = 'work'") == (
        True,
    )
