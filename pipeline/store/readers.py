"""What the database knows of who may read for what: brought in line with `schemas/` (agreements, access.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipeline.contracts.reading import read_yaml, require
from pipeline.contracts.shown import load_shown

TABLES = {
    "purpose": ("agreement_id", "purpose", "description", "aggregates_only", "start_date", "end_date"),
    "role_purpose": ("role_name", "purpose"),
    "closed_feed": ("partner", "agreement_id"),
    "closed_feed_reader": ("partner", "reader", "what"),
    "partner_family": ("partner", "agreement_id"),
}


def bring_in_line(connection: psycopg.Connection[Any], declarations: Path) -> list[str]:
    """Write what the declarations say, in one transaction; the tables that changed. Raises DeclarationError."""
    declared = _declared(declarations)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtextextended('wholefamily-readers', 0))")
        held = {table: _held(connection, table) for table in TABLES}
        for table in reversed(TABLES):
            where = sql.SQL(" and ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in TABLES[table])
            for row in held[table] - declared[table]:
                connection.execute(sql.SQL("delete from {} where {}").format(_name(table), where), row)
        for table, columns in TABLES.items():
            values = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
            for row in sorted(declared[table] - _held(connection, table)):
                connection.execute(sql.SQL("insert into {} values ({})").format(_name(table), values), row)
    return [table for table in TABLES if held[table] != declared[table]]


def out_of_line(connection: psycopg.Connection[Any], declarations: Path) -> list[str]:
    """The tables that say something else than the declarations."""
    declared = _declared(declarations)
    return [table for table in TABLES if _held(connection, table) != declared[table]]


def _held(connection: psycopg.Connection[Any], table: str) -> set[tuple[Any, ...]]:
    return set(connection.execute(sql.SQL("select * from {}").format(_name(table))))


def _name(table: str) -> sql.Identifier:
    return sql.Identifier("access", table)


def _declared(declarations: Path) -> dict[str, set[tuple[Any, ...]]]:
    shown = load_shown(declarations)
    return {
        "purpose": {
            (one.agreement, one.id, one.description, one.aggregates_only, one.start, one.end) for one in shown.purposes
        },
        "role_purpose": _role_purposes(declarations),
        "closed_feed": set(shown.closed.items()),
        "closed_feed_reader": set(shown.readers),
        "partner_family": set(shown.families.items()),
    }


def _role_purposes(declarations: Path) -> set[tuple[str, str]]:
    path = declarations / "access.yaml"
    named = read_yaml(path).get("purposes") or {}
    require(bool(named), path=path, rule="'purposes' is missing.", remedy="name each group's purposes.")
    return {(str(role), str(purpose)) for role, purposes in named.items() for purpose in purposes}
