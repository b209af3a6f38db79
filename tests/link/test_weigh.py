"""EM finds planted probabilities again; missing is neutral; u comes from where it should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contracts import LinkModel, load_link_model
from pipeline.link.chance import chance_probabilities, counted_chance, dependent_chance, token_chance
from pipeline.link.compare import Patterns
from pipeline.link.decide import prior_probability, probabilities
from pipeline.link.weigh import Estimates, estimate, expectation_maximisation, pattern_terms


@pytest.fixture(scope="module")
def model() -> LinkModel:
    return load_link_model(Path(__file__).parents[2] / "schemas")


NAMES = ("forename", "surname", "sex", "residence")
PLANTED_M = {
    "forename": np.array([0.85, 0.1, 0.05]),
    "surname": np.array([0.9, 0.06, 0.04]),
    "sex": np.array([0.98, 0.02]),
    "residence": np.array([0.8, 0.2]),
}
PLANTED_U = {
    "forename": np.array([0.01, 0.04, 0.95]),
    "surname": np.array([0.005, 0.015, 0.98]),
    "sex": np.array([0.5, 0.5]),
    "residence": np.array([0.01, 0.99]),
}


def simulated(random: np.random.Generator, pairs: int, share: float, missing: float) -> np.ndarray:
    matched = random.random(pairs) < share
    columns = []
    for name in NAMES:
        m = random.choice(len(PLANTED_M[name]), pairs, p=PLANTED_M[name])
        u = random.choice(len(PLANTED_U[name]), pairs, p=PLANTED_U[name])
        columns.append(np.where(random.random(pairs) < missing, -1, np.where(matched, m, u)))
    return np.stack(columns, axis=1).astype(np.int8)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.9), missing=st.floats(0, 0.3))
def test_em_finds_planted_probabilities_again(seed: int, share: float, missing: float) -> None:
    levels = simulated(np.random.default_rng(seed), 60_000, share, missing)
    patterns, counts = np.unique(levels, axis=0, return_counts=True)
    start_m = {name: np.full(len(m), 0.1 / (len(m) - 1)) for name, m in PLANTED_M.items()}
    for values in start_m.values():
        values[0] = 0.9
    by_chance = [np.append(PLANTED_U[name], 1.0) for name in NAMES]  # a missing field says nothing
    log_u = np.sum([np.log(u[patterns[:, column]]) for column, u in enumerate(by_chance)], axis=0)
    learnt = expectation_maximisation(patterns, counts.astype(float), NAMES, start_m, log_u, iterations=500)
    assert learnt.share == pytest.approx(share, abs=0.02)
    for name in NAMES:
        assert learnt.m[name] == pytest.approx(PLANTED_M[name], abs=0.03)


def test_a_missing_field_has_weight_nought(model: LinkModel) -> None:
    known = Estimates(
        m={name: np.asarray(values) for name, values in model.starting_m.items()},
        u={c.name: np.full(len(c.levels), 1 / len(c.levels)) for c in model.comparisons},
    )
    all_missing = np.full((1, len(model.comparisons)), -1, dtype=np.int8)
    assert not pattern_terms(all_missing, model, known).any()
    agree = all_missing.copy()
    agree[0, 0] = 0
    assert pattern_terms(agree, model, known)[0, 0] > 0
    assert not pattern_terms(agree, model, known)[0, 1:].any()


def test_too_few_pairs_leave_the_starting_probabilities(model: LinkModel) -> None:
    patterns = Patterns(model.comparisons)
    few = np.zeros(patterns.number, dtype=np.int64)
    few[1] = model.em_minimum_pairs - 1
    u = {c.name: np.full(len(c.levels), 1 / len(c.levels)) for c in model.comparisons}
    found = estimate({"nino": few, "home_birth": few}, u, {}, model)
    assert not found.passes
    for name, values in model.starting_m.items():
        assert found.m[name] == pytest.approx(np.asarray(values))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_patterns_are_read_back_as_they_were(seed: int) -> None:
    model = load_link_model(Path(__file__).parents[2] / "schemas")
    patterns = Patterns(model.comparisons)
    random = np.random.default_rng(seed)
    levels = [random.integers(-1, len(c.levels), 50).astype(np.int8) for c in model.comparisons]
    assert (patterns.decode(patterns.encode(levels)) == np.stack(levels, axis=1)).all()


def test_chance_of_tokens_is_counted_within_partners(model: LinkModel) -> None:
    sex = next(c for c in model.comparisons if c.name == "sex")
    codes = {
        "partner": np.array([0, 0, 0, 1, 1]),
        "sex": np.array([0, 0, 1, 0, 1]),  # within: council 1 of 3 pairs equal, dwp 0 of 1
    }
    assert token_chance(sex, codes) == pytest.approx([0.25, 0.75])
    partner = next(c for c in model.comparisons if c.name == "partner")
    assert token_chance(partner, codes) == pytest.approx([0.4, 0.6])  # 4 of all 10 pairs are of one partner


def test_few_people_cannot_outweigh_the_usual_chance(model: LinkModel) -> None:
    forename = next(c for c in model.comparisons if c.name == "forename")
    counts = np.array([8000, 0, 0, 0, 0, 12000])  # drawn again and again from a dozen people
    few = counted_chance(forename, counts, 66, model)
    many = counted_chance(forename, counts, 1e9, model)
    assert many[0] == pytest.approx(0.4, abs=0.01)
    assert few[0] < 0.25
    assert few.sum() == pytest.approx(1)
    assert counted_chance(forename, None, 66, model) == pytest.approx(model.starting_u["forename"])


def test_chance_within_homes_is_what_the_kits_counted(model: LinkModel) -> None:
    counted = dependent_chance({"surname_within_residence": np.array([7000, 100, 0, 50, 50, 2800])}, model)
    assert counted["surname"][0] == pytest.approx(0.7, abs=0.01)
    assert model.dependent_chance is not None
    assert counted["forename"] == pytest.approx(model.dependent_chance.starting_u["forename"], rel=0.01)


def test_fixed_chance_is_taken_as_declared(model: LinkModel) -> None:
    codes = {name: np.array([-1, -1]) for name in ("sex", "uprn", "address", "postcode")}
    u = chance_probabilities({}, {**codes, "partner": np.array([0, 1])}, model)
    assert set(u) == {c.name for c in model.comparisons}
    assert u["identifier"] == pytest.approx(model.fixed_u["identifier"])


def test_the_prior_agrees_with_the_matches_it_expects() -> None:
    random = np.random.default_rng(1)
    weight = np.concatenate([random.normal(30, 3, 4000), random.normal(0, 3, 20_000)])
    prior = prior_probability(weight, 10_000)
    assert prior * 10_000 * 9_999 / 2 == pytest.approx(4000, rel=0.02)
    assert probabilities(np.array([0.0]), 0.5)[0] == pytest.approx(0.5)


def test_a_probability_list_that_does_not_fit_is_refused(tmp_path: Path, model: LinkModel) -> None:
    from pipeline.errors import DeclarationError

    declared = (Path(__file__).parents[2] / "schemas/linkage/model-v2.yaml").read_text()
    (tmp_path / "linkage").mkdir()
    wrong = declared.replace("surname: [0.65, 0.017,", "surname: [0.667,")
    assert wrong != declared
    (tmp_path / "linkage/model-v2.yaml").write_text(wrong)
    with pytest.raises(DeclarationError, match="surname"):
        load_link_model(tmp_path)


def test_without_dependence_a_household_would_be_one_person(model: LinkModel) -> None:
    """Twins: same surname, birth and address, other forename. Dependence within an address keeps them apart."""
    m = {name: np.asarray(values) for name, values in model.starting_m.items()}
    u = {**{name: np.asarray(values) for name, values in model.starting_u.items()}, "sex": np.array([0.5, 0.5])}
    u |= {"residence": np.array([1e-4, 1e-3, 0.9989]), "partner": np.array([0.3, 0.7])}
    u["identifier"] = np.asarray(model.fixed_u["identifier"])
    twins = np.array([[5, 0, 0, 0, 0, -1, 1]], dtype=np.int8)
    assert model.dependent_chance is not None
    given = {name: np.asarray(values) for name, values in model.dependent_chance.starting_u.items()}
    with_dependence = pattern_terms(twins, model, Estimates(m, u, given)).sum()
    without = pattern_terms(twins, replace(model, dependent_chance=None), Estimates(m, u)).sum()
    assert probabilities(np.array([with_dependence]), 2e-5)[0] < model.match_threshold
    assert probabilities(np.array([without]), 2e-5)[0] > 0.99
