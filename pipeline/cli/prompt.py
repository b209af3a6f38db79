"""A psql prompt or one query on the live database. The password goes by the environment, never by the arguments."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.store.database import Database


def run_prompt(database: Database, role: str, purpose: str | None) -> int:
    """Open psql (the embedded server's own program) as the role; returns its exit code."""
    from pipeline.store.embedded import bundled_program

    parts = urlsplit(database.url_for(role, purpose=purpose))
    bare = urlunsplit((parts.scheme, f"{parts.username}@{parts.hostname}:{parts.port}", parts.path, parts.query, ""))
    environment = dict(os.environ, PGPASSWORD=unquote(parts.password or ""), PSQLRC=os.devnull)
    environment.setdefault("PGAPPNAME", "wholefamily-sql")
    return subprocess.run([str(bundled_program("psql")), bare], env=environment, check=False).returncode


def run_query(database: Database, role: str, query: str, purpose: str | None) -> Table:
    """One query's rows as a table. Raises StoreError with the server's error class, never its detail."""
    import psycopg
    from rich.markup import escape
    from rich.table import Table

    table = Table(header_style="bold", show_edge=False)
    with psycopg.connect(database.url_for(role, purpose=purpose)) as connection:
        try:
            cursor = connection.execute(query.encode())
        except psycopg.Error as error:
            problem = error.diag.message_primary if error.sqlstate and error.sqlstate.startswith("42") else None
            raise StoreError(
                where="the query",
                rule=f"the server refused it ({problem or type(error).__name__}).",
                remedy=error.diag.message_hint
                if problem and error.sqlstate == "42501" and error.diag.message_hint
                else "mend the query; \\d+ cohort.* in the prompt (wholefamily sql) lists tables and columns.",
            ) from None
        for column in cursor.description or ():
            table.add_column(escape(column.name))
        for row in cursor.fetchall() if cursor.description else ():
            table.add_row(*("" if value is None else escape(str(value)) for value in row))
    return table
