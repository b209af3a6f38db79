"""Exact tokens and pseudonyms: 128 bits of HMAC-SHA-256 over a normal form, as 32 hex digits.

A token's sub-key belongs to the field (as its normaliser is called), so that partners whose columns are named
differently still get the same token; a pseudonym's belongs to the column it refers to, and to one partner alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from pipeline.partner.coded import Coded, coded
from pipeline.partner.hashing import hex_texts, hmac_each
from pipeline.partner.keys import PartnerKeys

PERSON_REFERENCE = "people.person_ref"


def token_texts(key: bytes, column: Coded) -> pa.Array:
    """The token of each row as 32 hex digits, null where the row has no value."""
    return column.texts(hex_texts(hmac_each(key, column.values)))


def pseudonymise_references(keys: PartnerKeys, references: Sequence[str]) -> list[str | None]:
    """The pseudonyms of a partner's own person references, as the kit would send them; None for an empty one.

    For whoever holds the partner key and a truth or case list of references: evaluation, reveal.
    """
    column = coded([str(reference) for reference in references])
    found: list[str | None] = token_texts(keys.reference_key(PERSON_REFERENCE), column).to_pylist()
    return found
