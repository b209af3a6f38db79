"""The compiled levels agree with a plain reference, are symmetric, and treat missing as missing."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import levels
from pipeline.contracts import Comparison, Level

NAME = Comparison(
    "forename",
    "name",
    (
        Level("same", similarity=0.99),
        Level("close", similarity=0.7),
        Level("similar", similarity=0.5),
        Level("differs"),
    ),
    (),
)
WITH_EXCHANGE = Comparison(
    "forename",
    "name",
    (Level("same", similarity=0.99), Level("exchanged", similarity=0.9, exchanged_with="surname"), Level("differs")),
    (),
)
DATE = Comparison(
    "date_of_birth",
    "date_parts",
    (Level("same", parts=3), Level("exchanged", parts="swap"), Level("two_parts", parts=2), Level("differs")),
    (),
)
RESIDENCE = Comparison(
    "residence",
    "any_equal",
    (Level("same", columns=("uprn", "address")), Level("near", columns=("postcode",)), Level("differs")),
    ("uprn", "address", "postcode"),
)


def reference_bits(a: np.ndarray, b: np.ndarray) -> int:
    bits_a, bits_b = np.unpackbits(a.view(np.uint8)), np.unpackbits(b.view(np.uint8))
    return int((bits_a != bits_b).sum()) if bits_a.any() and bits_b.any() else -1


def reference_name_level(a: np.ndarray, b: np.ndarray) -> int:
    bits = reference_bits(a, b)
    similarity = math.cos(math.pi * bits / 512)
    return -1 if bits < 0 else next((code for code, least in enumerate((0.99, 0.7, 0.5)) if similarity >= least), 3)


def reference_date_level(a: np.ndarray, b: np.ndarray) -> int:
    if not a.any() or not b.any():
        return -1
    if (a == b).all():
        return 0
    if a[0] == b[1] and a[1] == b[0] and a[2] == b[2]:
        return 1
    return 2 if (a == b).sum() == 2 else 3


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 40), apart=st.floats(0.0, 0.5))
def test_name_levels_agree_with_a_plain_reference(seed: int, rows: int, apart: float) -> None:
    random = np.random.default_rng(seed)
    base = random.random((rows, 512)) < 0.5
    near = base ^ (random.random((rows, 512)) < apart)
    near[: rows // 4] = False
    names = np.packbits(np.concatenate([base, near]), axis=1).view(np.uint64)
    a, b = random.integers(0, 2 * rows, 60), random.integers(0, 2 * rows, 60)
    data = levels.Comparable(names={"forename": names})
    found = levels.comparison_levels(NAME, data, a, b)
    assert found.tolist() == [reference_name_level(names[i], names[j]) for i, j in zip(a, b, strict=True)]
    measured = levels.differing(names, names, a, b)
    assert measured.tolist() == [reference_bits(names[i], names[j]) for i, j in zip(a, b, strict=True)]
    assert (found == levels.comparison_levels(NAME, data, b, a)).all()


def test_the_most_bits_of_a_similarity_are_the_last_that_reach_it() -> None:
    for similarity in (0.99, 0.7, 0.5, 0.3, 0.0):
        bits = levels.most_bits(similarity)
        assert math.cos(math.pi * bits / 512) >= similarity - 1e-12
        assert math.cos(math.pi * (bits + 1) / 512) < similarity


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_date_levels_agree_with_a_plain_reference(seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = random.integers(0, 4, (50, 3)).astype(np.uint16)
    a, b = random.integers(0, 50, 200), random.integers(0, 50, 200)
    found = levels.date_levels(parts, a, b, levels.date_level_table(DATE))
    assert found.tolist() == [reference_date_level(parts[i], parts[j]) for i, j in zip(a, b, strict=True)]


def test_codes_reach_the_first_level_any_of_whose_columns_agrees() -> None:
    #                 uprn address postcode
    rows = np.array(
        [
            [1, 1, 1],
            [1, 2, 1],  # same uprn, address written otherwise
            [2, 3, 1],  # only the postcode
            [3, 4, 2],  # nothing
            [-1, -1, 1],  # only a postcode is known
            [-1, -1, -1],
        ],
        dtype=np.int64,
    )
    data = levels.Comparable(codes={"uprn": rows[:, 0], "address": rows[:, 1], "postcode": rows[:, 2]})
    others = np.arange(1, 6)
    found = levels.comparison_levels(RESIDENCE, data, np.zeros(5, dtype=np.int64), others)
    assert found.tolist() == [0, 1, 2, 1, -1]


def test_equal_and_any_equal_leave_missing_out() -> None:
    sex = np.array([0, 0, 1, -1], dtype=np.int64)
    assert levels.equal(sex, np.array([0, 0, 0]), np.array([1, 2, 3])).tolist() == [0, 1, -1]
    identifiers = np.array([[5, -1], [5, 7], [6, 7], [-1, 8]], dtype=np.int64)
    found = levels.any_equal(identifiers, np.array([0, 0, 1, 0]), np.array([1, 2, 2, 3]))
    assert found.tolist() == [0, 1, 0, -1]


def test_exchanged_names_are_seen_in_both_directions_only() -> None:
    random = np.random.default_rng(3)
    names = np.packbits(random.random((3, 512)) < 0.5, axis=1).view(np.uint64)
    forename, surname = names[[0, 1, 2]], names[[1, 0, 0]]
    data = levels.Comparable(names={"forename": forename, "surname": surname})
    found = levels.comparison_levels(WITH_EXCHANGE, data, np.array([0, 0, 0]), np.array([1, 2, 0]))
    assert found.tolist() == [1, 2, 0]


@pytest.mark.parametrize("kind", [pa.binary(64), pa.binary(), pa.large_binary()])
def test_arrow_columns_unpack_with_null_as_zero(kind: pa.DataType) -> None:
    filled = bytes(range(64))
    column = pa.chunked_array([pa.array([None, filled], type=kind), pa.array([filled, None], type=kind)])
    found = levels.unpack_names(column)
    assert found.shape == (4, 8)
    assert (found[1] == np.frombuffer(filled, dtype=np.uint64)).all()
    assert not found[0].any()
    assert not found[3].any()
    sliced = levels.unpack_names(pa.array([filled, None, filled], type=kind).slice(1))
    assert sliced.any(axis=1).tolist() == [False, True]


def test_counts_leave_missing_out() -> None:
    assert levels.count_levels(np.array([0, 0, -1, 2], dtype=np.int8), 4).tolist() == [2, 0, 1, 0]
