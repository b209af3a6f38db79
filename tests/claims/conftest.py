"""Fixtures: the tariffs of 2012 and 2015 as they are in schemas/."""

from __future__ import annotations

import pytest

from pipeline.claims import TariffPack, load_tariff_pack
from pipeline.contracts import load_vocabulary
from pipeline.settings import PROJECT

TARIFFS = PROJECT / "schemas" / "tariffs"
VOCABULARY = load_vocabulary(PROJECT / "schemas")


@pytest.fixture(scope="session")
def of_2012() -> TariffPack:
    return load_tariff_pack(TARIFFS / "troubled-families-2012.yaml", VOCABULARY)


@pytest.fixture(scope="session")
def of_2015() -> TariffPack:
    return load_tariff_pack(TARIFFS / "troubled-families-2015.yaml", VOCABULARY)
