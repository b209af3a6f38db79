"""Rows in bulk: Arrow in and out by ADBC, and data frames in by COPY.

Several of these on one connection make one transaction; committing is the caller's.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv
from adbc_driver_manager import AdbcStatusCode
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi
from psycopg import sql

from pipeline.errors import StoreError

# What COPY's binary form wants, by the server's type. The kinds that are not here (jsonb, arrays) go by `execute`.
ARROW_TYPES = {
    "int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64(), "float4": pa.float32(), "float8": pa.float64(),
    "bool": pa.bool_(), "text": pa.string(), "varchar": pa.string(), "bytea": pa.binary(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"), "timestamptz": pa.timestamp("us", "UTC"),
}  # fmt: skip
COLUMN_TYPES = """
    select a.attname::text, t.typname::text from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
"""
WALLED = "select relrowsecurity from pg_class where oid = to_regclass($1)"  # COPY does not go where row security is
BATCH = 250_000  # rows that are brought to the table's types at once
LOST = (AdbcStatusCode.IO, AdbcStatusCode.INVALID_STATE)  # what the driver says when the server is gone


def read_frame(connection: dbapi.Connection, query: str, parameters: Sequence[Any] | None = None) -> pa.Table:
    """A query's rows as an Arrow table; parameters are $1, $2 … Raises StoreError, without any row's value."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(query, parameters)
            return cursor.fetch_arrow_table()
        except AdbcError as problem:
            raise refused("reading", problem) from None


def execute(connection: dbapi.Connection, statement: str, parameters: Sequence[Any] | None = None) -> None:
    """One statement on an ADBC connection, inside its transaction; parameters are $1, $2 … Raises StoreError."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement, parameters)
            cursor.fetchall()
        except AdbcError as problem:
            raise refused("a statement", problem) from None


def lock_for_transaction(connection: dbapi.Connection, name: str, *, shared: bool = False) -> None:
    """Hold the advisory lock until the connection's transaction ends; waits for it.

    Lock and writing share their fate: without the connection there is neither. Raises StoreError.
    """
    kind = "_shared" if shared else ""
    execute(connection, f"select pg_advisory_xact_lock{kind}(hashtextextended($1, 0))", [name])


def write_frame(connection: dbapi.Connection, schema: str, table: str, rows: pa.Table) -> int:
    """Append an Arrow table to a database table by binary COPY; returns the number of rows.

    Columns go by name, and those left out get their default; types are brought to the table's. Raises StoreError
    for an unknown column, a type that does not fit, or a row that a constraint refuses.
    """
    name = f"{schema}.{table}"
    columns = read_frame(connection, COLUMN_TYPES, [name])
    types = dict(zip(*(columns.column(i).to_pylist() for i in range(2)), strict=True))
    for start in range(0, max(1, len(rows)), BATCH):
        fitting = _conform(name, rows.slice(start, BATCH), types)
        if not len(fitting):
            continue
        with connection.cursor() as cursor:
            try:
                cursor.adbc_ingest(table, fitting, mode="append", db_schema_name=schema)
            except AdbcError as problem:
                raise refused(f"writing to {name}", problem) from None
    return len(rows)


def copy_frame(connection: psycopg.Connection[Any], table: str, frame: pd.DataFrame) -> int:
    """Append a data frame to a table (`schema.table`, or a temporary one) by COPY; returns the number of rows.

    Columns go by name; NaN, NaT and NA become null. For tables without bytea, on a psycopg connection that does
    more in the same transaction. Raises StoreError as `write_frame`.
    """
    with psycopg.RawCursor(connection) as cursor:
        types = dict(cursor.execute(COLUMN_TYPES.encode(), (table,)).fetchall())
        fitting = _conform(table, pa.Table.from_pandas(frame, preserve_index=False), types)
        try:
            walled = cursor.execute(WALLED.encode(), (table,)).fetchone() == (True,)
            with _written_to(cursor, sql.Identifier(*table.split(".")), fitting.column_names, walled) as target:
                statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(target, _names(fitting.column_names))
                with cursor.copy(statement) as copy:
                    for batch in fitting.to_batches(max_chunksize=100_000):
                        text = io.BytesIO()
                        pyarrow.csv.write_csv(batch, text, pyarrow.csv.WriteOptions(include_header=False))
                        copy.write(text.getbuffer())
        except psycopg.Error as problem:
            raise _refused(f"writing to {table}", problem.sqlstate) from None
    return len(fitting)


@contextmanager
def _written_to(
    cursor: psycopg.Cursor[Any], table: sql.Identifier, columns: Sequence[str], walled: bool
) -> Iterator[sql.Identifier]:
    """Where to copy to: the table, or a temporary one whose rows then go into a table with row-level security."""
    if not walled:
        yield table
        return
    draft = sql.Identifier("copied_in")
    cursor.execute(
        sql.SQL("create temporary table {} as select {} from {} limit 0").format(draft, _names(columns), table)
    )
    yield draft
    names = _names(columns)
    cursor.execute(sql.SQL("insert into {} ({}) select {} from {}").format(table, names, names, draft))
    cursor.execute(sql.SQL("drop table {}").format(draft))


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _conform(table: str, rows: pa.Table, types: dict[str, str]) -> pa.Table:
    unknown = [name for name in rows.column_names if types.get(name) not in ARROW_TYPES]
    if unknown:
        raise StoreError(
            where=f"table {table}",
            rule=f"it has no such column that takes rows in bulk: {', '.join(unknown)}.",
            remedy="bring the database up to this version of the program, or write jsonb and arrays by a statement.",
        )
    columns = []
    for name in rows.column_names:
        try:
            columns.append(_cast(rows.column(name), ARROW_TYPES[types[name]]))
        except pa.ArrowException as problem:
            raise StoreError(
                where=f"table {table}, column {name}",
                rule=f"the values do not fit its type {types[name]} ({type(problem).__name__}).",
                remedy="this is a fault of the program: report it with this message.",
            ) from None
    return pa.Table.from_arrays(columns, names=rows.column_names)


def _cast(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) and not pa.types.is_timestamp(target):
        column = column.cast(pa.timestamp("us"))
    return column if column.type == target else column.cast(target)


def refused(what: str, problem: AdbcError) -> StoreError:
    """A StoreError for what the server refused, by its SQLSTATE; its own words may hold a row's value."""
    return _refused(what, "08006" if problem.status_code in LOST and not problem.sqlstate else problem.sqlstate)


@contextmanager
def told_as_store_error(what: str) -> Iterator[None]:
    """What may befall any statement (the connection lost, a full disk, a server that stops) as a StoreError.

    The drivers' own words may hold a row's value. An error in a statement of ours is a fault, and passes through.
    """
    try:
        yield
    except AdbcError as problem:
        failure = refused(what, problem)
    except psycopg.OperationalError as problem:
        failure = _refused(what, problem.sqlstate or "08006")  # none: cut before the server could say why
    else:
        return
    raise failure from None


def _refused(what: str, sqlstate: str | None) -> StoreError:
    rules: Iterable[tuple[str, str, str]] = (
        ("42501", "this role may not do it.", "use the role that may, or run the migrations as the owner."),
        ("23", "a constraint of the table refused a row.", "this is a fault of the program: report it."),
        ("53100", "the server's disk is full.", "free some space and run again; nothing was changed."),
        ("53", "the server is out of memory or connections.", "run again with less going on beside it."),
        ("57P", "the server ended the connection.", "run again; it goes on from what stands."),
        ("57", "the server stopped the statement.", "run again; nothing was changed."),
        ("58", "the server cannot read or write its own files.", "see its disk and its log; nothing was changed."),
        ("40", "another transaction was in the way.", "run again; nothing was changed."),
        ("08", "the connection was lost.", "run again; it goes on from what stands."),
    )
    for prefix, rule, remedy in rules:
        if (sqlstate or "").startswith(prefix):
            return StoreError(where=what, rule=f"{rule[:-1]} (SQLSTATE {sqlstate}).", remedy=remedy)
    return StoreError(
        where=what,
        rule=f"the server refused it (SQLSTATE {sqlstate or 'none'}).",
        remedy="if it is SQL of yours, mend it; else report it with this message.",
    )
