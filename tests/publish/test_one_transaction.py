"""Readers see the old night or the new one; a failed build changes nothing; builds wait for each other."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

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
    before, mixed, over = one(database, SEEN), [], threading.Event()

    def read() -> None:
        with psycopg.connect(database.url_for("analyst")) as connection:
            while not over.is_set():
                runs, counts = connection.execute(RUNS).fetchone(), connection.execute(SEEN).fetchone()
                connection.rollback()
                if runs is None or len(runs[0]) != 1 or counts != before:
                    mixed.append(runs)

    reader = threading.Thread(target=read)
    reader.start()
    for _night in range(3):
        build(settings, database)
    over.set()
    reader.join()
    assert not mixed
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
