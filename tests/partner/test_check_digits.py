"""Identifiers: the examples of the domain notes, and that slips are found."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.partner import check_digits

Normaliser = Callable[[pa.StringArray], pa.StringArray]


def one(normaliser: Normaliser, text: str) -> str | None:
    found: str | None = normaliser(pa.array([text], pa.string()))[0].as_py()
    return found


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("B801200005001", "B801200005001"),
        (" b8012 0000 5001", "B801200005001"),
        ("B207000016049", None),  # a published help page says it is valid; its letter should be P
        ("P207000016049", "P207000016049"),
        ("B80120000500A", None),  # temporary
        ("B80120000500", None),
        ("I801200005001", None),
        ("", None),
    ],
)
def test_upn(text: str, normal: str | None) -> None:
    assert one(check_digits.upn, text) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("9434765919", "9434765919"),
        ("943 476 5919", "9434765919"),
        ("943-476-5919", "9434765919"),
        ("9434765918", None),
        ("1111111111", None),
        ("0000000000", None),
        ("943476591", None),
        ("94347659190", None),
    ],
)
def test_nhs_number(text: str, normal: str | None) -> None:
    assert one(check_digits.nhs_number, text) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("AB123456C", "AB123456"),
        ("ab 12 34 56 c", "AB123456"),
        ("AB123456", "AB123456"),  # the suffix may be missing
        ("AB123456E", None),
        ("QQ123456C", None),
        ("AO123456C", None),
        ("BG123456A", None),
        ("ZZ123456A", None),
        ("OO123456A", None),  # administrative
        ("CR123456A", None),
        ("FY123456A", None),
        ("MW123456A", None),
        ("NC123456A", None),
        ("AB12345C", None),
    ],
)
def test_nino(text: str, normal: str | None) -> None:
    assert one(check_digits.nino, text) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("100012345678", "100012345678"),
        ("000012345678", "12345678"),
        ("12345678.0", "12345678"),
        ("1234567890123", None),
        ("0", None),
        ("1.2E+11", None),
        ("10 Downing", None),
    ],
)
def test_uprn(text: str, normal: str | None) -> None:
    assert one(check_digits.uprn, text) == normal


@given(st.integers(0, 99), st.integers(1, 9_999_999))
def test_pnc_id(year: int, serial: int) -> None:
    """The check letter by the rule itself: the nine digits mod 23, 1 = A … 0 = Z without I, O and S."""
    alphabet = [chr(c) for c in range(ord("A"), ord("Z") + 1) if chr(c) not in "IOS"]
    letter = alphabet[(year * 10_000_000 + serial) % 23 - 1]
    normal = f"{year:02d}{serial:07d}{letter}"
    for written in (
        f"{year:02d}/{serial}{letter}",
        f"{year:02d}/{serial:07d}{letter.lower()}",
        f"20{year:02d}/{serial}{letter}",
    ):
        assert one(check_digits.pnc_id, written) == normal
    wrong = alphabet[(year * 10_000_000 + serial + 1) % 23 - 1]
    assert one(check_digits.pnc_id, f"{year:02d}/{serial}{wrong}") is None


@given(st.text("0123456789", min_size=9, max_size=9), st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_of_an_nhs_number_is_found(nine: str, at: int, by: int) -> None:
    check = (11 - sum((10 - i) * int(d) for i, d in enumerate(nine)) % 11) % 11
    if check == 10:
        assert all(one(check_digits.nhs_number, nine + str(last)) is None for last in range(10))
        return
    number = nine + str(check)
    slip = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert one(check_digits.nhs_number, slip) is None
    assert one(check_digits.nhs_number, number) == (number if len(set(number)) > 1 else None)


@given(st.lists(st.text("ABPZ0123456789/ ", max_size=14), max_size=20))
@pytest.mark.parametrize("name", ["upn", "nhs_number", "nino", "pnc_id", "uprn"])
def test_all_at_once_is_as_one_by_one_and_normal_stays_normal(name: str, texts: list[str]) -> None:
    normaliser = getattr(check_digits, name)
    found = normaliser(pa.array(texts, pa.string())).to_pylist()
    assert found == [one(normaliser, text) for text in texts]
    if name != "pnc_id":  # its normal form has no slash
        assert all(one(normaliser, text) == text for text in found if text)
