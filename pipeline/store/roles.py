"""Roles of the server and the outer walls of the database; what a role may read inside is in schemas/database/.

Groups that nobody logs in as (`wf_*`) carry the rights; the login role `analyst` belongs to one of them. PUBLIC gets
nothing.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import errors, sql

from pipeline.errors import StoreError
from pipeline.store.credentials import Credentials

GROUPS = (
    "wf_pipeline", "wf_linker", "wf_evaluator", "wf_analyst", "wf_caseworker", "wf_auditor", "wf_partner",
)  # fmt: skip
ANALYST = "analyst"
PUBLISHER = "wf_pipeline"  # the build writes under it, and works with temporary tables
OUTER_WALLS = """
    select current_database(),
           pg_has_role(current_user, d.datdba, 'usage'),
           exists (select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a where a.grantee = 0)
           or exists (select from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
                      where n.nspname = 'public' and a.grantee = 0),
           exists (select from pg_roles where rolname = %s)
    from pg_database d where d.datname = current_database()
"""


def ensure_groups(connection: psycopg.Connection[Any]) -> None:
    """Make the groups, and let the owner act as each of them (SET ROLE) without having their rights by itself."""
    for group in GROUPS:
        role = sql.Identifier(group)
        try:
            with connection.transaction():
                if not connection.execute("select 1 from pg_roles where rolname = %s", (group,)).fetchone():
                    connection.execute(sql.SQL("create role {} nologin").format(role))
        except (errors.DuplicateObject, errors.UniqueViolation):
            pass  # another database of this server made it at the same moment
        except errors.InsufficientPrivilege:
            raise _not_allowed(f"it may not create the role {group}.", f"create role {group} nologin") from None
        member = "select pg_has_role(current_user, %s, 'set')"
        if connection.execute(member, (group,)).fetchone() != (True,):
            try:
                with connection.transaction():
                    connection.execute(sql.SQL("grant {} to current_user with inherit false, set true").format(role))
            except errors.InsufficientPrivilege:
                raise _not_allowed(
                    f"it may not act as the role {group}.", f"grant {group} to OWNER with admin true, inherit false"
                ) from None


def ensure_analyst(connection: psycopg.Connection[Any], credentials: Credentials) -> None:
    """The login role `analyst`, with a random password of ours, when the server has none; one that is there is left.

    Its sessions start read-only and in schema cohort: a help against slips; the walls are the missing rights.
    """
    if connection.execute("select 1 from pg_roles where rolname = %s", (ANALYST,)).fetchone():
        return
    credentials.ensure(ANALYST)
    verifier = connection.pgconn.encrypt_password(
        credentials.password(ANALYST).encode(), ANALYST.encode(), b"scram-sha-256"
    ).decode()
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("create role analyst login connection limit 20 password {} in role wf_analyst").format(
                    sql.Literal(verifier)
                )
            )
            connection.execute("alter role analyst set default_transaction_read_only = on")
            connection.execute("alter role analyst set search_path = cohort")
        watch(connection, ANALYST)
    except (errors.DuplicateObject, errors.UniqueViolation):
        pass


def watch(connection: psycopg.Connection[Any], login: str) -> bool:
    """Have what a reader's login asks told to the server's log, from its next session on (pipeline.access.looked reads
    it); whether the server lets us. On a server of your own its administrator allows it once (docs/operations.md)."""
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("alter role {} set log_min_duration_statement = 0").format(sql.Identifier(login))
            )
    except errors.InsufficientPrivilege:
        return False
    return True


def walls_stand(connection: psycopg.Connection[Any]) -> bool:
    """Whether PUBLIC is kept out and the analyst's login exists: a quick look, at every opening."""
    row = connection.execute(OUTER_WALLS, (ANALYST,)).fetchone()
    assert row is not None
    return bool(row[3]) and not row[2]


def close_to_public(connection: psycopg.Connection[Any]) -> None:
    """Take from PUBLIC what PostgreSQL gives it on the database (connect, temporary tables) and on schema public.

    Raises StoreError, with the statements for its administrator, when we do not own the database.
    """
    row = connection.execute(OUTER_WALLS, (ANALYST,)).fetchone()
    assert row is not None
    name, ours, is_open, _has_analyst = row
    if not is_open:
        return
    statements: list[sql.Composed | sql.SQL] = [
        sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)),
        sql.SQL("grant connect on database {} to {}").format(
            sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, GROUPS))
        ),
        sql.SQL("grant temporary on database {} to {}").format(sql.Identifier(name), sql.Identifier(PUBLISHER)),
        sql.SQL("revoke all on schema public from public"),
    ]
    if not ours:
        text = "; ".join(statement.as_string(connection) for statement in statements)
        raise _not_allowed("it does not own the database, and PUBLIC has rights on it.", text)
    for statement in statements:
        connection.execute(statement)


def _not_allowed(rule: str, statement: str) -> StoreError:
    return StoreError(
        where="the login role of --database-url",
        rule=rule,
        remedy=f"let the server's administrator run once: {statement};",
    )
