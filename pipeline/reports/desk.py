"""One line of the information desk for the demo's end: how many are rising, and where to look."""

from __future__ import annotations

from pipeline.store.database import Database

PROGRAM = ".venv/bin/wholefamily"


def desk_lines(database: Database, run_id: int, home: str) -> list[str]:
    """What the run says of rising involvement, and two commands to go on with; `home` as a shell takes it. Empty
    when the run selected nobody."""
    with database.connect() as connection:
        told = connection.execute(
            "select count(*) filter (where state = 'tested'), count(*), max(families_tested),"
            " (select count(distinct family_id) from publication.escalation where state = 'rising' and run_id = %s),"
            " (select min(family_id) from publication.escalation where run_id = %s)"
            " from cohort.escalation_model where run_id = %s",
            (run_id, run_id, run_id),
        ).fetchone()
    assert told is not None
    tested, agencies, families, rising, first = told
    if first is None:
        return []
    if not tested:
        return [f"Information desk: who is rising cannot be said. Why: {PROGRAM} escalation --home {home}"]
    return [
        f"Information desk: {rising} of {families} selected families meet an agency clearly more than their past and"
        f" their peers let expect ({tested} of {agencies} agencies tested).",
        f"  {PROGRAM} escalation --family {first} --home {home}",
        f"  {PROGRAM} chronology {first} --as schools --home {home}",
    ]
