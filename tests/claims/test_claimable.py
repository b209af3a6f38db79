"""Who can be claimed for, how much, and what never happens: twice, beyond the maximum, beyond the cap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.claims import TariffPack, claim_lines, financial_year, lineages, load_tariff_pack
from pipeline.errors import DeclarationError
from tests.claims.conftest import TARIFFS, VOCABULARY

PACK = load_tariff_pack(TARIFFS / "troubled-families-2012.yaml", VOCABULARY)
EVERYBODY = replace(PACK, funded_families=1, funded_of=1)
GOOD = {"education": "passed", "asb": "passed", "youth_crime": "not_applicable", "progress_to_work": "passed",
        "continuous_employment": "failed"}  # fmt: skip


def cases_of(*rows: tuple[int, int, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["case_id", "lineage", "attached_on"])
    return frame.assign(attached_on=pd.to_datetime(frame["attached_on"]))


def outcomes_of(outcome: dict[int, dict[str, str]]) -> pd.DataFrame:
    rows = [
        (case, test, state, test != "education") for case, states in outcome.items() for test, state in states.items()
    ]
    return pd.DataFrame(rows, columns=["case_id", "test", "state", "contains_dwp"])


def claimed_of(*rows: tuple[int, int, str, int, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["case_id", "lineage", "claim", "pounds", "tariff_year"])


def lines(
    cases: pd.DataFrame,
    outcome: dict[int, dict[str, str]],
    *claimed: tuple[int, int, str, int, str],
    certified: tuple[int, ...] = (),
    problems: tuple[str, ...] = ("education",),
    pack: TariffPack = EVERYBODY,
) -> pd.DataFrame:
    had = pd.DataFrame([(case, p) for case in cases["case_id"] for p in problems], columns=["case_id", "criterion"])
    certificates = pd.DataFrame({"case_id": list(certified), "test": "continuous_employment"})
    return claim_lines(cases, outcomes_of(outcome), claimed_of(*claimed), certificates, had, pack)


def told(frame: pd.DataFrame, case: int = 1) -> dict[str, tuple[str, int]]:
    mine = frame[frame["case_id"] == case]
    return {c: (s, p) for c, s, p in zip(mine["claim"], mine["state"], mine["pounds"], strict=True)}


@pytest.mark.parametrize(
    ("attached", "attachment", "result"),
    [("2013-03-31", 3200, 700), ("2013-04-01", 2400, 1500), ("2014-03-31", 2400, 1500), ("2014-04-01", 1600, 2300)],
)
def test_the_year_of_attachment_sets_the_tariff(attached: str, attachment: int, result: int) -> None:
    got = told(lines(cases_of((1, 1, attached)), {1: GOOD}))
    assert got["attachment"] == ("claimable", attachment)
    assert got["education_crime"] == ("claimable", result)
    assert got["progress"] == ("claimable", 100)
    assert got["employment"][0] == "blocked"
    assert sum(pounds for _, pounds in got.values()) == 4000


def test_employment_pays_what_is_left_of_the_maximum() -> None:
    work = GOOD | {"education": "failed", "continuous_employment": "needs_certificate"}
    case = cases_of((1, 1, "2014-05-01"))
    assert told(lines(case, {1: work}))["employment"] == ("not_yet", 0)
    got = told(lines(case, {1: work}, certified=(1,)))
    assert got["employment"] == ("claimable", 4000 - 1600 - 100)
    assert got["education_crime"] == ("not_yet", 0)


def test_nothing_is_claimed_for_a_family_that_is_not_in_the_programme_or_never_had_the_problem() -> None:
    assert {state for state, _ in told(lines(cases_of((1, 1, None)), {1: GOOD})).values()} == {"not_yet"}
    assert told(lines(cases_of((1, 1, "2014-05-01")), {1: GOOD}, problems=("work",)))["education_crime"][0] == "blocked"


@pytest.mark.parametrize("state", ["failed", "unknown", "too_early"])
def test_one_test_that_is_not_passed_is_enough_to_wait(state: str) -> None:
    frame = lines(cases_of((1, 1, "2014-05-01")), {1: GOOD | {"asb": state}})
    assert told(frame)["education_crime"] == ("not_yet", 0)
    reason = frame.loc[frame["claim"] == "education_crime", "reason"].item()
    assert reason == f"asb {state.replace('_', ' ')}"


def test_a_family_claimed_under_another_number_is_not_claimed_again() -> None:
    both = cases_of((1, 1, "2013-05-01"), (2, 1, "2013-09-01"))
    frame = lines(both, {1: GOOD, 2: GOOD}, (1, 1, "attachment", 2400, "2013/14"))
    assert told(frame, 1)["attachment"] == ("claimed", 2400)
    assert told(frame, 1)["education_crime"] == ("claimable", 1500)
    assert {state for state, _ in told(frame, 2).values()} == {"blocked"}


def test_what_was_claimed_and_is_lost_again_shows() -> None:
    frame = lines(
        cases_of((1, 1, "2013-05-01")), {1: GOOD | {"asb": "failed", "progress_to_work": "failed"}},
        (1, 1, "education_crime", 1500, "2013/14"), (1, 1, "progress", 100, "2013/14"),
    ).set_index("claim")  # fmt: skip
    assert frame.loc["education_crime", "holds_now"] is False or not frame.loc["education_crime", "holds_now"]
    assert pd.isna(frame.loc["progress", "holds_now"])  # an attachment to a programme is not lost
    assert pd.isna(frame.loc["attachment", "holds_now"])


def test_five_of_six_families_are_funded_in_the_order_in_which_they_were_attached() -> None:
    cases = cases_of(*((case, case, f"2013-05-{case:02d}") for case in range(1, 8)))
    frame = lines(cases, dict.fromkeys(range(1, 8), GOOD), pack=PACK)
    assert PACK.cap(7) == 5
    attachment = frame[frame["claim"] == "attachment"].set_index("case_id")["state"]
    assert attachment.to_dict() == dict.fromkeys(range(1, 6), "claimable") | dict.fromkeys((6, 7), "beyond_cap")
    # With an agreed number the cap does not wait for the families to come.
    agreed = lines(cases, dict.fromkeys(range(1, 8), GOOD), pack=replace(PACK, agreed_families=12))
    assert (agreed.loc[agreed["claim"] == "attachment", "state"] == "claimable").all()


def test_a_year_without_a_tariff_blocks_its_families_and_says_where_to_add_it() -> None:
    frame = lines(cases_of((1, 1, "2016-05-01"), (2, 2, "2013-05-01")), {1: GOOD, 2: GOOD})
    assert {state for state, _ in told(frame, 1).values()} == {"blocked"}
    assert "no tariff for 2016/17: add it to schemas/tariffs/" in frame.loc[frame["case_id"] == 1, "reason"].iloc[0]
    assert told(frame, 2)["attachment"] == ("claimable", 2400)
    with pytest.raises(DeclarationError, match=r"no tariff for 2016/17; there are: 2012/13, 2013/14, 2014/15"):
        PACK.tariff("2016/17")


def test_dwp_marks_follow_from_the_tests() -> None:
    frame = lines(cases_of((1, 1, "2013-05-01")), {1: GOOD}).set_index("claim")
    assert frame["contains_dwp"].to_dict() == {
        "attachment": False,
        "education_crime": True,
        "progress": True,
        "employment": True,
    }


def test_lineages_join_merges_and_splits_and_a_cases_own_past() -> None:
    ledger = pd.DataFrame(
        [(1, 2, "merge"), (2, 3, "split"), (7, 8, "merge"), (None, 9, "new"), (10, None, "retired")],
        columns=["old_id", "new_id", "change"],
    )
    case_families = pd.DataFrame({"case_id": [50, 50], "family_id": [3, 12]})
    found = lineages(pd.Series([1, 2, 3, 12, 7, 8, 9, 10, 11]), case_families, ledger)
    assert found.tolist() == [1, 1, 1, 1, 7, 7, 9, 10, 11]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("needs: [progress_to_work]", "needs: [progress]", r"line \d+: claim 'progress': there is no test 'progress'"),
        ("'2012/13': {attachment: 3200,", "'2012/13': {", r"line \d+: 2012/13 has no amount for 'attachment'"),
        ("'2012/13'", "'2012'", "'2012' is no financial year"),
        ("by: 0.60", "by: 60", "'by' is a share"),
        ("kinds: [suspension]", "kinds: [expulsion]", "there is no evidence kind 'expulsion'"),
        ("kind: reduction, who: any", "kind: reduktion, who: any", "unknown kind of test"),
        ("measure: rate, under: 0.15", "measure: rate, under: 15", "a rate as a share"),
        ("instead_of: [education_crime]", "instead_of: [education]", "there is no claim 'education'"),
        ("families: 5", "families: 7", "more families are funded than there are"),
    ],
)  # fmt: skip
def test_tariffs_that_do_not_hold_are_refused_at_their_line(tmp_path: Any, old: str, new: str, says: str) -> None:
    text = (TARIFFS / "troubled-families-2012.yaml").read_text()
    assert old in text
    broken = tmp_path / "troubled-families-2012.yaml"
    broken.write_text(text.replace(old, new, 1))
    with pytest.raises(DeclarationError, match=says):
        load_tariff_pack(broken, VOCABULARY)


def test_a_financial_year_begins_on_the_first_of_april() -> None:
    days = {"2013-03-31": "2012/13", "2013-04-01": "2013/14", "1999-12-31": "1999/00"}
    assert {day: financial_year(pd.Timestamp(day).date()) for day in days} == days


# --- properties: years of nights, with families that merge and split, cases opened and claims made all along

STATES = st.sampled_from(["passed", "failed", "not_applicable", "unknown", "too_early", "needs_certificate"])
DAYS = st.sampled_from(["2012-10-01", "2013-05-01", "2014-06-01", "2017-01-01"])
NIGHTS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(["merge", "split"]), st.integers(1, 9), st.integers(1, 9)), max_size=3),
        st.lists(st.tuples(st.integers(1, 9), DAYS), max_size=4),
        st.lists(st.tuples(*[STATES] * 5), min_size=9, max_size=9),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip


def same_family(families: list[int], edges: list[tuple[int, int]]) -> dict[int, int]:
    """The plain way: walk from each family until nothing new is found; named by the lowest id."""
    named = {}
    for family in families:
        seen, ahead = {family}, [family]
        while ahead:
            here = ahead.pop()
            for a, b in edges:
                for one, other in ((a, b), (b, a)):
                    if one == here and other not in seen:
                        seen.add(other)
                        ahead.append(other)
        named[family] = min(seen)
    return named


@settings(max_examples=40, deadline=None)
@given(NIGHTS, st.sampled_from([PACK, EVERYBODY, replace(PACK, agreed_families=4)]))
def test_never_twice_never_beyond_the_maximum_never_beyond_the_cap(nights: list[Any], pack: TariffPack) -> None:
    edges: list[tuple[int, int]] = []
    opened: dict[int, str] = {}
    claimed: list[tuple[int, int, str, int, str]] = []
    for changes, attached, outcomes, make in nights:
        edges += [(old, new) for _, old, new in changes]
        for family, day in attached:
            opened.setdefault(family, day)
        if not opened:
            continue
        ledger = pd.DataFrame([(a, b, "merge") for a, b in edges], columns=["old_id", "new_id", "change"])
        families = pd.Series(sorted(opened), dtype="int64")
        own = pd.DataFrame({"case_id": families, "family_id": families})
        root = dict(zip(families, lineages(families, own, ledger), strict=True))
        plain = same_family(list(families), edges)
        assert {f: min(g for g in plain if plain[g] == plain[f]) for f in plain} == {
            f: min(g for g in root if root[g] == root[f]) for f in root
        }
        cases = cases_of(*((family, root[family], opened[family]) for family in families))
        tests = {family: dict(zip(GOOD, outcomes[family - 1], strict=True)) for family in families}
        ledger_of_claims = [(case, root[case], claim, pounds, year) for case, _, claim, pounds, year in claimed]
        got = lines(cases, tests, *ledger_of_claims, pack=pack, certified=(1, 2, 3))
        again = lines(
            cases.sample(frac=1, random_state=1), tests, *ledger_of_claims[::-1], pack=pack, certified=(3, 2, 1)
        )
        pd.testing.assert_frame_equal(got, again)

        new = got[got["state"] == "claimable"]
        before: dict[int, list[tuple[str, int]]] = {}
        for case, _, claim, pounds, _ in ledger_of_claims:
            before.setdefault(plain[case], []).append((claim, pounds))
        for case, claim, pounds in zip(new["case_id"], new["claim"], new["pounds"], strict=True):
            mine = before.setdefault(plain[case], [])
            assert claim not in [done for done, _ in mine]
            assert not {claim, *(done for done, _ in mine)} >= {"employment", "education_crime"} or claim not in (
                "employment", "education_crime",
            )  # fmt: skip
            mine.append((claim, pounds))
            assert 0 < sum(paid for _, paid in mine) <= pack.maximum
        funded_before = {plain[case] for case, *_ in ledger_of_claims}
        newly = {plain[case] for case in new["case_id"]} - funded_before
        assert not newly or len(funded_before | newly) <= pack.cap(len(set(plain.values())))
        if make:
            claimed += [(c, root[c], claim, int(p), y) for c, claim, p, y in zip(
                new["case_id"], new["claim"], new["pounds"], new["tariff_year"], strict=True)]  # fmt: skip
