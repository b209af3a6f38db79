"""What a check of the log can find, and how a break in its chain is told apart. Says where; never what was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg

EDITED, DELETED, REORDERED, CUT, REWRITTEN, FORKED = "edited", "deleted", "reordered", "cut", "rewritten", "forked"
LEDGER, UNGUARDED, UNRECORDED = "ledger", "unguarded", "unrecorded"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was left. `entry`: the number of the entry where it shows, if at one."""

    kind: str
    where: str
    what: str
    entry: int | None = None


@dataclass(frozen=True)
class Verdict:
    """A check of the log: how much was looked at, and all that was found.

    `checkpoints`: how many were compared; `covered`: entries under the newest of them that holds; `notes`: what a
    reader should know though nothing is wrong.
    """

    entries: int
    checkpoints: int
    covered: int
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.findings


def name_break(connection: psycopg.Connection[Any], before: int | None, entry: int, named: bytes) -> Finding:
    """What happened where entry `entry` does not follow the one that stands before it (None: it is the first).

    `named` is the hash it says it follows. Read from the table, as a forger left it.
    """
    siblings = connection.execute(
        "select entry_id from audit.log where previous_hash = %s and entry_id <> %s order by entry_id limit 1",
        (named, entry),
    ).fetchone()
    followed = connection.execute("select entry_id from audit.log where hash = %s limit 1", (named,)).fetchone()
    stands = f"after entry {before}" if before is not None else "at the beginning"
    if siblings is not None:
        return Finding(FORKED, f"entry {entry}", f"it and entry {siblings[0]} both say that they follow the same one.",
                       entry)  # fmt: skip
    if followed is not None:
        return Finding(
            REORDERED, f"entry {entry}", f"it stands {stands}, and was written after entry {followed[0]}.", entry
        )
    if before is None or entry > before + 1:
        gone = f"between entries {before} and {entry}" if before is not None else f"before entry {entry}"
        return Finding(DELETED, gone, "the entry it was written after is gone (or was hashed anew).", entry)
    return Finding(
        EDITED, f"entries {before} to {entry}", f"entry {before} was changed and hashed anew, or one was taken out "
        "here and the numbers were moved up.", entry,
    )  # fmt: skip
