"""Leave out the rows of people who were erased or whose data are restricted, before anything is judged or kept.

A row is left out when it is about such a person, or refers to one. Delivered = loaded + quarantined + suppressed.
"""

from __future__ import annotations

import shutil
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import Table
from pipeline.ingest.columns import HEX
from pipeline.ingest.landing import Landed, archive_accepted, set_aside_rejected
from pipeline.ingest.registry import Case
from pipeline.records import PEOPLE
from pipeline.rights import Suppressed
from pipeline.settings import Settings


def leave_out(case: Case, content: pa.Table, table: Table, suppressed: Suppressed) -> pa.Table:
    """The delivered rows (text) without those of suppressed people; the case notes where somebody was erased."""
    if suppressed.tagger is None:
        return content
    keep: Any = None
    for column in table.delivered_columns():
        if column.name != "person_ref" and column.source.references != f"{PEOPLE}.person_ref":
            continue
        cells = content[column.name]
        names = pc.unique(cells.filter(pc.fill_null(pc.match_substring_regex(cells, HEX), False)))
        erased, restricted = suppressed.of(bytes.fromhex(name) for name in names.to_pylist())
        case.holds_erased |= bool(erased)
        out = pc.is_in(cells, value_set=pa.array([one.hex() for one in (*erased, *restricted)], pa.string()))
        keep = pc.invert(out) if keep is None else pc.and_(keep, pc.invert(out))
    return content if keep is None else content.filter(keep)


def put_away_accepted(settings: Settings, session: psycopg.Connection[Any], landed: Landed, case: Case) -> None:
    """Archive the sealed copy of an accepted delivery; one that holds somebody who was erased is deleted instead.

    Of one that a dead run had loaded, or whose copy an erasure deleted, the registry knows.
    """
    row = session.execute(
        "select rows_suppressed, sealed_deleted_at is not null from registry.delivery where delivery_id = %s",
        (landed.name,),
    ).fetchone()
    suppressed, deleted_before = row or (0, False)
    if not case.holds_erased and not deleted_before and not (suppressed and not case.tables):
        archive_accepted(settings, landed)
        return
    shutil.rmtree(landed.folder)
    session.execute(
        "update registry.delivery set sealed_deleted_at = coalesce(sealed_deleted_at, clock_timestamp())"
        " where delivery_id = %s",
        (landed.name,),
    )


def put_away_rejected(settings: Settings, landed: Landed, suppressed: Suppressed) -> None:
    """Set a rejected delivery aside, sealed as it came; of a partner with erased people nothing is kept, since nobody
    has looked who is in it."""
    if suppressed.erased:
        shutil.rmtree(landed.folder)
    else:
        set_aside_rejected(settings, landed)
