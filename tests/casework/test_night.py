"""One night's casework as a whole: who gets a case, and when nobody does."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from pipeline.casework import Declared, Facts, Night, Standing, load_declared, numbered, work_out
from pipeline.contracts import load_vocabulary
from pipeline.criteria import evaluate, load_pack
from pipeline.records import FamilyResult
from pipeline.settings import PROJECT
from tests.casework.conftest import PACK
from tests.casework.small_tables import AS_AT, coverage, evidence, fact, members, persons

FACTS = evidence(
    fact(2, "proven_offence", "2014-03-01", code="1/1", role="offender"),
    fact(2, "enrolment", "2014-03-01", code="none"),
    fact(1, "out_of_work_benefit", "2014-03-01", code="JSA"),
)
NO_LEDGER = pd.DataFrame({"old_id": [], "new_id": [], "change": []})
NOBODY = Standing(
    cases=pd.DataFrame(
        {"case_id": pd.Series(dtype="int64"), "family_id": pd.Series(dtype="int64"), "state": [],
         "identified_on": pd.Series(dtype="datetime64[ns]"), "attached_on": pd.Series(dtype="datetime64[ns]")}
    ),
    case_records=pd.DataFrame({"case_id": [], "record_id": []}, dtype="int64"),
    case_families=pd.DataFrame({"case_id": [], "family_id": []}, dtype="int64"),
    baselines=pd.DataFrame({"case_id": [], "test": [], "value": []}),
    problems=pd.DataFrame({"case_id": [], "criterion": [], "found_on": pd.Series(dtype="datetime64[ns]")}),
    claimed=pd.DataFrame({"case_id": [], "family_id": [], "claim": [], "pounds": [], "tariff_year": []}),
    certificates=pd.DataFrame({"case_id": [], "test": []}),
    nominations=pd.DataFrame({"record_id": [], "partner": [], "nominated_on": [], "rank": []}),
    ledger=NO_LEDGER,
)  # fmt: skip


@pytest.fixture(scope="module")
def declared() -> Declared:
    vocabulary = load_vocabulary(PROJECT / "schemas")
    pack = load_pack(PROJECT / "schemas" / "criteria" / f"{PACK}.yaml", vocabulary)
    return load_declared(PROJECT / "schemas", vocabulary, pack)


def night(declared: Declared, standing: Standing) -> Night:
    """The night of one family, a parent and a child, who meet all three criteria."""
    home = members((7, 1, "adult"), (7, 2, "child")).assign(confidence=1.0, reason="same address")
    who = persons({1: "1980-02-01", 2: "2001-03-01"}).assign(sex=["F", "M"])
    families = pd.DataFrame({"family_id": [7], "kind": ["with_children"]})
    evaluated = evaluate(families, home, who, FACTS, coverage(), declared.pack, AS_AT)
    itself = pd.DataFrame({"record_id": [1, 2], "person_id": [1, 2]})
    facts = Facts(FamilyResult(families, home, NO_LEDGER), evaluated, who, FACTS, coverage(), itself, AS_AT)
    return work_out(standing, declared, facts)


def test_a_family_selected_gets_a_case_with_its_people_problems_and_baselines(declared: Declared) -> None:
    got = night(declared, NOBODY)
    assert got.opened[["family_id", "contains_dwp"]].to_numpy().tolist() == [[7, True]]  # met work, which DWP says
    assert sorted(got.records["record_id"]) == [1, 2]
    assert set(got.problems["criterion"]) == {"crime_asb", "education", "work"}
    baselines = got.baselines.rows.set_index("test")["value"]
    assert baselines[["youth_crime", "continuous_employment"]].tolist() == [1.0, 1.0]
    assert set(got.lines["state"]) == {"not_yet"}
    assert got.counts["cases_opened"] == 1


def test_the_same_night_again_opens_nothing(declared: Declared) -> None:
    first = night(declared, NOBODY)
    one = {"case_id": 1}
    again = replace(
        NOBODY,
        cases=first.cases.assign(**one),
        case_records=first.records.assign(**one),
        case_families=pd.DataFrame({"case_id": [1], "family_id": [7]}),
        baselines=first.baselines.rows.assign(**one),
        problems=first.problems.assign(**one)[["case_id", "criterion", "found_on"]],
        published_to=AS_AT,
    )
    got = night(declared, again)
    assert got.opened.empty
    assert got.problems.empty
    assert got.baselines.rows.empty
    assert got.cases["case_id"].tolist() == [1]


@pytest.mark.parametrize(("published_to", "opens"), [(None, 1), ("2014-07-31", 1), ("2014-08-01", 0)])
def test_a_look_back_opens_no_case(declared: Declared, published_to: str | None, opens: int) -> None:
    seen = replace(NOBODY, published_to=published_to and pd.Timestamp(published_to))
    got = night(declared, seen)
    assert len(got.opened) == opens
    assert len(got.priority.families) == 1  # what it shows is worked out all the same


@pytest.mark.parametrize(
    ("cases", "numbers", "expected"),
    [([-1, 2, -3], {-1: 9}, [9, 2]), ([-1, -2], {}, []), ([5, -1], {-1: 7}, [5, 7]), ([5], {}, [5]), ([], {}, [])],
)
def test_numbers_below_zero_become_the_cases_own_or_go(
    cases: list[int], numbers: dict[int, int], expected: list[int]
) -> None:
    got = numbered(pd.DataFrame({"case_id": pd.Series(cases, dtype="int64")}), numbers)
    assert got["case_id"].tolist() == expected
    assert got["case_id"].dtype == "int64"
