"""Identifiers of the form and with the check digits real ones have, unique in the borough, of nobody real.

NINO: two letters, six digits, suffix A-D; no check digit; prefixes that are never issued are left out.
NHS number: ten digits, weights 10 to 2, modulus 11. UPN: check letter, three-digit authority, four-digit school, year,
serial; digits times positions 2 to 13, modulus 23. PNC id: year and seven-digit serial, modulus 23.
"""

from __future__ import annotations

import numpy as np

from pipeline.synthetic.declared import Chance, Ints, Texts

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
PNC_LETTERS = "ZABCDEFGHJKLMNPQRTUVWXY"
NINO_FIRST, NINO_SECOND = "ABCEGHJKLMNPRSTWXYZ", "ABCEGHJKLMNPRSTWXYZ"
NINO_NEVER = frozenset(
    ["BG", "GB", "KN", "NK", "NT", "TN", "ZZ", "OO", "CR", "FY", "MW", "NC", "PP", "PY", "PZ", "MA", "JY", "GY", "ZY"]
)
AUTHORITY = 899  # no local authority has this number


def _spread(rng: np.random.Generator, count: int, size: int) -> Ints:
    """`count` different numbers below `size`, spread over it in no order."""
    step = size // count
    offset = rng.integers(0, step, count)
    numbers: Ints = rng.permutation(count).astype(np.int64) * step + offset
    return numbers


def national_insurance_numbers(chance: Chance, count: int) -> Texts:
    """One NINO per person, as text of nine characters."""
    rng = chance.stage("nino")
    prefixes = np.array([a + b for a in NINO_FIRST for b in NINO_SECOND if a + b not in NINO_NEVER], dtype=object)
    serial = _spread(rng, count, len(prefixes) * 10**6)
    digits = zero_padded(serial % 10**6, 6)
    suffix = np.array(list("ABCD"), dtype=object)[rng.integers(0, 4, count)]
    return _text(prefixes[serial // 10**6] + digits + suffix)


def nhs_numbers(chance: Chance, count: int) -> Texts:
    """One NHS number per person, with its check digit."""
    rng = chance.stage("nhs number")
    base = 400_000_000 + _spread(rng, int(count * 1.15) + 200, 300_000_000)
    check = 11 - (_digits(base, 9) * np.arange(10, 1, -1)).sum(axis=1) % 11
    check = np.where(check == 11, 0, check)
    usable = np.flatnonzero(check != 10)[:count]
    return zero_padded(base[usable] * 10 + check[usable], 10)


def pupil_numbers(school: Ints, year: Ints) -> Texts:
    """One UPN per pupil, from the school that gave it and the two-digit year; serial by order of the rows."""
    order = np.lexsort((year, school))
    group = school[order] * 100 + year[order]
    start = np.append(True, group[1:] != group[:-1]) if len(group) else np.empty(0, dtype=bool)
    position = np.arange(len(group))
    serial = np.empty(len(group), dtype=np.int64)
    serial[order] = position - np.maximum.accumulate(np.where(start, position, 0)) + 1
    number = ((AUTHORITY * 10**4 + school) * 100 + year) * 1000 + serial
    return _text(upn_check_letters(number) + zero_padded(number, 12))


def upn_check_letters(number: Ints) -> Texts:
    """The check letter of each twelve-digit number."""
    remainder = (_digits(number, 12) * np.arange(2, 14)).sum(axis=1) % 23
    return _text(np.array(list(UPN_LETTERS), dtype=object)[remainder])


def pnc_ids(chance: Chance, year: Ints) -> Texts:
    """One PNC id per row, shown as YY/NNNNNNND with the serial's leading zeros dropped."""
    rng = chance.stage("pnc id")
    serial = 1 + _spread(rng, max(len(year), 1), 9_000_000)[: len(year)]
    letter = np.array(list(PNC_LETTERS), dtype=object)[((year % 100) * 10**7 + serial) % 23]
    return _text(zero_padded(year % 100, 2) + "/" + serial.astype(str).astype(object) + letter)


def _text(values: Texts) -> Texts:
    return values


def zero_padded(number: Ints, width: int) -> Texts:
    """Numbers as text with leading zeros."""
    if not len(number):
        return np.empty(0, dtype=object)
    padded: Texts = np.char.zfill(number.astype(f"U{width}"), width).astype(object)
    return padded


def _digits(number: Ints, width: int) -> Ints:
    return number[:, None] // 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)[None, :] % 10
