"""Dictionary attacks: encode everybody on a list and look the results up among the hub's tokens.

Without the linkage key nothing may be found; with a leaked key everything is, which shows that the look-up works.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.attack.ours import INITIAL, NAMES, PassRows, hub_rows, made_up_keys, persons_of
from pipeline.attack.world import NOBODY, Ints, Residents
from pipeline.contracts import Encoding
from pipeline.contracts.linkage import EncodingPass
from pipeline.partner.coded import Coded, coded
from pipeline.partner.encode import Blocks, Persons, block_rows, name_encodings, name_grams
from pipeline.partner.keys import PartnerKeys

GUESSED_KEYS = 5
UNREAD = np.iinfo(np.int64).min


def without_key(encoding: Encoding, hub: list[PassRows], listed: Residents) -> Ints:
    """Records found by bare hashes of everything on the list, by a zero key, and by keys made up; -1 where not."""
    people = int(max(rows.person.max() for rows in hub)) + 1
    found = np.full(people, NOBODY, dtype=np.int64)
    zero = PartnerKeys("attacked", 1, bytes(32), bytes(32), bytes(32), "")
    for keys in (zero, *(made_up_keys(1_000_000 + guess) for guess in range(GUESSED_KEYS))):
        _take(found, look_up(hub, hub_rows(encoding, keys, listed), people))
    bare = {one.name: one.block[0].column for one in encoding.passes if len(one.block) == 1}
    persons = persons_of(listed)
    for rows in hub:
        if rows.name not in bare:
            continue
        column = persons.columns[bare[rows.name]]
        person = np.flatnonzero(~column.missing)
        texts = column.texts().take(pa.array(person)).to_pylist()
        for name in ("sha256", "md5", "sha1"):
            made = np.stack([_bare(name, text, rows.token.shape[1]) for text in texts])
            where = _positions(made, rows.token)
            _take(found, _by_person(rows.person, np.where(where >= 0, person[where], NOBODY), people))
    return found


def hub_found_with(encoding: Encoding, keys: PartnerKeys, hub: list[PassRows], listed: Residents) -> Ints:
    """Records found by encoding everybody on the list under a key."""
    people = int(max(rows.person.max() for rows in hub)) + 1
    return look_up(hub, hub_rows(encoding, keys, listed), people)


def look_up(hub: Iterable[PassRows], mine: Iterable[PassRows], people: int) -> Ints:
    """Records whose block token and both names' encodings the attacker has made too, by one listed person only."""
    made = {rows.name: rows for rows in mine}
    found = np.full(people, NOBODY, dtype=np.int64)
    for rows in hub:
        if rows.name not in made:
            continue
        own = made[rows.name]
        where = _positions(_joined(own), _joined(rows))
        _take(found, _by_person(rows.person, np.where(where >= 0, own.person[np.maximum(where, 0)], NOBODY), people))
    return found


@dataclass(frozen=True)
class Read:
    """Records read with a leaked key and no list: day of birth, counted from 1970 (UNREAD: not found), and rows of the
    names tried (-1: none fits)."""

    born: Ints
    names: dict[str, Ints]


def initials_pass(encoding: Encoding) -> EncodingPass | None:
    """The pass made of a day of birth and initials only: few enough values to try them all."""
    for one in encoding.passes:
        functions = {part.function for part in one.block}
        if functions == {None, INITIAL} and any(part.column == encoding.date_parts for part in one.block):
            return one
    return None


def read_with_key(
    encoding: Encoding, keys: PartnerKeys, rows: PassRows, sample: Ints, months: Ints, names: dict[str, pa.StringArray]
) -> Read:
    """Days and initials by trying all of `months` (from January 1970), which the evaluating role holds; then names by
    trying every public one under the block's key."""
    tried = next(one for one in encoding.passes if one.name == rows.name)
    born = np.full(len(sample), UNREAD, dtype=np.int64)
    read = {name: np.full(len(sample), NOBODY, dtype=np.int64) for name in names}
    grams = {name: name_grams(encoding, name, values) for name, values in names.items()}
    for month in np.unique(months).tolist():
        days = np.arange(np.datetime64(month, "M"), np.datetime64(month + 1, "M"), dtype="datetime64[D]")
        blocks = _all_blocks(encoding, keys, tried, days)
        where = _positions(blocks.tokens, rows.token[sample])
        for at in np.flatnonzero(where >= 0):
            block = int(where[at])
            born[at] = days[_day_of(blocks, block, len(days))].astype(np.int64)
            for name, values in names.items():
                everyone = np.arange(len(values), dtype=np.int32)
                key, held = blocks.keys[block : block + 1], rows.names[name][sample[at]]
                for place in range(len(encoding.fields)):  # which, the order of the initials says, not the field
                    places = np.full(len(values), place, dtype=np.uint8)
                    made = name_encodings(key, np.zeros_like(everyone), grams[name], everyone, places)
                    same = np.flatnonzero((made == held).all(axis=1))
                    if len(same):
                        read[name][at] = same[0]
    return Read(born, read)


def _all_blocks(encoding: Encoding, keys: PartnerKeys, tried: EncodingPass, days: NDArray[np.datetime64]) -> Blocks:
    """Every block of these days: by day, then by the letters of either name."""
    letters = coded(list(string.ascii_uppercase)).values
    one, other = (part.astype(np.int32) for part in np.triu_indices(len(letters)))  # in either order the same block
    pairs = len(one)
    texts = pa.array(np.datetime_as_string(days).tolist(), pa.string())
    columns = {
        encoding.date_parts: Coded(texts, np.repeat(np.arange(len(days), dtype=np.int32), pairs)),
        NAMES[0]: Coded(letters, np.tile(one, len(days))),
        NAMES[1]: Coded(letters, np.tile(other, len(days))),
    }
    return block_rows(encoding, keys, tried, Persons(columns, {}, np.zeros(0, dtype=np.int32)))


def _day_of(blocks: Blocks, block: int, days: int) -> int:
    """Rows were laid out by day."""
    row = int(np.argmax(blocks.block == block))
    return int(blocks.person[row]) // (len(blocks.person) // days)


def _joined(rows: PassRows) -> NDArray[np.uint8]:
    return np.concatenate([rows.token, *(rows.names[name] for name in sorted(rows.names))], axis=1)


def _positions(made: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> Ints:
    """Where each wanted row of bytes stands among those made; -1 where it is not, or stands twice."""
    mine, first, count = np.unique(_mixed(made), return_index=True, return_counts=True)
    theirs = _mixed(wanted)
    at = np.minimum(np.searchsorted(mine, theirs), len(mine) - 1)
    found: Ints = np.where((mine[at] == theirs) & (count[at] == 1), first[at], NOBODY).astype(np.int64)
    return found


def _mixed(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Rows of bytes as 64-bit numbers that are equal for equal rows."""
    words = np.ascontiguousarray(rows).view("<u8")
    mixed = np.zeros(len(words), dtype=np.uint64)
    for column in range(words.shape[1]):
        mixed = (mixed ^ words[:, column]) * np.uint64(0xD6E8FEB86659FD93)
        mixed ^= mixed >> np.uint64(32)
    return mixed


def _by_person(person: Ints, match: Ints, people: int) -> Ints:
    found = np.full(people, NOBODY, dtype=np.int64)
    found[person] = match
    return found


def _take(found: Ints, new: Ints) -> None:
    missing = (found == NOBODY) & (new != NOBODY)
    found[missing] = new[missing]


def _bare(name: str, text: str, size: int) -> NDArray[np.uint8]:
    return np.frombuffer(hashlib.new(name, text.encode(), usedforsecurity=False).digest()[:size], dtype=np.uint8)
