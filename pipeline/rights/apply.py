"""Carry out the acts of the ledger in the database, each once and whole: also those a restored backup does not know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg

from pipeline import audit
from pipeline.errors import StoreError
from pipeline.rights import files
from pipeline.rights.contest import close_contests, open_contests
from pipeline.rights.declared import Declared, load_declared
from pipeline.rights.hold import hold, put_back
from pipeline.rights.ledger import ACCESS, CONTEST, ERASE, LIFT, REFUSE, RESTRICT, Act, ledger_path, read_ledger
from pipeline.rights.persons import with_tags
from pipeline.rights.remove import counted, erase, mark
from pipeline.rights.tags import Tagger, load_tagger
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.store.locks import HUB_DATA, advisory_lock

Connection = psycopg.Connection[Any]
Told = dict[str, Any]


def keep_up(settings: Settings, database: Database) -> list[Told]:
    """Bring the database in line with the ledger; what was done, none where it is in line already (mostly it is).

    Called before anything is loaded or built. Raises StoreError where the ledger is not as it was written, or lacks
    what the database knows.
    """
    acts = read_ledger(settings)
    with database.connect() as connection:
        known = dict(connection.execute("select number, sha256 from rights.applied").fetchall())
        contested = connection.execute("select exists (select from rights.contest where state = 'open')").fetchone()
    _same_history(settings, acts, known)
    waiting = [act for act in acts if act.number not in known]
    if not waiting and contested != (True,):
        return []
    tagger, declared = load_tagger(settings, needed=bool(acts)), load_declared(settings.declarations)
    told = []
    for act in waiting:
        with _alone(database, act):
            told += _carry_out(settings, database, tagger, declared, act)
    with database.connect() as connection:
        close_contests(connection, tagger)
    return told


def _same_history(settings: Settings, acts: list[Act], known: dict[int, str]) -> None:
    here = {act.number: act.sha256() for act in acts}
    if any(here.get(number) != sha256 for number, sha256 in known.items()):
        raise StoreError(
            where=str(ledger_path(settings)),
            rule="the database has carried out acts that this ledger does not have: it is older, or another one.",
            remedy="restore hub/rights from its newest backup; until then nothing is loaded or built.",
        )


@contextmanager
def _alone(database: Database, act: Act) -> Iterator[None]:
    """While nothing is loaded for these partners, and nothing is built: both would bring back what goes."""
    with database.connect(autocommit=True) as session, ExitStack() as held:
        for partner in sorted({partner for partner, _ in act.tags}):
            held.enter_context(advisory_lock(session, f"ingest {partner}"))
        held.enter_context(advisory_lock(session, HUB_DATA))
        yield


def _carry_out(settings: Settings, database: Database, tagger: Tagger, declared: Declared, act: Act) -> list[Told]:
    with database.connect() as connection:
        if connection.execute("select from rights.applied where number = %s", (act.number,)).fetchone():
            return []  # somebody was quicker
        _register(connection, declared, act)
        counts: Told = {}
        if act.act == ERASE:
            counts = _erase(settings, connection, tagger, act)
        elif act.act == RESTRICT:
            counts = _restrict(settings, connection, tagger, act)
        elif act.act in (LIFT, REFUSE):
            counts = _lift(connection, tagger, act)
        elif act.act == CONTEST:
            refs = with_tags(connection, tagger, _tags(act))
            records = connection.execute(
                "select record_id from identity.record where person_ref = any(%s)", ([ref for _, ref in refs],)
            ).fetchall()
            counts = {"rows": open_contests(connection, tagger, act, [row[0] for row in records])}
        connection.execute(
            "insert into rights.applied (number, sha256, act) values (%s, %s, %s)", (act.number, act.sha256(), act.act)
        )
        audit.append(connection, act.by, f"rights_{act.act}", f"request/{act.request}", counts | {"right": act.right})
    return [{"number": act.number, "act": act.act, "request": act.request, **counts}]


def _register(connection: Connection, declared: Declared, act: Act) -> None:
    """The request's row: opened by its first act, decided by a later one."""
    done = act.act in (ACCESS, RESTRICT, ERASE) and not (act.act == RESTRICT and act.right == "objection")
    connection.execute(
        'insert into rights.request (request_id, "right", partner, tag, asked_at, due_on, by_whom, reason, state)'
        " values (%s, %s, %s, %s, %s, %s, %s, %s, 'open') on conflict do nothing",
        (act.request, act.right, act.partner, act.tag, act.moment, declared.due(act.moment), act.by, act.reason),
    )
    decided = (act.moment, act.by, act.reason, act.ground or None, act.request)
    if done or act.act == REFUSE:
        state = "refused" if act.act == REFUSE else "granted"
        connection.execute(
            f"update rights.request set state = '{state}', decided_at = %s, decided_by = %s, decision = %s, ground = %s"  # noqa: S608
            " where request_id = %s".encode(),
            decided,
        )
    elif act.act == LIFT:
        connection.execute(
            "update rights.request set state = 'ended', decided_at = %s, decided_by = %s, decision = %s, ground = %s"
            " where request_id = %s",
            decided,
        )


def _erase(settings: Settings, connection: Connection, tagger: Tagger, act: Act) -> Told:
    for partner, tag in _tags(act):
        connection.execute(
            "insert into rights.suppression values (%s, %s, %s, %s) on conflict do nothing",
            (tag, partner, act.request, act.moment),
        )
    connection.execute("delete from rights.restriction where tag = any(%s)", ([tag for _, tag in _tags(act)],))
    refs = with_tags(connection, tagger, _tags(act))
    places = mark(connection, refs)
    people = _numbers(connection, "select person_id from gone_person where whole")
    families = _numbers(connection, "select family_id from touched_family")
    records = _numbers(connection, "select record_id from gone_record")
    cases = counted(connection, "touched_case")
    gone = erase(connection, places)
    ended = _numbers(connection, "select family_id from ended_family")
    for of, numbers in (("person", people), ("family", ended)):
        for number in numbers:
            connection.execute(
                "insert into rights.tombstone values (%s, %s, %s, %s) on conflict do nothing",
                (tagger.number(of, number), of, act.request, act.moment),
            )
    return {
        "records": len(records), "rows": sum(gone.values()), "tables": len(gone), "families_touched": len(families),
        "families_ended": len(ended), "cases_touched": cases,
        "sealed_copies": files.delete_sealed(settings, connection, (partner for partner, _ in act.tags)),
        "pages": files.delete_pages(settings, {*people, *families, *records}, [ref for _, ref in refs]),
    }  # fmt: skip


def _restrict(settings: Settings, connection: Connection, tagger: Tagger, act: Act) -> Told:
    for partner, tag in _tags(act):
        connection.execute(
            "insert into rights.restriction values (%s, %s, %s, %s) on conflict do nothing",
            (tag, partner, act.request, act.moment),
        )
    refs = with_tags(connection, tagger, _tags(act))
    places = mark(connection, refs)
    people, families = (
        _numbers(connection, f"select {of}_id from {table}")  # noqa: S608 - declared names only
        for of, table in (("person", "gone_person"), ("family", "touched_family"))
    )
    records = _numbers(connection, "select record_id from gone_record")
    held = hold(connection, places)
    return {
        "records": len(records), "rows": sum(held.values()), "families_touched": len(families),
        "pages": files.delete_pages(settings, {*people, *families, *records}, [ref for _, ref in refs]),
    }  # fmt: skip


def _lift(connection: Connection, tagger: Tagger, act: Act) -> Told:
    released = connection.execute(
        "delete from rights.restriction r where request_id = %s returning tag, partner", (act.request,)
    ).fetchall()
    still = {
        (partner, bytes(tag))
        for partner, tag in connection.execute("select partner, tag from rights.restriction").fetchall()
    }
    free = [(partner, bytes(tag)) for tag, partner in released if (partner, bytes(tag)) not in still]
    back = put_back(connection, with_tags(connection, tagger, free))
    return {"rows": sum(back.values())}


def _numbers(connection: Connection, query: str) -> list[int]:
    return [int(row[0]) for row in connection.execute(query.encode()).fetchall()]


def _tags(act: Act) -> list[tuple[str, bytes]]:
    return [(partner, bytes.fromhex(tag)) for partner, tag in act.tags]
