"""Names under a block's key: bit for bit as the reference, alike inside a block, random alone and across blocks."""

from __future__ import annotations

import dataclasses
import hmac
import itertools
import statistics
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.contracts import Encoding, load_encoding
from pipeline.contracts.linkage import BlockPart, EncodingPass
from pipeline.errors import DeclarationError
from pipeline.partner.coded import coded
from pipeline.partner.encode import Encoded, Persons, date_codes, date_numbers, encode_persons, grams_of
from pipeline.partner.known_answers import known_answers
from pipeline.settings import PROJECT
from tests.partner.kit import ENCODING, partner_keys
from tests.partner.reference import bigrams, date_parts, name_encoding, similarity

Bits: TypeAlias = NDArray[np.uint8]
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


# One block a day of birth, however many people are born on it.
BIRTHS = EncodingPass("births", (BlockPart("date_of_birth", None),))
ENCODING_OF_BIRTHS = dataclasses.replace(ENCODING, passes=(BIRTHS,))


def encoded(people: Persons, encoding: Encoding = ENCODING, **options: int) -> list[Encoded]:
    return list(encode_persons(encoding, partner_keys(), people, **options))


def rows_of(pieces: list[Encoded]) -> set[tuple[str, int, bytes, bytes, bytes, bytes]]:
    """Every row of every pass as plain bytes."""
    return {
        (
            piece.blocking_pass,
            int(piece.person[row]),
            piece.block[row].tobytes(),
            piece.names["forename"][row].tobytes(),
            piece.names["surname"][row].tobytes(),
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
    people = persons((forename, surname, f"{born}"))
    piece = in_pass(encoded(people, ENCODING_OF_BIRTHS), "births")
    block_key = hmac.digest(keys.block_key("births", 2), f"{born}".encode(), "sha256")[:16]
    token = hmac.digest(keys.block_token_key("births", 2), f"{born}".encode(), "sha256")[:16]
    assert piece.block[0].tobytes() == token
    assert piece.names["forename"][0].tobytes() == name_encoding(block_key, forename)
    assert piece.names["surname"][0].tobytes() == name_encoding(block_key, surname, place=1)
    year, month, day = (int(part) for part in f"{born}".split("-"))
    assert tuple(piece.date_parts[0].tolist()) == date_parts(block_key, day, month, year)


def test_the_pass_of_several_parts_joins_them_so_that_none_can_be_mistaken() -> None:
    people = persons(("ANN", "SMITH", "1980-01-31"), ("ANN", "SMYTH", "1980-12-01"), ("BEN", "SMITH", "1980-01-31"))
    piece = in_pass(encoded(people), "names_year")
    keys = partner_keys()
    expected = hmac.digest(keys.block_token_key("names_year", 2), b"AN\x1fSM0\x1f1980", "sha256")[:16]
    assert piece.block[0].tobytes() == expected
    assert piece.block[1].tobytes() == expected
    assert piece.block[2].tobytes() != expected


@pytest.mark.parametrize("name", ["names_year", "birth_initials"])
def test_exchanged_names_share_a_block(name: str) -> None:
    people = persons(("AVA", "SMITH", "1980-01-31"), ("SMITH", "AVA", "1980-01-31"), ("SMITH", "SMITH", "1980-01-31"))
    piece = in_pass(encoded(people), name)
    assert piece.block[0].tobytes() == piece.block[1].tobytes()
    assert piece.block[0].tobytes() != piece.block[2].tobytes()
    assert piece.names["forename"][0].tobytes() == piece.names["surname"][1].tobytes()
    assert piece.names["surname"][0].tobytes() == piece.names["forename"][1].tobytes()


@given(st.lists(st.tuples(names, names), min_size=1, max_size=20))
def test_in_an_unordered_pass_one_name_has_one_place_in_the_whole_block(pairs: list[tuple[str, str]]) -> None:
    """Whatever the order of a record's names: a name differs from its equals in a block only where the two sounds are
    one, and no order can be told."""
    people = persons(*((one, other, "1980-01-31") for one, other in pairs))
    piece = in_pass(encoded(people), "birth_initials")
    seen: dict[tuple[bytes, str], set[bytes]] = {}
    for row, person in enumerate(piece.person.tolist()):
        for field, name in zip(("forename", "surname"), pairs[person], strict=True):
            if pairs[person][0][0] != pairs[person][1][0] and field == "surname":
                seen.setdefault((piece.block[row].tobytes(), name), set()).add(piece.names[field][row].tobytes())
    assert all(len(encodings) == 1 for encodings in seen.values())


def test_a_record_by_itself_does_not_tell_how_alike_its_names_are() -> None:
    """Forename and surname the same name: in no pass more alike than any two names, in none the same."""
    same = ["SMITH", "THOMAS", "JAMES", "ALEXANDER", "KELLY", "JORDAN", "MORGAN", "TAYLOR", "SCOTT", "GRANT"]
    people = persons(*((name, name, f"19{year}-01-31") for name in same for year in range(60, 80)))
    for piece in encoded(people):
        forenames, surnames = (np.unpackbits(piece.names[name], axis=1) for name in ("forename", "surname"))
        apart = (forenames != surnames).sum(axis=1)
        assert apart.min() > 190  # 256 on average, and 11.3 the standard deviation
        assert abs(apart.mean() - 256) < 6


def test_a_record_without_a_part_of_a_block_has_no_row_in_that_pass() -> None:
    pieces = encoded(persons(("", "SMITH", "1980-01-31"), ("ANN", "SMITH", ""), nino=["AB123456", ""]))
    found = {(piece.blocking_pass, person) for piece in pieces for person in piece.person.tolist()}
    assert found == {("nino", 0)}
    piece = in_pass(pieces, "nino")
    assert not piece.names["forename"][0].any()  # a missing name has no bit
    assert piece.names["surname"][0].any()


def test_a_pass_of_homes_gives_one_row_for_each_home_of_a_person() -> None:
    people = persons(
        ("ANN", "A", ""), ("AN", "B", ""), uprns=[(0, "1"), (0, "2"), (0, "1"), (1, "2"), (-1, "3"), (1, "")]
    )
    piece = in_pass(encoded(people), "home_forename")
    homes = list(zip(piece.person.tolist(), [block.tobytes() for block in piece.block], strict=True))
    assert sorted(person for person, _ in homes) == [0, 0, 1]
    assert len(set(homes)) == 3
    assert len({block for _, block in homes}) == 2


def test_a_partner_without_a_column_has_no_rows_in_its_passes() -> None:
    people = Persons({"surname": coded(["SMITH"]), "nino": coded(["AB123456"])}, {}, np.zeros(0, dtype=np.int32))
    (piece,) = encoded(people)
    assert (piece.blocking_pass, set(piece.names), piece.date_parts.tolist()) == ("nino", {"surname"}, [[0, 0, 0]])


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
    encoding = dataclasses.replace(ENCODING, version=3) if other == "encoding" else ENCODING
    mine = encoded(people)
    theirs = list(encode_persons(encoding, keys, people))
    for left, right in zip(mine, theirs, strict=True):
        assert left.block[0].tobytes() != right.block[0].tobytes()
        assert left.names["surname"][0].tobytes() != right.names["surname"][0].tobytes()
    assert set(known_answers(ENCODING, partner_keys())).isdisjoint(known_answers(encoding, keys))


def test_another_partner_with_the_same_linkage_key_encodes_the_same() -> None:
    people = persons(("ANN", "SMITH", "1980-01-31"), uprns=[(0, "1")], nino=["AB123456"])
    police = partner_keys(seed=3, partner="police")
    assert rows_of(encoded(people)) == rows_of(list(encode_persons(ENCODING, police, people)))
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


def test_inside_a_block_likeness_is_the_cosine_of_the_grams() -> None:
    """The cosine that encodings tell is right on average over pairs and blocks; of one pair of short names it may be
    further off, as one gram of an even number counts twice. Equal names are at 1."""
    blocks = [bytes([number]) * 16 for number in range(20)]
    errors = []
    for left, right in itertools.combinations_with_replacement(NAMES, 2):
        a, b = bigrams(left), bigrams(right)
        plain = len(a & b) / (len(a) * len(b)) ** 0.5
        found = statistics.mean(similarity(name_encoding(key, left), name_encoding(key, right)) for key in blocks)
        errors.append(found - plain)
        assert left != right or found == 1
    assert abs(statistics.mean(errors)) < 0.03
    assert statistics.pstdev(errors) < 0.1
    assert max(map(abs, errors)) < 0.3


def test_an_initial_is_like_the_names_it_begins() -> None:
    blocks = [bytes([number]) * 16 for number in range(40)]
    like = [similarity(name_encoding(key, "J"), name_encoding(key, "JOHN")) for key in blocks]
    unlike = [similarity(name_encoding(key, "J"), name_encoding(key, "PETER")) for key in blocks]
    assert min(like) > max(unlike)


def born_apart(surname: str) -> Bits:
    """The encodings of one surname in some two thousand blocks, as bits."""
    people = persons(*[("ANN", surname, f"19{n // 28:02d}-01-{n % 28 + 1:02d}") for n in range(28 * 80)])
    found = in_pass(encoded(people, ENCODING_OF_BIRTHS), "births").names["surname"]
    return np.unpackbits(found, axis=1, bitorder="little")


@pytest.mark.parametrize("surname", ["X", "LI", "NG", "KHAN", "WILLIAMSON", "FOTHERINGTON CHOLMONDELEY SMYTHE"])
def test_one_encoding_alone_is_uniformly_random_whatever_the_length(surname: str) -> None:
    """Each bit is set in half the blocks, as many are set in all as of random strings, and neighbours are independent:
    all within five standard errors."""
    bits = born_apart(surname).astype(float)
    rows = len(bits)
    assert abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / rows**0.5
    weight = bits.sum(axis=1)
    assert weight.mean() == pytest.approx(256, abs=5 * 128**0.5 / rows**0.5)
    assert weight.var() == pytest.approx(128, abs=5 * 128 * (2 / rows) ** 0.5)
    together = (bits[:, 1:] * bits[:, :-1]).mean()
    assert together == pytest.approx(0.25, abs=5 * 0.5 / (rows * 511) ** 0.5)


def test_across_blocks_the_same_name_looks_like_any_two() -> None:
    """Neighbouring blocks' encodings of one name differ in as many bits as two random strings, in mean and spread."""
    bits = born_apart("WILLIAMSON")
    differing = (bits[1:] != bits[:-1]).sum(axis=1)
    assert differing.mean() == pytest.approx(256, abs=5 * 128**0.5 / len(differing) ** 0.5)
    assert differing.var() == pytest.approx(128, abs=5 * 128 * (3 / len(differing)) ** 0.5)


@given(st.dates(), st.binary(min_size=16, max_size=16))
def test_exchanged_day_and_month_can_be_seen(born: object, key: bytes) -> None:
    year, month, day = f"{born}".split("-")
    assume(int(day) <= 12)
    dates = date_numbers(coded([f"{year}-{month}-{day}", f"{year}-{day}-{month}"]), 2)
    codes = date_codes(np.frombuffer(key, "<u8").reshape(1, 2), np.zeros(2, dtype=np.int32), dates)
    assert codes[0].tolist() == [codes[1][1], codes[1][0], codes[1][2]]


def test_grams_are_told_apart_by_their_characters() -> None:
    grams = grams_of(pa.array(["AB", "BA", "ANNANNA", "J A"]), 2)
    counts = np.diff(grams.starts).tolist()
    assert counts == [3, 3, 5, 2]  # a gram that comes twice counts once
    assert len(np.unique(grams.ids)) == len({*bigrams("AB"), *bigrams("BA"), *bigrams("ANNANNA"), *bigrams("J A")})


def test_grams_too_long_for_a_number_are_refused() -> None:
    with pytest.raises(DeclarationError):
        grams_of(pa.array(["AB"]), 3)


def test_a_column_never_shows_its_values() -> None:
    assert "SMITH" not in repr(coded(["SMITH"]))
