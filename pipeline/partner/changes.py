"""Who has changed since a delivery that was sent: a print of all that a person's rows hold, kept at home.

A person's print is taken of the normal forms, under a sub-key of the partner's own key, over every row of theirs in
every table; order and line numbers do not matter. Prints of the last deliveries stay in the partner's home and never
leave it. A delta carries whole persons: all rows of those who are new or have changed, and of those whose rows refer to
one of them; the references of those who are gone; and every row that names nobody.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.contracts import Encoding
from pipeline.contracts.extract import PERSON_REFERENCE
from pipeline.errors import ExtractError
from pipeline.partner.check import CheckedTable
from pipeline.partner.coded import MISSING, Coded
from pipeline.partner.hashing import TOKEN_BYTES, hmac_each
from pipeline.partner.keys import PartnerKeys

PRINTS_FILE = "prints.parquet"  # in a draft; not among its files, so it is never sealed
PRINTS_FOLDER = "prints"  # of the partner's home: one file per delivery
KEPT = 5
PERSON = "person_ref"
LANES = 2  # of 64 bits each
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio
Words = NDArray[np.uint64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Prints:
    """One entry per person who has a row in any table: reference (clear, only in memory), pseudonym and print."""

    references: pa.StringArray
    pseudonyms: NDArray[np.uint8]  # (persons, 16)
    prints: Words  # (persons, 2)


@dataclass(frozen=True)
class Changes:
    """What a delta carries: per table which rows, and the pseudonyms of those who are gone, in their order."""

    rows: dict[str, Rows]
    removed: list[str]


def prints_of(checked: dict[str, CheckedTable], keys: PartnerKeys) -> Prints:
    """The print of every person of a checked extract."""
    persons, place = _persons(checked)
    totals = np.zeros((len(persons), LANES), dtype=np.uint64)
    rows_of = np.zeros(len(persons), dtype=np.int64)
    for name, table in checked.items():
        held = place[name] != MISSING
        prints = _row_prints(table, keys)[held]
        for lane in range(LANES):
            np.add.at(totals[:, lane], place[name][held], prints[:, lane])
        rows_of += np.bincount(place[name][held], minlength=len(persons))
    present = np.flatnonzero(rows_of)
    references = persons.take(pa.array(present))
    pseudonyms = hmac_each(keys.reference_key(PERSON_REFERENCE), references)[:, :TOKEN_BYTES]
    return Prints(references, np.ascontiguousarray(pseudonyms), totals[present])


def write_prints(prints: Prints, folder: Path, made_with: dict[str, str]) -> None:
    """Write the prints into a draft's folder, with what they were made with."""
    schema = pa.schema(
        [(PERSON, pa.binary(TOKEN_BYTES)), ("print", pa.binary(LANES * 8))],
        metadata={name: value.encode() for name, value in made_with.items()},
    )
    columns = [_packed(prints.pseudonyms), _packed(prints.prints.view(np.uint8))]
    pq.write_table(pa.table(columns, schema=schema), folder / PRINTS_FILE, compression="zstd", use_dictionary=False)


def keep_prints(draft: Path, home: Path, delivery_id: str) -> None:
    """Keep a draft's prints as those of the delivery it became, and forget the oldest. Again changes nothing."""
    folder = home / PRINTS_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (draft / PRINTS_FILE).exists():
        part = folder / f".{delivery_id}.part"
        shutil.copyfile(draft / PRINTS_FILE, part)
        part.replace(folder / f"{delivery_id}.parquet")
    for old in sorted(folder.glob("*.parquet"))[:-KEPT]:
        old.unlink()


def changes_since(
    home: Path, delivery_id: str, checked: dict[str, CheckedTable], now: Prints, made_with: dict[str, str]
) -> Changes:
    """What has changed since a delivery. Raises ExtractError where its prints are not kept any more, or were made under
    another contract, encoding or key: then only a full delivery is right."""
    path = home / PRINTS_FOLDER / f"{delivery_id}.parquet"
    try:
        before = pq.read_table(path)
    except (OSError, pa.ArrowException):
        before = None
    told = {key.decode(): value.decode() for key, value in ((before.schema.metadata or {}) if before else {}).items()}
    if before is None or {name: told.get(name) for name in made_with} != made_with:
        why = (
            "what was sent then is not kept here"
            if before is None
            else "contract, encoding or linkage key have changed"
        )
        raise ExtractError(
            where=f"a delta since {delivery_id}",
            rule=f"it cannot be made: {why}.",
            remedy="pseudonymise in full, without --delta.",
        )
    old_refs, old_prints = (before[name].combine_chunks() for name in before.column_names)
    position = pc.index_in(_packed(now.pseudonyms), value_set=old_refs)
    same = pc.fill_null(pc.equal(old_prints.take(position), _packed(now.prints.view(np.uint8))), False)
    changed = ~np.asarray(same).astype(np.bool_)
    gone = ~np.isin(np.arange(len(old_refs)), np.asarray(position.drop_null()))
    removed = sorted(reference.hex() for reference in old_refs.filter(pa.array(gone)).to_pylist())
    return Changes(_rows_of(checked, now, changed), removed)


def only(table: CheckedTable, rows: Rows) -> CheckedTable:
    """Some rows of a checked table, with their line numbers."""
    index = np.flatnonzero(rows)
    columns = {name: column.take(index) for name, column in table.columns.items()}
    problem = table.problem[index]
    return CheckedTable(table.table, table.lines[index], columns, table.problems, problem, {}, table.outside)


def made_with(contract_version: str, encoding: Encoding, keys: PartnerKeys) -> dict[str, str]:
    """What prints can be compared under."""
    return {"contract": contract_version, "encoding": str(encoding.version), "key": str(keys.key_version)}


def _rows_of(checked: dict[str, CheckedTable], now: Prints, changed: Rows) -> dict[str, Rows]:
    """The rows of persons who changed, of persons with a row that refers to one who changed or is not there, and of
    nobody."""
    sent = changed.copy()
    place = {name: _place(table.columns[PERSON], now.references) for name, table in checked.items()}
    for name, table in checked.items():
        for column in table.table.columns:
            if column.references == PERSON_REFERENCE and column.name != PERSON and column.name in table.columns:
                related = _place(table.columns[column.name], now.references)
                touched = (related != MISSING) & np.append(changed, False)[related]
                persons = place[name][touched]
                sent[persons[persons != MISSING]] = True
    return {name: (at == MISSING) | np.append(sent, True)[at] for name, at in place.items()}


def _persons(checked: dict[str, CheckedTable]) -> tuple[pa.StringArray, dict[str, NDArray[np.int64]]]:
    values = [table.columns[PERSON].values for table in checked.values()]
    persons = pc.unique(pa.concat_arrays(values))
    return persons, {name: _place(table.columns[PERSON], persons) for name, table in checked.items()}


def _place(column: Coded, persons: pa.StringArray) -> NDArray[np.int64]:
    """Where each row's person stands among the persons, -1 for none."""
    at = np.asarray(pc.index_in(column.values, value_set=persons).fill_null(MISSING), dtype=np.int64)
    return np.asarray(column.spread(at, MISSING))


def _row_prints(table: CheckedTable, keys: PartnerKeys) -> Words:
    key = keys.print_key()
    rows = np.tile(_lanes(key, pa.array([table.table.name])), (len(table.lines), 1))
    texts = {name: column for name, column in table.columns.items() if name != PERSON}
    for name in sorted(texts):
        lanes = np.vstack([_lanes(key, texts[name].values), np.zeros((1, LANES), dtype=np.uint64)])
        rows = _mixed(rows ^ lanes[texts[name].codes])
    problems = _lanes(key, pa.array([problem or "-" for problem in table.problems], pa.string()))
    return _mixed(rows ^ problems[table.problem])


def _lanes(key: bytes, values: pa.StringArray) -> Words:
    return np.ascontiguousarray(hmac_each(key, values)[:, : LANES * 8]).view(np.uint64)


def _mixed(words: Words) -> Words:
    """Each word through steps that lose no bit (after Steele, Lea and Flood 2014): so the order of columns counts."""
    words = (words ^ (words >> np.uint64(30))) * ODD
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))


def _packed(rows: NDArray[np.uint8]) -> pa.Array:
    packed = np.ascontiguousarray(rows)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(packed.shape[1]), len(packed), [None, pa.py_buffer(packed.reshape(-1))]
    )
