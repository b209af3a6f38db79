"""Block-salted filters: bit for bit as the reference, Dice kept inside a block, nothing to see across blocks."""

from __future__ import annotations

import dataclasses
import hmac
import itertools
import statistics

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.contracts import load_encoding
from pipeline.contracts.linkage import BlockPart, EncodingPass
from pipeline.errors import DeclarationError
from pipeline.partner.coded import coded
from pipeline.partner.encode import Encoded, Persons, date_codes, date_numbers, encode_persons, grams_of
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.known_answers import known_answers
from pipeline.settings import PROJECT
from tests.partner.kit import ENCODING, partner_keys
from tests.partner.reference import bigrams, date_parts, dice, name_filter

letters = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ ÅЖ李", min_size=1, max_size=14).map(lambda t: " ".join(t.split()))
names = letters.filter(bool)


def persons(*rows: tuple[str, str, str], uprns: list[tuple[int, str]] | None = None, **columns: list[str]) -> Persons:
    """People as (forename, surname, date of birth), with further columns and (person, uprn) pairs."""
    spells = uprns or []
    return Persons(
        columns={
            **{
                name: coded([row[index] for row in rows])
                for index, name in enumerate(("forename", "surname", "date_of_birth"))
            },
            **{name: coded(values) for name, values in columns.items()},
        },
        at_places={"uprn": coded([uprn for _, uprn in spells])},
        person_of_place=np.array([person for person, _ in spells], dtype=np.int32),
    )


def encoded(people: Persons, keys: PartnerKeys | None = None, **options: int) -> list[Encoded]:
    return list(encode_persons(ENCODING, keys or partner_keys(), people, **options))


def rows_of(pieces: list[Encoded]) -> set[tuple[str, int, bytes, bytes, bytes, bytes]]:
    """Every row of every pass as plain bytes."""
    return {
        (
            piece.blocking_pass,
            int(piece.person[row]),
            piece.block[row].tobytes(),
            piece.filters["forename"][row].tobytes(),
            piece.filters["surname"][row].tobytes(),
            piece.date_parts[row].tobytes(),
        )
        for piece in pieces
        for row in range(len(piece.person))
    }


def in_pass(pieces: list[Encoded], name: str) -> Encoded:
    (piece,) = [piece for piece in pieces if piece.blocking_pass == name]
    return piece


@given(names, names, st.dates())
def test_an_encoding_is_the_plain_references(forename: str, surname: str, born: object) -> None:
    keys = partner_keys()
    roots = load_encoding(PROJECT / "schemas").variants.get("forename", {})
    assume(not set(forename.split(" ")) & set(roots))  # a forename with a root carries that one's grams too
    piece = in_pass(encoded(persons((forename, surname, f"{born}"))), "date_of_birth")
    block_key = hmac.digest(keys.filter_key("date_of_birth", 1), f"{born}".encode(), "sha256")[:16]
    token = hmac.digest(keys.block_token_key("date_of_birth", 1), f"{born}".encode(), "sha256")[:16]
    assert piece.block[0].tobytes() == token
    assert piece.filters["forename"][0].tobytes() == name_filter(block_key, forename)
    assert piece.filters["surname"][0].tobytes() == name_filter(block_key, surname)
    year, month, day = (int(part) for part in f"{born}".split("-"))
    assert tuple(piece.date_parts[0].tolist()) == date_parts(block_key, day, month, year)


def test_the_pass_of_several_parts_joins_them_so_that_none_can_be_mistaken() -> None:
    people = persons(("ANN", "SMITH", "1980-01-31"), ("ANN", "SMYTH", "1980-12-01"), ("BEN", "SMITH", "1980-01-31"))
    piece = in_pass(encoded(people), "surname_year")
    keys = partner_keys()
    expected = hmac.digest(keys.block_token_key("surname_year", 1), b"SM0\x1fA\x1f1980", "sha256")[:16]
    assert piece.block[0].tobytes() == expected
    assert piece.block[1].tobytes() == expected
    assert piece.block[2].tobytes() != expected


def test_a_record_without_a_part_of_a_block_has_no_row_in_that_pass() -> None:
    pieces = encoded(persons(("", "SMITH", "1980-01-31"), ("ANN", "SMITH", ""), nino=["AB123456", ""]))
    found = {(piece.blocking_pass, person) for piece in pieces for person in piece.person.tolist()}
    assert found == {("nino", 0), ("date_of_birth", 0)}
    piece = in_pass(pieces, "date_of_birth")
    assert not piece.filters["forename"][0].any()  # a missing name has no bit
    assert piece.filters["surname"][0].any()


def test_the_residence_pass_gives_one_row_for_each_home_of_a_person() -> None:
    people = persons(
        ("ANN", "A", ""), ("BEN", "B", ""), uprns=[(0, "1"), (0, "2"), (0, "1"), (1, "2"), (-1, "3"), (1, "")]
    )
    piece = in_pass(encoded(people), "residence")
    homes = list(zip(piece.person.tolist(), [block.tobytes() for block in piece.block], strict=True))
    assert sorted(person for person, _ in homes) == [0, 0, 1]
    assert len(set(homes)) == 3
    assert len({block for _, block in homes}) == 2


def test_a_partner_without_a_column_has_no_rows_in_its_passes() -> None:
    people = Persons({"surname": coded(["SMITH"]), "nino": coded(["AB123456"])}, {}, np.zeros(0, dtype=np.int32))
    (piece,) = encoded(people)
    assert (piece.blocking_pass, set(piece.filters), piece.date_parts.tolist()) == ("nino", {"surname"}, [[0, 0, 0]])


def test_a_block_may_mix_columns_of_people_and_of_residences() -> None:
    mixed = EncodingPass("mixed", (BlockPart("surname", None), BlockPart("uprn", None)))
    encoding = dataclasses.replace(ENCODING, passes=(mixed,))
    people = persons(("ANN", "A", ""), ("BEN", "", ""), uprns=[(0, "1"), (0, "2"), (1, "2")])
    (piece,) = encode_persons(encoding, partner_keys(), people)
    assert piece.person.tolist() == [0, 0]


@given(st.permutations(range(6)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    rows = [(f"NAME{chr(65 + n)}", "SMITH" if n % 2 else "", f"198{n}-01-0{n + 1}") for n in range(6)]
    straight = rows_of(encoded(persons(*rows)))
    shuffled = rows_of(encoded(persons(*[rows[n] for n in order])))
    assert {(p, order[person], *rest) for p, person, *rest in shuffled} == straight


def test_pieces_do_not_matter() -> None:
    people = persons(*[("ANN", f"NAME{chr(65 + n)}", "1980-01-01") for n in range(10)])
    assert rows_of(encoded(people, rows_at_once=3)) == rows_of(encoded(people))


@given(names, names, st.sampled_from(["linkage", "version", "encoding"]))
def test_another_key_or_version_shares_nothing(forename: str, surname: str, other: str) -> None:
    people = persons((forename, surname, "1980-01-31"), uprns=[(0, "1")], nino=["AB123456"])
    keys = partner_keys(version=2) if other == "version" else partner_keys(linkage=10 if other == "linkage" else 9)
    encoding = dataclasses.replace(ENCODING, version=2) if other == "encoding" else ENCODING
    mine = encoded(people)
    theirs = list(encode_persons(encoding, keys, people))
    for left, right in zip(mine, theirs, strict=True):
        assert left.block[0].tobytes() != right.block[0].tobytes()
        assert left.filters["surname"][0].tobytes() != right.filters["surname"][0].tobytes()
    assert set(known_answers(ENCODING, partner_keys())).isdisjoint(known_answers(encoding, keys))


def test_another_partner_with_the_same_linkage_key_encodes_the_same() -> None:
    people = persons(("ANN", "SMITH", "1980-01-31"), uprns=[(0, "1")], nino=["AB123456"])
    police = partner_keys(seed=3, partner="police")
    assert rows_of(encoded(people)) == rows_of(encoded(people, police))
    assert known_answers(ENCODING, partner_keys()) == known_answers(ENCODING, police)
    assert len(known_answers(ENCODING, police)) == len(ENCODING.known_answers)


NAMES = [
    "SMITH",
    "SMYTH",
    "SMITHSON",
    "JONES",
    "JOHNSON",
    "JOHNSTON",
    "THOMPSON",
    "THOMSON",
    "KHAN",
    "KAHN",
    "HUSSAIN",
    "HUSSEIN",
    "OBRIEN",
    "BRIEN",
    "TAYLOR",
]


def test_inside_a_block_dice_is_near_the_dice_of_the_grams() -> None:
    """Bits shared by chance add what they must (two random filters of nine grams: about 0.12) and no more, and less
    the more two names share; equal names are at 1. Averages over 40 blocks."""
    blocks = [bytes([number]) * 16 for number in range(40)]
    for left, right in itertools.combinations_with_replacement(NAMES, 2):
        a, b = bigrams(left), bigrams(right)
        plain = 2 * len(a & b) / (len(a) + len(b))
        found = statistics.mean(dice(name_filter(key, left), name_filter(key, right)) for key in blocks)
        assert plain - 0.02 < found < plain + 0.16 * (1 - plain) + 0.02, (left, right)


def test_across_blocks_the_same_name_looks_like_any_two_random_filters() -> None:
    """Mean Dice of one surname under many blocks' keys, beside that of filters with as many bits at random."""
    people = persons(*[("ANN", "WILLIAMSON", f"19{n // 28:02d}-01-{n % 28 + 1:02d}") for n in range(28 * 99)])
    piece = in_pass(encoded(people), "date_of_birth")
    filters = piece.filters["surname"]
    assert len({row.tobytes() for row in filters}) == len(filters)
    across = [dice(a.tobytes(), b.tobytes()) for a, b in itertools.pairwise(filters)]
    random = np.random.default_rng(1)
    bits = int(np.unpackbits(filters, axis=1).sum(axis=1).mean())
    by_chance = []
    for _ in range(500):
        a, b = (set(random.choice(512, bits, replace=False).tolist()) for _ in range(2))
        by_chance.append(2 * len(a & b) / (2 * bits))
    assert statistics.mean(across) == pytest.approx(statistics.mean(by_chance), abs=0.01)


def test_each_position_is_as_likely_as_any_other() -> None:
    """The bits set over many blocks are even: chi-squared over 512 positions within six standard deviations."""
    people = persons(*[("ANN", "WILLIAMSON", f"19{n // 28:02d}-01-{n % 28 + 1:02d}") for n in range(28 * 99)])
    counts = np.unpackbits(in_pass(encoded(people), "date_of_birth").filters["surname"], axis=1).sum(axis=0)
    expected = counts.mean()
    chi = float((((counts - expected) ** 2) / expected).sum())
    assert chi < 511 + 6 * (2 * 511) ** 0.5


@given(st.dates(), st.binary(min_size=16, max_size=16))
def test_exchanged_day_and_month_can_be_seen(born: object, key: bytes) -> None:
    year, month, day = f"{born}".split("-")
    assume(int(day) <= 12)
    dates = date_numbers(coded([f"{year}-{month}-{day}", f"{year}-{day}-{month}"]), 2)
    codes = date_codes(np.frombuffer(key, "<u8").reshape(1, 2), np.zeros(2, dtype=np.int32), dates)
    assert codes[0].tolist() == [codes[1][1], codes[1][0], codes[1][2]]


def test_grams_are_told_apart_by_their_characters() -> None:
    grams = grams_of(pa.array(["AB", "BA", "ANNANNA"]), 2)
    counts = np.diff(grams.starts).tolist()
    assert counts == [3, 3, 5]  # a gram that comes twice counts once
    assert len(np.unique(grams.ids)) == len({*bigrams("AB"), *bigrams("BA"), *bigrams("ANNANNA")})


def test_grams_too_long_for_a_number_are_refused() -> None:
    with pytest.raises(DeclarationError):
        grams_of(pa.array(["AB"]), 4)


def test_a_column_never_shows_its_values() -> None:
    assert "SMITH" not in repr(coded(["SMITH"]))
