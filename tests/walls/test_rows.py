"""Which rows each reader sees, by real logins."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors

from tests.walls.conftest import Session, World
from tests.walls.probes import PROBES, answer
from tests.walls.world import SEES, SEES_CASES

LogIn = Callable[..., Session]


@pytest.mark.parametrize("probe", PROBES, ids=str)
def test_a_reader_sees_its_rows_and_no_other(log_in: LogIn, probe: object) -> None:
    found = answer(log_in(probe.reader), probe)  # type: ignore[attr-defined]
    assert found == probe.expected  # type: ignore[attr-defined]


@pytest.mark.parametrize("reader", [name for name in SEES if name != "auditor"])
def test_nothing_is_open_without_a_purpose(log_in: LogIn, reader: str) -> None:
    session = log_in(reader, None)
    for view in SEES[reader]:
        with pytest.raises(errors.InsufficientPrivilege, match="no purpose is stated") as refused:
            session.execute(f"select * from {view}".encode())
        assert "identify" in str(refused.value.diag.message_hint)


@pytest.mark.parametrize("purpose", ["", "marketing", "Identify", "identify ", "%", "identify, evaluate"])
def test_a_purpose_that_no_agreement_names_opens_nothing(log_in: LogIn, purpose: str) -> None:
    session = log_in("analyst", purpose)
    with pytest.raises(errors.InsufficientPrivilege) as refused:
        session.execute("select * from cohort.family")
    assert "marketing" not in str(refused.value)


def test_a_purpose_served_by_counts_opens_counts(log_in: LogIn) -> None:
    session = log_in("analyst", "evaluate")
    assert session.execute("select families from cohort.summary").fetchall() == [(10,)]
    with pytest.raises(errors.InsufficientPrivilege, match="served by counts"):
        session.execute("select * from cohort.family")
    with pytest.raises(errors.InsufficientPrivilege):
        log_in("north", "evaluate").execute("select * from cohort.family")


def test_an_agreement_that_has_ended_opens_nothing(world: World, log_in: LogIn) -> None:
    session = log_in("analyst")
    with world.database.connect() as owner:
        owner.execute("update access.purpose set end_date = current_date - 1, start_date = '2012-04-01'")
    try:
        with pytest.raises(errors.InsufficientPrivilege, match="no agreement in force"):
            session.execute("select * from cohort.family")
    finally:
        with world.database.connect() as owner:
            owner.execute("update access.purpose set end_date = '2030-03-31'")
    assert len(session.execute("select * from cohort.family").fetchall()) == 4


def test_a_closed_feeds_rows_are_taken_out_of_statements(log_in: LogIn) -> None:
    told = log_in("analyst").execute("select criteria from cohort.statement where family_id = 1").fetchone()
    assert told is not None
    assert told[0]["crime"]["evidence"] == [["police", "k", "2014-01-01", None]]
    assert told[0]["work"]["evidence"] == []
    assert "dwp" not in str(told).replace("contains_dwp", "")


def test_with_no_feed_known_to_be_closed_marked_rows_are_closed_to_all(world: World, log_in: LogIn) -> None:
    """Default deny: an empty table of closed feeds is a database that knows nothing, not one where all is open."""
    session = log_in("analyst")
    with world.database.connect() as owner:
        held = owner.execute("select partner, agreement_id from access.closed_feed").fetchall()
        readers = owner.execute("select partner, reader, what from access.closed_feed_reader").fetchall()
        owner.execute("delete from access.closed_feed")
    try:
        assert session.execute("select count(*) from cohort.criterion_result where contains_dwp").fetchone() == (0,)
        assert session.execute("select count(*) from cohort.cohort").fetchone() == (0,)
    finally:
        with world.database.connect() as owner:
            owner.cursor().executemany("insert into access.closed_feed values (%s, %s)", held)
            owner.cursor().executemany("insert into access.closed_feed_reader values (%s, %s, %s)", readers)


def test_a_caseworker_moves_own_cases_alone(world: World, log_in: LogIn) -> None:
    session = log_in("north")
    with world.database.connect() as owner:
        owner.execute("insert into casework.worker values (%s, 'reviewer')", (world.logins["north"],))
    move = "select cohort.move_cases(array[%s]::bigint[], 'verified', '2014-08-01', 'me', 'checked')"
    for elsewhere in (3, 999):
        with pytest.raises(psycopg.Error, match="there is no such case") as refused:
            session.execute(move, (elsewhere,))
        assert refused.value.sqlstate == "WFC01"
    with session.transaction(force_rollback=True):
        assert session.execute(move, (2,)).fetchone() == (1,)
    session.execute("set wf.purpose = ''")
    with pytest.raises(errors.InsufficientPrivilege, match="no purpose"):
        session.execute(move, (2,))


def test_cases_in_tables_and_views_are_the_same(log_in: LogIn) -> None:
    for reader in ("north", "own", "nowhere"):
        rows = log_in(reader).execute("select case_id from casework.step").fetchall()
        assert {row[0] for row in rows} == SEES_CASES[reader]


def test_the_auditor_sees_registry_and_log_and_no_family(log_in: LogIn) -> None:
    session = log_in("auditor", None)
    assert session.execute("select count(*) from registry.delivery").fetchone() == (4,)
    assert session.execute("select count(*) > 0 from audit.log").fetchone() == (True,)
    for closed in ("cohort.family", "publication.family", "evidence.fact", "identity.record", "exchange.family"):
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(f"select * from {closed}".encode())


def test_each_opening_is_told_to_the_servers_log(world: World, log_in: LogIn, test_server: object) -> None:
    log_in("analyst").execute("select * from cohort.family")
    where = world.superuser.execute("select pg_current_logfile(), current_setting('data_directory')").fetchone()
    assert where is not None
    from pipeline.store.embedded import EmbeddedServer

    home = test_server.settings  # type: ignore[attr-defined]
    told = EmbeddedServer(home.postgres, home.hub_keys).place.log.read_text(errors="replace")
    line = next(one for one in reversed(told.splitlines()) if "wf.access" in one and world.logins["analyst"] in one)
    assert '"purpose": "identify"' in line
    assert "whole-family-2012" in line
