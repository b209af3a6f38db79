"""A small made-up town for the linkage tests: households, four partners' records with errors, and the truth.

Encodings are built here directly (the majority of each bigram's hash, keyed by pass), not by the partner's kit, so that
linkage is tested by itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa

PARTNERS = ("council", "dwp", "police", "schools")
TOKENS = ("nino", "nhs_number", "upn", "pnc_id", "uprn", "address", "postcode")
SYLLABLES = [consonant + vowel for consonant in "bdfghjklmnprstvwyz" for vowel in "aeio"]


@dataclass
class Town:
    """`records` (RECORDS), `encodings` (Arrow), `truth` (true person per record) and counts of random pairs."""

    records: pd.DataFrame
    encodings: pa.Table
    truth: np.ndarray
    chance: dict[str, np.ndarray]


@cache
def name_of(name: str, salt: str) -> bytes | None:
    if not name:
        return None
    padded = f"_{name}_"
    grams = sorted({padded[place : place + 2] for place in range(len(padded) - 1)})
    hashed = [hashlib.blake2b(f"{salt}{gram}".encode(), digest_size=64).digest() for gram in grams]
    votes = hashed if len(hashed) % 2 else [*hashed, hashed[0]]
    bits = np.unpackbits(np.frombuffer(b"".join(votes), dtype=np.uint8).reshape(-1, 64), axis=1)
    return np.packbits(bits.sum(axis=0) * 2 > len(votes)).tobytes()


@cache
def date_of(date: tuple[int, int, int], salt: str) -> bytes:
    def token(value: int, kind: str) -> int:
        return int.from_bytes(hashlib.blake2b(f"{salt}{kind}{value}".encode(), digest_size=2).digest()) | 1

    return np.array([token(date[0], "dm"), token(date[1], "dm"), token(date[2], "y")], dtype="<u2").tobytes()


def make_names(random: np.random.Generator, number: int, power: float) -> tuple[list[str], np.ndarray]:
    names = sorted({"".join(random.choice(SYLLABLES, size=random.integers(2, 5))) for _ in range(number)})
    random.shuffle(names)
    chance = 1.0 / np.arange(1, len(names) + 1) ** power
    return names, chance / chance.sum()


def make_people(random: np.random.Generator, number: int) -> list[dict]:
    forenames, forename_chance = make_names(random, 600, 0.9)
    surnames, surname_chance = make_names(random, 3000, 0.8)
    people: list[dict] = []
    house = 0

    def born(low: int, high: int) -> tuple[int, int, int]:
        return int(random.integers(1, 29)), int(random.integers(1, 13)), int(random.integers(low, high))

    def person(surname: str, date: tuple[int, int, int], sex: str | None = None) -> dict:
        forename = str(random.choice(forenames, p=forename_chance))
        sex = sex or "FM"[random.integers(2)]
        people.append({"forename": forename, "surname": surname, "date": date, "sex": sex, "house": house})
        return people[-1]

    while len(people) < number:
        house += 1
        surname = str(random.choice(surnames, p=surname_chance))
        year = int(random.integers(1940, 1990))
        parent = person(surname, born(year, year + 1), "M")
        if random.random() < 0.6:
            person(surname if random.random() < 0.7 else str(random.choice(surnames)), born(year - 4, year + 5), "F")
        for _ in range(random.integers(0, 4)):
            child = person(surname, born(year + 20, year + 38))
            if random.random() < 0.02:
                person(surname, child["date"])  # twins
            if child["sex"] == "M" and random.random() < 0.03:
                child["forename"] = parent["forename"]
    return people[:number]


def misspell(random: np.random.Generator, name: str) -> str:
    place = int(random.integers(0, len(name)))
    kind = random.integers(3)
    if kind == 0:
        return name[:place] + name[place + 1 :]
    if kind == 1:
        return name[:place] + "aeiorst"[random.integers(7)] + name[place + 1 :]
    return name[:place] + "aeiorst"[random.integers(7)] + name[place:]


def partner_sees(partner: str, person: dict, random: np.random.Generator) -> bool:
    age = 2014 - person["date"][2]
    chance = {
        "council": 0.75,
        "dwp": 0.75 if age < 68 else 0.1,
        "police": 0.25,
        "schools": 0.95 if 4 <= age <= 18 else (0.5 if 22 <= age < 55 else 0.0),
    }[partner]
    return bool(random.random() < chance)


def record_of(partner: str, number: int, person: dict, random: np.random.Generator, houses: int) -> dict:
    def wrong(rate: float) -> bool:
        return bool(random.random() < rate)

    day, month, year = person["date"]
    if wrong(0.01):
        day, month = month, day
    elif wrong(0.015):
        day = day % 28 + 1
    elif wrong(0.01):
        year += 1
    house = int(random.integers(1, houses)) if wrong(0.1) else person["house"]
    age = 2014 - person["date"][2]
    adult, child = age >= 16, age < 18
    return {
        "partner": partner,
        "forename": misspell(random, person["forename"]) if wrong(0.06) else person["forename"],
        "surname": misspell(random, person["surname"]) if wrong(0.06) else person["surname"],
        "date": (day, month, year),
        "sex": None if wrong(0.03) else ("M" if (person["sex"] == "M") != wrong(0.005) else "F"),
        "nino": number if adult and partner in ("dwp", "council") and not wrong(0.25) else -1,
        "upn": number if child and partner in ("schools", "council") and not wrong(0.3) else -1,
        "nhs_number": number if child and partner == "council" and not wrong(0.5) else -1,
        "pnc_id": number if partner == "police" and wrong(0.3) else -1,
        "uprn": -1 if wrong(0.05) else house,
        "address": house,
        "postcode": house // 15,
    }


def make_town(people: int, seed: int = 1, key: str = "") -> Town:
    """`key`: under which it is encoded; the same seed gives the same people and records under any."""
    random = np.random.default_rng(seed)
    population = make_people(random, people)
    houses = population[-1]["house"] + 1
    rows, truth = [], []
    for partner in PARTNERS:
        for number, person in enumerate(population):
            if partner_sees(partner, person, random):
                rows.append(record_of(partner, number, person, random, houses))
                truth.append(number)
    table = pd.DataFrame(rows)
    table.insert(0, "record_id", np.arange(len(table), dtype=np.int64) * 3 + 11)
    return Town(
        records=table[["record_id", "partner", "sex", *TOKENS]].astype(dict.fromkeys(TOKENS, "int64")),
        encodings=encode(table, key),
        truth=np.array(truth),
        chance=chance_counts(table, random),
    )


def encode(table: pd.DataFrame, key: str = "") -> pa.Table:
    """One row per record and pass, with a block value where the record has what the pass is made of."""
    date = table["date"].map(lambda parts: f"{parts[2]}-{parts[1]:02}-{parts[0]:02}")
    initials = pd.Series(
        ["".join(sorted((a[:1], b[:1]))) for a, b in zip(table["forename"], table["surname"], strict=True)]
    )
    home = table["uprn"].astype(str).where(table["uprn"] >= 0) + " "
    blocks = {
        **{name: table[name].where(table[name] >= 0) for name in ("nino", "nhs_number", "upn", "pnc_id")},
        "birth_forename": date + table["forename"].str[:3],
        "birth_initials": date + initials,
        "home_birth": home + date.str[:7],
        "home_forename": home + table["forename"].str[:3],
        "names_year": table["surname"].str[:2] + table["forename"].str[:2] + date.str[:4],
    }
    columns: dict[str, list] = {
        name: [] for name in ("record_id", "pass", "block", "forename", "surname", "date_parts")
    }
    for name, values in blocks.items():
        held = values.notna().to_numpy()
        columns["record_id"] += table["record_id"][held].tolist()
        columns["pass"] += [name] * int(held.sum())
        tokens = {
            value: hashlib.blake2b(f"{key}{name}{value}".encode(), digest_size=16).digest()
            for value in set(values[held])
        }
        columns["block"] += [tokens[value] for value in values[held]]
        columns["forename"] += [name_of(value, key + name) for value in table["forename"][held]]
        columns["surname"] += [name_of(value, key + name) for value in table["surname"][held]]
        columns["date_parts"] += [date_of(value, key + name) for value in table["date"][held]]
    widths = {"block": 16, "forename": 64, "surname": 64, "date_parts": 6}
    return pa.table(
        {
            name: pa.array(values, type=pa.binary(widths[name]) if name in widths else None)
            for name, values in columns.items()
        }
    )


def chance_counts(table: pd.DataFrame, random: np.random.Generator) -> dict[str, np.ndarray]:
    """What the partners' kits would send: levels of names and dates between random pairs of people."""
    from pathlib import Path

    from pipeline import levels
    from pipeline.contracts import Comparison, load_link_model

    model = load_link_model(Path(__file__).parents[2] / "schemas")
    names = {
        name: np.frombuffer(b"".join(name_of(value, "chance") for value in table[name]), dtype=np.uint64).reshape(-1, 8)
        for name in ("forename", "surname")
    }
    dates = np.frombuffer(b"".join(date_of(v, "chance") for v in table["date"]), dtype=np.uint16).reshape(-1, 3)
    of_partner = np.flatnonzero(table["partner"] == "council")
    a, b = random.choice(of_partner, (2, 50_000))
    a, b = a[a != b], b[a != b]
    data = levels.Comparable(names=names, date_parts=dates, codes={"sex": pd.factorize(table["sex"])[0]})
    homes = table.loc[of_partner].assign(row=of_partner).query("uprn >= 0")[["row", "uprn"]]
    pairs = homes.merge(homes, on="uprn").query("row_x < row_y")
    left, right = pairs["row_x"].to_numpy(), pairs["row_y"].to_numpy()

    def counted(comparison: Comparison, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return levels.count_levels(levels.comparison_levels(comparison, data, one, other), len(comparison.levels))

    comparisons = {comparison.name: comparison for comparison in model.comparisons}
    given = model.dependent_chance
    return {
        **{c.name: counted(c, a, b) for c in model.comparisons if c.kind in ("name", "date_parts")},
        **{given.counted_as(name): counted(comparisons[name], left, right) for name in given.starting_u},
    }
