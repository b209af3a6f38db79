"""What roles may do in the live database, tried for real: each verb on each object, as each role, and undone at once.

A try is a statement that touches no row (`WHERE false`) and is refused before it would. All run inside one transaction
that is rolled back, each in a savepoint of its own, on the server: tens of thousands take seconds. Beside that the
server is asked what rights stand: for CONNECT, REFERENCES, MAINTAIN, and for what is granted in a closed schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from pipeline.access.declared import PUBLIC, TABLE_VERBS, Cell

PROBE = "wf_probe"  # a role without any group, made inside the transaction and gone with it
DONE = "WFOK0"
NOT_ALLOWED, WRONG_KIND = "42501", "42809"
TRY_ALL = """
    create function pg_temp.try_all(role_name text, statements text[]) returns text[] language plpgsql as $$
    declare
        statement text;
        told      text[] := '{}';
    begin
        execute format('set local role %I', role_name);
        foreach statement in array statements loop
            begin
                execute statement;
                raise exception 'undone' using errcode = 'WFOK0';  -- undoes what it did
            exception when others then
                told := told || sqlstate;
            end;
        end loop;
        reset role;
        return told;
    end $$
"""
RELATIONS = """
    select n.nspname::text, c.relname::text, c.relkind::text,
           (select array_agg(a.attname::text order by a.attnum) from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
           (select array_agg(format_type(a.atttypid, null) order by a.attnum) from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'v', 'm', 'p', 'f', 'S')
    order by 1, 2
"""
FUNCTIONS = """
    select n.nspname || '.' || p.proname || '(' || array_to_string(types.named, ', ') || ')',
           quote_ident(n.nspname) || '.' || quote_ident(p.proname), p.prokind::text, types.named
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    cross join lateral (
        select array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as one (t, at)
                     order by at) as named) as types
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1
"""
RIGHTS = """
    select 'right', n.nspname || '.' || c.relname, verb,
           has_table_privilege(%(role)s, c.oid, verb) or verb in ('select', 'insert', 'update', 'references')
           and has_any_column_privilege(%(role)s, c.oid, verb)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join unnest(%(verbs)s::text[]) as verb
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'v', 'm', 'p', 'f')
    union all
    select 'right', n.nspname || '.' || p.proname || '(' || array_to_string(types.named, ', ') || ')', 'execute',
           has_function_privilege(%(role)s, p.oid, 'execute')
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    cross join lateral (
        select array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as one (t, at)
                     order by at) as named) as types
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    union all
    select 'database', 'this', 'connect', has_database_privilege(%(role)s, current_database(), 'connect')
"""
SCHEMAS = (
    "select nspname::text from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1"
)


def measure(connection: psycopg.Connection[Any], groups: Sequence[str], logins: Iterable[str]) -> dict[Cell, bool]:
    """Every cell of the matrix as it is: roles (groups, a login without any, and these logins) × objects × verbs.

    The owner's connection, outside a transaction; nothing of what is tried stays.
    """
    return asked(connection, groups, logins) | tried(connection, groups, logins)


def tried(connection: psycopg.Connection[Any], groups: Sequence[str], logins: Iterable[str]) -> dict[Cell, bool]:
    """The cells that are tried."""
    with _with_probe(connection, logins) as roles:
        connection.execute(TRY_ALL)
        tries = _tries(connection)
        found: dict[Cell, bool] = {}
        for role in (*groups, *roles):
            found |= _tried(connection, role, tries)
    return found


def asked(connection: psycopg.Connection[Any], groups: Sequence[str], logins: Iterable[str]) -> dict[Cell, bool]:
    """What the server says of rights that stand: also of those that no try shows yet, because the schema is closed."""
    found: dict[Cell, bool] = {}
    with _with_probe(connection, logins) as roles:
        for role in (*groups, *roles):
            rows = connection.execute(RIGHTS, {"role": role, "verbs": _verbs(connection)}).fetchall()
            found |= {(_named(role), kind, thing, verb): may for kind, thing, verb, may in rows}
    return found


@contextmanager
def _with_probe(connection: psycopg.Connection[Any], logins: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Inside a transaction that is rolled back: a role without any group, and the right to act as it and the logins."""
    roles = (PROBE, *logins)
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(PROBE)))
        for role in roles:
            name = sql.Identifier(role)
            connection.execute(sql.SQL("grant {} to current_user with inherit false, set true").format(name))
        yield roles


def _named(role: str) -> str:
    return PUBLIC if role == PROBE else role


def _verbs(connection: psycopg.Connection[Any]) -> list[str]:
    return [verb for verb in TABLE_VERBS if verb != "maintain" or connection.info.server_version >= 170000]


def _tried(
    connection: psycopg.Connection[Any], role: str, tries: Sequence[tuple[str, str, str, str]]
) -> dict[Cell, bool]:
    row = connection.execute("select pg_temp.try_all(%s, %s)", (role, [one[3] for one in tries])).fetchone()
    assert row is not None
    return {
        (_named(role), kind, thing, verb): _allowed(kind, verb, state)
        for (kind, thing, verb, _statement), state in zip(tries, row[0], strict=True)
    }


def _allowed(kind: str, verb: str, state: str) -> bool:
    """Columns and rows: it was done. Elsewhere the right is looked at first, and what comes after it may fail."""
    if kind == "column" or verb in ("delete", "trigger"):
        return state == DONE
    return state not in (NOT_ALLOWED, WRONG_KIND)


def _tries(connection: psycopg.Connection[Any]) -> list[tuple[str, str, str, str]]:
    """(kind, object, verb, statement)."""
    return [
        *_on_relations(connection.execute(RELATIONS.encode()).fetchall()),
        *_on_functions(connection.execute(FUNCTIONS.encode()).fetchall()),
        *_on_schemas(row[0] for row in connection.execute(SCHEMAS.encode()).fetchall()),
        ("database", "this", "temporary", "create temporary table wf_try ()"),
        ("database", "this", "create", "create schema wf_try"),
        ("large object", "any", "create", "select lo_create(0)"),
        ("large object", "any", "create by function", "select lo_from_bytea(0, '\\x00')"),
        ("large object", "any", "read", "select loid from pg_largeobject"),
        ("language", "plpgsql", "usage", "do language plpgsql 'begin end'"),
        ("server", "files", "read", "select pg_read_file('postgresql.conf')"),
        ("server", "files", "write", "copy (select 1) to '/dev/null'"),
        ("server", "programs", "run", "copy (select 1) to program 'true'"),
        ("server", "passwords", "read", "select rolpassword from pg_authid"),
        ("server", "counters", "read", "select pg_stat_get_tuples_returned(0)"),
        ("server", "roles", "create", "create role wf_try"),
    ]


def _on_relations(
    relations: Iterable[tuple[str, str, str, list[str], list[str]]],
) -> Iterable[tuple[str, str, str, str]]:
    for schema, name, kind, columns, types in relations:
        thing, quoted = f"{schema}.{name}", f"{_quoted(schema)}.{_quoted(name)}"  # names of the catalogue, quoted
        if kind == "S":
            yield "sequence", thing, "select", f"select last_value from {quoted} limit 0"  # noqa: S608
            yield "sequence", thing, "usage", f"select nextval('{quoted}')"
            continue
        yield "relation", thing, "delete", f"delete from {quoted} where false"  # noqa: S608
        yield "relation", thing, "truncate", f"truncate {quoted}"
        when = "instead of insert on {} for each row" if kind == "v" else "before insert on {}"
        yield (
            "relation",
            thing,
            "trigger",
            (f"create trigger wf_try {when.format(quoted)} execute function suppress_redundant_updates_trigger()"),
        )
        for column, of_type in zip(columns, types, strict=True):
            cell, one = f"{thing}.{column}", _quoted(column)
            yield "column", cell, "select", f"select {one} from {quoted} limit 0"  # noqa: S608
            insert = f"insert into {quoted} ({one}) overriding system value select null::{of_type} where false"
            yield "column", cell, "insert", insert
            yield "column", cell, "update", f"update {quoted} set {one} = default where false"  # noqa: S608


def _on_functions(functions: Iterable[tuple[str, str, str, list[str]]]) -> Iterable[tuple[str, str, str, str]]:
    """A function's right to be called is looked at as a statement begins, also one that calls it for no row."""
    for thing, name, kind, types in functions:
        given = ", ".join(f"c.relname::text::{one}" for one in types)
        call = f"call {name}({given})" if kind == "p" else f"select {name}({given}) from pg_class c where false"  # noqa: S608
        yield "function", thing, "execute", call


def _on_schemas(schemas: Iterable[str]) -> Iterable[tuple[str, str, str, str]]:
    for schema in schemas:
        yield "schema", schema, "usage", f"select from {_quoted(schema)}.wf_nowhere"
        yield "schema", schema, "create", f"create table {_quoted(schema)}.wf_try ()"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
