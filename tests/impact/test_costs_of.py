"""What families cost around their own start: the same as asking for each family alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.contracts import load_vocabulary
from pipeline.costs import family_costs, load_cost_model
from pipeline.impact.money import MONEY
from pipeline.impact.panel import AFTER, BEFORE, windows_of
from pipeline.impact.reading import costs_of
from pipeline.settings import PROJECT
from tests.impact.impact_tables import AS_AT, LONG_AGO, declared, evidence, fact
from tests.impact.test_evaluate import borough

MODEL = load_cost_model(PROJECT / "schemas" / "costs", load_vocabulary(PROJECT / "schemas"))
STARTS = pd.DataFrame(
    {
        "family_id": range(1, 31),
        "start_date": [pd.Timestamp("2012-08-01") + pd.Timedelta(days=11 * (n % 9)) for n in range(30)],
    }
)


def test_each_familys_two_years_are_its_own() -> None:
    rng = np.random.default_rng(3)
    spells = [
        fact(10 * family, "out_of_work_benefit", f"2012-0{1 + family % 6}-10", end, code="JSA", partner="dwp")
        for family, end in zip(range(1, 31), [None, "2012-06-30", "2013-02-01"] * 10, strict=True)
    ]
    facts = borough().evidence
    facts = facts[facts["person_id"] < 320].assign(
        role=lambda rows: np.where(rows["kind"] == "arrest", "suspect", None)
    )
    both = pd.concat([facts, evidence(spells)], ignore_index=True).sample(frac=1, random_state=int(rng.integers(99)))
    kinds = {kind for rule in MODEL.rules for kind in rule.kinds}
    material = replace(borough(), evidence=both, covered_from=dict.fromkeys(kinds, LONG_AGO))
    material = replace(material, members=material.members.assign(start_date=pd.NaT, end_date=pd.NaT))
    found = costs_of(material, MODEL, declared())(STARTS)
    assert found.families.tolist() == list(range(1, 31))
    seen = found.rows.set_index(["family_id", "agency", "money"])[[BEFORE, AFTER]].round(2)
    plain: dict[tuple[int, str, str], list[float]] = {}
    for family, start in STARTS.itertuples(index=False):
        windows = windows_of(pd.Series([start]), MODEL.window_months, 0)
        for place, period in enumerate((BEFORE, AFTER)):
            last = pd.Timestamp(windows[period].last[0])
            lines = family_costs(material.members, material.persons, both, MODEL, last, [family])
            for money in MONEY:
                for agency, pounds in lines.groupby("agency")[money].sum().items():
                    plain.setdefault((family, str(agency), money), [0.0, 0.0])[place] += float(pounds)
    assert {key for key, pounds in plain.items() if any(pounds)} <= set(seen.index)
    for key, row in seen.iterrows():
        assert row.tolist() == [round(value, 2) for value in plain.get(key, [0.0, 0.0])], key
    assert (seen > 0).to_numpy().any(axis=0).all()


def test_a_family_whose_two_years_are_not_covered_is_not_costed() -> None:
    material = replace(borough(), covered_from={"arrest": pd.Timestamp("2011-08-15")})
    material = replace(material, members=material.members.assign(start_date=pd.NaT, end_date=pd.NaT))
    starts = pd.DataFrame({"family_id": [1, 2, 3], "start_date": pd.to_datetime(["2012-08-14", "2012-08-15", AS_AT])})
    assert costs_of(material, MODEL, declared())(starts).families.tolist() == [2]
