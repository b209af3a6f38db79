"""How often the test cries wolf, and what it misses: measured on contacts where the answer is known. Pure.

Three measures: *rolled back*, the test as at each of the months before, on data in which nobody planted a rise;
*shuffled*, each family's months in random order, so that no rise is left whatever the data; *planted*, extra contacts
given to some families, to see how many are found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.escalation.alert import Rising, find_rising
from pipeline.escalation.contacts import Contacts
from pipeline.escalation.declared import TestSettings

MEASURE_COLUMNS = (
    "measure", "nights", "tests", "alerts", "nights_with_alert", "alerts_per_1000_families", "share_below_5_percent",
)  # fmt: skip


def false_alarms(contacts: Contacts, settings: TestSettings, *, shuffles: int = 10, seed: int = 1) -> pd.DataFrame:
    """Both measures of false alarms, one row each (MEASURE_COLUMNS).

    `alerts_per_1000_families`: per night. `share_below_5_percent`: of tests with p ≤ 0.05, which must not exceed 5 %
    where p-values hold (counts are small whole numbers, so it is less).
    """
    return pd.DataFrame(
        [
            _measured("rolled back", contacts, list(rolled_back(contacts, settings))),
            _measured("shuffled", contacts, list(_shuffled(contacts, settings, shuffles, seed))),
        ],
        columns=list(MEASURE_COLUMNS),
    )


def rolled_back(contacts: Contacts, settings: TestSettings) -> Iterator[Rising]:
    """The test as at each month before for which the months of the test are there, the latest first."""
    for months in range(1, contacts.days.shape[2] - settings.months + 1):
        earlier = replace(
            contacts,
            as_at=contacts.as_at - pd.DateOffset(months=months),
            days=contacts.days[:, :, months:],
            months=tuple(max(covered - months, 0) for covered in contacts.months),
        )
        yield find_rising(earlier, contacts.family_ids, settings)


def planted(
    contacts: Contacts, settings: TestSettings, *, extra_days: int, families: int, seed: int = 1
) -> tuple[float, Rising]:
    """Give that many contact days with one agency to some families in the recent months; returns the share of them
    that is found, and the night.

    The agency is the one that families met most; the families are drawn at random.
    """
    rng = np.random.default_rng(seed)
    place = int(contacts.days[:, :-1].sum(axis=(0, 2)).argmax())
    drawn = rng.choice(len(contacts.family_ids), min(families, len(contacts.family_ids)), replace=False)
    days = contacts.days.copy()
    for _ in range(extra_days):
        month = rng.integers(0, settings.recent_months, len(drawn))
        days[drawn, place, month] += 1
        days[drawn, -1, month] += 1
    night = find_rising(replace(contacts, days=days), contacts.family_ids, settings)
    found = night.alerts.loc[night.alerts["agency"] == contacts.agencies[place], "family_id"]
    return float(np.isin(contacts.family_ids[drawn], found).mean()), night


def _shuffled(contacts: Contacts, settings: TestSettings, nights: int, seed: int) -> Iterator[Rising]:
    rng = np.random.default_rng(seed)
    covered = min((months for months in contacts.months if months), default=0)
    for _ in range(nights):
        order = rng.random((len(contacts.family_ids), covered)).argsort(axis=1)[:, None, :]
        days = np.take_along_axis(contacts.days[:, :, :covered], order, axis=2)
        yield find_rising(replace(contacts, days=days, months=tuple(min(m, covered) for m in contacts.months)),
                          contacts.family_ids, settings)  # fmt: skip


def _measured(name: str, contacts: Contacts, nights: list[Rising]) -> dict[str, str | int | float | None]:
    alerts = [len(night.alerts) for night in nights]
    tried = [night.rows["p_value"].dropna().to_numpy(dtype=np.float64) for night in nights]
    p_values = np.concatenate(tried or [np.empty(0)])
    families = max(len(contacts.family_ids), 1) * max(len(nights), 1)
    return {
        "measure": name,
        "nights": len(nights),
        "tests": len(p_values),
        "alerts": sum(alerts),
        "nights_with_alert": sum(found > 0 for found in alerts),
        "alerts_per_1000_families": round(1000 * sum(alerts) / families, 3),
        "share_below_5_percent": round(float((p_values <= 0.05).mean()), 5) if len(p_values) else None,
    }
