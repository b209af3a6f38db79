"""Keyed hashing of many short values at once: HMAC-SHA-256 (FIPS 198-1, FIPS 180-4) and SipHash-2-4, compiled.

Python's own `hmac` costs 1.4 µs a call and holds the interpreter's lock; these kernels run in threads. The tests hold
them against `hmac`, and SipHash against the vectors of its authors (Aumasson and Bernstein 2012). Keys come from
`keys`; what is hashed, and why, belongs to `tokens` and `encode`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from pipeline.partner.sha256 import INITIAL, LANES, ROUND_CONSTANTS, compress, compress_lanes

Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint64]

BLOCK_BYTES = 64
DIGEST_BYTES = 32
TOKEN_BYTES = 16  # 128 bits of an HMAC-SHA-256 leave as a token
LONGEST_IN_A_BLOCK = BLOCK_BYTES - 9  # of a message: the bit 1 and the length follow it
_LEAST_PER_THREAD = 1 << 14


_HEX_PAIRS = np.frombuffer("".join(f"{value:02x}" for value in range(256)).encode(), dtype=np.uint16)


@njit(nogil=True, cache=True)
def _pad_state(key_block: Any, mask: Any, initial: Any, constants: Any) -> Any:
    """SHA-256's state after the key block XOR the inner (0x36) or outer (0x5c) mask."""
    state = initial.copy()
    words = np.zeros(64, dtype=np.uint32)
    for i in range(64):
        words[i // 4] = np.uint32((words[i // 4] << np.uint32(8)) | np.uint32(key_block[i] ^ mask))
    compress(state, words, constants)
    return state


@njit(nogil=True, cache=True)
def _hmac_one(
    inner: Any, outer: Any, data: Any, begin: Any, length: Any, constants: Any, words: Any, state: Any
) -> None:
    """The HMAC of `data[begin:begin + length]` into `state`."""
    state[:] = inner
    # The message, the bit 1, zeros, and the length in bits (the key's block of 64 bytes included) as 64 bits.
    blocks = (length + 9 + 63) // 64
    for block in range(blocks):
        for word in range(16):
            value = np.uint32(0)
            for byte in range(4):
                position = block * 64 + word * 4 + byte
                part = np.uint32(0)
                if position < length:
                    part = np.uint32(data[begin + position])
                elif position == length:
                    part = np.uint32(0x80)
                value = np.uint32((value << np.uint32(8)) | part)
            words[word] = value
        if block == blocks - 1:
            bits = np.uint64(64 + length) * np.uint64(8)
            words[14] = np.uint32(bits >> np.uint64(32))
            words[15] = np.uint32(bits & np.uint64(0xFFFFFFFF))
        compress(state, words, constants)
    words[:8] = state
    words[8] = np.uint32(0x80000000)
    words[9:15] = 0
    words[15] = np.uint32((64 + 32) * 8)
    state[:] = outer
    compress(state, words, constants)


@njit(nogil=True, cache=True)
def _hmac_lanes(
    inner: Any, outer: Any, data: Any, offsets: Any, first: Any, constants: Any, words: Any, state: Any
) -> None:
    """The HMACs of rows first … first + LANES - 1, none longer than one block, into the lanes of `state`."""
    for lane in range(LANES):
        for word in range(16):
            words[word, lane] = 0
        begin = offsets[first + lane]
        length = offsets[first + lane + 1] - begin
        for position in range(length):
            shift = np.uint32(24 - 8 * (position & 3))
            words[position >> 2, lane] |= np.uint32(data[begin + position]) << shift
        words[length >> 2, lane] |= np.uint32(0x80) << np.uint32(24 - 8 * (length & 3))
        words[15, lane] = np.uint32((64 + length) * 8)
    for word in range(8):
        for lane in range(LANES):
            state[word, lane] = inner[word]
    compress_lanes(state, words, constants)
    for lane in range(LANES):
        for word in range(8):
            words[word, lane] = state[word, lane]
            words[word + 8, lane] = 0
            state[word, lane] = outer[word]
        words[8, lane] = np.uint32(0x80000000)
        words[15, lane] = np.uint32((BLOCK_BYTES + DIGEST_BYTES) * 8)
    compress_lanes(state, words, constants)


@njit(nogil=True, cache=True)
def _hmac_each(
    inner: Any, outer: Any, data: Any, offsets: Any, start: Any, stop: Any, constants: Any, out: Any
) -> None:
    words = np.zeros(64, dtype=np.uint32)
    state = np.empty(8, dtype=np.uint32)
    lane_words = np.zeros((16, LANES), dtype=np.uint32)
    lane_state = np.empty((8, LANES), dtype=np.uint32)
    row = start
    while row < stop:
        longest = np.int64(LONGEST_IN_A_BLOCK + 1)
        if row + LANES <= stop:
            longest = np.int64(0)
            for lane in range(LANES):
                longest = max(longest, offsets[row + lane + 1] - offsets[row + lane])
        if longest <= LONGEST_IN_A_BLOCK:
            _hmac_lanes(inner, outer, data, offsets, row, constants, lane_words, lane_state)
            for lane in range(LANES):
                for word in range(8):
                    out[row + lane, word] = _swapped(lane_state[word, lane])
            row += LANES
        else:
            _hmac_one(inner, outer, data, offsets[row], offsets[row + 1] - offsets[row], constants, words, state)
            for word in range(8):
                out[row, word] = _swapped(state[word])
            row += 1


@njit(nogil=True, cache=True, inline="always")
def _swapped(value: Any) -> Any:
    """The word with its bytes in the other order."""
    return np.uint32(
        (value >> np.uint32(24))
        | ((value >> np.uint32(8)) & np.uint32(0xFF00))
        | ((value << np.uint32(8)) & np.uint32(0xFF0000))
        | (value << np.uint32(24))
    )


def hmac_each(key: bytes, values: pa.StringArray) -> Bytes:
    """HMAC-SHA-256 of the UTF-8 bytes of each value (no nulls) under a key of at most 64 bytes: (values, 32)."""
    if len(key) > BLOCK_BYTES:
        raise ValueError("keys are at most 64 bytes here")
    block = np.frombuffer(key.ljust(BLOCK_BYTES, b"\0"), dtype=np.uint8)
    inner, outer = (_pad_state(block, np.uint8(mask), INITIAL, ROUND_CONSTANTS) for mask in (0x36, 0x5C))
    data, offsets = bytes_of(values)
    out = np.empty((len(values), DIGEST_BYTES // 4), dtype=np.uint32)

    def part(start: int, stop: int) -> None:
        _hmac_each(inner, outer, data, offsets, start, stop, ROUND_CONSTANTS, out)

    in_threads(part, len(values))
    return out.astype("<u4", copy=False).view(np.uint8)


def hex_texts(digests: Bytes) -> pa.StringArray:
    """The first 128 bits of each digest as 32 lower-case hex digits."""
    text = np.take(_HEX_PAIRS, digests[:, :TOKEN_BYTES])  # two characters a byte
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * np.int32(2 * TOKEN_BYTES)
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(text))


def in_threads(work: Callable[[int, int], None], rows: int) -> None:
    """Run `work(start, stop)` over all rows, in as many threads as there are processors to use (at most four)."""
    threads = max(1, min(4, processors(), rows // _LEAST_PER_THREAD))
    if threads == 1:
        work(0, rows)
        return
    bounds = np.linspace(0, rows, threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on Windows and macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def bytes_of(values: pa.StringArray) -> tuple[Bytes, NDArray[np.int64]]:
    """The UTF-8 bytes of all values, and where each begins: value i is `data[offsets[i]:offsets[i + 1]]`."""
    large = values.cast(pa.large_string())
    _, offsets, data = large.buffers()
    if len(large) == 0 or data is None:
        return np.zeros(1, dtype=np.uint8), np.zeros(len(large) + 1, dtype=np.int64)
    starts = np.frombuffer(offsets, dtype=np.int64)[large.offset : large.offset + len(large) + 1]
    return np.frombuffer(data, dtype=np.uint8), starts


@njit(nogil=True, cache=True, inline="always")
def _rotate(x: Any, n: Any) -> Any:
    return (x << np.uint64(n)) | (x >> np.uint64(64 - n))


@njit(nogil=True, cache=True)
def siphash_word(k0: Any, k1: Any, word: Any) -> Any:
    """SipHash-2-4 of one 64-bit word (eight little-endian bytes) under the 128-bit key (k0, k1)."""
    v0 = k0 ^ np.uint64(0x736F6D6570736575)
    v1 = k1 ^ np.uint64(0x646F72616E646F6D)
    v2 = k0 ^ np.uint64(0x6C7967656E657261)
    v3 = k1 ^ np.uint64(0x7465646279746573)
    for message in (word, np.uint64(8) << np.uint64(56)):
        v3 ^= message
        for _ in range(2):
            v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
        v0 ^= message
    v2 ^= np.uint64(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@njit(nogil=True, cache=True, inline="always")
def _sip_round(v0: Any, v1: Any, v2: Any, v3: Any) -> Any:
    v0 += v1
    v2 += v3
    v1 = _rotate(v1, 13) ^ v0
    v3 = _rotate(v3, 16) ^ v2
    v0 = _rotate(v0, 32)
    v2 += v1
    v0 += v3
    v1 = _rotate(v1, 17) ^ v2
    v3 = _rotate(v3, 21) ^ v0
    v2 = _rotate(v2, 32)
    return v0, v1, v2, v3
