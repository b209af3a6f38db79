"""Answer the hub's questions about links: check one's own records, encode them for one question, seal the reply.

The officer sees the partner's own person, on the partner's own machine, and never the other side. What leaves is how
each detail was checked, and its encoding under a key that the linkage key and the question's random id make: the hub
can compare it with the other partner's reply to the same question, and with nothing else (docs/adr/0014).
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from pipeline.contracts import Contract, Encoding
from pipeline.contracts.review import ReviewRules
from pipeline.errors import KeyMaterialError
from pipeline.partner.asked import AskedLog
from pipeline.partner.coded import coded
from pipeline.partner.encode import block_keys, date_codes, date_numbers, name_encodings, name_grams
from pipeline.partner.hashing import TOKEN_BYTES, hex_texts, hmac_each
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.own_records import OwnRecord, Values, normal_form
from pipeline.questions import (
    Answer,
    Details,
    Question,
    QuestionError,
    QuestionFile,
    Replies,
    Reply,
    SealedReplies,
    Status,
    damaged,
    signed_bytes,
    to_text,
)

PURPOSE = "question"  # stands where a blocking pass or a field stands in the names of sub-keys
SEPARATOR = "\x1f"  # stands in no normal form
PLACES = ("uprn", "address", "postcode")
RESIDENCE = "residence"  # the three are checked as one


@dataclass(frozen=True)
class Said:
    """What an officer says to one question. duplicate: `answer` and `basis`; details: `checked` by detail, `right`
    the right values of corrected ones, `also` further names the person has or had. Clear text is not in the
    representation."""

    answer: Answer | None = None
    basis: str | None = None
    checked: Mapping[str, Status] = field(default_factory=dict)
    right: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)


def version_asked(path: Path) -> int | None:
    """The version of the linkage key that a file's questions are under; None where it is no file of questions (then
    `read_questions` says why)."""
    try:
        return QuestionFile.model_validate_json(path.read_bytes()).key_version
    except (FileNotFoundError, ValidationError):
        return None


def read_questions(
    path: Path, contract: Contract, encoding: Encoding, keys: PartnerKeys, rules: ReviewRules, today: dt.date
) -> QuestionFile:
    """The questions in a file. Raises QuestionError where it is damaged, another partner's, out of date, of another
    version, or asks more than the rules allow."""
    try:
        file = QuestionFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise QuestionError(where=str(path), rule="there is no such file.", remedy="give the hub's file.") from None
    except ValidationError:
        raise damaged(str(path)) from None
    ids = [question.question_id for question in file.questions]
    for wrong, rule, remedy in (
        (file.partner != contract.partner, "these questions are for another partner.", "send the file back."),
        (file.answer_by < today, "the questions are out of date.", "ask the hub for a new file."),
        (
            (file.encoding_version, file.key_version) != (encoding.version, keys.key_version),
            "the questions are for another version of the encoding or of the linkage key.",
            "bring the kit to that version, or ask the hub for a new file.",
        ),
        (len(ids) > rules.most_in_a_file, f"it asks more than {rules.most_in_a_file} questions.", "refuse it."),
        (len(set(ids)) < len(ids), "it uses one question id twice.", "refuse it, and ask the hub why."),
    ):
        if wrong:
            raise QuestionError(where=str(path), rule=rule, remedy=remedy)
    return file


def asked_details(question: Question, record: OwnRecord) -> list[str]:
    """What is to be checked of a record: its details that may leave, the address as one."""
    fields = [name for name in record.shown if name not in (*PLACES, "start_date", "end_date")]
    return [*fields, *([RESIDENCE] if any(name in record.shown for name in PLACES) else [])]


def reply_to(
    question: Question, said: Said, found: Mapping[str, OwnRecord], contract: Contract, encoding: Encoding,
    keys: PartnerKeys, rules: ReviewRules,
) -> Reply:  # fmt: skip
    """The reply to one question. Raises QuestionError where what was said does not fit the question."""
    reply = Reply(question_id=question.question_id, records=question.records)
    if any(record not in found for record in question.records):
        return reply.model_copy(update={"found": False})
    where = f"question {question.question_id}"
    if question.kind == "duplicate":
        if said.answer is None or said.basis not in rules.bases:
            raise QuestionError(
                where=where,
                rule="it asks whether two records are one person, and no answer with a basis was given.",
                remedy=f"say same, different or cannot_tell, and how you know: {', '.join(rules.bases)}.",
            )
        return reply.model_copy(update={"answer": said.answer, "basis": said.basis})
    record = found[question.records[0]]
    asked = asked_details(question, record)
    if set(said.checked) != set(asked):
        raise QuestionError(
            where=where,
            rule="not every detail of the record was said to be checked or not.",
            remedy=f"say how each was checked: {', '.join(asked)}.",
        )
    values = _right_values(record, said, contract, where)
    return reply.model_copy(
        update={
            "checked": {name: _status(name, said, record) for name in asked},
            "details": encode_details(encoding, keys, question.question_id, values),
        }
    )


def _status(name: str, said: Said, record: OwnRecord) -> Status:
    held = any(record.normal.get(place) for place in PLACES) if name == RESIDENCE else bool(record.normal.get(name))
    return said.checked[name] if held or said.checked[name] == "corrected" else "absent"


def _right_values(record: OwnRecord, said: Said, contract: Contract, where: str) -> Values:
    """Normal forms of what is right: as in the extract, or as corrected; doubted details and places left out."""
    values = dict(record.normal)
    for name, status in said.checked.items():
        if status == "doubted":
            for column in PLACES if name == RESIDENCE else (name,):
                values.pop(column, None)
        if status == "corrected":
            values[name] = _normal(contract, name, said.right.get(name, ()), where)
    for name, more in said.also.items():
        if name not in record.normal:
            raise QuestionError(
                where=f"{where}, {name}",
                rule="the record has no such detail to add another to.",
                remedy="give further names under forename or surname; correct what is empty instead.",
            )
        values[name] = tuple(dict.fromkeys((*values.get(name, ()), *_normal(contract, name, more, where))))
    return values


def _normal(contract: Contract, name: str, texts: tuple[str, ...], where: str) -> tuple[str, ...]:
    found = tuple(normal_form(contract, name, text) for text in texts)
    if not found or None in found:
        raise QuestionError(
            where=f"{where}, {name}",
            rule="the right value is missing or is no valid one.",
            remedy="give a valid value, or say that the detail is doubted.",
        )
    return tuple(str(value) for value in found)


def encode_details(encoding: Encoding, keys: PartnerKeys, question_id: str, values: Values) -> Details:
    """A record's normal values under the keys of one question: nothing in it equals what any other question, or any
    delivery, made of them."""
    block = pa.array([question_id], pa.string())
    words = block_keys(keys.block_key(PURPOSE, encoding.version), block)
    names = {}
    for name in encoding.fields:
        held = values.get(name, ())
        here = np.zeros(len(held), dtype=np.int32)
        grams = name_grams(encoding, name, pa.array(held, pa.string()))
        place = np.full(len(held), encoding.fields.index(name), dtype=np.uint8)
        found = name_encodings(words, here, grams, np.arange(len(held), dtype=np.int32), place)
        names[name] = tuple(row.tobytes().hex() for row in found)
    born = values.get(encoding.date_parts, ())
    codes = date_codes(words, np.zeros(1, dtype=np.int32), date_numbers(coded(list(born[:1])), 1)) if born else None
    tokens = {}
    for name, held in values.items():
        if name not in (*encoding.fields, encoding.date_parts):
            key = keys.token_key(f"{PURPOSE}/{name}", encoding.version)
            salted = pa.array([f"{question_id}{SEPARATOR}{value}" for value in held], pa.string())
            tokens[name] = tuple(hex_texts(hmac_each(key, salted)[:, :TOKEN_BYTES]).to_pylist())
    date = None if codes is None else codes[0].astype("<u2").tobytes().hex()
    return Details(names={name: held for name, held in names.items() if held}, date_parts=date, tokens=tokens)


def seal_replies(
    file: QuestionFile, replies: tuple[Reply, ...], keys: PartnerKeys, log: AskedLog, *, by: str, now: dt.datetime
) -> str:
    """The text of the reply file: sealed to the hub, signed by the partner. Every question goes into the log first.

    Raises QuestionError where a question id was used for other records before, or a record is asked about too often;
    KeyMaterialError where the hub's recipient is damaged.
    """
    try:
        content = Replies(
            partner=file.partner, file_id=file.file_id, answered_by=by, made_at=now.replace(microsecond=0),
            encoding_version=file.encoding_version, key_version=file.key_version, replies=replies,
        )  # fmt: skip
    except ValidationError:
        raise QuestionError(
            where="--by", rule="this is no name.", remedy="say who answers, in 2 to 80 letters."
        ) from None
    log.add(file, [reply for reply in replies if reply.found], by=content.answered_by, now=now)
    try:
        recipient = pyrage.x25519.Recipient.from_str(keys.hub_recipient)
    except pyrage.RecipientError:
        raise KeyMaterialError(
            where="hub.recipient", rule="this is not an age recipient.", remedy="install the hub's recipient again."
        ) from None
    # Padded to whole kilobytes: the length of the file says little about what stands in it.
    body = json.dumps(content.model_dump(mode="json"), sort_keys=True).encode()
    sealed = pyrage.encrypt(body.ljust(-(-len(body) // 1024) * 1024), [recipient])
    signature = Ed25519PrivateKey.from_private_bytes(keys.signing_key).sign(signed_bytes(file.partner, sealed))
    return to_text(
        SealedReplies(partner=file.partner, sealed=base64.b64encode(sealed).decode("ascii"), signature=signature.hex())
    )


def new_name(file: QuestionFile) -> str:
    """A name for the reply file."""
    return f"replies-{file.partner}-{file.file_id[:8]}-{secrets.token_hex(2)}.json"
