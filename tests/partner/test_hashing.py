"""The compiled hashes against the standard library and the authors' vectors."""

from __future__ import annotations

import hmac

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.partner.coded import coded
from pipeline.partner.hashing import hex_texts, hmac_each, in_threads, siphash_word
from pipeline.partner.tokens import token_texts
from tests.partner.reference import siphash


@given(st.binary(min_size=1, max_size=64), st.lists(st.text(max_size=80), max_size=8))
def test_hmac_is_hmac(key: bytes, values: list[str]) -> None:
    found = hmac_each(key, pa.array(values, pa.string()))
    assert [row.tobytes() for row in found] == [hmac.digest(key, text.encode(), "sha256") for text in values]


def test_hmac_at_every_length_around_the_block() -> None:
    values = ["x" * length for length in range(200)]
    found = hmac_each(b"key", pa.array(values))
    assert [row.tobytes() for row in found] == [hmac.digest(b"key", text.encode(), "sha256") for text in values]


def test_hmac_in_threads_and_of_a_slice() -> None:
    values = pa.array([str(number) for number in range(30_000)])
    found = hmac_each(b"key", values)
    assert found[29_999].tobytes() == hmac.digest(b"key", b"29999", "sha256")
    assert (hmac_each(b"key", values[100:200]) == found[100:200]).all()


def test_a_long_key_is_refused() -> None:
    with pytest.raises(ValueError, match="64"):
        hmac_each(bytes(65), pa.array(["x"]))


def test_hex() -> None:
    found = hmac_each(b"key", pa.array(["a", "b"]))
    assert hex_texts(found).to_pylist() == [row.tobytes()[:16].hex() for row in found]


def test_reference_siphash_gives_the_vectors_of_its_authors() -> None:
    """Appendix A of the SipHash paper (15 bytes), and entries of the reference implementation's vectors.h."""
    key = bytes(range(16))
    assert siphash(key, bytes(range(15))) == 0xA129CA6149BE45E5
    assert siphash(key, b"") == 0x726FDB47DD0E0E31
    assert siphash(key, bytes(range(8))) == 0x93F5F5799A932462


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**64 - 1))
def test_compiled_siphash_is_the_reference(key: bytes, word: int) -> None:
    k0, k1 = (np.uint64(int.from_bytes(key[at : at + 8], "little")) for at in (0, 8))
    assert int(siphash_word(k0, k1, np.uint64(word))) == siphash(key, word.to_bytes(8, "little"))


def test_threads_cover_every_row_once() -> None:
    seen = np.zeros(100_003, dtype=np.int64)

    def work(start: int, stop: int) -> None:
        seen[start:stop] += 1

    in_threads(work, len(seen))
    assert (seen == 1).all()


@given(st.lists(st.sampled_from(["", "A", "B", "C"]), max_size=30))
def test_tokens_are_equal_where_values_are(values: list[str]) -> None:
    tokens = token_texts(b"k" * 32, coded(values)).to_pylist()
    for left, token in zip(values, tokens, strict=True):
        assert token == (hmac.digest(b"k" * 32, left.encode(), "sha256")[:16].hex() if left else None)
