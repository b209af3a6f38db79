"""SipHash-2-4 and a name's filter in plain Python, as slow and plain as can be, to hold the compiled ones against."""

from __future__ import annotations

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
    padded = f" {name} "
    return {padded[at : at + 2] for at in range(len(padded) - 1)}


def name_filter(block_key: bytes, name: str, positions: int = 7) -> bytes:
    """The 512-bit filter of a normal name under a block's key."""
    bits = 0
    for gram in bigrams(name):
        number = (ord(gram[0]) << 21) | ord(gram[1])
        hashed = siphash(block_key, number.to_bytes(8, "little"))
        for at in range(positions):
            bits |= 1 << ((hashed >> (9 * at)) & 511)
    return bits.to_bytes(64, "little")


def date_parts(block_key: bytes, day: int, month: int, year: int) -> tuple[int, int, int]:
    """Day, month and year as 16-bit codes under a block's key."""

    def code(number: int) -> int:
        return siphash(block_key, number.to_bytes(8, "little")) & 0xFFFF

    top = 1 << 63
    return code(top | day), code(top | month), code(top | 1 << 32 | year)


def dice(left: bytes, right: bytes) -> float:
    a, b = int.from_bytes(left, "little"), int.from_bytes(right, "little")
    return 2 * (a & b).bit_count() / (a.bit_count() + b.bit_count())
