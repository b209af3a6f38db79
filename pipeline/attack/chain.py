"""Chaining equal names across blocks: what is left to whoever holds all passes of all records.

Inside a block the same name has the same encoding. A record stands in several blocks, so equal names join from block to
block, through everybody who bears the name. Where blocks are large, all bearers of a common name end up in one class,
and can be counted as if there were no salt.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pipeline.attack.initials import joined
from pipeline.attack.ours import NAMES, PassRows
from pipeline.attack.world import NOBODY, Ints


def chain(passes: Iterable[PassRows], people: int) -> dict[str, Ints]:
    """By name field: the class of records seen to have one name. Goes through all passes once."""
    groups: dict[str, list[Ints]] = {name: [] for name in NAMES}
    for rows in passes:
        for name in NAMES:
            groups[name].append(spread(rows.person, same_in_block(rows, name), people))
    return {name: joined(groups[name], people) for name in NAMES}


def same_in_block(rows: PassRows, name: str) -> Ints:
    """A number for each (block, encoding): equal where a name is seen to be the same inside a block."""
    key = (rows.block.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    words = rows.names[name].view("<u8")
    for column in range(words.shape[1]):
        key = (key ^ words[:, column]) * np.uint64(0xD6E8FEB86659FD93)
        key ^= key >> np.uint64(32)
    number: Ints = np.unique(key, return_inverse=True)[1].astype(np.int64)
    return number


def spread(person: Ints, group: Ints, people: int) -> Ints:
    """The group of each person; -1 for those without a row."""
    whole = np.full(people, NOBODY, dtype=np.int64)
    whole[person] = group
    return whole
