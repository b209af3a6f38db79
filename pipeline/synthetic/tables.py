"""The raw tables beside people and residences: relations, events, attendance, enrolments, nominations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.synthetic.calendar import Calendar
from pipeline.synthetic.declared import NOBODY, Declared, Ints, Texts, happens
from pipeline.synthetic.identifiers import zero_padded
from pipeline.synthetic.people import People
from pipeline.synthetic.plan import Plan
from pipeline.synthetic.recording import DayText
from pipeline.synthetic.views import LETTERS, View

RELATIONS = np.array(["parent", "carer", "partner", "child", "sibling", "other"], dtype=object)
REASON_CODES = np.array(["repeat_demand", "escalating", "safeguarding", "cost", "professional_judgement"], dtype=object)


def relationship_table(
    rng: np.random.Generator, declared: Declared, view: View, people: People, texts: DayText, calendar: Calendar
) -> dict[str, Texts]:
    """The raw table `relationships`: related_person is the <relation> of person. A few relations are wrong."""
    person = view.relations["person"].to_numpy(dtype=np.int64)
    related = view.relations["related"].to_numpy(dtype=np.int64)
    relation = view.relations["relation"].to_numpy(dtype=object).copy()
    count = len(person)
    wrong = np.flatnonzero(happens(rng, declared.share("recording.wrong_relationship"), count))
    relation[wrong] = RELATIONS[rng.integers(0, len(RELATIONS), len(wrong))]
    # Known since the younger of the two was born, or since the partner began to look.
    born = np.maximum(people.born[person], people.born[related])
    start = np.maximum(born, calendar.since - rng.integers(0, 2000, count))
    start = np.where(happens(rng, 0.5, count), start, NOBODY)
    iso = np.ones(count, dtype=bool)
    return {
        "person_ref": view.refs_of(rng, person),
        "related_person_ref": view.refs_of(rng, related),
        "relation": relation,
        "start_date": texts.of(start, iso),
        "end_date": texts.of(np.full(count, NOBODY, dtype=np.int64), iso),
    }


def event_table(
    rng: np.random.Generator, declared: Declared, view: View, facts: pd.DataFrame, texts: DayText
) -> dict[str, Texts]:
    """The raw table `events`: the partner's facts, in the order of their days."""
    rows = facts[facts["partner"] == view.partner].sort_values(["start", "person", "kind"], kind="stable")
    count = len(rows)
    iso = happens(rng, declared.share(f"partners.{view.partner}.blemishes.iso_dates"), count)
    number = 1_000_000 + np.cumsum(rng.integers(1, 5, count))
    quantity = np.full(count, None, dtype=object)
    known = rows["quantity"].notna().to_numpy()
    quantity[known] = [f"{value:g}" for value in rows.loc[known, "quantity"].round(2)]
    return {
        "event_ref": LETTERS[view.partner] + "E" + zero_padded(number.astype(np.int64), 8),
        "person_ref": view.refs_of(rng, rows["person"].to_numpy()),
        "kind": rows["kind"].to_numpy(dtype=object).copy(),
        "code": rows["code"].to_numpy(dtype=object).copy(),
        "role": rows["role"].to_numpy(dtype=object).copy(),
        "start_date": texts.of(rows["start"].to_numpy(), iso),
        "end_date": texts.of(rows["end"].to_numpy(), iso),
        "quantity": quantity,
    }


def attendance_table(
    rng: np.random.Generator, view: View, attendance: pd.DataFrame, calendar: Calendar, texts: DayText
) -> dict[str, Texts]:
    """The raw table `attendance`. All terms of a pupil stand under one reference."""
    term = attendance["term"].to_numpy(dtype=np.int64)
    iso = np.ones(len(term), dtype=bool)
    return {
        "person_ref": _one_ref_each(rng, view, attendance["person"].to_numpy()),
        "term": np.array([t.name for t in calendar.terms], dtype=object)[term],
        "term_start": texts.of(np.array([t.start for t in calendar.terms])[term], iso),
        "term_end": texts.of(np.array([t.end for t in calendar.terms])[term], iso),
        "sessions_possible": _numbers(attendance["possible"].to_numpy()),
        "sessions_authorised": _numbers(attendance["authorised"].to_numpy()),
        "sessions_unauthorised": _numbers(attendance["unauthorised"].to_numpy()),
    }


def enrolment_table(rng: np.random.Generator, view: View, enrolments: pd.DataFrame, texts: DayText) -> dict[str, Texts]:
    """The raw table `enrolments`."""
    iso = np.ones(len(enrolments), dtype=bool)
    because = np.where(enrolments["because_excluded"].to_numpy(dtype=bool), "true", "false").astype(object)
    return {
        "person_ref": _one_ref_each(rng, view, enrolments["person"].to_numpy()),
        "setting": enrolments["setting"].to_numpy(dtype=object).copy(),
        "because_excluded": because,
        "start_date": texts.of(enrolments["start"].to_numpy(), iso),
        "end_date": texts.of(enrolments["end"].to_numpy(), iso),
    }


def _one_ref_each(rng: np.random.Generator, view: View, person: Ints) -> Texts:
    unique, place = np.unique(person, return_inverse=True)
    return view.refs_of(rng, unique)[place]


def _numbers(values: Ints) -> Texts:
    words = np.array([str(number) for number in range(int(values.max(initial=0)) + 1)], dtype=object)
    return words[values]


def nomination_table(
    rng: np.random.Generator,
    declared: Declared,
    view: View,
    people: People,
    plan: Plan,
    facts: pd.DataFrame,
    calendar: Calendar,
    texts: DayText,
) -> dict[str, Texts]:
    """The raw table `nominations`: the families of most concern to the partner, by one person of each."""
    per_person = declared.number("evidence.nominations.families") / declared.number("evidence.nominations.per_people")
    wanted = max(5, round(per_person * len(people)))
    own = facts[(facts["partner"] == view.partner) & (facts["start"] > calendar.until - 500)]
    persons = own["person"].to_numpy()
    homes = people.household[persons]
    demand = np.bincount(homes, minlength=len(plan.children)).astype(np.float64)
    concern = np.sqrt(demand) + 1.5 * plan.met + 2 * plan.local + rng.gumbel(0, 0.7, len(demand))
    concern[(demand == 0) | ~plan.children] = -np.inf
    chosen = np.argsort(-concern, kind="stable")[:wanted]
    chosen = chosen[np.isfinite(concern[chosen])]
    # The person of the family with most on file stands for it.
    counts = np.bincount(persons, minlength=len(people))
    order = np.lexsort((-counts[persons], homes))
    unique, first = np.unique(homes[order], return_index=True)
    face = persons[order][first][np.searchsorted(unique, chosen)]
    on = calendar.until - rng.integers(1, 90, len(chosen))
    iso = happens(rng, declared.share(f"partners.{view.partner}.blemishes.iso_dates"), len(chosen))
    return {
        "person_ref": view.refs_of(rng, face),
        "nominated_on": texts.of(on.astype(np.int64), iso),
        "rank": np.array([str(rank + 1) for rank in range(len(chosen))], dtype=object),
        "reason_code": REASON_CODES[rng.integers(0, len(REASON_CODES), len(chosen))],
    }
