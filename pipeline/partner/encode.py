"""Encode people for linkage: names as 512 bits and dates as short codes, both under a key of the block.

In each pass a record has a block value; its HMAC gives the block token and the block's key (two sub-keys). A name is
the majority of its q-grams' pseudo-random vectors under that key (`majority`): the same name gives the same bits inside
a block and unrelated ones in any other, and one encoding alone tells nothing, not even a length (docs/adr/0015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jellyfish
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from pipeline.contracts import Encoding
from pipeline.contracts.linkage import BlockPart, EncodingPass
from pipeline.partner.coded import MISSING, Coded, coded, each
from pipeline.partner.grams import Grams, grams_of
from pipeline.partner.hashing import TOKEN_BYTES, Bytes, Words, hmac_each, in_threads, siphash_word
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.majority import WORDS, encode_names
from pipeline.partner.normalise import DISTINCT_KEPT, first_part

PART_SEPARATOR = "\x1f"  # stands in no normal form
ROWS_AT_ONCE = 1 << 17
# Day and month share a tag, so that an exchange of the two shows. The top bit keeps them apart from grams.
DAY_OR_MONTH, YEAR = np.uint64(1 << 63), np.uint64((1 << 63) | (1 << 32))


Made = dict[tuple[str, str], Coded]  # functions of columns, by column and function


@dataclass(frozen=True)
class Persons:
    """What is encoded: one row per person. Columns are normal forms.

    `at_places`: columns a person has several of (of residences), with `person_of_place` naming the person's row.
    """

    columns: Mapping[str, Coded]
    at_places: Mapping[str, Coded]
    person_of_place: NDArray[np.int32]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True)
class Blocks:
    """One pass: which person has which distinct block, and the token and key of each distinct block."""

    person: NDArray[np.int32]
    block: NDArray[np.int32]
    tokens: Bytes
    keys: Words


@dataclass(frozen=True)
class Encoded:
    """Some rows of one pass: each name's 64 bytes, all zero where it is missing; a missing date has three zeros."""

    blocking_pass: str
    person: NDArray[np.int32]
    block: Bytes
    names: dict[str, Bytes]
    date_parts: NDArray[np.uint16]


def encode_persons(
    encoding: Encoding, keys: PartnerKeys, persons: Persons, rows_at_once: int = ROWS_AT_ONCE
) -> Iterator[Encoded]:
    """One row per person, pass and distinct block value, in pieces; a person without a part of a block has no row."""
    grams = {name: name_grams(encoding, name, persons.columns[name].values) for name in held_fields(encoding, persons)}
    dates = date_numbers(persons.columns.get(encoding.date_parts), len(persons))
    made: Made = {}
    for blocking_pass in encoding.passes:
        blocks = block_rows(encoding, keys, blocking_pass, persons, made)
        places = name_places(encoding, blocking_pass, persons, made)
        for start in range(0, len(blocks.person), rows_at_once):
            person = blocks.person[start : start + rows_at_once]
            block = blocks.block[start : start + rows_at_once]
            yield Encoded(
                blocking_pass=blocking_pass.name,
                person=person,
                block=blocks.tokens[block],
                names={
                    name: name_encodings(
                        blocks.keys, block, held, persons.columns[name].codes[person], places[name][person]
                    )
                    for name, held in grams.items()
                },
                date_parts=date_codes(blocks.keys, block, dates[person]),
            )


def held_fields(encoding: Encoding, persons: Persons) -> list[str]:
    """The encoding's fields that the partner has."""
    return [name for name in encoding.fields if name in persons.columns]


def block_rows(
    encoding: Encoding, keys: PartnerKeys, blocking_pass: EncodingPass, persons: Persons, made: Made | None = None
) -> Blocks:
    """The blocks of a pass; none where the partner has no column of a part. `made`: functions of columns that a pass
    before this one has made already, and this one adds to."""
    person, value = _block_values(encoding, blocking_pass.block, persons, {} if made is None else made)
    tokens = hmac_each(keys.block_token_key(blocking_pass.name, encoding.version), value.values)
    return Blocks(
        person=person,
        block=value.codes,
        tokens=np.ascontiguousarray(tokens[:, :TOKEN_BYTES]),
        keys=block_keys(keys.block_key(blocking_pass.name, encoding.version), value.values),
    )


def block_keys(key: bytes, values: pa.StringArray) -> Words:
    """The SipHash key of each block value: (values, 2) words."""
    return np.ascontiguousarray(hmac_each(key, values)[:, :TOKEN_BYTES]).view("<u8")


def name_places(
    encoding: Encoding, blocking_pass: EncodingPass, persons: Persons, made: Made | None = None
) -> dict[str, NDArray[np.uint8]]:
    """The place of each person's names in a pass, by field: no two names of a record have the same, so that a record by
    itself does not tell how alike its own names are.

    It is the field's number; but where the block is made of two names in the order of the alphabet, that order's: the
    name that comes first has the first place, whichever field it stands in, so that exchanged names still show.
    """
    places = {name: np.full(len(persons), encoding.fields.index(name), np.uint8) for name in persons.columns
              if name in encoding.fields}  # fmt: skip
    for part in blocking_pass.block:
        if part.other is None or part.function is None or not set(part.columns) <= set(places):
            continue
        one, other = (
            _function_of(encoding, persons.columns[name], name, part.function, {} if made is None else made).texts()
            for name in part.columns
        )
        first, second = sorted(encoding.fields.index(name) for name in part.columns)
        exchanged = np.asarray(pc.fill_null(pc.greater(one, other), False))
        places[part.columns[0]] = np.where(exchanged, second, first).astype(np.uint8)
        places[part.columns[1]] = np.where(exchanged, first, second).astype(np.uint8)
    return places


def name_grams(encoding: Encoding, name: str, values: pa.StringArray) -> Grams:
    """The q-grams of each distinct value of the field `name`; a variant has those of its root too: Liz Elizabeth's, so
    that the filters of the two are alike."""
    if not encoding.variants.get(name):
        return grams_of(values, encoding.gram)
    roots = [encoding.root(name, value) for value in values.to_pylist()]
    return grams_of(values, encoding.gram, pa.array(roots, pa.string()))


def name_encodings(
    keys: Words, block: NDArray[np.int32], grams: Grams, name: NDArray[np.int32], place: NDArray[np.uint8]
) -> Bytes:
    """The encoding of each row's name (index into `grams`, -1: none) under the key of its block, in its place (see
    `name_places`): (rows, bytes)."""
    encodings = np.zeros((len(name), WORDS), dtype=np.uint64)

    def part(start: int, stop: int) -> None:
        encode_names(keys, block, grams.ids, grams.starts, name, place, start, stop, encodings)

    in_threads(part, len(name))
    return encodings.astype("<u8", copy=False).view(np.uint8)


def date_numbers(dates: Coded | None, rows: int) -> NDArray[np.uint16]:
    """Day, month and year of each row's ISO date, three zeros where it is missing."""
    if dates is None:
        return np.zeros((rows, 3), dtype=np.uint16)
    parts = [pc.utf8_slice_codeunits(dates.values, *part).cast(pa.uint16()) for part in ((8, 10), (5, 7), (0, 4))]
    per_value = np.zeros((len(dates.values) + 1, 3), dtype=np.uint16)  # the last of them for rows without a date
    per_value[:-1] = np.stack([np.asarray(part) for part in parts], axis=1)
    return per_value[dates.codes]


def date_codes(keys: Words, block: NDArray[np.int32], dates: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Day, month and year as 16-bit codes under the key of the block; three zeros where the date is missing."""
    codes = np.zeros_like(dates)

    def part(start: int, stop: int) -> None:
        _date_codes(keys, block, dates, DAY_OR_MONTH, YEAR, start, stop, codes)

    in_threads(part, len(dates))
    return codes


@njit(nogil=True, cache=True)
def _date_codes(
    keys: Any, block: Any, dates: Any, day_or_month: Any, year: Any, start: Any, stop: Any, codes: Any
) -> None:
    for row in range(start, stop):
        if dates[row, 2] == 0:
            continue
        k0, k1 = keys[block[row], 0], keys[block[row], 1]
        for part in range(3):
            tag = year if part == 2 else day_or_month
            codes[row, part] = np.uint16(siphash_word(k0, k1, tag | np.uint64(dates[row, part])) & np.uint64(0xFFFF))


@lru_cache(maxsize=DISTINCT_KEPT)
def _phonetic(name: str) -> str:
    """Metaphone of the first part of a name; the part itself where it has no sound in English letters."""
    part = first_part(name)
    return str(jellyfish.metaphone(part)) or part


FUNCTIONS: dict[str, Callable[[str], str]] = {
    "year": lambda date: date[:4],
    "year_month": lambda date: date[:7],
    "initial": lambda name: name[:1],
    "phonetic": _phonetic,
}


def _block_values(
    encoding: Encoding, parts: tuple[BlockPart, ...], persons: Persons, made: Made
) -> tuple[NDArray[np.int32], Coded]:
    """Rows (person, block value), each once; a value of several parts joins them by a separator."""
    names = [name for part in parts for name in part.columns]
    if any(name not in persons.columns and name not in persons.at_places for name in names):
        return np.zeros(0, dtype=np.int32), coded([])
    of_places = any(name not in persons.columns for name in names)
    person = persons.person_of_place if of_places else np.arange(len(persons), dtype=np.int32)

    def column(name: str, function: str | None) -> Coded:
        source = persons.columns[name] if name in persons.columns else persons.at_places[name]
        if function:
            source = _function_of(encoding, source, name, function, made)
        return source.take(person) if of_places and name in persons.columns else source

    columns = [column(name, part.function) for part in parts for name in part.columns]
    held = ~np.logical_or.reduce([column.missing for column in columns])
    if of_places:
        held &= person != MISSING
    rows = np.flatnonzero(held)
    columns = [column.take(rows) for column in columns]
    value = columns[0] if len(columns) == 1 else _joined(parts, [column.texts() for column in columns])
    person = person[rows]
    if of_places:
        once = np.sort(person.astype(np.int64) << 32 | value.codes.astype(np.int64))
        once = once[np.diff(once, prepend=-1) != 0]
        person, value = (once >> 32).astype(np.int32), Coded(value.values, (once & 0xFFFFFFFF).astype(np.int32))
    return person, value


def _function_of(encoding: Encoding, source: Coded, name: str, function: str, made: Made) -> Coded:
    """A function of a column, made once."""
    if (name, function) not in made:
        made[name, function] = source.mapped(each(source.values, _of_root(encoding, name, function))[0])
    return made[name, function]


def _of_root(encoding: Encoding, name: str, function: str) -> Callable[[str], str]:
    """A function of the root of a name that is a variant."""
    made = FUNCTIONS[function]
    return (lambda value: made(encoding.root(name, value))) if encoding.variants.get(name) else made


def _joined(parts: tuple[BlockPart, ...], texts: list[pa.Array]) -> Coded:
    """The parts' texts as one; where a part is of two columns, theirs in the order of the alphabet."""
    ordered, at = [], 0
    for part in parts:
        own = texts[at : at + len(part.columns)]
        ordered += own if part.other is None else [pc.min_element_wise(*own), pc.max_element_wise(*own)]
        at += len(own)
    encoded = pc.dictionary_encode(pc.binary_join_element_wise(*ordered, PART_SEPARATOR))
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return Coded(encoded.dictionary.cast(pa.string()), np.asarray(encoded.indices, dtype=np.int32))
