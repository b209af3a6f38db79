"""What the commands read from the store: a published night as a reader may see it, and one family's journey.

Everything is read as the evaluating role; who may see what is decided by the declaration, before anything is shown.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline import audit
from pipeline.contracts import Vocabulary, load_contracts, load_vocabulary
from pipeline.contracts.closed import load_closed
from pipeline.errors import BuildError
from pipeline.escalation.chronology import chronology
from pipeline.escalation.declared import Escalation, Reader, load_escalation, titles_of
from pipeline.escalation.night import Night, Watched
from pipeline.settings import Settings
from pipeline.store.bulk import read_frame
from pipeline.store.database import Database
from pipeline.store.published import PublishedRun, published_run

EVALUATOR = "wf_evaluator"
IDS = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Told:
    """A night as a reader may see it: `rows` of cohort.escalation, `model` by agency, `monthly` contact days, each with
    the agency's title.

    `derived`: which families are selected rests on a blocked feed. `closed`: it is closed to this reader, so that no
    row is shown.
    """

    run: PublishedRun
    as_at: dt.date
    rows: pd.DataFrame
    model: pd.DataFrame
    monthly: pd.DataFrame
    derived: bool
    closed: bool = False

    def kept_for(self, reader: Reader, declared: Escalation) -> Told:
        """Without what this reader may not see; counts by agency are for all.

        A family stands in it because it is selected. Where the pack looks at a blocked feed, that is a flag derived
        from it, and closed to the people of other partners.
        """
        whole = declared.open_to(reader)
        closed = self.derived and not whole and reader.partner is not None

        def seen(rows: pd.DataFrame) -> pd.DataFrame:
            kept = np.full(len(rows), not closed) & (whole | ~rows["contains_dwp"].to_numpy(dtype=bool))
            return rows[kept].reset_index(drop=True)

        return replace(self, rows=seen(self.rows), monthly=seen(self.monthly), closed=closed)


def declaration(settings: Settings) -> Escalation:
    """The installation's declaration. Raises DeclarationError."""
    vocabulary = load_vocabulary(settings.declarations)
    return load_escalation(
        settings.declarations,
        vocabulary,
        load_closed(settings.declarations, vocabulary),
        load_contracts(settings.declarations, vocabulary),
    )


def read_night(database: Database) -> Told:
    """What the last build said, whole: `Told.kept_for` a reader before it is shown."""
    run = published_run(database)
    with database.adbc(role=EVALUATOR) as connection:

        def frame(query: str) -> pd.DataFrame:
            return pd.DataFrame(read_frame(connection, query, [run.run_id]).to_pandas(date_as_object=False))

        return Told(
            run=run,
            as_at=run.as_at,
            rows=frame(
                "select e.*, a.title from publication.escalation e join publication.agency a using (agency)"
                " where e.run_id = $1 order by e.p_value nulls last, e.family_id, a.place"
            ),
            model=frame(
                "select m.*, a.title from publication.escalation_model m join publication.agency a using (agency)"
                " where m.run_id = $1 order by a.place"
            ),
            monthly=frame(
                "select c.*, a.title from publication.service_contact c join publication.agency a using (agency)"
                " where c.run_id = $1 order by c.family_id, a.place, c.month_end"
            ),
            derived=bool(
                len(frame("select 1 from publication.criterion_result where contains_dwp and run_id = $1 limit 1"))
            ),
        )


def told_of(published_night: Told, night: Night, declared: Escalation) -> Told:
    """The same families as at another day, as worked out from today's evidence."""
    titles = titles_of(declared)

    def titled(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(title=rows["agency"].map(titles))

    return replace(
        published_night,
        as_at=night.as_at.date(),
        rows=titled(night.rising.rows).sort_values(["p_value", "family_id"], kind="stable", na_position="last"),
        model=titled(night.rising.model).assign(peer_group=night.peers),
        monthly=titled(night.monthly),
    )


@dataclass(frozen=True)
class Grounds:
    """Today's families and their evidence, to test as at another day: who is watched, members (MEMBERS), contact rows
    (person_id, kind, start_date, partner), families with children."""

    watched: Watched
    with_children: IDS
    members: pd.DataFrame
    evidence: pd.DataFrame


def read_grounds(database: Database, declared: Escalation) -> Grounds:
    """What a night is worked out from, as published: for another as-at date, or to measure false alarms."""
    run = published_run(database)
    with database.adbc(role=EVALUATOR) as connection:

        def frame(query: str, *parameters: Any) -> pd.DataFrame:
            table = read_frame(connection, query, parameters or None)
            return pd.DataFrame(table.to_pandas(date_as_object=False, strings_to_categorical=True))

        def ids(query: str, *parameters: Any) -> IDS:
            return np.unique(frame(query, *parameters)["family_id"].to_numpy(dtype=np.int64))

        return Grounds(
            watched=Watched(
                ids("select family_id from publication.cohort where cohort_end_date is null and pack = $1", run.pack),
                ids("select family_id from publication.criterion_result where state = 'met' and pack = $1", run.pack),
            ),
            with_children=ids("select family_id from publication.family where kind = 'with_children'"),
            # Today's families, whatever the day asked for: their members now.
            members=frame(
                "select family_id, person_id, role, confidence, null::date as start_date, null::date as end_date"
                " from publication.family_member where end_date is null"
            ),
            evidence=frame(
                "select p.person_id, f.kind, f.start_date, f.partner from evidence.fact f"
                " join evidence.person p using (record_id) where f.kind = any (string_to_array($1, ','))",
                ",".join(declared.contacts),
            ),
        )


def read_chronology(
    database: Database,
    declared: Escalation,
    vocabulary: Vocabulary,
    family_id: int,
    reader: Reader,
    why: str,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> pd.DataFrame:
    """One family's chronology as a reader may see it; that it was read, as whom and why, goes into the audit log first.

    Raises BuildError for a family that is not there.
    """
    published_run(database)
    with database.connect() as connection:
        _must_exist(connection, family_id)
        audit.append(connection, f"reader {reader.id}", "chronology_read", f"family/{family_id}", {"why": why})
    with database.adbc(role=EVALUATOR) as adbc:

        def frame(query: str) -> pd.DataFrame:
            return pd.DataFrame(read_frame(adbc, query, [family_id]).to_pandas(date_as_object=False))

        evidence = frame(
            "select f.evidence_id, p.person_id, f.kind, f.role, f.start_date, f.end_date, f.quantity, f.partner from"
            " (select distinct person_id from publication.family_member"
            "  where family_id = $1 and role in ('adult', 'child') and end_date is null) m"
            " join evidence.person p using (person_id) join evidence.fact f using (record_id)"
        )
        members = frame(
            "select distinct on (person_id) person_id, role, birth_month from publication.family_member"
            " where family_id = $1 and role in ('adult', 'child') and end_date is null order by person_id, role"
        )
        milestones = frame(
            "select cohort_start_date as day, cohort_end_date as until, 'Selected under ' || pack as what,"
            " exists (select from publication.criterion_result r where r.family_id = c.family_id and r.contains_dwp)"
            " as contains_dwp from publication.cohort c where family_id = $1"
            " union all select s.on_date, null, 'Case ' || replace(s.to_state, '_', ' '), c.contains_dwp"
            " from casework.step s join casework.family_case c using (case_id) where c.family_id = $1"
        )
    return chronology(
        evidence,
        members,
        milestones,
        reader,
        declared,
        vocabulary,
        first=None if first is None else pd.Timestamp(first),
        last=None if last is None else pd.Timestamp(last),
    )


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
