"""The engine and a second, plain implementation of each pack agree on random families, edges included.

Each example is a batch of families, evaluated at once by the engine and one by one by the plain rules: 10,500 families
of the 2012 pack, 3,000 of each of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import plain_2010
import plain_2012
import plain_2015
import plain_2022
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain import Fact, Judged, Person
from random_families import Group, coverage_of, frames, random_family

from pipeline.contracts import Vocabulary
from pipeline.criteria import evaluate, load_pack

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
FAMILIES = 150
Judge = Callable[[list[Person], list[Fact], date, Collection[str]], Judged | None]
BY_NEEDS = {"selection.three_of_ten.counts": "rules"}
TODAY = st.sampled_from(
    [date(2014, 7, 31), date(2016, 2, 29), date(2017, 2, 28), date(2014, 1, 1), date(2013, 12, 31), date(2014, 9, 1),
     date(2014, 8, 31), date(2015, 3, 31), date(2013, 4, 28)]
)  # fmt: skip
SEED = st.integers(0, 2**32)
QUIETLY: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def compare(
    name: str, changes: Mapping[str, Any], judge: Judge, vocabulary: Vocabulary, today: date, seed: int, reverse: bool
) -> None:
    pack = load_pack(SCHEMAS / "criteria" / f"{name}.yaml", vocabulary, changes=changes)
    random = Random(seed)
    kinds = [*pack.kinds, *pack.kinds, "suspension", "unauthorised_absence", "police_callout"]
    groups: list[Group] = [random_family(random, today, n, kinds, vocabulary) for n in range(FAMILIES)]
    missing = set(random.sample(pack.kinds, random.choice([0, 0, 1, len(pack.kinds) // 4])))
    fed = set(vocabulary.kinds) - missing
    tables = frames(groups)
    if reverse:
        tables = tuple(table[::-1] for table in tables)  # type: ignore[assignment]
    result = evaluate(*tables, coverage_of(fed, today), pack, pd.Timestamp(today))
    states = result.results.pivot(index="family_id", columns="criterion", values="state")
    selection = result.selection.set_index("family_id")["state"]
    for family, (people, facts) in enumerate(groups):
        expected = judge(people, facts, today, fed)
        if expected is None:
            assert family not in selection.index
            continue
        assert states.loc[family].to_dict() == expected.states
        assert selection[family] == expected.selection
    decided = set(zip(result.decisive["family_id"], result.decisive["criterion"], strict=True))
    met = result.results[result.results["state"] == "met"]
    assert decided == set(zip(met["family_id"], met["criterion"], strict=True))


@settings(max_examples=70, **QUIETLY)
@given(today=TODAY, seed=SEED, reverse=st.booleans())
def test_2012(vocabulary: Vocabulary, today: date, seed: int, reverse: bool) -> None:
    compare("troubled-families-2012", {}, plain_2012.judge, vocabulary, today, seed, reverse)


@pytest.mark.parametrize(
    ("name", "changes", "judge"),
    [
        ("fmp-2010", {}, plain_2010.judge),
        ("troubled-families-2015", {}, plain_2015.judge),
        ("supporting-families-2022", {}, plain_2022.judge),
        ("supporting-families-2022", BY_NEEDS, partial(plain_2022.judge, needs=True)),
    ],
    ids=["fmp-2010", "troubled-families-2015", "supporting-families-2022", "supporting-families-2022 by needs"],
)
@settings(max_examples=20, **QUIETLY)
@given(today=TODAY, seed=SEED, reverse=st.booleans())
def test_other_packs(
    vocabulary: Vocabulary, name: str, changes: dict[str, Any], judge: Judge, today: date, seed: int, reverse: bool
) -> None:
    compare(name, changes, judge, vocabulary, today, seed, reverse)
