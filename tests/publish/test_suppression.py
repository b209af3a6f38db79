"""The published summary: nothing under the threshold, nothing to be had by subtraction."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.publish.summarise import ALL_AREAS, BASE, THRESHOLD, suppressed

HIDDEN = None


def table(**columns: list[int]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=[f"XB{number}" for number in range(1, len(next(iter(columns.values()))) + 1)])


def shown(frame: pd.DataFrame, column: str) -> list[int | None]:
    return [HIDDEN if pd.isna(value) else int(value) for value in frame[column]]


def test_small_counts_are_hidden_and_the_rest_is_rounded() -> None:
    #                     areas               total
    result = suppressed(table(work=[3, 7, 12, 28, 0]))
    assert shown(result, "work") == [HIDDEN, HIDDEN, 10, 30, 0, 50]


def test_a_single_hidden_cell_takes_the_smallest_other_with_it() -> None:
    assert shown(suppressed(table(work=[3, 40, 12])), "work") == [HIDDEN, 40, HIDDEN, 55]


def test_zero_is_not_a_person() -> None:
    assert shown(suppressed(table(work=[0, 0, 10])), "work") == [0, 0, 10, 10]


def test_a_small_total_is_hidden_too() -> None:
    assert shown(suppressed(table(work=[2, 3])), "work") == [HIDDEN, HIDDEN, HIDDEN]


@given(st.lists(st.integers(0, 60), min_size=2, max_size=12))
def test_no_count_under_the_threshold_is_shown_or_follows_from_the_total(counts: list[int]) -> None:
    result = suppressed(table(work=counts))
    cells = shown(result.drop(ALL_AREAS), "work")
    for count, cell in zip(counts, cells, strict=True):
        assert cell is HIDDEN if 0 < count < THRESHOLD else cell is HIDDEN or (cell % BASE == 0 and cell >= 0)
    hidden = [count for count, cell in zip(counts, cells, strict=True) if cell is HIDDEN]
    others = [count for count in counts if count > 0 and count not in hidden]
    assert len(hidden) != 1 or not others  # one hidden cell alone would be total minus the rest
