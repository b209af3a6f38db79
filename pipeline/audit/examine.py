"""Is the log as it was written? One pass: every entry's hash and chain, and the tree at every checkpoint's size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.audit.findings import CUT, EDITED, FORKED, LEDGER, REWRITTEN, Finding, name_break
from pipeline.audit.ledger import NAME, Kept, digest
from pipeline.audit.log import GENESIS, Entry, entries
from pipeline.audit.merkle import GrowingTree, leaf_hash
from pipeline.audit.notes import FIRST
from pipeline.store.database import Database

MOST_BREAKS = 50  # after so many a list of more helps nobody


@dataclass
class Examined:
    """The log as read: its size, root and last number, and what is wrong with it. `holding`: checkpoints that hold."""

    size: int = 0
    root: bytes = b""
    last_entry: int = 0
    covered: int = 0
    holding: int = 0
    findings: list[Finding] = field(default_factory=list)


def examine(database: Database, kept: Sequence[Kept]) -> Examined:
    """Read the whole log and compare it with checkpoints (of the ledger, and of a witness). Raises StoreError."""
    wanted: dict[int, list[Kept]] = defaultdict(list)
    for one in kept:
        wanted[one.checkpoint.size].append(one)
    found, tree = Examined(), GrowingTree()
    breaks: list[tuple[int | None, Entry, bool]] = []
    roots: dict[int, bytes] = {}
    previous = GENESIS
    before: int | None = None
    if 0 in wanted:
        roots[0] = tree.root()
    with database.adbc() as connection:
        for entry in entries(connection):
            anew = entry.hash_anew()
            tree.add(leaf_hash(anew))
            if (entry.previous_hash != previous or entry.hash != anew) and len(breaks) < MOST_BREAKS:
                breaks.append((before, entry, entry.previous_hash != previous))
            previous, before = entry.hash, entry.entry_id
            if tree.size in wanted:
                roots[tree.size] = tree.root()
    found.size, found.root, found.last_entry = tree.size, tree.root(), before or 0
    found.findings = _breaks(database, breaks)
    _compare(found, roots, sorted(kept, key=lambda one: (one.checkpoint.size, one.checkpoint.number)), bool(breaks))
    return found


def _breaks(database: Database, breaks: Sequence[tuple[int | None, Entry, bool]]) -> list[Finding]:
    with database.connect() as connection:
        return [
            name_break(connection, before, entry.entry_id, entry.previous_hash)
            if chain
            else Finding(EDITED, f"entry {entry.entry_id}", "it is not as it was written.", entry.entry_id)
            for before, entry, chain in breaks
        ]


def _compare(found: Examined, roots: dict[int, bytes], kept: Sequence[Kept], chain_broken: bool) -> None:
    """Cut tails and rewritten history, by the checkpoints; where a checkpoint shows what the chain showed, once."""
    held: Kept | None = None
    for one in kept:
        said = one.checkpoint
        root = roots.get(said.size)
        if root == said.root:
            held, found.holding, found.covered = one, found.holding + 1, said.size
            continue
        since = f"after entry {held.checkpoint.last_entry}" if held else "from the first entry on"
        if root is None and found.last_entry < said.last_entry:
            found.findings.append(
                Finding(
                    CUT, f"after entry {found.last_entry}",
                    f"{one.path.name} of {said.at} covers {said.size} entries up to {said.last_entry}; the log has "
                    f"{found.size}, and ends at {found.last_entry}.", found.last_entry,
                )
            )  # fmt: skip
        elif not chain_broken:
            found.findings.append(
                Finding(
                    REWRITTEN, f"{since}, up to entry {said.last_entry}",
                    f"the chain is whole, and is another than {one.path.name} of {said.at} was signed over: history "
                    "was written anew, or the log was set back and went on another way.", said.last_entry,
                )
            )  # fmt: skip
        return


def ledger_findings(kept: Sequence[Kept]) -> list[Finding]:
    """Is the ledger itself whole: numbered from 1, each naming the one before, never shrinking?"""
    findings: list[Finding] = []
    before, size = FIRST, 0
    for number, one in enumerate(kept, start=1):
        said = one.checkpoint
        if (said.number, one.path.name) != (number, NAME.format(number)):
            missing = f"checkpoint {number} is missing" if said.number > number else f"it says number {said.number}"
            return [*findings, Finding(LEDGER, one.path.name, f"{missing}.")]
        if said.previous != before:
            findings.append(Finding(LEDGER, one.path.name, "it does not follow the checkpoint that stands before it."))
        if said.size < size:
            findings.append(Finding(CUT, one.path.name, "it covers fewer entries than the checkpoint before it."))
        before, size = digest(one.note), said.size
    return findings


def split_views(ours: Sequence[Kept], theirs: Sequence[Kept]) -> list[Finding]:
    """Where a witness holds another checkpoint than we do: two histories, both signed with the log's key."""
    by_number = {one.checkpoint.number: one for one in ours}
    findings = []
    for one in theirs:
        mine = by_number.get(one.checkpoint.number)
        if mine is None:
            findings.append(Finding(LEDGER, one.path.name, "the witness holds it, and the ledger here does not."))
        elif mine.note != one.note:
            findings.append(
                Finding(
                    FORKED, one.path.name, f"two checkpoints of number {one.checkpoint.number} are signed: the witness "
                    f"saw {one.checkpoint.size} entries, the ledger here says {mine.checkpoint.size}, and they are not "
                    "of one history.",
                )
            )  # fmt: skip
    return findings
