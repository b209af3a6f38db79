"""What the hub holds of people under our encoding, made by the partner's own kit; and what our rules say in clear."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.attack.world import NOBODY, Ints, Residents
from pipeline.contracts import Encoding
from pipeline.contracts.linkage import BlockPart, EncodingPass
from pipeline.partner.coded import Coded, coded
from pipeline.partner.encode import Persons, block_rows, encode_persons, name_grams
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.tokens import token_texts

NAMES = ("forename", "surname")
IDENTIFIERS = ("nino", "nhs_number", "upn", "pnc_id")
PLACES = ("uprn", "address")
SOUND, INITIAL = "phonetic", "initial"


@dataclass(frozen=True)
class PassRows:
    """All rows of one pass: whose they are, the token and number of their block, and the encodings as the kit made
    them."""

    name: str
    person: Ints
    token: NDArray[np.uint8]
    block: Ints
    names: dict[str, NDArray[np.uint8]]
    date_parts: NDArray[np.uint16]


def made_up_keys(seed: int) -> PartnerKeys:
    """Keys of a made-up partner; they protect nobody."""
    secret = [hashlib.sha256(f"attack bench {seed} {purpose}".encode()).digest() for purpose in range(3)]
    return PartnerKeys("attacked", 1, secret[0], secret[1], secret[2], "")


def persons_of(people: Residents) -> Persons:
    """The people as the kit encodes them."""
    columns = {"forename": people.forename, "surname": people.surname, "date_of_birth": people.dates}
    identifiers: dict[str, Coded] = {name: getattr(people, name) for name in IDENTIFIERS}
    return Persons(
        {**columns, **identifiers},
        {"uprn": _uprns(people), "address": people.address},
        np.arange(len(people), dtype=np.int32),
    )


def _uprns(people: Residents) -> Coded:
    return coded(people.place.astype(str).tolist())


def hub_rows(encoding: Encoding, keys: PartnerKeys, people: Residents) -> Iterator[PassRows]:
    """Every pass's rows, one pass at a time."""
    for rows in encode_persons(encoding, keys, persons_of(people), 1 << 40):
        if len(rows.person) == 0:
            continue
        yield PassRows(
            name=rows.blocking_pass,
            person=rows.person.astype(np.int64),
            token=rows.block,
            block=numbered(rows.block),
            names=rows.names,
            date_parts=rows.date_parts,
        )


def hub_tokens(encoding: Encoding, keys: PartnerKeys, people: Residents) -> dict[str, Ints]:
    """The tokens of identifiers and addresses as numbers: equal if and only if the token is; -1 where there is none."""
    columns = {
        **{name: getattr(people, name) for name in IDENTIFIERS},
        "uprn": _uprns(people),
        "address": people.address,
    }
    found = {}
    for name, column in columns.items():
        texts = token_texts(keys.token_key(name, encoding.version), column)
        found[name] = coded(texts).codes.astype(np.int64)
    return found


def clear_blocks(encoding: Encoding, people: Residents) -> dict[str, Ints]:
    """The block value of each person in each pass, as numbers: the rules are public. -1 where there is none."""
    persons, any_keys = persons_of(people), made_up_keys(-1)
    found = {}
    for blocking_pass in encoding.passes:
        blocks = block_rows(encoding, any_keys, blocking_pass, persons)
        of_person = np.full(len(people), NOBODY, dtype=np.int64)
        if len(blocks.person):
            of_person[blocks.person] = blocks.block
        found[blocking_pass.name] = of_person
    return found


def numbered(tokens: NDArray[np.uint8]) -> Ints:
    """128-bit tokens as numbers from 0."""
    whole = np.ascontiguousarray(tokens).view("<u8")[:, 0]
    return np.unique(whole, return_inverse=True)[1].astype(np.int64)


def passes_by(encoding: Encoding, field: str, function: str) -> tuple[str, ...]:
    """The passes whose blocks hold only names of one sound, or initial, of the field, whatever else is in the rule."""
    return tuple(
        one.name
        for one in encoding.passes
        if any(part.function == function and field in part.columns for part in one.block)
    )


def day_pass(encoding: Encoding, field: str, function: str) -> str | None:
    """The pass in which all of one day of birth and one sound, or initial, of the field stand together."""
    for one in encoding.passes:
        if set(one.block) == {BlockPart(encoding.date_parts, None), BlockPart(field, function)}:
            return one.name
    return None


def gram_sets(encoding: Encoding, field: str, values: pa.StringArray) -> list[frozenset[int]]:
    """The grams that each name's encoding is made of."""
    grams = name_grams(encoding, field, values)
    return [frozenset(grams.ids[a:b].tolist()) for a, b in zip(grams.starts[:-1], grams.starts[1:], strict=True)]


def block_classes(encoding: Encoding, field: str, function: str, values: pa.StringArray) -> Ints:
    """A number for each name: equal where the block function does not tell two names apart."""
    column = Coded(values, np.arange(len(values), dtype=np.int32))
    one = EncodingPass(function, (BlockPart(field, function),))
    persons = Persons({field: column}, {}, np.zeros(0, dtype=np.int32))
    return block_rows(encoding, made_up_keys(-1), one, persons).block.astype(np.int64)
