"""An answer as W3C PROV-JSON: what the flag was derived from, by which run, under whose agreement.

The form is that of the member submission "The PROV-JSON Serialization" (W3C, 2013). Ids and days; nothing of a person.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from pipeline.why.account import Answer, Cited, Person

OURS = "https://whole-family.invalid/ns#"  # a name, not an address: nothing is fetched
PREFIXES = {"wf": OURS, "prov": "http://www.w3.org/ns/prov#", "xsd": "http://www.w3.org/2001/XMLSchema#"}
Document = dict[str, Any]


def prov_of(answer: Answer) -> Document:
    """The document, ready for `json.dumps`; every name that a relation uses is declared in it."""
    made = _Made()
    flag, run = f"wf:family/{answer.family_id}/{answer.pack}", f"wf:run/{answer.run_id}"
    made.entity(
        flag, "Flag", selected=answer.selected, standing=answer.standing, routes=answer.routes,
        as_at=answer.as_at.isoformat(), pack_version=answer.pack_version,
    )  # fmt: skip
    made.activity(run, "Build", end=answer.published_at, code_version=answer.code_version, log_entry=answer.run_entry,
                  model_version=answer.model_version)  # fmt: skip
    made.agent("wf:hub", "prov:SoftwareAgent", code_version=answer.code_version)
    rules = f"wf:pack/{answer.pack}/{answer.pack_version}"
    made.entity(rules, "Pack")
    made.relate("wasGeneratedBy", entity=flag, activity=run, time=answer.published_at)
    made.relate("wasAssociatedWith", activity=run, agent="wf:hub", plan=rules)
    made.relate("used", activity=run, entity=rules)
    for criterion in answer.criteria:
        name = f"{flag}/{criterion.id}"
        made.entity(name, "CriterionResult", state=criterion.state, reason=criterion.reason, title=criterion.title)
        made.relate("wasGeneratedBy", entity=name, activity=run)
        made.relate("wasDerivedFrom", generatedEntity=flag, usedEntity=name, activity=run)
    for person in answer.persons:
        _person(made, person, run)
    for cited in (*answer.evidence, *answer.others):
        _evidence(made, cited, flag, run, {one.person_id for one in answer.persons})
    for cited in answer.evidence:
        for other in cited.instead:
            made.relate("alternateOf", alternate1=_row(other), alternate2=_row(cited.evidence_id))
    return made.document


def _evidence(made: _Made, cited: Cited, flag: str, run: str, persons: set[int]) -> None:
    name, origin = _row(cited.evidence_id), cited.origin
    delivery, agreement = (
        f"wf:delivery/{origin.delivery_id}",
        f"wf:agreement/{(origin.agreement or 'none').replace(' ', '/')}",
    )
    intake, partner = f"wf:ingest/{origin.delivery_id}", f"wf:partner/{cited.partner}"
    made.entity(
        name, "EvidenceRow", kind=cited.kind, code=cited.code, role=cited.role, file=origin.file, line=origin.line,
        start_date=_day(cited.start_date), end_date=_day(cited.end_date),
        gateway=origin.gateway, onward=origin.onward, onward_blocked=origin.onward_blocked,
    )  # fmt: skip
    made.entity(delivery, "Delivery", manifest_sha256=origin.manifest_sha256, log_entry=origin.entry)
    made.entity(agreement, "Agreement")
    made.activity(intake, "Ingest", end=origin.accepted_at)
    made.agent(partner, "prov:Organization")
    made.once("wasGeneratedBy", (name, intake), entity=name, activity=intake, time=origin.accepted_at)
    made.once("used", (intake, delivery), activity=intake, entity=delivery)
    made.once("used", (intake, agreement), activity=intake, entity=agreement)
    made.once("wasDerivedFrom", (name, delivery), generatedEntity=name, usedEntity=delivery, activity=intake)
    made.once("wasAttributedTo", (delivery, partner), entity=delivery, agent=partner)
    made.once("used", (run, name), activity=run, entity=name)
    for criterion in cited.criteria:
        made.relate("wasDerivedFrom", generatedEntity=f"{flag}/{criterion}", usedEntity=name, activity=run)
    if cited.person_id in persons:
        made.relate("wasInfluencedBy", influencee=name, influencer=f"wf:person/{cited.person_id}")


def _person(made: _Made, person: Person, run: str) -> None:
    name = f"wf:person/{person.person_id}"
    made.entity(name, "Person", role=person.role, reason=person.reason, confidence=person.confidence)
    for record in person.records:
        delivered = f"wf:record/{record.record_id}"
        made.entity(delivered, "Record", partner=record.partner, delivery=record.delivery_id, line=record.line)
        made.relate("hadMember", collection=name, entity=delivered)
    for link in person.links:
        held = f"wf:link/{link.record_a}-{link.record_b}"
        made.entity(
            held, "Link", bits=round(link.bits, 3), probability=link.probability, pattern=link.pattern,
            found_by=link.found_by, decision=link.decision,
        )  # fmt: skip
        made.relate("wasGeneratedBy", entity=held, activity=run)
        made.relate("wasDerivedFrom", generatedEntity=name, usedEntity=held, activity=run)


class _Made:
    """A document while it is written."""

    def __init__(self) -> None:
        self.document: Document = {"prefix": PREFIXES, "entity": {}, "activity": {}, "agent": {}}
        self._told: set[tuple[str, tuple[str, ...]]] = set()

    def entity(self, name: str, type_: str, **told: Any) -> None:
        self.document["entity"][name] = _attributes(f"wf:{type_}", told)

    def activity(self, name: str, type_: str, end: dt.datetime | None, **told: Any) -> None:
        times = {"prov:endTime": end.isoformat()} if end else {}
        self.document["activity"][name] = {**times, **_attributes(f"wf:{type_}", told)}

    def agent(self, name: str, type_: str, **told: Any) -> None:
        self.document["agent"][name] = _attributes(type_, told)

    def once(self, relation: str, key: tuple[str, ...], **ends: Any) -> None:
        if (relation, key) not in self._told:
            self._told.add((relation, key))
            self.relate(relation, **ends)

    def relate(self, relation: str, **ends: Any) -> None:
        told = {
            f"prov:{name}": value.isoformat() if isinstance(value, dt.datetime) else value
            for name, value in ends.items()
            if value is not None
        }
        held = self.document.setdefault(relation, {})
        held[f"_:{relation}{len(held) + 1}"] = told


def _attributes(type_: str, told: dict[str, Any]) -> dict[str, Any]:
    named = {"prov:type": {"$": type_, "type": "prov:QUALIFIED_NAME"}}
    return {**named, **{f"wf:{name}": value for name, value in told.items() if value is not None}}


def _row(evidence_id: int) -> str:
    return f"wf:evidence/{evidence_id}"


def _day(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
