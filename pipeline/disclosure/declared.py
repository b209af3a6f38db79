"""The declaration of disclosure control (`schemas/disclosure.yaml`), checked when loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.contracts.reading import read_yaml, require

Step = tuple[str, int | bool]
STEPS = ("at_most", "band", "year", "district", "drop")


@dataclass(frozen=True)
class Control:
    """How counts and amounts are protected; see the declaration for what each figure means."""

    id: str
    version: str
    threshold: int
    base: int
    contributors: int
    share: float
    p: float
    amount_base: float
    k: int
    l: int  # noqa: E741 - the name it has in the literature
    district_of: dict[str, str]

    def small(self, counts: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which counts are too small to be shown: from 1 to below the threshold."""
        values = np.asarray(counts, dtype=np.float64)
        return np.asarray((values > 0) & (values < self.threshold))

    def nearest(self, counts: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Counts rounded to the nearest multiple of the base (conventional rounding), halves up."""
        return np.asarray(np.floor(np.asarray(counts, dtype=np.float64) / self.base + 0.5) * self.base)

    def rounded(self, counts: pd.Series) -> pd.Series:
        """Counts that stand alone, with nothing to subtract them from: hidden (missing) where small, else rounded."""
        whole = pd.Series(self.nearest(counts), index=counts.index, name=counts.name)
        return whole.mask(self.small(counts)).astype("Int64")

    def told(self, counts: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The least and greatest count that is shown as these are: what rounding tells whoever knows the rule."""
        values = np.asarray(counts, dtype=np.float64)
        near = self.nearest(values)
        low = np.maximum(near - math.floor(self.base / 2), self.threshold)
        high = near + math.ceil(self.base / 2) - 1
        return np.where(values > 0, low, 0.0), np.where(values > 0, high, 0.0)


@dataclass(frozen=True)
class TableRule:
    """A table of counts or amounts that may be exported: `rows` reads one row per family (and agency …)."""

    name: str
    title: str
    purposes: tuple[str, ...]
    rows: str
    universe: str
    by: tuple[str, ...]
    totals: tuple[str, ...]
    of: str | None
    amount: str | None


@dataclass(frozen=True)
class RowsRule:
    """An extract of rows that may be exported, with what an outsider may know (`quasi_identifiers` → coarsening
    steps)."""

    name: str
    title: str
    purposes: tuple[str, ...]
    rows: str
    ids: tuple[str, ...]
    quasi_identifiers: dict[str, tuple[Step, ...]]
    sensitive: tuple[str, ...]


@dataclass(frozen=True)
class Disclosure:
    """The whole declaration."""

    control: Control
    tables: dict[str, TableRule]
    extracts: dict[str, RowsRule]


def load_control(declarations: Path) -> Control:
    """The figures alone. Raises DeclarationError."""
    return load_disclosure(declarations).control


def load_disclosure(declarations: Path) -> Disclosure:
    """The declaration. Raises DeclarationError where it is ill-formed."""
    path = declarations / "disclosure.yaml"
    document = read_yaml(path)
    for key in ("id", "version", "counts", "amounts", "extracts", "tables", "rows"):
        require(key in document, path=path, rule=f"'{key}' is missing.", remedy="add it.")
    control = _control(path, document)
    tables = {name: _table(path, name, entry) for name, entry in document["tables"].items()}
    for rule in tables.values():
        require(
            rule.of is None or (rule.of in tables and tables[rule.of].by == rule.by),
            path=path, near=f"{rule.name}:", rule=f"table '{rule.name}' is of no table with the same columns.",
            remedy="name the table of the whole groups, or take 'of' out.",
        )  # fmt: skip
    extracts = {name: _extract(path, name, entry) for name, entry in document["rows"].items()}
    return Disclosure(control, tables, extracts)


def _control(path: Path, document: dict[str, Any]) -> Control:
    counts, amounts, extracts = (document[part] for part in ("counts", "amounts", "extracts"))
    for part, names in (
        ("counts", ("threshold", "rounding", "whole_group", "between_releases")),
        ("amounts", ("contributors", "share", "p", "rounding")),
        ("extracts", ("k", "l")),
    ):
        for name in names:
            require(
                name in document[part],
                path=path,
                near=f"{part}:",
                rule=f"'{part}.{name}' is missing.",
                remedy="add it.",
            )
    require(
        counts["whole_group"] == "hidden" and counts["between_releases"] == "held",
        path=path, near="counts:",
        rule="whole_group is 'hidden' and between_releases is 'held'; no other way is built.",
        remedy="write these words.",
    )  # fmt: skip
    require(
        1 <= counts["rounding"] <= counts["threshold"] and counts["threshold"] >= 3,
        path=path, near="threshold", rule="the threshold is at least 3, and rounding from 1 to the threshold.",
        remedy="mend the figure.",
    )  # fmt: skip
    require(
        amounts["contributors"] >= 1 and 0 < amounts["share"] < 1 and 0 < amounts["p"] < 1 and amounts["rounding"] > 0,
        path=path, near="amounts:", rule="contributors is at least 1, share and p are shares, rounding is above 0.",
        remedy="mend the figure.",
    )  # fmt: skip
    require(
        extracts["k"] >= 2 and extracts["l"] >= 1,
        path=path, near="extracts:", rule="k is at least 2 and l at least 1.", remedy="mend the figure.",
    )  # fmt: skip
    areas = [area for own in (document.get("districts") or {}).values() for area in own]
    require(
        len(areas) == len(set(areas)), path=path, near="districts", rule="an area lies in two districts.",
        remedy="leave it in one.",
    )  # fmt: skip
    return Control(
        id=str(document["id"]), version=str(document["version"]), threshold=int(counts["threshold"]),
        base=int(counts["rounding"]), contributors=int(amounts["contributors"]), share=float(amounts["share"]),
        p=float(amounts["p"]), amount_base=float(amounts["rounding"]), k=int(extracts["k"]), l=int(extracts["l"]),
        district_of={
            str(area): str(name) for name, own in (document.get("districts") or {}).items() for area in own
        },
    )  # fmt: skip


def _table(path: Path, name: str, entry: dict[str, Any]) -> TableRule:
    for key in ("title", "purposes", "rows", "universe", "by"):
        require(bool(entry.get(key)), path=path, near=f"{name}:", rule=f"'{name}' has no '{key}'.", remedy="add it.")
    totals = tuple(entry.get("totals", ()))
    require(
        set(totals) <= set(entry["by"]), path=path, near=f"{name}:", rule="totals are of columns that it is by.",
        remedy="mend the names.",
    )  # fmt: skip
    return TableRule(
        name=name, title=entry["title"], purposes=tuple(entry["purposes"]), rows=entry["rows"],
        universe=entry["universe"], by=tuple(entry["by"]), totals=totals, of=entry.get("of"),
        amount=entry.get("amount"),
    )  # fmt: skip


def _extract(path: Path, name: str, entry: dict[str, Any]) -> RowsRule:
    for key in ("title", "purposes", "rows", "quasi_identifiers"):
        require(bool(entry.get(key)), path=path, near=f"{name}:", rule=f"'{name}' has no '{key}'.", remedy="add it.")
    quasi: dict[str, tuple[Step, ...]] = {}
    for column, steps in entry["quasi_identifiers"].items():
        require(
            all(len(step) == 1 and next(iter(step)) in STEPS for step in steps or ()),
            path=path, near=f"{column}:", rule=f"'{column}' is coarsened in a way that is not built.",
            remedy=f"use one of {', '.join(STEPS)} per step.",
        )  # fmt: skip
        quasi[column] = tuple(next(iter(step.items())) for step in steps or ())
    return RowsRule(
        name=name, title=entry["title"], purposes=tuple(entry["purposes"]), rows=entry["rows"],
        ids=tuple(entry.get("ids", ())), quasi_identifiers=quasi, sensitive=tuple(entry.get("sensitive", ())),
    )  # fmt: skip
