"""Write down an answer about a pair of records: by whom, why, and what the link looked like. It binds the next build.

Answers are kept by the partners' pseudonyms, so that they outlive a record's re-delivery; they are only ever added to.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from pipeline import audit
from pipeline.errors import BuildError
from pipeline.explain.account import LinkAccount
from pipeline.explain.pair import account_of, pair_of
from pipeline.explain.read import LINKER, Reader, Row
from pipeline.link.answers import ANSWERS, CANNOT_TELL
from pipeline.settings import Settings
from pipeline.store.database import Database

LONGEST_WHY = 400
# What a reason must not hold: a NINO, a postcode, a date, or six digits in a row, as identifiers and telephones have.
IDENTIFYING = re.compile(
    r"(?i)\b[A-Z]{2}\s?\d{2}\s?\d{2}\s?\d{2}\s?[A-D]?\b|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
    r"|\b\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b|\d(?:[\s-]?\d){5,}"
)


@dataclass(frozen=True)
class PairKey:
    """A pair of records by what outlives them: partner and pseudonym of each, the smaller first."""

    partner_a: str
    person_ref_a: bytes
    partner_b: str
    person_ref_b: bytes

    @classmethod
    def of(cls, one: Row, other: Row) -> PairKey:
        """From two rows with partner and person_ref."""
        sides = sorted((row["partner"], bytes(row["person_ref"])) for row in (one, other))
        return cls(*sides[0], *sides[1])


def answer_pair(
    database: Database, settings: Settings, record_a: int, record_b: int, answer: str, *, by: str, why: str
) -> bool:
    """Record a reviewer's answer about two records; False when the same person has said the same already.

    Raises BuildError for an unknown record, an empty name or reason, or a reason that holds what could identify
    somebody.
    """
    check_words(by, why)
    if answer not in ANSWERS:
        raise BuildError(
            where="the answer", rule="there is no such answer.", remedy=f"give one of {', '.join(ANSWERS)}."
        )
    with database.connect(LINKER) as connection:
        reader = Reader(connection)
        pair = pair_of(record_a, record_b)
        account = account_of(reader, reader.night(settings), *pair)
        rows = reader.records(pair)
        key = PairKey.of(rows[pair[0]], rows[pair[1]])
        return add_answer(connection, key, answer, by=by.strip(), why=why.strip(), source="hub", seen=seen_of(account))


def add_answer(
    connection: psycopg.Connection[Any],
    key: PairKey,
    answer: str,
    *,
    by: str,
    why: str,
    source: str,
    seen: Mapping[str, Any],
    question_id: bytes | None = None,
) -> bool:
    """Add an answer and its audit entry in the caller's transaction; False when the pair's latest one says the same.

    An answer to a question is always added, since the question is settled by it.
    """
    pair = (key.partner_a, key.person_ref_a, key.partner_b, key.person_ref_b)
    connection.execute("select pg_advisory_xact_lock(hashtextextended('review_answer', 0))")
    latest = connection.execute(
        "select answer, answered_by, why, source from identity.review_answer where"
        " (partner_a, person_ref_a, partner_b, person_ref_b) = (%s, %s, %s, %s) order by answer_id desc limit 1",
        pair,
    ).fetchone()
    if question_id is None and latest == (answer, by, why, source):
        return False
    row = connection.execute(
        "insert into identity.review_answer (partner_a, person_ref_a, partner_b, person_ref_b, answer, answered_by,"
        " why, source, question_id, seen) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning answer_id",
        (*pair, answer, by, why, source, question_id, json.dumps(seen)),
    ).fetchone()
    assert row is not None
    detail = {"answer": answer, "source": source, "partners": sorted({key.partner_a, key.partner_b})}
    audit.append(connection, by, "link_answered", f"review_answer/{row[0]}", detail)
    return True


def answered_since(reader: Reader, key: PairKey, moment: dt.datetime) -> bool:
    """Whether the pair's latest answer is `same` or `different`, and newer than the moment."""
    found = reader.rows(
        "select answer, answered_at from identity.review_answer where"
        " (partner_a, person_ref_a, partner_b, person_ref_b) = (%s, %s, %s, %s) order by answer_id desc limit 1",
        key.partner_a,
        key.person_ref_a,
        key.partner_b,
        key.person_ref_b,
    )
    return bool(found) and found[0]["answer"] != CANNOT_TELL and found[0]["answered_at"] > moment


def seen_of(account: LinkAccount) -> dict[str, Any]:
    """What the link looked like, to be kept with the answer."""
    return {
        "run_id": account.run_id,
        "model_version": account.model_version,
        "pattern": account.pattern,
        "total_bits": round(account.total, 6),
        "probability": round(account.probability, 9),
        "decision": account.decision,
        "together": account.together,
    }


def check_words(by: str, why: str) -> None:
    """Raise BuildError where name or reason is empty, or the reason is too long or holds what could identify."""
    check_name(by)
    if not why.strip():
        raise BuildError(where="--why", rule="this may not be empty.", remedy="say it; it is kept with the answer.")
    if len(why) > LONGEST_WHY:
        raise BuildError(where="--why", rule=f"it is longer than {LONGEST_WHY} characters.", remedy="say it shorter.")
    if IDENTIFYING.search(why):
        raise BuildError(
            where="--why",
            rule="it holds what looks like an identifier, a postcode, a date or a telephone number.",
            remedy="give the reason without anything that could identify a person.",
        )


def check_name(by: str) -> None:
    """Raise BuildError where nobody is named."""
    if not by.strip():
        raise BuildError(
            where="--by", rule="this may not be empty.", remedy="say who; it is kept, and in the audit log."
        )
