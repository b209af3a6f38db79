"""The data-quality page of one delivery: static HTML for the data team, without a value of a person."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from pipeline.reports.page import environment
from pipeline.reports.quarantined import read_quarantined, read_reasons, read_trend
from pipeline.settings import Settings
from pipeline.store.database import Database

TEMPLATE = "delivery.html.j2"
LINES_SHOWN = 12

TABLES = """
select t.table_name, t.rows_delivered, t.rows_loaded, t.rows_quarantined,
       (select b.rows_loaded from registry.delivery_table b join registry.delivery e using (delivery_id)
        where b.table_name = t.table_name and e.partner = d.partner and e.kind = 'full' and e.sequence < d.sequence
          and e.state in ('accepted', 'accepted_with_quarantine', 'superseded')
        order by e.sequence desc limit 1) as loaded_before
from registry.delivery_table t join registry.delivery d using (delivery_id)
where t.delivery_id = %(id)s order by t.table_name
"""

CHECKS = """
select suite, expectation, coalesce(column_name, '') as column_name, severity, success, why from registry.check_result
where delivery_id = %(id)s order by success, severity, suite, column_name, expectation
"""

# The whole feed as it stood with this delivery, and its median over the five accepted before it.
FEED = """
with this as (select partner, sequence from registry.delivery where delivery_id = %(id)s),
earlier as (
    select d.delivery_id from registry.delivery d join this using (partner)
    where d.kind in ('full', 'delta') and d.sequence < this.sequence
        and d.state in ('accepted', 'accepted_with_quarantine', 'superseded') order by d.sequence desc limit 5
),
usual as (
    select m.table_name, m.measure, percentile_cont(0.5) within group (order by m.value) as value
    from registry.feed_measure m join earlier using (delivery_id) group by 1, 2
)
select m.table_name, m.measure, m.value, u.value as usual from registry.feed_measure m
left join usual u using (table_name, measure)
where m.delivery_id = %(id)s and (m.measure in ('rows', 'changed') or abs(m.value - u.value) > 0.01)
order by m.measure like 'missing %%', m.measure desc, m.table_name
"""


def write_delivery_page(database: Database, settings: Settings, delivery_id: str) -> Path:
    """Write `<reports>/delivery-<delivery_id>.html` and return its path; an older page of it is replaced.

    Raises BuildError when there is no such delivery.
    """
    found = read_quarantined(database, delivery_id)

    def rows(sql: str) -> list[dict[str, Any]]:
        with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
            listed: list[dict[str, Any]] = cursor.execute(sql.encode(), {"id": delivery_id}).fetchall()
        return listed

    checks = rows(CHECKS)
    page = (
        environment()
        .get_template(TEMPLATE)
        .render(
            delivery=found.delivery,
            tables=rows(TABLES),
            quarantined=found.rows,
            lines_shown=LINES_SHOWN,
            unmet=[check for check in checks if not check["success"]],
            met=sum(check["success"] for check in checks),
            feed=rows(FEED),
            reasons=read_reasons(database, found.delivery["partner"]),
            trend=read_trend(database, found.delivery["partner"]),
            written=dt.datetime.now(dt.UTC),
        )
    )
    settings.reports.mkdir(parents=True, exist_ok=True)
    path = settings.reports / f"delivery-{delivery_id}.html"
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)
    return path
