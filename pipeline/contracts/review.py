"""The declaration of clerical review (`schemas/review.yaml`): the queue, questions to partners, conclusions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts.reading import read_yaml, require


@dataclass(frozen=True)
class ReviewRules:
    """How links are reviewed; see the declaration for what each figure means."""

    cut_is_same: float
    touches_flag: float
    expires_days: int
    most_in_a_file: int
    most_per_record_a_year: int
    cover_share: float
    bases: tuple[str, ...]
    same: float
    different: float
    checked_by_both: int
    one_for_life: tuple[str, ...]
    slips: tuple[str, ...]
    checked_error: float


def load_review(declarations: Path) -> ReviewRules:
    """The rules of review. Raises DeclarationError where a figure is missing or out of its range."""
    path = declarations / "review.yaml"
    document = read_yaml(path)
    parts = {**document.get("queue", {}), **document.get("questions", {}), **document.get("compare", {})}
    for name in ReviewRules.__dataclass_fields__:
        require(name in parts, path=path, rule=f"'{name}' is missing.", remedy="add it.")
    lists = {name: tuple(parts[name]) for name in ("bases", "one_for_life", "slips")}
    rules = ReviewRules(**{**parts, **lists})
    require(
        0 < rules.different < 0.5 < rules.same < 1
        and 0 <= rules.cut_is_same <= 1
        and 0 <= rules.cover_share <= 4
        and 0 < rules.checked_error <= 1,
        path=path,
        near="compare:",
        rule="0 < different < 0.5 < same < 1, and shares are not below 0.",
        remedy="mend the figure.",
    )
    require(
        min(rules.expires_days, rules.most_in_a_file, rules.most_per_record_a_year, rules.checked_by_both) >= 1,
        path=path,
        near="questions:",
        rule="days and numbers of questions are at least 1.",
        remedy="mend the figure.",
    )
    return rules
