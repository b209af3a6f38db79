"""What a family costs: each rule's edge, and what must always hold of the sums."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contracts import load_closed, load_vocabulary
from pipeline.costs import CostModel, duplicated_services, family_costs, in_prices, load_cost_model
from pipeline.costs.family_costs import MONEY
from pipeline.errors import DeclarationError
from pipeline.settings import PROJECT
from pipeline.spans import covered_days, months_back
from tests.casework.small_tables import AS_AT, evidence, fact, members, persons

VOCABULARY = load_vocabulary(PROJECT / "schemas")
MODEL = load_cost_model(PROJECT / "schemas" / "costs", VOCABULARY, load_closed(PROJECT / "schemas", VOCABULARY).kinds)
BIRTHS = {1: "1980-03-01", 2: "1978-01-01", 3: "2001-05-01", 4: "2004-09-01"}
FAMILY = [(7, 1, "adult"), (7, 2, "adult"), (7, 3, "child"), (7, 4, "child")]


def costs(*facts: dict[str, Any], prices: str = "2015/16", model: CostModel = MODEL) -> pd.DataFrame:
    return family_costs(members(*FAMILY), persons(BIRTHS), evidence(*facts), model, AS_AT, prices=prices)


def of(lines: pd.DataFrame, cost: str) -> pd.DataFrame:
    return lines[lines["cost"] == cost].set_index("agency")


def test_an_arrest_costs_what_the_table_says_in_the_prices_asked_for() -> None:
    #                                            2015/16 prices: £718.50 (domain facts: £719, police)
    arrest = fact(1, "arrest", "2014-02-01", role="suspect")
    assert of(costs(arrest), "arrest").loc["police", "fiscal"] == pytest.approx(718.50, abs=0.02)
    # 2006/07 is the year it was measured in.
    assert of(costs(arrest, prices="2006/07"), "arrest").loc["police", "fiscal"] == 593.0


def test_a_domestic_abuse_incident_falls_on_five_agencies_and_its_economic_cost_on_none_of_them() -> None:
    incident = costs(
        fact(1, "domestic_abuse_incident", "2014-02-01", role="suspect"),
        fact(2, "domestic_abuse_incident", "2014-02-01", role="victim"),  # the same incident, told of both
    )
    told = of(incident, "domestic_abuse").groupby(level=0)[["fiscal", "economic"]].sum()
    assert told["fiscal"].round().to_dict() == {
        "council": 222 + 126, "criminal_justice": 667, "economy": 0, "nhs": 1345, "police": 477,
    }  # fmt: skip
    assert told["economic"].round().to_dict() == {
        "council": 0, "criminal_justice": 0, "economy": 1692, "nhs": 0, "police": 0,
    }  # fmt: skip
    assert (incident["quantity"] == 1).all()


def test_a_year_on_benefit_costs_a_year_and_half_of_it_half() -> None:
    whole = of(costs(fact(1, "out_of_work_benefit", "2010-01-01", code="JSA")), "jobseeker")
    assert whole["quantity"].unique().tolist() == [1.0]
    assert whole["fiscal"].sum() == pytest.approx(10_321, abs=1)
    assert whole["contains_dwp"].all()
    half = costs(fact(1, "out_of_work_benefit", "2013-01-01", "2014-01-29", code="JSA"))
    assert half["quantity"].iloc[0] == pytest.approx(182 / 365)


def test_spells_told_twice_or_overlapping_cover_each_day_once() -> None:
    lines = costs(
        fact(3, "child_in_need", "2014-01-01", "2014-02-28", code="N1"),
        fact(3, "child_in_need", "2014-01-01", "2014-02-28", code="N1"),
        fact(3, "child_protection_plan", "2014-02-01", "2014-03-31"),
    )
    social_work = of(lines, "social_work")
    assert social_work.loc["council", "quantity"] == pytest.approx(90 / (365.25 / 12))
    assert social_work.loc["council", "facts"] == 3


@pytest.mark.parametrize(
    ("start", "counts"), [("2013-07-31", False), ("2013-08-01", True), ("2014-07-31", True), ("2014-08-01", False)]
)
def test_the_window_is_the_twelve_months_to_the_date(start: str, counts: bool) -> None:
    assert (len(costs(fact(1, "arrest", start, role="suspect"))) > 0) == counts


def test_a_childs_offence_costs_once_a_year_and_an_adults_each_time() -> None:
    lines = costs(
        *(fact(person, "proven_offence", f"2014-0{month}-03", code="1/1", role="offender")
          for person in (1, 3) for month in (1, 2, 3))
    )  # fmt: skip
    assert of(lines, "youth_offending")["quantity"].tolist() == [1.0]
    assert set(of(lines, "adult_offence")["quantity"]) == {3.0}
    # What v1.4's parts leave of the total is the police's, which the table does not list.
    assert of(lines, "adult_offence")["fiscal"].sum() == pytest.approx(3 * 663.374, abs=0.1)


def test_five_weeks_missed_is_persistent_truancy_and_a_session_less_is_not() -> None:
    terms = ("2013-autumn", "2013-09-03"), ("2014-spring", "2014-01-06")
    missed = [fact(3, "unauthorised_absence", day, code=term, quantity=25, out_of=130) for term, day in terms]
    assert of(costs(*missed), "persistent_truancy")["fiscal"].sum() == pytest.approx(1878, abs=1)
    missed[0]["quantity"] = 24
    assert costs(*missed).empty


def test_suspects_and_victims_of_antisocial_behaviour_cost_nothing_and_a_family_counts_an_incident_once() -> None:
    def incident(person: int, role: str) -> dict[str, Any]:
        return fact(person, "asb_incident", "2014-03-01", code="nuisance", role=role)

    assert costs(incident(1, "victim"), incident(2, "suspect")).empty
    assert costs(incident(1, "offender"), incident(3, "offender"))["quantity"].tolist() == [1.0]


def test_a_notice_counts_for_the_share_that_ends_in_an_eviction() -> None:
    notices = [fact(person, "eviction_notice", "2014-03-01") for person in (1, 2)]
    line = of(costs(*notices), "eviction").loc["council"]
    assert (line["quantity"], round(line["fiscal"])) == (0.25, round(7276.417 / 4))


def test_somebody_elsewhere_costs_the_family_nothing() -> None:
    rows = members((7, 1, "adult"), (7, 9, "non_resident_parent"))
    facts = evidence(fact(9, "arrest", "2014-03-01", role="suspect"))
    assert family_costs(rows, persons({1: None, 9: None}), facts, MODEL, AS_AT).empty


def test_a_price_year_without_an_index_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"no index of prices for 1999/00.*2002/03 to"):
        costs(fact(1, "arrest", "2014-03-01", role="suspect"), prices="1999/00")


def test_the_whole_table_converts_to_2015_as_its_own_column_does() -> None:
    table = pd.read_csv(PROJECT / "schemas" / "costs" / "unit-costs-gmca-1.4.csv").set_index("code")
    for code, cost in MODEL.unit_costs.items():
        if cost.fiscal:
            ours = cost.fiscal * MODEL.prices.factor(cost.fiscal_year, "2015/16")
            assert ours == pytest.approx(table.loc[code, "fiscal_2015_16"], rel=1e-4), code


def test_two_agencies_on_one_need_are_listed_and_one_agency_twice_is_not() -> None:
    facts = evidence(
        fact(3, "early_help", "2014-01-10"),
        fact(4, "child_in_need", "2013-01-01", "2014-03-01", code="N1"),
        fact(1, "rent_arrears", "2014-01-10", quantity=900),
        fact(1, "eviction_notice", "2014-05-10"),
        fact(1, "programme_attachment", "2014-01-10", code="esf_provision"),
        fact(2, "programme_attachment", "2014-05-01", "2014-06-01", code="work_programme"),
    )
    listed = duplicated_services(members(*FAMILY), facts, MODEL, AS_AT)
    assert listed[["need", "agency", "service"]].to_numpy().tolist() == [
        ["child_safety", "council", "social_care"],
        ["child_safety", "early_help", "early_help"],
        ["work", "esf_provider", "esf_provision"],
        ["work", "work_programme", "work_programme"],
    ]
    assert listed["contains_dwp"].tolist() == [False, False, True, True]
    assert listed["last_day"].isna().tolist() == [False, True, True, False]
    alone = evidence(fact(1, "rent_arrears", "2014-07-10", quantity=900), fact(1, "eviction_notice", "2014-07-10"))
    assert duplicated_services(members(*FAMILY), alone, MODEL, AS_AT).empty
    assert duplicated_services(members(*FAMILY), evidence(), MODEL, AS_AT).empty


def test_what_rests_on_a_closed_feed_is_what_the_agreement_says() -> None:
    facts = (
        fact(1, "out_of_work_benefit", "2014-01-01", code="JSA", partner="council"),  # DWP's fact, whoever passes it on
        fact(1, "arrest", "2014-02-01", role="suspect"),
        fact(3, "early_help", "2014-02-01"),
        fact(4, "child_in_need", "2014-02-01", code="N1"),
    )
    assert costs(*facts).groupby("need")["contains_dwp"].unique().map(list).to_dict() == {
        "child_safety": [False], "crime_asb": [False], "work": [True],
    }  # fmt: skip
    police_too = replace(MODEL, closed_kinds=MODEL.closed_kinds | {"arrest"})
    assert of(costs(*facts, model=police_too), "arrest")["contains_dwp"].all()
    # Where one of the services on a need is closed, that there are several at work is its knowledge too.
    early_help = replace(MODEL, closed_kinds=frozenset({"early_help"}))
    listed = duplicated_services(members(*FAMILY), evidence(*facts), early_help, AS_AT)
    assert listed["contains_dwp"].tolist() == [True, True]


# --- properties

DAYS = st.integers(0, 420).map(lambda n: (pd.Timestamp("2013-07-01") + pd.Timedelta(days=n)).strftime("%Y-%m-%d"))
EVENTS = st.builds(
    lambda kind, person, day: fact(person, *kind[:1], day, **kind[1]),
    st.sampled_from([
        ("arrest", {"role": "suspect"}),
        ("domestic_abuse_incident", {"role": "victim"}),
        ("proven_offence", {"role": "offender", "code": "1/1"}),
        ("eviction_notice", {}),
        ("out_of_work_benefit", {"code": "ESA"}),
        ("looked_after", {}),
        ("permanent_exclusion", {"code": "PP"}),
    ]),
    st.sampled_from([1, 2, 3, 4, 5, 6]),
    DAYS,
)  # fmt: skip
TWO_FAMILIES = [*FAMILY, (8, 5, "adult"), (8, 6, "child")]
TWO_BIRTHS = {**BIRTHS, 5: "1985-01-01", 6: None}


def two_families(facts: list[dict[str, Any]]) -> pd.DataFrame:
    return family_costs(members(*TWO_FAMILIES), persons(TWO_BIRTHS), evidence(*facts), MODEL, AS_AT)


@settings(max_examples=20, deadline=None)
@given(st.lists(EVENTS, max_size=12), st.randoms())
def test_order_does_not_matter_and_a_fact_told_twice_costs_once(facts: list[dict[str, Any]], random: Any) -> None:
    lines = two_families(facts)
    shuffled = list(facts)
    random.shuffle(shuffled)
    doubled = two_families(shuffled + facts)
    pd.testing.assert_frame_equal(lines.drop(columns="facts"), doubled.drop(columns="facts"))


@settings(max_examples=20, deadline=None)
@given(st.lists(EVENTS, max_size=12))
def test_totals_are_the_sums_of_their_parts_and_cashable_never_exceeds_fiscal(facts: list[dict[str, Any]]) -> None:
    lines = two_families(facts)
    assert (lines[list(MONEY)] >= 0).all().all()
    assert (lines["cashable"] <= lines["fiscal"] + 0.005).all()
    for cost, found in lines.groupby("cost"):
        rule = next(rule for rule in MODEL.rules if rule.id == cost)
        a_unit = sum(
            part.fiscal * MODEL.prices.factor(part.cost.fiscal_year, "2014/15") for part in rule.priced if part.fiscal
        )
        quantity = found.drop_duplicates("family_id")["quantity"].sum()
        assert found["fiscal"].sum() == pytest.approx(quantity * a_unit, abs=0.01 * len(found) + 0.01)
    whole = {family: two_families([f for f in facts if (f["person_id"] <= 4) == (family == 7)]) for family in (7, 8)}
    assert lines["fiscal"].sum() == pytest.approx(sum(part["fiscal"].sum() for part in whole.values()))


@settings(max_examples=20, deadline=None)
@given(st.lists(EVENTS, max_size=10), st.sampled_from(["2002/03", "2012/13", "2025/26"]))
def test_prices_change_the_pounds_and_nothing_else(facts: list[dict[str, Any]], year: str) -> None:
    shown = two_families(facts)
    there_and_back = in_prices(in_prices(shown, MODEL, "2014/15", year), MODEL, year, "2014/15")
    pd.testing.assert_frame_equal(shown, there_and_back)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(-30, 60), st.one_of(st.none(), st.integers(-30, 60))), max_size=15
    )
)
def test_covered_days_are_those_a_calendar_would_tick(spells: list[tuple[int, int, int | None]]) -> None:
    span = months_back(pd.Timestamp("2014-01-31"), 1)
    first = span.first
    start = pd.to_datetime(pd.Series([first + pd.Timedelta(days=a) for _, a, _ in spells], dtype="datetime64[ns]"))
    end = pd.to_datetime(
        pd.Series([pd.NaT if b is None else first + pd.Timedelta(days=b) for _, _, b in spells], dtype="datetime64[ns]")
    )
    group = np.array([g for g, _, _ in spells], dtype=np.int64)
    ticked = [
        len({day for g, a, b in spells if g == wanted for day in range(31) if a <= day <= (30 if b is None else b)})
        for wanted in range(4)
    ]
    assert covered_days(group, start, end, span, 4).tolist() == ticked
