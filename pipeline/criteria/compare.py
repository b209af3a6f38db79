"""Who qualifies under which definition, and what a change would do. Results in, counts and ids out; nothing is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.criteria.evaluate import MET, UNKNOWN
from pipeline.criteria.packs import Pack
from pipeline.criteria.selection import NOT_SELECTED, SELECTED
from pipeline.records import CriteriaResult


@dataclass(frozen=True)
class Change:
    """What one definition says differently from another, as ids of families.

    `lost` are selected by the first and not by the second; of these, `lost_unknown` might be selected by the second if
    what is not known were met. `gained`, `gained_unknown` the other way round.
    """

    kept: frozenset[int]
    gained: frozenset[int]
    lost: frozenset[int]
    gained_unknown: frozenset[int]
    lost_unknown: frozenset[int]

    def counts(self) -> dict[str, int]:
        return {
            "kept": len(self.kept),
            "gained": len(self.gained),
            "lost": len(self.lost),
            "lost_but_unknown": len(self.lost_unknown),
            "gained_from_unknown": len(self.gained_unknown),
        }


def definition(pack: Pack, result: CriteriaResult) -> dict[str, Any]:
    """One definition in counts: families looked at, selected, unknown, not selected; by criterion; and how many
    families meet at least so many criteria."""
    states = Counter(result.selection["state"])
    by_criterion = result.results.groupby(["criterion", "state"]).size()
    most = result.selection["criteria_met"]
    return {
        "pack": pack.id,
        "version": pack.version,
        "title": pack.title,
        "looked_at": len(result.selection),
        "selected": states[SELECTED],
        "unknown": states[UNKNOWN],
        "not_selected": states[NOT_SELECTED],
        "criteria": [
            {
                "criterion": criterion.id,
                "title": criterion.title,
                "met": int(by_criterion.get((criterion.id, MET), 0)),
                "unknown": int(by_criterion.get((criterion.id, UNKNOWN), 0)),
            }
            for criterion in pack.criteria
        ],
        "met_at_least": {str(n): int((most >= n).sum()) for n in range(1, len(pack.criteria) + 1)},
    }


def overlap(results: Mapping[str, CriteriaResult]) -> list[dict[str, Any]]:
    """Every exact combination of definitions that select a family, the most frequent first."""
    by_family: dict[int, list[str]] = {}
    for name, result in results.items():
        for family in sorted(_in_state(result, SELECTED)):
            by_family.setdefault(family, []).append(name)
    combinations = Counter(tuple(names) for names in by_family.values())
    order = sorted(combinations.items(), key=lambda item: (-item[1], item[0]))
    return [{"packs": list(names), "families": families} for names, families in order]


def change(before: CriteriaResult, after: CriteriaResult) -> Change:
    """What `after` says differently from `before`."""
    was, now = _in_state(before, SELECTED), _in_state(after, SELECTED)
    return Change(
        kept=was & now,
        gained=now - was,
        lost=was - now,
        gained_unknown=(now - was) & _in_state(before, UNKNOWN),
        lost_unknown=(was - now) & _in_state(after, UNKNOWN),
    )


def by_criterion(before: CriteriaResult, after: CriteriaResult, criteria: Sequence[str]) -> list[dict[str, Any]]:
    """Families that meet each criterion before and after, gained and lost."""
    rows = []
    for name in criteria:
        was, now = (_meeting(result, name) for result in (before, after))
        rows.append(
            {"criterion": name, "before": len(was), "after": len(now), "gained": len(now - was), "lost": len(was - now)}
        )
    return rows


def _in_state(result: CriteriaResult, state: str) -> frozenset[int]:
    chosen = result.selection
    return frozenset(int(family) for family in chosen.loc[chosen["state"] == state, "family_id"])


def _meeting(result: CriteriaResult, criterion: str) -> frozenset[int]:
    rows = result.results
    met = rows.loc[(rows["criterion"] == criterion) & (rows["state"] == MET), "family_id"]
    return frozenset(int(family) for family in met)
