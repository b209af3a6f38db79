"""What the council records beside action on anti-social behaviour: social care, early help, housing.

Near misses are made on purpose: children in need and notices of more than a year ago.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.synthetic.assessments import assess
from pipeline.synthetic.calendar import Calendar
from pipeline.synthetic.crime import local_by_abuse
from pipeline.synthetic.declared import NEVER, NOBODY, Chance, Declared, Ints, between, draw, happens
from pipeline.synthetic.facts import make_facts, repeated
from pipeline.synthetic.people import CHILD, SHAPE, SOCIAL, Households, People
from pipeline.synthetic.plan import Plan, pick_member

NEEDS = np.array([f"N{number}" for number in range(1, 9)], dtype=object)
NEED_WEIGHTS = np.array([0.47, 0.12, 0.03, 0.09, 0.18, 0.07, 0.02, 0.02])


def look_after(
    chance: Chance, declared: Declared, people: People, households: Households, plan: Plan, calendar: Calendar
) -> pd.DataFrame:
    """All facts of social care, early help and housing."""
    rng = chance.stage("council")
    frames = _planned(rng, declared, people, households, plan, calendar)
    frames += _children(rng, declared, people, plan, calendar)
    frames += _housing(rng, declared, people, households, plan, calendar)
    frames.append(assess(chance, declared, pd.concat(frames, ignore_index=True), calendar))
    return pd.concat(frames, ignore_index=True)


def _planned(
    rng: np.random.Generator, declared: Declared, people: People, households: Households, plan: Plan, calendar: Calendar
) -> list[pd.DataFrame]:
    names, weights = declared.weights("evidence.council.local_ways")
    abuse = names.index("domestic_abuse_incident")
    homes = np.flatnonzero(plan.local & ~local_by_abuse(len(households), float(weights[abuse])))
    others = weights.copy()
    others[abuse] = 0.0
    way = np.array(names, dtype=object)[draw(rng, others, len(homes))]
    child = people.age(calendar.until) < 18
    frames = []
    for kind in ("child_in_need", "child_protection_plan"):
        here = homes[way == kind]
        person = pick_member(rng, people, child, here)
        brother = pick_member(rng, people, child, here)
        person = np.unique(np.concatenate([person, brother[happens(rng, 0.5, len(brother))]]))
        person = person[person != NOBODY]
        start = between(rng, calendar.year_ago - 120, calendar.until - 3, len(person))
        start = np.maximum(start, people.born[person])
        end = np.maximum(start, calendar.year_ago) + rng.integers(15, 400, len(person))
        code = NEEDS[draw(rng, NEED_WEIGHTS, len(person))] if kind == "child_in_need" else None
        frames.append(make_facts("council", kind, person, start, np.where(end > calendar.until, NEVER, end), code=code))
    here = homes[way == "eviction_notice"]
    tenant = _tenants(households, here)
    on = between(rng, calendar.year_ago + 1, calendar.until, len(here))
    frames.append(make_facts("council", "eviction_notice", tenant, on))
    owed = np.round(rng.gamma(2.0, 450.0, len(here)), 2)
    frames.append(make_facts("council", "rent_arrears", tenant, on - 60, NEVER, quantity=owed))
    return frames


def _tenants(households: Households, homes: Ints) -> Ints:
    adult = households.adults[homes, 0]
    return np.where(adult != NOBODY, adult, households.first[homes])


def _children(
    rng: np.random.Generator, declared: Declared, people: People, plan: Plan, calendar: Calendar
) -> list[pd.DataFrame]:
    until = calendar.until
    age = people.age(until)
    share = declared.share
    was_child = (people.role == CHILD) & (people.born < calendar.year_ago - 300)
    was_child &= people.born + 18 * 365 > calendar.since + 200
    old = np.flatnonzero(was_child & happens(rng, share("evidence.council.old_child_in_need"), len(people)))
    start = between(rng, np.maximum(calendar.since, people.born[old]), calendar.year_ago - 40, len(old))
    end = np.minimum(start + rng.integers(20, 400, len(old)), calendar.year_ago)
    code = NEEDS[draw(rng, NEED_WEIGHTS, len(old))]
    frames = [make_facts("council", "child_in_need", old, start, end, code=code)]

    families = np.flatnonzero(plan.children)
    likely = np.where(plan.met[families] >= 2, 0.5, share("evidence.council.early_help"))
    helped = families[happens(rng, likely, len(families))]
    person = pick_member(rng, people, age < 18, helped)
    start = between(rng, np.maximum(calendar.since, people.born[person]), until - 5, len(person))
    end = start + rng.integers(60, 500, len(person))
    frames.append(make_facts("council", "early_help", person, start, np.where(end > until, NEVER, end)))

    referred = np.flatnonzero((age < 18) & happens(rng, share("evidence.council.safeguarding_referral"), len(people)))
    referred = repeated(rng, referred, 1, 0.3)
    on = between(rng, np.maximum(calendar.since, people.born[referred]), until, len(referred))
    frames.append(make_facts("council", "safeguarding_referral", referred, on))
    away = np.flatnonzero(
        (age < 18) & (age > 2) & happens(rng, share("evidence.council.looked_after_ended"), len(people))
    )
    start = between(rng, calendar.since, calendar.year_ago - 200, len(away))
    frames.append(
        make_facts(
            "council",
            "looked_after",
            away,
            np.maximum(start, people.born[away]),
            np.minimum(start + rng.integers(30, 500, len(away)), until),
        )
    )
    return frames


def _housing(
    rng: np.random.Generator, declared: Declared, people: People, households: Households, plan: Plan, calendar: Calendar
) -> list[pd.DataFrame]:
    share = declared.share
    social = np.flatnonzero(households.tenure == SOCIAL)
    late = social[happens(rng, share("evidence.council.arrears"), len(social))]
    tenant = _tenants(households, late)
    start = between(rng, calendar.since, calendar.until - 10, len(late))
    end = start + rng.integers(30, 600, len(late))
    owed = np.round(rng.gamma(2.0, 250.0, len(late)), 2)
    frames = [
        make_facts("council", "rent_arrears", tenant, start, np.where(end > calendar.until, NEVER, end), quantity=owed)
    ]
    noticed = social[happens(rng, share("evidence.council.old_eviction"), len(social))]
    on = between(rng, calendar.since, calendar.year_ago, len(noticed))
    frames.append(make_facts("council", "eviction_notice", _tenants(households, noticed), on))
    alone = social[~plan.children[social]]
    alone = alone[happens(rng, share("evidence.council.old_eviction"), len(alone))]
    on = between(rng, calendar.year_ago + 1, calendar.until, len(alone))
    frames.append(make_facts("council", "eviction_notice", _tenants(households, alone), on))
    crowded = social[
        (households.size[social] >= 5) & happens(rng, 6 * share("evidence.council.overcrowding"), len(social))
    ]
    start = between(rng, calendar.since, calendar.until - 10, len(crowded))
    frames.append(make_facts("council", "overcrowding", _tenants(households, crowded), start, NEVER))
    hostel = np.flatnonzero(np.isin(households.shape, [SHAPE["hostel_single"], SHAPE["hostel_family"]]))
    hostel = hostel[happens(rng, share("evidence.council.homeless_in_hostel"), len(hostel))]
    frames.append(
        make_facts("council", "homelessness", _tenants(households, hostel), households.moved_in[hostel], NEVER)
    )
    return frames
