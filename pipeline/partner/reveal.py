"""A partner turns one of its own pseudonyms back into its reference, for a caseworker who may know.

An HMAC cannot be turned back: the partner's own extract is searched for the person who has this pseudonym. Every
attempt, with its reason and approver, goes into an append-only log whose lines are chained by hashes.
"""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np

from pipeline.contracts import Contract
from pipeline.errors import ExtractError
from pipeline.partner.hashing import TOKEN_BYTES, hmac_each
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.read_extract import read_table
from pipeline.partner.tokens import PERSON_REFERENCE
from pipeline.records import PEOPLE
from pipeline.settings import Settings

LOG_FILE = "revealed.jsonl"
PSEUDONYM = re.compile(r"[0-9a-f]{32}")


def reveal(
    settings: Settings,
    contract: Contract,
    keys: PartnerKeys,
    pseudonym: str,
    raw: Path,
    *,
    reason: str,
    approver: str,
    requested_by: str | None = None,
) -> str:
    """The partner's own reference behind a pseudonym. Raises ExtractError where no person of the extract has it.

    The log says who asked, who approved, why, and whether it was found; never the reference.
    """
    requester = (requested_by or getpass.getuser()).strip()
    for what, text in (("--reason", reason), ("--approver", approver)):
        if not text.strip():
            raise ExtractError(where=what, rule="this may not be empty.", remedy="say it; it is logged.")
    if approver.strip().casefold() == requester.casefold():
        raise ExtractError(
            where="--approver", rule="nobody approves their own request.", remedy="have somebody else approve it."
        )
    if not PSEUDONYM.fullmatch(pseudonym):
        raise ExtractError(where="the pseudonym", rule="it is not 32 hex digits.", remedy="copy it whole.")
    people = contract.table(PEOPLE)
    references = read_table(contract, people, raw / people.file, ["person_ref"]).columns["person_ref"].values
    digests = hmac_each(keys.reference_key(PERSON_REFERENCE), references)[:, :TOKEN_BYTES]
    wanted = np.frombuffer(bytes.fromhex(pseudonym), dtype=np.uint8)
    found = np.flatnonzero((digests == wanted).all(axis=1))
    _log(
        settings.partner_home(contract.partner) / LOG_FILE,
        {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "pseudonym": pseudonym,
            "reason": reason.strip(),
            "requested_by": requester,
            "approver": approver.strip(),
            "found": bool(len(found)),
        },
    )
    if not len(found):
        raise ExtractError(
            where=f"{contract.partner}: {people.file}",
            rule="no person of this extract has this pseudonym.",
            remedy="check that it is this partner's own, and search the extract that was sent.",
        )
    return str(references[int(found[0])].as_py())


def _log(path: Path, entry: dict[str, object]) -> None:
    """Append an entry that holds the hash of the line before: a line changed or taken out later shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.read_bytes().splitlines() if path.exists() else []
    chained = {**entry, "previous": hashlib.sha256(lines[-1]).hexdigest() if lines else None}
    with path.open("ab") as log:
        log.write(json.dumps(chained, sort_keys=True).encode() + b"\n")
        log.flush()
        os.fsync(log.fileno())
