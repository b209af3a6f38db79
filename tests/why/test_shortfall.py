"""Why not: how far each rule is from being met, and the least that would put a family on the list."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.criteria.shortfall import shortfalls, would_select
from tests.why.test_minimal import ADULT, CHILD, ESA, JSA, OFFENCE, OLD, SUSPENSIONS, case, pack

DEFAULT = "troubled-families-2012"
ORDER = ("crime_asb", "education", "work", "local")


@pytest.mark.parametrize(
    ("met", "least"),
    [
        (["crime_asb", "education"], [("work",), ("local",)]),
        (["crime_asb", "local"], [("education",), ("work",)]),
        (["work"], [("crime_asb", "education"), ("crime_asb", "local"), ("education", "local")]),
        (["local"], [("crime_asb", "education"), ("crime_asb", "work"), ("education", "work")]),
        ([], [("crime_asb", "education", "work"), ("crime_asb", "education", "local"), ("crime_asb", "work", "local"),
              ("education", "work", "local")]),
    ],
)  # fmt: skip
def test_the_least_that_would_do(met: list[str], least: list[tuple[str, ...]]) -> None:
    states = {name: "met" if name in met else "not_met" for name in ORDER}
    assert would_select(pack(DEFAULT), states, {}) == least


def test_rules_count_where_the_pack_counts_needs() -> None:
    """Three needs may all be of one outcome: the two met already count, and one more criterion will do."""
    found = pack("supporting-families-2022")
    rich = next(criterion for criterion in found.criteria if len(criterion.any_of) >= 2)
    states = {criterion.id: "met" if criterion is rich else "not_met" for criterion in found.criteria}
    two = [rule.id for rule in rich.any_of[:2]]
    with_two, with_one = (would_select(found, states, {rich.id: rules}) for rules in (two, two[:1]))
    assert min(map(len, with_two)) <= min(map(len, with_one))


def rows_of(*facts: tuple[object, ...]) -> dict[str, tuple[int, int, float, float]]:
    one = case(*facts)
    found = pack(DEFAULT)
    short = shortfalls(one.family_id, one.members, one.persons, one.evidence, found, found.criteria, one.as_at)
    return {row.rule: (row.held, row.counted, row.reached, row.needed) for row in short.itertuples()}


def test_held_counted_reached_and_needed() -> None:
    short = rows_of(OFFENCE, OLD, *SUSPENSIONS[:2], (ADULT, *SUSPENSIONS[2][1:]), JSA, ESA)
    assert short["youth_offence"] == (2, 1, 1.0, 1.0)
    assert short["fixed_exclusions"] == (3, 2, 2.0, 3.0)
    assert short["out_of_work"] == (2, 2, 2.0, 1.0)
    assert short["permanent_exclusion"] == (0, 0, 0.0, 1.0)


def test_a_rate_is_reached_as_a_share() -> None:
    one = case((CHILD, "unauthorised_absence", "2014-summer", None, "2014-04-22", "2014-07-22"))
    evidence = one.evidence.assign(quantity=12.0, out_of=120.0)
    found = pack(DEFAULT)
    short = shortfalls(
        one.family_id, one.members, one.persons, evidence, found, found.criteria, pd.Timestamp("2014-07-31")
    )
    (row,) = short[short["rule"] == "unauthorised_absence"].itertuples()
    assert (row.held, row.needed) == (1, 0.15)
    assert row.reached == pytest.approx(0.1 if row.counted else 0.0)
