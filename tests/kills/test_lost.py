"""The database is lost in the middle of a build or an ingest: nothing of it stands, and whoever lost the lock cannot
publish; an order that is carried out twice has one effect."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pipeline.errors import BuildError, StoreError
from pipeline.ingest import take_in
from pipeline.publish.run import CarriedOut
from pipeline.run import build
from pipeline.settings import Settings
from pipeline.store.database import Database, open_database
from tests.conftest import hides_its_cause
from tests.whole_way.conftest import DOZEN, Run, send

CUT = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def runs(database: Database) -> list[tuple[Any, ...]]:
    return rows(database, "select run_id, state from registry.run order by run_id")


def published(database: Database) -> list[tuple[Any, ...]]:
    return rows(database, "select * from publication.family order by family_id")


def losing(database: Database, stage: str) -> Any:
    """A progress that cuts every connection, once, when it comes to the stage."""
    done: list[str] = []

    def progress(what: str, _share: float) -> None:
        if stage in what and not done:
            done.append(what)
            rows(database, CUT)

    return progress


@pytest.mark.parametrize("stage", ["link persons", "evaluate criteria", "publish"])
def test_a_build_that_lost_its_connections_publishes_nothing_and_the_next_one_does(
    stage: str, dozen: Run, settings: Settings
) -> None:
    with open_database(settings) as database:
        before, said = published(database), runs(database)
        with pytest.raises(StoreError) as lost:
            build(settings, database, progress=losing(database, stage))
        assert hides_its_cause(lost.value)
        assert published(database) == before
        assert [state for _, state in runs(database)[len(said) :]] == ["failed"]
        again = build(settings, database)
        assert runs(database)[-1] == (again.run_id, "published")


def test_a_build_that_lost_its_lock_cannot_publish_over_another(dozen: Run, settings: Settings) -> None:
    with open_database(settings) as database:
        other: list[int] = []

        def overtaken(what: str, _share: float) -> None:
            if what == "publish" and not other:
                rows(database, CUT)  # the lock is free now, and this process does not know yet
                other.append(-1)
                other.append(build(settings, database).run_id)

        with pytest.raises(StoreError):
            build(settings, database, progress=overtaken)
        states = [state for run_id, state in runs(database) if run_id >= other[-1] - 1]
        assert states == ["failed", "published"]
        assert rows(database, "select distinct run_id from publication.family") == [(other[-1],)]


def test_a_run_that_another_has_closed_is_not_published(dozen: Run, settings: Settings) -> None:
    """The fence itself: the connection lives, but the run is no longer its own."""
    with open_database(settings) as database:
        before = published(database)

        def closed(what: str, _share: float) -> None:
            if what == "publish":
                rows(database, "update registry.run set state = 'failed' where state = 'running' returning 1")

        with pytest.raises(BuildError, match="another build has begun"):
            build(settings, database, progress=closed)
        assert published(database) == before


@pytest.mark.parametrize("stage", ["Check", "Load"])
def test_an_ingest_that_lost_its_connections_loads_nothing_and_the_next_one_does(
    stage: str, dozen: Run, settings: Settings
) -> None:
    send(dozen, "schools", DOZEN / "raw" / "schools")
    loaded = "select delivery_id, state from registry.delivery order by delivery_id"
    with open_database(settings) as database:
        before = rows(database, loaded)
        records = rows(database, "select record_id, delivery_id from identity.record order by 1")
        with pytest.raises(StoreError) as lost:
            take_in(settings, database, "schools", progress=losing(database, stage))
        assert hides_its_cause(lost.value)
        assert rows(database, loaded) == before
        assert rows(database, "select record_id, delivery_id from identity.record order by 1") == records
        assert not any((settings.work / "opening").glob("*/*"))
        assert [one.state for one in take_in(settings, database, "schools").outcomes] == ["accepted"]


def test_two_processes_with_one_order_publish_once(dozen: Run, settings: Settings) -> None:
    found: list[int | None] = []
    with open_database(settings) as database:
        before = len(runs(database))

        def carry_out() -> None:
            try:
                found.append(build(settings, database, asked_by="tonight").run_id)
            except CarriedOut as done:
                found.append(done.order.run_id)

        both = [threading.Thread(target=carry_out) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert len(runs(database)) == before + 1
        assert found == [runs(database)[-1][0]] * 2
        assert build(settings, database, asked_by="tomorrow").run_id > runs(database)[before][0]


def test_an_order_killed_before_it_published_is_carried_out_again(dozen: Run, settings: Settings) -> None:
    with open_database(settings) as database:
        with pytest.raises(StoreError):
            build(settings, database, asked_by="tonight", progress=losing(database, "publish"))
        assert build(settings, database, asked_by="tonight").run_id == runs(database)[-1][0]
        assert runs(database)[-1][1] == "published"
