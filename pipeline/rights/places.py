"""Where in the database a person stands, by its catalogue: so that a new table is not forgotten.

A column of these names holds what the name says, in every schema of ours but the audit log, which names nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

RECORD = ("record_id", "related_record_id", "record_a", "record_b")
PERSON = ("person_id",)
EVIDENCE = ("evidence_id",)
REFERENCE = ("person_ref", "person_ref_a", "person_ref_b")
FAMILY = ("family_id",)
CASE = ("case_id",)
NAMES = (*RECORD, *PERSON, *EVIDENCE, *REFERENCE, *FAMILY, *CASE)
OURS = "n.nspname not in ('pg_catalog', 'information_schema', 'audit') and n.nspname !~ '^pg_(toast|temp)'"
COLUMNS = f"""
    select n.nspname::text, c.relname::text, a.attname::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
    where c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0 and not a.attisdropped
      and a.attname = any(%s) and {OURS}
    order by 1, 2, a.attnum
"""  # noqa: S608 - declared names only


@dataclass(frozen=True)
class Column:
    """One column of one table."""

    schema: str
    table: str
    name: str

    @property
    def of(self) -> sql.Identifier:
        """Its table, for a statement."""
        return sql.Identifier(self.schema, self.table)

    @property
    def full_table(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True)
class Places:
    """Every column of the database that names a person, a family or a case."""

    columns: tuple[Column, ...]

    def named(self, *names: str, schemas: tuple[str, ...] = ()) -> Iterator[Column]:
        """The columns of these names, in these schemas where any are given."""
        return (one for one in self.columns if one.name in names and (not schemas or one.schema in schemas))


def read_places(connection: psycopg.Connection[Any]) -> Places:
    """As the database's catalogue has them now."""
    return Places(tuple(Column(*row) for row in connection.execute(COLUMNS.encode(), (list(NAMES),))))
