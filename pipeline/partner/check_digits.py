"""Identifiers: one spelling, and the check digit or form that tells a real number from a slip.

A number that fails is left out and counted, never hashed. Formats and their sources: docs of the Department for
Education (UPN), NHS Data Dictionary (NHS number), HMRC NIM39110 (NINO), Home Office (PNC), GeoPlace (UPRN).
Each function takes distinct values and returns their normal forms (null: no valid number), all at once.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
PNC_LETTERS = "ZABCDEFGHJKLMNPQRTUVWXY"  # no I, O, S; 1 is A, 0 is Z
NINO_FORM = "^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]?$"
# Never issued; and administrative prefixes, which are nobody's number.
NINO_PREFIXES_OF_NOBODY = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ", "OO", "CR", "FY", "MW", "NC")
NOTHING = pa.scalar(None, pa.string())


def nino(values: pa.StringArray) -> pa.StringArray:
    """National Insurance numbers without their suffix letter, which may be missing and does not tell people apart."""
    plain = _plain(values)
    prefix = pc.utf8_slice_codeunits(plain, 0, 2)
    valid = pc.and_(
        pc.match_substring_regex(plain, NINO_FORM),
        pc.invert(pc.is_in(prefix, pa.array(NINO_PREFIXES_OF_NOBODY, pa.string()))),
    )
    return pc.if_else(valid, pc.utf8_slice_codeunits(plain, 0, 8), NOTHING)


def nhs_number(values: pa.StringArray) -> pa.StringArray:
    """NHS numbers as ten digits: weights 10 to 2, 11 - (sum mod 11), 11 is 0, 10 is invalid; no all-same dummies."""
    plain = _plain(values)
    formed = np.asarray(pc.match_substring_regex(plain, "^[0-9]{10}$"))
    digits = _digits(plain.filter(pa.array(formed)), 10)
    check = (11 - digits[:, :9] @ np.arange(10, 1, -1) % 11) % 11
    right = (check == digits[:, 9]) & (digits != digits[:, :1]).any(axis=1)
    return _keep(plain, formed, right)


def upn(values: pa.StringArray) -> pa.StringArray:
    """Unique pupil numbers with the right check letter; temporary ones (a letter at the end) are left out."""
    plain = _plain(values)
    formed = np.asarray(pc.match_substring_regex(plain, f"^[{UPN_LETTERS}][0-9]{{12}}$"))
    text = plain.filter(pa.array(formed))
    digits = _digits(pc.utf8_slice_codeunits(text, 1, 13), 12)
    letters = np.frombuffer(UPN_LETTERS.encode(), dtype=np.uint8)
    first = _characters(pc.utf8_slice_codeunits(text, 0, 1), 1)[:, 0]
    return _keep(plain, formed, letters[digits @ np.arange(2, 14) % 23] == first)


def pnc_id(values: pa.StringArray) -> pa.StringArray:
    """PNC ids as two digits of the year, seven of the serial and the check letter; dropped zeros put back."""
    plain = pc.replace_substring_regex(pc.utf8_upper(values), r"[\s\-]", "")
    parts = pc.extract_regex(plain, r"^(?:19|20)?(?P<year>[0-9]{2})/0*(?P<serial>[0-9]{1,7})(?P<letter>[A-Z])$")
    formed = np.asarray(pc.is_valid(parts))
    held = parts.drop_null()
    year = pc.struct_field(held, "year")
    serial = pc.utf8_lpad(pc.struct_field(held, "serial"), 7, "0")
    letter = pc.struct_field(held, "letter")
    whole = pc.binary_join_element_wise(year, serial, "")
    remainder = np.asarray(whole.cast(pa.int64())) % 23 if len(held) else np.zeros(0, dtype=np.int64)
    right = np.frombuffer(PNC_LETTERS.encode(), dtype=np.uint8)[remainder] == _characters(letter, 1)[:, 0]
    joined = pc.binary_join_element_wise(whole, letter, "")
    return _spread(pc.if_else(pa.array(right), joined, NOTHING), formed)


def uprn(values: pa.StringArray) -> pa.StringArray:
    """Unique property reference numbers without leading zeros: up to twelve digits, not nought."""
    plain = pc.replace_substring_regex(_plain(values), r"\.0+$", "")
    bare = pc.utf8_ltrim(plain, "0")
    return pc.if_else(pc.match_substring_regex(bare, "^[1-9][0-9]{0,11}$"), bare, NOTHING)


def _plain(values: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(pc.utf8_upper(values), r"[\s\-]", "")


def _characters(texts: pa.StringArray, width: int) -> NDArray[np.uint8]:
    """(texts, width) bytes of ASCII texts that all have this width."""
    joined = "".join(texts.to_pylist()).encode() if len(texts) else b""
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(texts), width)


def _digits(texts: pa.StringArray, width: int) -> NDArray[np.int64]:
    return _characters(texts, width).astype(np.int64) - ord("0")


def _keep(plain: pa.StringArray, formed: NDArray[np.bool_], right: NDArray[np.bool_]) -> pa.StringArray:
    valid = formed.copy()
    valid[formed] = right
    return pc.if_else(pa.array(valid), plain, NOTHING)


def _spread(found: pa.StringArray, where: NDArray[np.bool_]) -> pa.StringArray:
    """Found values back at their places, null elsewhere."""
    places = np.cumsum(where) - 1
    return found.take(pa.array(places, mask=~where)) if len(found) else pa.nulls(len(where), pa.string())
