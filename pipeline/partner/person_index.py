"""Which person a reference names, by pseudonym: sixteen bytes a person, whatever the references look like.

The people of the people file come first, each once, in the order of their first rows; then whoever else a row of
another table names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from pipeline.partner.coded import MISSING, Coded
from pipeline.partner.hashing import TOKEN_BYTES, Bytes, Words, hmac_each
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.tokens import PERSON_REFERENCE

PERSON = "person_ref"
FREE = np.int32(-1)


class PersonIndex:
    """The persons of an extract by pseudonym. `known`: how many stand in the people file."""

    def __init__(self, keys: PartnerKeys, people: list[Bytes]) -> None:
        """`people`: the pseudonyms of the people file's references, row by row, in pieces, which are emptied."""
        self._keys = keys
        rows = sum(len(piece) for piece in people)
        self._words = np.empty((rows, 2), dtype=np.uint64)
        self._table = np.full(1 << max(4, (7 * rows // 5).bit_length()), FREE, dtype=np.int32)
        self.known = 0
        while people:
            self.known = int(_put(_words_of(people.pop(0)), self._words, self.known, self._table))
        self._words = self._words[: self.known]
        self._others: dict[bytes, int] = {}

    def __len__(self) -> int:
        return self.known + len(self._others)

    @property
    def pseudonyms(self) -> Bytes:
        """The pseudonym of each person (persons, 16)."""
        others = np.frombuffer(b"".join(self._others), dtype=np.uint8).reshape(-1, TOKEN_BYTES)
        return np.concatenate([self._words.view(np.uint8).reshape(-1, TOKEN_BYTES), others])

    def pseudonyms_of_known(self, persons: NDArray[np.int32]) -> Bytes:
        """The pseudonyms of some people of the people file, by their numbers."""
        return self._words[persons].view(np.uint8).reshape(-1, TOKEN_BYTES)

    def known_among(self, references: pa.StringArray) -> NDArray[np.bool_]:
        """Which of the references are of people of the people file."""
        found = _find(_words_of(pseudonyms_of(self._keys, references)), self._words, self._table)
        return np.asarray(found != MISSING)

    def persons_of(self, column: Coded, *, add: bool = False) -> NDArray[np.int32]:
        """The person that each row's reference names, -1 for none. With `add`, one who is not in the people file is
        given a number; not for two threads at once."""
        pseudonyms = pseudonyms_of(self._keys, column.values)
        found = _find(_words_of(pseudonyms), self._words, self._table)
        for at in np.flatnonzero(found == MISSING).tolist():
            if add:
                found[at] = self._others.setdefault(pseudonyms[at].tobytes(), len(self))
            else:
                found[at] = self._others.get(pseudonyms[at].tobytes(), MISSING)
        return column.spread(found, MISSING).astype(np.int32)


def pseudonyms_of(keys: PartnerKeys, references: pa.StringArray) -> Bytes:
    """The pseudonyms of person references (references, 16)."""
    return np.ascontiguousarray(hmac_each(keys.reference_key(PERSON_REFERENCE), references)[:, :TOKEN_BYTES])


def _words_of(pseudonyms: Bytes) -> Words:
    return pseudonyms.view(np.uint64)


@njit(nogil=True, cache=True)
def _put(added: Any, words: Any, count: Any, table: Any) -> Any:
    """Put each of `added` into `words` and the hash table (open addressing) that is not there; returns how many are."""
    mask = np.uint64(table.shape[0] - 1)
    for row in range(added.shape[0]):
        slot = added[row, 0] & mask
        while table[slot] >= 0:
            held = table[slot]
            if words[held, 0] == added[row, 0] and words[held, 1] == added[row, 1]:
                break
            slot = (slot + np.uint64(1)) & mask
        if table[slot] < 0:
            table[slot] = count
            words[count, 0], words[count, 1] = added[row, 0], added[row, 1]
            count += 1
    return count


@njit(nogil=True, cache=True)
def _find(sought: Any, words: Any, table: Any) -> Any:
    found = np.full(sought.shape[0], -1, dtype=np.int32)
    mask = np.uint64(table.shape[0] - 1)
    for row in range(sought.shape[0]):
        slot = sought[row, 0] & mask
        while table[slot] >= 0:
            held = table[slot]
            if words[held, 0] == sought[row, 0] and words[held, 1] == sought[row, 1]:
                found[row] = held
                break
            slot = (slot + np.uint64(1)) & mask
    return found
