"""One borough of 60,000 people, made once and read by all tests; no test changes it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from pipeline.contracts import Contract, load_contracts, load_vocabulary
from pipeline.settings import PROJECT
from pipeline.synthetic.borough import Borough, SynthesisSummary, make_borough, synthesise
from pipeline.synthetic.declared import Chance, Declared, load_declared

DECLARATIONS = PROJECT / "schemas"
POPULATION, SEED, UNTIL = 60_000, 7, dt.date(2014, 7, 31)


@dataclass(frozen=True)
class Written:
    """A borough as written, and what lies behind it."""

    folder: Path
    summary: SynthesisSummary
    behind: Borough

    def raw(self, partner: str, table: str) -> pd.DataFrame:
        """A raw table as text; empty cells are NaN."""
        return pd.read_csv(self.folder / "raw" / partner / f"{table}.csv", dtype=str, keep_default_na=False).replace(
            "", None
        )

    def truth(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "truth" / f"{name}.csv", keep_default_na=False)

    def records(self, partner: str) -> pd.DataFrame:
        """The partner's good records of people with their true person."""
        known = self.truth("people")
        known = known[known["partner"] == partner]
        return self.raw(partner, "people").merge(known, on="person_ref")


@pytest.fixture(scope="session")
def declared() -> Declared:
    return load_declared(DECLARATIONS)


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load_contracts(DECLARATIONS, load_vocabulary(DECLARATIONS))


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, declared: Declared) -> Written:
    folder = tmp_path_factory.mktemp("borough")
    summary = synthesise(POPULATION, SEED, folder, declarations=DECLARATIONS, until=UNTIL)
    behind = make_borough(Chance(SEED, POPULATION), declared, POPULATION, UNTIL)
    return Written(folder, summary, behind)
