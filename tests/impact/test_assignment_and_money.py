"""Who is compared, and what it gives back: files as people write them, sums as they must come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import DeclarationError
from pipeline.impact import drawn_at_random, read_assignment, read_programme_costs
from pipeline.impact.assignment import IN_BOTH, NOT_ON_FILE, follow
from pipeline.impact.effect import Groups
from pipeline.impact.money import (
    EVERYBODY,
    NET,
    Costed,
    ProgrammeCosts,
    apportioned,
    observed,
    returns,
    shared_among_agencies,
)
from tests.impact.impact_tables import declared

START = pd.Timestamp("2013-07-01")


def written(folder: Path, text: str) -> Path:
    path = folder / "given.csv"
    path.write_text(text, encoding="utf-8")
    return path


def assigned(*rows: tuple[int, str]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=["family_id", "arm"])
    return table.assign(start_date=START, cluster=[f"family {family}" for family, _ in rows])


def test_an_assignment_as_people_write_it(tmp_path: Path) -> None:
    text = "family_id,arm,start_date,cluster\n7,new_model,2013-07-01,team east\n9,business_as_usual,2013-08-01,\n"
    table = read_assignment(written(tmp_path, text))
    assert table["family_id"].tolist() == [7, 9]
    assert table["cluster"].tolist() == ["team east", "family 9"]


@pytest.mark.parametrize(
    ("text", "where", "rule"),
    [
        ("family,arm,start_date\n", "line 1", "no column family_id"),
        ("family_id,arm,start_date\n7,new,2013-07-01\n", "line 2", "the arm is not known"),
        ("family_id,arm,start_date\n7,new_model,1 July\n", "line 2", "start_date is no date"),
        ("family_id,arm,start_date\nseven,new_model,2013-07-01\n", "line 2", "family_id is no number"),
        ("family_id,arm,start_date\n7,new_model,2013-07-01\n7,new_model,2013-07-01\n", "line 3", "stands twice"),
        ("family_id,arm,start_date\n7,business_as_usual,2013-07-01\n", "given.csv", "nobody is in the new model"),
    ],
)
def test_a_bad_assignment_says_where_and_never_what(tmp_path: Path, text: str, where: str, rule: str) -> None:
    with pytest.raises(DeclarationError, match=rule) as caught:
        read_assignment(written(tmp_path, text))
    assert where in caught.value.where
    assert "1 July" not in str(caught.value)
    assert "seven" not in str(caught.value)


def test_families_are_followed_through_merges() -> None:
    ledger = pd.DataFrame(
        [(1, 5, "merge"), (5, 6, "merge"), (3, 4, "split"), (2, None, "retired")],
        columns=["old_id", "new_id", "change"],
    )
    given = assigned((1, "new_model"), (2, "new_model"), (3, "business_as_usual"), (7, "new_model"), (8, "new_model"))
    found = follow(given, ledger, [3, 6, 7, 8])
    assert found.families["family_id"].tolist() == [3, 6, 7, 8]
    assert found.left_out[["reason", "families"]].to_numpy().tolist() == [[NOT_ON_FILE, 1]]


def test_a_family_that_is_in_both_groups_by_now_is_in_neither() -> None:
    ledger = pd.DataFrame([(1, 7, "merge")], columns=["old_id", "new_id", "change"])
    found = follow(assigned((1, "new_model"), (7, "business_as_usual"), (8, "new_model")), ledger, [7, 8])
    assert found.families["family_id"].tolist() == [8]
    assert set(found.left_out["reason"]) == {IN_BOTH}


def test_a_lot_is_drawn_the_same_whatever_the_order() -> None:
    one, other = (drawn_at_random(ids, START, 4) for ids in ([3, 1, 2, 9], [9, 3, 2, 1]))
    pd.testing.assert_frame_equal(one, other)
    assert (one["arm"] == "new_model").sum() == 2


COSTS = "arm,agency,staff,pounds_a_family\n"


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ("new_model,police,2,-1\nbusiness_as_usual,police,1,1\n", "numbers from 0"),
        ("new_model,fire,2,1\n", "the agency is not known"),
        ("old_model,police,2,1\n", "the arm is not known"),
        ("new_model,police,2,100\n", "business_as_usual cost nothing"),
    ],
)
def test_bad_programme_costs_are_refused(tmp_path: Path, rows: str, rule: str) -> None:
    with pytest.raises(DeclarationError, match=rule):
        read_programme_costs(written(tmp_path, COSTS + rows), ["police", "council"])


def world() -> tuple[Groups, Costed, ProgrammeCosts]:
    """Ten families an arm. New: police 300 → 100 and council 200 → 150 a family; usual: police 300 → 220."""
    families = range(1, 21)
    arms = ["new_model"] * 10 + ["business_as_usual"] * 10
    groups = Groups(
        pd.DataFrame({"family_id": families, "arm": arms, "cluster": [str(f) for f in families]}), matched=False
    )
    rows = []
    for family, arm in zip(families, arms, strict=True):
        wobble = 10.0 * (family % 2) - 5
        rows.append((family, "police", "fiscal", 300.0 + wobble, (100.0 if arm == "new_model" else 220.0) - wobble))
        if arm == "new_model":
            rows.append((family, "council", "fiscal", 200.0, 150.0))
    costs = pd.DataFrame(rows, columns=["family_id", "agency", "money", "before", "after"])
    spent = [("new_model", "council", 3.0, 400.0), ("new_model", "police", 1.0, 100.0),
             ("business_as_usual", "council", 1.0, 160.0)]  # fmt: skip
    everybody = np.asarray(families, dtype=np.int64)
    return (
        groups,
        Costed(costs, everybody),
        ProgrammeCosts(pd.DataFrame(spent, columns=["arm", "agency", "staff", "pounds_a_family"])),
    )


def test_pounds_returned_per_pound() -> None:
    groups, costs, programme = world()
    table = returns(groups, costs, programme, declared()).set_index(["money", "arm"])
    new, usual, net = (table.loc[("fiscal", arm)] for arm in ("new_model", "business_as_usual", NET))
    assert (new["avoided"], new["programme"], new["per_pound"]) == pytest.approx((250, 500, 0.5))
    assert (usual["avoided"], usual["per_pound"]) == pytest.approx((80, 0.5))
    assert (net["avoided"], net["programme"], net["per_pound"]) == pytest.approx((170, 340, 0.5))
    assert net["avoided_low"] < 170 < net["avoided_high"]
    assert table.loc[("cashable", "new_model"), "avoided"] == 0


def test_without_costs_nothing_is_said_per_pound() -> None:
    groups, costs, _ = world()
    assert returns(groups, costs, None, declared())["per_pound"].isna().all()
    assert shared_among_agencies(groups, costs, None, 0.5)["hybrid"].isna().all()


def test_three_ways_to_share_the_cost() -> None:
    groups, costs, programme = world()
    table = shared_among_agencies(groups, costs, programme, 0.5).set_index(["arm", "agency"]).loc["new_model"]
    assert table["avoided_fiscal"].to_dict() == pytest.approx({"council": 50, "police": 200, EVERYBODY: 250})
    assert table["by_headcount"].to_dict() == pytest.approx({"council": 375, "police": 125, EVERYBODY: 500})
    assert table["by_benefit"].to_dict() == pytest.approx({"council": 100, "police": 400, EVERYBODY: 500})
    assert table["hybrid"].to_dict() == pytest.approx({"council": 237.5, "police": 262.5, EVERYBODY: 500})
    assert table["left_by_benefit"].to_dict() == pytest.approx({"council": -50, "police": -200, EVERYBODY: -250})


def test_what_the_new_model_costs_more_is_shared_by_what_would_not_have_happened_anyway() -> None:
    groups, costs, programme = world()
    table = shared_among_agencies(groups, costs, programme, 0.5).set_index(["arm", "agency"]).loc[NET]
    assert table["avoided_fiscal"].to_dict() == pytest.approx({"council": 50, "police": 120, EVERYBODY: 170})
    assert table["pays_now"].to_dict() == pytest.approx({"council": 240, "police": 100, EVERYBODY: 340})
    assert table["by_headcount"].to_dict() == pytest.approx({"council": 255, "police": 85, EVERYBODY: 340})
    assert table["by_benefit"].to_dict() == pytest.approx({"council": 100, "police": 240, EVERYBODY: 340})


@settings(deadline=None)
@given(st.floats(0, 1e6), st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_nothing_is_lost_in_sharing(whole: float, weights: list[float]) -> None:
    shares = apportioned(whole, pd.Series(weights))
    if sum(weights) > 0:
        assert shares.sum() == pytest.approx(whole)
        assert (shares >= 0).all()
    else:
        assert shares.isna().all()


def test_costs_of_nobody_are_nought_and_not_a_gap() -> None:
    groups, costs, programme = world()
    few = Costed(costs.rows[costs.rows["family_id"] <= 10], costs.families)
    table = returns(groups, few, programme, declared()).set_index(["money", "arm"])
    assert table.loc[("fiscal", "business_as_usual"), ["before", "after"]].tolist() == [0, 0]
    assert not np.isnan(table.loc[("fiscal", NET), "avoided"])


def test_families_whose_costs_the_feeds_do_not_cover_are_no_families_without_costs() -> None:
    groups, costs, _ = world()
    seen = observed(groups, Costed(costs.rows, np.array([1, 2, 3, 11, 12], dtype=np.int64)))
    assert sorted(seen.families["family_id"]) == [1, 2, 3, 11, 12]
    pairs = groups.families.assign(cluster=[f"set {n % 10}" for n in range(20)])
    whole = observed(Groups(pairs, matched=True), Costed(costs.rows, np.array([1, 2, 3, 11, 12], dtype=np.int64)))
    assert sorted(whole.families["family_id"]) == [1, 2, 11, 12]  # of 3 the comparison is not observed
