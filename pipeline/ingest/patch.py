"""Load one accepted delta: everybody in it is replaced whole, who is gone goes, and nobody else is touched.

One transaction, as a full delivery. The result is what the full delivery of the same day would have left, but for
where a row says it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import Contract
from pipeline.errors import DeliveryError
from pipeline.ingest import stage
from pipeline.ingest.load import EVIDENCE_TABLES, fence, origin_of, people_of, put_records, write_evidence
from pipeline.ingest.opening import History
from pipeline.ingest.registry import Case, clear_quarantine, write_accepted
from pipeline.records import PEOPLE, REMOVALS, RESIDENCES
from pipeline.store.bulk import execute, read_frame, write_frame

OF_RECORDS = "record_id = any(string_to_array($1, ',')::bigint[])"


def patch_rows(
    connection: Any,
    contract: Contract,
    case: Case,
    encodings: pa.Table,
    history: History,
    tell: Callable[[float], None],
) -> str:
    """Bring the partner's rows to the delta's state, with its registry rows and audit entry; returns its state.

    Committing is the caller's. Raises StoreError; DeliveryError `dangling_reference` where rows of somebody who is not
    in the delta refer to a person that it takes away.
    """
    fence(connection, contract, history.last.sequence if history.last else None)
    put_delta(connection, contract, case, encodings, tell)
    clear_quarantine(connection, case)
    state = write_accepted(connection, case)
    tell(1.0)
    return state


def put_delta(
    connection: Any, contract: Contract, case: Case, encodings: pa.Table, tell: Callable[[float], None]
) -> None:
    """The rows alone: nothing is said of them in the registry."""
    origin = origin_of(case)
    loaded = {name: table.loaded for name, table in case.tables.items() if name != REMOVALS}
    before = people_of(connection, origin.partner)
    _remove(connection, before, case.affected)
    known = put_records(connection, origin, before, loaded[PEOPLE], loaded.get(RESIDENCES), encodings)
    gone = before.record_ids.filter(pc.invert(pc.is_in(before.record_ids, value_set=known.record_ids)))
    _forget(connection, gone)
    tell(0.3)
    write_frame(connection, "identity", "encoding", stage.stage_encodings(encodings, known))
    write_evidence(connection, contract, origin, loaded, known)
    _check_relations(connection, case, gone)
    tell(0.8)


def _remove(connection: Any, before: stage.People, affected: pa.Array) -> None:
    """Everything of the persons who come again or are gone."""
    ids = before.ids_of(affected).drop_null()
    named = [_listed(ids)]
    if not len(ids):
        return
    execute(connection, f"delete from identity.encoding where {OF_RECORDS}", named)  # noqa: S608
    for table in EVIDENCE_TABLES:
        execute(connection, f"delete from evidence.{table} where {OF_RECORDS}", named)  # noqa: S608
    execute(connection, f"delete from identity.record where {OF_RECORDS}", named)  # noqa: S608


def _forget(connection: Any, gone: pa.Array) -> None:
    """What linking holds of records that are no more."""
    if not len(gone):
        return
    named = [_listed(gone)]
    for table in ("identity.person", "evidence.person", "identity.link_print"):
        execute(connection, f"delete from {table} where {OF_RECORDS}", named)  # noqa: S608
    for table in ("identity.link", "identity.link_pair"):
        for column in ("record_a", "record_b"):
            execute(connection, f"delete from {table} where {column}{OF_RECORDS.removeprefix('record_id')}", named)  # noqa: S608


def _check_relations(connection: Any, case: Case, gone: pa.Array) -> None:
    if not len(gone):
        return
    left = read_frame(
        connection,
        "select count(*) as relations from evidence.relationship where partner = $2"
        " and related_record_id = any(string_to_array($1, ',')::bigint[])",
        [_listed(gone), case.landed.partner],
    )["relations"][0].as_py()
    if left:
        raise DeliveryError(
            code="dangling_reference",
            where=f"delivery {case.landed.name}",
            rule=f"{left} relationships of people who are not in this delta refer to people that it takes away.",
            remedy="deliver in full; if it comes again, bring kit and hub to the same version.",
        )


def _listed(ids: pa.Array) -> str:
    return ",".join(map(str, ids.to_pylist()))
