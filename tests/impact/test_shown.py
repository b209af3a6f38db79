"""What may be shown: counts rounded, few families hidden, small agencies put together so that no difference tells."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.impact.money import EVERYBODY, NET
from pipeline.impact.shown import OTHERS, _folded
from tests.disclosure.tables import CONTROL


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20))
def test_counts_are_hidden_or_rounded(counts: list[int]) -> None:
    told = CONTROL.rounded(pd.Series(counts))
    for count, shown in zip(counts, told, strict=True):
        if 0 < count < 10:
            assert pd.isna(shown)
        else:
            assert shown % 5 == 0
            assert abs(shown - count) <= 2.5


def shares(behind: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Agencies with so many families behind in the new model and in business as usual, spared 10 a family each."""
    rows = []
    for place, arm in enumerate(("new_model", "business_as_usual", NET)):
        for agency, families in behind.items():
            rows.append((arm, agency, float(min(families) if arm == NET else families[place]), 10.0, None))
        rows.append((arm, EVERYBODY, float("nan"), 10.0 * len(behind), None))
    columns = ["arm", "agency", "families", "avoided_fiscal", "hybrid"]
    return pd.DataFrame(rows, columns=columns).astype({"hybrid": "float64"})


def test_nothing_is_put_together_where_all_are_large() -> None:
    table = shares({"police": (20, 30), "nhs": (10, 40), "dwp": (0, 0)})
    pd.testing.assert_frame_equal(_folded(table, 10), table)


def test_a_small_agency_takes_the_next_larger_one_with_it_in_every_arm() -> None:
    told = _folded(shares({"police": (20, 30), "nhs": (12, 40), "schools": (50, 9)}), 10)
    for _, arm in told.groupby("arm"):
        assert sorted(arm["agency"]) == sorted([EVERYBODY, OTHERS, "police"])
        spared = arm.set_index("agency")["avoided_fiscal"]
        assert spared[OTHERS] == 20  # nhs and schools
        assert spared.drop(EVERYBODY).sum() == pytest.approx(spared[EVERYBODY])
    assert told["hybrid"].isna().all()  # no costs were given: none are made up by adding


def test_where_all_are_small_nothing_is_told() -> None:
    assert _folded(shares({"police": (9, 3), "nhs": (1, 0)}), 10).empty
