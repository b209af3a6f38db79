"""Families found beside an indicative estimate (Kent, Annex D). Pure but for reading the file it is given.

An estimate is a range made far away from survey shares; what is found is counted here, and published suppressed. One is
shown beside the other; neither corrects the other.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.disclosure import Control, Earlier, Released, Table, count_figures
from pipeline.errors import DeclarationError

ALL_AREAS, WHOLE_DISTRICT = "all areas", "whole district"
FEWER, WITHIN, MORE, HIDDEN, NO_ESTIMATE = (
    "fewer than estimated",
    "within",
    "more than estimated",
    "hidden",
    "no estimate",
)
BESIDE_COLUMNS = ("district", "area", "low", "high", "found", "share_of_low", "share_of_high", "beside")
SHOWN = 5  # problems named in one message
_ROWS = ("district", "area", "low", "high", "population", "line")


@dataclass(frozen=True)
class Estimates:
    """rows: district ("" where the file has none), area (WHOLE_DISTRICT for a district's own), low, high, population
    (missing where not given), line, in the file's order."""

    rows: pd.DataFrame
    source: str

    def district_of(self) -> dict[str, str]:
        """The district of each area that has one."""
        own = self.rows[(self.rows["district"] != "") & (self.rows["area"] != WHOLE_DISTRICT)]
        return dict(zip(own["area"], own["district"], strict=True))


def read_estimates(path: Path, low: str = "low", high: str = "high") -> Estimates:
    """Indicative estimates from a CSV file: area, the two columns named; district where areas are grouped; population
    where rates are wanted. A line with a district and no area is the whole district's; one without a number only says
    in which district the area is. Raises DeclarationError with the lines of what cannot be read; never a value."""
    try:
        reader = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError):
        raise _refused(path.name, [(0, "there is no such file in UTF-8")], "give a CSV file: area,low,high.") from None
    missing = [name for name in ("area", low, high) if name not in (reader.fieldnames or ())]
    if missing:
        rule = f"there is no column {', '.join(missing)}"
        raise _refused(path.name, [(1, rule)], "name the columns with --low-column and --high-column.")
    rows: list[tuple[str, str, float, float, float, int]] = []
    seen: dict[tuple[str, str], int] = {}
    problems: list[tuple[int, str]] = []
    for row in reader:
        line = reader.line_num
        try:
            district, area, lowest, highest, population = _row(row, low, high)
        except ValueError as problem:
            problems.append((line, str(problem)))
            continue
        key = (district if area == WHOLE_DISTRICT else "", area)
        if key in seen:
            problems.append((line, f"this area stands on line {seen[key]} already"))
        seen[key] = line
        rows.append((district, area, lowest, highest, population, line))
    if problems or not rows:
        raise _refused(path.name, problems or [(0, "there is no estimate in it")], "mend the file and give it again.")
    return Estimates(pd.DataFrame(rows, columns=list(_ROWS)), path.name)


def _row(row: Mapping[str, str | None], low: str, high: str) -> tuple[str, str, float, float, float]:
    """One line. Raises ValueError whose text is the rule, without a value."""

    def number(name: str) -> float:
        text = (row.get(name) or "").strip()
        try:
            value = float(text) if text else np.nan
        except ValueError:
            raise ValueError("an estimate or population is no number") from None
        if value < 0 or value == float("inf"):
            raise ValueError("an estimate or population is below nought or without end")
        return value

    district, area = ((row.get(name) or "").strip() for name in ("district", "area"))
    if not area and not district:
        raise ValueError("the area is missing")
    lowest, highest = number(low), number(high)
    highest = lowest if np.isnan(highest) else highest
    if np.isnan(lowest) != np.isnan(highest) or lowest > highest:
        raise ValueError("the estimate is no range: the lower end comes first")
    return district, area or WHOLE_DISTRICT, lowest, highest, number("population")


def check_areas(estimates: Estimates, known: Iterable[str]) -> None:
    """Raises DeclarationError, with the lines, where an area is none of those on record here."""
    on_record = {*known, ALL_AREAS, WHOLE_DISTRICT}
    strange = estimates.rows.loc[~estimates.rows["area"].isin(on_record), "line"]
    if len(strange):
        raise _refused(
            estimates.source,
            [(int(line), "no family lives in an area of this name") for line in strange],
            "use the area codes of cohort.family; for a table of other places, --place NAME spreads one of its rows "
            "over the areas here.",
        )


def spread_over_areas(estimates: Estimates, place: str, people: Mapping[str, int]) -> Estimates:
    """One place's estimate as a rate a head, applied to the people on record in each area: what its rate would lead one
    to expect here. Raises DeclarationError where the place has no row or no population."""
    row = estimates.rows[estimates.rows["area"] == place]
    if row.empty or not (row["population"] > 0).iloc[0] or row["low"].isna().iloc[0]:
        raise DeclarationError(
            where=estimates.source,
            rule="this place has no estimate with a population.",
            remedy="name one of its areas as written, with a number in column population.",
        )
    low, high, population = (float(row[name].iloc[0]) for name in ("low", "high", "population"))
    counted = [*sorted(people.items()), (ALL_AREAS, sum(people.values()))]
    here = [("", area, low * n / population, high * n / population, float(n), 0) for area, n in counted]
    rows = pd.DataFrame(here, columns=list(_ROWS))
    return Estimates(rows.round({"low": 1, "high": 1}), f"{estimates.source}, rate of {place}")


def found_in_districts(
    exact: pd.Series, before: Sequence[Earlier], district_of: Mapping[str, str], control: Control, as_at: str
) -> tuple[Table, Released]:
    """Families by district, so that nothing hidden in what was released `before` of the same families (by area, and the
    whole) can be worked out from them. `exact` is by area."""
    areas = tuple(sorted(map(str, exact.index)))
    inside: dict[str, list[str]] = {}
    for area in areas:
        if area in district_of:
            inside.setdefault(district_of[area], []).append(area)
    totals = np.array([float(exact[own].sum()) for own in inside.values()])
    need = np.where(control.small(totals), float(control.threshold), 0.0)
    endless, level = np.full(len(totals), np.inf), np.ones(len(totals))
    table = Table(
        pd.DataFrame({"district": list(inside)}),
        [{"area": tuple(own)} for own in inside.values()],
        count_figures(totals, need, endless, control, level),
        {"area": areas},
    )
    return table, table.released(before, as_at, strict=False)


def beside_estimates(estimates: Estimates, found: pd.Series, districts: pd.Series, within: float) -> pd.DataFrame:
    """BESIDE_COLUMNS: each district and its areas, then areas of none, those without an estimate, then the whole.

    `found` and `districts`: families by area (the whole among them) and by district, as they may be shown: suppressed
    (missing) and rounded; so no exact count is given away here. A district's estimate is its own line's, else the sum
    of its areas' where each has one; so is the whole's. `beside`: within when the count is no more than `within` (a
    share) outside the range.
    """
    keys = zip(estimates.rows["district"], estimates.rows["area"], strict=True)
    given = dict(zip(keys, zip(estimates.rows["low"], estimates.rows["high"], strict=True), strict=True))
    of_area = estimates.district_of()
    named = [area for area in estimates.rows["area"] if area not in (WHOLE_DISTRICT, ALL_AREAS)]
    unnamed = [area for area in found.index if area not in {*named, ALL_AREAS}]
    rows: list[tuple[str, str, float, float, object]] = []
    tops = []
    for district in dict.fromkeys(name for name in estimates.rows["district"] if name):
        own = [area for area in named if of_area.get(area) == district]
        bounds = _bounds(given, (district, WHOLE_DISTRICT), [_bounds(given, (district, area)) for area in own])
        tops.append(bounds)
        rows.append((district, WHOLE_DISTRICT, *bounds, districts.get(district)))
        rows += [(district, area, *_bounds(given, (district, area)), found.get(area)) for area in own]
    for area in [*(area for area in named if area not in of_area), *unnamed]:
        tops.append(_bounds(given, ("", area)))
        rows.append(("", area, *tops[-1], found.get(area)))
    rows.append(("", ALL_AREAS, *_bounds(given, ("", ALL_AREAS), tops), found.get(ALL_AREAS)))
    table = pd.DataFrame(rows, columns=["district", "area", "low", "high", "found"])
    table["found"] = table["found"].astype("Int64")
    counted = table["found"].astype("Float64")
    low, high = (table[name].astype("float64") for name in ("low", "high"))
    shown = counted.to_numpy(dtype=np.float64, na_value=np.nan)
    table["share_of_low"], table["share_of_high"] = shown / low.where(low > 0), shown / high.where(high > 0)
    table["beside"] = np.select(
        [counted.isna().to_numpy(), low.isna().to_numpy(), shown < low * (1 - within), shown > high * (1 + within)],
        [HIDDEN, NO_ESTIMATE, FEWER, MORE],
        WITHIN,
    )
    return table[list(BESIDE_COLUMNS)]


def _bounds(
    given: Mapping[tuple[str, str], tuple[float, float]],
    key: tuple[str, str],
    parts: Iterable[tuple[float, float]] = (),
) -> tuple[float, float]:
    """The estimate of a line, else the sum of its parts; missing where one of them is."""
    low, high = given.get(key, (np.nan, np.nan))
    if not np.isnan(low):
        return low, high
    sums = np.array(list(parts), dtype=np.float64).reshape(-1, 2)
    return (float(sums[:, 0].sum()), float(sums[:, 1].sum())) if len(sums) else (np.nan, np.nan)


def _refused(source: str, problems: list[tuple[int, str]], remedy: str) -> DeclarationError:
    """One error for all lines refused: the first few are told."""
    told = [f"line {line}: {rule}" if line else rule for line, rule in problems[:SHOWN]]
    more = [f"and {len(problems) - SHOWN} lines more"] if len(problems) > SHOWN else []
    return DeclarationError(where=source, rule="; ".join([*told, *more]) + ".", remedy=remedy)
