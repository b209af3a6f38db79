"""Our own linkage in clear: the same blocks, model and clusters, with names and dates as they are.

What encoding costs in quality is the difference. A name is the set of its q-grams, a bit for each, so that the cosine
of two sets is exact (where there are more q-grams than bits, the rarest share some); day, month and year are numbers.
For benchmarks only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.contracts import Encoding
from pipeline.partner.coded import Coded
from pipeline.partner.encode import Encoded, Persons, date_numbers, name_grams

SHARED = 64  # bits that the rarest q-grams share, where there are too many


@dataclass(frozen=True)
class PlainNames:
    """Per field, the bits of each distinct name (values of the case's column), and which field holds dates."""

    bits: Mapping[str, NDArray[np.uint8]]
    dates: str

    @classmethod
    def of(cls, columns: Mapping[str, Coded], encoding: Encoding) -> PlainNames:
        """All fields share one numbering of q-grams, so that exchanged names can be compared."""
        held_names = [name for name in encoding.fields if name in columns]
        grams = {name: name_grams(encoding, name, columns[name].values) for name in held_names}
        known, times = np.unique(np.concatenate([held.ids for held in grams.values()]), return_counts=True)
        rank = np.empty(len(known), dtype=np.int64)
        rank[np.argsort(-times, kind="stable")] = np.arange(len(known))
        own = encoding.bits if len(known) <= encoding.bits else encoding.bits - SHARED
        bit = np.where(rank < own, rank, own + rank % SHARED)
        bits = {}
        for name, held in grams.items():
            table = np.zeros((len(held.starts) - 1, encoding.bits), dtype=np.bool_)
            table[np.repeat(np.arange(len(table)), np.diff(held.starts)), bit[np.searchsorted(known, held.ids)]] = True
            bits[name] = np.packbits(table, axis=1, bitorder="little")
        return cls(bits, encoding.date_parts)

    def instead(self, piece: Encoded, persons: Persons) -> Encoded:
        """The piece with names and dates in clear."""
        names = {}
        for name, bits in self.bits.items():
            codes = persons.columns[name].codes[piece.person]
            names[name] = np.where((codes >= 0)[:, None], bits[codes], np.uint8(0))
        dates = date_numbers(persons.columns.get(self.dates), len(persons))
        return replace(piece, names=names, date_parts=dates[piece.person])


def identical_groups(one: Path, other: Path) -> float:
    """Share of records whose cluster holds exactly the same records in both."""
    first, second = (
        pq.read_table(path).to_pandas().sort_values("record")["cluster"].to_numpy() for path in (one, other)
    )
    _, a = np.unique(first, return_inverse=True)
    _, b = np.unique(second, return_inverse=True)
    _, cell, together = np.unique(a * (int(b.max(initial=0)) + 1) + b, return_inverse=True, return_counts=True)
    same = (together[cell] == np.bincount(a)[a]) & (together[cell] == np.bincount(b)[b])
    return float(same.mean()) if len(same) else 1.0
