"""A partner's own persons behind its own pseudonyms: what its officer sees, and the normal forms that are encoded.

An HMAC cannot be turned back, so the extract is searched. What is found is the partner's own clear text: it is shown to
its officer, and never written anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.contracts import Column, Contract, Table, Vocabulary
from pipeline.errors import ExtractError
from pipeline.partner import normalise
from pipeline.partner.check import IDENTIFIERS, TEXTS, check_table
from pipeline.partner.checked import CheckedTable
from pipeline.partner.coded import coded
from pipeline.partner.dates import iso_dates
from pipeline.partner.hashing import TOKEN_BYTES, hmac_each
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.read_extract import RawTable, read_table
from pipeline.partner.tokens import PERSON_REFERENCE
from pipeline.records import PEOPLE, RESIDENCES

LEAVING = frozenset({"token", "encode", "keep"})
NOBODY_KNOWS_WHEN = "9999-12-31"
SPELL = ("start_date", "end_date")
Values = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class OwnRecord:
    """One person of the partner. `shown`: cells as they stand in the extract, by column; `normal`: normal forms by
    column, of residences the latest first. The representation shows neither."""

    pseudonym: str
    shown: Values = field(repr=False)
    normal: Values = field(repr=False)


def find_records(
    contract: Contract, vocabulary: Vocabulary, keys: PartnerKeys, raw: Path, wanted: Collection[str]
) -> dict[str, OwnRecord]:
    """The persons of the extract who have these pseudonyms, by pseudonym; one who is not in it is left out.

    Raises ExtractError where a file cannot be read.
    """
    if not raw.is_dir():
        raise ExtractError(where=str(raw), rule="this folder does not exist.", remedy="give the folder of the extract.")
    extract = {PEOPLE: read_table(contract, contract.table(PEOPLE), raw / contract.table(PEOPLE).file)}
    if any(table.name == RESIDENCES and (raw / table.file).exists() for table in contract.tables):
        table = contract.table(RESIDENCES)
        extract[RESIDENCES] = read_table(contract, table, raw / table.file)
    checked = {name: check_table(part, extract, vocabulary) for name, part in extract.items()}
    references = extract[PEOPLE].columns["person_ref"]
    digests = hmac_each(keys.reference_key(PERSON_REFERENCE), references.values)[:, :TOKEN_BYTES]
    sought = {bytes.fromhex(pseudonym) for pseudonym in wanted}
    found = {}
    for place in np.flatnonzero([bytes(digest) in sought for digest in digests]).tolist():
        row = int(np.flatnonzero(references.codes == place)[0])
        shown, normal = _cells(extract[PEOPLE], checked[PEOPLE], np.array([row]))
        if RESIDENCES in extract:
            spells = _spells(extract[RESIDENCES], checked[RESIDENCES], str(references.values[place].as_py()))
            of_place = _cells(extract[RESIDENCES], checked[RESIDENCES], spells)
            shown, normal = {**shown, **of_place[0]}, {**normal, **of_place[1]}
        found[digests[place].tobytes().hex()] = OwnRecord(digests[place].tobytes().hex(), shown, normal)
    return found


def compared_columns(table: Table) -> Iterator[Column]:
    """The columns of a table that the agreement lets leave for linkage, in one form or another."""
    for column in table.columns:
        if column.normalise and LEAVING & set(column.treatment):
            yield column


def normal_form(contract: Contract, column_name: str, text: str) -> str | None:
    """What an officer writes as a column's right value in its normal form; None where it is no valid value."""
    column = next((one for one in compared_columns(contract.table(PEOPLE)) if one.name == column_name), None)
    if column is None:
        return None
    values = coded([text]).values
    if not len(values):
        return None
    if column.normalise == "date":
        result = iso_dates(values, (*column.date_formats, "yyyy-MM-dd"), birth=True)[0][0].as_py()
    elif column.normalise in IDENTIFIERS:
        result = IDENTIFIERS[column.normalise](values)[0].as_py()
    elif column.normalise == "sex":
        result = normalise.sex(text)
    else:
        result = TEXTS[str(column.normalise)](str(values[0].as_py()))
    return str(result) if result else None


def _cells(raw: RawTable, checked: CheckedTable, rows: NDArray[np.int64]) -> tuple[Values, Values]:
    """What stands in the rows, as written and in normal form; empty cells are left out, and values said twice."""
    shown: Values = {}
    normal: Values = {}
    dates = [column for column in raw.table.columns if column.name in SPELL]
    for column in (*compared_columns(raw.table), *dates):
        if column.name in raw.columns:
            written = raw.columns[column.name].take(rows).texts().to_pylist()
            shown[column.name] = tuple(text or "" for text in written)
            held = checked.columns[column.name].take(rows).texts().to_pylist()
            normal[column.name] = tuple(dict.fromkeys(text for text in held if text))
    return shown, {name: values for name, values in normal.items() if values and name not in SPELL}


def _spells(raw: RawTable, checked: CheckedTable, reference: str) -> NDArray[np.int64]:
    """The clean rows of a person's residences, the latest first: what lasts, then the later end, start, line."""
    references = raw.columns["person_ref"]
    codes = np.flatnonzero(np.asarray(pc.equal(references.values, reference)))
    if not len(codes):
        return np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero((references.codes == codes[0]) & checked.clean)
    start, end = (
        checked.columns[name].take(rows).texts().to_pylist() if name in checked.columns else [None] * len(rows)
        for name in SPELL
    )
    order = sorted(
        range(len(rows)), key=lambda at: (end[at] or NOBODY_KNOWS_WHEN, start[at] or "", rows[at]), reverse=True
    )
    return rows[np.array(order, dtype=np.int64)]
