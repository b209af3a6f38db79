"""One prioritised list from every partner's nominations and the pack's flags; each family's score is a sum that shows.

Pure. The weights are data (`schemas/casework/priority.yaml`). A way to order a list that people read; no decision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.contracts.reading import read_yaml, require
from pipeline.spans import months_back, own_members

PRIORITY_COLUMNS = ("place", "family_id", "score", "selected", "nominating_partners", "contains_dwp")
PART_COLUMNS = ("family_id", "part", "value", "points", "contains_dwp")
VALUES = ("criteria_met", "fiscal_cost", "partners", "nominating_partners", "best_rank")


@dataclass(frozen=True)
class Part:
    """One part of the score: points = weight × value ÷ full_marks, at most the weight; `falling`: 1 is the most."""

    id: str
    title: str
    of: str
    unit: str
    weight: float
    full_marks: float
    falling: bool

    def points(self, value: pd.Series) -> pd.Series:
        """Points, to the hundredth; a missing value has none."""
        share = (self.full_marks + 1 - value if self.falling else value) / self.full_marks
        return (self.weight * share.clip(0, 1)).fillna(0.0).round(2)


@dataclass(frozen=True)
class Weights:
    """The parts, and what of nominations and evidence counts."""

    version: str
    title: str
    source: str
    nomination_months: int
    top: int
    partner_months: int
    routine: tuple[str, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Priority:
    """`families`: PRIORITY_COLUMNS, one row per family listed, the first place first. `parts`: PART_COLUMNS."""

    families: pd.DataFrame
    parts: pd.DataFrame


def load_weights(path: Path) -> Weights:
    """The weights. Raises DeclarationError, with the line: an unknown value, a weight or full marks out of range."""
    document = read_yaml(path)
    for key in ("version", "title", "nominations", "partners_months", "parts"):
        require(bool(document.get(key)), path=path, rule=f"the priority needs '{key}'.", remedy=f"add '{key}'.")
    parts = []
    for entry in document["parts"]:
        name = str(entry.get("id", ""))
        near = f"id: {name},"
        require(
            entry.get("of") in VALUES, path=path, near=near, rule=f"'{name}': of nothing known.", remedy=_one_of(VALUES)
        )
        weight, full = float(entry.get("weight", -1)), float(entry.get("full_marks", 0))
        fits = weight >= 0 and full > 0
        require(
            fits, path=path, near=near, rule=f"'{name}' needs a weight and full marks.", remedy="write them as numbers."
        )
        parts.append(
            Part(name, str(entry.get("title", name)), str(entry["of"]), str(entry.get("unit", "")), weight, full,
                 bool(entry.get("falling", False)))
        )  # fmt: skip
    nominations = document["nominations"]
    return Weights(
        version=str(document["version"]), title=str(document["title"]), source=str(document.get("source", "")),
        nomination_months=int(nominations.get("months", 12)), top=int(nominations.get("top", 100)),
        partner_months=int(document["partners_months"]), routine=tuple(document.get("routine") or ()),
        parts=tuple(parts),
    )  # fmt: skip


def prioritise(
    selection: pd.DataFrame,
    results: pd.DataFrame,
    costs: pd.DataFrame,
    members: pd.DataFrame,
    evidence: pd.DataFrame,
    nominations: pd.DataFrame,
    spells: Iterable[str],
    weights: Weights,
    as_at: pd.Timestamp,
    closed: Collection[str] = (),
) -> Priority:
    """The list: every family that the pack selects or a partner nominates, each with its score and the score's parts.

    selection: family_id, selected. results: family_id, state. costs: family_id, fiscal. nominations: person_id,
    partner, nominated_on, rank. `spells`: the kinds of evidence that are periods. `closed`: of VALUES, those that a
    feed closed to onward disclosure goes into; their parts are marked whatever the value, since a low number says
    something too. Equal scores keep the order of family ids.
    """
    as_at = pd.Timestamp(as_at).normalize()
    family_of = own_members(members, as_at).set_index("person_id")["family_id"]
    nominated = _nominated(nominations, family_of, weights, as_at)
    chosen = selection.loc[selection["selected"].astype(bool), "family_id"]
    listed = pd.Index(np.union1d(chosen.to_numpy(dtype=np.int64), nominated["family_id"].to_numpy(dtype=np.int64)))
    listed.name = "family_id"

    by_family = nominated.groupby("family_id")
    met = results[results["state"] == "met"]
    involved = _partners(evidence, family_of, listed, set(spells), weights, as_at)
    values = {
        "criteria_met": met.groupby("family_id").size().reindex(listed).fillna(0),
        "fiscal_cost": costs.groupby("family_id")["fiscal"].sum().reindex(listed).fillna(0),
        "partners": involved.groupby("family_id")["partner"].nunique().reindex(listed).fillna(0),
        "nominating_partners": by_family["partner"].nunique().reindex(listed).fillna(0),
        "best_rank": by_family["rank"].min().reindex(listed),
    }
    parts = [
        pd.DataFrame(
            {
                "family_id": listed,
                "part": part.id,
                "value": values[part.of].astype(float).to_numpy(),
                "points": part.points(values[part.of].astype(float)).to_numpy(),
                "contains_dwp": part.of in closed,
            }
        )
        for part in weights.parts
    ]
    told: pd.DataFrame = pd.concat(parts, ignore_index=True)
    grouped = told.groupby("family_id", as_index=False)
    scored = pd.DataFrame(grouped.agg(score=("points", "sum"), contains_dwp=("contains_dwp", "any")))
    scored["score"] = scored["score"].round(2)
    scored["selected"] = scored["family_id"].isin(chosen)
    scored["nominating_partners"] = values["nominating_partners"].astype("int64").to_numpy()
    scored = scored.sort_values(["score", "family_id"], ascending=[False, True], ignore_index=True)
    scored["place"] = np.arange(1, len(scored) + 1)
    order = {part.id: place for place, part in enumerate(weights.parts)}
    ordered = told.assign(order=told["part"].map(order)).sort_values(by=["family_id", "order"], ignore_index=True)
    return Priority(scored[list(PRIORITY_COLUMNS)], ordered[list(PART_COLUMNS)])


def _nominated(nominations: pd.DataFrame, family_of: pd.Series, weights: Weights, as_at: pd.Timestamp) -> pd.DataFrame:
    """family_id, partner, rank: each partner's first families of its own list, a family by its best place in it."""
    window = months_back(as_at, weights.nomination_months)
    recent = nominations[window.begins_in(pd.to_datetime(nominations["nominated_on"]))]
    recent = recent.assign(family_id=family_of.reindex(recent["person_id"]).to_numpy()).dropna(subset=["family_id"])
    best = recent.groupby(["partner", "family_id"], observed=True).agg(rank=("rank", "min")).reset_index()
    best = best.sort_values(["partner", "rank", "family_id"])
    first = best.groupby("partner", observed=True).cumcount() < weights.top
    return best.loc[first, ["family_id", "partner", "rank"]].astype({"family_id": "int64"})


def _partners(
    evidence: pd.DataFrame,
    family_of: pd.Series,
    listed: pd.Index,
    spells: set[str],
    weights: Weights,
    as_at: pd.Timestamp,
) -> pd.DataFrame:
    """family_id, partner: who has evidence of a listed family in the last months, beyond what every family has."""
    window = months_back(as_at, weights.partner_months)
    people = family_of[family_of.isin(listed)]
    rows = evidence[evidence["person_id"].isin(people.index) & ~evidence["kind"].isin(weights.routine)]
    start, end = pd.to_datetime(rows["start_date"]), pd.to_datetime(rows["end_date"])
    rows = rows[window.begins_in(start) | (rows["kind"].isin(spells).to_numpy() & window.overlaps(start, end))]
    told = pd.DataFrame(
        {
            "family_id": people.reindex(rows["person_id"]).to_numpy(),
            "partner": rows["partner"].astype(object).to_numpy(),
        }
    )
    return told.drop_duplicates()


def _one_of(names: Iterable[str]) -> str:
    return f"use one of: {', '.join(sorted(names))}."
