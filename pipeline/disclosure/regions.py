"""Which people a cell speaks of, and the equations that follow from regions lying inside each other. Pure.

A region says, for some columns, which values belong to it; a column it does not name it takes whole. Two tables over
the same people are bound to each other by the parts (atoms) into which their regions cut those people, whatever their
shape: margins, districts, nested dates and tables by other columns are all the same to the attacker.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Region = Mapping[str, tuple[str, ...]]
REST = "\0rest"  # what a column may hold beside the values that any region names


def key_of(region: Region) -> str:
    """The same text for the same region."""
    return json.dumps({name: sorted(region[name]) for name in sorted(region)}, separators=(",", ":"))


def region_of(key: str) -> dict[str, tuple[str, ...]]:
    """The region that a key was made of."""
    return {name: tuple(values) for name, values in json.loads(key).items()}


@dataclass(frozen=True)
class Dimension:
    """A column of a table: its leaves, the groups that some of them form (leaf → group), and the name of the whole
    (None: no total is shown)."""

    name: str
    leaves: tuple[str, ...]
    group_of: Mapping[str, str]
    total: str | None = None

    def nodes(self) -> dict[str, tuple[str, ...] | None]:
        """Every row of the table in this column, with its leaves; None for the whole."""
        groups: dict[str, list[str]] = {}
        for leaf in self.leaves:
            if leaf in self.group_of:
                groups.setdefault(self.group_of[leaf], []).append(leaf)
        nodes: dict[str, tuple[str, ...] | None] = {leaf: (leaf,) for leaf in self.leaves}
        nodes |= {group: tuple(own) for group, own in groups.items()}
        return nodes | ({self.total: None} if self.total is not None else {})


def cells_of(dimensions: Sequence[Dimension]) -> list[tuple[tuple[str, ...], dict[str, tuple[str, ...]]]]:
    """Every cell of a table: its names, one per dimension, and its region."""
    nodes = [dimension.nodes() for dimension in dimensions]
    return [
        (
            tuple(name for name, _ in chosen),
            {
                dimension.name: leaves
                for dimension, (_, leaves) in zip(dimensions, chosen, strict=True)
                if leaves is not None
            },
        )
        for chosen in itertools.product(*(own.items() for own in nodes))
    ]


def membership(regions: Sequence[Region], complete: Mapping[str, Sequence[str]]) -> npt.NDArray[np.bool_]:
    """Regions × smallest parts that their columns can tell apart. `complete`: columns all of whose values are named."""
    names = sorted({name for region in regions for name in region} | set(complete))
    domains: dict[str, list[str]] = {}
    for name in names:
        named = {value for region in regions for value in region.get(name, ())} | set(complete.get(name, ()))
        domains[name] = sorted(named) + ([] if name in complete else [REST])
    rows = []
    for region in regions:
        row = np.ones(1, dtype=bool)
        for name in names:
            own = set(region[name]) if name in region else None
            inside = np.array([own is None or value in own for value in domains[name]], dtype=bool)
            row = np.outer(row, inside).ravel()
        rows.append(row)
    return np.array(rows, dtype=bool).reshape(len(regions), -1)


@dataclass(frozen=True)
class Bound:
    """Equations over the regions, then over `atoms` more cells: parts of which no region speaks alone."""

    equations: Any  # scipy.sparse.csr_matrix
    atoms: int


def bound(inside: npt.NDArray[np.bool_]) -> Bound:
    """The equations among regions (rows of a membership): each is the sum of the atoms it is made of."""
    length = len(inside)
    used = inside[:, inside.any(axis=0)]
    columns = np.unique(used, axis=1) if used.size else used
    # An atom of which a region is made alone is that region.
    alone: dict[int, int] = {}
    for single in np.flatnonzero(columns.sum(axis=1) == 1):
        alone.setdefault(int(np.flatnonzero(columns[single])[0]), int(single))
    place = {atom: alone[atom] for atom in alone}
    more = [atom for atom in range(columns.shape[1]) if atom not in alone]
    place |= {atom: length + number for number, atom in enumerate(more)}
    at: list[int] = []
    which: list[int] = []
    weights: list[float] = []
    number = 0
    for region in range(length):
        own = np.flatnonzero(columns[region])
        if not len(own) or (len(own) == 1 and place[int(own[0])] == region):
            continue
        parts = [place[int(atom)] for atom in own]
        at += [number] * (len(parts) + 1)
        which += [region, *parts]
        weights += [1.0, *([-1.0] * len(parts))]
        number += 1
    shape = (number, length + len(more))
    return Bound(sparse.csr_matrix((np.array(weights, dtype=np.float64), (at, which)), shape=shape), len(more))
