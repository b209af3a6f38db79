"""Fixed, public test people, encoded like everybody: equal answers prove equal keys and one encoding.

The hub compares the answers of partners without knowing the key. An answer tells nothing of the key (it is a hash of
HMACs), and nothing of any person.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from pipeline.contracts import Encoding
from pipeline.partner.check import IDENTIFIERS, TEXTS
from pipeline.partner.coded import Coded, coded, each
from pipeline.partner.dates import iso_dates
from pipeline.partner.encode import Persons, encode_persons
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.tokens import token_texts

NAMES = ("forename", "surname")
PLACES = ("uprn", "postcode")
TOKENS = ("nino", "nhs_number", "upn", "pnc_id", "uprn", "postcode")


def known_answers(encoding: Encoding, keys: PartnerKeys) -> tuple[str, ...]:
    """The sha256 (hex) of each known person's tokens and encodings, in the encoding's order."""
    return tuple(_answer(encoding, keys, person) for person in encoding.known_answers)


def check_word(encoding: Encoding, keys: PartnerKeys) -> str:
    """Sixteen hexadecimal digits, in fours, of all known answers: partners with one key have one word."""
    digest = hashlib.sha256("\n".join(known_answers(encoding, keys)).encode()).hexdigest()[:16]
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def _answer(encoding: Encoding, keys: PartnerKeys, person: dict[str, str]) -> str:
    columns = {name: _normal(name, person.get(name, "")) for name in (*NAMES, "date_of_birth", *TOKENS)}
    digest = hashlib.sha256()

    def add(label: str, content: bytes) -> None:
        for part in (label.encode(), content):
            digest.update(len(part).to_bytes(4, "big") + part)

    for name in TOKENS:
        token = token_texts(keys.token_key(name, encoding.version), columns[name])[0].as_py()
        add(f"token {name}", (token or "").encode())
    persons = Persons(
        columns={name: column for name, column in columns.items() if name not in PLACES},
        at_places={name: columns[name] for name in PLACES},
        person_of_place=np.zeros(1, dtype=np.int32),
    )
    for encoded in encode_persons(encoding, keys, persons):
        for row in range(len(encoded.person)):
            add(f"block {encoded.blocking_pass}", encoded.block[row].tobytes())
            for name, packed in encoded.names.items():
                add(f"name {name}", packed[row].tobytes())
            add("date parts", encoded.date_parts[row].astype("<u2").tobytes())
    return digest.hexdigest()


def _normal(name: str, text: str) -> Coded:
    column = coded([text])
    if name in IDENTIFIERS:
        return column.mapped(IDENTIFIERS[name](column.values))
    if name == "date_of_birth":
        return column.mapped(iso_dates(column.values, ("yyyy-MM-dd",), birth=True)[0])
    values: pa.StringArray = each(column.values, TEXTS["name" if name in NAMES else name])[0]
    return column.mapped(values)
