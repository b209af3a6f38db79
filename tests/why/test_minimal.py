"""Which rows a flag rests on: small families in; enough rows out, none to spare, and what would stand in for each."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contracts import load_vocabulary
from pipeline.criteria import Pack, load_pack
from pipeline.settings import PROJECT
from pipeline.why.minimal import support_of
from pipeline.why.worlds import FamilyCase

SCHEMAS = PROJECT / "schemas"
AS_AT = pd.Timestamp("2014-07-31")
FAMILY, CHILD, ADULT, LODGER = 50, 1, 2, 3
OFFENCE = (CHILD, "proven_offence", "1/1", "offender", "2014-01-10", None)
ASB = (ADULT, "asb_order", None, "offender", "2014-02-01", None)
EXCLUDED = (CHILD, "permanent_exclusion", None, None, "2014-03-03", None)
JSA = (ADULT, "out_of_work_benefit", "JSA", None, "2014-01-01", None)
ESA = (ADULT, "out_of_work_benefit", "ESA", None, "2013-06-01", None)
IN_NEED = (CHILD, "child_in_need", "N1", None, "2014-05-01", None)
SUSPENSIONS = [
    (CHILD, "suspension", "DB", None, day, day) for day in ("2014-02-03", "2014-03-03", "2014-05-06", "2014-06-02")
]
# Of 60 sessions in each of five terms, so many were missed: 10 % over three of them is met by some triples only.
MISSED = {"2013-01-07": 20, "2013-04-15": 2, "2013-09-03": 1, "2014-01-06": 16, "2014-04-22": 9}
ABSENCES = [(CHILD, "unauthorised_absence", None, None, day, None) for day in MISSED]
OLD = (CHILD, "proven_offence", "1/1", "offender", "2010-01-10", None)


@cache
def pack(name: str) -> Pack:
    return load_pack(SCHEMAS / "criteria" / f"{name}.yaml", load_vocabulary(SCHEMAS))


def case(*facts: tuple[Any, ...], pack_id: str = "troubled-families-2012", family: int = FAMILY) -> FamilyCase:
    """A mother and a child of ten (and a lodger who lives in two families, surer of the other)."""
    columns = ["person_id", "kind", "code", "role", "start_date", "end_date"]
    evidence = pd.DataFrame(list(facts), columns=columns)
    evidence = evidence.assign(
        evidence_id=range(1, len(evidence) + 1),
        quantity=evidence["start_date"].map(MISSED).where(evidence["kind"] == "unauthorised_absence").astype(float),
        out_of=evidence["kind"].map({"unauthorised_absence": 60.0}).astype(float),
        partner="council",
    ).astype({"person_id": "int64", "evidence_id": "int64"})
    for name in ("start_date", "end_date"):
        evidence[name] = pd.to_datetime(evidence[name])
    rows = [(family, CHILD, "child", 0.9), (family, ADULT, "adult", 0.9), (family, LODGER, "adult", 0.6),
            (family + 1, LODGER, "adult", 0.8), (family - 1, LODGER, "adult", 0.5)]  # fmt: skip
    members = pd.DataFrame(rows, columns=["family_id", "person_id", "role", "confidence"])
    members = members.assign(start_date=pd.Timestamp("2010-01-01"), end_date=pd.NaT, reason="lives there")
    persons = pd.DataFrame(
        {"person_id": [CHILD, ADULT, LODGER], "sex": ["M", "F", "M"],
         "birth_month": pd.to_datetime(["2001-05-01", "1980-02-01", "1985-01-01"])}
    )  # fmt: skip
    found = pack(pack_id)
    coverage = pd.DataFrame([("council", kind, AS_AT, True) for kind in found.kinds],
                            columns=["partner", "kind", "as_of", "fresh"])  # fmt: skip
    return FamilyCase(family, "with_children", members, persons, evidence, coverage, found, AS_AT)


@pytest.mark.parametrize(
    ("facts", "rows", "instead"),
    [
        pytest.param([OFFENCE, EXCLUDED, JSA], (2, 1, 3), {}, id="each is needed"),
        pytest.param([OFFENCE, EXCLUDED, JSA, ESA], (1, 2, 3), {3: (4,)}, id="the later benefit; the other named"),
        pytest.param([OFFENCE, EXCLUDED, JSA, OLD], (1, 2, 3), {}, id="what is out of the window is not cited"),
        pytest.param([OFFENCE, *SUSPENSIONS[:3], JSA], (1, 2, 3, 4, 5), {}, id="three exclusions are three rows"),
        pytest.param(
            [OFFENCE, *SUSPENSIONS, JSA], (1, 3, 4, 5, 6), {3: (2,), 4: (2,), 5: (2,)}, id="a fourth may stand in"
        ),
        pytest.param(
            [OFFENCE, EXCLUDED, JSA, IN_NEED], (1, 2, 4), {1: (3,), 2: (3,), 4: (3,)}, id="two ways in: one is cited"
        ),
    ],
)  # fmt: skip
def test_by_hand(facts: list[tuple[Any, ...]], rows: tuple[int, ...], instead: dict[int, tuple[int, ...]]) -> None:
    support = support_of(case(*facts))
    assert support is not None
    assert sorted(support.rows) == sorted(rows)
    assert {row: others for row, others in support.instead.items() if others} == instead
    assert set(support.needed) == set(rows) - set(instead)


@pytest.mark.parametrize(
    "facts", [[], [OFFENCE, EXCLUDED], [OLD, EXCLUDED, JSA], [(LODGER, *JSA[1:]), OFFENCE, EXCLUDED]]
)
def test_a_family_that_is_not_selected_has_none(facts: list[tuple[Any, ...]]) -> None:
    assert support_of(case(*facts)) is None


def test_worlds_do_not_touch_each_other() -> None:
    """A hundred copies at once stand as each would alone, and the lodger stays in the family that is surer of them."""
    one = case(OFFENCE, EXCLUDED, JSA, IN_NEED, (LODGER, *ESA[1:]))
    without = [[1], [2], [3], [1, 2], [], [1, 2, 3, 4, 5], *([[4]] * 94)]
    together = one.judge(without)
    assert together == [one.judge([removed])[0] for removed in without]
    assert [world.selected for world in together[:6]] == [True, True, True, False, True, False]
    assert 5 not in together[4].decisive


FACTS = st.lists(
    st.sampled_from([OFFENCE, ASB, EXCLUDED, JSA, ESA, IN_NEED, OLD, *SUSPENSIONS, *ABSENCES]), max_size=12, unique=True
)


@settings(max_examples=40)
@given(FACTS, st.sampled_from(["troubled-families-2012", "troubled-families-2015"]))
def test_enough_none_to_spare_and_the_rest_named(facts: list[tuple[Any, ...]], pack_id: str) -> None:
    one = case(*facts, pack_id=pack_id)
    support = support_of(one)
    assert (support is not None) == one.as_it_is.selected
    if support is None:
        return
    others = set(one.rows) - set(support.rows)
    assert one.judge([others])[0].selected
    fewer = one.judge([[*others, row] for row in support.rows])
    assert not any(world.selected for world in fewer)
    removed = one.judge([[row] for row in support.rows])
    both = one.judge([[row, *support.instead[row]] for row in support.rows])
    for row, world, without_both in zip(support.rows, removed, both, strict=True):
        assert world.selected == bool(support.instead[row])
        assert not without_both.selected


def test_the_order_of_rows_makes_no_difference() -> None:
    facts = [OFFENCE, EXCLUDED, JSA, ESA, IN_NEED]
    first, second = case(*facts), case(*facts)
    shuffled = FamilyCase(**{**second.__dict__, "evidence": second.evidence.sample(frac=1, random_state=7)})
    assert support_of(first) == support_of(shuffled)
