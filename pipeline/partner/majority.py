"""A name's encoding under a block's key: the bitwise majority of its grams' pseudo-random vectors, compiled.

Each gram stands for 512 pseudo-random bits: eight words, the i-th SipHash-2-4 of the gram's number with i in bits
48 to 50 and the name's place in its record from bit 52, under the key. A bit of the name is what most of its grams
have there; of an even number of grams, the first has two votes, so that there is never a tie (one chosen by the
words themselves would leave its mark in them). So one encoding alone is a uniformly random string, whatever the
name's length; in how many bits two of one place differ tells how many grams the names share (sign random
projection: Charikar 2002), and two of one record, being in different places, tell nothing. The tests hold this bit
for bit against a plain reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

WORDS = 8  # of an encoding, of 64 bits each
WORD_NUMBER_BIT = 48  # above a gram's characters, below the place
PLACE_BIT = 52  # of the place that a name has in its record, below the tag of date parts
_INITIAL = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


LANES = ir.VectorType(ir.IntType(64), WORDS)


def _row(context: Any, builder: Any, kind: Any, array: Any, row: Any) -> Any:
    """Where a row of a C-contiguous array (rows x 8 words) stands, as one vector."""
    first = builder.mul(row, ir.Constant(ir.IntType(64), WORDS))
    place = builder.gep(context.make_array(kind)(context, builder, array).data, [first])
    return builder.bitcast(place, LANES.as_pointer())


@intrinsic
def _gram_vector(typing_context: Any, k0: Any, k1: Any, gram: Any, vectors: Any, row: Any) -> Any:
    """Write the eight words of a gram to a row of `vectors` (rows x 8, C-contiguous): one lane of a vector each.

    `hashing.siphash_word` of one word after the other takes five times as long.
    """

    def every(values: list[int]) -> Any:
        return ir.Constant(LANES, values)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def spread(value: Any) -> Any:
            one = builder.insert_element(ir.Constant(LANES, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(one, ir.Constant(LANES, ir.Undefined), ir.Constant(
                ir.VectorType(ir.IntType(32), WORDS), [0] * WORDS))  # fmt: skip

        def turned(value: Any, by: int) -> Any:
            left, right = every([by] * WORDS), every([64 - by] * WORDS)
            return builder.or_(builder.shl(value, left), builder.lshr(value, right))

        def mixed(v: list[Any], rounds: int) -> list[Any]:
            for _ in range(rounds):
                a, c = builder.add(v[0], v[1]), builder.add(v[2], v[3])
                b, d = builder.xor(turned(v[1], 13), a), builder.xor(turned(v[3], 16), c)
                a = turned(a, 32)
                c, a = builder.add(c, b), builder.add(a, d)
                v = [a, builder.xor(turned(b, 17), c), turned(c, 32), builder.xor(turned(d, 21), a)]
            return v

        keys = [spread(arguments[0]), spread(arguments[1])] * 2
        v = [builder.xor(key, every([start] * WORDS)) for key, start in zip(keys, _INITIAL, strict=True)]
        numbers = every([number << WORD_NUMBER_BIT for number in range(WORDS)])
        for message in (builder.or_(spread(arguments[2]), numbers), every([8 << 56] * WORDS)):
            v[3] = builder.xor(v[3], message)
            v = mixed(v, 2)
            v[0] = builder.xor(v[0], message)
        v[2] = builder.xor(v[2], every([0xFF] * WORDS))
        v = mixed(v, 4)
        found = builder.xor(builder.xor(v[0], v[1]), builder.xor(v[2], v[3]))
        builder.store(found, _row(context, builder, signature.args[3], arguments[3], arguments[4]), align=8)
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64, types.uint64, vectors, types.int64), generate


@intrinsic
def _half_add(typing_context: Any, sums: Any, plane: Any, vectors: Any, row: Any) -> Any:
    """Add a row of `vectors` to a plane of `sums`, bit by bit; the row is left with what is carried to the next."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        places = [_row(context, builder, signature.args[at], arguments[at], arguments[at + 1]) for at in (0, 2)]
        plane, vector = (builder.load(place, align=8) for place in places)
        builder.store(builder.xor(plane, vector), places[0], align=8)
        builder.store(builder.and_(plane, vector), places[1], align=8)
        return context.get_dummy_value()

    return types.void(sums, types.int64, vectors, types.int64), generate


gram_vector: Any = _gram_vector
half_add: Any = _half_add


@njit(nogil=True, cache=True)
def encode_names(
    keys: Any, block: Any, gram_ids: Any, starts: Any, name: Any, place: Any, start: Any, stop: Any, encodings: Any
) -> None:
    """The encodings (rows x 8 words) of rows start … stop - 1: `block` and `name` number each row's key and its name,
    -1 for none, which stays zero; names of another `place` get unrelated vectors."""
    most = np.int64(1)
    for one in range(starts.shape[0] - 1):
        most = max(most, starts[one + 1] - starts[one])
    vectors = np.empty((most + 1, WORDS), dtype=np.uint64)
    sums = np.empty((64, WORDS), dtype=np.uint64)
    for row in range(start, stop):
        if name[row] < 0:
            continue
        first = starts[name[row]]
        grams = starts[name[row] + 1] - first
        k0, k1 = keys[block[row], 0], keys[block[row], 1]
        tag = np.uint64(place[row]) << np.uint64(PLACE_BIT)
        for gram in range(grams):
            gram_vector(k0, k1, gram_ids[first + gram] | tag, vectors, gram)
        if grams % 2 == 0:
            for word in range(WORDS):
                vectors[grams, word] = vectors[0, word]
        top = _count_votes(vectors, grams + 1 - grams % 2, sums)
        for word in range(WORDS):
            encodings[row, word] = sums[top, word]


@njit(nogil=True, cache=True)
def _count_votes(vectors: Any, votes: Any, sums: Any) -> Any:
    """Count the votes (an odd number) for each of the 512 bits in binary: plane p of `sums` holds the 2^p of every
    count. Counts start so high that the top plane, whose number is returned, is set where more than half are for it."""
    top = np.int64(0)
    while (1 << top) <= votes:
        top += 1
    begin = (1 << top) - (votes + 1) // 2
    for plane in range(top + 1):
        filled = np.uint64(0) - np.uint64((begin >> plane) & 1)
        for word in range(WORDS):
            sums[plane, word] = filled
    for vote in range(votes):
        for plane in range(top + 1):
            half_add(sums, plane, vectors, vote)
    return top
