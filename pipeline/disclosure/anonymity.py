"""How well rows hide among each other: k-anonymity, l-diversity, and what would raise them. Pure.

Rows that are alike in all that an outsider may know (the quasi-identifiers) form a class; k is the size of the smallest
(Sweeney 2002), l the least number of different values of a sensitive column in a class (Machanavajjhala et al. 2007,
distinct l-diversity). No value of a row is in a result: columns, steps and counts only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.disclosure.declared import Control, RowsRule, Step

SIZES = ((1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, None))
ABOVE = " or more"


@dataclass(frozen=True)
class Raise:
    """What a coarser column would do: the columns and how many steps of each, k, l, and rows in classes below the k
    asked for."""

    steps: Mapping[str, int]
    words: str
    k: int
    l: int  # noqa: E741 - the name it has in the literature
    rows_below: int


@dataclass(frozen=True)
class Anonymity:
    """One extract: rows, classes, k, l by sensitive column, rows alone in their class, rows below the k asked for;
    sizes of classes (from, to, classes, rows); each single step, and a way to the k asked for (None: there is none)."""

    name: str
    columns: tuple[str, ...]
    rows: int
    classes: int
    k: int
    l: Mapping[str, int]  # noqa: E741
    unique: int
    rows_below: int
    asked_k: int
    asked_l: int
    sizes: tuple[tuple[int, int | None, int, int], ...]
    single: tuple[Raise, ...]
    way: Raise | None

    @property
    def least_l(self) -> int:
        return min(self.l.values(), default=self.asked_l)

    @property
    def enough(self) -> bool:
        return not self.rows or (self.k >= self.asked_k and self.least_l >= self.asked_l)


def examine(rows: pd.DataFrame, rule: RowsRule, control: Control) -> Anonymity:
    """The anonymity of rows as they are, and what would raise it."""
    columns = tuple(rule.quasi_identifiers)
    size = _sizes(rows, columns)
    classes = size.groupby(level=list(range(size.index.nlevels))).first() if columns and len(rows) else size
    ranges = []
    for low, high in SIZES:
        inside = (classes >= low) & (classes <= (high or classes.max() if len(classes) else 0))
        ranges.append((low, high, int(inside.sum()), int(classes[inside].sum())))
    single = []
    for column, steps in rule.quasi_identifiers.items():
        single += [_raised(rows, rule, control, {column: number}) for number in range(1, len(steps) + 1)]
    return Anonymity(
        name=rule.name, columns=columns, rows=len(rows), classes=len(classes), k=int(classes.min()) if len(rows) else 0,
        l=_diversity(rows, columns, rule.sensitive), unique=int((classes == 1).sum()),
        rows_below=int(classes[classes < control.k].sum()), asked_k=control.k, asked_l=control.l, sizes=tuple(ranges),
        single=tuple(single), way=_way(rows, rule, control),
    )  # fmt: skip


def coarsened(
    rows: pd.DataFrame, rule: RowsRule, steps: Mapping[str, int], district_of: Mapping[str, str]
) -> pd.DataFrame:
    """The rows with these columns coarsened by so many of their steps (the last one counts)."""
    changed = rows.copy()
    for column, number in steps.items():
        if number:
            changed[column] = _step(rows[column], rule.quasi_identifiers[column][number - 1], district_of)
    return changed


def without_small_classes(rows: pd.DataFrame, rule: RowsRule, k: int) -> pd.DataFrame:
    """The rows whose class is large enough."""
    size = _sizes(rows, tuple(rule.quasi_identifiers))
    return rows[(size >= k).to_numpy()] if len(rows) else rows


def _way(rows: pd.DataFrame, rule: RowsRule, control: Control) -> Raise | None:
    """Step by step, always the one that leaves fewest rows below k, until k and l are reached."""
    steps = dict.fromkeys(rule.quasi_identifiers, 0)
    now = _raised(rows, rule, control, steps)
    while now.k < control.k or now.l < control.l:
        further = [
            _raised(rows, rule, control, {**steps, column: number + 1})
            for column, number in steps.items()
            if number < len(rule.quasi_identifiers[column])
        ]
        if not further:
            return None
        now = min(further, key=lambda one: (one.rows_below, -one.l, -one.k, sum(one.steps.values())))
        steps = dict(now.steps)
    return now


def _raised(rows: pd.DataFrame, rule: RowsRule, control: Control, steps: Mapping[str, int]) -> Raise:
    changed = coarsened(rows, rule, steps, control.district_of)
    columns = tuple(rule.quasi_identifiers)
    size = _sizes(changed, columns)
    diversity = _diversity(changed, columns, rule.sensitive)
    told = [
        step_in_words(column, rule.quasi_identifiers[column][number - 1]) for column, number in steps.items() if number
    ]
    return Raise(
        dict(steps), ", ".join(told) or "as it is", int(size.min()) if len(rows) else 0,
        min(diversity.values(), default=control.l),
        int((size < control.k).sum()),
    )  # fmt: skip


def step_in_words(column: str, step: Step) -> str:
    """A coarsening step for people."""
    how, value = step
    name = column.replace("_", " ")
    return {
        "at_most": f"{name}: {value} and more together", "band": f"{name}: in bands of {value}",
        "year": f"{name}: year only", "district": f"{name}: district instead", "drop": f"{name}: left out",
    }[how]  # fmt: skip


def _step(values: pd.Series, step: Step, district_of: Mapping[str, str]) -> pd.Series:
    how, limit = step
    if how == "drop":
        return pd.Series("", index=values.index, dtype=object)
    if how == "district":
        return values.map(lambda area: district_of.get(str(area), "elsewhere"))
    if how == "year":
        return values.map(lambda value: str(value)[:4])
    if how == "band":
        return values.map(lambda value: _band(_least(value), int(limit)))
    return values.map(lambda value: _capped(_least(value), int(limit)))


def _least(value: Any) -> int | None:
    """The number a cell starts at, coarsened before or not; None where there is none."""
    text = "" if pd.isna(value) else str(value).split(" ")[0]
    return int(float(text)) if text else None


def _capped(value: int | None, limit: int) -> str:
    return "" if value is None else f"{limit}{ABOVE}" if value >= limit else str(value)


def _band(value: int | None, width: int) -> str:
    start = (value or 0) // width * width
    return "" if value is None else f"{start} to {start + width - 1}"


def _sizes(rows: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """The size of each row's class, indexed by the class."""
    if not columns or rows.empty:
        return pd.Series(len(rows), index=rows.index, dtype="int64")
    keys = rows[list(columns)].astype(object).where(rows[list(columns)].notna(), "\0none").astype(str)
    size = keys.groupby(list(columns), sort=False)[columns[0]].transform("size")
    return pd.Series(
        size.to_numpy(), index=pd.MultiIndex.from_frame(keys) if len(columns) > 1 else pd.Index(keys[columns[0]])
    )


def _diversity(rows: pd.DataFrame, columns: Sequence[str], sensitive: Sequence[str]) -> dict[str, int]:
    """Per sensitive column, the fewest different values in any class."""
    if rows.empty:
        return dict.fromkeys(sensitive, 0)
    if not columns:
        return {column: int(rows[column].nunique(dropna=False)) for column in sensitive}
    keys = [rows[column].astype(object).where(rows[column].notna(), "\0none").astype(str) for column in columns]
    return {column: int(rows[column].groupby(keys, sort=False).nunique(dropna=False).min()) for column in sensitive}
