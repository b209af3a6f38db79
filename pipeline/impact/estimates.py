"""Families found beside an indicative estimate (Kent, Annex D). Pure but for reading the file it is given.

An estimate is a range made far away from survey shares; what is found is counted here, and published suppressed. One is
shown beside the other; neither corrects the other.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import DeclarationError

ALL_AREAS = "all areas"
FEWER, WITHIN, MORE, HIDDEN, NONE_FOUND = (
    "fewer than estimated",
    "within",
    "more than estimated",
    "hidden",
    "not on file",
)
BESIDE_COLUMNS = ("area", "low", "high", "found", "share_of_low", "share_of_high", "beside")


@dataclass(frozen=True)
class Estimates:
    """rows: area, low, high, population (missing where not given), in the file's order."""

    rows: pd.DataFrame
    source: str


def read_estimates(path: Path, low: str = "low", high: str = "high") -> Estimates:
    """Indicative estimates from a CSV file: area, the two columns named, and population where rates are wanted.

    Rows without a number (group totals not given) are left out. Raises DeclarationError with the line for a column
    missing, a range that is none, an area twice.
    """

    def fail(where: str, rule: str, remedy: str) -> DeclarationError:
        return DeclarationError(where=f"{path.name}{where}", rule=rule, remedy=remedy)

    try:
        reader = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    except (FileNotFoundError, UnicodeDecodeError):
        raise fail("", "there is no such file in UTF-8.", "give a CSV file: area,low,high.") from None
    missing = [name for name in ("area", low, high) if name not in (reader.fieldnames or ())]
    if missing:
        raise fail(
            ", line 1",
            f"there is no column {', '.join(missing)}.",
            "name the columns with --low-column and --high-column.",
        )
    rows: list[tuple[str, float, float, float]] = []
    for row in reader:
        where = f", line {reader.line_num}"
        area = (row["area"] or "").strip()
        if not area or area in {name for name, *_ in rows}:
            raise fail(where, "the area is missing, or stands twice.", "give each area one row.")
        if not (row[low] or "").strip():
            continue
        try:
            bounds = float(row[low]), float((row[high] or "").strip() or row[low])
            people = float((row.get("population") or "").strip() or "nan")
        except ValueError:
            raise fail(where, "an estimate or population is no number.", "write plain numbers.") from None
        if not 0 <= bounds[0] <= bounds[1] < float("inf"):
            raise fail(where, "the estimate is no range.", "give the lower one first.")
        rows.append((area, *bounds, people))
    return Estimates(pd.DataFrame(rows, columns=["area", "low", "high", "population"]), path.name)


def spread_over_areas(estimates: Estimates, place: str, people: Mapping[str, int]) -> Estimates:
    """One place's estimate as a rate a head, applied to the people on record in each area: what its rate would lead one
    to expect here. Raises DeclarationError where the place has no row or no population."""
    row = estimates.rows[estimates.rows["area"] == place]
    if row.empty or not float(row["population"].iloc[0]) > 0:
        raise DeclarationError(
            where=estimates.source,
            rule="this place has no estimate with a population.",
            remedy="name one of its areas as written, with a number in column population.",
        )
    low, high, population = (float(row[name].iloc[0]) for name in ("low", "high", "population"))
    here = [(area, low * n / population, high * n / population, float(n)) for area, n in sorted(people.items())]
    whole = sum(people.values())
    here.append((ALL_AREAS, low * whole / population, high * whole / population, float(whole)))
    rows = pd.DataFrame(here, columns=["area", "low", "high", "population"])
    return Estimates(rows.round({"low": 1, "high": 1}), f"{estimates.source}, rate of {place}")


def beside_estimates(estimates: Estimates, found: pd.DataFrame, within: float) -> pd.DataFrame:
    """BESIDE_COLUMNS: one row per area of the estimates, and one per area found that has none.

    `found`: area, families, as published: suppressed (missing) and rounded; so no exact count is given away here.
    `beside`: within when the count is no more than `within` (a share) outside the range.
    """
    joined = estimates.rows[["area", "low", "high"]].merge(found, on="area", how="outer", sort=False, indicator=True)
    ordered = joined.assign(place=joined["area"].map({a: i for i, a in enumerate(estimates.rows["area"])}))
    ordered = ordered.sort_values(["place", "area"], na_position="last", kind="stable").reset_index(drop=True)
    counted = ordered["families"].astype("Float64")
    low, high = (ordered[name].astype("Float64") for name in ("low", "high"))
    words = np.select(
        [
            (ordered["_merge"] == "left_only").to_numpy(),
            counted.isna().to_numpy(),
            low.isna().to_numpy(),
            (counted < low * (1 - within)).fillna(False).to_numpy(dtype=bool),
            (counted > high * (1 + within)).fillna(False).to_numpy(dtype=bool),
        ],
        [NONE_FOUND, HIDDEN, "no estimate", FEWER, MORE],
        WITHIN,
    )
    table = pd.DataFrame(
        {
            "area": ordered["area"], "low": low, "high": high, "found": counted.astype("Int64"),
            "share_of_low": counted / low.where(low > 0), "share_of_high": counted / high.where(high > 0),
            "beside": words,
        }
    )  # fmt: skip
    return table[list(BESIDE_COLUMNS)]
