"""What the hub holds of people under our encoding, made by the partner's kit itself; and what our rules say in clear.

`proposed` is our encoding with narrower blocks and padded names (docs/adr/0010): measured beside it, not in use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.attack.world import Ints, Residents
from pipeline.contracts import Encoding
from pipeline.contracts.linkage import BlockPart, EncodingPass
from pipeline.partner.coded import Coded, coded
from pipeline.partner.encode import (
    Encoded,
    Grams,
    Persons,
    block_rows,
    date_codes,
    date_numbers,
    encode_persons,
    name_filters,
)
from pipeline.partner.encode import name_grams as kit_grams
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.tokens import token_texts

NAMES = ("forename", "surname")
IDENTIFIERS = ("nino", "nhs_number", "upn", "pnc_id")
# Names are padded to this many grams, longer ones to the next multiple of it.
PADDED = 16
FILLER = np.uint64(1 << 63)  # no gram of characters has this bit


@dataclass(frozen=True)
class PassRows:
    """All rows of one pass: whose they are, the token and number of their block, and the encodings as the kit made
    them."""

    name: str
    person: Ints
    token: NDArray[np.uint8]
    block: Ints
    filters: dict[str, NDArray[np.uint8]]
    date_parts: NDArray[np.uint16]


@dataclass(frozen=True)
class Scheme:
    """An encoding to attack: the declared one, or the proposal (`padded` names)."""

    encoding: Encoding
    padded: bool = False


def without_variants(encoding: Encoding) -> Scheme:
    """Names by their own grams alone, as the published filters have them."""
    return Scheme(replace(encoding, variants={}))


def proposed(encoding: Encoding) -> Scheme:
    """Names padded to one length, and no block in which strangers of one name meet often."""
    narrow = {
        "surname_year": ("phonetic surname", "phonetic forename", "year_month date_of_birth"),
        "forename_month": ("phonetic forename", "initial surname", "year_month date_of_birth"),
    }
    passes = tuple(
        EncodingPass(one.name, tuple(BlockPart(p.split()[1], p.split()[0]) for p in narrow[one.name]))
        if one.name in narrow
        else one
        for one in encoding.passes
    )
    return Scheme(replace(encoding, passes=passes), padded=True)


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


def hub_rows(scheme: Scheme, keys: PartnerKeys, people: Residents) -> Iterator[PassRows]:
    """Every pass's rows, one pass at a time."""
    persons = persons_of(people)
    made = _padded(scheme, keys, persons) if scheme.padded else encode_persons(scheme.encoding, keys, persons, 1 << 40)
    for rows in made:
        if len(rows.person) == 0:
            continue
        yield PassRows(
            name=rows.blocking_pass,
            person=rows.person.astype(np.int64),
            token=rows.block,
            block=numbered(rows.block),
            filters=rows.filters,
            date_parts=rows.date_parts,
        )


def hub_tokens(scheme: Scheme, keys: PartnerKeys, people: Residents) -> dict[str, Ints]:
    """The tokens of identifiers and addresses as numbers: equal if and only if the token is; -1 where there is none."""
    columns = {
        **{name: getattr(people, name) for name in IDENTIFIERS},
        "uprn": _uprns(people),
        "address": people.address,
    }
    found = {}
    for name, column in columns.items():
        texts = token_texts(keys.token_key(name, scheme.encoding.version), column)
        found[name] = coded(texts).codes.astype(np.int64)
    return found


def clear_blocks(scheme: Scheme, people: Residents) -> dict[str, Ints]:
    """The block value of each person in each pass, as numbers: the rules are public. -1 where there is none."""
    persons, any_keys = persons_of(people), made_up_keys(-1)
    found = {}
    for blocking_pass in scheme.encoding.passes:
        blocks = block_rows(scheme.encoding, any_keys, blocking_pass, persons)
        of_person = np.full(len(people), -1, dtype=np.int64)
        if len(blocks.person):
            of_person[blocks.person] = blocks.block
        found[blocking_pass.name] = of_person
    return found


def numbered(tokens: NDArray[np.uint8]) -> Ints:
    """128-bit tokens as numbers from 0."""
    whole = np.ascontiguousarray(tokens).view("<u8")[:, 0]
    return np.unique(whole, return_inverse=True)[1].astype(np.int64)


def name_grams(scheme: Scheme, field: str, values: pa.StringArray) -> Grams:
    """The grams that each name's filter is made of; under the proposal, filled up to one length."""
    grams = kit_grams(scheme.encoding, field, values)
    return padded_grams(grams) if scheme.padded else grams


def gram_counts(scheme: Scheme, field: str, values: pa.StringArray) -> Ints:
    """How many distinct grams each name has."""
    return np.diff(name_grams(scheme, field, values).starts).astype(np.int64)


def block_classes(scheme: Scheme, field: str, function: str, values: pa.StringArray) -> Ints:
    """A number for each name: equal where the block function does not tell two names apart."""
    column = Coded(values, np.arange(len(values), dtype=np.int32))
    one = EncodingPass(function, (BlockPart(field, function),))
    persons = Persons({field: column}, {}, np.zeros(0, dtype=np.int32))
    return block_rows(scheme.encoding, made_up_keys(-1), one, persons).block.astype(np.int64)


def padded_grams(grams: Grams) -> Grams:
    """Each name's grams with fillers that follow from the name: the same name still has the same filter."""
    ids, starts = [], [0]
    for at, end in zip(grams.starts[:-1].tolist(), grams.starts[1:].tolist(), strict=True):
        own = np.sort(grams.ids[at:end])
        wanted = -(-len(own) // PADDED) * PADDED - len(own)
        fillers = [
            np.frombuffer(hashlib.blake2b(own.tobytes() + bytes([turn]), digest_size=8).digest(), dtype="<u8")[0]
            for turn in range(wanted)
        ]
        ids.append(np.concatenate([own, np.array(fillers, dtype=np.uint64) | FILLER]))
        starts.append(starts[-1] + len(ids[-1]))
    return Grams(np.concatenate(ids) if ids else np.zeros(0, np.uint64), np.array(starts, dtype=np.int64))


def _padded(scheme: Scheme, keys: PartnerKeys, persons: Persons) -> Iterator[Encoded]:
    encoding = scheme.encoding
    grams = {name: name_grams(scheme, name, persons.columns[name].values) for name in NAMES}
    dates = date_numbers(persons.columns["date_of_birth"], len(persons))
    for blocking_pass in encoding.passes:
        blocks = block_rows(encoding, keys, blocking_pass, persons)
        codes = {name: persons.columns[name].codes[blocks.person] for name in NAMES}
        yield Encoded(
            blocking_pass=blocking_pass.name,
            person=blocks.person,
            block=blocks.tokens[blocks.block],
            filters={
                name: name_filters(encoding, blocks.keys, blocks.block, grams[name], codes[name]) for name in NAMES
            },
            date_parts=date_codes(blocks.keys, blocks.block, dates[blocks.person]),
        )
