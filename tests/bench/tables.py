"""A small register with its mapping, and figures as the bench hands them on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MAPPING = """
title: Two parish registers
record_id: number
source: parish
truth: who
fields:
  forename: {column: first, normalise: name}
  surname: {column: last, normalise: name}
  date_of_birth: {column: born, normalise: date, formats: [dd/MM/yyyy]}
  sex: {column: sex, normalise: sex}
  postcode: {column: postcode, normalise: postcode}
subgroups:
  sex: {column: sex, normalise: sex}
  decade: {column: born, take: -4}
"""
FORENAMES = ("Ada", "Bilal", "Carys", "Dermot", "Esther", "Farah", "Gwen", "Hugo", "Imran", "Joan", "Kofi", "Leila")
SURNAMES = ("Abbott", "Begum", "Cartwright", "Dhillon", "Evans", "Fitzgerald", "Green", "Hussain", "Iqbal", "Jenkins")


def registers(people: int = 240) -> pd.DataFrame:
    """Everybody once in each of two parishes; in the second a tenth of the surnames have a letter doubled."""
    random = np.random.default_rng(7)
    first = pd.DataFrame(
        {
            "who": [f"p{number}" for number in range(people)],
            "first": random.choice(FORENAMES, people),
            "last": [f"{random.choice(SURNAMES)}{random.choice(('', 'son', 'ley', 'ham'))}" for _ in range(people)],
            "born": [f"{d:02}/{m:02}/{y}" for d, m, y in zip(*_dates(random, people), strict=True)],
            "sex": random.choice(["female", "male"], people),
            "postcode": [f"xb{random.integers(1, 9)} {random.integers(1, 9)}ab" for _ in range(people)],
        }
    )
    second = first.copy()
    slip = random.random(people) < 0.1
    second["last"] = second["last"].where(~slip, second["last"].str[:2] + second["last"].str[1:])
    both = pd.concat([first.assign(parish="north"), second.assign(parish="south")], ignore_index=True)
    both = both.sample(frac=1.0, random_state=3, ignore_index=True)
    return both.assign(number=[f"r{place:04}" for place in range(len(both))])


def _dates(random: np.random.Generator, people: int) -> tuple[Any, Any, Any]:
    return random.integers(1, 29, people), random.integers(1, 13, people), random.integers(1940, 2010, people)


def write_registers(folder: Path) -> tuple[Path, Path]:
    """The registers as CSV and their mapping: (table, mapping)."""
    table, mapping = folder / "registers.csv", folder / "mapping.yaml"
    registers().to_csv(table, index=False)
    mapping.write_text(MAPPING, encoding="utf-8")
    return table, mapping
