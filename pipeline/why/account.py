"""The shapes of an answer: why a family is on the list, or why it is not. No value of a person; ids, codes and days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Origin:
    """Where a delivered row came from, and under what it was taken in. `entry`: the audit log's entry of it."""

    delivery_id: str
    file: str
    line: int
    accepted_at: dt.datetime | None
    manifest_sha256: str | None
    agreement: str | None
    gateway: str
    onward: str
    onward_blocked: bool
    entry: int | None


@dataclass(frozen=True)
class Cited:
    """One evidence row. `instead`: the rows that would carry the flag were this one not there (empty: it would go).
    `criteria`: which criteria it helps to meet."""

    evidence_id: int
    person_id: int
    record_id: int
    partner: str
    kind: str
    code: str | None
    role: str | None
    start_date: dt.date | None
    end_date: dt.date | None
    quantity: float | None
    out_of: float | None
    criteria: tuple[str, ...]
    origin: Origin
    instead: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One way to meet a criterion, in words; `met` by this family or not."""

    id: str
    words: str
    met: bool


@dataclass(frozen=True)
class Criterion:
    """How the family stands on a criterion: met, not_met or unknown, and by which rules or why not known."""

    id: str
    title: str
    state: str
    reason: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Link:
    """Two records held to be one person: the pattern of agreement, and its weight in bits with the prior."""

    record_a: int
    record_b: int
    found_by: str
    pattern: str
    bits: float
    probability: float
    decision: str


@dataclass(frozen=True)
class Record:
    """A partner's record of a person, and the delivered line of its people file."""

    record_id: int
    partner: str
    delivery_id: str
    line: int


@dataclass(frozen=True)
class Person:
    """A person whose evidence is cited: why they belong to the family, their records, and the links that join them.

    `unlinked`: records joined by no link that is kept (by an answer of a reviewer, or through homes and relatives).
    """

    person_id: int
    role: str
    reason: str | None
    confidence: float | None
    since: dt.date | None
    records: tuple[Record, ...]
    links: tuple[Link, ...]
    unlinked: tuple[int, ...]


@dataclass(frozen=True)
class Doubt:
    """A link of which the flag, or a criterion, depends: what would become of it were the link otherwise."""

    criterion: str
    would_become: str
    record_a: int
    record_b: int
    otherwise: float


@dataclass(frozen=True)
class Missing:
    """What one rule asks for and what there is: rows held of its kinds, rows that count, and how far they reach."""

    criterion: str
    rule: str
    asks: str
    held: int
    counted: int
    reached: float
    needed: float


@dataclass(frozen=True)
class Answer:
    """Why a family is on the list (`selected`), or why it is not.

    `evidence`: enough for the flag, none to spare; `others`: rows that would stand in for one of these. For a family
    that is not selected: `missing` per rule, and `would_do`: the least sets of criteria that would select it.
    """

    family_id: int
    found: bool
    selected: bool
    standing: str
    routes: str
    pack: str
    pack_version: str
    run_id: int
    as_at: dt.date
    published_at: dt.datetime
    code_version: str | None
    model_version: int | None
    run_entry: int | None
    criteria: tuple[Criterion, ...] = ()
    evidence: tuple[Cited, ...] = ()
    others: tuple[Cited, ...] = ()
    persons: tuple[Person, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    missing: tuple[Missing, ...] = ()
    would_do: tuple[tuple[str, ...], ...] = ()
    became: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
