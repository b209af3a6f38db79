"""A live database with the cohort's life in it, cases to move, and caseworkers' own logins."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pipeline.casework.life import load_life
from pipeline.casework.moves import set_worker
from pipeline.casework.register import sync_life
from pipeline.settings import PROJECT
from pipeline.store.database import Database

LIFE = load_life(PROJECT / "schemas" / "casework" / "life.yaml")
PACK = "troubled-families-2012"
NewCase = Callable[[], int]
Login = Callable[..., psycopg.Connection[Any]]


@pytest.fixture
def new_case(database: Database) -> NewCase:
    """Opens a case identified on 31 July 2014, of a family of its own; returns its number."""
    with database.connect() as connection:
        sync_life(connection, LIFE)

    def opened() -> int:
        with database.connect() as connection:
            row = connection.execute(
                "insert into casework.family_case (pack, family_id, identified_on, contains_dwp)"
                " select %s, coalesce(max(family_id), 6) + 1, '2014-07-31', false from casework.family_case"
                " returning case_id",
                (PACK,),
            ).fetchone()
            assert row is not None
            connection.execute(
                "insert into casework.step (case_id, from_state, to_state, on_date, role, by_whom, why)"
                " values (%s, '', 'identified', '2014-07-31', 'build', 'pipeline', 'selected')",
                row,
            )
        return int(row[0])

    return opened


@pytest.fixture
def case(new_case: NewCase) -> int:
    return new_case()


@pytest.fixture
def log_in(database: Database, superuser: psycopg.Connection[Any]) -> Iterator[Login]:
    """Logs in as a new caseworker with these roles in casework (none: a login that nobody has given one)."""
    made: list[str] = []
    with ExitStack() as sessions:

        def session(*roles: str) -> psycopg.Connection[Any]:
            name, password = f"caseworker_{secrets.token_hex(4)}", secrets.token_hex(16)
            superuser.execute(
                sql.SQL("create role {} login password {} in role wf_caseworker").format(
                    sql.Identifier(name), sql.Literal(password)
                )
            )
            made.append(name)
            superuser.execute(
                "insert into access.login (login, reader, districts, default_purpose, added_by)"
                " values (%s, 'caseworker', '{*}', 'identify', 'test')",
                (name,),
            )
            for role in roles:
                set_worker(database, LIFE, name, role)
            return sessions.enter_context(database.address.as_login(name, password).connect(autocommit=True))

        yield session
    for name in made:
        superuser.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
