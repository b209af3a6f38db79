"""The outer walls: the analyst's login, PUBLIC, other databases. (Every role on every object: tests/walls.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from pipeline.errors import StoreError
from pipeline.store.database import Database
from tests.conftest import TestServer


@pytest.fixture
def analyst(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A session as the analyst would have it, with the helps against slips taken off: only walls remain."""
    with psycopg.connect(database.url_for("analyst", purpose="identify"), autocommit=True) as connection:
        connection.execute("set default_transaction_read_only = off")
        yield connection


def test_analyst_sees_the_rows_that_were_published(database: Database, analyst: psycopg.Connection[Any]) -> None:
    with database.connect("wf_evaluator") as connection:
        connection.execute(
            "insert into publication.family values (1, 'with_children', 'N1', 1, 2, false, '2014-07-31', 1)"
        )
    assert analyst.execute("select family_id, children from family").fetchall() == [(1, 2)]


FORBIDDEN = (
    "create table cohort.mine (a int)",
    "create table public.mine (a int)",
    "create temporary table mine (a int)",
    "create schema mine",
    "create role mine",
    "create database mine",
    "insert into cohort.family (family_id) values (1)",
    "update cohort.family set area = 'x'",
    "delete from cohort.family",
    "truncate publication.family",
    "set role wf_pipeline",
    "set role wholefamily",
    "set session authorization postgres",
    "select audit.append('a', 'b', 'c', '{}')",
    "select lo_create(0)",
    "select lo_from_bytea(0, 'x')",
    "copy cohort.family to '/tmp/out'",
    "copy cohort.family to program 'cat'",
    "select pg_read_file('postgresql.conf')",
    "select rolpassword from pg_authid",
    "create function cohort.leak(text) returns boolean language sql as 'select true'",
    "create extension dblink",
    "alter role analyst createrole",
)


def test_analyst_may_not(analyst: psycopg.Connection[Any]) -> None:
    allowed = []
    for statement in FORBIDDEN:
        try:
            analyst.execute(statement.encode())
        except (errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState):
            continue
        allowed.append(statement)
    assert allowed == []


def test_analyst_cannot_pass_rights_on(analyst: psycopg.Connection[Any]) -> None:
    analyst.execute("grant select on cohort.family to public")  # a warning, and nothing granted
    granted = "select has_table_privilege('wf_linker', 'cohort.family', 'select')"
    assert analyst.execute(granted).fetchone() == (False,)


def test_analyst_sessions_start_read_only_in_cohort(database: Database) -> None:
    with psycopg.connect(database.url_for("analyst")) as connection:
        settings = "select current_setting('transaction_read_only'), current_setting('search_path')"
        assert connection.execute(settings).fetchone() == ("on", "cohort")


@pytest.mark.parametrize("name", ["postgres", "template1"])
def test_analyst_reaches_no_other_database(database: Database, name: str) -> None:
    analyst = database.address.as_login("analyst", database.credentials.password("analyst")).in_database(name)
    with pytest.raises(StoreError, match="may not connect"):
        analyst.connect()


def test_public_has_no_right_on_the_database_or_its_schemas(superuser: psycopg.Connection[Any]) -> None:
    rights = superuser.execute(
        """
        select 'database', datname::text from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a
        where datname = current_database() and a.grantee = 0
        union all
        select 'schema', nspname::text from pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
        where nspname not in ('pg_catalog', 'information_schema') and a.grantee = 0
        union all
        select 'function', proname::text from pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
        where pronamespace = 'audit'::regnamespace and a.grantee = 0
        """
    ).fetchall()
    assert rights == []


def test_walls_that_were_opened_are_closed_again_at_open(
    test_server: TestServer, database: Database, superuser: psycopg.Connection[Any]
) -> None:
    from pipeline.store.roles import close_to_public

    superuser.execute("grant usage, create on schema public to public")
    with database.connect() as connection:
        close_to_public(connection)
    (open_again,) = superuser.execute("select has_schema_privilege('analyst', 'public', 'create')").fetchone() or (
        True,
    )
    assert not open_again


def test_an_owner_without_rights_is_told_what_to_ask_for(test_server: TestServer) -> None:
    from pipeline.store.roles import close_to_public

    with test_server.superuser.in_database("postgres").connect(autocommit=True) as admin:
        admin.execute("create database others")
        try:
            guest = test_server.superuser.as_login("wholefamily", test_server.passwords["wholefamily"])
            with (
                guest.in_database("others").connect() as connection,
                pytest.raises(StoreError, match='revoke all on database "others" from public'),
            ):
                close_to_public(connection)
        finally:
            admin.execute("drop database others with (force)")


def test_a_role_that_is_none_of_ours_is_refused(database: Database) -> None:
    with pytest.raises(StoreError, match="not a role of the pipeline"):
        database.connect("postgres")
    with pytest.raises(StoreError, match="not kept here"):
        database.url_for("somebody")
