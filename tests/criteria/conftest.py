"""Fixtures: the vocabulary and the 2012 pack as they are in schemas/."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.contracts import Vocabulary, load_vocabulary
from pipeline.criteria import Pack, load_pack

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return load_vocabulary(SCHEMAS)


@pytest.fixture(scope="session")
def pack(vocabulary: Vocabulary) -> Pack:
    return load_pack(SCHEMAS / "criteria" / "troubled-families-2012.yaml", vocabulary)
