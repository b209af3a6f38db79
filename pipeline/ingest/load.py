"""Load one accepted delivery: the partner's rows are replaced, whole, in one transaction.

A record that comes again keeps its record_id, so links and persons of last night still hold; one that no longer
comes goes, with all that hangs on it. Readers see the old rows or the new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import Contract
from pipeline.errors import StoreError
from pipeline.ingest import stage
from pipeline.ingest.history import ONCE_ACCEPTED
from pipeline.ingest.opening import History
from pipeline.ingest.places import numbered, spells_under_another_key
from pipeline.ingest.registry import Case, write_accepted, write_partner
from pipeline.prints import prints_by, row_prints
from pipeline.records import NOMINATIONS, PEOPLE, RELATIONSHIPS, RESIDENCES, ROW
from pipeline.store.bulk import execute, read_frame, write_frame

PIPELINE = "wf_pipeline"
EVIDENCE_TABLES = ("person_attribute", "residence", "relationship", "fact", "nomination")


def replace_rows(
    connection: Any,
    contract: Contract,
    case: Case,
    encodings: pa.Table,
    history: History,
    tell: Callable[[float], None],
) -> str:
    """Replace the partner's rows by the delivery's, with its registry rows and audit entry; returns its state.

    Committing is the caller's. Raises StoreError.
    """
    fence(connection, contract, history.last.sequence if history.last else None)
    put_full(connection, contract, case, encodings, tell)
    state = write_accepted(connection, case)
    tell(1.0)
    return state


def put_full(
    connection: Any, contract: Contract, case: Case, encodings: pa.Table, tell: Callable[[float], None]
) -> None:
    """The rows alone: nothing is said of them in the registry."""
    origin = origin_of(case)
    loaded = {name: table.loaded for name, table in case.tables.items()}
    spells = spells_under_another_key(connection, origin)
    known = _replace_records(connection, origin, loaded[PEOPLE], loaded.get(RESIDENCES), encodings)
    tell(0.3)
    write_frame(connection, "identity", "encoding", stage.stage_encodings(encodings, known))
    tell(0.7)
    write_evidence(connection, contract, origin, loaded, known, spells)
    tell(0.9)


def origin_of(case: Case) -> stage.Origin:
    """Where a case's rows come from, and under which version of the linkage key."""
    return stage.Origin(case.landed.partner, case.landed.name, case.manifest.key_version if case.manifest else 1)


def fence(connection: Any, contract: Contract, last: int | None) -> None:
    """Hold the partner's row, and make sure that nothing was accepted since the one of sequence `last`, the newest
    when the delivery was checked. Raises StoreError."""
    write_partner(connection, contract)
    newest = read_frame(
        connection,
        f"select max(sequence) as sequence from registry.delivery where partner = $1 and state in {ONCE_ACCEPTED}",  # noqa: S608
        [contract.partner],
    )["sequence"][0].as_py()
    if newest != last:
        raise StoreError(
            where=f"ingest of {contract.partner}",
            rule="another process accepted a delivery of this partner meanwhile.",
            remedy="run the ingest again; nothing was changed.",
        )


def _replace_records(
    connection: Any, origin: stage.Origin, people: pa.Table, residences: pa.Table | None, encodings: pa.Table
) -> stage.People:
    before = people_of(connection, origin.partner)
    if len(before.refs):
        remove_rows(connection, origin.partner)
    known = put_records(connection, origin, before, people, residences, encodings)
    if not pc.all(pc.is_in(before.refs, value_set=known.refs), min_count=0).as_py():
        forget_removed(connection)
    return known


def put_records(
    connection: Any,
    origin: stage.Origin,
    before: stage.People,
    people: pa.Table,
    residences: pa.Table | None,
    encodings: pa.Table,
) -> stage.People:
    """Write records of people; one that was there `before` keeps its record_id. Returns the partner's people now."""
    records = with_prints(stage.stage_records(origin, people, residences), encodings)
    ids = before.ids_of(records["person_ref"])
    stays = pc.is_valid(ids)
    write_frame(connection, "identity", "record", records.add_column(0, "record_id", ids).filter(stays))
    write_frame(connection, "identity", "record", records.filter(pc.invert(stays)))
    return people_of(connection, origin.partner)


def remove_rows(connection: Any, partner: str) -> None:
    """Take every row of the partner away; what linking holds of its records stays (see `forget_removed`)."""
    execute(
        connection,
        "delete from identity.encoding e using identity.record r where r.record_id = e.record_id and r.partner = $1",
        [partner],
    )
    for table in EVIDENCE_TABLES:
        execute(connection, f"delete from evidence.{table} where partner = $1", [partner])  # noqa: S608
    execute(connection, "delete from identity.record where partner = $1", [partner])


def with_prints(records: pa.Table, encodings: pa.Table) -> pa.Table:
    """Staged records with the print of their encodings."""
    return records.append_column("encoding_print", _encoding_prints(records, encodings))


def _encoding_prints(records: pa.Table, encodings: pa.Table) -> pa.Array:
    """Per record a hash of all its encodings, by which the build sees whether it is to be compared anew."""
    place = pc.index_in(encodings["person_ref"], value_set=records["person_ref"].combine_chunks()).to_numpy()
    prints = row_prints(encodings.drop_columns([ROW, "person_ref"]))
    return pa.array(prints_by(place, prints, records.num_rows))


def forget_removed(connection: Any) -> None:
    """Take away what linking holds of records that are no more."""
    gone = "not exists (select from identity.record r where r.record_id = {})"
    either = f"{gone.format('l.record_a')} or {gone.format('l.record_b')}"
    for table in ("identity.link", "identity.link_pair"):
        execute(connection, f"delete from {table} l where {either}")  # noqa: S608
    # Who a record was stays until the next build, so that its ledger can tell of a person that is no more.
    execute(connection, f"delete from identity.link_print p where {gone.format('p.record_id')}")  # noqa: S608


def people_of(connection: Any, partner: str) -> stage.People:
    """The partner's people as they are loaded."""
    rows = read_frame(
        connection, "select record_id, person_ref from identity.record where partner = $1 order by record_id", [partner]
    )
    return stage.People(
        refs=rows["person_ref"].cast(stage.TOKEN).combine_chunks(), record_ids=rows["record_id"].combine_chunks()
    )


def write_evidence(
    connection: Any,
    contract: Contract,
    origin: stage.Origin,
    loaded: dict[str, pa.Table],
    known: stage.People,
    spells: pa.Table | None = None,
) -> None:
    """The rows of a delivery as dated facts, each table in its place. `spells`: as `places.numbered` takes them."""
    write_frame(connection, "evidence", "person_attribute", stage.stage_attributes(origin, loaded[PEOPLE], known))
    for table in contract.tables:
        if table.name in loaded:
            for facts in stage.stage_facts(origin, table, loaded[table.name], known):
                write_frame(connection, "evidence", "fact", facts)
    if RELATIONSHIPS in loaded:
        rows = stage.stage_relationships(origin, loaded[RELATIONSHIPS], known)
        write_frame(connection, "evidence", "relationship", rows)
    if NOMINATIONS in loaded:
        write_frame(connection, "evidence", "nomination", stage.stage_nominations(origin, loaded[NOMINATIONS], known))
    if RESIDENCES in loaded:
        tokens = stage.place_tokens(loaded[RESIDENCES])
        rows = stage.stage_residences(origin, loaded[RESIDENCES], known, *tokens)
        places, addresses = numbered(connection, origin.key_version, rows, spells)
        rows = stage.stage_residences(origin, loaded[RESIDENCES], known, places, addresses)
        write_frame(connection, "evidence", "residence", rows)
