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
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numba import njit
from numpy.typing import NDArray

from pipeline.contracts import Encoding
from pipeline.contracts.extract import PERSON_REFERENCE
from pipeline.errors import ExtractError
from pipeline.partner.checked import CheckedTable
from pipeline.partner.coded import MISSING
from pipeline.partner.hashing import TOKEN_BYTES, hmac_each
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.person_index import PERSON, PersonIndex

PRINTS_FILE = "prints.parquet"  # in a draft; not among its files, so it is never sealed
PRINTS_FOLDER = "prints"  # of the partner's home: one file per delivery
KEPT = 5
SPARE = 1024
LANES = 2  # of 64 bits each
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio
Words = NDArray[np.uint64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Changes:
    """What a delta carries: whose rows, by number of person, and the pseudonyms of who is gone, in their order."""

    sent: Rows
    removed: list[str]

    def rows(self, persons: NDArray[np.int32]) -> Rows:
        """Which rows are sent, by the person of each; -1 names nobody, and is always sent."""
        return np.append(self.sent, True)[persons]


class Prints:
    """The prints of an extract's persons, summed up while its rows go by; and who refers to whom."""

    def __init__(self, keys: PartnerKeys, persons: PersonIndex, *, follow: bool) -> None:
        """`follow`: whether it must be known who refers to whom."""
        self._follow = follow
        self._key = keys.print_key()
        self._persons = persons
        self._totals = np.zeros((persons.known, LANES), dtype=np.uint64)
        self._referring: list[NDArray[np.int32]] = []  # rows (person, other person)

    def of_rows(self, table: CheckedTable) -> Words:
        """The print of each row. May be called in several threads at once."""
        return _row_prints(table, self._key)

    def add(self, table: CheckedTable, persons: NDArray[np.int32], prints: Words) -> None:
        """Add some rows' prints to those of their persons."""
        if len(self._persons) > len(self._totals):
            more = np.zeros((len(self._persons) - len(self._totals) + SPARE, LANES), dtype=np.uint64)
            self._totals = np.concatenate([self._totals, more])
        _add(self._totals, persons, prints)
        for column in table.table.columns if self._follow else ():
            if column.references == PERSON_REFERENCE and column.name != PERSON and column.name in table.columns:
                cells = table.columns[column.name]
                others = self._persons.persons_of(cells)
                held = (persons != MISSING) & (others != MISSING) & (others < self._persons.known)
                self._referring.append(np.stack([persons[held], others[held]], axis=1))

    @property
    def pseudonyms(self) -> NDArray[np.uint8]:
        return self._persons.pseudonyms

    @property
    def totals(self) -> Words:
        """One row per person, in the order of `pseudonyms`."""
        return self._totals[: len(self._persons)]

    def referring_to(self, changed: Rows) -> Rows:
        """Who has a row that refers to somebody of the people file who has changed."""
        found = np.zeros(len(self._persons), dtype=np.bool_)
        for pairs in self._referring:
            found[pairs[changed[pairs[:, 1]], 0]] = True
        return found


def write_prints(prints: Prints, folder: Path, made_with: dict[str, str]) -> None:
    """Write the prints into a draft's folder, with what they were made with."""
    schema = pa.schema(
        [(PERSON, pa.binary(TOKEN_BYTES)), ("print", pa.binary(LANES * 8))],
        metadata={name: value.encode() for name, value in made_with.items()},
    )
    columns = [_packed(prints.pseudonyms), _packed(prints.totals.view(np.uint8))]
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


def changes_since(home: Path, delivery_id: str, now: Prints, made_with: dict[str, str]) -> Changes:
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
    same = pc.fill_null(pc.equal(old_prints.take(position), _packed(now.totals.view(np.uint8))), False)
    changed = ~np.asarray(same).astype(np.bool_)
    gone = ~np.isin(np.arange(len(old_refs)), np.asarray(position.drop_null()))
    removed = sorted(reference.hex() for reference in old_refs.filter(pa.array(gone)).to_pylist())
    return Changes(changed | now.referring_to(changed), removed)


def made_with(contract_version: str, encoding: Encoding, keys: PartnerKeys) -> dict[str, str]:
    """What prints can be compared under."""
    return {"contract": contract_version, "encoding": str(encoding.version), "key": str(keys.key_version)}


def _row_prints(table: CheckedTable, key: bytes) -> Words:
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


@njit(nogil=True, cache=True)
def _add(totals: Any, persons: Any, prints: Any) -> None:
    for row in range(persons.shape[0]):
        if persons[row] >= 0:
            for lane in range(prints.shape[1]):
                totals[persons[row], lane] += prints[row, lane]


def _packed(rows: NDArray[np.uint8]) -> pa.Array:
    packed = np.ascontiguousarray(rows)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(packed.shape[1]), len(packed), [None, pa.py_buffer(packed.reshape(-1))]
    )
