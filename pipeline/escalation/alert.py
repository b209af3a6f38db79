"""Alerts: families whose involvement with an agency has risen beyond chance, against their own past and their peers.

Pure: contacts in, one row per family and agency out. The test and its false-alarm rate: docs/escalation.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.escalation import rates
from pipeline.escalation.contacts import Contacts
from pipeline.escalation.declared import TestSettings

Floats = npt.NDArray[np.float64]
RISING_COLUMNS = (
    "family_id", "agency", "window_from", "window_to", "contacts", "contacts_before", "expected", "times_expected",
    "p_value", "q_value", "state", "reason", "contains_dwp",
)  # fmt: skip
MODEL_COLUMNS = (
    "agency", "state", "peers", "mean_per_month", "months_worth", "discount", "windows_fitted", "families_tested",
    "alerts",
)  # fmt: skip
RISING, NOT_RISING, UNKNOWN = "rising", "not_rising", "unknown"
TOO_SHORT, NO_FEED, QUIET, TESTED = "too short a past", "no feed covers it", "no contact by any peer", "tested"
TOO_FEW = "too few peers"


@dataclass(frozen=True)
class Rising:
    """`rows`: one per family and agency (RISING_COLUMNS). `model`: one per agency (MODEL_COLUMNS)."""

    rows: pd.DataFrame
    model: pd.DataFrame

    @property
    def alerts(self) -> pd.DataFrame:
        """The rows that are alerts, the largest surprise first."""
        found = self.rows[self.rows["state"] == RISING]
        return found.sort_values(["p_value", "family_id", "agency"], kind="stable")


def find_rising(
    contacts: Contacts, watched: npt.ArrayLike, settings: TestSettings, peers: npt.ArrayLike | None = None
) -> Rising:
    """Test every watched family and agency; `peers` are the families held against (default: the watched).

    `contacts` holds both. `contacts` in rows are days in the last `recent_months`; `contacts_before` in the
    `past_months` before them; `p_value` the chance of so many or more, had nothing changed; `q_value` after Benjamini
    and Hochberg (1995) over every test of the night. A row is an alert (state rising) when q is at most the false
    discovery rate, contacts are at least `at_least` and at least `times` the expected. Where an agency cannot be tested
    the state is unknown, with the reason, never "not rising".
    """
    chosen = np.isin(contacts.family_ids, np.asarray(watched, dtype=np.int64))
    beside = chosen if peers is None else np.isin(contacts.family_ids, np.asarray(peers, dtype=np.int64))
    tested, models = [], []
    for place, agency in enumerate(contacts.agencies):
        rate, told = _agency(contacts.days[beside, place], contacts.months[place], settings)
        models.append({"agency": agency, **told})
        tested.append(
            _unknown_rows(contacts, place, chosen, str(told["state"]), settings)
            if rate is None
            else _rows(contacts, place, chosen, beside, rate, settings)
        )
    rows = pd.concat(tested, ignore_index=True)
    rows["q_value"] = benjamini_hochberg(rows["p_value"].to_numpy(dtype=np.float64))
    rising = (
        (rows["q_value"] <= settings.false_discovery_rate)
        & (rows["contacts"] >= settings.at_least).fillna(False).astype(bool)
        & (rows["times_expected"] >= settings.times)
    )
    rows["state"] = np.where(rows["p_value"].isna(), UNKNOWN, np.where(rising, RISING, NOT_RISING))
    model = pd.DataFrame(models)
    model["families_tested"] = np.where(model["state"] == TESTED, int(chosen.sum()), 0)
    found = rows.loc[rising, "agency"].value_counts()
    model["alerts"] = model["agency"].map(found).fillna(0).astype(np.int64)
    return Rising(rows[list(RISING_COLUMNS)], model[list(MODEL_COLUMNS)])


def benjamini_hochberg(p_values: Floats) -> Floats:
    """The smallest false discovery rate at which each would be an alert (Benjamini and Hochberg 1995); a missing
    p-value is no test, and stays missing."""
    adjusted = np.full(len(p_values), np.nan)
    tests = np.flatnonzero(~np.isnan(p_values))
    order = tests[np.argsort(p_values[tests], kind="stable")[::-1]]
    count = len(order)
    stepped = p_values[order] * count / np.arange(count, 0, -1)
    adjusted[order] = np.minimum.accumulate(np.minimum(stepped, 1.0)) if count else stepped
    return adjusted


def _agency(
    days: rates.Counts, covered: int, settings: TestSettings
) -> tuple[rates.Rate | None, dict[str, str | int | float | None]]:
    """The peers' rate for one agency, and what the model table says of it; no rate where it cannot be tested."""
    told: dict[str, str | int | float | None] = {
        "peers": len(days), "mean_per_month": None, "months_worth": None, "discount": None, "windows_fitted": 0,
    }  # fmt: skip
    if len(days) < settings.fewest_peers:
        return None, {**told, "state": TOO_FEW}
    needed = settings.recent_months + settings.past_months
    if covered < needed:
        return None, {**told, "state": NO_FEED if covered == 0 else TOO_SHORT}
    windows = min(settings.earlier_windows, (covered - needed) // settings.recent_months)
    rate = rates.fit_rate(
        days, settings.recent_months, settings.past_months, windows, settings.discounts, settings.trend_weight
    )
    if rate is None:
        return None, {**told, "state": QUIET}
    average = float(days[:, settings.recent_months : needed].mean())
    return rate, {
        "peers": len(days), "mean_per_month": average, "months_worth": rate.months_worth, "discount": rate.discount,
        "windows_fitted": rate.fitted_on, "state": TESTED,
    }  # fmt: skip


def _rows(
    contacts: Contacts,
    place: int,
    chosen: npt.NDArray[np.bool_],
    beside: npt.NDArray[np.bool_],
    rate: rates.Rate,
    settings: TestSettings,
) -> pd.DataFrame:
    days = contacts.days[:, place]
    seen = rates.window(
        days, settings.recent_months, settings.past_months, 0, rate.discount, settings.trend_weight, beside
    )
    foreseen = rates.expected(rate, seen)[chosen]
    before = days[chosen, settings.recent_months : settings.recent_months + settings.past_months].sum(axis=1)
    recent = seen.recent[chosen].astype(np.int64)
    return _window_rows(contacts, place, chosen, settings).assign(
        contacts=pd.array(recent, dtype="Int64"),
        contacts_before=pd.array(before.astype(np.int64), dtype="Int64"),
        expected=foreseen,
        times_expected=recent / np.maximum(foreseen, 1e-9),
        p_value=rates.chance_of_so_many(rate, seen)[chosen],
        reason=None,
    )


def _unknown_rows(
    contacts: Contacts, place: int, chosen: npt.NDArray[np.bool_], reason: str, settings: TestSettings
) -> pd.DataFrame:
    """Rows of an agency that cannot be tested: nothing is counted, and the reason is told."""
    families = int(chosen.sum())
    uncounted = pd.array([pd.NA] * families, dtype="Int64")
    return _window_rows(contacts, place, chosen, settings).assign(
        contacts=uncounted, contacts_before=uncounted, expected=np.full(families, np.nan),
        times_expected=np.full(families, np.nan), p_value=np.full(families, np.nan), reason=reason,
    )  # fmt: skip


def _window_rows(contacts: Contacts, place: int, chosen: npt.NDArray[np.bool_], settings: TestSettings) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "family_id": contacts.family_ids[chosen],
            "agency": contacts.agencies[place],
            "window_from": contacts.as_at - pd.DateOffset(months=settings.recent_months) + pd.Timedelta(days=1),
            "window_to": contacts.as_at,
            "contains_dwp": contacts.restricted[place],
        }
    )
