"""Ways in which a wall could be opened or shut by mistake, made from the declaration: each is one statement.

Killed means: the matrix, the look at what no try shows, or the readers' rows tell of it. Equivalent ones are left out:
a grant to the role of what it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from pipeline.access.check import compared
from pipeline.access.declared import Matrix, load_matrix
from pipeline.access.measure import asked, tried
from pipeline.access.structure import deviations
from pipeline.settings import PROJECT
from pipeline.store.readers import out_of_line
from tests.walls.probes import PROBES, answer

DECLARATIONS = PROJECT / "schemas"
VERBS = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
BODIES = {  # what a careless change of a function would make of it
    "all_families(acting name) returns boolean": "select true",
    "aggregates(acting name) returns boolean": "select true",
    "own_cases(acting name) returns setof bigint": "select case_id from casework.family_case",
    "own_families(acting name) returns setof bigint": "select family_id from publication.family",
    "own_partner(acting name) returns text": "select 'police'::text",
    "sees_derived(acting name) returns boolean": "select true",
    "closed_to(acting name, of_what text) returns text[]": "select '{}'::text[]",
    "kinds(acting name) returns text[]": "select '{analyst,caseworker,partner}'::text[]",
    "is_hub(acting name) returns boolean": "select true",
    "subject(acting name) returns name": "select 'nobody'::name",
    "open_part(criteria jsonb, closed_rows text[], derived boolean) returns jsonb": "select criteria",
}
INVOKERS = ("kinds", "is_hub", "subject", "open_part")


@dataclass(frozen=True)
class Mutant:
    """One change; `group` is what kind of mistake it is."""

    group: str
    statement: str

    def __str__(self) -> str:
        return f"{self.group}: {self.statement[:90]}"


def chosen(every: int = 1) -> list[Mutant]:
    """All mutants, or every so many of each kind."""
    by_group: dict[str, list[Mutant]] = {}
    for mutant in _all(load_matrix(DECLARATIONS)):
        by_group.setdefault(mutant.group, []).append(mutant)
    return [mutant for mutants in by_group.values() for mutant in mutants[::every]]


def killed(connection: psycopg.Connection[Any], mutant: Mutant, logins: Mapping[str, str]) -> str | None:
    """By what the mutant is found; None: it lives. A superuser's connection; all is rolled back."""
    matrix = load_matrix(DECLARATIONS)
    with connection.transaction(force_rollback=True):
        connection.execute(mutant.statement.encode())
        if out_of_line(connection, DECLARATIONS) or deviations(connection, matrix):
            return "structure"
        groups = dict(matrix.logins)
        if any(compared(asked(connection, matrix.groups, groups), matrix, groups)):
            return "matrix, asked"
        if _rows_differ(connection, logins):
            return "rows"
        if any(compared(tried(connection, matrix.groups, groups), matrix, groups)):
            return "matrix, tried"
    return None


def _rows_differ(connection: psycopg.Connection[Any], logins: Mapping[str, str]) -> bool:
    connection.execute("set local wf.purpose = 'identify'")
    for probe in PROBES:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(logins[probe.reader])))
            try:
                if answer(connection, probe) != probe.expected:
                    return True
            except psycopg.Error:  # it does not run any more
                return True
    connection.execute("set local wf.purpose = ''")
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(logins["analyst"])))
        try:
            connection.execute("select * from cohort.summary")
        except psycopg.errors.InsufficientPrivilege:
            return False
    return True


def _all(matrix: Matrix) -> Iterator[Mutant]:
    yield from _policies(matrix)
    yield from _grants(matrix)
    yield from _functions(matrix)
    yield from _views(matrix)
    yield from _roles(matrix)
    yield from _data()
    yield from _others()


def _policies(matrix: Matrix) -> Iterator[Mutant]:
    for table in matrix.walls:
        yield Mutant("policy dropped", f"drop policy readers on {table}")
        yield Mutant("policy dropped", f"drop policy hub on {table}")
        yield Mutant("policy opened", f"alter policy readers on {table} using (true)")
        yield Mutant("policy opened", f"create policy more on {table} for select using (true)")
        yield Mutant("row security off", f"alter table {table} disable row level security")
        yield Mutant("row security not forced", f"alter table {table} no force row level security")


def _grants(matrix: Matrix) -> Iterator[Mutant]:
    for name, rights in matrix.relations.items():
        for role in matrix.groups:
            held = rights.verbs.get(role, frozenset())
            for verb in sorted(held):
                yield Mutant("grant taken", f"revoke {verb} on {name} from {role}")
            if extra := [verb for verb in VERBS if verb not in held]:
                yield Mutant("extra grant", f"grant {extra[0]} on {name} to {role}")
        yield Mutant("grant to public", f"grant select on {name} to public")
    for schema, roles in matrix.schemas.items():
        for role in matrix.groups:
            if role in roles:
                yield Mutant("schema shut", f"revoke usage on schema {schema} from {role}")
            else:
                yield Mutant("schema opened", f"grant usage on schema {schema} to {role}")
            yield Mutant("schema opened", f"grant create on schema {schema} to {role}")


def _functions(matrix: Matrix) -> Iterator[Mutant]:
    for name, roles in matrix.functions.items():
        for role in matrix.groups:
            change = (
                f"revoke execute on function {name} from" if role in roles else f"grant execute on function {name} to"
            )
            yield Mutant("function's right", f"{change} {role}")
        yield Mutant("function to public", f"grant execute on function {name} to public")
        yield Mutant("function leakproof", f"alter function {name} leakproof")
    for name in sorted(matrix.definers):
        yield Mutant("search path loose", f"alter function {name} reset search_path")
        yield Mutant("search path loose", f"alter function {name} set search_path = public, pg_catalog")
        yield Mutant("definer's rights", f"alter function {name} security invoker")
    for signature, body in BODIES.items():
        yield Mutant(
            "function's body",
            f"create or replace function access.{signature} language sql stable"
            f" security {'invoker' if signature.startswith(INVOKERS) else 'definer'}"
            f" set search_path = pg_catalog, pg_temp as $$ {body} $$",
        )
    yield Mutant(
        "function's body",
        "create or replace function access.require_purpose(acting name, aggregates boolean)"
        " returns void language plpgsql stable security definer set search_path = pg_catalog, pg_temp"
        " as $$ begin end $$",
    )


def _views(matrix: Matrix) -> Iterator[Mutant]:
    for name in matrix.relations:
        if name.startswith(("cohort.", "exchange.")):
            yield Mutant("no barrier", f"alter view {name} set (security_barrier = false)")
            yield Mutant("no barrier", f"alter view {name} reset (security_barrier)")
            yield Mutant("view's owner", f"alter view {name} owner to postgres")
            yield Mutant("reader's rights", f"alter view {name} set (security_invoker = true)")


def _roles(matrix: Matrix) -> Iterator[Mutant]:
    for role in (*matrix.groups, *matrix.logins):
        for power in ("superuser", "createrole", "createdb", "bypassrls", "replication"):
            yield Mutant("role's power", f"alter role {role} {power}")
        yield Mutant("default purpose", f"alter role {role} set wf.purpose = 'identify'")
        for group in matrix.groups:
            if group not in (role, matrix.logins.get(role)):
                yield Mutant("membership", f"grant {group} to {role}")
    for group in matrix.groups:
        yield Mutant("group logs in", f"alter role {group} login")


def _data() -> Iterator[Mutant]:
    for statement in (
        "delete from access.closed_feed",
        "insert into access.closed_feed_reader values ('dwp', 'police', 'derived')",
        "insert into access.closed_feed_reader values ('dwp', 'analyst', 'rows')",
        "delete from access.closed_feed_reader",
        "insert into access.role_purpose values ('wf_caseworker', 'evaluate')",
        "delete from access.role_purpose where role_name = 'wf_analyst'",
        "update access.purpose set aggregates_only = false",
        "update access.purpose set end_date = '2099-12-31'",
        "insert into access.purpose select agreement_id, 'more', '', false, start_date, end_date from access.purpose"
        " limit 1",
        "insert into access.partner_family select 'dwp', agreement_id from access.purpose limit 1",
    ):
        yield Mutant("who may read", statement)


def _others() -> Iterator[Mutant]:
    for statement in (
        "create view cohort.mine as select * from publication.family",
        "create view cohort.mine with (security_barrier) as select * from identity.record",
        "create table cohort.mine (family_id bigint)",
        "create table publication.mine (family_id bigint); grant select on publication.mine to wf_analyst",
        "create function cohort.mine() returns bigint language sql security definer as 'select 1::bigint'",
        "create function cohort.mine() returns bigint language sql as 'select 1::bigint';"
        " grant execute on function cohort.mine() to public",
        "alter default privileges for role wholefamily in schema cohort grant select on tables to wf_analyst",
        "alter default privileges for role wholefamily grant execute on functions to public",
        "grant execute on function lo_create(oid) to public",
        "grant usage on language plpgsql to public",
        "grant execute on function pg_stat_get_tuples_returned(oid) to public",
        "grant temporary on database {database} to public",
        "grant connect on database {database} to public",
        "grant create on schema public to public",
        "grant select on pg_authid to wf_analyst",
        "grant pg_read_all_data to wf_analyst",
        "grant pg_read_server_files to wf_partner",
        "alter table publication.family_member alter column family_id set statistics 100",
        "alter table casework.step disable trigger a_within_reach",
        "alter table casework.step disable trigger take_step",
        "drop trigger a_within_reach on casework.step",
        "alter table audit.log disable trigger append_only",
        "alter database {database} set wf.purpose = 'identify'",
    ):
        if "{database}" in statement:
            inside = statement.replace("{database}", "%I")
            statement = f"do $do$ begin execute format($f${inside}$f$, current_database()); end $do$"
        yield Mutant("else", statement)
