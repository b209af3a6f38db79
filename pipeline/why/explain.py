"""Put an answer together: why a family is on the list, with everything it rests on, or why it is not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from pipeline.contracts import load_agreements, load_contracts, load_link_model, load_vocabulary
from pipeline.criteria import Criterion as PackCriterion
from pipeline.criteria import load_pack, words
from pipeline.criteria.shortfall import shortfalls, would_select
from pipeline.errors import BuildError, DeclarationError
from pipeline.explain.pair import levels_told
from pipeline.nightly import read_coverage
from pipeline.records import CriteriaResult
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.why.account import Answer, Cited, Criterion, Doubt, Link, Missing, Origin, Person, Record, Rule
from pipeline.why.minimal import Support, support_of
from pipeline.why.read import Reader, Row
from pipeline.why.worlds import FamilyCase

NOT_LOOKED_AT = "not_looked_at"


@contextmanager
def explainer(settings: Settings, database: Database) -> Iterator[Explainer]:
    """An explainer of the run that users see; its connections are closed at the end. Raises BuildError without one."""
    reader = Reader(database)
    try:
        yield Explainer(settings, database, reader)
    finally:
        reader.close()


class Explainer:
    """Answers about families of one run: declarations and coverage are read once, rows per family."""

    def __init__(self, settings: Settings, database: Database, reader: Reader) -> None:
        self.reader = reader
        self.run = reader.run()
        vocabulary = load_vocabulary(settings.declarations)
        contracts = load_contracts(settings.declarations, vocabulary)
        produced = frozenset().union(*(contract.evidence_kinds() for contract in contracts.values()))
        path = settings.declarations / "criteria" / f"{self.run['pack']}.yaml"
        self.pack = load_pack(path, vocabulary, produced=produced)
        if self.pack.version != self.run["pack_version"]:
            raise BuildError(
                where=f"pack {self.pack.id}",
                rule=f"the last run went by version {self.run['pack_version']}; the file is {self.pack.version}.",
                remedy="run: wholefamily build; or put the version of the run back.",
            )
        self.comparisons = _comparisons(settings, self.run["model_version"])
        self.agreements = {one.id: one for one in load_agreements(settings.declarations)}
        self.coverage = read_coverage(database, contracts, self.run["as_at"])
        self.notes = self._notes()

    def case(self, family_id: int) -> FamilyCase | None:
        """The family as the pack looks at it; None where there is no such family now."""
        found = self.reader.case(family_id, self.pack, self.coverage, self.run["as_at"])
        return found[0] if found else None

    def explain(self, family_id: int) -> Answer:
        """Why the family is on the list, or why not."""
        found = self.reader.case(family_id, self.pack, self.coverage, self.run["as_at"])
        became = tuple(
            f"{one['change']} in run {one['run_id']}: {one['old_id'] or 'nothing'} → {one['new_id'] or 'nothing'}"
            for one in self.reader.ledger(family_id)
        )
        if found is None:
            return self._answer(family_id, found=False, standing="no such family", became=became)
        case, facts = found
        result = case.result
        if not len(result.selection):
            looked_at = words.families(self.pack)
            return self._answer(
                family_id, standing=NOT_LOOKED_AT, became=became,
                routes=f"the pack looks at {looked_at}; this is {words.plain(case.kind)}",
            )  # fmt: skip
        criteria = self._criteria(result)
        chosen = result.selection.iloc[0]
        shared: dict[str, Any] = {
            "standing": chosen["state"], "routes": chosen["reason"], "criteria": criteria, "became": became,
            "doubts": self._doubts(family_id),
        }  # fmt: skip
        support = support_of(case)
        if support is None:
            return self._answer(
                family_id, missing=self._missing(case, criteria), would_do=self._would_do(criteria), **shared
            )
        return self._answer(family_id, selected=True, **shared, **self._carried(case, facts, result, support))

    # --- a family on the list
    def _carried(
        self, case: FamilyCase, facts: Sequence[Row], result: CriteriaResult, support: Support
    ) -> dict[str, Any]:
        others = {row for stand_ins in support.instead.values() for row in stand_ins}
        rows = {row["evidence_id"]: row for row in facts}
        deliveries = self.reader.deliveries({rows[one]["delivery_id"] for one in {*support.rows, *others}})
        entries = self.reader.entries([*deliveries, self._run_subject])
        helps: dict[int, list[str]] = {}
        for criterion, evidence_id in zip(result.decisive["criterion"], result.decisive["evidence_id"], strict=True):
            helps.setdefault(int(evidence_id), []).append(criterion)

        def cited(one: int) -> Cited:
            row = rows[one]
            return Cited(
                **{name: row[name] for name in (
                    "evidence_id", "person_id", "record_id", "partner", "kind", "code", "role", "start_date",
                    "end_date", "quantity", "out_of",
                )},
                criteria=tuple(helps.get(one, ())),
                origin=self._origin(row, deliveries, entries),
                instead=support.instead.get(one, ()),
            )  # fmt: skip

        evidence = tuple(cited(one) for one in support.rows)
        return {
            "evidence": evidence,
            "others": tuple(cited(one) for one in case.rows if one in others),
            "persons": self._persons(case, {one.person_id for one in evidence}),
            "run_entry": entries.get(self._run_subject),
        }

    def _origin(self, row: Row, deliveries: Mapping[str, Row], entries: Mapping[str, int]) -> Origin:
        delivery = deliveries.get(row["delivery_id"], {})
        agreement = self.agreements.get(delivery.get("agreement_id") or "")
        feed = agreement.feeds.get(row["partner"]) if agreement else None
        return Origin(
            delivery_id=row["delivery_id"],
            file=f"{row['table_name']}.csv",
            line=row["row_number"],
            accepted_at=delivery.get("accepted_at"),
            manifest_sha256=delivery.get("manifest_sha256"),
            agreement=f"{agreement.id} {agreement.version}" if agreement else delivery.get("agreement_id"),
            gateway=feed.gateway if feed else "",
            onward=feed.onward_disclosure if feed else "",
            onward_blocked=bool(feed and feed.onward_blocked),
            entry=entries.get(row["delivery_id"]),
        )

    def _persons(self, case: FamilyCase, persons: Collection[int]) -> tuple[Person, ...]:
        records = self.reader.records(persons)
        links = self.reader.links([row["record_id"] for row in records])
        here = case.members[case.members["family_id"] == case.family_id]
        told = []
        for person in sorted(persons):
            mine = [row for row in records if row["person_id"] == person]
            ids = {row["record_id"] for row in mine}
            tree, loose = strongest([one for one in links if {one["record_a"], one["record_b"]} <= ids], ids)
            member = here[here["person_id"] == person].sort_values("start_date").iloc[-1]
            since, confidence = member["start_date"], member["confidence"]
            told.append(
                Person(
                    person_id=person,
                    role=str(member["role"]),
                    reason=member["reason"],
                    confidence=None if pd.isna(confidence) else float(confidence),
                    since=None if pd.isna(since) else since.date(),
                    records=tuple(
                        Record(row["record_id"], row["partner"], row["delivery_id"], row["row_number"]) for row in mine
                    ),
                    links=tuple(self._link(one) for one in tree),
                    unlinked=tuple(sorted(loose)),
                )
            )
        return tuple(told)

    def _link(self, row: Row) -> Link:
        bits = float(row["weight"]) + float(self.run["prior_bits"] or 0.0)
        agreement = levels_told(row["pattern"], self.comparisons) if self.comparisons else row["pattern"]
        found_by = row["blocking_pass"]
        if row["carried_from"] is not None:  # the records stand under two versions of the linkage key now
            found_by += f" (carried: compared under version {row['carried_from']} of the linkage key)"
        return Link(
            row["record_a"], row["record_b"], found_by, agreement, bits, float(row["probability"]), row["decision"],
        )  # fmt: skip

    # --- any family
    def _criteria(self, result: CriteriaResult) -> tuple[Criterion, ...]:
        found = result.results.set_index("criterion")
        told = []
        for criterion in self.pack.criteria:
            state, reason = (str(found.at[criterion.id, name]) for name in ("state", "reason"))
            met = rules_met(criterion, state, reason)
            rules = tuple(
                Rule(rule.id, rule.sentence or words.evidence(rule), rule.id in met) for rule in criterion.any_of
            )
            told.append(Criterion(criterion.id, criterion.title, state, reason, rules))
        return tuple(told)

    def _doubts(self, family_id: int) -> tuple[Doubt, ...]:
        return tuple(
            Doubt(row["criterion"], row["would_become"], row["record_a"], row["record_b"], float(row["otherwise"]))
            for row in self.reader.doubt(family_id, self.pack.id)
        )

    def _missing(self, case: FamilyCase, criteria: Sequence[Criterion]) -> tuple[Missing, ...]:
        open_ones = [one for one, told in zip(self.pack.criteria, criteria, strict=True) if told.state != "met"]
        short = shortfalls(case.family_id, case.members, case.persons, case.evidence, self.pack, open_ones, case.as_at)
        tests = [(rule.id, test) for criterion in open_ones for rule in criterion.any_of for test in rule.tests]
        return tuple(
            Missing(
                str(row["criterion"]), str(row["rule"]),
                f"{words.whose(test)}: {words.evidence(test)}, {words.window(test.window)}, {words.threshold(test)}",
                int(row["held"]), int(row["counted"]), float(row["reached"]), float(row["needed"]),
            )
            for row, (_, test) in zip(short.to_dict("records"), tests, strict=True)
        )  # fmt: skip

    def _would_do(self, criteria: Sequence[Criterion]) -> tuple[tuple[str, ...], ...]:
        states = {one.id: one.state for one in criteria}
        return tuple(would_select(self.pack, states, {one.id: [r.id for r in one.rules if r.met] for one in criteria}))

    def _notes(self) -> tuple[str, ...]:
        loaded = self.reader.loaded_since(self.run["started_at"])
        if not loaded:
            return ()
        return (
            f"{loaded} deliveries have been loaded since run {self.run['run_id']} began: rows may differ from those it "
            "went by. Build, and ask again.",
        )

    @property
    def _run_subject(self) -> str:
        return f"run/{self.run['run_id']}"

    def _answer(self, family_id: int, **told: Any) -> Answer:
        run = self.run
        published: dt.datetime = run["published_at"]
        shared = {
            "found": True, "selected": False, "routes": "", "run_entry": None, "pack": run["pack"],
            "pack_version": run["pack_version"], "run_id": run["run_id"], "as_at": run["as_at"],
            "published_at": published, "code_version": run["code_version"], "model_version": run["model_version"],
            "notes": self.notes,
        }  # fmt: skip
        return Answer(family_id=family_id, **{**shared, **told})


def _comparisons(settings: Settings, model_version: int) -> list[str]:
    """The names of the link model's comparisons; none where the version of the run is no longer declared."""
    try:
        return [comparison.name for comparison in load_link_model(settings.declarations, model_version).comparisons]
    except DeclarationError:
        return []


def rules_met(criterion: PackCriterion, state: str, reason: str) -> frozenset[str]:
    """Ids of the rules that are met, from a result's reason."""
    if state != "met":
        return frozenset()
    named = set(reason.partition(" (")[0].split(", "))
    return frozenset(rule.id for rule in criterion.any_of if rule.id in named)


def strongest(links: Sequence[Row], records: Collection[int]) -> tuple[list[Row], set[int]]:
    """The heaviest links that join the records (a spanning tree), and the records that none of them reaches."""
    group = {record: record for record in records}

    def find(record: int) -> int:
        while group[record] != record:
            group[record] = group[group[record]]
            record = group[record]
        return record

    kept = []
    for link in sorted(links, key=lambda one: (-one["weight"], one["record_a"], one["record_b"])):
        one, other = find(link["record_a"]), find(link["record_b"])
        if one != other:
            group[one] = other
            kept.append(link)
    reached = {record for link in kept for record in (link["record_a"], link["record_b"])}
    return kept, set(records) - reached if len(records) > 1 else set()
