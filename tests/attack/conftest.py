"""One small made-up place, encoded once for all tests of the attacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.attack.ours import PassRows, hub_rows, made_up_keys
from pipeline.attack.world import World, make_world
from pipeline.contracts import Encoding, load_encoding

DECLARATIONS = Path(__file__).resolve().parents[2] / "schemas"
PEOPLE = 1_500


@pytest.fixture(scope="session")
def encoding() -> Encoding:
    return load_encoding(DECLARATIONS)


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(PEOPLE, 7, DECLARATIONS, elsewhere=30_000)


@pytest.fixture(scope="session")
def passes(world: World, encoding: Encoding) -> list[PassRows]:
    return list(hub_rows(encoding, made_up_keys(7), world.hub))
