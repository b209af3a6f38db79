"""Family ids stay; the ledger tells what does not."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.families.identity import stable_ids


def night(*families: list[int], first: int = 1) -> pd.DataFrame:
    rows = [(first + place, person) for place, family in enumerate(families) for person in family]
    return pd.DataFrame(rows, columns=["family_id", "person_id"]).astype("int64")


def run(previous: pd.DataFrame, *groups: list[int]) -> tuple[dict[int, set[int]], list[tuple[object, object, str]]]:
    rows = [(person, 900 + place) for place, group in enumerate(groups) for person in group]
    named, ledger = stable_ids(pd.DataFrame(rows, columns=["person_id", "group"]).astype("int64"), previous)
    families = {int(family): set(persons) for family, persons in named.groupby("family_id")["person_id"]}
    changes = [tuple(None if pd.isna(value) else value for value in row) for row in ledger.itertuples(index=False)]
    return families, changes  # type: ignore[return-value]


CASES = {
    # last night's families (ids from 1), tonight's groups, families with ids, ledger
    "first night": ([], [[5, 6], [2]], {1: {2}, 2: {5, 6}}, [(None, 1, "new"), (None, 2, "new")]),
    "nothing changes": ([[1, 2], [3]], [[3], [1, 2]], {1: {1, 2}, 2: {3}}, []),
    "one joins": ([[1, 2], [3]], [[1, 2, 4], [3]], {1: {1, 2, 4}, 2: {3}}, []),
    "two become one": ([[1], [2, 3]], [[1, 2, 3]], {2: {1, 2, 3}}, [(1, 2, "merge")]),
    "merge of equals: the lower id": ([[4], [3]], [[3, 4]], {1: {3, 4}}, [(2, 1, "merge")]),
    "one becomes two": ([[1, 2, 3]], [[1], [2, 3]], {1: {2, 3}, 2: {1}}, [(1, 2, "split")]),
    "split in equal parts: the lowest person keeps it": ([[1, 2]], [[2], [1]], {1: {1}, 2: {2}}, [(1, 2, "split")]),
    "one changes family": ([[1, 2, 3], [4, 5]], [[1, 2], [3, 4, 5]], {1: {1, 2}, 2: {3, 4, 5}}, []),
    "all gone": ([[1], [2]], [[2]], {2: {2}}, [(1, None, "retired")]),
    "a person nobody knew": ([[1]], [[1], [7]], {1: {1}, 2: {7}}, [(None, 2, "new")]),
    "swallowed in parts": ([[1, 2], [3, 4, 5], [6, 7, 8]], [[1, 3, 4, 5], [2, 6, 7, 8]],
                           {2: {1, 3, 4, 5}, 3: {2, 6, 7, 8}}, [(1, 2, "merge"), (1, 3, "merge")]),
}  # fmt: skip


@pytest.mark.parametrize(("before", "tonight", "families", "ledger"), CASES.values(), ids=list(CASES))
def test_ids(before: list[list[int]], tonight: list[list[int]], families: object, ledger: object) -> None:
    assert run(night(*before), *tonight) == (families, ledger)


def test_ids_are_not_given_again() -> None:
    named, _ = stable_ids(pd.DataFrame({"person_id": [9], "group": [0]}), night([1]), last_id=40)
    assert named["family_id"].tolist() == [41]
