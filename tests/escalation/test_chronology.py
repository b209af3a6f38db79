"""The customer's journey: what is told, in which order, and to whom."""

from __future__ import annotations

from functools import cache

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contracts import Vocabulary, load_vocabulary
from pipeline.escalation.chronology import HUB, chronology, member_names
from pipeline.settings import PROJECT
from tests.escalation.contact_tables import declared

MEMBERS = pd.DataFrame(
    {
        "person_id": [1, 2, 3],
        "role": ["adult", "child", "child"],
        "birth_month": pd.to_datetime(["1980-03-01", "2001-05-01", None]),
    }
)
FACT = ("evidence_id", "person_id", "kind", "code", "role", "start_date", "end_date", "quantity", "out_of", "partner")
FACTS = [
    (10, 2, "suspension", "PP", None, "2014-02-03", "2014-02-03", 4.0, None, "schools"),
    (11, 1, "out_of_work_benefit", "JSA", None, "2013-09-01", None, None, None, "dwp"),
    (12, 1, "domestic_abuse_incident", None, "victim", "2013-11-20", None, None, None, "police"),
    (13, 3, "child_in_need", "N1", None, "2013-12-01", "2014-03-01", None, None, "council"),
    (14, 2, "authorised_absence", "2013-autumn", None, "2013-09-01", "2013-12-20", 3.0, 130.0, "schools"),
    (15, 2, "unauthorised_absence", "2013-autumn", None, "2013-09-01", "2013-12-20", 0.0, 130.0, "schools"),
]
MILESTONES = pd.DataFrame(
    {
        "day": pd.to_datetime(["2014-07-31"]),
        "until": pd.to_datetime([None]),
        "what": ["Selected"],
        "contains_dwp": [True],
    }
)


@cache
def vocabulary() -> Vocabulary:
    return load_vocabulary(PROJECT / "schemas")


def told(reader: str, **span: pd.Timestamp) -> pd.DataFrame:
    facts = pd.DataFrame(FACTS, columns=list(FACT))
    for column in ("start_date", "end_date"):
        facts[column] = pd.to_datetime(facts[column])
    return chronology(facts, MEMBERS, MILESTONES, declared().readers[reader], declared(), vocabulary(), **span)


def test_the_council_sees_everything_in_order_of_days() -> None:
    rows = told("council")
    assert rows["evidence_id"].dropna().tolist() == [11, 12, 13, 10]
    assert rows["agency"].tolist() == ["jobcentre", "police", "childrens_services", "schools", HUB]
    assert rows["member"].tolist()[:4] == ["adult 1", "adult 1", "child 2", "child 1"]
    assert rows["what"].tolist() == [
        "Out of work benefit", "Domestic abuse incident", "Child in need", "Suspension", "Selected",
    ]  # fmt: skip
    assert rows["until"].notna().tolist() == [False, False, True, False, False]  # of one day: no end


def test_dwp_and_what_rests_on_it_is_closed_to_the_other_partners() -> None:
    for reader in ("police", "schools", "analyst", "caseworker"):
        rows = told(reader)
        assert rows["evidence_id"].tolist() == [12, 13, 10]
        assert not {"dwp", HUB} & set(rows["partner"])
    assert told("dwp")["partner"].tolist()[0] == "dwp"


def test_only_what_has_a_day_in_the_span() -> None:
    span = {"first": pd.Timestamp("2014-01-01"), "last": pd.Timestamp("2014-02-28")}
    assert told("police", **span)["evidence_id"].tolist() == [13, 10]


def test_nobody_is_named_and_the_eldest_comes_first() -> None:
    assert member_names(MEMBERS) == {1: "adult 1", 2: "child 1", 3: "child 2"}


@settings(deadline=None)
@given(st.sampled_from(["analyst", "police", "schools"]), st.permutations(FACTS))
def test_no_order_of_rows_lets_a_blocked_one_through(reader: str, facts: list[tuple[object, ...]]) -> None:
    frame = pd.DataFrame(facts, columns=list(FACT))
    for column in ("start_date", "end_date"):
        frame[column] = pd.to_datetime(frame[column])
    rows = chronology(frame, MEMBERS, MILESTONES, declared().readers[reader], declared(), vocabulary())
    assert set(rows["partner"]) <= declared().readers[reader].sees
    pd.testing.assert_frame_equal(rows, told(reader))
