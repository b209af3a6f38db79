"""What is loaded of a delivery, as rows of the live database: tables in, tables out; no database here.

Every staged row carries where it came from: partner, delivery, and line number in the partner's extract. Record
ids are the database's, given here as `People`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import EvidenceMapping, Table
from pipeline.ingest.columns import mask
from pipeline.records import RECORD_TOKENS, ROW

TOKEN = pa.binary(16)
RESIDENCE_TOKENS = ("uprn_token", "address_token", "postcode_token")
PERSON_TOKENS = tuple(f"{name}_token" for name in RECORD_TOKENS if f"{name}_token" not in RESIDENCE_TOKENS)


@dataclass(frozen=True)
class Origin:
    """Where staged rows came from."""

    partner: str
    delivery_id: str
    key_version: int = 1


@dataclass(frozen=True)
class People:
    """The people of the partner in the database: `refs` (16 bytes) and their `record_ids`, in the same order."""

    refs: pa.Array
    record_ids: pa.Array

    def ids_of(self, refs: pa.ChunkedArray) -> pa.Array:
        """The record id of each reference, null for one that is not there."""
        found = pc.index_in(refs, value_set=self.refs)
        return pc.take(self.record_ids, found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found)


def stage_records(origin: Origin, people: pa.Table, residences: pa.Table | None) -> pa.Table:
    """identity.record, without record_id: one row per person, with the tokens of the latest residence."""
    latest = _latest_residence(people, residences)
    return pa.table(
        {
            "partner": _constant(origin.partner, people),
            "person_ref": people["person_ref"],
            "delivery_id": _constant(origin.delivery_id, people),
            "row_number": people[ROW],
            "key_version": pa.repeat(pa.scalar(origin.key_version, pa.int32()), people.num_rows),
            "sex": _column(people, "sex", pa.string()),
            **{name: _column(people, name, TOKEN) for name in PERSON_TOKENS},
            **{name: _column(latest, name, TOKEN) for name in RESIDENCE_TOKENS},
        }
    )


def stage_attributes(origin: Origin, people: pa.Table, known: People) -> pa.Table:
    """evidence.person_attribute: one row per person."""
    return pa.table(
        {
            "record_id": known.ids_of(people["person_ref"]),
            "partner": _constant(origin.partner, people),
            "birth_month": _column(people, "date_of_birth_month", pa.date32()),
            "sex": _column(people, "sex", pa.string()),
        }
    )


def stage_encodings(encodings: pa.Table, known: People) -> pa.Table:
    """identity.encoding: one row per person, pass and block value."""
    content = encodings.drop_columns([ROW, "person_ref"])
    return content.add_column(0, "record_id", known.ids_of(encodings["person_ref"]))


def place_tokens(residences: pa.Table) -> tuple[pa.Array, pa.Array]:
    """The token of each residence's place (of its UPRN, else of its address, else null), and that of its address."""
    uprn, address = (_column(residences, name, TOKEN) for name in ("uprn_token", "address_token"))
    return _whole(pc.if_else(pc.is_valid(uprn), uprn, address)), _whole(address)


def stage_residences(
    origin: Origin, residences: pa.Table, known: People, places: pa.Array, addresses: pa.Array
) -> pa.Table:
    """evidence.residence: one row per spell; `places` is its place_id, null where nothing names the place, and
    `addresses` the place_id that its address alone would have."""
    return pa.table(
        {
            "record_id": known.ids_of(residences["person_ref"]),
            "place_id": places,
            "address_id": addresses,
            "area": _column(residences, "postcode_area", pa.string()),
            **_spell(residences),
            **_origin(origin, residences),
        }
    )


def stage_relationships(origin: Origin, relationships: pa.Table, known: People) -> pa.Table:
    """evidence.relationship: one row per stated relation."""
    return pa.table(
        {
            "record_id": known.ids_of(relationships["person_ref"]),
            "related_record_id": known.ids_of(relationships["related_person_ref"]),
            "relation": relationships["relation"],
            **_spell(relationships),
            **_origin(origin, relationships),
        }
    )


def stage_nominations(origin: Origin, nominations: pa.Table, known: People) -> pa.Table:
    """evidence.nomination: one row per nominated person and day."""
    return pa.table(
        {
            "record_id": known.ids_of(nominations["person_ref"]),
            "nominated_on": _column(nominations, "nominated_on", pa.date32()),
            "rank": _column(nominations, "rank", pa.int64()).cast(pa.int32()),
            "reason_code": _column(nominations, "reason_code", pa.string()),
            **_origin(origin, nominations),
        }
    )


def stage_facts(origin: Origin, table: Table, rows: pa.Table, known: People) -> list[pa.Table]:
    """evidence.fact, without evidence_id: one table per evidence mapping of the contract's table."""
    return [_facts(origin, table, mapping, rows, known) for mapping in table.evidence]


def _facts(origin: Origin, table: Table, mapping: EvidenceMapping, rows: pa.Table, known: People) -> pa.Table:
    if mapping.when is not None:
        column, equals = mapping.when
        rows = rows.filter(pc.fill_null(pc.equal(rows[column].cast(pa.string()), equals), False))
    return pa.table(
        {
            "record_id": known.ids_of(rows["person_ref"]),
            "kind": _mapped(rows, mapping.kind, pa.string()),
            "code": _mapped(rows, mapping.code, pa.string()),
            "role": _mapped(rows, mapping.role, pa.string()),
            "start_date": _mapped(rows, mapping.start, pa.date32()),
            "end_date": _mapped(rows, mapping.end, pa.date32()),
            "quantity": _mapped(rows, mapping.quantity, pa.float64()),
            "out_of": _mapped(rows, mapping.out_of, pa.float64()),
            **_origin(origin, rows),
            "table_name": _constant(table.name, rows),
        }
    )


def _latest_residence(people: pa.Table, residences: pa.Table | None) -> pa.Table:
    """One row per row of `people`: the residence tokens of its latest spell that has any, null where it has none.

    Latest: one that lasts before one that ended, then the later end, the later start, the later line.
    """
    if residences is None or residences.num_rows == 0:
        return people.select([ROW])
    named = np.zeros(residences.num_rows, dtype=bool)
    for name in RESIDENCE_TOKENS:
        named |= mask(pc.is_valid(_column(residences, name, TOKEN)))
    residences = residences.filter(pa.array(named))
    order = pd.DataFrame(
        {
            "person": pc.index_in(residences["person_ref"], value_set=_whole(people["person_ref"])).to_numpy(),
            "end": _dates(residences, "end_date").fillna(pd.Timestamp.max),
            "start": _dates(residences, "start_date").fillna(pd.Timestamp.min),
            "row": residences[ROW].to_numpy(),
        }
    ).sort_values(["person", "end", "start", "row"])
    last = order.drop_duplicates("person", keep="last")
    position = np.full(people.num_rows, -1, dtype=np.int64)
    position[last["person"].to_numpy()] = last.index.to_numpy()
    chosen = pa.array(position, mask=position < 0)
    tokens = {name: _whole(_column(residences, name, TOKEN)).take(chosen) for name in RESIDENCE_TOKENS}
    return pa.table(tokens)


def _dates(rows: pa.Table, name: str) -> pd.Series:
    days = _column(rows, name, pa.date32())
    return pd.Series(days.to_numpy(zero_copy_only=False).astype("datetime64[ns]"))


def _spell(rows: pa.Table) -> dict[str, Any]:
    return {name: _column(rows, name, pa.date32()) for name in ("start_date", "end_date")}


def _origin(origin: Origin, rows: pa.Table) -> dict[str, Any]:
    return {
        "partner": _constant(origin.partner, rows),
        "delivery_id": _constant(origin.delivery_id, rows),
        "row_number": rows[ROW],
    }


def _mapped(rows: pa.Table, source: tuple[str, str] | None, type_: pa.DataType) -> Any:
    if source is None:
        return pa.nulls(rows.num_rows, type_)
    how, value = source
    if how == "column":
        return rows[value].cast(type_)
    constant = dt.date.fromisoformat(value) if pa.types.is_date(type_) else value
    return pa.repeat(pa.scalar(constant).cast(type_), rows.num_rows)


def _column(rows: pa.Table, name: str, type_: pa.DataType) -> Any:
    """The column, or nulls: a contract need not have it."""
    return _whole(rows[name]).cast(type_) if name in rows.column_names else pa.nulls(rows.num_rows, type_)


def _constant(value: str, rows: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(value), rows.num_rows)


def _whole(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
