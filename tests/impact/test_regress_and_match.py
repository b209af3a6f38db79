"""The arithmetic against other, plainer ways: Welch's test, a full matrix, every possible match."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats

from pipeline.impact.effect import holm
from pipeline.impact.match import match_families
from pipeline.impact.regress import NONE, least_squares
from tests.impact.impact_tables import declared

ARRAYS = st.integers(0, 10_000).map(np.random.default_rng)


@settings(deadline=None)
@given(ARRAYS, st.integers(3, 40), st.integers(3, 40))
def test_two_groups_of_single_rows_have_welchs_error(rng: np.random.Generator, first: int, second: int) -> None:
    values = np.concatenate([rng.normal(0, 1, first), rng.normal(1, 3, second)])
    columns = np.stack([np.ones(first + second), np.arange(first + second) >= first], axis=1).astype(float)
    found = least_squares(values, columns, np.arange(first + second), 1, 0.9)
    welch = stats.ttest_ind(values[first:], values[:first], equal_var=False)
    assert found.value / found.error == pytest.approx(welch.statistic)
    if first == second:
        assert found.freedom == pytest.approx(first + second - 2)


@given(ARRAYS, st.integers(6, 15))
@settings(max_examples=25, deadline=None)
def test_clusters_against_the_whole_matrix(rng: np.random.Generator, clusters: int) -> None:
    cluster = np.repeat(np.arange(clusters), rng.integers(1, 5, clusters))
    columns = np.stack([np.ones(len(cluster)), cluster % 2, rng.normal(size=len(cluster))], axis=1)
    values = rng.normal(size=len(cluster)) + rng.normal(size=clusters)[cluster]
    found = least_squares(values, columns, cluster, 1, 0.95)

    bread = np.linalg.inv(columns.T @ columns)
    away = np.eye(len(cluster)) - columns @ bread @ columns.T
    each = []
    for place in range(clusters):
        rows = np.flatnonzero(cluster == place)
        root = linalg.pinv(linalg.sqrtm(away[np.ix_(rows, rows)]).real)
        vector = np.zeros(len(cluster))
        vector[rows] = root @ columns[rows] @ bread[:, 1]
        each.append(vector)
    weights = np.stack(each, axis=1)
    residuals = away @ values
    assert found.value == pytest.approx((bread @ columns.T @ values)[1])
    assert found.error == pytest.approx(np.sqrt(((weights.T @ residuals) ** 2).sum()), rel=1e-6)
    product = weights.T @ away @ weights
    assert found.freedom == pytest.approx(max(np.trace(product) ** 2 / (product**2).sum(), 1), rel=1e-6)


def test_what_cannot_be_told_is_not_told() -> None:
    columns = np.ones((4, 2))
    assert least_squares(np.arange(4.0), columns, np.arange(4), 1, 0.95) == NONE  # the columns say the same
    assert least_squares(np.arange(2.0), np.eye(2), np.arange(2), 1, 0.95) == NONE  # too few
    still = least_squares(np.zeros(9), np.ones((9, 1)), np.arange(9), 0, 0.95)
    assert (still.value, still.low, still.high, still.p_value) == (0, 0, 0, 1)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8))
def test_holm_against_its_definition(p_values: list[float]) -> None:
    found = holm(np.array(p_values))
    plain, largest = {}, 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(p_values[index] * (len(p_values) - place), 1))
        plain[index] = largest
    assert found.tolist() == pytest.approx([plain[index] for index in range(len(p_values))])


def test_holm_counts_only_what_could_be_tested() -> None:
    assert holm(np.array([0.02, np.nan, 0.03])).tolist() == pytest.approx([0.04, np.nan, 0.04], nan_ok=True)


@given(ARRAYS)
@settings(max_examples=25, deadline=None)
def test_the_match_is_the_best_of_all_possible(rng: np.random.Generator) -> None:
    covariates = pd.DataFrame({"family_id": np.arange(9), "before": rng.normal(size=9).round(3)})
    treated = np.arange(9) < 4
    wide = replace(declared().matching, method="mahalanobis", caliper=1000.0)
    match = match_families(covariates, treated, wide)
    pairs = match.sets.merge(covariates, on="family_id").pivot_table("before", "set", "new_model")
    found = (pairs[True] - pairs[False]).abs().sum()
    values = covariates["before"].to_numpy()
    best = min(
        sum(abs(values[one] - values[other]) for one, other in zip(range(4), others, strict=True))
        for others in itertools.permutations(range(4, 9), 4)
    )
    assert found == pytest.approx(best)
    assert match.unmatched == 0


def test_nobody_is_matched_beyond_the_caliper_or_twice() -> None:
    covariates = pd.DataFrame({"family_id": [1, 2, 3, 4, 5], "before": [0.0, 0.1, 9.0, 0.05, 0.2]})
    treated = np.array([True, True, True, False, False])
    match = match_families(covariates, treated, replace(declared().matching, method="mahalanobis", caliper=0.3))
    assert match.unmatched == 1
    assert set(match.sets["family_id"]) == {1, 2, 4, 5}
    nobody = match_families(covariates, np.array([True] * 5), declared().matching)
    assert (nobody.unmatched, len(nobody.sets)) == (5, 0)


def test_several_comparisons_a_family_count_as_one() -> None:
    covariates = pd.DataFrame({"family_id": np.arange(30), "before": np.tile([0.0, 1.0, 2.0], 10)})
    treated = np.arange(30) < 6
    match = match_families(covariates, treated, replace(declared().matching, method="mahalanobis", controls=3))
    assert match.sets.groupby("set")["new_model"].agg(["size", "sum"]).to_numpy().tolist() == [[4, 1]] * 6
    assert match.balance["difference_after"].abs().max() < 1e-9
