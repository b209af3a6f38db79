"""What social care's assessments found, and which young people are in no education, employment or training."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.synthetic.calendar import Calendar
from pipeline.synthetic.declared import NEVER, Bools, Chance, Declared, Floats, between, draw, happens
from pipeline.synthetic.facts import make_facts, repeated
from pipeline.synthetic.people import People

ASSESSED = ("child_in_need", "child_protection_plan", "early_help")


def assess(chance: Chance, declared: Declared, cared_for: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """Factors of an assessment in the first weeks of a spell of help, for some of the spells."""
    rng = chance.stage("assessments")
    spells = cared_for[cared_for["kind"].isin(ASSESSED)]
    shares = {kind: declared.share(f"evidence.council.assessed.{kind}") for kind in ASSESSED}
    likely: Floats = np.asarray(spells["kind"].map(shares), dtype=np.float64)
    spells = spells[happens(rng, likely, len(spells))]
    row = repeated(rng, np.arange(len(spells)), 1, declared.number("evidence.council.more_factors"))
    names, weights = declared.weights("evidence.council.factors")
    code = np.array(names, dtype=object)[draw(rng, weights, len(row))]
    found = pd.DataFrame({"row": row, "code": code}).drop_duplicates()
    row = found["row"].to_numpy(dtype=np.int64)
    weeks = 7 * rng.integers(2, 7, len(spells))  # one assessment a spell: its factors share the day
    on = np.minimum(spells["start"].to_numpy(dtype=np.int64) + weeks, calendar.until)[row]
    person = spells["person"].to_numpy(dtype=np.int64)[row]
    return make_facts("council", "assessment_factor", person, on, code=found["code"].to_numpy(dtype=object))


def drift(chance: Chance, declared: Declared, people: People, pupil: Bools, calendar: Calendar) -> pd.DataFrame:
    """Spells of young people, on no school's roll, in no education, employment or training; some have ended."""
    rng = chance.stage("neet")
    age = people.age(calendar.until)
    of_age = (age >= 16) & (age <= 18) & ~pupil
    person = np.flatnonzero(of_age & happens(rng, declared.share("evidence.council.neet"), len(people)))
    start = between(rng, calendar.year_ago - 60, calendar.until - 20, len(person))
    end = start + rng.integers(60, 500, len(person))
    return make_facts("council", "neet", person, start, np.where(end > calendar.until, NEVER, end))
