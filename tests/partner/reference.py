"""SipHash-2-4 and a name's encoding in plain Python, as slow and plain as can be, to hold the compiled ones against."""

from __future__ import annotations

import math

MASK = (1 << 64) - 1


def _rotate(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & MASK


def siphash(key: bytes, message: bytes) -> int:
    """SipHash-2-4 as its authors define it (Aumasson and Bernstein 2012, section 2)."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def mix() -> None:
        v[0] = (v[0] + v[1]) & MASK
        v[1] = _rotate(v[1], 13) ^ v[0]
        v[0] = _rotate(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = _rotate(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = _rotate(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = _rotate(v[1], 17) ^ v[2]
        v[2] = _rotate(v[2], 32)

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        mix()
        mix()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(4):
        mix()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def bigrams(name: str) -> set[str]:
    """The pairs of neighbouring letters, a space before and behind; of a letter that stands alone only its
    beginning."""
    found: set[str] = set()
    for part in name.split(" "):
        padded = f" {part} "
        found |= {padded[at : at + 2] for at in range(len(padded) - 1)} - ({f"{part} "} if len(part) == 1 else set())
    return found


def name_encoding(block_key: bytes, name: str, place: int = 0) -> bytes:
    """The 512 bits of a normal name under a block's key, in its place: in each, what most of its grams have."""
    vectors = []
    numbers = [(ord(gram[0]) << 21) | ord(gram[1]) for gram in bigrams(name)]
    for number in sorted(numbers, key=lambda number: number * 0x9E3779B97F4A7C15 % 2**64):
        tagged = [number | word << 48 | place << 52 for word in range(8)]
        vectors.append([siphash(block_key, word.to_bytes(8, "little")) for word in tagged])
    if len(vectors) % 2 == 0:
        vectors.append(vectors[0])  # the first of a fixed order has two votes
    bits = 0
    for place in range(512):
        votes = sum(vector[place // 64] >> place % 64 & 1 for vector in vectors)
        bits |= (2 * votes > len(vectors)) << place
    return bits.to_bytes(64, "little")


def date_parts(block_key: bytes, day: int, month: int, year: int) -> tuple[int, int, int]:
    """Day, month and year as 16-bit codes under a block's key."""

    def code(number: int) -> int:
        return siphash(block_key, number.to_bytes(8, "little")) & 0xFFFF

    top = 1 << 63
    return code(top | day), code(top | month), code(top | 1 << 32 | year)


def similarity(left: bytes, right: bytes) -> float:
    """The cosine of two sets of grams that their encodings tell (Charikar 2002)."""
    differing = (int.from_bytes(left, "little") ^ int.from_bytes(right, "little")).bit_count()
    return math.cos(math.pi * differing / 512)
