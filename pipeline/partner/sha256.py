"""SHA-256's compression (FIPS 180-4, 6.2.2), compiled: of one block, or of sixteen at once, each in a lane of vectors.

Sixteen at once cost about a fifteenth of sixteen times one where the processor has wide vectors; what such a vector is
made of elsewhere is the compiler's business. Only the compression belongs here; what is hashed, and how it is padded,
belongs to `hashing`, whose tests hold both against the standard library.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LANES = 16


def _first_bits_of_roots(root: int, count: int) -> list[int]:
    """The first 32 bits of the fractional parts of the square or cube roots of the first primes (FIPS 180-4, 4.2.2)."""
    primes: list[int] = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    found = []
    for prime in primes:
        low, high = 0, prime << 40
        while high - low > 1:  # the largest whole number whose root-th power is at most prime · 2^(32·root)
            middle = (low + high) // 2
            low, high = (middle, high) if middle**root <= prime << (32 * root) else (low, middle)
        found.append(low & 0xFFFFFFFF)
    return found


ROUND_CONSTANTS = np.array(_first_bits_of_roots(3, 64), dtype=np.uint32)
INITIAL = np.array(_first_bits_of_roots(2, 8), dtype=np.uint32)

_VECTOR = ir.VectorType(ir.IntType(32), LANES)


@njit(nogil=True, cache=True, inline="always")
def _turn(x: Any, n: Any) -> Any:
    return np.uint32((x >> np.uint32(n)) | (x << np.uint32(32 - n)))


@njit(nogil=True, cache=True)
def compress(state: Any, words: Any, constants: Any) -> None:
    """One compression of the sixteen words in `words[:16]` into `state`; `words` has room for 64."""
    for t in range(16, 64):
        x = words[t - 15]
        y = words[t - 2]
        small0 = _turn(x, 7) ^ _turn(x, 18) ^ (x >> np.uint32(3))
        small1 = _turn(y, 17) ^ _turn(y, 19) ^ (y >> np.uint32(10))
        words[t] = np.uint32(words[t - 16] + small0 + words[t - 7] + small1)
    a, b, c, d = state[0], state[1], state[2], state[3]
    e, f, g, h = state[4], state[5], state[6], state[7]
    for t in range(64):
        big1 = _turn(e, 6) ^ _turn(e, 11) ^ _turn(e, 25)
        chosen = (e & f) ^ (~e & g)
        first = np.uint32(h + big1 + chosen + constants[t] + words[t])
        big0 = _turn(a, 2) ^ _turn(a, 13) ^ _turn(a, 22)
        majority = (a & b) ^ (a & c) ^ (b & c)
        second = np.uint32(big0 + majority)
        h, g, f, e = g, f, e, np.uint32(d + first)
        d, c, b, a = c, b, a, np.uint32(first + second)
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e
    state[5] += f
    state[6] += g
    state[7] += h


@intrinsic
def _sixteen_rounds(typing_context: Any, state: Any, words: Any, constants: Any, first: Any) -> Any:
    """Sixteen rounds in every lane, from round `first` (0, 16, 32, 48): of `state` (8 x LANES) by the schedule in
    `words` (16 x LANES, both C-contiguous), which is then brought on to the next sixteen rounds."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def data(at: int) -> Any:
            return context.make_array(signature.args[at])(context, builder, arguments[at]).data

        def row(at: int, number: int) -> Any:
            place = builder.gep(data(at), [ir.Constant(ir.IntType(64), number * LANES)])
            return builder.bitcast(place, _VECTOR.as_pointer())

        def every(value: int) -> Any:
            return ir.Constant(_VECTOR, [value] * LANES)

        def constant(number: int) -> Any:
            at = builder.add(arguments[3], ir.Constant(ir.IntType(64), number))
            value = builder.load(builder.gep(data(2), [at]))
            nothing = ir.Constant(_VECTOR, ir.Undefined)
            one = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(one, nothing, ir.Constant(_VECTOR, [0] * LANES))

        def turned(value: Any, by: int) -> Any:
            return builder.or_(builder.lshr(value, every(by)), builder.shl(value, every(32 - by)))

        def mixed(value: Any, turns: tuple[int, ...], shift: int = 0) -> Any:
            found = turned(value, turns[0])
            for by in turns[1:]:
                found = builder.xor(found, turned(value, by))
            return builder.xor(found, builder.lshr(value, every(shift))) if shift else found

        def total(*values: Any) -> Any:
            found = values[0]
            for value in values[1:]:
                found = builder.add(found, value)
            return found

        a, b, c, d, e, f, g, h = (builder.load(row(0, number), align=4) for number in range(8))
        schedule = [builder.load(row(1, number), align=4) for number in range(16)]
        for t in range(16):
            chosen = builder.xor(g, builder.and_(e, builder.xor(f, g)))
            one = total(h, mixed(e, (6, 11, 25)), chosen, constant(t), schedule[t])
            majority = builder.or_(builder.and_(a, b), builder.and_(c, builder.or_(a, b)))
            other = total(mixed(a, (2, 13, 22)), majority)
            h, g, f, e = g, f, e, builder.add(d, one)
            d, c, b, a = c, b, a, builder.add(one, other)
        for t in range(16):
            small0 = mixed(schedule[(t + 1) % 16], (7, 18), 3)
            small1 = mixed(schedule[(t + 14) % 16], (17, 19), 10)
            schedule[t] = total(schedule[t], small0, schedule[(t + 9) % 16], small1)
        for number, value in enumerate((a, b, c, d, e, f, g, h)):
            builder.store(value, row(0, number), align=4)
        for number, value in enumerate(schedule):
            builder.store(value, row(1, number), align=4)
        return context.get_dummy_value()

    return types.void(state, words, constants, types.int64), generate


sixteen_rounds: Any = _sixteen_rounds


@njit(nogil=True, cache=True)
def compress_lanes(state: Any, words: Any, constants: Any) -> None:
    """One compression in every lane: of `words` (16 x LANES), which are used up, into `state` (8 x LANES)."""
    before = state.copy()
    for first in range(0, 64, 16):
        sixteen_rounds(state, words, constants, first)
    for word in range(8):
        for lane in range(LANES):
            state[word, lane] += before[word, lane]
