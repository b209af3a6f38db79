"""Larger places: more people a block, so that more can be counted, chained and compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.attack import by_list, by_name
from pipeline.attack.figures import Figure
from pipeline.attack.names import public_knowledge
from pipeline.attack.ours import hub_rows, made_up_keys
from pipeline.attack.world import make_residents, make_world
from pipeline.contracts import Encoding

PUBLIC_PEOPLE = 300_000
WITH_A_LIST = 20_000  # people: larger places are attacked by name only
WITH_OTHERS = 400_000  # people: larger places are made without others who live there
OVERLAPS = (1.0, 0.5)


def at_scale(size: int, encoding: Encoding, seed: int, declarations: Path) -> Iterator[Figure]:
    """What a holder of all passes can name in a place of this size, with public names, and with a resident list."""
    tables = public_knowledge(make_residents(PUBLIC_PEOPLE, seed + 1, declarations))
    keys = made_up_keys(seed)
    if size > WITH_OTHERS:
        hub = make_residents(size, seed + size, declarations)
        passes = list(hub_rows(encoding, keys, hub))
    else:
        world = make_world(size, seed + size, declarations, elsewhere=1_000)
        hub = world.hub
        passes = list(hub_rows(encoding, keys, hub))
        if size <= WITH_A_LIST:
            yield from by_list.structures(world, encoding, keys, passes, seed, OVERLAPS)
    yield from by_name.frequency_on_ours(hub, encoding, passes, tables)
    yield from by_name.patterns_on_ours(hub, encoding, passes, tables, seed, mine=False)
