"""Patterns of levels, and recordlinkage's classes to compare candidate pairs one list of pairs at a time.

A pattern is the tuple of a pair's levels, packed into one number; everything after comparing works on patterns and
their counts. The nightly build walks whole blocks in compiled code (`walk`); these classes say the same in
recordlinkage's terms, for a handful of pairs, for its classifiers, and to hold the compiled walk to. No probability
belongs here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from recordlinkage import Compare
from recordlinkage.base import BaseCompareFeature

from pipeline.contracts.linkage import Comparison
from pipeline.levels import Comparable, Index, Levels, comparison_levels

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
