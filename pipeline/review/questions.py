"""Put doubtful links to the partners who hold the names: which questions a partner gets, in a file for it alone.

A question about two records of one partner asks outright. One about records of two partners asks each to check its own
record; neither learns who the other is. Covers are questions about records that nobody doubts (docs/adr/0014).
"""

from __future__ import annotations

import datetime as dt
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pipeline import audit
from pipeline.contracts.review import ReviewRules, load_review
from pipeline.explain.page import write
from pipeline.explain.pair import pair_of
from pipeline.explain.read import LINKER, Reader, Row
from pipeline.questions import Question, QuestionError, QuestionFile, to_text
from pipeline.review.answers import PairKey, check_name
from pipeline.review.queue import QueueEntry, review_queue
from pipeline.settings import Settings
from pipeline.store.database import Database

DUPLICATE, DETAILS, COVER = "duplicate", "details", "cover"
LOCK = "select pg_advisory_xact_lock(hashtextextended('review_question', 0))"


@dataclass(frozen=True)
class Exported:
    """A file of questions: how many of each kind, how many of them were asked before and have no reply yet, and pairs
    left out because the other partner delivers with another version of key or encoding."""

    path: Path
    duplicates: int
    details: int
    covers: int
    again: int
    left_out: int


def export_questions(
    database: Database, settings: Settings, partner: str, out: Path, *, by: str, most: int | None = None,
    today: dt.date | None = None,
) -> Exported:  # fmt: skip
    """Write the questions for one partner: those that still wait, then new ones, the most valuable first.

    Asking again before a reply has come gives the same questions. Raises QuestionError where the partner has delivered
    nothing, or there is nothing to ask.
    """
    check_name(by)
    rules = load_review(settings.declarations)
    day = today or dt.date.today()
    queue = review_queue(database, settings, partner=partner)
    with database.connect(LINKER) as connection:
        reader = Reader(connection)
        connection.execute(LOCK)
        versions = {row["partner"]: (row["encoding_version"], row["key_version"]) for row in reader.rows(VERSIONS)}
        if partner not in versions:
            raise QuestionError(
                where=partner, rule="it has delivered nothing that is in force.", remedy="take its delivery in first."
            )
        limit = min(most or rules.most_in_a_file, rules.most_in_a_file)
        waiting, covered = _split(reader.rows(OPEN, partner, partner, day, partner))
        waiting = waiting[: _fitting(waiting, limit, rules)]
        comparable = [one for one in queue if versions.get(one.partner_a) == versions.get(one.partner_b)]
        open_pairs = {pair_of(row["record_a"], row["record_b"]) for row in reader.rows(OPEN_PAIRS, day)}
        unasked = [one for one in comparable if (one.record_a, one.record_b) not in open_pairs]
        fresh = [
            _ask(connection, reader, one, by, day, rules)
            for one in unasked[: _fitting([*waiting, *map(_kind, unasked)], limit, rules) - len(waiting)]
        ]
        needed = _covers_for([*waiting, *fresh], rules)
        covers = _covers(connection, reader, partner, needed - len(covered), by, day, rules)
        asked = [*waiting, *fresh, *covered[:needed], *covers]
        if not asked:
            raise QuestionError(
                where=partner,
                rule="there is nothing to ask: no doubtful link of this partner is without an answer or a reply.",
                remedy="see: wholefamily review list",
            )
        file = QuestionFile(
            partner=partner,
            file_id=secrets.token_hex(16),
            made_on=day,
            answer_by=min(row["expires_on"] for row in asked),
            encoding_version=versions[partner][0],
            key_version=versions[partner][1],
            questions=tuple(sorted((_question(row, partner) for row in asked), key=lambda one: one.question_id)),
        )
        counts = {kind: sum(row["kind"] == kind for row in asked) for kind in (DUPLICATE, DETAILS, COVER)}
        audit.append(connection, by, "questions_exported", f"partner/{partner}", {**counts, "again": len(waiting)})
        write(out, to_text(file))  # before the commit: a file without its questions is refused, and harmless
    return Exported(out, counts[DUPLICATE], counts[DETAILS], counts[COVER], len(waiting), len(queue) - len(comparable))


def _split(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Real questions, and covers."""
    return [row for row in rows if row["kind"] != COVER], [row for row in rows if row["kind"] == COVER]


def _kind(entry: QueueEntry) -> Row:
    return {"kind": DUPLICATE if entry.partner_a == entry.partner_b else DETAILS}


def _covers_for(rows: Sequence[Row], rules: ReviewRules) -> int:
    """How many covers these questions need; those about two records of the partner need none, telling it of nobody."""
    details = sum(1 for row in rows if row["kind"] == DETAILS)
    return math.ceil(rules.cover_share * details)


def _fitting(rows: Sequence[Row], limit: int, rules: ReviewRules) -> int:
    """How many of the questions, from the first on, fit into a file with their covers."""
    return max((n for n in range(len(rows) + 1) if n + _covers_for(rows[:n], rules) <= limit), default=0)


def _key(reader: Reader, entry: QueueEntry) -> PairKey:
    found = reader.records([entry.record_a, entry.record_b])
    return PairKey.of(found[entry.record_a], found[entry.record_b])


def _ask(
    connection: psycopg.Connection[Any], reader: Reader, entry: QueueEntry, by: str, day: dt.date, rules: ReviewRules
) -> Row:
    key = _key(reader, entry)
    kind = DUPLICATE if key.partner_a == key.partner_b else DETAILS
    return _insert(
        connection, reader, kind, (key.partner_a, key.person_ref_a, key.partner_b, key.person_ref_b), by, day, rules
    )


def _covers(
    connection: psycopg.Connection[Any], reader: Reader, partner: str, number: int, by: str, day: dt.date,
    rules: ReviewRules,
) -> list[Row]:  # fmt: skip
    """Questions about records of the partner that no doubtful link touches, drawn at random."""
    if number <= 0:
        return []
    doubted = [row["record_id"] for row in reader.rows(DOUBTED)]
    drawn = reader.rows(UNDOUBTED, partner, doubted, number)
    return [
        _insert(connection, reader, COVER, (partner, bytes(row["person_ref"]), None, None), by, day, rules)
        for row in drawn
    ]


def _insert(
    connection: psycopg.Connection[Any], reader: Reader, kind: str,
    sides: tuple[str, bytes, str | None, bytes | None], by: str, day: dt.date, rules: ReviewRules,
) -> Row:  # fmt: skip
    question_id = secrets.token_bytes(16)
    expires = day + dt.timedelta(days=rules.expires_days)
    connection.execute(
        "insert into identity.review_question (question_id, kind, partner_a, person_ref_a, partner_b, person_ref_b,"
        " asked_by, expires_on) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (question_id, kind, *sides, by.strip(), expires),
    )
    return reader.rows("select * from identity.review_question where question_id = %s", question_id)[0]


def _question(row: Row, partner: str) -> Question:
    """A question as this partner sees it: its own side alone."""
    sides = [(row[f"partner_{side}"], row[f"person_ref_{side}"]) for side in ("a", "b")]
    mine = tuple(bytes(reference).hex() for name, reference in sides if name == partner)
    kind = "duplicate" if row["kind"] == DUPLICATE else "details"
    return Question.model_validate({"question_id": bytes(row["question_id"]).hex(), "kind": kind, "records": mine})


VERSIONS = """
select distinct on (partner) partner, encoding_version, key_version from registry.delivery
where state in ('accepted', 'accepted_with_quarantine')
  and key_version not in (select key_version from registry.key_closing) order by partner, sequence desc
"""
OPEN = """
select q.* from identity.review_question q
where (q.partner_a = %s or q.partner_b = %s) and q.expires_on >= %s
  and not exists (select from identity.review_reply r where r.question_id = q.question_id and r.partner = %s)
  and not exists (select from identity.review_answer a where a.question_id = q.question_id)
order by exists (select from identity.review_reply r where r.question_id = q.question_id) desc,
         q.asked_at, q.question_id
"""
OPEN_PAIRS = """
select a.record_id as record_a, b.record_id as record_b
from identity.review_question q
join identity.record a on (a.partner, a.person_ref) = (q.partner_a, q.person_ref_a)
join identity.record b on (b.partner, b.person_ref) = (q.partner_b, q.person_ref_b)
where q.expires_on >= %s and not exists (select from identity.review_answer a where a.question_id = q.question_id)
"""
DOUBTED = """
select record_a as record_id from identity.link where decision in ('possible', 'cut')
union select record_b from identity.link where decision in ('possible', 'cut')
"""
UNDOUBTED = """
select person_ref from identity.record where partner = %s and record_id <> all(%s::bigint[])
order by random() limit %s
"""
