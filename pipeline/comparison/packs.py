"""Packs side by side, and a change tried before it is put in force. Counts, JSON-able; ids of families when asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.comparison.live import Live
from pipeline.criteria import Pack, load_pack
from pipeline.criteria.compare import Change, by_criterion, change, definition, overlap


def compare_packs(
    live: Live, criteria: Path, packs: Sequence[str], reference: str, *, ids: bool = False
) -> dict[str, Any]:
    """Who qualifies under each definition, how they overlap, and what each gains and loses beside `reference`.

    `criteria` is the folder of the packs. With `ids`, the families gained and lost are named.
    """
    loaded = {name: _load(live, criteria, name) for name in dict.fromkeys([*packs, reference])}
    results = {name: live.evaluated(pack) for name, pack in loaded.items()}
    return {
        "as_at": live.as_at.isoformat(),
        "families_formed_anew": live.formed_anew,
        "families": len(live.families),
        "reference": reference,
        "definitions": [definition(pack, results[name]) for name, pack in loaded.items()],
        "overlap": overlap(results),
        "changes": [
            {"pack": name, **_told(change(results[reference], results[name]), ids)}
            for name in loaded
            if name != reference
        ],
    }


def what_if(
    live: Live,
    criteria: Path,
    pack: str,
    *,
    changes: Mapping[str, Any],
    local: str | None = None,
    ids: bool = False,
) -> dict[str, Any]:
    """What a changed threshold, window, route or local filter would do to a pack: families gained and lost.

    Raises DeclarationError when the changed pack is not well formed, naming the change.
    """
    before, after = _load(live, criteria, pack), _load(live, criteria, pack, local=local, changes=changes)
    was, now = live.evaluated(before), live.evaluated(after)
    return {
        "as_at": live.as_at.isoformat(),
        "families_formed_anew": live.formed_anew,
        "pack": pack,
        "changes": {name: str(value) for name, value in changes.items()},
        "local": local,
        "before": definition(before, was),
        "after": definition(after, now),
        "selected": _told(change(was, now), ids),
        "criteria": by_criterion(was, now, [criterion.id for criterion in before.criteria]),
    }


def _load(live: Live, criteria: Path, name: str, **how: Any) -> Pack:
    return load_pack(criteria / f"{name}.yaml", live.vocabulary, produced=live.produced, **how)


def _told(made: Change, ids: bool) -> dict[str, Any]:
    told: dict[str, Any] = dict(made.counts())
    if ids:
        told |= {"families_gained": sorted(made.gained), "families_lost": sorted(made.lost)}
    return told
