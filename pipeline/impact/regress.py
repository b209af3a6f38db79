"""Least squares with standard errors that hold when rows of a cluster go together, also with few clusters. Pure.

CR2 of Bell and McCaffrey (2002), with their degrees of freedom (as in Imbens and Kolesár 2016, Pustejovsky and Tipton
2018). With every row its own cluster and two groups the standard error is Welch's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TINY = 1e-12


@dataclass(frozen=True)
class Estimate:
    """One coefficient: its value, standard error, degrees of freedom, interval and two-sided p-value."""

    value: float
    error: float
    freedom: float
    low: float
    high: float
    p_value: float
    clusters: int


NONE = Estimate(float("nan"), float("nan"), 0.0, float("nan"), float("nan"), float("nan"), 0)


def least_squares(values: Floats, columns: Floats, cluster: Ints, of: int, level: float) -> Estimate:
    """The coefficient of column `of` (rows × columns, the constant included). NONE where it cannot be told: too few
    clusters, or a column that the others already say."""
    cluster = np.unique(cluster, return_inverse=True)[1]
    clusters = int(cluster.max(initial=-1)) + 1
    if clusters <= columns.shape[1] or np.linalg.matrix_rank(columns) < columns.shape[1]:
        return NONE
    bread: Floats = np.asarray(np.linalg.inv(columns.T @ columns), dtype=np.float64)
    coefficients = bread @ (columns.T @ values)
    residuals = values - columns @ coefficients
    weights, leverage_rows = _adjusted(columns, bread, cluster, clusters, of)
    # The coefficient's share of each cluster's adjusted residuals.
    scores = np.bincount(cluster, weights=weights * residuals, minlength=clusters)
    variance = float(scores @ scores)
    freedom = _freedom(weights, leverage_rows, bread, cluster, clusters)
    return _told(float(coefficients[of]), variance, freedom, clusters, level)


def _told(value: float, variance: float, freedom: float, clusters: int, level: float) -> Estimate:
    if variance <= TINY * max(value * value, TINY):  # nothing varies: no interval can be made of it
        certain = 1.0 if abs(value) <= TINY else 0.0
        return Estimate(value, 0.0, freedom, value, value, certain, clusters)
    error = float(np.sqrt(variance))
    reach = float(stats.t.ppf(0.5 + level / 2, freedom)) * error
    p_value = float(2 * stats.t.sf(abs(value) / error, freedom))
    return Estimate(value, error, freedom, value - reach, value + reach, p_value, clusters)


def _adjusted(columns: Floats, bread: Floats, cluster: Ints, clusters: int, of: int) -> tuple[Floats, Floats]:
    """Per row, its weight in the coefficient with the cluster's residuals made whole again: (I − H)^-1/2 X (X'X)^-1;
    and per cluster, X' of those weights."""
    plain = columns @ bread[:, of]
    weights = np.empty(len(columns))
    sizes = np.bincount(cluster, minlength=clusters)
    alone = sizes[cluster] == 1
    hat = np.einsum("ij,jk,ik->i", columns[alone], bread, columns[alone])
    weights[alone] = plain[alone] / np.sqrt(np.maximum(1 - hat, TINY))
    order = np.argsort(cluster, kind="stable")
    ends = np.cumsum(sizes)
    for place in np.flatnonzero(sizes > 1):
        rows = order[ends[place] - sizes[place] : ends[place]]
        held = np.eye(len(rows)) - columns[rows] @ bread @ columns[rows].T
        roots, vectors = np.linalg.eigh(held)
        roots = np.where(roots > 1e-8, 1 / np.sqrt(np.maximum(roots, TINY)), 0.0)
        weights[rows] = (vectors * roots) @ (vectors.T @ plain[rows])
    summed = np.zeros((clusters, columns.shape[1]))
    np.add.at(summed, cluster, weights[:, None] * columns)
    return weights, summed


def _freedom(weights: Floats, summed: Floats, bread: Floats, cluster: Ints, clusters: int) -> float:
    """Satterthwaite's degrees of freedom of the variance, under equal and independent errors: (tr P)² / tr P², where
    P = A'(I − H)A of the clusters' weights A; never the whole matrix, which has a row per cluster."""
    length = np.bincount(cluster, weights=weights**2, minlength=clusters)
    lost = np.einsum("ij,jk,ik->i", summed, bread, summed)
    inner = bread @ (summed.T @ summed)
    trace = float((length - lost).sum())
    squares = float(((length - lost) ** 2 - lost**2).sum() + np.trace(inner @ inner))
    return max(trace * trace / max(squares, TINY), 1.0)
