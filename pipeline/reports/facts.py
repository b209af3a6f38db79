"""What a run report tells, read from the registry and the cohort views: counts, times, states. No person's values.

Only counts and declared names are read here (partners, tables, columns, reasons, criteria, areas); no query
touches `identity` or `evidence`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row

from pipeline.errors import BuildError
from pipeline.reports.casework_facts import read_casework
from pipeline.reports.programme_facts import read_programme
from pipeline.store.database import Database

Rows = list[dict[str, Any]]
IN_FORCE = ("accepted", "accepted_with_quarantine")
STAGES = ("ingest", "link", "joint", "families", "criteria", "doubt", "casework", "escalation", "publish")
SELECTED = "selected"  # the name under which the selection itself is counted, beside the criteria


@dataclass(frozen=True)
class RunFacts:
    """One run, and the registry as it stands when the report is written.

    deliveries: partner, name, delivery_id, state, period_from, period_to, rows_delivered, rows_loaded,
    rows_quarantined, code, reason, remedy, received_at; the latest first. quarantine: partner, reason, rows. checks:
    suite, severity, success, expectation, column_name, why, times. freshness: partner, name, period_from,
    period_to, freshness_days. areas: area, criterion, families (suppressed). escalation: by agency, as
    cohort.escalation_model. contacts: contact days of the selected families: agency, title, month_end, contacts,
    window_from. casework: as `casework_facts.read_casework`; programme: as
    `programme_facts.read_programme`. Any of them may be empty.
    """

    run_id: int
    kind: str
    state: str
    as_at: dt.date
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    code_version: str | None
    pack: str | None
    pack_version: str | None
    model_version: int | None
    counts: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    blocking: Rows = field(default_factory=list)
    deliveries: Rows = field(default_factory=list)
    quarantine: Rows = field(default_factory=list)
    checks: Rows = field(default_factory=list)
    freshness: Rows = field(default_factory=list)
    areas: Rows = field(default_factory=list)
    late: Rows = field(default_factory=list)  # by today's date: name, last, days, freshness_days
    escalation: Rows = field(default_factory=list)
    contacts: Rows = field(default_factory=list)
    casework: dict[str, Rows] = field(default_factory=dict)
    programme: dict[str, Rows] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    def in_force(self) -> Rows:
        """The deliveries that the run could use."""
        return [row for row in self.deliveries if row["state"] in IN_FORCE]

    def rejected(self) -> Rows:
        """Rejected deliveries, the latest first: what somebody has to do something about."""
        return [row for row in self.deliveries if row["state"] == "rejected"]

    def rows(self, column: str) -> int:
        """The sum of a count over the deliveries in force."""
        return sum(row[column] or 0 for row in self.in_force())

    def title(self, criterion: str) -> str:
        """A criterion's title, or its id in words where the pack has told none."""
        if criterion == SELECTED:
            return "Flagged for review"
        return self.titles.get(criterion) or criterion.replace("_", " ").capitalize()

    def criteria(self) -> dict[str, int]:
        """Families that meet each criterion, in the pack's order."""
        counts = self.counts.get("criteria") or {}
        order = [name for name in self.counts.get("criteria_order") or [] if name in counts]
        return {str(name): int(counts[name]) for name in [*order, *(name for name in counts if name not in order)]}

    def criterion_rows(self) -> list[list[str]]:
        """Title and families per criterion, as shown."""
        return [[self.title(name), f"{count:,}"] for name, count in self.criteria().items()]

    def failed_checks(self) -> Rows:
        """Checks that did not pass, critical ones first."""
        return sorted((row for row in self.checks if not row["success"]), key=lambda row: row["severity"] != "critical")

    def combinations(self) -> Rows:
        """Families by the exact set of criteria they meet, without those that meet none; the largest first."""
        told = [row for row in self.counts.get("combinations") or [] if row.get("criteria")]
        return sorted(told, key=lambda row: (-int(row["families"]), row["criteria"]))

    def stages(self) -> dict[str, float]:
        """Seconds per stage of the build, in the order in which the stages run."""
        order = [*(name for name in STAGES if name in self.timings), *(n for n in self.timings if n not in STAGES)]
        return {name: float(self.timings[name]) for name in order}

    def families_meeting(self, at_least: int) -> int | None:
        """Families that meet at least so many of the programme's own criteria (of all, where the run counted only
        combinations); None when it counted neither."""
        core = self.counts.get("core_criteria_met")
        if core is not None:
            found = core.get(str(at_least))
            return None if found is None else int(found)
        if self.counts.get("combinations") is None:
            return None
        return sum(int(row["families"]) for row in self.combinations() if len(row["criteria"]) >= at_least)


def read_run_facts(database: Database, run_id: int) -> RunFacts:
    """Everything about one run. Raises BuildError when there is no such run."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:

        def rows(sql: str, *parameters: Any) -> Rows:
            found: Rows = cursor.execute(sql, parameters).fetchall()
            return found

        runs = rows(
            "select run_id, kind, state, as_at, started_at, finished_at, code_version, pack, pack_version,"
            " model_version, counts, timings, parameters, blocking from registry.run where run_id = %s",
            run_id,
        )
        if not runs:
            raise BuildError(
                where=f"report of run {run_id}", rule="there is no such run.", remedy="look in registry.run."
            )
        run = runs[0]
        for document in ("counts", "timings", "parameters"):
            run[document] = run[document] or {}
        run["blocking"] = run["blocking"] or []
        return RunFacts(
            **run,
            deliveries=rows(DELIVERIES),
            quarantine=rows(QUARANTINE, list(IN_FORCE)),
            checks=rows(CHECKS, list(IN_FORCE)),
            freshness=rows(FRESHNESS, list(IN_FORCE)),
            late=rows(LATE),
            areas=rows(AREAS, run["as_at"], run["pack"]),
            escalation=rows(ESCALATION, run_id),
            contacts=rows(CONTACTS, run_id),
            casework=read_casework(rows, run_id, run["pack"]),
            programme=read_programme(rows),
            titles={row["criterion"]: row["title"] for row in rows(TITLES, run["pack"])},
        )


DELIVERIES = """
select d.partner, coalesce(p.name, d.partner) as name, d.delivery_id, d.state, d.period_from, d.period_to,
       d.rows_delivered, d.rows_loaded, d.rows_quarantined, d.code, d.reason, d.remedy, d.received_at
from registry.delivery d left join registry.partner p using (partner)
where d.state <> 'superseded'
order by d.partner, d.received_at desc nulls last, d.delivery_id desc
limit 200
"""

QUARANTINE = """
select d.partner, q.reason, count(distinct (q.delivery_id, q.table_name, q.row_number)) as rows
from registry.quarantine q join registry.delivery d using (delivery_id)
where d.state = any(%s) and q.cleared_by is null
group by d.partner, q.reason order by rows desc, d.partner, q.reason
"""

CHECKS = """
select c.suite, c.severity, c.success, c.expectation, c.column_name, c.why, count(*) as times
from registry.check_result c join registry.delivery d using (delivery_id)
where d.state = any(%s)
group by c.suite, c.severity, c.success, c.expectation, c.column_name, c.why
order by c.suite, c.success, c.severity, c.expectation, c.column_name
"""

FRESHNESS = """
select p.partner, coalesce(p.name, p.partner) as name, p.freshness_days,
       min(d.period_from) as period_from, max(d.period_to) as period_to
from registry.partner p left join registry.delivery d on d.partner = p.partner and d.state = any(%s)
group by p.partner, p.name, p.freshness_days order by p.partner
"""

LATE = """
select * from (
    select coalesce(p.name, p.partner) as name, max(d.decided_at)::date as last,
           (now() at time zone 'UTC')::date - max(d.decided_at at time zone 'UTC')::date as days, p.freshness_days
    from registry.partner p join registry.delivery d on d.partner = p.partner
        and d.state in ('accepted', 'accepted_with_quarantine', 'superseded')
    group by p.partner, p.name, p.freshness_days
) newest where days > freshness_days order by name
"""

AREAS = """
select area, criterion, families from cohort.summary
where as_at = %s and pack = %s order by area nulls last, criterion
"""

ESCALATION = """
select m.* from cohort.escalation_model m join publication.agency a using (agency) where m.run_id = %s order by a.place
"""

CONTACTS = """
select c.agency, a.title, c.month_end, sum(c.contacts) as contacts,
       (select min(window_from) from publication.escalation) as window_from
from publication.service_contact c join publication.agency a using (agency)
where c.run_id = %s group by c.agency, a.title, a.place, c.month_end order by a.place, c.month_end
"""

TITLES = """
select distinct criterion, title from cohort.criterion_result where pack = %s order by criterion
"""
