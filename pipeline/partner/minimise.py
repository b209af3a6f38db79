"""What of a checked extract leaves the building, column by column as the contract says, as plain files of a draft."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import DeliveredColumn, Encoding
from pipeline.partner.checked import CheckedTable
from pipeline.partner.coded import Coded, each
from pipeline.partner.encode import Encoded
from pipeline.partner.hashing import TOKEN_BYTES
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.normalise import outward
from pipeline.partner.tokens import token_texts
from pipeline.records import PROBLEM, ROW

DATE_PART_BYTES = 6


def delivered_table(checked: CheckedTable, keys: PartnerKeys, encoding_version: int) -> pa.Table:
    """The delivered form of a table: `row`, `problem` and the contract's delivered columns, one row per raw row."""
    problems = pa.array([None, *checked.problems[1:]], pa.string())
    columns = {ROW: pa.array(checked.lines), PROBLEM: problems.take(pa.array(checked.problem))}
    for delivered in checked.table.delivered_columns():
        columns[delivered.name] = _leaving(delivered, checked, keys, encoding_version)
    return pa.table(columns)


def encoding_schema(encoding: Encoding) -> pa.Schema:
    """The columns of `encodings.parquet`. Grain: person record, pass and distinct block value."""
    return pa.schema(
        [
            pa.field("row", pa.int32(), nullable=False),
            pa.field("person_ref", pa.binary(TOKEN_BYTES), nullable=False),
            pa.field("pass", pa.dictionary(pa.int8(), pa.string()), nullable=False),
            pa.field("block", pa.binary(TOKEN_BYTES), nullable=False),
            *(pa.field(name, pa.binary(encoding.name_bytes)) for name in encoding.fields),
            pa.field("date_parts", pa.binary(DATE_PART_BYTES)),
        ]
    )


def encodings_table(piece: Encoded, schema: pa.Schema, lines: np.ndarray, pseudonyms: np.ndarray) -> pa.Table:
    """Some encodings as rows of `encodings.parquet`; lines and pseudonyms are those of the people encoded."""
    size = len(piece.person)
    one_pass = pa.DictionaryArray.from_arrays(np.zeros(size, dtype=np.int8), pa.array([piece.blocking_pass]))
    arrays = {
        "row": pa.array(lines[piece.person]),
        "person_ref": _binary(pseudonyms[piece.person]),
        "pass": one_pass,
        "block": _binary(piece.block),
        "date_parts": _binary(piece.date_parts.astype("<u2").view(np.uint8), missing_when_zero=True),
    }
    for name, packed in piece.names.items():
        arrays[name] = _binary(packed, missing_when_zero=True)
    return pa.table([arrays[f.name] if f.name in arrays else pa.nulls(size, f.type) for f in schema], schema=schema)


def _binary(rows: np.ndarray, *, missing_when_zero: bool = False) -> pa.Array:
    """Rows of bytes as fixed-size binary; rows without any bit set are null where that means missing."""
    packed = np.ascontiguousarray(rows)
    held = packed.any(axis=1) if missing_when_zero else np.ones(len(packed), dtype=np.bool_)
    validity = None if held.all() else pa.py_buffer(np.packbits(held, bitorder="little"))
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(packed.shape[1]), len(packed), [validity, pa.py_buffer(packed.reshape(-1))]
    )


def _leaving(delivered: DeliveredColumn, checked: CheckedTable, keys: PartnerKeys, encoding_version: int) -> pa.Array:
    source = delivered.source
    column: Coded = checked.columns[source.name]
    if delivered.type == "pseudonym":
        return token_texts(keys.reference_key(source.references or f"{checked.table.name}.{source.name}"), column)
    if delivered.type == "token":
        return token_texts(keys.token_key(str(source.normalise), encoding_version), column)
    if delivered.type == "month":
        return column.texts(pc.utf8_slice_codeunits(column.values, 0, 7))
    if delivered.type == "area":
        return column.texts(each(column.values, outward)[0])
    return column.texts()
