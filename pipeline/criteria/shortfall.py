"""How far a family is from the rules that it does not meet, and which criteria would select it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from pipeline.criteria.measure import _rows_of, facts_by_kind
from pipeline.criteria.packs import Criterion, Pack, Rule
from pipeline.criteria.people import belonging
from pipeline.criteria.selection import CriterionStanding, Standing, select


def shortfalls(
    family_id: int,
    members: pd.DataFrame,
    persons: pd.DataFrame,
    evidence: pd.DataFrame,
    pack: Pack,
    criteria: Sequence[Criterion],
    as_at: pd.Timestamp,
) -> pd.DataFrame:
    """One row per rule (and test that goes with it) of these criteria, for one family: criterion · rule · held (rows of
    its kinds, of anybody in the family at any time) · counted (rows it looks at) · reached (the most that one person,
    or the family, has of its measure) · needed."""
    people = belonging(pd.Index([family_id], name="family_id"), members, persons, pack, as_at)
    facts = facts_by_kind(people, evidence, pack.kinds)
    rows = []
    for criterion in criteria:
        for rule in criterion.any_of:
            for test in rule.tests:
                looked_at = _rows_of(test, facts, people, pack, as_at)
                held = sum(len(facts[kind]) for kind in test.kinds if kind in facts)
                rows.append((criterion.id, rule.id, held, len(looked_at), _most(test, looked_at), test.at_least))
    return pd.DataFrame(rows, columns=["criterion", "rule", "held", "counted", "reached", "needed"])


def would_select(
    pack: Pack, states: Mapping[str, str], rules_met: Mapping[str, Sequence[str]]
) -> list[tuple[str, ...]]:
    """The least sets of criteria not met that would select a family, were they met by somebody at home.

    `states`: criterion → met, not_met or unknown; `rules_met`: criterion → ids of the rules that are met.
    """
    away = [criterion.id for criterion in pack.criteria if states.get(criterion.id) != "met"]
    least: list[tuple[str, ...]] = []
    for many in range(1, len(away) + 1):
        tried = [names for names in combinations(away, many) if not any(set(one) <= set(names) for one in least)]
        if not tried:
            continue
        standings = [_as_if(criterion, tried, states, rules_met) for criterion in pack.criteria]
        chosen = select(pd.RangeIndex(len(tried), name="family_id"), standings, pack)["selected"]
        least += [names for names, is_selected in zip(tried, chosen, strict=True) if is_selected]
    return least


def _as_if(
    criterion: Criterion,
    tried: Sequence[tuple[str, ...]],
    states: Mapping[str, str],
    rules_met: Mapping[str, Sequence[str]],
) -> CriterionStanding:
    met = np.array([criterion.id in names or states.get(criterion.id) == "met" for names in tried], dtype=bool)
    known = set(rules_met.get(criterion.id, ()))
    rules = []
    for rule in criterion.any_of:
        # A criterion supposed to be met is supposed to be met by one rule, its first.
        holds = np.full(len(tried), rule.id in known, dtype=bool)
        if not known and rule is criterion.any_of[0]:
            holds = met
        rules.append(Standing(holds, holds, False))
    return CriterionStanding(criterion, Standing(met, met, False), tuple(rules))


def _most(rule: Rule, rows: pd.DataFrame) -> float:
    """The most that one person has of the rule's measure (or the family has, where it counts together)."""
    if not len(rows):
        return 0.0
    unit = np.zeros(len(rows)) if rule.of == "family" else rows["person"].to_numpy()
    rows = rows.assign(unit=unit)
    if rule.measure in ("count", "days"):
        same = ["unit", "person", "kind", "code", "start_date"] if rule.measure == "count" else ["unit", "start_date"]
        return float(rows.drop_duplicates(same).groupby("unit").size().max())
    once = rows.drop_duplicates(["unit", "person", "kind", "code", "start_date", "quantity", "out_of"])
    total = once.groupby("unit")[["quantity", "out_of"]].sum()
    if rule.measure == "sum":
        return float(total["quantity"].max())
    return float((total["quantity"] / total["out_of"].where(total["out_of"] > 0)).fillna(0).max())
