"""Logins of readers: analysts, caseworkers with their districts, auditors, and one login per partner."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from pipeline import audit
from pipeline.errors import StoreError
from pipeline.store.database import Database
from pipeline.store.roles import watch

KINDS = {
    "analyst": "wf_analyst", "caseworker": "wf_caseworker", "auditor": "wf_auditor", "partner": "wf_partner",
}  # fmt: skip
SEARCH_PATH = {"analyst": "cohort", "caseworker": "cohort", "auditor": "audit, registry", "partner": "exchange"}
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
RESERVED = re.compile(r"(wf_|pg_).*|postgres|admin|analyst|public|none")
CONNECTIONS = 10
LISTED = """
    select r.rolname::text as login, coalesce(l.reader, 'analyst') as reader, l.partner,
           coalesce(l.districts, '{}') as districts, coalesce(l.only_own, false) as only_own, l.purposes,
           l.default_purpose, l.added_by, l.added_at, r.rolcanlogin as may_log_in
    from pg_roles r left join access.login l on l.login = r.rolname
    where l.login is not null or r.rolname = 'analyst'
    order by reader, login
"""


@dataclass(frozen=True)
class Login:
    """One reader's login; `districts`, `only_own` limit a caseworker, `purposes` what may be stated (None: all that the
    group may), `default_purpose` counts where a session states none."""

    name: str
    reader: str
    partner: str | None = None
    districts: tuple[str, ...] = ()
    only_own: bool = False
    purposes: tuple[str, ...] | None = None
    default_purpose: str | None = None


def add_login(database: Database, login: Login, *, by: str, folder: Path) -> Path:
    """Make the login with a random password; returns the file that holds its connection URL (0600), to hand over and
    delete: the password is kept nowhere else. Logged. Raises StoreError for a name or limits that cannot be."""
    password = secrets.token_urlsafe(24)
    with database.connect() as connection:
        _check(connection, login)
        verifier = connection.pgconn.encrypt_password(password.encode(), login.name.encode(), b"scram-sha-256").decode()
        role, group = sql.Identifier(login.name), sql.Identifier(KINDS[login.reader])
        try:
            connection.execute(
                sql.SQL("create role {} login connection limit {} password {} in role {}").format(
                    role, sql.Literal(CONNECTIONS), sql.Literal(verifier), group
                )
            )
        except (errors.DuplicateObject, errors.UniqueViolation):
            raise _refused(login.name, "there is such a role already.", "choose another name.") from None
        paths = sql.SQL(SEARCH_PATH[login.reader])
        connection.execute(sql.SQL("alter role {} set search_path = {}").format(role, paths))
        watch(connection, login.name)
        if login.reader != "caseworker":  # a help against slips; the walls are the missing rights
            connection.execute(sql.SQL("alter role {} set default_transaction_read_only = on").format(role))
        connection.execute(
            "insert into access.login (login, reader, partner, districts, only_own, purposes, default_purpose,"
            " added_by) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                login.name, login.reader, login.partner, list(login.districts), login.only_own,
                list(login.purposes) if login.purposes is not None else None, login.default_purpose, by,
            ),
        )  # fmt: skip
        audit.append(connection, by, "login_added", f"login/{login.name}", _told(login))
        path = _hand_over(folder, login.name, database.address.as_login(login.name, password).url())
    return path


def remove_login(database: Database, name: str, *, by: str, why: str) -> None:
    """Take a login away: it may not log in any more, and what it was stays in the log. Raises StoreError."""
    with database.connect() as connection:
        row = connection.execute("delete from access.login where login = %s returning reader", (name,)).fetchone()
        if row is None:
            raise _refused(name, "no such login was made here.", "see the logins: wholefamily roles list")
        try:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
        except errors.UndefinedObject:
            raise _refused(name, "the server has no such role.", "make it again, then remove it.") from None
        except errors.DependentObjectsStillExist:
            raise _refused(
                name, "it owns something, or has rights of its own.", "let the administrator run: drop owned by it."
            ) from None
        audit.append(connection, by, "login_removed", f"login/{name}", {"reader": row[0], "why": why})


def list_logins(database: Database) -> list[dict[str, Any]]:
    """Every reader's login with what limits it."""
    with database.connect() as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(LISTED).fetchall()


def _check(connection: psycopg.Connection[Any], login: Login) -> None:
    if login.reader not in KINDS:
        raise _refused("roles add", "there is no such kind of reader.", f"use one of {', '.join(KINDS)}.")
    if not NAME.fullmatch(login.name) or RESERVED.fullmatch(login.name):
        raise _refused("roles add", "this is no name for a login, or is kept.", "use a-z, 0-9 and _; not wf_ or pg_.")
    if login.reader == "caseworker" and not login.districts:
        raise _refused(login.name, "a caseworker without a district sees nothing.", "give --district, '*' for all.")
    if login.reader != "caseworker" and (login.districts or login.only_own):
        raise _refused(login.name, "districts are a caseworker's.", "leave --district and --own out.")
    if login.reader == "partner":
        known = [row[0] for row in connection.execute("select partner from registry.partner order by 1")]
        if login.partner not in known:
            names = ", ".join(known) or "none yet: ingest first"
            raise _refused(login.name, "no such partner has delivered anything.", f"partners: {names}.")
    open_to = {
        row[0]
        for row in connection.execute(
            "select purpose from access.role_purpose where role_name = %s", (KINDS[login.reader],)
        )
    }
    named = set(login.purposes or ()) | ({login.default_purpose} if login.default_purpose else set())
    if not named <= open_to or (
        login.purposes is not None and login.default_purpose and login.default_purpose not in login.purposes
    ):
        raise _refused(
            login.name, "its group may not state this purpose.", f"use {', '.join(sorted(open_to)) or 'no purpose'}."
        )


def _told(login: Login) -> dict[str, Any]:
    purposes: Sequence[str] | str = list(login.purposes) if login.purposes is not None else "all of its group"
    return {
        "reader": login.reader, "partner": login.partner, "districts": list(login.districts),
        "only_own": login.only_own, "purposes": purposes, "default_purpose": login.default_purpose,
    }  # fmt: skip


def _hand_over(folder: Path, name: str, url: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{name}.url"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(url + "\n")
    return path


def _refused(where: str, rule: str, remedy: str) -> StoreError:
    return StoreError(where=where, rule=rule, remedy=remedy)
