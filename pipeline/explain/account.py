"""Why two records are, or are not, one person: the account of a link as a waterfall of weights.

Levels of agreement only; there is nothing else at the hub. Pure: what is read where belongs to `read`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.contracts import LinkModel
from pipeline.levels import Comparable, Index, comparison_levels

MISSING = "missing"
TOLD_ALREADY = "told already"
NOT_BY_LEVELS = "beyond levels"
LEAST_SHOWN = 0.005  # bits: what the levels leave of a stored weight, below which it is rounding
SEPARATOR = " | "


@dataclass(frozen=True)
class Term:
    """One step of the waterfall: a comparison, the level found, and its part of the weight in bits."""

    comparison: str
    level: str
    bits: float


@dataclass(frozen=True)
class AnswerTold:
    """An answer about the pair. `state`: in force, waits for the next build, replaced, or set aside."""

    answer_id: int
    answer: str
    answered_by: str
    why: str
    source: str
    answered_at: str
    state: str


@dataclass(frozen=True)
class JointTold:
    """What homes and relatives said of the pair: the context that holds, what it adds in bits, the probability with it
    (both None where they say that the two cannot be one person), and what came of it."""

    context: str
    bits: float | None
    probability: float | None
    decision: str


@dataclass(frozen=True)
class RecordTold:
    """What is known of a record without any value: its partner, its person, and which tokens it holds."""

    record_id: int
    partner: str
    person_id: int | None


@dataclass(frozen=True)
class LinkAccount:
    """One pair of records as of a run; `total` = `prior` + `weight`, all in bits (log2 odds).

    `found_by`: the pass that found the pair, None where no pass puts the two into one block, and then nothing was
    compared. `thresholds`: bits at which a pair is possible, and a match. `decided_by`: weights, repair, review, or
    homes and relatives; `joint`: what these said, where they were asked.
    """

    run_id: int
    model_version: int
    record_a: RecordTold
    record_b: RecordTold
    found_by: str | None
    pattern: str
    prior: float
    terms: tuple[Term, ...]
    weight: float
    total: float
    probability: float
    thresholds: dict[str, float]
    decision: str
    decided_by: str
    because: str
    answers: tuple[AnswerTold, ...] = field(default=())
    joint: JointTold | None = None

    @property
    def together(self) -> bool:
        """Whether the two are one person."""
        return self.record_a.person_id is not None and self.record_a.person_id == self.record_b.person_id


def joint_told(joint: JointTold) -> str:
    """What homes and relatives said of a pair, in one sentence."""
    context = joint.context.replace("_", " ")
    if joint.bits is None or joint.probability is None:
        return f"Homes and relatives: {context}: the two cannot be one person."
    return (
        f"Homes and relatives: {context}, {joint.bits:+.1f} bits; with it the probability is "
        f"{joint.probability:.2%}: {joint.decision.replace('_', ' ')}."
    )


def terms_of(pattern: str, parameters: Mapping[str, Any], model: LinkModel, weight: float | None = None) -> list[Term]:
    """A pattern ("same | close | missing") as the parts of its weight, by a run's parameters.

    With the stored `weight`, what the levels do not account for is a last term of its own, so that the parts always add
    up to it.
    """
    comparisons: Mapping[str, list[dict[str, Any]]] = parameters["comparisons"]
    # In the model's order: the database keeps the parameters' keys in an order of its own.
    levels = dict(zip((one.name for one in model.comparisons), pattern.split(SEPARATOR), strict=True))
    told = _told_already(levels, model)
    dependent = parameters.get("dependent_on") or {}
    given = bool(dependent) and levels.get(dependent["comparison"]) == dependent["level"]
    terms = []
    for name, level in levels.items():
        entry = next((entry for entry in comparisons[name] if entry["level"] == level), None)
        if entry is None or name in told:
            terms.append(Term(name, TOLD_ALREADY if name in told else MISSING, 0.0))
        else:
            terms.append(
                Term(name, level, float(entry.get("weight_given", entry["weight"]) if given else entry["weight"]))
            )
    rest = 0.0 if weight is None else weight - sum(term.bits for term in terms)
    return [*terms, Term("the rest", NOT_BY_LEVELS, rest)] if abs(rest) >= LEAST_SHOWN else terms


def _told_already(levels: Mapping[str, str], model: LinkModel) -> set[str]:
    """Comparisons that repeat an earlier one: forename and surname exchanged are one event."""
    names = [comparison.name for comparison in model.comparisons]
    return {
        comparison.name
        for place, comparison in enumerate(model.comparisons)
        for level in comparison.levels
        if levels.get(comparison.name) == level.name and level.exchanged_with in names[:place]
    }


def levels_of(model: LinkModel, data: Comparable, one: Index, other: Index) -> list[dict[str, str]]:
    """The level of each pair of rows of `data` in each comparison of the model, by name, in the model's order."""
    found: list[dict[str, str]] = [{} for _ in one]
    for comparison in model.comparisons:
        levels = comparison_levels(comparison, data, one, other).tolist()
        for told, level in zip(found, levels, strict=True):
            told[comparison.name] = comparison.levels[level].name if level >= 0 else MISSING
    return found


def pattern_of(levels: Mapping[str, str]) -> str:
    """Levels in the model's order as the text under which links are kept."""
    return SEPARATOR.join(levels.values())


def bits_of(probability: float) -> float:
    """A probability as bits: log2 of its odds."""
    return math.log2(probability / (1 - probability))


def probability_of(bits: float) -> float:
    """Bits as a probability."""
    return 1.0 / (1.0 + math.exp2(-max(min(bits, 1000.0), -1000.0)))


def threshold_bits(parameters: Mapping[str, Any]) -> dict[str, float]:
    """Bits from which a pair is possible, and a match."""
    return {name: bits_of(float(at)) for name, at in parameters["thresholds"].items()}
