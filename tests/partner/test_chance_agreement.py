"""How often random people agree: counted with the hub's kernels, the same for the same extract."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.partner.chance_agreement import chance_agreement, random_pairs
from pipeline.partner.check import check_extract
from pipeline.partner.people import People, people_of
from pipeline.partner.read_extract import read_extract
from tests.partner.kit import (
    CONTRACTS,
    ENCODING,
    MODEL,
    VOCABULARY,
    Cells,
    council_extract,
    partner_keys,
    write_extract,
)  # fmt: skip


def people(tables: dict[str, Cells], folder: Path) -> People:
    extract = read_extract(CONTRACTS["council"], write_extract(tables, folder))
    return people_of(check_extract(CONTRACTS["council"], extract, VOCABULARY))


def counts(held: People) -> dict[str, tuple[int, ...]]:
    found = chance_agreement(ENCODING, MODEL, partner_keys(), held)
    return {entry.comparison: entry.counts for entry in found}


def test_every_pair_of_a_small_extract_is_counted(tmp_path: Path) -> None:
    tables = council_extract(80)
    found = counts(people(tables, tmp_path))
    pairs = 80 * 79 // 2
    assert {name: sum(levels) for name, levels in found.items()} == {
        "forename": pairs, "surname": pairs, "date_of_birth": pairs, "sex": pairs, "residence": pairs,
        "forename_within_residence": 40, "surname_within_residence": 40, "date_of_birth_within_residence": 40,
        "sex_within_residence": 40,
    }  # fmt: skip
    assert found["sex"][0] == 2 * (40 * 39 // 2)
    assert found["residence"][0] == 40  # two to a home
    assert set(found) <= set(MODEL.counted)
    forenames = [row[1] for row in tables["people"][1:]]
    same = sum(forenames[a] == forenames[b] for a in range(80) for b in range(a))
    assert found["forename"][0] == same


def test_one_person_twice_in_a_home_is_not_two_people(tmp_path: Path) -> None:
    tables = council_extract(40)
    again = [["CASE-TWICE", *tables["people"][1][1:-2], "", ""]]
    home = [["CASE-TWICE", *tables["residences"][1][1:]]]
    twice = {**tables, "people": tables["people"] + again, "residences": tables["residences"] + home}
    once, found = counts(people(tables, tmp_path / "a")), counts(people(twice, tmp_path / "b"))
    # Beside the other of the home, who is now there with two records, nothing is counted.
    assert found["date_of_birth_within_residence"][0] == once["date_of_birth_within_residence"][0]
    assert sum(found["date_of_birth_within_residence"]) == sum(once["date_of_birth_within_residence"]) + 1


def test_the_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    tables = council_extract(60)
    backwards = {name: [rows[0], *reversed(rows[1:])] for name, rows in tables.items()}
    assert counts(people(tables, tmp_path / "a")) == counts(people(backwards, tmp_path / "b"))


def test_the_identifier_whose_chance_the_model_fixes_is_not_counted(tmp_path: Path) -> None:
    assert set(MODEL.fixed_u).isdisjoint(counts(people(council_extract(10), tmp_path)))


def test_one_person_alone_agrees_with_nobody(tmp_path: Path) -> None:
    tables = council_extract(1)
    assert all(sum(levels) == 0 for levels in counts(people(tables, tmp_path)).values())


def test_random_pairs_are_of_different_people() -> None:
    pairs = list(random_pairs(np.random.default_rng(1), 5000, 1_100_000))
    assert len(pairs) == 3
    left, right = (np.concatenate(side) for side in zip(*pairs, strict=True))
    assert len(left) == 1_100_000
    assert (left != right).all()
    assert {int(left.min()), int(right.min()), int(left.max()), int(right.max())} == {0, 4999}
