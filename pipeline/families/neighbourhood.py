"""Who can have to do with whom: persons joined by places and relationships, directly or through others.

What is decided about one neighbourhood never depends on another, so that one can be looked at without the rest, on
other days or under other links, many such worlds in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline.families.household import Positions, components


def neighbourhoods(persons: pd.Index, residences: pd.DataFrame, relationships: pd.DataFrame) -> Positions:
    """The neighbourhood of each person, numbered by the lowest position in it.

    All residences and relationships given count; those of persons not in the index are passed over.
    """
    lives = persons.get_indexer(pd.Index(residences["person_id"]))
    place, _ = pd.factorize(residences["place_id"])
    one, other = (persons.get_indexer(pd.Index(relationships[name])) for name in ("person_id", "related_person_id"))
    known, tied = lives >= 0, (one >= 0) & (other >= 0)
    count = len(persons)
    edges_from = np.concatenate([lives[known], one[tied]])
    edges_to = np.concatenate([count + place[known], other[tied]])
    return components(edges_from, edges_to, count + int(place.max(initial=-1)) + 1)[:count]


def chunks(sizes: pd.Series, most: int) -> Iterator[slice]:
    """Slices of consecutive things whose sizes add up to about `most` (or one thing)."""
    if sizes.empty:
        return
    before = sizes.cumsum() - sizes
    starts = np.flatnonzero(np.diff(before.to_numpy(dtype=np.int64) // most, prepend=-1))
    for first, end in zip(starts, [*starts[1:], len(sizes)], strict=True):
        yield slice(int(first), int(end))
