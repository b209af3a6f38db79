"""Cases of a pack (`schemas/criteria/cases/<pack>.yaml`): a small family with a few facts in, the state out.

They are the pack's specification: the reference in docs/criteria is made from them, and every one is run through the
engine. How a case is read is here; how they are run, in `trial`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts import EvidenceKind, Vocabulary
from pipeline.criteria.document import At, Document, one_of
from pipeline.criteria.packs import Pack
from pipeline.criteria.terms import SCHOOL_TERMS
from pipeline.records import MEMBER_ROLES, STATES

OUTCOMES = ("selected", "not_selected", "unknown", "not_looked_at")
_FACT_KEYS = {"who", "kind", "code", "role", "day", "from", "until", "quantity", "out_of", "partner"}
_PERSON_KEYS = {"born", "role", "sex", "joined", "left"}
_CASE_KEYS = {"case", "facts", "out", "as_at", "family", "no_feed", "stale", "since"}


@dataclass(frozen=True)
class CasePerson:
    """One member of a case's family; `born` is a month as 1980-02, or None when it is not known."""

    name: str
    role: str
    born: str | None
    sex: str | None
    joined: dt.date | None
    left: dt.date | None


@dataclass(frozen=True)
class CaseFact:
    """One row of evidence."""

    who: str
    kind: str
    code: str | None
    role: str | None
    start: dt.date
    end: dt.date | None
    quantity: float | None
    out_of: float | None
    partner: str


@dataclass(frozen=True)
class Case:
    """One case. `criterion` and `rule` say what it is about; both are empty when it is about selection."""

    label: str
    criterion: str
    rule: str
    as_at: dt.date
    people: tuple[CasePerson, ...]
    facts: tuple[CaseFact, ...]
    no_feed: frozenset[str]
    stale: frozenset[str]
    since: dt.date | None
    out: str
    line: int
    differs: tuple[str, ...] = ()  # members who are not as in the file's usual family, or not there


def load_cases(path: Path, vocabulary: Vocabulary, pack: Pack) -> tuple[Case, ...]:
    """Every case of a pack or local filter, in order. Raises DeclarationError with file and line: a case about an
    unknown criterion or rule, of an unknown person, kind, code or state, or without a date."""
    reader = _Reader(Document(path), vocabulary, pack)
    return reader.cases()


def cases_path(criteria: Path, pack: str, local: str | None = None) -> Path:
    """Where the cases of a pack, or of a local filter, stand, given the folder of the packs."""
    return criteria / "cases" / f"{local or pack}.yaml"


class _Reader:
    def __init__(self, document: Document, vocabulary: Vocabulary, pack: Pack) -> None:
        self.document, self.vocabulary, self.pack = document, vocabulary, pack

    def cases(self) -> tuple[Case, ...]:
        content = self.document.content
        self.document.known_keys((), content, ("of", "as_at", "family", "criteria", "selection"), "a file of cases")
        found: list[Case] = []
        rules = {criterion.id: [rule.id for rule in criterion.any_of] for criterion in self.pack.criteria}
        for criterion, by_rule in (content.get("criteria") or {}).items():
            at: At = ("criteria", criterion)
            self.document.require(criterion in rules, at, f"there is no criterion '{criterion}'.", one_of(rules))
            for rule, cases in by_rule.items():
                known = rule in rules[criterion]
                self.document.require(known, (*at, rule), f"there is no rule '{rule}'.", one_of(rules[criterion]))
                found += [self.case((*at, rule, n), case, criterion, rule) for n, case in enumerate(cases)]
        cases = content.get("selection") or []
        found += [self.case(("selection", n), case, "", "") for n, case in enumerate(cases)]
        return tuple(found)

    def case(self, at: At, entry: Any, criterion: str, rule: str) -> Case:
        self.document.known_keys(at, entry, _CASE_KEYS, "a case")
        states = STATES if criterion else OUTCOMES
        self.document.require(
            entry.get("out") in states, (*at, "out"), "a case comes out as nothing known.", one_of(states)
        )
        as_at = self.day((*at, "as_at"), entry.get("as_at", self.document.content.get("as_at")))
        family: dict[str, Any] = {**(self.document.content.get("family") or {}), **(entry.get("family") or {})}
        people = tuple(
            self.person((*at, "family", name), name, told, as_at) for name, told in family.items() if told != "gone"
        )
        names = [person.name for person in people]
        facts = tuple(self.fact((*at, "facts", n), fact, names) for n, fact in enumerate(entry.get("facts") or ()))
        return Case(
            label=self.document.name(at, entry, "case"),
            criterion=criterion,
            rule=rule,
            as_at=as_at,
            people=people,
            facts=facts,
            no_feed=self.kinds((*at, "no_feed"), entry.get("no_feed")),
            stale=self.kinds((*at, "stale"), entry.get("stale")),
            since=self.day((*at, "since"), entry["since"]) if "since" in entry else None,
            out=str(entry["out"]),
            line=self.document.lines.get(at, 1),
            differs=tuple(entry.get("family") or ()),
        )

    def person(self, at: At, name: str, entry: Any, as_at: dt.date) -> CasePerson:
        self.document.known_keys(at, entry or {}, _PERSON_KEYS, "a member")
        told: Mapping[str, Any] = entry or {}
        born = None if told.get("born") is None else str(told["born"])
        month = born is None or re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", born) is not None
        self.document.require(month, at, "'born' is a month.", "write it as 1980-02.")
        role = told.get("role") or ("child" if born and _age(born, as_at) < 18 else "adult")
        self.document.require(role in MEMBER_ROLES, at, "an unknown role in the family.", one_of(MEMBER_ROLES))
        joined, left = (self.day((*at, key), told[key]) if key in told else None for key in ("joined", "left"))
        return CasePerson(str(name), str(role), born, told.get("sex"), joined, left)

    def fact(self, at: At, entry: Any, names: list[str]) -> CaseFact:
        self.document.known_keys(at, entry, _FACT_KEYS, "a fact")
        self.document.require(entry.get("who") in names, at, "a fact of nobody in the family.", one_of(names))
        kind = self.kind(at, entry.get("kind"))
        code = None if entry.get("code") is None else str(entry["code"])
        role = entry.get("role") or (kind.roles[0] if kind.roles is not None and len(kind.roles) == 1 else None)
        term = self.term(code)
        start = entry.get("day", entry.get("from", term[0] if term else None))
        end = entry.get("until", term[1] if term else None)
        return CaseFact(
            who=entry["who"],
            kind=kind.name,
            code=code,
            role=role,
            start=self.day(at, start),
            end=None if end is None else self.day(at, end),
            quantity=entry.get("quantity"),
            out_of=entry.get("out_of"),
            partner=str(entry.get("partner", "a partner")),
        )

    def kind(self, at: At, name: Any) -> EvidenceKind:
        self.document.require(
            name in self.vocabulary.kinds,
            at,
            f"there is no evidence kind '{name}'.",
            "use one of schemas/evidence.yaml.",
        )
        return self.vocabulary.kinds[name]

    def kinds(self, at: At, names: Any) -> frozenset[str]:
        return frozenset(self.kind(at, name).name for name in names or ())

    def term(self, code: str | None) -> tuple[dt.date, dt.date] | None:
        """First and last day of the term that a code names, in the pack's calendar."""
        form = re.fullmatch(r"(\d{4})-(\w+)", code or "")
        if form is None or form[2] not in SCHOOL_TERMS or self.pack.terms is None:
            return None
        begun = self.pack.terms.last(3, dt.date(int(form[1]), 12, 31))
        return next(((term.start, term.end) for term in begun if term.code == code), None)

    def day(self, at: At, value: Any) -> dt.date:
        if isinstance(value, str):
            try:
                value = dt.date.fromisoformat(value)
            except ValueError:
                value = None
        if not isinstance(value, dt.date):
            self.document.fail(at, "a date is missing.", "write it as 2014-07-31.")
        return value


def _age(born: str, as_at: dt.date) -> int:
    """Age in years, the birthday taken as the first of the month."""
    year, month = int(born[:4]), int(born[5:])
    return as_at.year - year - (as_at.month < month)
