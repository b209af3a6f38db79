"""Compare what two partners have checked: the levels of agreement of one question, weighed as any pair is.

The details are encoded for this question alone, so all that can be learnt from them is how well these two records
agree. Pure: no store, no keys.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from pipeline.contracts import LinkModel
from pipeline.contracts.linkage import Comparison
from pipeline.contracts.review import ReviewRules
from pipeline.explain.account import Term, levels_of, pattern_of, probability_of, terms_of
from pipeline.explain.read import history_of
from pipeline.levels import Comparable
from pipeline.link.answers import CANNOT_TELL, DIFFERENT, SAME
from pipeline.questions import CHECKED, Details

PLACES = frozenset({"uprn", "address", "postcode"})
RESIDENCE = "residence"
NAME_WORDS, DATE_WORDS = 8, 3


@dataclass(frozen=True)
class Side:
    """One partner's reply: how each detail was checked, and the details as encoded for the question."""

    partner: str
    checked: Mapping[str, str]
    details: Details


@dataclass(frozen=True)
class Conclusion:
    """What follows from two replies. `checked`: comparisons that both partners checked, `differs`: those of them that a
    person keeps for life, and that do not agree at all."""

    answer: str
    pattern: str
    terms: tuple[Term, ...]
    total: float
    probability: float
    checked: tuple[str, ...]
    differs: tuple[str, ...]

    def words(self) -> str:
        """Why, in levels of agreement."""
        found = ", ".join(f"{one.comparison} {one.level}" for one in self.terms if one.level != "missing")
        checked = ", ".join(self.checked) or "nothing"
        return f"checked at both: {checked}; {found}; {self.total:+.1f} bits".replace("_", " ")


def conclude(
    left: Side, right: Side, model: LinkModel, parameters: Mapping[str, Any], rules: ReviewRules
) -> Conclusion:
    """One person, two, or not to be told: by the run's weights, and by what both partners have checked.

    Of several names, those that speak most for one person count, as a person has borne each of them. A slip in a detail
    that both have checked weighs against more than one in a detail as it was delivered. `same` takes the
    declared certainty, something checked at both, and nothing checked at both that differs; `different` takes such a
    difference beside the weights.
    """
    data, pairs = _comparable(left, right, model)
    one, other = np.array(pairs, dtype=np.int64).T
    patterns = dict.fromkeys(map(pattern_of, levels_of(model, data, one, other)))
    checked = tuple(one.name for one in model.comparisons if _checked_by_both(one, left, right))
    weighed = {pattern: _weighed(terms_of(pattern, parameters, model), checked, rules) for pattern in patterns}
    pattern, terms = max(weighed.items(), key=lambda item: sum(term.bits for term in item[1]))
    total = float(parameters["prior_bits"]) + sum(term.bits for term in terms)
    probability = probability_of(total)
    levels = {term.comparison: term.level for term in terms}
    differs = tuple(
        one.name
        for one in model.comparisons
        if one.name in checked and one.name in rules.one_for_life and levels[one.name] == one.levels[-1].name
    )
    enough = len(checked) >= rules.checked_by_both
    answer = CANNOT_TELL
    if enough and not differs and probability >= rules.same:
        answer = SAME
    if enough and differs and probability <= rules.different:
        answer = DIFFERENT
    return Conclusion(answer, pattern, tuple(terms), total, probability, checked, differs)


def _weighed(terms: list[Term], checked: tuple[str, ...], rules: ReviewRules) -> list[Term]:
    """The terms, with a slip in a lasting detail that both have checked as much less likely as declared."""
    less = math.log2(rules.checked_error)
    lasting = set(checked) & set(rules.one_for_life)
    return [
        replace(term, bits=term.bits + less) if term.comparison in lasting and term.level in rules.slips else term
        for term in terms
    ]


def _checked_by_both(comparison: Comparison, left: Side, right: Side) -> bool:
    """Whether both partners hold and have checked a detail that the comparison reads."""
    return any(
        all(
            side.checked.get(RESIDENCE if column in PLACES else column) in CHECKED and _held(comparison, column, side)
            for side in (left, right)
        )
        for column in (comparison.columns or (comparison.name,))
    )


def _held(comparison: Comparison, column: str, side: Side) -> bool:
    if comparison.kind == "date_parts":
        return side.details.date_parts is not None
    return bool(side.details.names.get(column) or side.details.tokens.get(column))


def _comparable(left: Side, right: Side, model: LinkModel) -> tuple[Comparable, list[tuple[int, int]]]:
    """Rows for every combination of a side's names, and the pairs of a row of the left with a row of the right."""
    fields = sorted({name for side in (left, right) for name in side.details.names} | _name_fields(model))
    rows: list[tuple[Side, dict[str, str | None]]] = []
    for side in (left, right):
        choices = product(*((side.details.names.get(field) or (None,)) for field in fields))
        rows += [(side, dict(zip(fields, names, strict=True))) for names in choices]
    data = Comparable(
        names={field: _stacked([names[field] for _, names in rows], np.uint64, NAME_WORDS) for field in fields},
        date_parts=_stacked([side.details.date_parts for side, _ in rows], np.uint16, DATE_WORDS),
        **_codes([side for side, _ in rows], left, right, model),
    )
    of_left, of_right = ([at for at, (side, _) in enumerate(rows) if side is one] for one in (left, right))
    return data, [(one, other) for one in of_left for other in of_right]


def _codes(rows: list[Side], left: Side, right: Side, model: LinkModel) -> dict[str, Any]:
    """Latest values as codes, and all values as histories where the model compares those.

    Where it does not, an address that both ever had stands for the latest.
    """
    columns = {column for one in model.comparisons for column in one.columns}
    with_history = {
        column
        for one in model.comparisons
        for level in one.levels
        if level.history
        for column in (level.columns or one.columns)
    }
    codes, histories = {}, {}
    for column in sorted(columns):
        known: dict[str, int] = {}
        values = [[known.setdefault(token, len(known)) for token in _tokens(column, side)] for side in (left, right)]
        if column in with_history:
            histories[column] = history_of([values[side is right] for side in rows])
        else:
            shared = [code for code in values[0] if code in values[1]]
            values = [(shared or own)[:1] for own in values]
        codes[column] = np.array([(values[side is right] or [-1])[0] for side in rows], dtype=np.int64)
    return {"codes": codes, "histories": histories}


def _tokens(column: str, side: Side) -> tuple[str, ...]:
    return (side.partner,) if column == "partner" else side.details.tokens.get(column, ())


def _name_fields(model: LinkModel) -> set[str]:
    return {one.name for one in model.comparisons if one.kind == "name"}


def _stacked(values: list[str | None], word: type[Any], words: int) -> np.ndarray[Any, Any]:
    return np.stack(
        [np.zeros(words, word) if text is None else np.frombuffer(bytes.fromhex(text), word) for text in values]
    )
