"""Rows in bulk: every type there and back, several writes in one transaction, and errors that tell no value."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import StoreError
from pipeline.store.bulk import copy_frame, execute, read_frame, write_frame
from pipeline.store.database import Database
from tests.conftest import hides_its_cause

SECRET = "Wilhelmina Secretname"  # stands for a person's value
EVERY_TYPE = (
    "create table publication.every_type (id bigint primary key, small integer, real_number double precision,"
    " words text, flag boolean, day date, moment timestamptz, octets bytea, noted timestamptz default now())"
)


@pytest.fixture
def every_type(database: Database) -> Database:
    with database.connect() as connection:
        connection.execute(EVERY_TYPE)
    return database


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "small": st.none() | st.integers(-(2**31), 2**31 - 1),
            "real_number": st.none() | st.floats(allow_nan=False),
            "words": st.none() | TEXT,
            "flag": st.none() | st.booleans(),
            "day": st.none() | st.dates(dt.date(1, 1, 1)),
            "moment": st.none() | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)),
            "octets": st.none() | st.binary(max_size=70),
        }
    ),
    max_size=8,
)
SCHEMA = pa.schema(
    {
        "id": pa.int64(), "small": pa.int32(), "real_number": pa.float64(), "words": pa.string(), "flag": pa.bool_(),
        "day": pa.date32(), "moment": pa.timestamp("us", "UTC"), "octets": pa.binary(),
    }
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_what_is_written_is_read_again(every_type: Database, rows: list[dict[str, Any]]) -> None:
    numbered = [{"id": number, **row} for number, row in enumerate(rows)]
    table = pa.Table.from_pylist(numbered, SCHEMA)
    with every_type.adbc() as connection:
        execute(connection, "delete from publication.every_type")
        assert write_frame(connection, "publication", "every_type", table) == len(rows)
        columns = ", ".join(SCHEMA.names)
        found = read_frame(connection, f"select {columns} from publication.every_type order by id")
        assert found.cast(SCHEMA).to_pylist() == table.to_pylist()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_a_data_frame_is_copied_as_it_is(every_type: Database, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist([{"id": n, **row} for n, row in enumerate(rows)], SCHEMA).drop(["octets"])
    with every_type.connect() as connection:
        connection.execute("delete from publication.every_type")
        frame = table.to_pandas(types_mapper={pa.int32(): pd.Int32Dtype()}.get, integer_object_nulls=True)
        assert copy_frame(connection, "publication.every_type", frame) == len(rows)
        columns = ", ".join(table.column_names)
        found = connection.execute(f"select {columns} from publication.every_type order by id".encode()).fetchall()
        assert found == [tuple(row.values()) for row in table.to_pylist()]


def test_types_are_brought_to_the_tables(every_type: Database) -> None:
    table = pa.table(
        {
            "id": pa.array([1], pa.int8()),
            "small": pa.array([7], pa.int64()),
            "words": pa.array(["a"]).dictionary_encode(),
            "day": pa.array([dt.datetime(2014, 7, 31)], pa.timestamp("ns")),
            "octets": pa.array([b"1234567890123456"], pa.binary(16)),
            "flag": pa.nulls(1),
        }
    )
    with every_type.adbc() as connection:
        write_frame(connection, "publication", "every_type", table)
        found = read_frame(connection, "select small, words, day, octets, flag, noted from publication.every_type")
    row = found.to_pylist()[0]
    assert row.pop("noted") is not None  # a column left out gets its default
    assert row == {
        "small": 7, "words": "a", "day": dt.date(2014, 7, 31), "octets": b"1234567890123456", "flag": None,
    }  # fmt: skip


def test_several_writes_and_statements_are_one_transaction(every_type: Database) -> None:
    with every_type.adbc() as connection:
        write_frame(connection, "publication", "every_type", pa.table({"id": [1, 2]}))
        execute(connection, "update publication.every_type set words = $1 where id = $2", ["two", 2])
        write_frame(connection, "publication", "every_type", pa.table({"id": [3]}))
        with every_type.connect() as reader:
            assert reader.execute("select count(*) from publication.every_type").fetchone() == (0,)
        connection.rollback()
        write_frame(connection, "publication", "every_type", pa.table({"id": [4]}))
        connection.commit()
    with every_type.connect() as reader:
        assert reader.execute("select id from publication.every_type").fetchall() == [(4,)]


def test_a_role_lasts_over_a_rollback(database: Database) -> None:
    with database.adbc("wf_linker") as connection:
        connection.rollback()
        assert read_frame(connection, "select current_user::text as me")["me"].to_pylist() == ["wf_linker"]
    with database.connect("wf_linker") as plain:
        plain.rollback()
        assert plain.execute("select current_user, current_setting('timezone')").fetchone() == ("wf_linker", "UTC")


def failures(database: Database) -> dict[str, Any]:
    def adbc(work: Any) -> Any:
        def run() -> None:
            with database.adbc() as connection:
                work(connection)

        return run

    def plain(work: Any) -> Any:
        def run() -> None:
            with database.connect() as connection:
                work(connection)

        return run

    one = pa.table({"id": [1], "words": [SECRET]})
    return {
        "constraint": adbc(lambda c: [write_frame(c, "publication", "every_type", one) for _ in range(2)]),
        "constraint by COPY": plain(
            lambda c: [copy_frame(c, "publication.every_type", one.to_pandas()) for _ in range(2)]
        ),
        "unknown column": adbc(lambda c: write_frame(c, "publication", "every_type", pa.table({"ids": [SECRET]}))),
        "type": adbc(lambda c: write_frame(c, "publication", "every_type", pa.table({"id": [SECRET]}))),
        "no table": plain(lambda c: copy_frame(c, "publication.nowhere", one.to_pandas())),
        "statement": adbc(lambda c: execute(c, "select $1::text::integer", [SECRET])),
        "query": adbc(lambda c: read_frame(c, f"select '{SECRET}'::integer")),
    }


@pytest.mark.parametrize(
    "name", ["constraint", "constraint by COPY", "unknown column", "type", "no table", "statement", "query"]
)
def test_errors_tell_no_value(every_type: Database, name: str) -> None:
    with pytest.raises(StoreError) as caught:
        failures(every_type)[name]()
    assert SECRET not in str(caught.value)
    assert hides_its_cause(caught.value)


def test_nothing_of_a_clients_error_is_in_the_servers_log(every_type: Database, test_server: Any) -> None:
    for _ in range(2):
        with every_type.connect() as connection, pytest.raises(psycopg.Error):
            connection.execute(f"select '{SECRET}'::integer".encode())
    from pipeline.store.place import find_place

    log = find_place(test_server.settings.postgres).log.read_text()
    assert "ready to accept connections" in log
    assert "Secretname" not in log
