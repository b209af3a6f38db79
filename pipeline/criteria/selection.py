"""Which families a pack selects, from the state of each criterion: a route holds, might hold, or cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.criteria.packs import Criterion, Pack, Route
from pipeline.criteria.windows import Mask

SELECTED, NOT_SELECTED, UNKNOWN = "selected", "not_selected", "unknown"


@dataclass(frozen=True)
class Standing:
    """How every family stands on one criterion, or one of its rules: met by who lives in it; met with parents who
    live elsewhere; and whether what is not known could meet it."""

    at_home: Mask
    with_elsewhere: Mask
    open: bool

    def if_open_were_met(self) -> Standing:
        if not self.open:
            return self
        everybody = np.ones(len(self.at_home), dtype=bool)
        return Standing(everybody, everybody, True)


@dataclass(frozen=True)
class CriterionStanding:
    """One criterion's standing, and that of each of its rules."""

    criterion: Criterion
    whole: Standing
    rules: tuple[Standing, ...]


def select(family_ids: pd.Index, standings: Sequence[CriterionStanding], pack: Pack) -> pd.DataFrame:
    """SELECTION: family_id · selected · state · criteria_met · reason.

    Of criteria that only a parent who lives elsewhere accounts for, no more count than the pack allows. A family is
    unknown when what is not known would select it.
    """
    by_id = {standing.criterion.id: standing for standing in standings}
    limit = pack.elsewhere_at_most or 0
    holds = np.array([_holds(route, by_id, limit, as_known=True) for route in pack.selection.any_of])
    might = np.array([_holds(route, by_id, limit, as_known=False) for route in pack.selection.any_of])
    selected = holds.any(axis=0)
    state = np.where(selected, SELECTED, np.where(might.any(axis=0), UNKNOWN, NOT_SELECTED)).astype(object)
    reason = np.full(len(family_ids), "no route holds", dtype=object)
    reason[state == UNKNOWN] = "a criterion that is unknown would decide"
    ways = (holds.T * (1 << np.arange(len(holds)))).sum(axis=1) if len(family_ids) else np.zeros(0, dtype=np.int64)
    for way in np.unique(ways[ways > 0]):
        names = [route.id for place, route in enumerate(pack.selection.any_of) if way >> place & 1]
        reason[ways == way] = ", ".join(names)
    return pd.DataFrame(
        {
            "family_id": family_ids.to_numpy(),
            "selected": selected,
            "state": state,
            "criteria_met": _number([standing.whole for standing in standings], limit, len(family_ids)),
            "reason": reason,
        }
    )


def _holds(route: Route, by_id: dict[str, CriterionStanding], limit: int, as_known: bool) -> Mask:
    """Whether a route holds: everything of `all`, and enough of `of`, with no more than `limit` from elsewhere."""

    def seen(standing: Standing) -> Standing:
        return standing if as_known else standing.if_open_were_met()

    wanted = [seen(by_id[name].whole) for name in route.all]
    families = len(by_id[(route.all + route.of)[0]].whole.at_home)
    from_elsewhere = _sum([one.with_elsewhere & ~one.at_home for one in wanted], families)
    every = np.logical_and.reduce([np.ones(families, dtype=bool), *(one.with_elsewhere for one in wanted)])
    every &= from_elsewhere <= limit
    if not route.of:
        return np.asarray(every)
    counted: list[Standing] = []
    certain = np.zeros(families, dtype=np.int64)
    for name in route.of:
        units = by_id[name].rules if route.counts == "rules" else (by_id[name].whole,)
        if name in route.all and route.counts == "criteria":  # it is met already, and paid for
            certain += 1
        else:
            counted += [seen(unit) for unit in units]
    return np.asarray(every & (certain + _number(counted, limit - from_elsewhere, families) >= route.at_least))


def _number(units: Sequence[Standing], limit: int | npt.NDArray[np.int64], families: int) -> npt.NDArray[np.int64]:
    """How many are met, counting at most `limit` of those met from elsewhere alone."""
    at_home = _sum([unit.at_home for unit in units], families)
    elsewhere = _sum([unit.with_elsewhere & ~unit.at_home for unit in units], families)
    return np.asarray(at_home + np.clip(np.minimum(elsewhere, limit), 0, None), dtype=np.int64)


def _sum(masks: Sequence[Mask], families: int) -> npt.NDArray[np.int64]:
    return np.asarray(np.sum([np.zeros(families, dtype=np.int64), *masks], axis=0), dtype=np.int64)
