"""What the desk does for a data subject: each act is written into the ledger first, and then carried out.

A person decides, always: nothing here grants or refuses by itself. The hub never sees who somebody is: it is asked by a
partner's pseudonym, and acts on every record that linking holds for the same person today.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pipeline.errors import RightsError
from pipeline.rights import ledger
from pipeline.rights.apply import Told, keep_up
from pipeline.rights.contest import Delivered, delivered_rows
from pipeline.rights.declared import load_declared
from pipeline.rights.ledger import Line
from pipeline.rights.persons import Reference, doubtful_records, records_of_person
from pipeline.rights.tags import Tagger, load_tagger
from pipeline.settings import Settings
from pipeline.store.database import Database

Connection = psycopg.Connection[Any]
PSEUDONYM = re.compile(r"[0-9a-f]{32}")
LONGEST = 300


@dataclass(frozen=True)
class Asked:
    """Whom a request is about: the records of one person, the one asked for first; and who asked, and why."""

    references: tuple[Reference, ...]
    by: str
    reason: str
    doubtful: int = 0  # records that may be the same person: not acted on
    tags: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Done:
    """What an act did: the request's number, counts, and how many records may be the same person (not acted on)."""

    request: str
    counts: Told
    doubtful: int = 0


def whom(settings: Settings, database: Database, partner: str, pseudonym: str, by: str, reason: str) -> Asked:
    """Find the person. Raises RightsError where the pseudonym, the asker or the reason is not one."""
    if not PSEUDONYM.fullmatch(pseudonym):
        raise RightsError(
            where="the pseudonym",
            rule="it is not 32 hex digits.",
            remedy="have the partner make it from its reference: wholefamily rights pseudonym PARTNER",
        )
    by, reason = said("--by", by), said("--reason", reason)
    keep_up(settings, database)
    tagger = load_tagger(settings, needed=bool(ledger.read_ledger(settings)))
    with database.connect() as connection:
        references = records_of_person(connection, partner, bytes.fromhex(pseudonym))
        doubtful = doubtful_records(connection, references)
    tags = tuple((of, tagger.record(of, ref)) for of, ref in references)
    return Asked(tuple(references), by, reason, doubtful, tags)


def said(option: str, text: str) -> str:
    """A line of text that is kept with the request. Raises RightsError where it is none."""
    text = text.strip()
    if not text or len(text) > LONGEST or not text.isprintable():
        raise RightsError(
            where=option,
            rule=f"it is one line of text, of at most {LONGEST} characters.",
            remedy="say it shortly; no name of a data subject.",
        )
    return text


def erase(settings: Settings, database: Database, asked: Asked) -> Done:
    """Erase the person, for good (Art 17, 21). An open request of theirs for it is granted by this."""
    found = _open_request(database, asked, ("erasure", "objection"))
    request, right = found or (_new_request(), "erasure")
    return _do(settings, database, asked, ledger.ERASE, request, right)


def restrict(settings: Settings, database: Database, asked: Asked) -> Done:
    """Hold the person's data, neither shown nor used, until it is lifted (Art 18)."""
    return _do(settings, database, asked, ledger.RESTRICT, _new_request(), "restriction")


def object_to(settings: Settings, database: Database, asked: Asked) -> Done:
    """Record an objection (Art 21): restricted at once (Art 18(1)(d)), until somebody erases or refuses."""
    return _do(settings, database, asked, ledger.RESTRICT, _new_request(), "objection")


def ask(settings: Settings, database: Database, asked: Asked, right: str) -> Done:
    """Record a request that somebody will decide later."""
    return _do(settings, database, asked, ledger.ASK, _new_request(), right)


def note_access(settings: Settings, database: Database, asked: Asked) -> Done:
    """Record that the person was given access (Art 15), before anything is shown."""
    return _do(settings, database, asked, ledger.ACCESS, _new_request(), "access")


def contest(
    settings: Settings, database: Database, asked: Asked, lines: Sequence[Line]
) -> tuple[Done, list[Delivered]]:
    """Mark delivered lines as contested (Art 16); returns what goes to their partners. No lines: all of the record
    asked for. Raises RightsError for a line that is not the person's."""
    tagger: Tagger = load_tagger(settings, needed=bool(ledger.read_ledger(settings)))
    with database.connect() as connection:
        known = connection.execute(
            "select record_id, person_ref from identity.record where person_ref = any(%s)",
            ([ref for _, ref in asked.references],),
        ).fetchall()
        rows = delivered_rows(connection, tagger, [record for record, _ in known])
    own = [one for one in rows if (one.partner, one.person_ref) == asked.references[0]]
    chosen = [one for one in rows if one.line in set(lines)] if lines else own
    if not chosen or len({one.line for one in chosen}) < len(set(lines)):
        raise RightsError(
            where="--line",
            rule="a line that is named is not held about this person, or nothing is.",
            remedy="copy delivery, table and line from what `wholefamily rights access` wrote.",
        )
    done = _do(
        settings, database, asked, ledger.CONTEST, _new_request(), "rectification", lines=[one.line for one in chosen]
    )
    return done, chosen


def lift(settings: Settings, database: Database, request: str, by: str, reason: str) -> Done:
    """Lift a restriction: what is held comes back as it stood. Raises RightsError where it restricts nobody."""
    return _decide(settings, database, request, by, reason, ledger.LIFT, "", "restriction")


def refuse(settings: Settings, database: Database, request: str, ground: str, by: str, reason: str) -> Done:
    """Refuse an open request, on a ground in law; a restriction that came with it is lifted.

    Raises RightsError where the request is not open, or the ground is none for it.
    """
    return _decide(settings, database, request, by, reason, ledger.REFUSE, ground, "")


def _decide(
    settings: Settings, database: Database, request: str, by: str, reason: str, act: str, ground: str, right: str
) -> Done:
    by, reason = said("--by", by), said("--reason", reason)
    keep_up(settings, database)
    before = [one for one in ledger.read_ledger(settings) if one.request == request]
    with database.connect() as connection:
        row = connection.execute(
            'select state, "right" from rights.request where request_id = %s', (request,)
        ).fetchone()
    restricts = row is not None and before and not any(one.act in ledger.ENDS_RESTRICTION for one in before)
    if (
        row is None
        or not before
        or (act == ledger.REFUSE and row[0] != "open")
        or (act == ledger.LIFT and not (row[1] == right and restricts))
    ):
        raise RightsError(
            where="the request",
            rule="there is no such request that could be decided so.",
            remedy="see them all: wholefamily rights list",
        )
    grounds = load_declared(settings.declarations).grounds
    if act == ledger.REFUSE and (ground not in grounds or row[1] not in grounds[ground].rights):
        fitting = sorted(one.id for one in grounds.values() if row[1] in one.rights)
        raise RightsError(
            where="--ground", rule=f"this is no ground to refuse {row[1]}.", remedy=f"use one of: {', '.join(fitting)}."
        )
    tags = tuple((partner, bytes.fromhex(tag)) for partner, tag in before[0].tags)
    return _do(settings, database, Asked((), by, reason, tags=tags), act, request, str(row[1]), ground=ground)


def _do(
    settings: Settings,
    database: Database,
    asked: Asked,
    act: str,
    request: str,
    right: str,
    *,
    ground: str = "",
    lines: Sequence[Line] = (),
) -> Done:
    written = ledger.write_act(
        settings, act=act, request=request, right=right, tags=asked.tags, by=asked.by, reason=asked.reason,
        ground=ground, lines=lines,
    )  # fmt: skip
    told = keep_up(settings, database)
    mine: dict[str, Any] = next((one for one in told if one["number"] == written.number), {})
    return Done(request, {name: one for name, one in mine.items() if isinstance(one, int)}, asked.doubtful)


def _open_request(database: Database, asked: Asked, rights: tuple[str, ...]) -> tuple[str, str] | None:
    with database.connect() as connection:
        row = connection.execute(
            """select request_id, "right" from rights.request where tag = any(%s) and state = 'open'
               and "right" = any(%s) order by asked_at limit 1""",
            ([tag for _, tag in asked.tags], list(rights)),
        ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


def _new_request() -> str:
    return f"R-{secrets.token_hex(4)}"
