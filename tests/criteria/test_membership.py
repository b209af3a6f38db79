"""Whose evidence counts: stays in a family, two homes, parents who live elsewhere, measured per person or family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from criteria_tables import AS_AT, evidence_frame, families_frame, persons_frame

from pipeline.contracts import Vocabulary
from pipeline.criteria import Pack, evaluate, load_pack
from pipeline.records import CriteriaResult

CRITERIA = Path(__file__).resolve().parents[2] / "schemas" / "criteria"
Row = tuple[int, int, str, str | None, str | None, float]


def members(*rows: Row) -> pd.DataFrame:
    """family, person, role, first day, last day, confidence."""
    frame = pd.DataFrame(rows, columns=["family_id", "person_id", "role", "start_date", "end_date", "confidence"])
    return frame.assign(reason="said").astype({"start_date": "datetime64[ns]", "end_date": "datetime64[ns]"})


def row(person: int, kind: str, start: str, **more: Any) -> dict[str, Any]:
    names = ("person_id", "kind", "start_date", "end_date", "code", "role", "quantity", "out_of", "partner")
    return {**dict.fromkeys(names), "person_id": person, "kind": kind, "start_date": start, "partner": "one", **more}


def judged(
    pack: Pack, belonging: pd.DataFrame, facts: list[dict[str, Any]], births: dict[int, str | None]
) -> CriteriaResult:
    coverage = pd.DataFrame({"partner": "one", "kind": list(pack.kinds), "as_of": pd.Timestamp(AS_AT), "fresh": True})
    families = families_frame(sorted(set(belonging["family_id"])))
    return evaluate(
        families, belonging, persons_frame(births), evidence_frame(facts), coverage, pack, pd.Timestamp(AS_AT)
    )


def met(result: CriteriaResult, criterion: str) -> set[int]:
    rows = result.results
    return set(rows.loc[(rows["criterion"] == criterion) & (rows["state"] == "met"), "family_id"])


@pytest.fixture(scope="module")
def since_joining(vocabulary: Vocabulary) -> Pack:
    """The 2012 pack, in which out-of-work benefit and offences count only since the person joined the family."""
    changes = {f"{rule}.since_joining": True for rule in ("crime_asb.youth_offence", "crime_asb.asb_action")}
    return load_pack(CRITERIA / "troubled-families-2012.yaml", vocabulary, changes=changes)


BIRTHS: dict[int, str | None] = {1: "1980-02", 2: "2001-03", 3: "1975-01"}
OFFENCE = {"code": "1/1", "role": "offender"}


@pytest.mark.parametrize(
    ("stays", "counts"),
    [
        ([(None, None)], True),  # always there
        ([("2014-03-01", None)], True),  # joined on the day of the offence
        ([("2014-03-02", None)], False),
        ([("2010-01-01", "2014-02-27"), ("2014-03-02", None)], False),  # away on the day
        ([("2010-01-01", "2014-03-01"), ("2014-03-02", None)], True),  # two periods without a gap are one stay
        ([(None, "2014-03-01"), ("2014-03-02", None)], True),
    ],
)
def test_evidence_before_a_member_joined(
    since_joining: Pack, pack: Pack, stays: list[tuple[str | None, str | None]], counts: bool
) -> None:
    belonging = members((7, 1, "adult", None, None, 1.0), *((7, 2, "child", start, end, 1.0) for start, end in stays))
    facts = [row(2, "proven_offence", "2014-03-01", **OFFENCE)]
    assert bool(met(judged(since_joining, belonging, facts, BIRTHS), "crime_asb")) is counts
    assert met(judged(pack, belonging, facts, BIRTHS), "crime_asb") == {7}  # a rule that does not ask counts all


def test_a_spell_that_reaches_past_the_joining_counts(since_joining: Pack) -> None:
    belonging = members((7, 1, "adult", "2014-03-01", None, 1.0), (7, 2, "child", None, None, 1.0))
    for end, counts in (("2014-02-28", False), ("2014-03-01", True), (None, True)):
        facts = [row(1, "asb_order", "2013-01-01", end_date=end, role="offender")]
        assert bool(met(judged(since_joining, belonging, facts, BIRTHS), "crime_asb")) is counts


def test_a_child_at_two_homes_counts_once_with_the_surer(pack: Pack) -> None:
    facts = [row(2, "proven_offence", "2014-03-01", **OFFENCE)]
    for sure, unsure in ((7, 8), (8, 7)):
        belonging = members(
            (7, 1, "adult", None, None, 1.0), (8, 3, "adult", None, None, 1.0),
            (sure, 2, "child", None, None, 0.9), (unsure, 2, "child", None, None, 0.6),
        )  # fmt: skip
        assert met(judged(pack, belonging, facts, BIRTHS), "crime_asb") == {sure}


def test_a_change_of_role_in_one_family_is_no_second_person(pack: Pack) -> None:
    belonging = members(
        (7, 1, "adult", None, None, 1.0), (7, 2, "child", None, "2014-03-31", 1.0),
        (7, 2, "adult", "2014-04-01", None, 1.0), (7, 2, "child", "2014-07-31", None, 1.0),
    )  # fmt: skip
    facts = [row(2, "suspension", day, code="PB", quantity=1) for day in ("2013-09-10", "2014-01-10")]
    assert not met(judged(pack, belonging, facts, BIRTHS), "education")


def test_a_father_elsewhere_accounts_for_one_problem_in_each_family_of_his_children(vocabulary: Vocabulary) -> None:
    """He lives in family 9 as an adult and is a parent elsewhere of 7 and 8: his evidence counts in all three, fully
    at home and for one problem elsewhere."""
    pack = load_pack(CRITERIA / "troubled-families-2015.yaml", vocabulary)
    births: dict[int, str | None] = {1: "1985-01", 2: "2005-01", 3: "1985-01", 4: "2006-01", 5: "1980-01", 6: "2007-01"}
    belonging = members(
        (7, 1, "adult", None, None, 1.0), (7, 2, "child", None, None, 1.0),
        (8, 3, "adult", None, None, 1.0), (8, 4, "child", None, None, 1.0),
        (9, 5, "adult", None, None, 1.0), (9, 6, "child", None, None, 1.0),
        (7, 5, "non_resident_parent", None, None, 1.0), (8, 5, "non_resident_parent", None, None, 1.0),
    )  # fmt: skip
    facts = [
        row(5, "out_of_work_benefit", "2014-01-01", code="JSA"),
        row(5, "asb_order", "2014-01-01", role="offender"),
        row(4, "child_in_need", "2014-01-01", code="N1"),
    ]
    result = judged(pack, belonging, facts, births)
    assert met(result, "work_and_money") == met(result, "crime_asb") == {7, 8, 9}
    chosen = result.selection.set_index("family_id")
    assert chosen["selected"].to_dict() == {7: False, 8: True, 9: True}
    assert chosen["criteria_met"].to_dict() == {7: 1, 8: 2, 9: 2}
    reasons = result.results.set_index(["family_id", "criterion"])["reason"]
    assert reasons[7, "crime_asb"] == "asb_action (only through a parent who lives elsewhere)"
    assert reasons[9, "crime_asb"] == "asb_action"
    # The evidence that decides is shown in each family.
    assert result.decisive.groupby("evidence_id")["family_id"].nunique().to_dict() == {100: 3, 101: 3, 102: 1}
