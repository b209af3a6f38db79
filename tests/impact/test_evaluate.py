"""The whole evaluation on made-up families: assigned, matched, a lot drawn, and what it refuses."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import BuildError
from pipeline.impact import Evaluation, Material, drawn_at_random, evaluate_programme
from pipeline.impact.assignment import NOT_ON_FILE, TOO_SHORT
from pipeline.impact.effect import CANNOT_TELL, FEWER, NO_EFFECT
from pipeline.impact.simulate import plant
from tests.impact.impact_tables import AS_AT, LONG_AGO, declared

START = pd.Timestamp("2013-08-01")  # the one day with two years on record before it and one after
FAMILIES = 600


@cache
def borough() -> Material:
    """Families of one adult and one child, with arrests and suspensions at rates of their own over three years."""
    rng = np.random.default_rng(17)
    ids = np.arange(1, FAMILIES + 1)
    days = (AS_AT - LONG_AGO).days
    facts = []
    for kind, part, mean in (("arrest", 0, 3.0), ("police_callout", 0, 3.0), ("suspension", 1, 2.0)):
        counts = rng.poisson(rng.gamma(2.0, mean / 2.0, FAMILIES) * days / 365)
        family = np.repeat(ids, counts)
        facts.append(
            pd.DataFrame(
                {
                    "person_id": family * 10 + part,
                    "kind": kind,
                    "start_date": LONG_AGO + pd.to_timedelta(rng.integers(0, days + 1, len(family)), unit="D"),
                }
            )
        )
    evidence = pd.concat(facts, ignore_index=True).assign(
        end_date=pd.NaT, code=None, role=None, quantity=np.nan, out_of=np.nan, partner="police"
    )
    return Material(
        families=pd.DataFrame({"family_id": ids, "kind": "with_children", "area": "XB1", "adults": 1, "children": 1}),
        members=pd.DataFrame(
            {
                "family_id": np.repeat(ids, 2),
                "person_id": (np.repeat(ids, 2) * 10) + np.tile([0, 1], FAMILIES),
                "role": np.tile(["adult", "child"], FAMILIES),
            }
        ),
        persons=pd.DataFrame({"person_id": np.repeat(ids, 2) * 10 + np.tile([0, 1], FAMILIES), "birth_month": pd.NaT}),
        evidence=evidence,
        ledger=pd.DataFrame(columns=["old_id", "new_id", "change"]),
        pool=ids,
        covered_from=dict.fromkeys(("arrest", "police_callout", "suspension", "permanent_exclusion"), LONG_AGO),
        as_at=AS_AT,
    )


def changed(material: Material, **changes: object) -> Material:
    return Material(**{**material.__dict__, **changes})  # type: ignore[arg-type]


def with_effect(assigned: pd.DataFrame, share: float) -> Material:
    """The borough, with a share of the new model's facts since the start taken out."""
    new = assigned.loc[assigned["arm"] == "new_model", "family_id"]
    persons = pd.concat([new * 10, new * 10 + 1])
    kinds = ("arrest", "police_callout", "suspension")
    return changed(borough(), evidence=plant(borough().evidence, persons, START, share, 3, kinds))


def outcome(evaluation: Evaluation, measure: str) -> pd.Series:
    return evaluation.outcomes.set_index("measure").loc[measure]


def test_a_lot_with_nothing_planted_shows_nothing() -> None:
    evaluation = evaluate_programme(drawn_at_random(range(1, 481), START, 5), borough(), declared())
    assert (evaluation.design, evaluation.families) == ("assigned", {"new_model": 240, "business_as_usual": 240})
    assert evaluation.verdict == NO_EFFECT
    assert outcome(evaluation, "service_contacts")["already_parting"] > 0.05
    assert evaluation.balance["difference_before"].abs().max() < 0.25
    assert outcome(evaluation, "offences")["verdict"] == CANNOT_TELL  # nobody sends offences here


def test_a_planted_effect_is_found_in_assigned_groups() -> None:
    assigned = drawn_at_random(range(1, 481), START, 5)
    evaluation = evaluate_programme(assigned, with_effect(assigned, 0.4), declared())
    found = outcome(evaluation, "service_contacts")
    assert evaluation.verdict == FEWER
    assert found["relative_low"] < -0.4 < found["relative_high"]
    assert found["usual_change_low"] < 0 < found["usual_change_high"]
    issues = evaluation.issues.set_index(["issue", "arm"])
    assert issues.loc[("school", "new_model"), "share_on_exit"] < issues.loc[("school", "new_model"), "share_on_entry"]
    assert issues.loc[("school", "new_model"), "published_entry"] == 0.58
    assert np.isnan(issues.loc[("drugs", "new_model"), "share_on_entry"])


def test_a_planted_effect_is_found_in_matched_families() -> None:
    assigned = drawn_at_random(range(1, 301), START, 5)
    new = assigned[assigned["arm"] == "new_model"]
    evaluation = evaluate_programme(new, with_effect(assigned, 0.4), declared())
    assert evaluation.design == "matched"
    found = outcome(evaluation, "service_contacts")
    assert found["relative_low"] < -0.4 < found["relative_high"]
    assert evaluation.verdict == FEWER
    assert evaluation.balance["difference_after"].abs().max() < 0.25
    assert evaluation.families["new_model"] == evaluation.families["business_as_usual"]


def test_who_cannot_be_followed_is_left_out_and_counted() -> None:
    assigned = drawn_at_random([*range(1, 101), 9001], START, 5)
    assigned.loc[:9, "start_date"] = pd.Timestamp("2014-01-01")
    evaluation = evaluate_programme(assigned, borough(), declared())
    reasons = evaluation.left_out.groupby("reason")["families"].sum().to_dict()
    assert reasons == {NOT_ON_FILE: 1, TOO_SHORT: 10}
    assert sum(evaluation.families.values()) == 90


def test_too_few_families_are_refused() -> None:
    with pytest.raises(BuildError, match="fewer than 10 families") as caught:
        evaluate_programme(drawn_at_random(range(1, 9), pd.Timestamp("2014-07-01"), 5), borough(), declared())
    assert TOO_SHORT in str(caught.value)


def test_twice_is_once() -> None:
    assigned = drawn_at_random(range(1, 201), START, 5)
    first, second = (evaluate_programme(assigned, borough(), declared()) for _ in range(2))
    pd.testing.assert_frame_equal(first.outcomes, second.outcomes)
    new = assigned[assigned["arm"] == "new_model"]
    first, second = (evaluate_programme(rows, borough(), declared()) for rows in (new, new.iloc[::-1]))
    pd.testing.assert_frame_equal(first.outcomes, second.outcomes)
