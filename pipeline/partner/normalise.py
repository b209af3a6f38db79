"""Names, sex, places and flags brought to one spelling before anything is hashed.

Each function takes one value and gives its normal form, "" where the value only says that nothing is known, or None
where it cannot be read; each is idempotent. A change here changes encodings: it needs a new encoding version.
Identifiers with check digits are in `check_digits`, dates in `dates`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Of a function of distinct values, how many results are kept, since the same come again in the next piece of a file.
DISTINCT_KEPT = 1 << 15

TITLES = frozenset(
    ("MR", "MRS", "MS", "MISS", "MX", "DR", "PROF", "PROFESSOR", "REV", "REVD", "SIR", "DAME", "LADY", "LORD", "MASTER")
)
# Written into a name field when the name is not known; as a whole value only.
NOT_A_NAME = frozenset(
    {
        "UNKNOWN", "UNK", "NOT KNOWN", "N K", "NK", "N A", "NONE", "NULL", "NIL", "NOT GIVEN", "NOT STATED",
        "NOT RECORDED", "NOT PROVIDED", "NO NAME", "NO FORENAME", "NO SURNAME", "NFN", "NSN", "ANON", "ANONYMOUS",
        "BABY", "BABY BOY", "BABY GIRL", "BABY OF", "INFANT", "UNBORN", "MALE", "FEMALE", "DUMMY", "TEST", "TESTING",
        "TEST TEST", "DO NOT USE", "DUPLICATE", "X", "XX", "XXX", "XXXX", "Z", "ZZ", "ZZZ", "TBC", "TBA",
    }
)  # fmt: skip
# Small words before the part of a surname that tells people apart.
PARTICLES = frozenset(
    {
        "DE", "DEL", "DELLA", "DI", "DA", "DOS", "DAS", "DU", "LA", "LE", "VAN", "VON", "DER", "DEN", "TER", "TEN",
        "AL", "EL", "BIN", "IBN", "BINT", "O", "MC", "MAC", "ST",
    }
)  # fmt: skip
# Letters that Unicode does not take apart into a base letter and a mark.
UNDIVIDED = str.maketrans(
    {"Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "Æ": "AE", "Œ": "OE", "Ħ": "H", "Ŧ": "T", "ẞ": "SS", "Ŋ": "NG"}
)
APOSTROPHES = re.compile("['’‘`´ʼʻ＇]")
SEXES = {
    "F": "F", "FEMALE": "F", "WOMAN": "F", "GIRL": "F", "2": "F",
    "M": "M", "MALE": "M", "MAN": "M", "BOY": "M", "1": "M",
    # NHS Data Dictionary: 0 not known, 9 not specified.
    "U": "", "X": "", "I": "", "N": "", "0": "", "9": "", "UNKNOWN": "", "NOT KNOWN": "", "INDETERMINATE": "",
    "NOT SPECIFIED": "", "OTHER": "", "NOT STATED": "",
}  # fmt: skip
FLAGS = {
    "TRUE": "true", "T": "true", "YES": "true", "Y": "true", "1": "true",
    "FALSE": "false", "F": "false", "NO": "false", "N": "false", "0": "false",
}  # fmt: skip
POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")
ANY_POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]?\s*[0-9][A-Z]{2}\b")
HOUSE_NUMBER = re.compile(r"\b([0-9]+)\s?([A-Z])?\b")


def fold(text: str) -> str:
    """Upper case without accents: Unicode NFKD, marks dropped, undivided letters spelt out."""
    if text.isascii():
        return text.upper()
    # Twice, since upper case and decomposition can each give the other something to do.
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text).upper().translate(UNDIVIDED)
        text = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
    return text


@lru_cache(maxsize=DISTINCT_KEPT)
def name(text: str) -> str:
    """A name in folded letters, its parts separated by one space: no titles, apostrophes or hyphens.

    O'Brien is OBRIEN, Smith-Jones is SMITH JONES. Empty where the field says that the name is not known.
    """
    letters = "".join(
        character if unicodedata.category(character)[0] == "L" else " " for character in APOSTROPHES.sub("", fold(text))
    )
    parts = letters.split()
    while len(parts) > 1 and parts[0] in TITLES:
        parts = parts[1:]
    joined = " ".join(parts)
    return "" if joined in NOT_A_NAME else joined


def first_part(normal_name: str) -> str:
    """The first part of a normal name that is not a particle: HASSAN of AL HASSAN."""
    parts = normal_name.split(" ")
    return next((part for part in parts[:-1] if part not in PARTICLES), parts[-1])


def sex(text: str) -> str | None:
    """F, M, or empty for a value that says it is not known."""
    return SEXES.get(" ".join(text.upper().split()))


def flag(text: str) -> str | None:
    """`true` or `false`."""
    return FLAGS.get(text.strip().upper())


@lru_cache(maxsize=DISTINCT_KEPT)
def postcode(text: str) -> str | None:
    """A postcode with one space before its inward part, else None."""
    found = POSTCODE.fullmatch(re.sub(r"[\s.\-]", "", text.upper()))
    return f"{found.group(1)} {found.group(2)}" if found else None


def outward(normal_postcode: str) -> str:
    """The outward part of a normal postcode, which is its area."""
    return normal_postcode.split(" ")[0]


def house(text: str) -> str | None:
    """What tells the home from others of its postcode: all its numbers in order, else its name.

    All numbers, not the first alone: `Flat 3, 12 High Street` is not `3 High Street`.
    """
    address = ANY_POSTCODE.sub(" ", fold(text))
    numbers = ["".join(found) for found in HOUSE_NUMBER.findall(address)]
    if numbers:
        return ".".join(number.lstrip("0") or "0" for number in numbers)
    title = re.sub(r"[^A-Z]", "", address.split(",")[0])
    return title or None


def whole_number(text: str) -> str | None:
    """A whole number in its plainest form; `12.0` is 12."""
    found = re.fullmatch(r"([+-]?)([0-9]{1,15})(?:\.0+)?", text)
    return str(int(found.group(1) + found.group(2))) if found else None


def number(text: str) -> str | None:
    """A decimal number in its plainest form."""
    if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,9})?", text):
        return None
    plain = text.lstrip("+")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
