"""The partner's own log of what it was asked and replied to, its lines chained by hashes; never a value.

It is also what holds the hub back: a question's id is the salt of what is encoded for it, so an id that comes again for
another record would make the two comparable, and is refused; nor is one record asked about without end.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts.review import ReviewRules
from pipeline.errors import ExtractError
from pipeline.questions import QuestionError, QuestionFile, Reply

LOG_FILE = "asked.jsonl"
YEAR = dt.timedelta(days=365)


@dataclass(frozen=True)
class AskedLog:
    """The log in a file, and the rules it keeps."""

    path: Path
    rules: ReviewRules

    def add(self, file: QuestionFile, replies: Sequence[Reply], *, by: str, now: dt.datetime) -> None:
        """Write a line per reply, all or none. Raises QuestionError where a rule forbids one."""
        entries = self.entries()
        told = {entry["question_id"]: entry["records"] for entry in entries}
        for reply in replies:
            if told.get(reply.question_id, list(reply.records)) != list(reply.records):
                raise QuestionError(
                    where=f"question {reply.question_id}",
                    rule="this question id has been used for another record before.",
                    remedy="answer nothing of this file, and ask the hub why: replies to it could be compared.",
                )
            for record in reply.records:
                others = {
                    entry["question_id"]
                    for entry in entries
                    if record in entry["records"] and now - dt.datetime.fromisoformat(entry["at"]) < YEAR
                } - {reply.question_id}
                if len(others) >= self.rules.most_per_record_a_year:
                    raise QuestionError(
                        where=f"question {reply.question_id}",
                        rule=f"its record has been asked about {len(others)} times within a year.",
                        remedy="leave it out, and ask the hub why this record is asked about again.",
                    )
        fresh = [
            {
                "at": now.isoformat(timespec="seconds"),
                "question_id": reply.question_id,
                "file_id": file.file_id,
                "records": list(reply.records),
                "answered_by": by,
            }
            for reply in replies
            if reply.question_id not in told
        ]
        self._append(fresh)

    def entries(self) -> list[dict[str, Any]]:
        """The log's lines, the oldest first. Raises ExtractError where one cannot be read or does not follow."""
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().splitlines()
        try:
            entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
            before = [None, *(hashlib.sha256(line).hexdigest() for line in lines[:-1])]
            whole = [entry["previous"] for entry in entries] == before
        except (ValueError, TypeError, KeyError):
            whole = False
        if not whole:
            raise ExtractError(
                where=str(self.path), rule="the log is not as it was written.", remedy="restore it from its backup."
            )
        return entries

    def _append(self, fresh: Sequence[dict[str, Any]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        last = lines[-1] if lines else None
        text = b""
        for entry in fresh:
            previous = hashlib.sha256(last).hexdigest() if last is not None else None
            last = json.dumps({**entry, "previous": previous}, sort_keys=True).encode()
            text += last + b"\n"
        with self.path.open("ab") as log:
            log.write(text)
            log.flush()
            os.fsync(log.fileno())
