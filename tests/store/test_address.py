"""Addresses: any form a URL may have, and errors that never tell its password."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from pipeline.errors import StoreError
from pipeline.settings import Settings
from pipeline.store.address import Address, parse_address
from pipeline.store.database import Database, open_database
from tests.conftest import TestServer, hides_its_cause

PASSWORD = "s3cret/p@ss:word#?%"
NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(user=NAME, password=NAME, database=NAME)
def test_a_url_says_what_went_into_it(user: str, password: str, database: str) -> None:
    address = Address("db.example", 5433, database, user, password, (("sslmode", "require"),))
    assert parse_address(address.url()) == address


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pw@db.example:5433/live",
        "postgres://me:pw@db.example:5433/live",
        "postgresql+psycopg://me:pw@db.example:5433/live",
        "host=db.example port=5433 user=me password=pw dbname=live",
    ],
)
def test_each_way_of_writing_it(url: str) -> None:
    assert parse_address(url) == Address("db.example", 5433, "live", "me", "pw")


def test_sockets_and_ipv6_and_given_options() -> None:
    local = parse_address("postgresql://me@/live?host=/var/run/postgresql")
    assert local.host == "/var/run/postgresql"
    assert conninfo_to_dict(local.url())["host"] == "/var/run/postgresql"
    six = parse_address("postgresql://me@[::1]:5433/live?options=-c%20statement_timeout%3D5")
    assert six.host == "::1"
    assert conninfo_to_dict(six.url(role="x"))["options"] == "-c statement_timeout=5 -c role=x"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql//me:{PASSWORD}@here/live",
        f"postgresql://me:{PASSWORD}@here:port/live",
        f"mysql://me:{PASSWORD}@here/live",
        f"me:{PASSWORD}",
        "postgresql://here/",
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        parse_address(url)
    assert "s3cret" not in str(caught.value)
    assert "word" not in str(caught.value).replace("PASSWORD", "")
    assert hides_its_cause(caught.value)


def unreachable(settings: Settings, address: Address) -> str:
    wrong = Settings(home=settings.home, database_url=address.url())
    with pytest.raises(StoreError) as caught, open_database(wrong):
        pass
    assert caught.value.exit_code == 6
    with pytest.raises(StoreError) as by_adbc:
        address.adbc()
    return f"{caught.value} {by_adbc.value} {address!r} {address}"


def test_errors_have_no_password(settings: Settings, test_server: TestServer, database: Database) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody_there = free.getsockname()[1]
    here = database.address
    cases = {
        "refused the login": here.as_login("wholefamily", PASSWORD),
        "no such database": here.as_login("wholefamily", here.password or "").in_database("nowhere"),
        "no server answers": Address("127.0.0.1", nobody_there, "live", "me", PASSWORD),
    }
    for words, address in cases.items():
        text = unreachable(settings, address)
        assert text.count(words) == 2
        assert "s3cret" not in text
        assert (here.password or "never") not in text


def test_a_databases_text_has_no_password(database: Database, settings: Settings) -> None:
    shown = f"{database!r} {database} {database.credentials!r}"
    assert database.address.password
    assert database.address.password not in shown
    assert database.credentials.password("analyst") not in shown
    assert Path(settings.hub_keys).name in shown or "Credentials" not in shown
