"""Dictionary attacks: encode everybody on a list and look the results up among the hub's tokens.

Without the linkage key nothing may be found; with a leaked key everything is, which shows that the look-up works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.attack.ours import PassRows, Scheme, hub_rows, made_up_keys, name_grams
from pipeline.attack.world import NOBODY, Ints, Residents
from pipeline.contracts import Encoding
from pipeline.partner.encode import Grams, block_keys, name_filters
from pipeline.partner.hashing import TOKEN_BYTES, hmac_each
from pipeline.partner.keys import PartnerKeys

BIRTH_DATES = "date_of_birth"
HOME = "residence"
GUESSED_KEYS = 5
FIRST_DAY, LAST_DAY = np.datetime64("1900-01-01"), np.datetime64("2014-12-31")


def without_key(scheme: Scheme, hub: list[PassRows], listed: Residents) -> Ints:
    """Records found by bare hashes of everything on the list, by a zero key, and by keys made up; -1 where not."""
    people = int(max(rows.person.max() for rows in hub)) + 1
    found = np.full(people, NOBODY, dtype=np.int64)
    zero = PartnerKeys("attacked", 1, bytes(32), bytes(32), bytes(32), "")
    for keys in (zero, *(made_up_keys(1_000_000 + guess) for guess in range(GUESSED_KEYS))):
        _take(found, look_up(hub, hub_rows(scheme, keys, listed), people))
    dates, places = listed.dates.texts().to_pylist(), listed.place.astype(str).tolist()
    for rows in hub:
        texts = {BIRTH_DATES: dates, HOME: places}.get(rows.name)
        if texts is not None:
            for name in ("sha256", "md5", "sha1"):
                tokens = np.stack([_bare(name, text) for text in texts])
                where = _positions(tokens, rows.token)
                _take(found, _by_person(rows.person, where, people))
    return found


def hub_found_with(scheme: Scheme, keys: PartnerKeys, hub: list[PassRows], listed: Residents) -> Ints:
    """Records found by encoding everybody on the list under a key."""
    people = int(max(rows.person.max() for rows in hub)) + 1
    return look_up(hub, hub_rows(scheme, keys, listed), people)


def look_up(hub: Iterable[PassRows], mine: Iterable[PassRows], people: int) -> Ints:
    """Records whose block token and both filters the attacker has made too, and by one listed person only."""
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
    """Records read with a leaked key and no list: rows of the hub's date pass, and whether day and names were found."""

    rows: Ints
    born: Ints
    forename: Ints
    surname: Ints


def read_with_key(
    scheme: Scheme, keys: PartnerKeys, rows: PassRows, sample: Ints, names: dict[str, pa.StringArray]
) -> Read:
    """Days of birth by trying every day since 1900, then names by trying every public name under the block's key.

    Days since 1970, and rows of `names`; -1 where nothing fits.
    """
    encoding = scheme.encoding
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    texts = pa.array(np.datetime_as_string(days).tolist(), pa.string())
    tokens = hmac_each(keys.block_token_key(BIRTH_DATES, encoding.version), texts)[:, :TOKEN_BYTES]
    where = _positions(np.ascontiguousarray(tokens), rows.token[sample])
    born = np.where(where >= 0, days.astype(np.int64)[np.maximum(where, 0)], np.iinfo(np.int64).min)
    key = block_keys(keys.filter_key(BIRTH_DATES, encoding.version), texts)
    read = {name: np.full(len(sample), -1, dtype=np.int64) for name in names}
    for name, values in names.items():
        grams = name_grams(scheme, name, values)
        for at in np.flatnonzero(where >= 0):
            made = _filters(encoding, key[where[at] : where[at] + 1], grams, len(values))
            same = np.flatnonzero((made == rows.filters[name][sample[at]]).all(axis=1))
            read[name][at] = same[0] if len(same) else -1
    return Read(sample, born, read["forename"], read["surname"])


def _filters(encoding: Encoding, key: NDArray[np.uint64], grams: Grams, values: int) -> NDArray[np.uint8]:
    everyone = np.arange(values, dtype=np.int32)
    return name_filters(encoding, key, np.zeros(values, dtype=np.int32), grams, everyone)


def _joined(rows: PassRows) -> NDArray[np.uint8]:
    return np.concatenate([rows.token, *(rows.filters[name] for name in sorted(rows.filters))], axis=1)


def _positions(made: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> Ints:
    """Where each wanted row of bytes stands among those made; -1 where it is not, or stands twice."""
    width = made.shape[1]
    mine = np.ascontiguousarray(made).view(f"V{width}").ravel()
    theirs = np.ascontiguousarray(wanted).view(f"V{width}").ravel()
    values, first, count = np.unique(mine, return_index=True, return_counts=True)
    where: dict[bytes, int] = {
        value.tobytes(): int(at) for value, at, times in zip(values, first, count, strict=True) if times == 1
    }
    return np.array([where.get(value.tobytes(), -1) for value in theirs], dtype=np.int64)


def _by_person(person: Ints, match: Ints, people: int) -> Ints:
    found = np.full(people, NOBODY, dtype=np.int64)
    found[person] = match
    return found


def _take(found: Ints, new: Ints) -> None:
    missing = (found == NOBODY) & (new != NOBODY)
    found[missing] = new[missing]


def _bare(name: str, text: str) -> NDArray[np.uint8]:
    return np.frombuffer(hashlib.new(name, text.encode(), usedforsecurity=False).digest()[:TOKEN_BYTES], dtype=np.uint8)
