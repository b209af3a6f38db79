"""Not met or unknown, and which families a pack selects."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from criteria_tables import (
    AS_AT,
    coverage_frame,
    evaluate_one,
    evidence_frame,
    fact,
    families_frame,
    members_frame,
    persons_frame,
    state,
)  # fmt: skip

from pipeline.criteria import Pack, evaluate

BIRTHS: dict[int, str | None] = {1: "1980-02", 2: "2001-03"}
FACTS = {
    "crime_asb": fact(2, "proven_offence", "2014-03-01", code="1/1", role="offender"),
    "education": fact(2, "enrolment", "2014-03-01", code="none"),
    "work": fact(1, "out_of_work_benefit", "2014-03-01", code="JSA"),
    "local": fact(1, "eviction_notice", "2014-03-01"),
}


@pytest.mark.parametrize("gap", ["without", "stale"])
def test_a_gap_in_a_feed_makes_not_met_unknown_and_leaves_met(pack: Pack, gap: str) -> None:
    gapped: dict[str, Any] = {gap: ["police"]}
    coverage = coverage_frame(**gapped)
    nothing = evaluate_one(pack, BIRTHS, [], coverage=coverage)
    assert {name: state(nothing, name) for name in FACTS} == {
        "crime_asb": "unknown", "education": "not_met", "work": "not_met", "local": "unknown",
    }  # fmt: skip
    reason = nothing.results.set_index("criterion").loc["crime_asb", "reason"]
    assert reason == ("no feed of proven_offence" if gap == "without" else "stale feed of proven_offence from police")
    # The council's feed alone can meet it.
    asb = evaluate_one(pack, BIRTHS, [fact(1, "asb_order", "2014-01-01", role="offender")], coverage=coverage)
    assert state(asb, "crime_asb") == "met"


def test_one_stale_partner_of_two_that_send_a_kind(pack: Pack) -> None:
    second = pd.DataFrame(
        [("probation", "proven_offence", pd.Timestamp(AS_AT), False)], columns=coverage_frame().columns
    )
    result = evaluate_one(pack, BIRTHS, [], coverage=pd.concat([coverage_frame(), second]))
    assert state(result, "crime_asb") == "unknown"


def test_data_that_start_inside_the_window_cannot_say_not_met(pack: Pack) -> None:
    for since, expected in (("2013-08-01", "not_met"), ("2013-08-02", "unknown")):
        result = evaluate_one(pack, BIRTHS, [], coverage=coverage_frame().assign(since=pd.Timestamp(since)))
        assert state(result, "crime_asb") == expected
        assert state(result, "work") == "not_met"  # current: one day is enough


@pytest.mark.parametrize(
    ("met", "without", "expected", "reason"),
    [
        (("crime_asb", "education", "work"), (), "selected", "all_three"),
        (("crime_asb", "education", "work", "local"), (), "selected", "all_three, two_and_local"),
        (("crime_asb", "work", "local"), (), "selected", "two_and_local"),
        (("crime_asb", "education"), (), "not_selected", "no route holds"),
        (("work", "local"), (), "not_selected", "no route holds"),
        ((), (), "not_selected", "no route holds"),
        (("crime_asb", "education"), ("dwp",), "unknown", "a criterion that is unknown would decide"),
        (("crime_asb", "education"), ("police",), "unknown", "a criterion that is unknown would decide"),
        (("education",), ("dwp",), "not_selected", "no route holds"),
        (("crime_asb", "education", "local"), ("dwp",), "selected", "two_and_local"),
        ((), ("council", "dwp", "police", "schools"), "unknown", "a criterion that is unknown would decide"),
    ],
)
def test_selection(pack: Pack, met: tuple[str, ...], without: tuple[str, ...], expected: str, reason: str) -> None:
    result = evaluate_one(pack, BIRTHS, [FACTS[name] for name in met], coverage=coverage_frame(without=without))
    row = result.selection.iloc[0]
    assert (row["state"], row["reason"], row["criteria_met"]) == (expected, reason, len(met))
    assert row["selected"] == (expected == "selected")


def test_only_families_with_children_are_looked_at_and_each_has_every_criterion(pack: Pack) -> None:
    families = pd.concat([families_frame([9, 4]), families_frame([5], "adult_only")])
    members = members_frame([(9, 1, "adult"), (9, 2, "child"), (4, 3, "child"), (5, 6, "adult")])
    result = evaluate(
        families, members, persons_frame(BIRTHS), evidence_frame([FACTS["work"]]), coverage_frame(), pack,
        pd.Timestamp(AS_AT),
    )  # fmt: skip
    assert result.selection["family_id"].tolist() == [4, 9]
    assert result.results.groupby("family_id").size().to_dict() == {4: 4, 9: 4}


def test_no_families_and_no_evidence(pack: Pack) -> None:
    result = evaluate(
        families_frame([]), members_frame([]), persons_frame({}), evidence_frame([]), coverage_frame(), pack,
        pd.Timestamp(AS_AT),
    )  # fmt: skip
    assert (len(result.results), len(result.decisive), len(result.selection)) == (0, 0, 0)


def test_a_member_who_left_does_not_count(pack: Pack) -> None:
    members = members_frame([(7, 1, "adult"), (7, 2, "child")])
    for left, expected in (("2014-07-30", "not_met"), (AS_AT, "met"), (None, "met")):
        members.loc[members["person_id"] == 1, "end_date"] = pd.Timestamp(left) if left else pd.NaT
        result = evaluate(
            families_frame([7]), members, persons_frame(BIRTHS), evidence_frame([FACTS["work"]]), coverage_frame(),
            pack, pd.Timestamp(AS_AT),
        )  # fmt: skip
        assert state(result, "work") == expected
