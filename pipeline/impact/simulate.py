"""Families whose answer is known: with an effect planted, or none. For measuring the measurement, never for results.

Two ways: counts drawn from known rates (quick, hundreds of times), and facts taken out of the evidence of families
drawn here (the whole way through the pipeline, on a made-up borough).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.impact.assignment import drawn_at_random
from pipeline.impact.declared import NEW_MODEL
from pipeline.impact.panel import AFTER, BEFORE, EARLIER

SELECTIONS = ("assigned", "by_severity", "by_record")


def families_with_known_effect(
    seed: int,
    *,
    families: int = 480,
    relative_effect: float = 0.0,
    selection: str = "assigned",
    rate: float = 4.0,
) -> pd.DataFrame:
    """One row per family: family_id, treated, earlier, before, after (counts), would_be (expected after, untreated).

    Families differ for good (Gamma), drift from year to year (a lasting part of last year's luck stays), and come when
    things are worst. `selection`: assigned, at random; by_severity, families worse for good (which no record shows)
    more often; by_record, families with more on record last year more often, so that they get better by themselves.
    """
    rng = np.random.default_rng(seed)
    lasting = rng.gamma(2.0, 0.5, families)
    drift = np.zeros((families, 3))
    drift[:, 0] = rng.normal(0, 0.4, families)
    for year in (1, 2):
        drift[:, year] = 0.5 * drift[:, year - 1] + rng.normal(0, 0.35, families)
    trend = np.array([1.0, 1.05, 0.95])  # the whole borough changes too
    mean = rate * lasting[:, None] * np.exp(drift) * trend
    counts = rng.poisson(mean)
    if selection == "assigned":
        treated = rng.permutation(families) < families // 2
    elif selection == "by_severity":
        treated = rng.random(families) < 1 / (1 + np.exp(-(lasting - 1.0) * 1.2))
    else:
        treated = rng.random(families) < 1 / (1 + np.exp(-(np.log1p(counts[:, 1]) - np.log1p(rate)) * 1.5 + 1.4))
    after = np.where(treated, rng.poisson(mean[:, 2] * (1 + relative_effect)), counts[:, 2])
    return pd.DataFrame(
        {
            "family_id": np.arange(1, families + 1),
            "treated": treated,
            EARLIER: counts[:, 0].astype(np.float64),
            BEFORE: counts[:, 1].astype(np.float64),
            AFTER: after.astype(np.float64),
            "would_be": mean[:, 2],
        }
    )


def plant(
    evidence: pd.DataFrame, persons: pd.Series, since: pd.Timestamp, share: float, seed: int, kinds: tuple[str, ...]
) -> pd.DataFrame:
    """The evidence without a share of these persons' facts of these kinds since a day: an effect of just that share."""
    rng = np.random.default_rng(seed)
    touched = evidence["person_id"].isin(persons) & evidence["kind"].isin(kinds) & (evidence["start_date"] >= since)
    gone = touched.to_numpy() & (rng.random(len(evidence)) < share)
    return evidence[~gone].reset_index(drop=True)


def by_lot(before: pd.Series, start: pd.Timestamp, seed: int) -> pd.DataFrame:
    """Half of the families with anything on record in the months before, by lot, and the others beside them: a trial in
    which only what is planted happens. `before`: facts by family_id, of every family that could be drawn."""
    return drawn_at_random(before.index[before > 0], start, seed)


def by_record(before: pd.Series, start: pd.Timestamp, seed: int) -> pd.DataFrame:
    """Families of the new model alone, those with more on record in the months before the likelier: as a council would
    choose them, so that they get better by themselves and need families alike beside them."""
    rng = np.random.default_rng(seed)
    facts = before.sort_index()
    burden = np.log1p(facts.to_numpy(dtype=np.float64))
    centre = float(burden[burden > 0].mean()) if (burden > 0).any() else 0.0
    chosen = (rng.random(len(facts)) < 1 / (1 + np.exp(1.4 - 1.5 * (burden - centre)))) & (burden > 0)
    ids = facts.index.to_numpy(dtype=np.int64)[chosen]
    cluster = [f"family {family}" for family in ids]
    return pd.DataFrame({"family_id": ids, "arm": NEW_MODEL, "start_date": start, "cluster": cluster})
