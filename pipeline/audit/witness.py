"""Send checkpoints to somebody outside who keeps them: an HTTP witness, or a mailbox. Off unless set.

WHOLEFAMILY_WITNESS is an https:// address (POST; the body is that of C2SP tlog-witness: the size the witness has, a
proof that the log grew from it, the checkpoint) or a mailto: address, sent by the mail server of `hub/notices.yaml`.
What is sent holds sizes, hashes and a time; nothing of a person.
"""

from __future__ import annotations

import base64
import os
import urllib.error
from collections.abc import Sequence

from pipeline.audit import merkle
from pipeline.audit.ledger import Kept, ledger_folder, log_leaf, public_key, read_ledger
from pipeline.audit.log import entries
from pipeline.errors import StoreError
from pipeline.notices import FAILURES, Email, mail, post, routes
from pipeline.settings import Settings
from pipeline.store.database import Database

RECEIPT = ".witnessed"


def tell_witness(settings: Settings, database: Database) -> int:
    """Send every checkpoint that has no receipt yet, oldest first; returns how many were sent (0: none is set).

    Raises StoreError when the witness cannot be reached or refuses; what is not sent goes with the next.
    """
    address = os.environ.get("WHOLEFAMILY_WITNESS", "")
    key = public_key(settings)
    if not address or key is None:
        return 0
    kept = read_ledger(ledger_folder(settings), key)
    waiting = [one for one in kept if not one.path.with_suffix(RECEIPT).exists()]
    leaves = _leaves(database) if waiting and not address.startswith("mailto:") else []
    seen = max((one.checkpoint.size for one in kept if one not in waiting), default=0)
    for one in waiting:
        if address.startswith("mailto:"):
            receipt = _mail(settings, address.removeprefix("mailto:"), one)
        else:
            receipt = _post(address, one, seen, leaves)
        one.path.with_suffix(RECEIPT).write_bytes(receipt)
        seen = one.checkpoint.size
    return len(waiting)


def request_body(one: Kept, seen: int, leaves: Sequence[bytes]) -> bytes:
    """What an HTTP witness is sent: the size it has, the proof that the log grew from there, and the checkpoint."""
    proof = merkle.consistency_proof(leaves[: one.checkpoint.size], seen)
    lines = [f"old {seen}", *(base64.b64encode(part).decode() for part in proof), "", one.note]
    return "\n".join(lines).encode()


def _post(address: str, one: Kept, seen: int, leaves: Sequence[bytes]) -> bytes:
    try:
        return post(address, request_body(one, seen, leaves), "text/plain; charset=utf-8")
    except urllib.error.HTTPError as problem:
        raise _unreached(f"it answered HTTP {problem.code}") from None
    except FAILURES as problem:
        raise _unreached(type(problem).__name__) from None


def _mail(settings: Settings, to: str, one: Kept) -> bytes:
    route = next((route for route in routes(settings) if isinstance(route, Email)), None)
    if route is None:
        raise StoreError(
            where="the witness of the audit log (WHOLEFAMILY_WITNESS)",
            rule="it is a mailbox, and no mail server is declared. The checkpoint is kept, and goes with the next.",
            remedy="declare an e-mail route in hub/notices.yaml (docs/runbook.md); then run: wholefamily checkpoint",
        )
    try:
        mail(route, f"Audit checkpoint {one.checkpoint.number}: please keep", one.note, (to,))
    except FAILURES as problem:
        raise _unreached(type(problem).__name__) from None
    return b""


def _leaves(database: Database) -> list[bytes]:
    with database.adbc() as connection:
        return [log_leaf(entry) for entry in entries(connection)]


def _unreached(why: str) -> StoreError:
    return StoreError(
        where="the witness of the audit log (WHOLEFAMILY_WITNESS)",
        rule=f"it did not take the checkpoint ({why}). The checkpoint is kept here, and goes with the next.",
        remedy="see that the witness can be reached; then run: wholefamily checkpoint",
    )
