"""Small tables for impact: evidence as rows, families of known effect as groups and panels."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from pipeline.contracts import load_vocabulary
from pipeline.impact import Impact, load_impact
from pipeline.impact.effect import Groups, effects
from pipeline.impact.match import Matched, match_families
from pipeline.impact.panel import AFTER, BEFORE, EARLIER
from pipeline.impact.simulate import families_with_known_effect
from pipeline.settings import PROJECT

AS_AT = pd.Timestamp("2014-07-31")
LONG_AGO = pd.Timestamp("2011-08-01")
FACT = ("person_id", "kind", "start_date", "end_date", "code", "role", "quantity", "out_of", "partner")


@cache
def declared() -> Impact:
    return load_impact(PROJECT / "schemas", load_vocabulary(PROJECT / "schemas"))


def fact(person: int, kind: str, start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    return {**dict.fromkeys(FACT), "person_id": person, "kind": kind, "start_date": start, "end_date": end, **more}


def evidence(facts: Iterable[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(facts), columns=list(FACT))
    for column in ("start_date", "end_date"):
        frame[column] = pd.to_datetime(frame[column])
    for column in ("quantity", "out_of"):
        frame[column] = frame[column].astype("float64")
    return frame


def compared(
    seed: int, *, selection: str, planted: tuple[float, ...] = (0.0, -0.3), families: int = 480, matched: bool = False
) -> tuple[list[tuple[float, dict[str, Any]]], Matched | None]:
    """For each planted effect, the truth on the new model's families and what is found; and the match.

    The same families in every world of a seed: only what happens after differs.
    """
    worlds = [
        families_with_known_effect(seed, families=families, relative_effect=effect, selection=selection)
        for effect in planted
    ]
    panel = pd.concat([world.assign(measure=f"{effect}") for world, effect in zip(worlds, planted, strict=True)])
    world, match = worlds[0], None
    if matched:
        covariates = pd.DataFrame(
            {"family_id": world["family_id"], "before": np.log1p(world[BEFORE]), "earlier": np.log1p(world[EARLIER])}
        )
        match = match_families(covariates, world["treated"].to_numpy(), declared().matching)
        table = match.sets.assign(cluster=match.sets["set"].astype(str))
        table["arm"] = np.where(table["new_model"], "new_model", "business_as_usual")
    else:
        arm = np.where(world["treated"], "new_model", "business_as_usual")
        table = pd.DataFrame({"family_id": world["family_id"], "arm": arm, "cluster": world["family_id"].astype(str)})
    kept = table.loc[table["arm"] == "new_model", "family_id"]
    would = float(world.set_index("family_id").loc[kept, "would_be"].mean())
    groups = Groups(table[["family_id", "arm", "cluster"]], matched)
    names = [f"{effect}" for effect in planted]
    columns = ["family_id", "measure", EARLIER, BEFORE, AFTER]
    # Each is tried alone, as a programme has one primary outcome.
    found = [effects(groups, panel[columns], [name], names, name, declared()).to_dict("records")[0] for name in names]
    return [(effect * would, row) for effect, row in zip(planted, found, strict=True)], match


def small_panel(rows: Iterable[tuple[int, str, float, float, float]]) -> tuple[Groups, pd.DataFrame]:
    """Groups and panel from rows of family_id, arm, earlier, before, after."""
    table = pd.DataFrame(list(rows), columns=["family_id", "arm", EARLIER, BEFORE, AFTER])
    groups = Groups(table[["family_id", "arm"]].assign(cluster=table["family_id"].astype(str)), matched=False)
    return groups, table.drop(columns="arm").assign(measure="contacts")
