"""Compare candidate pairs: each comparison of the link model as a recordlinkage feature, each pair's pattern of levels.

A pattern is the tuple of a pair's levels, packed into one number; everything after this works on patterns and their
counts. No probability belongs here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from recordlinkage import Compare
from recordlinkage.base import BaseCompareFeature

from pipeline.contracts.linkage import Comparison, LinkModel
from pipeline.levels import MISSING, Comparable, Index, Levels, comparison_levels
from pipeline.link.block import PAIRS_PER_CHUNK, BlockToken, PassEncodings, chunks

MISSING_NAME = "missing"


@dataclass(frozen=True)
class Patterns:
    """How patterns of levels are numbered: mixed radix, one digit per comparison, 0 = missing."""

    comparisons: tuple[Comparison, ...]

    @cached_property
    def radix(self) -> NDArray[np.int64]:
        sizes = [len(comparison.levels) + 1 for comparison in self.comparisons]
        return np.concatenate([[1], np.cumprod(sizes)]).astype(np.int64)

    @property
    def number(self) -> int:
        return int(self.radix[-1])

    def encode(self, levels: list[Levels]) -> NDArray[np.int64]:
        """One number per pair from its levels, comparison by comparison."""
        codes = np.zeros(len(levels[0]), dtype=np.int64)
        for weight, level in zip(self.radix, levels, strict=False):
            codes += weight * (level.astype(np.int64) + 1)
        return codes

    def decode(self, codes: NDArray[np.int64]) -> NDArray[np.int8]:
        """(patterns, comparisons): the level in each comparison, -1 missing."""
        digits = (codes[:, None] // self.radix[:-1]) % (self.radix[1:] // self.radix[:-1])
        return (digits - 1).astype(np.int8)

    def text(self, codes: NDArray[np.int64]) -> list[str]:
        """Each pattern as its levels' names in the model's order: "same | close | missing"."""
        names = [[MISSING_NAME, *(level.name for level in comparison.levels)] for comparison in self.comparisons]
        return [
            " | ".join(names[place][level + 1] for place, level in enumerate(row))
            for row in self.decode(codes).tolist()
        ]


class AgreementLevel(BaseCompareFeature):  # type: ignore[misc]
    """recordlinkage's feature of one comparison: the level of each pair of rows, -1 where either side is missing.

    recordlinkage's own features treat missing as disagreement and read strings; this reads packed encodings.
    """

    name = "agreement_level"

    def __init__(self, comparison: Comparison, data: Comparable) -> None:
        super().__init__("row", "row", label=comparison.name)
        self.comparison = comparison
        self.data = data

    def levels(self, index_a: Index, index_b: Index) -> Levels:
        return comparison_levels(self.comparison, self.data, index_a, index_b)

    def _compute_vectorized(self, left: pd.Series[Any], right: pd.Series[Any]) -> pd.Series[Any]:
        found: Any = self.levels(np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64))
        return pd.Series(found)


class CompareEncoded(Compare):  # type: ignore[misc]
    """recordlinkage's Compare for features that hold their encodings themselves.

    Its own `_compute` gathers a frame per side by label before any feature runs, which costs four times what the
    comparison does (docs/adr/0004); the pairs' row numbers are all our features need.
    """

    def _compute(self, pairs: pd.MultiIndex, x: pd.DataFrame, x_link: pd.DataFrame | None = None) -> pd.DataFrame:
        rows = x["row"].to_numpy(dtype=np.int64)
        index_a, index_b = rows[np.asarray(pairs.codes[0])], rows[np.asarray(pairs.codes[1])]
        found = {feature.label: feature.levels(index_a, index_b) for feature in self.features}
        return pd.DataFrame(found, index=pairs, copy=False)


@dataclass(frozen=True)
class ScannedPairs:
    """A chunk of candidate pairs of one pass: positions of the records in the RECORDS frame, and the pattern."""

    position_a: NDArray[np.int64]
    position_b: NDArray[np.int64]
    pattern: NDArray[np.int64]


def record_codes(records: pd.DataFrame, model: LinkModel) -> dict[str, NDArray[np.int64]]:
    """One code per record of every column the model compares or holds to be one per person; -1 missing.

    Tokens are codes already; other columns (sex, partner) are coded here; a column the records lack is missing.
    """
    wanted = {column for comparison in model.comparisons for column in comparison.columns}
    codes = {}
    for name in sorted({*wanted, *model.one_per_person, "partner"}):
        if name not in records:
            codes[name] = np.full(len(records), MISSING, dtype=np.int64)
        elif pd.api.types.is_integer_dtype(records[name]):
            codes[name] = records[name].to_numpy(dtype=np.int64)
        else:
            codes[name] = pd.factorize(records[name], sort=True)[0].astype(np.int64)
    return codes


def scan(
    encodings: PassEncodings,
    record_ids: NDArray[np.int64],
    codes: dict[str, NDArray[np.int64]],
    model: LinkModel,
    pairs_per_chunk: int = PAIRS_PER_CHUNK,
) -> Iterator[ScannedPairs]:
    """Candidate pairs of a pass with their patterns, chunk by chunk in block order, compared on every core.

    At most two chunks per core are in memory. Encodings of records that are not in `record_ids` are left out.
    """
    patterns = Patterns(model.comparisons)
    position, known = positions(encodings.record_id, record_ids)
    data = Comparable(
        filters=encodings.filters,
        date_parts=encodings.date_parts,
        codes={name: values[position] for name, values in codes.items() if _is_compared(name, model)},
    )
    compare = CompareEncoded([AgreementLevel(comparison, data) for comparison in model.comparisons])
    block_of_row = np.repeat(np.arange(len(encodings.sizes)), encodings.sizes)

    def compare_blocks(blocks: NDArray[np.int64]) -> ScannedPairs:
        first, last = encodings.starts[blocks[0]], encodings.starts[blocks[-1] + 1]
        rows = np.arange(first, last)
        taken = known[rows] & np.isin(block_of_row[rows], blocks, assume_unique=False)
        frame = pd.DataFrame({"row": rows[taken], "block": block_of_row[rows][taken]})
        pairs = BlockToken().index(frame)
        levels = compare.compute(pairs, frame)
        pattern = patterns.encode([levels[comparison.name].to_numpy() for comparison in model.comparisons])
        of_row = position[frame["row"].to_numpy()]
        left, right = of_row[np.asarray(pairs.codes[0])], of_row[np.asarray(pairs.codes[1])]
        return ScannedPairs(np.minimum(left, right), np.maximum(left, right), pattern)

    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting = []
        for blocks in chunks(encodings, model.largest_block, pairs_per_chunk):
            waiting.append(pool.submit(compare_blocks, blocks))
            if len(waiting) >= 2 * workers:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def positions(wanted: NDArray[np.int64], record_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each wanted id stands in the sorted `record_ids` (0 where it does not), and whether it is there."""
    if len(record_ids) == 0:
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    place = np.minimum(np.searchsorted(record_ids, wanted), len(record_ids) - 1)
    known = record_ids[place] == wanted
    return np.where(known, place, 0), known


def _is_compared(column: str, model: LinkModel) -> bool:
    return any(column in comparison.columns for comparison in model.comparisons)
