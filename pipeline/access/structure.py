"""What no try shows: policies as declared, barrier views, owners, fixed search paths, roles without powers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from pipeline.access.declared import Matrix

READERS_SCHEMAS = ["cohort", "exchange"]
OURS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
TABLES = f"""
    select n.nspname || '.' || c.relname, c.relrowsecurity, c.relforcerowsecurity,
           array(select a.attname::text from pg_attribute a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where {OURS} and c.relkind in ('r', 'p') order by 1
"""  # noqa: S608
POLICIES = """
    select n.nspname || '.' || c.relname, p.polname::text, p.polpermissive, p.polroles = '{0}', p.polcmd::text,
           pg_get_expr(p.polqual, p.polrelid), p.polwithcheck is null
    from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace order by 1, 2
"""
KEPT_VALUES = """
    select n.nspname || '.' || c.relname || '.' || a.attname from pg_attribute a
    join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where c.relforcerowsecurity and a.attname in ('family_id', 'person_id', 'case_id', 'evidence_id', 'record_id')
      and a.attstattarget is distinct from 0 order by 1
"""
VIEWS = """
    select n.nspname || '.' || c.relname, coalesce(c.reloptions, '{}')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = any(%s) and c.relkind <> 'S'
    order by 1
"""
BEHIND = """
    with recursive used (view, relation) as (
        select r.ev_class, d.refobjid from pg_rewrite r join pg_depend d on d.objid = r.oid
        where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
    ), reached (relation) as (
        select u.relation from used u join pg_class c on c.oid = u.view join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = any(%s)
        union select u.relation from used u join reached on reached.relation = u.view
    )
    select distinct n.nspname || '.' || c.relname from reached join pg_class c on c.oid = reached.relation
    join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and n.nspname !~ '^pg_'
"""
FUNCTIONS = f"""
    select n.nspname || '.' || p.proname || '(' || array_to_string(array(select format_type(t, null)
               from unnest(p.proargtypes) with ordinality as given (t, place) order by place), ', ') || ')',
           p.prosecdef, p.proleakproof, coalesce(p.proconfig, '{{}}')
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {OURS} order by 1
"""  # noqa: S608
OWNED = f"""
    select 'schema ' || n.nspname from pg_namespace n where {OURS} and n.nspname <> 'public' and n.nspowner <> %s::oid
    union all select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where {OURS} and c.relkind in ('r', 'v', 'm', 'p', 'S') and c.relowner <> %s::oid
    union all select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where {OURS} and p.proowner <> %s::oid
"""  # noqa: S608
POWERS = """
    select rolname::text from pg_roles
    where (rolname = any(%(roles)s) and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls))
       or (rolname = any(%(groups)s) and rolcanlogin) or (rolname = any(%(roles)s) and not rolinherit)
"""
MEMBERS = """
    select m.rolname::text, g.rolname::text, a.admin_option
    from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.roleid
    where m.rolname = any(%(roles)s) or (g.rolname = any(%(groups)s) and m.oid <> %(owner)s::oid and not m.rolsuper)
"""
SETTINGS = """
    select coalesce(r.rolname::text, 'every role'), one from pg_db_role_setting s
    left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
    cross join unnest(s.setconfig) as one
    where (s.setrole = 0 or r.rolname = any(%(roles)s)) and (s.setdatabase = 0 or d.datname = current_database())
"""
HARMLESS = (
    "search_path=",
    "default_transaction_read_only=on",
    "log_min_duration_statement=0",
)  # watched: store.roles.watch
TRIGGERS = """
    select n.nspname || '.' || c.relname || ' ' || t.tgname, t.tgenabled::text
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where not t.tgisinternal and n.nspname = any('{audit,casework}')
"""
KEPT_TRIGGERS = frozenset(
    {"casework.step a_within_reach", "casework.step take_step", "audit.log append_only", "audit.log never_emptied"}
)
DEFAULTS = """
    select coalesce(nspname::text, 'every schema') || ' ' || d.defaclobjtype::text || ' '
           || coalesce(r.rolname::text, 'public')
    from pg_default_acl d cross join aclexplode(d.defaclacl) a left join pg_roles r on r.oid = a.grantee
    left join pg_namespace n on n.oid = d.defaclnamespace where a.grantee <> d.defaclrole
    union all select 'functions are open to public from the start' where not exists (
        select from pg_default_acl where defaclnamespace = 0 and defaclobjtype = 'f' and defaclrole = %s::oid)
"""


def deviations(connection: psycopg.Connection[Any], matrix: Matrix) -> list[str]:
    """What stands otherwise than declared, one sentence each; empty when all is as it should be."""
    owner = connection.execute("select nspowner::bigint from pg_namespace where nspname = 'access'").fetchone()
    assert owner is not None
    return [
        *_walls(connection, matrix),
        *_views(connection, matrix),
        *_functions(connection, matrix),
        *_roles(connection, matrix, owner[0]),
        *(f"{name} does not belong to the owner." for (name,) in connection.execute(OWNED.encode(), [owner[0]] * 3)),
        *(f"default rights: {told}." for (told,) in connection.execute(DEFAULTS, owner)),
        *_triggers(connection),
    ]


def _walls(connection: psycopg.Connection[Any], matrix: Matrix) -> Iterator[str]:
    policies: dict[str, dict[str, tuple[Any, ...]]] = {}
    for table, name, *told in connection.execute(POLICIES).fetchall():
        policies.setdefault(table, {})[name] = tuple(told)
    tables = {
        name: (on, forced, columns) for name, on, forced, columns in connection.execute(TABLES.encode()).fetchall()
    }
    for name in sorted(set(matrix.walls) - set(tables)):
        yield f"{name} has a wall declared and does not exist."
    for name, (on, forced, columns) in tables.items():
        kind = matrix.walls.get(name)
        if kind is None:
            if on or name in policies:
                yield f"{name} has row-level security that is not declared."
            continue
        if not on or not forced:
            yield f"{name}: row-level security is {'not forced' if on else 'off'}."
        expected = {
            "hub": (True, True, "*", matrix.rules["hub"], True),
            "readers": (True, True, "r", expected_rule(matrix, kind, columns), True),
        }
        if policies.get(name, {}) != expected:
            yield f"{name}: its policies are not those of a wall of the kind {kind}."

    for (column,) in connection.execute(KEPT_VALUES):
        yield f"{column}: the planner keeps its frequent values, and EXPLAIN tells of them."


def expected_rule(matrix: Matrix, kind: str, columns: list[str]) -> str:
    """The readers' policy of a table, as the server tells it."""
    parts = [matrix.rules[kind]]
    if kind == "selection":
        parts.append(matrix.rules["selected"])
    if "contains_dwp" in columns:
        parts.append(matrix.rules["contains_dwp"])
    if "partner" in columns and kind != "aggregates":
        parts.append(matrix.rules["partner"])
    return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"


def _views(connection: psycopg.Connection[Any], matrix: Matrix) -> Iterator[str]:
    for name, options in connection.execute(VIEWS, (READERS_SCHEMAS,)):
        if "security_barrier=true" not in options:
            yield f"{name} is no security barrier."
        if any(option.startswith("security_invoker") for option in options):
            yield f"{name} runs with its reader's rights."
    reached = {name for (name,) in connection.execute(BEHIND, (READERS_SCHEMAS,))}
    for name in sorted(reached - set(matrix.walls) - matrix.behind):
        yield f"{name} stands behind a reader's view and has no wall."
    for name in sorted(matrix.behind - reached):
        yield f"{name} is declared to stand behind a reader's view and does not."


def _functions(connection: psycopg.Connection[Any], matrix: Matrix) -> Iterator[str]:
    found = set()
    for name, definer, leakproof, settings in connection.execute(FUNCTIONS.encode()):
        if definer:
            found.add(name)
            if "search_path=pg_catalog, pg_temp" not in settings:
                yield f"{name} runs with its owner's rights, without a fixed search_path."
        if leakproof:
            yield f"{name} is marked leakproof."
    for name in sorted(found ^ matrix.definers):
        yield f"{name} {'runs' if name in found else 'does not run'} with its owner's rights, unlike declared."


def _roles(connection: psycopg.Connection[Any], matrix: Matrix, owner: int) -> Iterator[str]:
    logins = dict(connection.execute("select login, 'wf_' || reader from access.login").fetchall()) | dict(
        matrix.logins
    )
    asked = {"roles": [*matrix.groups, *logins], "groups": list(matrix.groups), "owner": owner}
    for (name,) in connection.execute(POWERS, asked):
        yield f"role {name} has a power of its own (login of a group, superuser, createrole, createdb, bypassrls …)."
    for member, group, admin in connection.execute(MEMBERS, asked):
        if logins.get(member) != group or admin:
            yield f"role {member} belongs to {group}{' with the right to pass it on' if admin else ''}."
    for name, setting in connection.execute(SETTINGS, asked):
        if not setting.startswith(HARMLESS):
            yield f"sessions of {name} start with {setting.partition('=')[0]} set."


def _triggers(connection: psycopg.Connection[Any]) -> Iterator[str]:
    found = dict(connection.execute(TRIGGERS).fetchall())
    for name in sorted(set(found) | KEPT_TRIGGERS):
        if found.get(name) not in ("O", "A"):
            yield f"{name}: the trigger is {'off' if name in found else 'gone'}."
