"""The register of requests, for people to read: what was asked, when an answer is due, what was decided."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from pipeline.store.database import Database

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from pipeline.rights.retention import Retained

REQUESTS = """
    select r.request_id, r."right", r.partner, r.asked_at::date as asked_on, r.due_on, r.by_whom, r.reason, r.state,
           r.decided_at::date as decided_on, r.decided_by, r.decision, r.ground,
           count(c.*) filter (where c.state = 'open') as contested,
           count(c.*) filter (where c.state = 'corrected') as corrected,
           count(c.*) filter (where c.state = 'confirmed') as confirmed
    from rights.request r left join rights.contest c using (request_id)
    group by r.request_id order by r.asked_at
"""


def read_requests(database: Database) -> list[dict[str, Any]]:
    """One dict per request, the oldest first."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(REQUESTS).fetchall()


def requests_table(rows: list[dict[str, Any]]) -> Table:
    """For the terminal; a request that is open beyond its day is marked."""
    from rich.markup import escape
    from rich.table import Table as Shown

    table = Shown(title=f"Requests ({len(rows)})", title_justify="left", show_edge=False)
    for heading in ("request", "right", "through", "asked", "due", "state", "decided", "by", "reason"):
        table.add_column(heading)
    for row in rows:
        late = row["state"] == "open" and row["due_on"] < dt.date.today()
        waits = f", {row['contested']} rows contested" if row["contested"] else ""
        state = f"[red]overdue{waits}[/red]" if late else f"{row['state']}{waits}"
        if row["ground"]:
            state += f" ({row['ground']})"
        table.add_row(
            row["request_id"], row["right"], row["partner"], str(row["asked_on"]), str(row["due_on"]), state,
            str(row["decided_on"] or ""), escape(row["decided_by"] or row["by_whom"]),
            escape(row["decision"] or row["reason"]),
        )  # fmt: skip
    return table


def retention_table(done: Retained) -> Group:
    """How far back each feed is held, and what goes, for the terminal."""
    from rich.console import Group
    from rich.table import Table as Shown

    limits = Shown(title="Held", title_justify="left", show_edge=False)
    for heading in ("partner", "agreement", "data reach", "held from"):
        limits.add_column(heading)
    for limit in done.limits:
        limits.add_row(limit.partner, limit.agreement, str(limit.today), str(limit.held_from or "not said"))
    gone = Shown(title=f"Over: {done.rows} rows", title_justify="left", show_edge=False)
    for heading in ("table", "agreement", "last day in"):
        gone.add_column(heading)
    gone.add_column("rows", justify="right")
    for one in done.destroyed:
        gone.add_row(one.table, one.agreement, one.year, f"{one.rows:,}")
    return Group(limits, "", gone)
