"""What there is in the live database, as its own catalogue tells it: tables, columns, comments, views and their SQL.

What a view's column is made from is read out of the view's SQL; where that cannot be (a count of rows), it is every
column that the view rests on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from pipeline.lineage import Source

SYSTEM = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
RELATIONS = f"""
    select n.nspname || '.' || c.relname as name, c.relkind::text as kind,
           obj_description(c.oid, 'pg_class') as comment,
           case c.relkind when 'v' then pg_get_viewdef(c.oid) end as definition,
           array_agg(a.attname::text order by a.attnum) as columns,
           array_agg(format_type(a.atttypid, a.atttypmod) order by a.attnum) as types,
           array_agg(a.attnotnull order by a.attnum) as required,
           array_agg(coalesce(col_description(c.oid, a.attnum), '') order by a.attnum) as comments
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where {SYSTEM} and c.relkind in ('r', 'v', 'm', 'p') group by c.oid, n.nspname, c.relname, c.relkind order by 1
"""  # noqa: S608 - constants only
RESTS_ON = f"""
    select distinct n.nspname || '.' || c.relname, rn.nspname || '.' || r.relname, a.attname::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_rewrite w on w.ev_class = c.oid
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
         and d.refobjid <> c.oid and d.refobjsubid > 0
    join pg_class r on r.oid = d.refobjid join pg_namespace rn on rn.oid = r.relnamespace
    join pg_attribute a on a.attrelid = r.oid and a.attnum = d.refobjsubid
    where {SYSTEM} and c.relkind = 'v' order by 1, 2, 3
"""  # noqa: S608 - constants only


@dataclass(frozen=True)
class Relation:
    """One table or view: `columns` in order, with type, whether a value is required, and comment."""

    name: str
    is_view: bool
    comment: str
    definition: str
    columns: Mapping[str, tuple[str, bool, str]]

    @property
    def schema(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Catalogue:
    """Every table and view by name, and for each view the columns it rests on."""

    relations: Mapping[str, Relation]
    rests_on: Mapping[str, tuple[Source, ...]]

    def has(self, name: str) -> bool:
        return name in self.relations

    def view_columns(self, view: str) -> dict[str, tuple[Source, ...]]:
        """A view's columns, each with the columns it is made from."""
        relation = self.relations[view]
        parsed = _parsed(relation)
        return {column: parsed.get(column) or self._counted(view) for column in relation.columns}

    def _counted(self, view: str) -> tuple[Source, ...]:
        rests = self.rests_on.get(view, ())
        return tuple(Source(one.dataset, one.column, "AGGREGATION", direct=False) for one in rests)


def read_catalogue(connection: psycopg.Connection[Any]) -> Catalogue:
    """The catalogue as it stands, read as the owner."""
    relations = {}
    for name, kind, comment, definition, columns, types, required, comments in connection.execute(RELATIONS.encode()):
        told = dict(zip(columns, zip(types, required, comments, strict=True), strict=True))
        relations[name] = Relation(name, kind == "v", comment or "", definition or "", told)
    rests_on: dict[str, list[Source]] = {}
    for view, table, column in connection.execute(RESTS_ON.encode()):
        rests_on.setdefault(view, []).append(Source(table, column))
    return Catalogue(relations, {view: tuple(sources) for view, sources in rests_on.items()})


def _parsed(view: Relation) -> dict[str, tuple[Source, ...]]:
    """What the lineage parser of OpenLineage makes of a view's SQL; nothing where it fails."""
    import openlineage_sql

    logging.getLogger("openlineage_sql").setLevel(logging.ERROR)
    told = openlineage_sql.parse([f"create view {view.name} as {view.definition}"], dialect="postgres")
    if told is None or told.errors:
        return {}
    found: dict[str, tuple[Source, ...]] = {}
    for one in told.column_lineage:
        sources = {
            (source.origin.qualified_name, source.name)
            for source in one.lineage
            if source.origin is not None and "." in source.origin.qualified_name
        }
        how = "IDENTITY" if len(sources) == 1 else "TRANSFORMATION"
        found[one.descendant.name] = tuple(Source(table, column, how) for table, column in sorted(sources))
    return found
