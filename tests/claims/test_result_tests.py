"""Each result test of 2012 and 2015, at its edges: a table of cases in and states out."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipeline.claims import TariffPack, run_tests, take_baselines
from tests.casework.small_tables import AS_AT, coverage, evidence, fact

IDENTIFIED = pd.Timestamp("2013-07-31")
#        person  born          role
PEOPLE = {
    1: ("1980-03-01", "adult"),
    2: ("1978-01-01", "adult"),
    3: ("2001-05-01", "child"),
    4: ("2004-09-01", "child"),
}
TERMS = (("2013-autumn", "2013-09-03"), ("2014-spring", "2014-01-06"), ("2014-summer", "2014-04-14"))
NO_PROBLEMS = pd.DataFrame(
    {"case_id": pd.Series(dtype="int64"), "criterion": [], "state": [], "contains_dwp": pd.Series(dtype="bool")}
)
CLOSED = frozenset({"out_of_work_benefit", "programme_attachment"})


def last_terms(day: pd.Timestamp, count: int) -> list[tuple[str, pd.Timestamp]]:
    starts = (("spring", 1), ("summer", 4), ("autumn", 9))
    every = [
        (f"{year}-{name}", pd.Timestamp(year=year, month=month, day=1))
        for year in (2012, 2013, 2014, 2015)
        for name, month in starts
    ]
    return [term for term in every if term[1] <= day][-count:]


def at_school(*children: int, missed: float = 0, **more: Any) -> list[dict[str, Any]]:
    return [
        fact(child, kind, day, code=term, quantity=missed if kind == "unauthorised_absence" else 0, out_of=100, **more)
        for child in children for term, day in TERMS for kind in ("unauthorised_absence", "authorised_absence")
    ]  # fmt: skip


def states(
    pack: TariffPack,
    *facts: dict[str, Any],
    identified: pd.Timestamp = IDENTIFIED,
    feeds: pd.DataFrame | None = None,
    problems: pd.DataFrame = NO_PROBLEMS,
    results: pd.DataFrame = NO_PROBLEMS,
) -> dict[str, str]:
    """The state of every test of one case, whose baseline is taken on the day of identification."""
    cases = pd.DataFrame({"case_id": [5], "identified_on": [identified]})
    people = pd.DataFrame(
        [(5, person, pd.Timestamp(born), role) for person, (born, role) in PEOPLE.items()],
        columns=["case_id", "person_id", "birth_month", "role"],
    )
    rows = evidence(*facts)
    baselines = take_baselines(cases, people, rows, problems, pack, last_terms, identified).rows
    tested = run_tests(
        cases,
        people,
        rows,
        baselines,
        problems,
        results,
        coverage() if feeds is None else feeds,
        pack,
        last_terms,
        AS_AT,
    ).rows
    return {str(test): str(state) for test, state in zip(tested["test"], tested["state"], strict=True)}


def incidents(*days: str, person: int = 1, role: str = "offender") -> list[dict[str, Any]]:
    return [fact(person, "asb_incident", day, code="nuisance", role=role) for day in days]


BEFORE = tuple(f"2013-0{month}-10" for month in (2, 3, 4, 5, 6))  # five in the six months before identification
NOW = tuple(f"2014-0{month}-10" for month in (2, 3, 4, 5, 6))


@pytest.mark.parametrize(
    ("before", "now", "state"),
    [
        (5, 2, "passed"),  # 60 % down exactly
        (5, 3, "failed"),
        (1, 0, "passed"),
        (0, 0, "not_applicable"),
        (0, 1, "failed"),
        (3, 3, "failed"),
    ],
)
def test_antisocial_behaviour_is_down_by_sixty_per_cent(of_2012: TariffPack, before: int, now: int, state: str) -> None:
    assert states(of_2012, *incidents(*BEFORE[:before], *NOW[:now]))["asb"] == state


@pytest.mark.parametrize(
    ("before", "now", "state"), [(3, 2, "passed"), (4, 3, "failed"), (2, 1, "passed"), (2, 2, "failed")]
)
def test_minors_offend_a_third_less(of_2012: TariffPack, before: int, now: int, state: str) -> None:
    def offences(person: int, *days: str) -> list[dict[str, Any]]:
        return [fact(person, "proven_offence", day, code="1/1", role="offender") for day in days]

    # 3 → 2 is 33.3 %. The adult's many offences do not count.
    facts = [*offences(3, *BEFORE[:before], *NOW[:now]), *offences(1, *NOW)]
    assert states(of_2012, *facts)["youth_crime"] == state


def test_suspects_and_victims_and_incidents_told_twice_do_not_count(of_2012: TariffPack) -> None:
    facts = [
        *incidents(*BEFORE[:1]),
        *incidents(*BEFORE[:1], person=3),  # the same incident, told of the child too
        *incidents(*BEFORE[1:], role="suspect"),
        *incidents(*BEFORE[1:], role="victim"),
        *incidents(NOW[0]),
    ]
    assert states(of_2012, *facts)["asb"] == "failed"  # one before, one now


@pytest.mark.parametrize(
    ("day", "counted"), [("2013-01-31", False), ("2013-02-01", True), ("2013-07-31", True), ("2013-08-01", False)]
)
def test_the_six_months_before_end_on_the_day_of_identification(of_2012: TariffPack, day: str, counted: bool) -> None:
    assert (states(of_2012, *incidents(day))["asb"] == "passed") == counted


def test_too_early_until_the_six_months_lie_after_identification(of_2012: TariffPack) -> None:
    early, not_early = pd.Timestamp("2014-02-01"), pd.Timestamp("2014-01-31")
    facts = incidents("2013-12-10", "2013-12-12", "2013-12-13")
    assert states(of_2012, *facts, identified=early)["asb"] == "too_early"
    assert states(of_2012, *facts, identified=not_early)["asb"] == "passed"


def test_every_child_attends_and_none_is_excluded_three_times(of_2012: TariffPack) -> None:
    def education(*facts: dict[str, Any]) -> str:
        return states(of_2012, *facts)["education"]

    suspensions = [fact(3, "suspension", day, code="DB") for day in ("2013-10-01", "2014-02-01", "2014-05-01")]
    assert education(*at_school(3, 4, missed=14.9)) == "passed"
    assert education(*at_school(3), *at_school(4, missed=15)) == "failed"  # 15 % is not under 15 %
    assert education(*at_school(3, 4), *suspensions[:2]) == "passed"
    assert education(*at_school(3, 4), *suspensions) == "failed"
    assert education(*at_school(3)) == "needs_certificate"  # no school knows of the other child
    assert education(*at_school(3, 4), *at_school(3, 4)) == "passed"  # told twice


def test_progress_to_work_is_an_attachment_after_identification_in_the_last_six_months(of_2012: TariffPack) -> None:
    def progress(day: str, person: int = 1) -> str:
        return states(of_2012, fact(person, "programme_attachment", day, code="work_programme"))["progress_to_work"]

    assert progress("2014-02-01") == "passed"
    assert progress("2014-01-31") == "failed"
    assert progress("2014-03-01", person=3) == "failed"  # not an adult


@pytest.mark.parametrize(
    ("spells", "state"),
    [
        ([("JSA", "2013-01-01", "2014-04-30")], "needs_certificate"),  # off for three whole months
        ([("JSA", "2013-01-01", "2014-05-01")], "failed"),
        ([("JSA", "2013-01-01", "2014-03-31"), ("ESA", "2014-06-01", None)], "failed"),  # off one, onto another
        ([("JSA", "2013-01-01", None)], "failed"),
        ([("JSA", "2012-01-01", "2013-07-30")], "not_applicable"),  # off before identification
        ([], "not_applicable"),
    ],
)
def test_continuous_employment_is_three_months_off_benefit_and_a_certificate(
    of_2012: TariffPack, spells: list[tuple[str, str, str | None]], state: str
) -> None:
    facts = [fact(1, "out_of_work_benefit", start, end, code=code) for code, start, end in spells]
    assert states(of_2012, *facts)["continuous_employment"] == state


def test_employment_of_2015_counts_weeks_by_benefit(of_2015: TariffPack) -> None:
    def employment(code: str, end: str) -> str:
        return states(of_2015, fact(1, "out_of_work_benefit", "2013-01-01", end, code=code))["continuous_employment"]

    # JSA: 26 of the last 30 weeks, which begin on 3 January 2014; so four weeks of them may have been on it.
    assert employment("JSA", "2014-01-30") == "needs_certificate"
    assert employment("JSA", "2014-01-31") == "failed"
    # Others: the last 13 weeks, which begin on 2 May.
    assert employment("IS", "2014-05-01") == "needs_certificate"
    assert employment("IS", "2014-05-02") == "failed"


def test_attendance_of_2015_counts_all_absence_and_rises_with_the_date(of_2015: TariffPack) -> None:
    def absence(child: int, without_leave: int, with_leave: int) -> list[dict[str, Any]]:
        quantity = {"unauthorised_absence": without_leave, "authorised_absence": with_leave}
        return [
            fact(child, kind, day, code=term, quantity=missed, out_of=100)
            for term, day in TERMS for kind, missed in quantity.items()
        ]  # fmt: skip

    assert states(of_2015, *at_school(3), *absence(4, 7, 7))["attendance"] == "passed"
    assert states(of_2015, *at_school(3), *absence(4, 7, 8))["attendance"] == "failed"
    limit = next(test for test in of_2015.tests if test.id == "attendance").limits[0]
    assert limit.on(pd.Timestamp("2015-08-31").date()) == 0.15
    assert limit.on(pd.Timestamp("2015-09-01").date()) == 0.10


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ({"crime": "not_met", "work": "not_met"}, "passed"),
        ({"crime": "not_met", "work": "met"}, "failed"),
        ({"crime": "not_met", "work": "unknown"}, "unknown"),
        ({"crime": "not_met"}, "unknown"),  # no longer looked at
        ({}, "unknown"),
    ],
)
def test_every_problem_ever_found_must_be_gone(of_2015: TariffPack, now: dict[str, str], state: str) -> None:
    problems = pd.DataFrame({"case_id": [5, 5], "criterion": ["crime", "work"]})
    results = pd.DataFrame(
        {"case_id": 5, "criterion": list(now), "state": list(now.values()), "contains_dwp": False}
    ).astype({"contains_dwp": bool})
    assert states(of_2015, problems=problems, results=results)["problems"] == state
    assert states(of_2015)["problems"] == "unknown"


@pytest.mark.parametrize(
    ("gap", "reason"), [({"without": ["police"]}, "no feed"), ({"stale": ["police"]}, "stale feed")]
)
def test_silence_is_no_success(of_2012: TariffPack, gap: dict[str, list[str]], reason: str) -> None:
    """No incident on record passes only where a fresh feed could have brought one."""
    told = states(of_2012, *incidents(*BEFORE), feeds=coverage(**gap))
    assert told["asb"] == told["youth_crime"] == "unknown", reason
    assert told["progress_to_work"] == "failed"


def test_what_rests_on_dwp_data_says_so(of_2012: TariffPack) -> None:
    cases = pd.DataFrame({"case_id": [5], "identified_on": [IDENTIFIED]})
    people = pd.DataFrame(
        {"case_id": [5], "person_id": [1], "birth_month": [pd.Timestamp("1980-01-01")], "role": "adult"}
    )
    baselines = take_baselines(cases, people, evidence(), NO_PROBLEMS, of_2012, last_terms, IDENTIFIED).rows
    rows = run_tests(
        cases, people, evidence(), baselines, NO_PROBLEMS, NO_PROBLEMS, coverage(without=["dwp"]), of_2012, last_terms,
        AS_AT, CLOSED,
    ).rows.set_index("test")  # fmt: skip
    # Also where nothing was found: that nobody is on benefit is DWP's knowledge too.
    assert rows["contains_dwp"].to_dict() == {
        "asb": False, "education": False, "youth_crime": False, "progress_to_work": True, "continuous_employment": True,
    }  # fmt: skip


def test_the_evidence_behind_a_test_is_named(of_2012: TariffPack) -> None:
    cases = pd.DataFrame({"case_id": [5], "identified_on": [IDENTIFIED]})
    people = pd.DataFrame(
        {"case_id": [5], "person_id": [1], "birth_month": [pd.Timestamp("1980-01-01")], "role": "adult"}
    )
    rows = evidence(*incidents(BEFORE[0], BEFORE[1], NOW[0], "2013-09-01"))
    baseline = take_baselines(cases, people, rows, NO_PROBLEMS, of_2012, last_terms, IDENTIFIED)
    now = run_tests(
        cases, people, rows, baseline.rows, NO_PROBLEMS, NO_PROBLEMS, coverage(), of_2012, last_terms, AS_AT
    )
    told = pd.concat([baseline.evidence, now.evidence])
    assert told[["test", "period", "evidence_id"]].to_numpy().tolist() == [
        ["asb", "before", 100], ["asb", "before", 101], ["asb", "now", 102],
    ]  # fmt: skip
