"""Escalation and chronology on the live database: what is read, as which role, and what is written. No rule here."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from psycopg import sql

from pipeline import audit
from pipeline.contracts import load_agreements, load_contracts, load_vocabulary
from pipeline.errors import BuildError, DeclarationError
from pipeline.escalation.alert import Rising, find_rising
from pipeline.escalation.calibrate import false_alarms, planted
from pipeline.escalation.chronology import chronology
from pipeline.escalation.contacts import Contacts, count_contacts, monthly_rows
from pipeline.escalation.declared import Escalation, load_escalation
from pipeline.nightly import EVALUATOR, read_coverage
from pipeline.progress import Progress, silent
from pipeline.publish import latest_run
from pipeline.settings import Settings
from pipeline.store.bulk import copy_frame, read_frame
from pipeline.store.database import Database

SELECTED, MEETING_ONE, WITH_CHILDREN = "selected families", "families that meet a criterion", "families with children"
FAMILIES = {
    SELECTED: "select family_id from publication.cohort where cohort_end_date is null and pack = $1",
    MEETING_ONE: "select distinct family_id from publication.criterion_result where state = 'met' and pack = $1",
    WITH_CHILDREN: "select family_id from publication.family where kind = 'with_children' and $1 <> ''",
}
IN_FORCE = ("accepted", "accepted_with_quarantine")
ROLE_OF_READER = "wf_{}"  # the database role that a reader's people belong to


@dataclass(frozen=True)
class Published:
    """The run that users see."""

    run_id: int
    as_at: pd.Timestamp
    pack: str


@dataclass(frozen=True)
class Escalated:
    """One night's escalation: who was tested, against whom, what was found."""

    run_id: int
    as_at: dt.date
    watched: int
    peers: str
    rising: Rising

    @property
    def alerts(self) -> pd.DataFrame:
        """The alerts, the largest surprise first."""
        return self.rising.rows[self.rising.rows["alert"]].sort_values("p_value", kind="stable")


def refresh(database: Database, settings: Settings, progress: Progress = silent) -> Escalated:
    """Test the selected families of the published run and write what analysts see, in one transaction.

    With fewer selected families than the smallest peer group they are held against all families that meet a
    criterion. Raises BuildError when nothing is published.
    """
    declared = declaration(settings)
    now = published(database)
    watched = _families(database, SELECTED, now.pack)
    against = SELECTED if len(watched) >= declared.test.smallest_peer_group else MEETING_ONE
    peers = _families(database, against, now.pack)
    progress("count contacts", 0.2)
    contacts = read_contacts(database, settings, declared, now, np.union1d(watched, peers), declared.test.months)
    progress("test for rises", 0.6)
    rising = find_rising(contacts, watched, declared.test, peers)
    progress("write", 0.9)
    monthly = monthly_rows(contacts)
    _write(database, declared, now, rising, monthly[monthly["family_id"].isin(watched)])
    return Escalated(now.run_id, now.as_at.date(), len(watched), against, rising)


def measure(database: Database, settings: Settings, *, nights_back: int = 9, seed: int = 1) -> dict[str, Any]:
    """How often the test cries wolf on this borough, and what it finds of planted rises: over all families with
    children, nothing written. Only made-up data is known to hold no rise of its own."""
    declared = declaration(settings)
    now = published(database)
    families = _families(database, WITH_CHILDREN, now.pack)
    contacts = read_contacts(database, settings, declared, now, families, declared.test.months + nights_back)
    found = {
        extra: planted(contacts, declared.test, extra_days=extra, families=100, seed=seed)[0] for extra in (4, 6, 8)
    }
    return {
        "as_at": now.as_at.date().isoformat(),
        "families": len(families),
        "false_discovery_rate": declared.test.false_discovery_rate,
        "false_alarms": false_alarms(contacts, declared.test, seed=seed).to_dict(orient="records"),
        "planted_and_found": [{"extra_contact_days": extra, "found": share} for extra, share in found.items()],
    }


def read_contacts(
    database: Database, settings: Settings, declared: Escalation, now: Published, families: np.ndarray, months: int
) -> Contacts:
    """Contact days of these families, read as the evaluating role."""
    since = (now.as_at - pd.DateOffset(months=months)).date().isoformat()
    with database.adbc(role=EVALUATOR) as connection:
        evidence = read_frame(
            connection,
            "select p.person_id, f.kind, f.start_date, f.partner from evidence.fact f join evidence.person p"
            " using (record_id) where f.kind = any (string_to_array($1, ',')) and f.start_date > $2::date",
            [",".join(declared.contacts), since],
        )
        members = read_frame(
            connection, "select family_id, person_id, role from publication.family_member where end_date is null"
        )
    return count_contacts(
        evidence.to_pandas(date_as_object=False, strings_to_categorical=True),
        members.to_pandas(),
        families,
        covered_from(database, settings, now),
        declared,
        now.as_at,
        months,
    )


def covered_from(database: Database, settings: Settings, now: Published) -> dict[str, pd.Timestamp]:
    """By kind of evidence, the first day that its feeds cover: of kinds whose feeds are all fresh on the as-at date."""
    contracts = load_contracts(settings.declarations, load_vocabulary(settings.declarations))
    with database.connect() as connection:
        firsts = dict(
            connection.execute(
                "select partner, min(period_from) from registry.delivery where state = any (%s) group by partner",
                (list(IN_FORCE),),
            ).fetchall()
        )
    coverage = read_coverage(database, contracts, now.as_at.date())
    coverage = coverage[coverage["partner"].map(firsts).notna()]
    fresh = coverage.groupby("kind")["fresh"].all()
    coverage = coverage[coverage["kind"].map(fresh)]
    started = pd.to_datetime(coverage["partner"].map(firsts)).groupby(coverage["kind"]).max()
    return {str(kind): pd.Timestamp(first) for kind, first in started.items()}


def read_chronology(
    database: Database,
    settings: Settings,
    family_id: int,
    reader: str,
    why: str,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> pd.DataFrame:
    """One family's chronology as a reader may see it; that it was read, by whom and why, goes into the audit log first.

    Raises DeclarationError for a reader not declared, BuildError for a family that is not there.
    """
    declared = declaration(settings)
    if reader not in declared.readers:
        raise DeclarationError(
            where="chronology, --reader",
            rule=f"nobody of this name may read one; there are: {', '.join(declared.readers)}.",
            remedy="name one of these, or declare it in schemas/escalation/escalation.yaml.",
        )
    with database.connect() as connection:
        _must_exist(connection, family_id)
        audit.append(connection, f"reader {reader}", "chronology_read", f"family/{family_id}", {"why": why})
    with database.adbc(role=EVALUATOR) as adbc:

        def frame(query: str) -> pd.DataFrame:
            return pd.DataFrame(read_frame(adbc, query, [family_id]).to_pandas(date_as_object=False))

        evidence = frame(
            "select f.evidence_id, p.person_id, f.kind, f.code, f.role, f.start_date, f.end_date, f.quantity, f.out_of,"
            " f.partner from publication.family_member m join evidence.person p using (person_id)"
            " join evidence.fact f using (record_id) where m.family_id = $1 and m.end_date is null"
            " and m.role in ('adult', 'child')"
        )
        members = frame(
            "select distinct on (person_id) person_id, role, birth_month, sex from publication.family_member"
            " where family_id = $1 and end_date is null and role in ('adult', 'child')"
            " order by person_id, start_date desc nulls last"
        )
        milestones = frame(
            "select cohort_start_date as day, cohort_end_date as until, 'Selected under ' || pack as what,"
            " exists (select from publication.criterion_result r where r.family_id = c.family_id and r.contains_dwp)"
            " as contains_dwp from publication.cohort c where family_id = $1"
        )
    return chronology(
        evidence,
        members,
        milestones,
        declared.readers[reader],
        declared,
        load_vocabulary(settings.declarations),
        first=None if first is None else pd.Timestamp(first),
        last=None if last is None else pd.Timestamp(last),
    )


def declaration(settings: Settings) -> Escalation:
    """The installation's declaration. Raises DeclarationError."""
    vocabulary = load_vocabulary(settings.declarations)
    agreements = load_agreements(settings.declarations)
    return load_escalation(
        settings.declarations, vocabulary, agreements, load_contracts(settings.declarations, vocabulary)
    )


def published(database: Database) -> Published:
    """The run that users see. Raises BuildError when nothing is published."""
    run_id = latest_run(database)
    with database.connect() as connection:
        row = connection.execute("select as_at, pack from registry.run where run_id = %s", (run_id,)).fetchone()
    assert row is not None
    return Published(run_id, pd.Timestamp(row[0]), str(row[1]))


def _families(database: Database, which: str, pack: str) -> np.ndarray:
    with database.adbc(role=EVALUATOR) as connection:
        found = read_frame(connection, FAMILIES[which], [pack])
    return np.sort(found["family_id"].to_numpy().astype(np.int64))


def _must_exist(connection: Any, family_id: int) -> None:
    if connection.execute("select from publication.family where family_id = %s", (family_id,)).fetchone() is not None:
        return
    became = connection.execute(
        "select new_id from publication.family_ledger where old_id = %s and change = 'merge'"
        " order by run_id desc limit 1",
        (family_id,),
    ).fetchone()
    raise BuildError(
        where=f"family {family_id}",
        rule="there is no such family in the published run.",
        remedy=f"it is part of family {became[0]} now." if became else "look for its id in cohort.family.",
    )


def _write(database: Database, declared: Escalation, now: Published, rising: Rising, monthly: pd.DataFrame) -> None:
    feeds = pd.DataFrame(
        [
            (ROLE_OF_READER.format(reader.id), partner, partner in declared.blocked)
            for reader in declared.readers.values()
            for partner in sorted(reader.sees)
        ],
        columns=["role_name", "partner", "blocked"],
    )
    alerts = int(rising.rows["alert"].sum())
    with database.connect() as connection:
        for table, rows in (
            ("reader_feed", feeds),
            ("service_contact", monthly.assign(as_at=now.as_at, run_id=now.run_id)),
            ("escalation", rising.rows.assign(as_at=now.as_at, run_id=now.run_id)),
            ("escalation_model", rising.model.assign(as_at=now.as_at, run_id=now.run_id)),
        ):
            connection.execute(sql.SQL("delete from {}").format(sql.Identifier("publication", table)))
            copy_frame(connection, f"publication.{table}", rows)
        audit.append(connection, "pipeline", "escalation", f"run/{now.run_id}", {"alerts": alerts})
