"""Which delivered column goes into which column of the live database: asked of the code that stages rows, not listed.

Every table of a contract is staged twice with one made-up row: as it is, and with one cell emptied. The columns that
come out otherwise are made from that cell. So what is told here cannot fall behind the code.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import Contract, Encoding, Table
from pipeline.contracts.extract import delivered_name
from pipeline.ingest import stage
from pipeline.lineage import Source
from pipeline.records import ENCODINGS, NOMINATIONS, PEOPLE, RELATIONSHIPS, RESIDENCES, ROW

REFERENCE, RECORD = bytes(16), 7
ORIGIN = stage.Origin("partner", "delivery")
CELLS: dict[str, tuple[pa.DataType, Any]] = {
    "pseudonym": (stage.TOKEN, REFERENCE),
    "token": (stage.TOKEN, None),
    "month": (pa.date32(), dt.date(2001, 2, 1)),
    "date": (pa.date32(), dt.date(2001, 2, 3)),
    "integer": (pa.int64(), 3),
    "number": (pa.float64(), 3.0),
    "boolean": (pa.bool_(), True),
    "area": (pa.string(), "A1"),
    "string": (pa.string(), "x"),
}
# Stored column → the part of the manifest it is taken from.
# Stored column → the part of the manifest it is taken from.
MANIFEST = {"partner": "partner", "delivery_id": "delivery_id", "table_name": "files"}
Made = dict[str, dict[str, set[tuple[str, str]]]]  # stored table → column → (delivered table, delivered column)


def loaded_columns(contract: Contract, encoding: Encoding) -> dict[str, dict[str, tuple[Source, ...]]]:
    """Stored table → column → the delivered columns it is made from, named `deliveries/<partner>/<table>`."""
    made = traced(contract)
    _add_encodings(made, contract, encoding)
    return {
        table: {
            column: tuple(
                Source(
                    f"deliveries/{contract.partner}/{delivered}", name,
                    "IDENTITY" if len(sources) == 1 else "TRANSFORMATION",
                )
                for delivered, name in sorted(sources)
            )
            for column, sources in columns.items()
        }
        for table, columns in made.items()
    }  # fmt: skip


def delivered_columns(contract: Contract, encoding: Encoding) -> dict[str, dict[str, tuple[Source, ...]]]:
    """Delivered table → column → the column of the partner's own extract it is made from, and whether it is masked."""
    found: dict[str, dict[str, tuple[Source, ...]]] = {}
    for table in contract.tables:
        found[table.name] = {ROW: ()}
        for column in table.columns:
            for treatment in column.treatment:
                if treatment not in ("drop", "encode"):
                    how, masked = ("IDENTITY", False) if treatment == "keep" else ("TRANSFORMATION", True)
                    source = Source(f"extracts/{contract.partner}/{table.name}", column.name, how, True, masked)
                    found[table.name][delivered_name(column, treatment)] = (source,)
    raw = {column.name: table.name for table in reversed(contract.tables) for column in table.columns}

    def masked_from(*names: str) -> tuple[Source, ...]:
        return tuple(
            Source(f"extracts/{contract.partner}/{raw[name]}", name, "TRANSFORMATION", True, True)
            for name in dict.fromkeys(names)
            if name in raw
        )

    blocks = [column for one in encoding.passes for part in one.block for column in part.columns]
    found[ENCODINGS] = {
        "person_ref": masked_from("person_ref"),
        "pass": (),
        "block": masked_from(*blocks),
        **{name: masked_from(name) for name in encoding.fields},
        "date_parts": masked_from(encoding.date_parts),
    }
    return found


def traced(contract: Contract) -> Made:
    """Stored table → column → delivered columns, by emptying one cell after the other."""
    made: Made = defaultdict(lambda: defaultdict(set))
    plain = {table.name: _row(table) for table in contract.tables}
    before = _staged(contract, plain)
    for table in contract.tables:
        for name in plain[table.name].column_names:
            emptied = plain | {table.name: _emptied(plain[table.name], name)}
            after = _staged(contract, emptied)
            for (stored, part), columns in before.items():
                row = after[(stored, part)]
                # Where no row comes out at all, the cell names the person, or says what kind of fact the row is.
                gone = ("record_id", "person_ref") if name == "person_ref" else ("kind",)
                changed = [one for one, value in columns.items() if (row[one] != value if row else one in gone)]
                if row == {} and name == "person_ref":
                    changed.append("record_id")  # the database's own number of who is named
                for column in changed:
                    made[stored][column].add((table.name, name))
    for (stored, part), columns in before.items():
        table_name = part.partition(" ")[0]
        for column, value in columns.items():
            if column in MANIFEST:
                made[stored][column].add(("manifest", MANIFEST[column]))
            elif table_name and value is not None and not any(one == table_name for one, _ in made[stored][column]):
                made[stored][column].add((table_name, ROW))  # the contract's own word for every row of the table
    return made


def _row(table: Table) -> pa.Table:
    """One row of a table, with a value in every cell that the table's evidence takes."""
    wanted = dict(mapping.when for mapping in table.evidence if mapping.when)
    cells: dict[str, Any] = {ROW: pa.array([5], pa.int64())}
    for column in table.delivered_columns():
        type_, value = CELLS[column.type]
        if column.type == "token":  # no two alike: which of two was taken must show
            value = hashlib.sha256(column.name.encode()).digest()[:16]
        elif column.type == "string":
            value = wanted.get(column.name) or (column.source.allowed or (value,))[0]
        elif column.type == "boolean" and column.name in wanted:
            value = wanted[column.name] == "true"
        cells[column.name] = pa.array([value], type_)
    return pa.table(cells)


def _emptied(rows: pa.Table, name: str) -> pa.Table:
    place = rows.column_names.index(name)
    return rows.set_column(place, name, pa.nulls(1, rows[name].type))


def _staged(contract: Contract, rows: Mapping[str, pa.Table]) -> dict[tuple[str, str], dict[str, Any]]:
    """(stored table, which part) → column → what the one row has there; nothing where no row came out."""
    known = stage.People(pa.array([REFERENCE], stage.TOKEN), pa.array([RECORD], pa.int64()))
    named = {name: table.filter(pc.is_valid(table["person_ref"])) for name, table in rows.items()}
    return {(stored, part): _values(table) for stored, part, table in _stages(contract, named, known)}


def _stages(
    contract: Contract, rows: Mapping[str, pa.Table], known: stage.People
) -> Iterator[tuple[str, str, pa.Table]]:
    people = rows[PEOPLE]
    yield "identity.record", "", stage.stage_records(ORIGIN, people, rows.get(RESIDENCES) if people.num_rows else None)
    yield "evidence.person_attribute", "", stage.stage_attributes(ORIGIN, people, known)
    for table in contract.tables:
        for number, facts in enumerate(stage.stage_facts(ORIGIN, table, rows[table.name], known)):
            yield "evidence.fact", f"{table.name} {number}", facts
    if RELATIONSHIPS in rows:
        yield "evidence.relationship", "", stage.stage_relationships(ORIGIN, rows[RELATIONSHIPS], known)
    if NOMINATIONS in rows:
        yield "evidence.nomination", "", stage.stage_nominations(ORIGIN, rows[NOMINATIONS], known)
    if RESIDENCES in rows:
        # A place is known by its token: here the token itself stands for its number.
        places, addresses = stage.place_tokens(rows[RESIDENCES])
        yield "evidence.residence", "", stage.stage_residences(ORIGIN, rows[RESIDENCES], known, places, addresses)


def _values(table: pa.Table) -> dict[str, Any]:
    return next(iter(table.to_pylist()), {})


def _add_encodings(made: Made, contract: Contract, encoding: Encoding) -> None:
    columns = ("pass", "block", *encoding.fields, "date_parts")
    made["identity.encoding"]["record_id"].add((ENCODINGS, "person_ref"))
    for column in columns:
        made["identity.encoding"][column].add((ENCODINGS, column))
    made["identity.record"]["encoding_print"] |= {(ENCODINGS, column) for column in columns}
