"""When a rise is an alert: what is expected, how often it cries wolf, what it finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.escalation import find_rising
from pipeline.escalation.alert import benjamini_hochberg
from pipeline.escalation.calibrate import false_alarms, planted
from tests.escalation.contact_tables import declared, made_up, steady

TEST = declared().test


def test_a_family_that_rises_is_found_and_the_others_are_not() -> None:
    days = steady(np.random.default_rng(5), 400)
    days[10, :, 15:] = 0
    days[10, :, 3:15] = [1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
    days[10, :, :3] = 6
    night = find_rising(made_up(days), np.arange(1, 401), TEST)
    alerts = night.alerts
    assert set(alerts["family_id"]) == {11}
    (row,) = alerts[alerts["agency"] == "police"].to_dict("records")
    assert (row["contacts"], row["contacts_before"]) == (18, 3)
    assert 0.5 < row["expected"] < 3
    assert str(row["window_from"].date()) == "2014-05-01"


def test_a_rise_of_everybody_is_no_familys_alert() -> None:
    days = steady(np.random.default_rng(5), 400, lately=3.0)
    assert find_rising(made_up(days), np.arange(1, 401), TEST).alerts.empty


def test_a_family_that_was_always_busy_is_not_rising() -> None:
    days = steady(np.random.default_rng(5), 400)
    days[10] = 6
    assert find_rising(made_up(days), np.arange(1, 401), TEST).alerts.empty


def test_few_contacts_or_a_small_rise_are_no_alert_whatever_the_chance() -> None:
    days = np.zeros((500, 2, 36))
    days[:5, :, 4] = 1  # almost nobody meets the agency
    days[10, :, 0] = 2  # a great surprise, and yet two contacts
    night = find_rising(made_up(days), np.arange(1, 501), TEST)
    surprise = night.rows[night.rows["family_id"] == 11]
    assert surprise["q_value"].max() < TEST.false_discovery_rate
    assert set(surprise["state"]) == {"not_rising"}


def test_the_model_finds_back_the_rates_it_was_drawn_from() -> None:
    days = steady(np.random.default_rng(8), 6000, mean=0.4, shape=0.8)
    (model,) = find_rising(made_up(days), np.arange(1, 6001), TEST).model.head(1).to_dict("records")
    assert model["mean_per_month"] == pytest.approx(0.4, rel=0.1)
    assert model["mean_per_month"] * model["months_worth"] == pytest.approx(0.8, rel=0.15)
    assert model["discount"] == 1.0  # steady rates: an old contact tells as much as a new one


def test_what_cannot_be_tested_says_why() -> None:
    days = np.concatenate([steady(np.random.default_rng(1), 50), np.zeros((50, 1, 36))], axis=1)
    contacts = replace(made_up(days, ("police", "schools", "together")), months=(0, 8, 36))
    night = find_rising(contacts, np.arange(1, 51), TEST)
    why = {"police": "no feed covers it", "schools": "too short a past", "together": "no contact by any peer"}
    assert night.model.set_index("agency")["state"].to_dict() == why
    assert night.model["families_tested"].sum() == 0
    assert night.rows.groupby("agency")["reason"].unique().map(list).to_dict() == {k: [v] for k, v in why.items()}
    assert set(night.rows["state"]) == {"unknown"}  # never "not rising"
    assert len(night.rows) == 3 * 50
    assert night.rows[["contacts", "contacts_before", "expected", "p_value", "q_value"]].isna().all(axis=None)


def test_a_handful_of_peers_tells_no_rate() -> None:
    night = find_rising(made_up(steady(np.random.default_rng(1), 29)), np.arange(1, 30), TEST)
    assert set(night.rows["reason"]) == {"too few peers"}
    assert set(night.rows["state"]) == {"unknown"}


def test_nobody_is_watched() -> None:
    night = find_rising(made_up(steady(np.random.default_rng(1), 50)), [], TEST, peers=np.arange(1, 51))
    assert night.rows.empty
    assert night.alerts.empty
    assert set(night.model["state"]) == {"tested"}


def test_one_agency_unknown_does_not_change_what_the_others_say() -> None:
    days = steady(np.random.default_rng(5), 400)
    days[10, :, :3] = 9
    both = made_up(days)
    (whole, part) = (
        find_rising(contacts, np.arange(1, 401), TEST).rows.query("agency == 'together'").reset_index(drop=True)
        for contacts in (replace(both, days=days[:, 1:], agencies=("together",), months=(36,), restricted=(False,)),
                         replace(both, months=(0, 36)))
    )  # fmt: skip
    assert whole.equals(part)


def test_a_short_history_is_fitted_on_the_past_alone() -> None:
    days = steady(np.random.default_rng(4), 2000)
    night = find_rising(made_up(days, covered=15), np.arange(1, 2001), TEST)
    assert set(night.model["windows_fitted"]) == {0}
    assert (night.rows["state"] == "rising").mean() < 0.002


def test_peers_may_be_others_than_the_watched() -> None:
    days = steady(np.random.default_rng(4), 600)
    night = find_rising(made_up(days), np.arange(1, 31), TEST, peers=np.arange(31, 601))
    assert set(night.rows["family_id"]) == set(range(1, 31))
    assert set(night.model["peers"]) == {570}


def test_false_alarms_are_as_rare_as_stated() -> None:
    """30 nights of 300 families in which nothing rises: p-values hold, and few nights have an alert at all."""
    nights, alerts, low, tests = 30, 0, 0, 0
    for seed in range(nights):
        days = steady(np.random.default_rng(seed), 300)
        night = find_rising(made_up(days[:, :1], ("police",)), np.arange(1, 301), TEST)
        rows = night.rows
        alerts += bool(len(night.alerts))
        low += int((rows["p_value"] <= 0.05).sum())
        tests += len(rows)
    assert low / tests <= 0.05
    assert alerts / nights <= TEST.false_discovery_rate + 0.1  # 10 %, and what 30 nights may stray


def test_measured_on_known_contacts() -> None:
    contacts = made_up(steady(np.random.default_rng(2), 500))
    measured = false_alarms(contacts, TEST, shuffles=6).set_index("measure")
    assert measured["nights"].to_dict() == {"rolled back": 9, "shuffled": 6}
    assert (measured["share_below_5_percent"] <= 0.05).all()
    assert (measured["nights_with_alert"] <= 3).all()
    few, many = (planted(contacts, TEST, extra_days=extra, families=40)[0] for extra in (3, 9))
    assert few < many
    assert many > 0.6


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=30))
def test_benjamini_hochberg_against_its_definition(p_values: list[float]) -> None:
    found = benjamini_hochberg(np.array(p_values))
    count = len(p_values)
    for p_value, q_value in zip(p_values, found, strict=True):
        plain = min(
            (other * count / sum(one <= other for one in p_values) for other in p_values if other >= p_value),
            default=1.0,
        )
        assert q_value == pytest.approx(min(plain, 1.0))


def test_twice_is_once() -> None:
    contacts = made_up(steady(np.random.default_rng(3), 200))
    first, second = (find_rising(contacts, np.arange(1, 201), TEST) for _ in range(2))
    assert first.rows.equals(second.rows)
    assert first.model.equals(second.model)
