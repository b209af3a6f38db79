"""How well rows hide among each other, and what would raise it."""

from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.disclosure import RowsRule
from pipeline.disclosure.anonymity import coarsened, examine, without_small_classes
from tests.disclosure.tables import CONTROL

RULE = RowsRule(
    name="rows", title="Rows", purposes=("evaluate",), rows="", ids=(),
    quasi_identifiers={"area": (("drop", True),), "children": (("at_most", 2), ("drop", True))}, sensitive=("flag",),
)  # fmt: skip


def rows(*told: tuple[str, int, bool]) -> pd.DataFrame:
    return pd.DataFrame(list(told), columns=["area", "children", "flag"])


def test_k_is_the_smallest_class_and_l_its_fewest_values() -> None:
    found = examine(
        rows(("a", 1, True), ("a", 1, False), ("a", 1, False), ("b", 2, True), ("b", 2, True)), RULE, CONTROL
    )
    assert (found.k, found.l, found.unique, found.rows_below) == (2, {"flag": 1}, 0, 2)
    assert not found.enough


def test_a_coarser_column_is_found_where_it_is_enough() -> None:
    table = rows(*[("a", number, number % 2 == 0) for number in (2, 3, 4, 5)])
    found = examine(table, RULE, CONTROL)
    assert (found.k, found.unique) == (1, 4)
    assert found.way is not None
    assert dict(found.way.steps) == {"area": 0, "children": 1}
    assert found.way.words == "children: 2 and more together"
    assert examine(coarsened(table, RULE, found.way.steps, {}), RULE, CONTROL).enough


def test_where_nothing_is_enough_there_is_no_way() -> None:
    found = examine(rows(("a", 1, True), ("a", 1, True), ("b", 1, True)), RULE, CONTROL)
    assert found.way is None  # the flag is the same in all


@settings(max_examples=6)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.booleans()), max_size=30))
def test_what_is_told_holds_for_the_rows_coarsened_and_left_out(told: list[tuple[str, int, bool]]) -> None:
    table = rows(*told)
    found = examine(table, RULE, CONTROL)
    assert sum(row[3] for row in found.sizes) == found.rows == len(table)
    for one in found.single:
        again = examine(coarsened(table, RULE, one.steps, {}), RULE, CONTROL)
        assert (again.k, again.rows_below) == (one.k, one.rows_below)
    left = without_small_classes(table, RULE, CONTROL.k)
    assert len(left) == len(table) - found.rows_below
    assert examine(left, RULE, CONTROL).k >= CONTROL.k or left.empty
