"""Bloom filters to attack beside ours, and what an attacker reads off any filter: its bits, its length, its neighbours.

`plain_filters`: one filter a field, one secret for all records, double hashing as first published (Schnell, Bachteler
and Reiher 2009, after Kirsch and Mitzenmacher 2006); `record_filters`: all fields in one (Schnell et al. 2011).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.attack.world import Bools, Floats, Ints, Residents
from pipeline.partner.coded import Coded

Words: TypeAlias = NDArray[np.uint64]
Matrix: TypeAlias = NDArray[np.float32]

BITS, POSITIONS = 512, 7  # of a field's filter, and of a gram in it
RECORD_BITS = 1024
GRAM, PAD = 2, " "
FIELDS = ("forename", "surname", "date_of_birth")


@dataclass(frozen=True)
class Bigrams:
    """The distinct bigrams of names, as numbers: `ids[starts[i]:starts[i + 1]]` are those of name i."""

    ids: Ints
    starts: Ints

    @property
    def counts(self) -> Ints:
        return np.diff(self.starts)


def bigrams(texts: list[str]) -> Bigrams:
    """Padded at both ends."""
    ids: list[int] = []
    starts = [0]
    for text in texts:
        padded = f"{PAD}{text}{PAD}"
        ids += {ord(padded[at]) << 21 | ord(padded[at + 1]) for at in range(len(padded) - GRAM + 1)}
        starts.append(len(ids))
    return Bigrams(np.array(ids, dtype=np.int64), np.array(starts, dtype=np.int64))


@dataclass(frozen=True)
class Filters:
    """Distinct filters and, per record, which of them it has (-1: none)."""

    bits: Bools
    codes: Ints

    @cached_property
    def counts(self) -> Ints:
        """How many records have each."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.bits)).astype(np.int64)

    @cached_property
    def weight(self) -> Ints:
        """How many bits each has set."""
        weight: Ints = self.bits.sum(axis=1).astype(np.int64)
        return weight


def plain_filters(people: Residents, key: bytes) -> dict[str, Filters]:
    """One filter a field, of padded bigrams."""
    return {
        field: _distinct(_field_bits(column, key, field, BITS), column.codes)
        for field, column in columns_of(people).items()
    }


def record_filters(people: Residents, key: bytes) -> Filters:
    """All fields in one filter of 1,024 bits."""
    together = np.zeros((len(people), RECORD_BITS), dtype=np.bool_)
    for field, column in columns_of(people).items():
        together |= _field_bits(column, key, field, RECORD_BITS)[column.codes]
    return _distinct(together, np.arange(len(people)))


def columns_of(people: Residents) -> dict[str, Coded]:
    """What the filters are made of."""
    return {"forename": people.forename, "surname": people.surname, "date_of_birth": people.dates}


def _field_bits(column: Coded, key: bytes, field: str, bits: int) -> Bools:
    """The filter of each distinct value. Dates are grams of their digits."""
    texts = column.values.to_pylist()
    if field == "date_of_birth":
        texts = [text[8:10] + text[5:7] + text[:4] for text in texts]
    grams = bigrams(texts)
    ids, position_of = np.unique(grams.ids, return_inverse=True)
    positions = np.array([_double_hashed(key, field, int(gram), POSITIONS, bits) for gram in ids], dtype=np.int64)
    filters = np.zeros((len(texts), bits), dtype=np.bool_)
    row = np.repeat(np.arange(len(texts)), np.diff(grams.starts))
    filters[row[:, None], positions[position_of]] = True
    return filters


def _double_hashed(key: bytes, field: str, gram: int, positions: int, bits: int) -> list[int]:
    digest = hmac.digest(key, f"{field}/{gram}".encode(), "sha256")
    first, step = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")
    return [(first + turn * step) % bits for turn in range(positions)]


def _distinct(filters: Bools, codes: NDArray[Any]) -> Filters:
    packed = np.packbits(filters, axis=1)
    _, first, where = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return Filters(filters[first], where.reshape(-1)[codes])


def bits_expected(grams: Ints, positions: int, bits: int) -> tuple[Floats, Floats]:
    """Mean and variance of the bits set by a number of grams, each setting `positions` at random (occupancy)."""
    thrown = positions * grams.astype(np.float64)
    one, two = (1 - 1 / bits) ** thrown, (1 - 2 / bits) ** thrown
    mean = bits * (1 - one)
    variance = bits * one + bits * (bits - 1) * two - (bits * one) ** 2
    return mean, np.maximum(variance, 0.0)


def grams_seen(weight: Floats, most: int = 40) -> Ints:
    """The number of grams that fits best to the (mean) number of bits of a name's filters."""
    mean, _ = bits_expected(np.arange(1, most + 1), POSITIONS, BITS)
    return np.searchsorted((mean[1:] + mean[:-1]) / 2, weight).astype(np.int64) + 1


def dice_to_each_other(filters: Bools) -> Matrix:
    """Dice coefficient of every filter with every other."""
    dense = filters.astype(np.float32)
    weight = dense.sum(axis=1)
    result: Matrix = 2 * (dense @ dense.T) / np.maximum(weight[:, None] + weight[None, :], 1)
    return result


@njit(nogil=True, cache=True, inline="always")
def count_bits(word: Any) -> Any:
    """Number of set bits of a 64-bit word."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


def columns_packed(filters: Bools) -> Words:
    """For each bit position, which filters have it: (positions, words)."""
    turned = np.zeros((filters.shape[1], -(-len(filters) // 64) * 64), dtype=np.bool_)
    turned[:, : len(filters)] = filters.T
    return np.packbits(turned, axis=1, bitorder="little").view("<u8")


def unpacked(filters: NDArray[np.uint8]) -> Bools:
    """Filters of the kit, bytes with their lowest bit first, as a row of bits each."""
    return np.unpackbits(filters, axis=1, bitorder="little").astype(np.bool_)
