"""Check digits and letters, checked by the textbook rule, one number at a time."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.synthetic.declared import Chance
from pipeline.synthetic.identifiers import (
    national_insurance_numbers,
    nhs_numbers,
    pnc_ids,
    pupil_numbers,
    upn_check_letters,
)

COUNT = 3000
CHANCE = Chance(seed=5, population=COUNT)


def test_nhs_numbers_pass_their_check_and_are_unique() -> None:
    numbers = nhs_numbers(CHANCE, COUNT)
    assert len(set(numbers)) == COUNT
    for number in numbers:
        total = sum(int(digit) * weight for digit, weight in zip(number[:9], range(10, 1, -1), strict=True))
        assert (11 - total % 11) % 11 == int(number[9])
        assert len(number) == 10


def test_a_published_upn_is_valid() -> None:
    """B801200005001 is valid; B207000016049 is not: its letter should be P."""
    assert upn_check_letters(np.array([801200005001, 207000016049])).tolist() == ["B", "P"]


def test_upns_are_unique_and_pass_their_check() -> None:
    rng = np.random.default_rng(1)
    numbers = pupil_numbers(rng.integers(2000, 2010, COUNT), rng.integers(0, 14, COUNT))
    assert len(set(numbers)) == COUNT
    for number in numbers:
        total = sum(int(digit) * position for position, digit in enumerate(number[1:], start=2))
        assert "ABCDEFGHJKLMNPQRTUVWXYZ"[total % 23] == number[0]
        assert len(number) == 13


def test_pnc_ids_carry_their_letter() -> None:
    for number in pnc_ids(CHANCE, np.full(200, 2009)):
        year, rest = number.split("/")
        assert year == "09"
        assert not rest.startswith("0")
        assert "ZABCDEFGHJKLMNPQRTUVWXY"[int(year + rest[:-1].zfill(7)) % 23] == rest[-1]


def test_ninos_have_the_form_of_real_ones() -> None:
    import re

    form = re.compile(r"^(?!BG|GB|KN|NK|NT|TN|ZZ|OO|CR|FY|MW|NC)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]$")
    numbers = national_insurance_numbers(CHANCE, COUNT)
    assert len(set(numbers)) == COUNT
    assert all(form.match(number) for number in numbers)


@pytest.mark.parametrize("count", [1, 2])
def test_a_handful_is_enough(count: int) -> None:
    assert len(nhs_numbers(CHANCE, count)) == len(national_insurance_numbers(CHANCE, count)) == count
