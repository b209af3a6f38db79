"""Take a partner's replies in: verify, open, check against what was asked, conclude, and write answers down.

A reply counts once. The details a partner encoded are kept only until the other side has replied, or the question has
expired; what stays is how they were checked, and the answer.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pyrage
from pydantic import ValidationError

from pipeline import audit
from pipeline.contracts import agreement_for, load_agreements
from pipeline.contracts.review import ReviewRules, load_review
from pipeline.explain.pair import account_of, pair_of
from pipeline.explain.read import LINKER, Night, Reader, Row
from pipeline.ingest.keys import PARTNER_NAME, is_signed_by, load_hub_identity, load_public_key
from pipeline.link.answers import CANNOT_TELL
from pipeline.questions import (
    Details,
    QuestionError,
    Replies,
    Reply,
    SealedReplies,
    damaged,
    sealed_bytes,
    signed_bytes,
)
from pipeline.records import PEOPLE, RESIDENCES
from pipeline.review.answers import PairKey, add_answer, answered_since, seen_of
from pipeline.review.compare import Conclusion, Side, conclude
from pipeline.review.questions import COVER, DETAILS, DUPLICATE, LOCK
from pipeline.settings import Settings
from pipeline.store.database import Database


@dataclass(frozen=True)
class Taken:
    """What became of one reply. `outcome`: answered, waits (for the other partner), cover, not found, not comparable,
    meanwhile answered, expired, known."""

    question_id: str
    kind: str
    outcome: str
    answer: str | None = None
    why: str = ""


def import_replies(
    database: Database, settings: Settings, path: Path, *, today: dt.date | None = None
) -> tuple[str, list[Taken]]:
    """Take a reply file in, whole or not at all; the partner, and what became of each reply. Twice is once.

    Raises QuestionError for a file that is damaged, not signed by the partner, or does not fit what was asked.
    """
    replies, digest = open_replies(settings, path)
    rules = load_review(settings.declarations)
    day = today or dt.date.today()
    allowed = _columns_agreed(settings, replies.partner, day)
    with database.connect(LINKER) as connection:
        reader = Reader(connection)
        night = reader.night(settings)
        connection.execute(LOCK)
        taken = []
        for reply in replies.replies:
            question = _question_of(reader, reply, replies, allowed, path)
            taken.append(_take(connection, reader, night, rules, question, reply, replies, digest, day))
        connection.execute(FORGET.encode(), (day,))
        counts: dict[str, int] = {}
        for one in taken:
            counts[one.outcome] = counts.get(one.outcome, 0) + 1
        audit.append(connection, replies.answered_by, "replies_imported", f"partner/{replies.partner}", counts)
    return replies.partner, taken


def open_replies(settings: Settings, path: Path) -> tuple[Replies, str]:
    """The content of a reply file and its SHA-256, once its signature holds. Raises QuestionError."""
    try:
        file = SealedReplies.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise QuestionError(where=str(path), rule="there is no such file.", remedy="give the partner's file.") from None
    except ValidationError:
        raise damaged(str(path)) from None
    if not PARTNER_NAME.fullmatch(file.partner):
        raise damaged(str(path))
    sealed = sealed_bytes(file)
    key = load_public_key(settings, file.partner)
    if not is_signed_by(key, bytes.fromhex(file.signature), signed_bytes(file.partner, sealed)):
        raise QuestionError(
            where=str(path),
            rule=f"it is not signed by {file.partner}.",
            remedy="call the partner; take nothing of it in.",
        )
    try:
        content = pyrage.decrypt(sealed, [load_hub_identity(settings)])
        replies = Replies.model_validate_json(content)
    except (pyrage.DecryptError, ValidationError):
        raise damaged(str(path)) from None
    if replies.partner != file.partner:
        raise damaged(str(path))
    return replies, hashlib.sha256(sealed).hexdigest()


def _columns_agreed(settings: Settings, partner: str, day: dt.date) -> frozenset[str]:
    """The columns about persons and places that an agreement in force lets this partner share."""
    agreement = agreement_for(load_agreements(settings.declarations), partner, day)
    feed = agreement.feeds[partner] if agreement else None
    return frozenset(name for table in (PEOPLE, RESIDENCES) for name in (feed.columns.get(table, ()) if feed else ()))


def _question_of(reader: Reader, reply: Reply, replies: Replies, allowed: frozenset[str], path: Path) -> Row:
    """The question that a reply answers. Raises QuestionError where it was not asked so, of this partner."""
    found = reader.rows(
        "select * from identity.review_question where question_id = %s", bytes.fromhex(reply.question_id)
    )
    where = f"{path.name}, question {reply.question_id}"
    row = found[0] if found else None
    sides = [(row[f"partner_{side}"], row[f"person_ref_{side}"]) for side in ("a", "b")] if row else []
    asked = sorted(bytes(reference).hex() for partner, reference in sides if partner == replies.partner)
    if row is None or asked != sorted(reply.records):
        raise QuestionError(
            where=where,
            rule="this was not asked of this partner.",
            remedy="take nothing of the file in; call the partner.",
        )
    if reply.found and (reply.answer is None) == (row["kind"] == DUPLICATE):
        raise QuestionError(where=where, rule="the reply is to another kind of question.", remedy="call the partner.")
    details = reply.details or Details()
    columns = {*details.names, *details.tokens, *(["date_of_birth"] if details.date_parts else [])}
    if not columns <= allowed:
        raise QuestionError(
            where=where,
            rule=f"it carries {', '.join(sorted(columns - allowed))}, which no agreement in force covers.",
            remedy="have the partner reply without it, or the agreement extended first.",
        )
    return row


def _take(
    connection: psycopg.Connection[Any], reader: Reader, night: Night, rules: ReviewRules, question: Row, reply: Reply,
    replies: Replies, digest: str, day: dt.date,
) -> Taken:  # fmt: skip
    question_id, kind = bytes(question["question_id"]), question["kind"]
    told = Taken(question_id.hex(), kind, "known")
    before = reader.rows(
        "select reply_sha256 from identity.review_reply where question_id = %s and partner = %s",
        question_id, replies.partner,
    )  # fmt: skip
    if before:
        return told
    if question["expires_on"] < day:
        return Taken(question_id.hex(), kind, "expired")
    closed = reader.rows("select 1 from registry.key_closing where key_version = %s", replies.key_version)
    keep = kind == DETAILS and reply.details is not None and not closed
    versions = {"encoding_version": replies.encoding_version, "key_version": replies.key_version}
    said = {
        "found": reply.found, "answer": reply.answer, "basis": reply.basis, "checked": dict(reply.checked), **versions,
    }  # fmt: skip
    connection.execute(
        "insert into identity.review_reply (question_id, partner, answered_by, replied_at, reply_sha256, said, encoded)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        (
            question_id, replies.partner, replies.answered_by, replies.made_at, digest, json.dumps(said),
            reply.details.model_dump_json() if keep and reply.details else None,
        ),
    )  # fmt: skip
    if not reply.found:
        return Taken(question_id.hex(), kind, "not found")
    if kind == COVER:
        return Taken(question_id.hex(), kind, "cover")
    if kind == DUPLICATE:
        why = f"the partner holds both: {str(reply.basis).replace('_', ' ')}"
        by = f"{replies.answered_by} ({replies.partner})"
        return _answer(connection, reader, night, question, str(reply.answer), by, why, "partner", {})
    return _conclude(connection, reader, night, rules, question)


def _conclude(
    connection: psycopg.Connection[Any], reader: Reader, night: Night, rules: ReviewRules, question: Row
) -> Taken:
    """The answer to a question about two partners' records, once both have replied."""
    question_id = bytes(question["question_id"])
    rows = reader.rows("select * from identity.review_reply where question_id = %s order by partner", question_id)
    if len(rows) < 2 or any(row["encoded"] is None for row in rows):
        return Taken(question_id.hex(), DETAILS, "waits" if len(rows) < 2 else "not comparable")
    versions = {(row["said"]["encoding_version"], row["said"]["key_version"]) for row in rows}
    if len(versions) > 1:
        return Taken(question_id.hex(), DETAILS, "not comparable", why="two versions of the key or encoding")
    left, right = (Side(row["partner"], row["said"]["checked"], Details.model_validate(row["encoded"])) for row in rows)
    found = conclude(left, right, night.model, night.parameters, rules)
    by = ", ".join(f"{row['answered_by']} ({row['partner']})" for row in rows)
    return _answer(connection, reader, night, question, found.answer, by, found.words(), "partners", _told(found))


def _answer(
    connection: psycopg.Connection[Any], reader: Reader, night: Night, question: Row, answer: str, by: str, why: str,
    source: str, compared: dict[str, Any],
) -> Taken:  # fmt: skip
    key = PairKey(
        question["partner_a"], bytes(question["person_ref_a"]), question["partner_b"], bytes(question["person_ref_b"])
    )
    if answer == CANNOT_TELL and answered_since(reader, key, question["asked_at"]):
        # Nothing was learnt, and `cannot tell` would take back what somebody has said since.
        return Taken(bytes(question["question_id"]).hex(), question["kind"], "meanwhile answered")
    add_answer(
        connection, key, answer, by=by, why=why, source=source, question_id=bytes(question["question_id"]),
        seen={**_seen(reader, night, key), **compared},
    )  # fmt: skip
    return Taken(bytes(question["question_id"]).hex(), question["kind"], "answered", answer, why)


def _seen(reader: Reader, night: Night, key: PairKey) -> dict[str, Any]:
    """What the link looks like tonight; nothing where a record is not delivered any more."""
    found = reader.rows(
        "select record_id from identity.record where (partner, person_ref) in ((%s, %s), (%s, %s)) order by record_id",
        key.partner_a, key.person_ref_a, key.partner_b, key.person_ref_b,
    )  # fmt: skip
    if len(found) < 2:
        return {}
    return seen_of(account_of(reader, night, *pair_of(found[0]["record_id"], found[1]["record_id"])))


def _told(found: Conclusion) -> dict[str, Any]:
    return {
        "compared": {
            "pattern": found.pattern,
            "total_bits": round(found.total, 6),
            "probability": round(found.probability, 9),
            "checked": list(found.checked),
            "differs": list(found.differs),
        }
    }


# Encoded details go as soon as they have served, or can serve no more.
FORGET = """
update identity.review_reply r set encoded = null from identity.review_question q
where q.question_id = r.question_id and r.encoded is not null
  and (q.expires_on < %s
       or exists (select from identity.review_reply s
                  where s.question_id = q.question_id and s.said @> '{"found": false}')
       or exists (select from identity.review_answer a where a.question_id = q.question_id)
       or (select count(*) from identity.review_reply s where s.question_id = q.question_id) = 2)
"""
