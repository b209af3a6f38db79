"""The account of a pair of records, and of all links of a person: put together from what `read` finds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.errors import BuildError
from pipeline.explain.account import (
    SEPARATOR,
    AnswerTold,
    JointTold,
    LinkAccount,
    RecordTold,
    levels_of,
    pattern_of,
    probability_of,
    terms_of,
    threshold_bits,
)
from pipeline.explain.read import (
    LINKER,
    Night,
    Reader,
    Row,
    StoredAnswer,
    answers_frame,
    comparable,
    read_context,
)
from pipeline.link.answers import CANNOT_TELL, Settled, settle
from pipeline.settings import Settings
from pipeline.store.database import Database

BELOW = "non_match"
TOGETHER = "homes and relatives"
IDENTIFIERS = {"nino": "NINOs", "nhs_number": "NHS numbers", "upn": "UPNs", "pnc_id": "PNC IDs"}


@dataclass(frozen=True)
class LinkTold:
    """A link in a person's account, shortly."""

    record_a: int
    record_b: int
    blocking_pass: str
    pattern: str
    total: float
    probability: float
    decision: str
    answer: str | None


@dataclass(frozen=True)
class PersonAccount:
    """A person's records, the links among them, and the links out of it that are possible or were cut."""

    run_id: int
    person_id: int
    records: tuple[RecordTold, ...]
    inside: tuple[LinkTold, ...]
    outside: tuple[LinkTold, ...]


def explain_pair(database: Database, settings: Settings, record_a: int, record_b: int) -> LinkAccount:
    """Why two records are, or are not, one person. Raises BuildError for a record that is not there.

    A pair that was too light to keep is compared again, with the weights of the published run. What homes and relatives
    said stands beside it, as the evaluating role tells it.
    """
    record_a, record_b = pair_of(record_a, record_b)
    with database.connect(LINKER) as connection:
        reader = Reader(connection)
        account = account_of(reader, reader.night(settings), record_a, record_b)
    return with_context(account, read_context(database, record_a, record_b))


def with_context(account: LinkAccount, joint: JointTold | None) -> LinkAccount:
    """The account with what homes and relatives said; they are who decided, where weights alone would not have."""
    if joint is None or account.decided_by == "review":
        return replace(account, joint=joint)
    by_weights = account.total >= account.thresholds["match"]
    if joint.decision == "cut" and not account.together:
        decided = "what partners say of the two cannot be of one person"
    elif joint.decision == "match" and account.decision == "match" and not by_weights:
        decided = "possible by its weights, and a match with what homes and relatives say"
    elif joint.decision == "non_match" and account.decision == BELOW:
        decided = "possible by its weights, and not with what homes and relatives say"
    else:
        return replace(account, joint=joint)
    return replace(account, joint=joint, decided_by=TOGETHER, because=decided)


def explain_person(database: Database, settings: Settings, person_id: int) -> PersonAccount:
    """All links of a person's records. Raises BuildError for a person that is not there."""
    with database.connect(LINKER) as connection:
        reader = Reader(connection)
        night = reader.night(settings)
        members = reader.members([person_id])
        if not members:
            raise BuildError(
                where=f"person {person_id}",
                rule="the last build has no person of this number.",
                remedy="take the number from cohort.family_member; one that was merged is in identity.person_ledger.",
            )
        ids = [row["record_id"] for row in members]
        latest = {pair_of(one.record_a, one.record_b): one.answer for one in reader.answers()}
        prior = float(night.parameters["prior_bits"])
        links = [_told(row, prior, latest) for row in reader.links_of(ids)]
    held = set(ids)
    inside = tuple(link for link in links if link.record_a in held and link.record_b in held)
    return PersonAccount(
        run_id=night.run_id,
        person_id=person_id,
        records=tuple(record_told(row) for row in members),
        inside=inside,
        outside=tuple(link for link in links if link not in inside),
    )


def account_of(reader: Reader, night: Night, record_a: int, record_b: int) -> LinkAccount:
    """The account of a pair (record_a < record_b)."""
    found = reader.records([record_a, record_b])
    for one in (record_a, record_b):
        if one not in found:
            raise BuildError(
                where=f"record {one}",
                rule="there is no such record among those delivered.",
                remedy="take record ids from: wholefamily review list, or wholefamily explain --person PERSON",
            )
    if record_a == record_b:
        raise BuildError(where=f"record {record_a}", rule="a record is itself.", remedy="give two records.")
    sides = (found[record_a], found[record_b])
    stored = reader.link(record_a, record_b)
    found_by, pattern = (stored["blocking_pass"], stored["pattern"]) if stored else _compared(reader, night, sides)
    weight = float(stored["weight"]) if stored else None
    terms = tuple(terms_of(pattern, night.parameters, night.model, weight)) if found_by else ()
    prior = float(night.parameters["prior_bits"])
    total = prior + (weight if weight is not None else sum(term.bits for term in terms))
    spoken = reader.answers()
    settled = settle(answers_frame([one for one in spoken if one.answered_at <= night.started_at]))
    answers = answers_told(spoken, settled, night, (record_a, record_b))
    decision = stored["decision"] if stored else BELOW
    members = reader.members({row["person_id"] for row in sides if row["person_id"] is not None})
    decided_by, because = _decided(decision, night, sides, members, settled, answers)
    because = _with_versions(because, sides, stored)
    return LinkAccount(
        run_id=night.run_id,
        model_version=stored["model_version"] if stored else night.model.version,
        record_a=record_told(sides[0]),
        record_b=record_told(sides[1]),
        found_by=found_by,
        pattern=pattern,
        prior=prior,
        terms=terms,
        weight=total - prior,
        total=total,
        probability=float(stored["probability"]) if stored else probability_of(total),
        thresholds=threshold_bits(night.parameters),
        decision=decision,
        decided_by=decided_by,
        because=because,
        answers=answers,
    )


def answers_told(
    spoken: Sequence[StoredAnswer], settled: Settled, night: Night, pair: tuple[int, int]
) -> tuple[AnswerTold, ...]:
    """The answers about one pair, the latest last, each with what became of it (`settled`: those before the night)."""
    mine = [place for place, one in enumerate(spoken) if pair_of(one.record_a, one.record_b) == pair]
    told = []
    for place in mine:
        one = spoken[place]
        if place != mine[-1]:
            state = "replaced by a later answer"
        elif one.answered_at > night.started_at:
            state = "waits for the next build"
        elif place in settled.set_aside:
            state = "set aside: later answers contradict it"
        else:
            state = "in force"
        told.append(
            AnswerTold(
                one.answer_id,
                one.answer,
                one.answered_by,
                one.why,
                one.source,
                one.answered_at.isoformat(timespec="seconds"),
                state,
            )
        )
    return tuple(told)


def _compared(reader: Reader, night: Night, sides: tuple[Row, Row]) -> tuple[str | None, str]:
    """The pass and pattern of a pair that is not kept; no pass where the two share no block."""
    shared = reader.shared_block(sides[0]["record_id"], sides[1]["record_id"])
    if shared is None:
        return None, ""
    found_by, *encodings = shared
    blocks = reader.blocks([row["record_id"] for row in sides])
    data = comparable(night.model, sides, (encodings[0], encodings[1]), blocks)
    one = np.zeros(1, dtype=np.int64)
    return found_by, pattern_of(levels_of(night.model, data, one, one + 1)[0])


def _decided(
    decision: str,
    night: Night,
    sides: tuple[Row, Row],
    members: Sequence[Row],
    settled: Settled,
    answers: Sequence[AnswerTold],
) -> tuple[str, str]:
    """Who decided (weights, repair or review), and the reason in words."""
    person_a, person_b = (row["person_id"] for row in sides)
    together = person_a is not None and person_a == person_b
    last = answers[-1] if answers else None
    if last is not None and last.state == "in force" and last.answer != CANNOT_TELL:
        return "review", f"answered '{last.answer}' by {last.answered_by}: {last.why}"
    if decision == "match" or (decision == "possible" and not together):
        return "weights", "by its probability and the thresholds"
    if decision == "cut":
        return _cut_by(night, sides, members, settled)
    if together:
        return "repair", "the two are one person through other records"
    return "weights", "too light to keep" if sides else ""


def _cut_by(night: Night, sides: tuple[Row, Row], members: Sequence[Row], settled: Settled) -> tuple[str, str]:
    """Why a link that is heavy enough does not hold."""
    first, second = sides
    of_a = [row for row in members if row["person_id"] == first["person_id"]]
    of_b = [row for row in members if row["person_id"] == second["person_id"]]
    if _kept_apart(settled, [first], [second]):
        return "review", "other answers keep the two records apart"
    differing = _differing(night, [first], [second])
    if differing:
        return "repair", f"the two records hold two different {differing}"
    if _kept_apart(settled, of_a, of_b):
        return "review", "answers about other records of the two persons keep them apart"
    differing = _differing(night, of_a, of_b)
    if differing:
        return "repair", f"together, the two persons would hold two different {differing}"
    return "repair", "the other records of the two persons speak against it, on average"


def _differing(night: Night, one: Iterable[Row], other: Iterable[Row]) -> str:
    """Names of the identifiers of which a person has one, and the two sides hold two."""
    both = ([*one], [*other])
    names = []
    versions = {row["key_version"] for side in both for row in side} - {None}
    for name in night.model.one_per_person:
        for version in versions:  # tokens of two versions of the key are neither the same nor two
            left, right = (
                {bytes(row[name]) for row in side if row["key_version"] == version and row.get(name) is not None}
                for side in both
            )
            if left and right and not left & right:
                names.append(IDENTIFIERS.get(name, name))
                break
    return ", ".join(names)


def _with_versions(because: str, sides: tuple[Row, Row], stored: Row | None) -> str:
    """The reason, and what stands between two records that cannot be compared with each other now."""
    first, second = (row["key_version"] for row in sides)
    if first == second and first is not None:
        return because
    under = " and ".join("none (emptied)" if one is None else str(one) for one in (first, second))
    if stored is None:
        return f"not compared: the records stand under versions {under} of the linkage key"
    return (
        f"{because}; carried: compared under version {stored['compared_under']} of the linkage key, while the records "
        f"stand under versions {under} now"
    )


def _kept_apart(settled: Settled, one: Iterable[Row], other: Iterable[Row]) -> bool:
    left, right = (
        {settled.group[row["record_id"]] for row in side if row["record_id"] in settled.group} for side in (one, other)
    )
    return any(settled.apart.get(group, frozenset()) & right for group in left)


def _told(row: Row, prior: float, answers: dict[tuple[int, int], str]) -> LinkTold:
    return LinkTold(
        row["record_a"],
        row["record_b"],
        row["blocking_pass"],
        row["pattern"],
        prior + float(row["weight"]),
        float(row["probability"]),
        row["decision"],
        answers.get((row["record_a"], row["record_b"])),
    )


def record_told(row: Row) -> RecordTold:
    return RecordTold(row["record_id"], row["partner"], row["person_id"])


def pair_of(one: int, other: int) -> tuple[int, int]:
    """Two records as a pair, the smaller id first."""
    return (one, other) if one < other else (other, one)


def levels_told(pattern: str, names: Iterable[str]) -> str:
    """A pattern with the names of its comparisons, those that are missing left out."""
    pairs: list[tuple[str, Any]] = [*zip(names, pattern.split(SEPARATOR), strict=True)]
    return ", ".join(
        f"{name.replace('_', ' ')} {level.replace('_', ' ')}" for name, level in pairs if level != "missing"
    )
