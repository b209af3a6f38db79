"""Fellegi-Sunter weights: m by EM within each pass on counts of patterns, u from what chance agreement is known to be.

Sources: Fellegi & Sunter 1969 (weights); Herzog, Scheuren & Winkler 2007, ch. 9 (EM); u fixed from random pairs and m
learnt within a block, as in Splink (Linacre et al. 2022). Patterns come in as counts, so the cost does not grow with
pairs. No decision belongs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts.linkage import LinkModel
from pipeline.levels import MISSING
from pipeline.link.compare import Patterns

Probabilities = dict[str, NDArray[np.float64]]  # comparison -> one probability per level

LEAST = 1e-9  # a level never seen among matches is improbable, not impossible
STARTING_PAIRS = 50.0  # how many expected matches the model's starting probabilities weigh as


@dataclass(frozen=True)
class Learnt:
    """What EM found in one pass: m, the share and the expected number of matches."""

    m: Probabilities
    share: float
    matches: float
    seen: dict[str, float]  # expected matches with the comparison not missing
    iterations: int


@dataclass(frozen=True)
class Estimates:
    """The probabilities all weights come from. `u_given`: u among pairs at the dependent level of the link model."""

    m: Probabilities
    u: Probabilities
    u_given: Probabilities = field(default_factory=dict)
    passes: dict[str, Learnt] = field(default_factory=dict)


def expectation_maximisation(
    levels: NDArray[np.int8],
    counts: NDArray[np.float64],
    names: tuple[str, ...],
    m: Probabilities,
    log_u: NDArray[np.float64],
    *,
    held_m: Mapping[str, tuple[int, ...]] | None = None,
    share: float = 0.1,
    iterations: int = 200,
    tolerance: float = 1e-6,
) -> Learnt:
    """m by EM.

    `levels` (patterns, comparisons) with -1 for missing, which says nothing either way; `counts` pairs per pattern;
    `log_u`: the log probability of each pattern among different people. Starts at the given m and share of matches; m
    of the levels in `held_m` stays as given. Stops when no probability moves by more than `tolerance`.
    """
    m_table = _table(names, m)
    place = levels.astype(np.int64) + 1
    columns = np.arange(len(names))
    held = _held_levels(names, m_table, held_m or {})
    total = counts.sum()
    posterior = np.zeros(len(counts))
    done = 0
    for step in range(1, iterations + 1):
        done = step
        log_m = np.log(m_table)[columns, place].sum(axis=1) + np.log(share)
        posterior = 1.0 / (1.0 + np.exp(np.clip(log_u + np.log1p(-share) - log_m, -700, 700)))
        new_m = _holding(_shares(place, counts * posterior, m_table), m_table, held)
        new_share = float(np.clip((counts * posterior).sum() / total, LEAST, 1 - LEAST))
        moved = max(np.abs(new_m - m_table).max(), abs(new_share - share))
        m_table, share = new_m, new_share
        if moved < tolerance:
            break
    weighted = counts * posterior
    return Learnt(
        m=_probabilities(names, m_table, m),
        share=share,
        matches=float(weighted.sum()),
        seen={name: float(weighted[place[:, column] > 0].sum()) for column, name in enumerate(names)},
        iterations=done,
    )


def _table(names: tuple[str, ...], probabilities: Probabilities) -> NDArray[np.float64]:
    """(comparisons, levels + 1): column 0 stands for missing, probability 1, so that its log is neutral."""
    width = max(len(probabilities[name]) for name in names) + 1
    table = np.ones((len(names), width))
    for row, name in enumerate(names):
        table[row, 1 : len(probabilities[name]) + 1] = np.maximum(probabilities[name], LEAST)
    return table


def _shares(place: NDArray[np.int64], weight: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
    table = last.copy()
    for column in range(place.shape[1]):
        sums = np.bincount(place[:, column], weights=weight, minlength=last.shape[1])
        held = sums[1:].sum()
        if held > 0:
            table[column, 1:] = np.maximum(sums[1:] / held, LEAST)
    return table


def _held_levels(
    names: tuple[str, ...], table: NDArray[np.float64], held_m: Mapping[str, tuple[int, ...]]
) -> NDArray[np.bool_]:
    held = np.zeros(table.shape, dtype=np.bool_)
    for row, name in enumerate(names):
        held[row, [level + 1 for level in held_m.get(name, ())]] = True
    return held


def _holding(found: NDArray[np.float64], known: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A table of probabilities with some as known and the others as found, scaled so that each row adds up to 1."""
    levels = np.arange(found.shape[1]) > 0  # column 0 stands for missing
    result = np.where(held, known, found)
    for row in np.flatnonzero(held.any(axis=1)):
        free = levels & ~held[row]
        result[row, free] *= (1 - known[row, held[row]].sum()) / found[row, free].sum()
    return result


def _probabilities(names: tuple[str, ...], table: NDArray[np.float64], like: Probabilities) -> Probabilities:
    return {name: table[row, 1 : len(like[name]) + 1] for row, name in enumerate(names)}


def pattern_terms(levels: NDArray[np.int8], model: LinkModel, estimates: Estimates) -> NDArray[np.float64]:
    """(patterns, comparisons): each comparison's part of the weight, log2(m / u); 0 where missing (the waterfall)."""
    log_m, log_u = _log_terms(levels, model, estimates, at_dependent_level(levels, model))
    return np.asarray((log_m - log_u) / np.log(2.0))


def _log_terms(
    levels: NDArray[np.int8], model: LinkModel, estimates: Estimates, dependent: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    names = tuple(comparison.name for comparison in model.comparisons)
    place = levels.astype(np.int64) + 1
    columns = np.arange(len(names))
    place = np.where(told_already(levels, model), 0, place)
    log_m = np.log(_table(names, estimates.m))[columns, place]
    log_u = np.log(_table(names, estimates.u))[columns, place]
    if dependent.any() and estimates.u_given:
        given = np.log(_table(names, {**estimates.u, **estimates.u_given}))[columns, place]
        log_u[dependent] = given[dependent]
    return log_m, log_u


def told_already(levels: NDArray[np.int8], model: LinkModel) -> NDArray[np.bool_]:
    """(patterns, comparisons): where a comparison repeats what an earlier one said: names exchanged are one event."""
    names = [comparison.name for comparison in model.comparisons]
    told = np.zeros(levels.shape, dtype=np.bool_)
    for column, comparison in enumerate(model.comparisons):
        for code, level in enumerate(comparison.levels):
            if level.exchanged_with in names[:column]:
                told[:, column] |= levels[:, column] == code
    return told


def names_exchanged(levels: NDArray[np.int8], model: LinkModel) -> NDArray[np.bool_]:
    """Which patterns are of exchanged names."""
    return np.asarray(told_already(levels, model).any(axis=1))


def at_dependent_level(levels: NDArray[np.int8], model: LinkModel) -> NDArray[np.bool_]:
    """Which patterns agree on the comparison that others' chance agreement depends on."""
    if model.dependent_chance is None:
        return np.zeros(len(levels), dtype=np.bool_)
    for column, comparison in enumerate(model.comparisons):
        if comparison.name == model.dependent_chance.comparison:
            codes = [code for code, level in enumerate(comparison.levels) if level.name == model.dependent_chance.level]
            return np.isin(levels[:, column], codes)
    return np.zeros(len(levels), dtype=np.bool_)


def estimate(
    counts: dict[str, NDArray[np.int64]], u: Probabilities, given: Probabilities, model: LinkModel
) -> Estimates:
    """m averaged over the EM passes by expected matches; `counts` pairs per pattern and pass, `given`: u among pairs at
    the dependent level.

    Passes teach in the model's order, each with what those before it taught. A pass with fewer pairs than the model's
    minimum teaches nothing; the model's starting probabilities weigh as `STARTING_PAIRS` matches throughout.
    """
    starting_m = {name: np.asarray(values) for name, values in model.starting_m.items()}
    passes: dict[str, Learnt] = {}
    for name in model.em_passes:
        known = Estimates(_averaged(passes, model, starting_m), u, given)
        learnt = _learn(name, counts, model, known, starting_m)
        if learnt is not None:
            passes[name] = learnt
    return Estimates(m=_averaged(passes, model, starting_m), u=u, u_given=given, passes=passes)


def _learn(
    name: str, counts: dict[str, NDArray[np.int64]], model: LinkModel, known: Estimates, starting_m: Probabilities
) -> Learnt | None:
    of_pass = counts.get(name)
    if of_pass is None or of_pass.sum() < model.em_minimum_pairs:
        return None
    patterns = Patterns(model.comparisons)
    codes = np.flatnonzero(of_pass)
    levels = patterns.decode(codes)
    # Every pair of the pass agrees on what makes its block: that tells nothing here, and its unconditional u would
    # make each different pair look like a miracle.
    left_out = [comparison.name in model.em_passes.get(name, ()) for comparison in model.comparisons]
    dependent = at_dependent_level(levels, model)
    levels[:, left_out] = MISSING
    levels[told_already(levels, model)] = MISSING
    log_u = _log_terms(levels, model, known, dependent)[1].sum(axis=1)
    return expectation_maximisation(
        levels,
        of_pass[codes].astype(np.float64),
        tuple(comparison.name for comparison in model.comparisons),
        {**starting_m, **{held: known.m[held] for held in model.held_m.get(name, {})}},
        log_u,
        held_m=model.held_m.get(name),
        iterations=model.em_iterations,
        tolerance=model.em_tolerance,
    )


def _averaged(passes: dict[str, Learnt], model: LinkModel, starting_m: Probabilities) -> Probabilities:
    """m of each comparison over the passes that teach it: a held level only from those that learnt it."""
    averaged = {}
    for name, start in starting_m.items():
        teachers = [
            (learnt, np.array([code in model.held_m.get(pass_name, {}).get(name, ()) for code in range(len(start))]))
            for pass_name, learnt in passes.items()
            if name not in model.em_passes.get(pass_name, ())
        ]
        held = np.any([holds for _, holds in teachers], axis=0) if teachers else np.zeros(len(start), dtype=np.bool_)
        whole = _mean(
            [(start, STARTING_PAIRS)] + [(t.m[name], t.seen[name]) for t, holds in teachers if not holds.any()]
        )
        rest = [
            (values[~held] / values[~held].sum(), seen)
            for values, seen in [(start, STARTING_PAIRS)] + [(t.m[name], t.seen[name]) for t, _ in teachers]
        ]
        averaged[name] = whole.copy()
        averaged[name][~held] = _mean(rest) * (1 - whole[held].sum())
    return averaged


def _mean(weighted: list[tuple[NDArray[np.float64], float]]) -> NDArray[np.float64]:
    total = sum(weight for _, weight in weighted)
    return np.asarray(sum(values * weight for values, weight in weighted) / total)


def smoothed(drawn: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of levels from pairs drawn at each, a starting share weighing as one pair seen at each level.

    One pair at a level of starting rate r stands for 1 / r pairs drawn (a gamma prior for each level's rate): a level
    that nobody happened to see keeps about its starting rate, and one seen often takes what was seen.
    """
    rates = (drawn + 1.0) / (drawn.sum() + 1.0 / np.maximum(start, LEAST))
    return np.asarray(rates / rates.sum())
