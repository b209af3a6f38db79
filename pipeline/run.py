"""The one look: every stage of the nightly build, in order."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline import (
    access,
    casework,
    criteria,
    doubt,
    escalation,
    families,
    linking,
    nightly,
    publish,
    rights,
    statements,
)
from pipeline.contracts import load_agreements, load_contracts, load_link_model, load_vocabulary
from pipeline.disclosure import load_control
from pipeline.errors import BuildError
from pipeline.link.versions import identifiers_of
from pipeline.progress import Progress, silent
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.store.readers import bring_in_line

DEFAULT_PACK = "troubled-families-2012"
Watch = Callable[[str], AbstractContextManager[None]]  # around each stage, by name: lineage is told so


def unwatched(stage: str) -> AbstractContextManager[None]:
    """Nobody looks on."""
    return nullcontext()


@dataclass
class BuildSummary:
    """What a build did, in counts; `timings` in seconds per stage."""

    run_id: int
    as_at: dt.date
    counts: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    watch: Watch = unwatched

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        with self.watch(stage):
            yield
        self.timings[stage] = round(time.perf_counter() - started, 3)


def build(
    settings: Settings,
    database: Database,
    as_at: dt.date | None = None,
    pack_id: str = DEFAULT_PACK,
    progress: Progress = silent,
    *,
    full: bool = False,
    watch: Watch = unwatched,
    asked_by: str | None = None,
) -> BuildSummary:
    """Link persons, form families, evaluate the criteria and publish, from what is loaded; one build at a time.

    `as_at` defaults to the last day any accepted delivery covers. `full`: compare all records and fit the link model
    anew, where comparing what has changed would do. `watch` is held around each stage. Raises BuildError when nothing
    is loaded. Run twice on the same deliveries, it changes no id and no flag. `asked_by`: the order it carries out;
    raises CarriedOut (pipeline.publish.run) where a run was published for it already.
    """
    vocabulary = load_vocabulary(settings.declarations)
    contracts = load_contracts(settings.declarations, vocabulary)
    model = load_link_model(settings.declarations)
    produced = frozenset().union(*(contract.evidence_kinds() for contract in contracts.values()))
    pack = criteria.load_pack(settings.declarations / "criteria" / f"{pack_id}.yaml", vocabulary, produced=produced)
    declared = casework.load_declared(settings.declarations, vocabulary, pack)
    watching = escalation.declaration(settings)
    agreements = load_agreements(settings.declarations)
    rights.keep_up(settings, database)
    control = load_control(settings.declarations)
    date = as_at or nightly.latest_period_end(database)
    if date is None:
        raise BuildError(
            where="build", rule="no delivery has been accepted yet.", remedy="deliver and ingest first; then build."
        )
    moment = pd.Timestamp(date)

    with database.connect() as connection:
        bring_in_line(connection, settings.declarations)  # who may read for what
    with publish.open_run(
        database, as_at=date, pack=pack, model=model, closed_kinds=declared.closed.kinds, asked_by=asked_by
    ) as run:
        summary = BuildSummary(run_id=run.run_id, as_at=date, watch=watch)

        with summary.timed("link"):
            progress("link persons", 0.05)
            tonight = linking.link_tonight(database, model, full=full)
            night = tonight.night

        with summary.timed("joint"):
            facts = nightly.read_evidence_inputs(database)
            linked = doubt.reason_together(
                tonight.result,
                night.records,
                facts.attributes,
                facts.residences,
                facts.relationships,
                moment,
                model,
                night.previous,
                first_new_id=night.last_person_id + 1,
                answers=night.answers,
            )

        with summary.timed("families"):
            progress("form families", 0.5)
            persons = families.persons_frame(facts.attributes, linked.persons)
            residences = families.by_person(facts.residences, linked.persons)
            relationships = families.by_person(nightly.with_origin(facts.relationships, contracts), linked.persons)
            formed = families.form_families(
                persons, residences, relationships, moment, facts.previous_members, last_id=facts.last_family_id
            )
            formed = families.with_periods(formed, persons, residences, relationships, moment)

        with summary.timed("criteria"):
            progress("evaluate criteria", 0.75)
            evidence = families.by_person(facts.facts, linked.persons)
            coverage = nightly.read_coverage(database, contracts, date)
            evaluated = criteria.evaluate(formed.families, formed.members, persons, evidence, coverage, pack, moment)

        with summary.timed("doubt"):
            progress("carry doubt to the flags", 0.8)
            doubtful = doubt.flag_doubt(
                linked.pairs,
                linked.persons,
                night.answers,
                identifiers_of(night.records, model.one_per_person),
                formed.members,
                facts.attributes,
                facts.residences,
                facts.relationships,
                facts.facts,
                coverage,
                pack,
                moment,
            )

        with summary.timed("casework"):
            progress("cases, costs, priority, progress, claims", 0.8)
            worked = casework.work_out(
                casework.read_standing(database, pack.id),
                declared,
                casework.Facts(formed, evaluated, persons, evidence, coverage, linked.persons, moment),
            )

        with summary.timed("escalation"):
            progress("who meets services more and more", 0.83)
            watched = escalation.Watched.of(evaluated)
            risen = escalation.work_out(watching, watched, formed.members, evidence, coverage, moment)

        with summary.timed("publish"):
            progress("publish", 0.85)
            summary.counts = publish.publish(
                run, linked, formed, evaluated, persons, evidence, doubtful, coverage,
                lambda connection: access.record_parts(connection, run.run_id, date),
                lambda connection: publish.write_summary(connection, run, formed, evaluated, control, agreements),
                lambda connection: casework.record(connection, worked, declared, run.run_id, date),
                lambda connection: escalation.record(connection, risen, watching, run.run_id, date),
                lambda connection: statements.record(
                    connection, run.run_id, pack, evaluated, evidence, declared.closed.kinds
                ),
                lambda connection: rights.record(connection, date, agreements, contracts, vocabulary),
                lambda connection: publish.write_link_state(
                    connection, run, before=tonight.state_before, after=tonight.result.state,
                    basis=tonight.basis, fitted_run=tonight.fitted_run, one_version_to=tonight.one_version_to,
                ),
            )  # fmt: skip
        run.timings = summary.timings
        progress("published", 1.0)
    return summary
