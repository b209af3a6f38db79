"""How well clusters agree with the truth, from two labels per record; no pair is ever listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def clustering_quality(found: Sequence[Any] | NDArray[Any], truth: Sequence[Any] | NDArray[Any]) -> dict[str, float]:
    """Pairwise and cluster precision, recall and F1 of `found` labels against `truth`, one of each per record.

    Pairwise: of all pairs put together (or truly together), the share rightly so. Cluster: of all found (or true)
    clusters of any size, the share that is exactly a true (found) one. Counts are given beside the shares. With nothing
    to find, a share is 1.
    """
    found_code = np.unique(np.asarray(found), return_inverse=True)[1]
    true_code = np.unique(np.asarray(truth), return_inverse=True)[1]
    if found_code.shape != true_code.shape:
        raise ValueError("found and truth must have one label per record each")
    found_sizes, true_sizes = np.bincount(found_code), np.bincount(true_code)
    width = len(true_sizes) or 1
    cells, together = np.unique(found_code.astype(np.int64) * width + true_code, return_counts=True)
    exact = int(((found_sizes[cells // width] == together) & (true_sizes[cells % width] == together)).sum())
    right, linked, real = _pairs(together), _pairs(found_sizes), _pairs(true_sizes)
    return {
        **_shares("pairwise", right, linked, real),
        **_shares("cluster", exact, len(found_sizes), len(true_sizes)),
        "true_positive_pairs": right,
        "false_positive_pairs": linked - right,
        "false_negative_pairs": real - right,
        "found_clusters": len(found_sizes),
        "true_clusters": len(true_sizes),
        "exact_clusters": exact,
    }


def _shares(name: str, right: int, found: int, real: int) -> dict[str, float]:
    precision = right / found if found else 1.0
    recall = right / real if real else 1.0
    f1 = 2 * right / (found + real) if found + real else 1.0
    return {f"{name}_precision": precision, f"{name}_recall": recall, f"{name}_f1": f1}


def _pairs(sizes: NDArray[np.int64]) -> int:
    return int((sizes.astype(np.int64) * (sizes.astype(np.int64) - 1) // 2).sum())
