"""Role changes: what roles may do is compared with what the log last said, and a difference becomes an entry.

The server tells nobody when a role is made or a right is given, so this looks every night; between two nights it
shows that something changed, not who did it (the server's own log does, where pgaudit runs).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import psycopg

from pipeline.audit.log import append
from pipeline.store.database import Database

ACTOR, ACTION = "pipeline", "roles_changed"
MOST_NAMED = 40
STANDING = """
    select 'role ' || rolname || case when rolsuper then ' superuser' else '' end
           || case when rolcreaterole then ' createrole' else '' end
           || case when rolbypassrls then ' bypassrls' else '' end || case when rolcanlogin then ' login' else '' end
    from pg_roles where rolname !~ '^pg_'
    union all
    select 'member ' || m.rolname || ' of ' || g.rolname
    from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.roleid
    where g.rolname !~ '^pg_' or m.rolname !~ '^pg_'
    union all
    select 'grant ' || n.nspname || '.' || c.relname || ' ' || coalesce(r.rolname, 'public') || ' '
           || string_agg(lower(a.privilege_type), ',' order by a.privilege_type)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    cross join aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'v', 'm', 'p')
    group by n.nspname, c.relname, r.rolname
    order by 1
"""
LAST = "select detail from audit.log where action = 'roles_changed' order by entry_id desc limit 1"


def record_role_changes(database: Database) -> dict[str, int]:
    """Compare roles, memberships and rights on tables with the last entry about them; append what changed.

    Returns how many were added and removed (the first time: all are added).
    """
    with database.connect() as connection:
        standing = sorted(row[0] for row in connection.execute(STANDING.encode()))
        last = connection.execute(LAST).fetchone()
        before: dict[str, Any] = last[0] if last else {"standing": []}
        known = set(before["standing"])
        added, removed = [one for one in standing if one not in known], sorted(known - set(standing))
        if added or removed or last is None:
            _append(connection, standing, added if last else [], removed)
    return {"added": len(added), "removed": len(removed)}


def _append(connection: psycopg.Connection[Any], standing: list[str], added: list[str], removed: list[str]) -> None:
    digest = hashlib.sha256(json.dumps(standing).encode()).hexdigest()
    detail = {"standing": standing, "sha256": digest, "added": added[:MOST_NAMED], "removed": removed[:MOST_NAMED]}
    append(connection, ACTOR, ACTION, "roles", detail)
