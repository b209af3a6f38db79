"""What is needed to evaluate any pack as at any date, read under the evaluating role alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from pipeline import families, nightly
from pipeline.contracts import Vocabulary, load_contracts, load_vocabulary
from pipeline.criteria import Pack, evaluate
from pipeline.records import CriteriaResult
from pipeline.settings import Settings
from pipeline.store.bulk import read_frame
from pipeline.store.database import Database
from pipeline.store.published import published_run


@dataclass(frozen=True)
class Live:
    """The live database's families and evidence as at a date; frames as in pipeline.records.

    `produced`: the kinds of evidence that contracts produce. `formed_anew`: the families were formed for this date,
    because it is not that of the last published build.
    """

    as_at: dt.date
    formed_anew: bool
    families: pd.DataFrame
    members: pd.DataFrame
    persons: pd.DataFrame
    evidence: pd.DataFrame
    coverage: pd.DataFrame
    vocabulary: Vocabulary
    produced: frozenset[str]

    def evaluated(self, pack: Pack) -> CriteriaResult:
        return evaluate(
            self.families, self.members, self.persons, self.evidence, self.coverage, pack, pd.Timestamp(self.as_at)
        )


def read_live(database: Database, settings: Settings, as_at: dt.date | None = None) -> Live:
    """Families and evidence as at a date (default: that of the last published build); nothing is written.

    On the published date the families are those that users see; on another they are formed for it, with the same
    persons. Raises BuildError when nothing has been published.
    """
    vocabulary = load_vocabulary(settings.declarations)
    contracts = load_contracts(settings.declarations, vocabulary)
    published = published_run(database, nightly.EVALUATOR).as_at
    date = as_at or published
    facts = nightly.read_evidence_inputs(database)
    person_map = _read(database, "select record_id, person_id from evidence.person")
    persons = families.persons_frame(facts.attributes, person_map)
    if date == published:
        formed, members = _published_families(database)
    else:
        moment = pd.Timestamp(date)
        residences = families.by_person(facts.residences, person_map)
        relationships = families.by_person(facts.relationships, person_map)
        result = families.form_families(
            persons, residences, relationships, moment, facts.previous_members, last_id=facts.last_family_id
        )
        result = families.with_periods(result, persons, residences, relationships, moment)
        formed, members = result.families, result.members
    return Live(
        as_at=date,
        formed_anew=date != published,
        families=formed,
        members=members,
        persons=persons,
        evidence=families.by_person(facts.facts, person_map),
        coverage=nightly.read_coverage(database, contracts, date),
        vocabulary=vocabulary,
        produced=frozenset().union(*(contract.evidence_kinds() for contract in contracts.values())),
    )


def _published_families(database: Database) -> tuple[pd.DataFrame, pd.DataFrame]:
    formed = _read(database, "select family_id, kind, area from publication.family order by family_id")
    members = _read(
        database,
        "select family_id, person_id, role, start_date, end_date, reason, confidence from publication.family_member",
    )
    for column in ("start_date", "end_date"):
        members[column] = pd.to_datetime(members[column])
    return formed, members


def _read(database: Database, sql: str) -> pd.DataFrame:
    with database.adbc(role=nightly.EVALUATOR) as connection:
        return pd.DataFrame(read_frame(connection, sql).to_pandas(date_as_object=False))
