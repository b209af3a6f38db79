"""Attacks by hand: what a reader with a psql prompt would try to learn of rows that are closed to it.

Most hold two families beside each other, one that is hidden and one that does not exist: whatever the reader can
observe must be the same for both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import errors

from tests.walls.conftest import Session, World
from tests.walls.world import SEES

LogIn = Callable[..., Session]
HIDDEN, NOBODY = 3, 999  # for the caseworker of North
LIMITED = ("north", "own", "police", "schools")
MARKED = "exchange.criterion_result"
PLANNERS = (
    "select 1", "set enable_indexscan = off; set enable_bitmapscan = off", "set enable_seqscan = off",
    "set plan_cache_mode = force_generic_plan",  "set join_collapse_limit = 1",
    "set enable_hashjoin = off; set enable_nestloop = off", "set from_collapse_limit = 1; set enable_material = off",
)  # fmt: skip
# A leaky expression anywhere: it fails where it meets the hidden family, and tells of it.
LEAKY = (
    "select * from {view} where 1 / (family_id - {id}) is not null",
    "select * from {view} where (case when family_id = {id} then 'found it' else '1' end)::int = 1",
    "select * from {view} where chr((case when family_id = {id} then -1 else 65 end)::int) = 'A'",
    "select * from {view} order by 1 / (family_id - {id})",
    "select sum(1 / (family_id - {id})) from {view}",
    "select count(*) from {view} group by 1 / (family_id - {id})",
    "select count(*) from {view} having sum(1 / (family_id - {id})) is not null",
    "select rank() over (order by 1 / (family_id - {id})) from {view}",
    "select * from {view} v join (values ({id})) as w (id) on 1 / (v.family_id - w.id) is not null",
    "select * from (select * from {view} offset 0) v where 1 / (family_id - {id}) is not null",
    "with v as not materialized (select * from {view}) select * from v where 1 / (family_id - {id}) is not null",
    "select * from (values (1)) w (x) where exists (select from {view} where 1 / (family_id - {id}) is not null)",
    "select * from {view} v, lateral (select 1 / (v.family_id - {id})) w",
    "select * from {view} a join {view} b on 1 / (a.family_id - {id}) = 1 / (b.family_id - {id})",
)


@pytest.mark.parametrize("reader", LIMITED)
@pytest.mark.parametrize("planner", PLANNERS)
def test_a_leaky_expression_never_meets_a_hidden_row(log_in: LogIn, reader: str, planner: str) -> None:
    session = log_in(reader)
    session.execute(planner.encode())
    for view, seen in SEES[reader].items():
        for hidden in {1, 2, 3, 4} - seen:
            for query in LEAKY:
                session.execute(query.format(view=view, id=hidden).encode())


def test_the_attack_itself_works_on_a_row_that_is_seen(log_in: LogIn) -> None:
    session = log_in("north")
    for query in LEAKY:
        with pytest.raises((errors.DivisionByZero, errors.InvalidTextRepresentation, errors.InvalidParameterValue)):
            session.execute(query.format(view="cohort.priority", id=1).encode())


def test_a_leaky_expression_never_meets_a_row_that_rests_on_a_closed_feed(log_in: LogIn) -> None:
    for reader in ("police", "schools"):
        session = log_in(reader)
        for planner in PLANNERS:
            session.execute(planner.encode())
            session.execute(f"select * from {MARKED} where 1 / (case when contains_dwp then 0 else 1 end) = 1".encode())
            session.execute(
                f"select * from {MARKED} where (case criterion when 'work' then 'x' else '1' end)::int = 1".encode()
            )


def test_messages_tell_no_value_of_a_hidden_row(log_in: LogIn) -> None:
    session = log_in("north")
    for query in (
        "select (family_id || ' is here')::int from cohort.priority order by family_id desc",
        "select (key_worker || ' is here')::int from casework.family_case order by case_id desc",
        "select xmlparse(document '<' || family_id || '>') from cohort.priority order by family_id desc",
    ):
        with pytest.raises(psycopg.Error) as failed:
            session.execute(query.encode())
        assert "3" not in str(failed.value).partition("LINE")[0]
        assert "somebody" not in str(failed.value) or "case_id" in query


@pytest.fixture
def crowded(world: World) -> Iterator[None]:
    """The hidden family is the most frequent value of its tables, and the planner has looked at them."""
    with world.database.connect() as owner:
        owner.execute(
            "insert into publication.family_member (family_id, person_id, role)"
            f" select {HIDDEN}, 1000 + n, 'child' from generate_series(1, 200) n".encode()
        )
        owner.execute("analyze publication.family_member, publication.priority, casework.family_case")
    yield
    with world.database.connect() as owner:
        owner.execute("delete from publication.family_member where person_id > 1000")


@pytest.mark.usefixtures("crowded")
def test_plans_and_estimates_are_the_same_for_hidden_and_nobody(log_in: LogIn) -> None:
    session = log_in("north")
    for planner in PLANNERS:
        session.execute(planner.encode())
        for query in (
            "select * from cohort.family_member where family_id = {}",
            "select * from cohort.family_member where family_id in ({}, 5000)",
            "select * from cohort.family_member where family_id between {} and {}",
            "select * from cohort.family_member where person_id > 100 and family_id = {}",
            "select * from cohort.priority where family_id = {}",
            "select * from cohort.family_case where case_id = {}",
            "select * from cohort.family_member m join cohort.priority using (family_id) where family_id = {}",
        ):
            plans = []
            for family in (HIDDEN, NOBODY):
                asked = f"explain {query.format(family, family)}"
                told = "\n".join(row[0] for row in session.execute(asked.encode()).fetchall())
                plans.append(re.sub(rf"(?<!InitPlan )(?<!SubPlan )\b{family}\b", "N", told))
            assert plans[0] == plans[1], query


@pytest.mark.parametrize("reader", ["analyst", *LIMITED])
def test_no_query_is_run_to_be_explained(log_in: LogIn, reader: str) -> None:
    session = log_in(reader)
    view = next(iter(SEES[reader]))
    session.execute(f"prepare asked as select * from {view}".encode())
    for way in (
        f"explain analyze select * from {view}",
        f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) select * from {view}",
        f"/* nothing */ explain/**/analyze select * from {view}",
        f"-- a line\nexPlain (analyze, format json) select * from {view}",
        "explain analyze execute asked",
        f"explain (analyze, buffers) declare c cursor for select * from {view}",
    ):
        with pytest.raises(errors.InsufficientPrivilege, match="not run to be explained"):
            session.execute(way.encode())
    for hidden_words in (f"select query_to_xml('ex' || 'plain analyze select * from {view}', false, false, '')",
                         "do $$ begin execute 'ex' || 'plain analyze select 1'; end $$"):  # fmt: skip
        with pytest.raises(psycopg.Error):
            session.execute(hidden_words.encode())


def test_the_servers_own_messages_tell_no_more_than_the_answer(log_in: LogIn) -> None:
    """A session may ask for the messages that are meant for the log, also half way through a cursor."""
    for reader in ("analyst", *LIMITED):
        session, heard = log_in(reader), list[str]()
        session.add_notice_handler(lambda told, heard=heard: heard.append(str(told.message_primary)))  # type: ignore[misc]
        view = next(iter(SEES[reader]))
        with session.transaction():
            session.execute("set local client_min_messages = log")
            session.execute(f"select * from {view} where family_id in ({HIDDEN}, {NOBODY})".encode())
        with session.transaction():
            session.execute(f"declare mine cursor for select * from {view} where family_id in (2, {HIDDEN})".encode())
            session.execute("fetch all from mine")
            session.execute("set local client_min_messages = debug1")
            session.execute("close mine")
        assert not [told for told in heard if "Removed" in told or "Actual" in told or "actual" in told]


CLOSED = """
select * from pg_stat_user_tables
select * from pg_stat_all_indexes
select * from pg_statio_user_tables
select * from pg_stat_xact_user_tables
select pg_stat_get_tuples_fetched('publication.priority'::regclass)
select * from pg_stat_io
select * from pg_stat_get_backend_io(pg_backend_pid())
select * from pg_stat_database
select * from pg_statistic
select * from pg_statistic_ext_data
select * from pg_backend_memory_contexts
select pg_stat_statements_reset()
select rolpassword from pg_authid
select * from pg_hba_file_rules
select lo_create(0)
select lo_from_bytea(0, 'x')
select lo_import('/etc/hostname')
select loid from pg_largeobject
select lo_export(1, '/tmp/wf')
select pg_read_file('PG_VERSION')
select pg_ls_dir('.')
create temporary table t (a int)
select * into temporary t from pg_class
create temporary view v as select 1
create temporary sequence s
create function pg_temp.leak(bigint) returns bool language sql as 'select true'
create table cohort.t (a int)
create view cohort.v as select 1
create rule r as on select to cohort.family do instead select 1
create or replace view cohort.family as select 1 as family_id
alter view cohort.family set (security_barrier = false)
alter view cohort.family owner to current_user
drop view cohort.family
alter table publication.family disable row level security
drop policy readers on publication.family
create policy p on publication.family using (true)
copy publication.family to stdout
copy cohort.family to '/tmp/wf'
copy (select 1) to program 'true'
copy cohort.family from stdin
lock table cohort.family in access exclusive mode
select * from cohort.family for update
set role wf_pipeline
set role wf_evaluator
set role wholefamily
set role postgres
set session authorization postgres
select set_config('role', 'wf_pipeline', false)
select set_config('session_authorization', 'postgres', false)
select * from cohort.family where set_config('role', 'wf_evaluator', false) is not null
alter role current_user set wf.purpose = 'identify'
alter role current_user bypassrls
grant wf_pipeline to current_user
select * from access.login
select access.all_families('wf_pipeline')
select access.own_families('postgres')
select access.require_purpose('wf_pipeline', true)
select * from publication.family
select * from evidence.fact
select * from identity.record
select audit.append('a', 'b', 'c', '{}')
load 'auto_explain'
create extension dblink
do $$ begin end $$
set log_statement_stats = on
set session_preload_libraries = 'auto_explain'
""".strip().splitlines()


@pytest.mark.parametrize("reader", ["analyst", *LIMITED])
def test_what_is_not_for_readers_is_refused(log_in: LogIn, reader: str) -> None:
    session = log_in(reader)
    done = []
    for statement in CLOSED:
        try:
            with session.transaction():
                session.execute(statement.encode())
        except psycopg.Error:
            continue
        done.append(statement)
    assert done == []


def test_setting_ones_own_role_takes_no_limit_away(log_in: LogIn) -> None:
    for reader, group in (("north", "wf_caseworker"), ("police", "wf_partner")):
        session = log_in(reader)
        session.execute(f"set role {group}".encode())
        view = next(iter(SEES[reader]))
        rows = session.execute(f"select distinct family_id from {view}".encode()).fetchall()
        assert {row[0] for row in rows} == SEES[reader][view]


def test_row_security_off_is_an_error_and_no_way_round(log_in: LogIn) -> None:
    session = log_in("north")
    session.execute("set row_security = off")
    for view in SEES["north"]:
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(f"select * from {view}".encode())


@pytest.mark.parametrize(
    "said", ["identify' or true --", "identify\\", "*", "identify,evaluate", "IDENTIFY", "postgres"]
)
def test_a_forged_purpose_opens_nothing(log_in: LogIn, said: str) -> None:
    session = log_in("north", said)
    with pytest.raises(errors.InsufficientPrivilege, match="no agreement in force"):
        session.execute("select * from cohort.family")


def test_a_purpose_stated_inside_the_query_opens_no_more_than_its_own_rows(log_in: LogIn) -> None:
    session = log_in("north", None)
    rows = session.execute(
        "select distinct family_id from (select set_config('wf.purpose', 'identify', false)) s, cohort.family"
    ).fetchall()
    assert {row[0] for row in rows} == SEES["north"]["cohort.family"]


def test_a_prepared_statement_keeps_neither_purpose_nor_limits(world: World, log_in: LogIn) -> None:
    session = log_in("north")
    session.execute("prepare mine as select distinct family_id from cohort.family order by 1")
    for _often in range(7):  # also as a generic plan
        assert session.execute("execute mine").fetchall() == [(1,), (2,)]
    session.execute("set wf.purpose = ''")
    with pytest.raises(errors.InsufficientPrivilege, match="no purpose"):
        session.execute("execute mine")
    session.execute("set wf.purpose = 'identify'")
    with world.database.connect() as owner:
        owner.execute("update access.login set districts = '{South}' where login = %s", (world.logins["north"],))
    try:
        assert session.execute("execute mine").fetchall() == [(3,)]
    finally:
        with world.database.connect() as owner:
            owner.execute("update access.login set districts = '{North}' where login = %s", (world.logins["north"],))


def test_copy_and_xml_tell_what_a_query_tells(log_in: LogIn) -> None:
    session = log_in("north")
    with session.cursor().copy("copy (select distinct family_id from cohort.priority order by 1) to stdout") as copied:
        assert b"".join(bytes(part) for part in copied) == b"1\n2\n"
    for way in (
        "select schema_to_xml('cohort', false, false, '')",
        "select table_to_xml('cohort.priority', false, false, '')",
        "select query_to_xml('table cohort.priority', false, false, '')",
    ):
        try:
            told = session.execute(way.encode()).fetchone()
        except errors.FeatureNotSupported:  # a server built without XML
            continue
        assert told is not None
        assert "<family_id>2</family_id>" in told[0]
        assert "<family_id>3</family_id>" not in told[0]


def test_workers_beside_the_session_keep_to_its_limits(log_in: LogIn) -> None:
    session = log_in("north")
    session.execute("set debug_parallel_query = on")
    for query in LEAKY[:3]:
        session.execute(query.format(view="cohort.priority", id=HIDDEN).encode())
    assert session.execute("select distinct family_id from cohort.priority order by 1").fetchall() == [(1,), (2,)]


def test_other_peoples_queries_are_not_shown(log_in: LogIn) -> None:
    other = log_in("analyst")
    other.execute("select 'a family that nobody knows', family_id from cohort.family")
    session = log_in("north")
    seen = session.execute("select query from pg_stat_activity where usename <> current_user").fetchall()
    assert seen
    assert not [query for (query,) in seen if query and "nobody knows" in query]
    assert session.execute("select * from pg_prepared_statements").fetchall() == []
    assert session.execute("select * from pg_stats where schemaname in ('publication', 'casework')").fetchall() == []


def test_a_step_for_a_hidden_case_is_refused_as_for_nobody(world: World, log_in: LogIn) -> None:
    with world.database.connect() as owner:
        owner.execute(
            "insert into casework.worker values (%s, 'reviewer') on conflict do nothing", (world.logins["own"],)
        )
    told = []
    for case in (2, NOBODY):
        with pytest.raises(psycopg.Error) as refused:
            log_in("own").execute(
                "select cohort.move_cases(array[%s]::bigint[], 'verified', '2014-08-01', 'me', 'w')", (case,)
            )
        told.append((refused.value.sqlstate, refused.value.diag.message_primary, refused.value.diag.message_detail,
                     refused.value.diag.message_hint))  # fmt: skip
    assert told[0] == told[1]
