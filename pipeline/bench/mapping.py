"""Which column of somebody's table is which field: read from a mapping, and each field brought to its normal form.

The normal forms are the partner's kit's own. A mapping (YAML) names the table's columns:

    title: People of the register
    record_id: unique_id          # a column; without it, records are numbered
    source: register              # a column (which register a record is of); without it, all are of one
    truth: cluster                # optional: whose record it is
    linkage: linkage              # optional: folder with encoding-v2.yaml and model-v2.yaml, beside the mapping
    fields:
      forename: {column: first_name, normalise: name}
      date_of_birth: {column: dob, normalise: date, formats: [yyyy-MM-dd]}
      district: {column: postcode, normalise: postcode, take: 4}
    subgroups:                    # optional: what quality is also told by; the commonest value of a person's records
      sex: {column: gender}
      born: {column: dob, take: 3}

`take` keeps that many first characters of the normal form, or last ones where it is negative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from pipeline.contracts.reading import read_yaml, require
from pipeline.errors import DeclarationError, TruthError
from pipeline.partner import normalise
from pipeline.partner.check import IDENTIFIERS
from pipeline.partner.coded import Coded, coded, each
from pipeline.partner.dates import iso_dates

DATE_FORMS = ("yyyy-MM-dd",)


def _text(value: str) -> str:
    return " ".join(normalise.fold(value).split())


def _outward(value: str) -> str:
    """The outward part, also of a postcode that cannot be right."""
    found = normalise.postcode(value)
    return normalise.outward(found) if found else value.upper().split(" ")[0]


def _digits_of_date(value: str) -> str | None:
    """Year, month and day of eight digits as an ISO text, whether or not there is such a day."""
    digits = "".join(character for character in value if character.isdecimal())
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits[:4] != "0000" else None


TEXTS: dict[str, Callable[[str], str | None]] = {
    "name": normalise.name,
    "sex": normalise.sex,
    "postcode": normalise.postcode,
    "outward": _outward,
    "address": normalise.house,
    "text": _text,
    "date_digits": _digits_of_date,
    "none": lambda value: value,
}


@dataclass(frozen=True)
class Field:
    """One field: its column, the normal form, forms of dates, and how many characters are taken (None: all)."""

    name: str
    column: str
    normalise: str
    formats: tuple[str, ...]
    take: int | None


@dataclass(frozen=True)
class TableMapping:
    """A mapping as read. `linkage`: the folder with the encoding and link model, None for the project's own."""

    title: str
    record_id: str | None
    source: str | None
    truth: str | None
    fields: tuple[Field, ...]
    subgroups: tuple[Field, ...]
    linkage: Path | None

    def columns(self) -> set[str]:
        """Every column that the table must have."""
        named = {self.record_id, self.source, self.truth} - {None}
        return {str(name) for name in named} | {entry.column for entry in (*self.fields, *self.subgroups)}


def read_mapping(path: Path) -> TableMapping:
    """The mapping in a YAML file. Raises DeclarationError where a field has no column or an unknown normal form."""
    document = read_yaml(path)
    known = sorted({*TEXTS, *IDENTIFIERS, "date"})
    fields = []
    declared = document.get("fields") or {}
    for name, entry in [*declared.items(), *(document.get("subgroups") or {}).items()]:
        require(
            isinstance(entry, Mapping) and "column" in entry and entry.get("normalise", "none") in known,
            path=path,
            near=f"{name}:",
            rule=f"the field '{name}' needs a column, and a normal form out of {', '.join(known)}.",
            remedy="write it as: forename: {column: first_name, normalise: name}",
        )
        fields.append(
            Field(
                name=name,
                column=str(entry["column"]),
                normalise=entry.get("normalise", "none"),
                formats=tuple(entry.get("formats", DATE_FORMS)),
                take=entry.get("take"),
            )
        )
    require(
        {"forename", "surname"} & set(declared) != set(),
        path=path,
        rule="a mapping needs at least a forename or a surname among its fields.",
        remedy="add one: forename: {column: first_name, normalise: name}",
    )
    linkage = document.get("linkage")
    return TableMapping(
        title=str(document.get("title", path.stem)),
        record_id=document.get("record_id"),
        source=document.get("source"),
        truth=document.get("truth"),
        fields=tuple(fields[: len(declared)]),
        subgroups=tuple(fields[len(declared) :]),
        linkage=(path.parent / linkage).resolve() if linkage else None,
    )


def read_table(path: Path) -> pa.Table:
    """A CSV (UTF-8, with a header) or Parquet file, every column as text. Raises TruthError where it cannot be read."""
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
        else:
            names = pa.csv.open_csv(path).schema.names
            as_text = pa.csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=True
            )
            table = pa.csv.read_csv(path, convert_options=as_text)
    except FileNotFoundError:
        raise TruthError(where=str(path), rule="the table is not there.", remedy="check the path.") from None
    except (pa.ArrowInvalid, OSError):
        raise TruthError(
            where=str(path), rule="this is neither a Parquet file nor a CSV.", remedy="write it as one of them, UTF-8."
        ) from None
    return pa.table({name: table[name].cast(pa.string()) for name in table.column_names})


def clear_columns(table: pa.Table, mapping: TableMapping) -> dict[str, pa.Array]:
    """Each field's cells as they are (trimmed, empty is null), by field name: what clear-text tools get."""
    missing = sorted(mapping.columns() - set(table.column_names))
    if missing:
        raise DeclarationError(
            where="the mapping",
            rule=f"the table has no column {', '.join(missing)}.",
            remedy=f"map to columns that it has: {', '.join(table.column_names)}.",
        )
    return {entry.name: coded(table[entry.column]).texts() for entry in mapping.fields}


def normal_form(entry: Field, cells: pa.Array | pa.ChunkedArray) -> Coded:
    """A field's cells in normal form, as the partner's kit has it; what cannot be read is missing."""
    column = coded(cells)
    if entry.normalise == "date":
        column = column.mapped(iso_dates(column.values, entry.formats, birth=True)[0])
    elif entry.normalise in IDENTIFIERS:
        column = column.mapped(IDENTIFIERS[entry.normalise](column.values))
    else:
        column = column.mapped(each(column.values, TEXTS[entry.normalise])[0])
    if entry.take is None:
        return column
    first, last = (entry.take, None) if entry.take < 0 else (0, entry.take)
    return column.mapped(pc.utf8_slice_codeunits(column.values, first, last))


def fields_as_declared(fields: tuple[Field, ...]) -> dict[str, dict[str, Any]]:
    """Fields as JSON, to be read again by `fields_from`."""
    return {
        entry.name: {
            "column": entry.column,
            "normalise": entry.normalise,
            "formats": list(entry.formats),
            "take": entry.take,
        }
        for entry in fields
    }


def fields_from(declared: Mapping[str, Mapping[str, Any]]) -> tuple[Field, ...]:
    """Fields written by `fields_as_declared`."""
    return tuple(
        Field(name, entry["column"], entry["normalise"], tuple(entry["formats"]), entry["take"])
        for name, entry in declared.items()
    )
