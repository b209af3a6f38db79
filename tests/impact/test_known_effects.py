"""What is planted is found, and what is not planted is not: measured on many made-up programmes.

The shares here have the error of their number: 100 programmes stray by 2.2 points around 95 %, so the bounds are wide;
benchmarks/impact.py measures with as many programmes as wished.
"""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.impact.effect import FEWER, NO_EFFECT
from tests.impact.impact_tables import compared, declared

SEED = 2012
PLANTED = (0.0, -0.3)


def tried(selection: str, programmes: int, *, families: int = 480, matched: bool = False) -> list[dict[str, float]]:
    """Of each planted effect: bias (of what would have happened), coverage of both intervals, what was said."""
    rows = np.zeros((len(PLANTED), programmes, 5))
    for place, seed in enumerate(range(SEED, SEED + programmes)):
        told, _ = compared(seed, selection=selection, planted=PLANTED, families=families, matched=matched)
        for effect, (planted, (truth, found)) in enumerate(zip(PLANTED, told, strict=True)):
            rows[effect, place] = (
                (found["effect"] - truth) / (found["new_after"] - found["effect"]),
                found["effect_low"] <= truth <= found["effect_high"],
                found["relative_low"] <= planted <= found["relative_high"],
                found["verdict"] != NO_EFFECT,
                found["verdict"] == FEWER,
            )
    names = ("bias", "covered", "relative", "said", "fewer")
    return [dict(zip(names, shares, strict=True)) for shares in rows.mean(axis=1)]


@pytest.mark.parametrize("selection", ["assigned", "by_severity"])
def test_assigned_groups(selection: str) -> None:
    nothing, three_in_ten = tried(selection, 100)
    assert abs(nothing["bias"]) < 0.02
    assert min(nothing["covered"], nothing["relative"]) >= 0.91
    assert nothing["said"] <= 0.08  # one in twenty
    assert abs(three_in_ten["bias"]) < 0.02
    assert min(three_in_ten["covered"], three_in_ten["relative"]) >= 0.91
    assert three_in_ten["fewer"] > 0.9


def test_matched_families_where_the_record_decided_who_came() -> None:
    nothing, three_in_ten = tried("by_record", 80, families=700, matched=True)
    assert abs(nothing["bias"]) < 0.02
    assert min(nothing["covered"], nothing["relative"]) >= 0.91
    assert nothing["said"] <= 0.08
    assert abs(three_in_ten["bias"]) < 0.02
    assert min(three_in_ten["covered"], three_in_ten["relative"]) >= 0.91
    assert three_in_ten["fewer"] > 0.8


def test_unmatched_groups_are_seen_to_part_already_where_the_record_decided() -> None:
    """Families that came at their worst get better by themselves: the two windows before the start tell."""
    found = [compared(seed, selection="by_record", families=1200)[0][0][1] for seed in range(20)]
    assert np.mean([row["already_parting"] < 0.05 for row in found]) > 0.9
    assert np.mean([row["effect"] for row in found]) < -0.5  # and so the plain comparison would be wrong


def test_the_match_is_balanced_and_says_who_is_left() -> None:
    _, match = compared(5, selection="by_record", families=1200, matched=True)
    assert match is not None
    balance = match.balance.set_index("covariate")
    assert balance["difference_before"].abs().max() > 0.5
    assert balance["difference_after"].abs().max() < declared().matching.balanced_below
    sets = match.sets.groupby("set")["new_model"].agg(["size", "sum"])
    assert (sets["size"] == 2).all()
    assert (sets["sum"] == 1).all()
    assert match.sets["family_id"].is_unique
