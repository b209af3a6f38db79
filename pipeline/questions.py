"""Questions about links to the partners who hold the names, and their replies: the one form that hub and kit share.

A question file is plain JSON: it holds the partner's own pseudonyms and random ids, and says of nobody else anything. A
reply file is sealed to the hub and signed by the partner: what stands in it is checked details under a key that the
hub does not have and that is used for one question only (docs/adr/0014).
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from pipeline.errors import WholeFamilyError

Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex6 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
Filter = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
Officer = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=80)]
Answer = Literal["same", "different", "cannot_tell"]
# confirmed: seen to be right; corrected: it was wrong, and the right one is encoded; doubted: it is wrong or likely
# so, and left out; unchecked: as in the extract; absent: the partner has none.
Status = Literal["confirmed", "corrected", "doubted", "unchecked", "absent"]
CHECKED: frozenset[str] = frozenset({"confirmed", "corrected"})
SIGNED_AS = b"whole family reply 1\n"  # so that a signature of a reply is one of nothing else
MOST_VALUES = 64  # addresses over the years; and names


class QuestionError(WholeFamilyError):
    """A file of questions or replies is not what it should be."""

    exit_code = 10


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Question(Strict):
    """One question. duplicate: are these two records of yours one person? details: please check this record."""

    question_id: Hex16
    kind: Literal["duplicate", "details"]
    records: tuple[Hex16, ...]

    @model_validator(mode="after")
    def _as_many_records_as_the_kind_asks(self) -> Question:
        if len(set(self.records)) != (2 if self.kind == "duplicate" else 1):
            raise ValueError("a duplicate has two records, details one")
        return self


class QuestionFile(Strict):
    """What the hub asks one partner; sorted by question id, which is random."""

    format: Literal[1] = 1
    holds: Literal["questions about links"] = "questions about links"
    partner: str
    file_id: Hex16
    made_on: dt.date
    answer_by: dt.date
    encoding_version: int
    key_version: int
    questions: tuple[Question, ...]


class Details(Strict):
    """A record's details as encoded for one question: filters of names, a date's three codes, tokens by column."""

    names: dict[str, tuple[Filter, ...]] = Field(default_factory=dict)
    date_parts: Hex6 | None = None
    tokens: dict[str, tuple[Hex16, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _few_values(self) -> Details:
        if any(len(values) > MOST_VALUES for values in (*self.names.values(), *self.tokens.values())):
            raise ValueError("too many values of one field")
        return self


class Reply(Strict):
    """What a partner says to one question: the answer to `duplicate`; for `details` how each was checked, and their
    encodings. A record that is not in the partner's extract has neither."""

    question_id: Hex16
    records: tuple[Hex16, ...]
    found: bool = True
    answer: Answer | None = None
    basis: str | None = Field(default=None, pattern=r"^[a-z_]{1,40}$")
    checked: dict[str, Status] = Field(default_factory=dict)
    details: Details | None = None


class Replies(Strict):
    """The content of a reply file."""

    format: Literal[1] = 1
    partner: str
    file_id: Hex16
    answered_by: Officer
    made_at: dt.datetime
    encoding_version: int
    key_version: int
    replies: tuple[Reply, ...]


class SealedReplies(Strict):
    """A reply file: `sealed` is age ciphertext (base64) of the content, `signature` Ed25519 over `signed_bytes`."""

    format: Literal[1] = 1
    holds: Literal["replies about links"] = "replies about links"
    partner: str
    sealed: str
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")


def signed_bytes(partner: str, sealed: bytes) -> bytes:
    """The exact bytes that a partner signs."""
    return SIGNED_AS + partner.encode() + b"\n" + sealed


def sealed_bytes(file: SealedReplies) -> bytes:
    """The ciphertext of a reply file. Raises QuestionError where it is not base64."""
    try:
        return base64.b64decode(file.sealed, validate=True)
    except ValueError:
        raise damaged("the reply file") from None


def to_text(file: QuestionFile | SealedReplies) -> str:
    """A file as text, for people to read too."""
    return json.dumps(file.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"


def damaged(what: str) -> QuestionError:
    """The error for a file that is not in its form; nothing of its content is shown."""
    return QuestionError(
        where=what, rule="it is damaged, or is not such a file.", remedy="ask whoever made it to send it again, whole."
    )
