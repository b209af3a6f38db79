"""The ledger of rights: what was asked and decided, one JSON line each, kept as a file outside the database.

A restored backup of the database does not know what was decided after it was taken; the ledger does, and is applied
again before anything is loaded or built. Each line carries the hash of the one before. It names persons by tags alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.settings import Settings
from pipeline.store.locks import file_lock

FIRST = bytes(32).hex()
ASK, ACCESS, CONTEST, RESTRICT, LIFT, REFUSE, ERASE = (
    "ask", "access", "contest", "restrict", "lift", "refuse", "erase",
)  # fmt: skip
ENDS_RESTRICTION = (LIFT, REFUSE, ERASE)  # of the same request


@dataclass(frozen=True)
class Line:
    """A delivered line."""

    delivery_id: str
    table: str
    row: int


@dataclass(frozen=True)
class Act:
    """One act. `tags`: (partner, tag in hexadecimal) of every record it is about, the one asked for first.

    `act`: one of the names above. `right`: what the request asked for. `lines`: of a contest.
    """

    number: int
    at: str
    act: str
    request: str
    right: str
    tags: tuple[tuple[str, str], ...]
    by: str
    reason: str
    ground: str = ""
    lines: tuple[Line, ...] = ()
    previous: str = FIRST

    @property
    def partner(self) -> str:
        """The partner that passed the request on."""
        return self.tags[0][0]

    @property
    def tag(self) -> bytes:
        return bytes.fromhex(self.tags[0][1])

    @property
    def moment(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.at)

    def text(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def sha256(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()


def ledger_path(settings: Settings) -> Path:
    """Where the ledger stands: to be backed up with the hub's files, apart from the database."""
    return settings.hub / "rights" / "ledger.jsonl"


def read_ledger(settings: Settings) -> list[Act]:
    """Every act, oldest first. A line that a killed writer left unfinished is none. Raises StoreError when the ledger
    is not as it was written."""
    path = ledger_path(settings)
    if not path.exists():
        return []
    acts: list[Act] = []
    previous = FIRST
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            told = json.loads(line)
            told["tags"] = tuple(tuple(tag) for tag in told["tags"])
            told["lines"] = tuple(Line(**one) for one in told["lines"])
            act = Act(**told)
        except (ValueError, TypeError, KeyError):
            act = None
        if act is None or act.number != number or act.previous != previous:
            raise StoreError(
                where=f"the ledger of rights, line {number}",
                rule="it is not as it was written: its number or the hash of the line before does not fit.",
                remedy="restore hub/rights from its backup and tell the IG lead; nothing is loaded or built till then.",
            )
        acts.append(act)
        previous = act.sha256()
    return acts


def write_act(
    settings: Settings,
    *,
    act: str,
    request: str,
    right: str,
    tags: Sequence[tuple[str, bytes]],
    by: str,
    reason: str,
    ground: str = "",
    lines: Sequence[Line] = (),
) -> Act:
    """Add one act, on the disk before it is carried out. Raises StoreError for a ledger that is not as it was left."""
    path = ledger_path(settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file_lock(path.with_name(".lock")):
        before = read_ledger(settings)
        written = Act(
            number=len(before) + 1,
            at=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
            act=act, request=request, right=right,
            tags=tuple((partner, tag.hex()) for partner, tag in tags),
            by=by, reason=reason, ground=ground, lines=tuple(lines),
            previous=before[-1].sha256() if before else FIRST,
        )  # fmt: skip
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "r+b") as file:
            whole = file.read().rfind(b"\n") + 1  # a killed writer's unfinished line is cut off
            file.truncate(whole)
            file.seek(whole)
            file.write(written.text().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    return written
