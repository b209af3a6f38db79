"""What the DWP records: spells on out-of-work benefits, and programmes people were attached to.

Near misses are made on purpose: spells that have ended, claimants of sixteen and seventeen (no adults), adults
without children.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.synthetic.calendar import Calendar
from pipeline.synthetic.declared import NEVER, NOBODY, Chance, Declared, Ints, Texts, between, draw, happens
from pipeline.synthetic.facts import make_facts
from pipeline.synthetic.people import CHILD, SHAPE, Households, People
from pipeline.synthetic.plan import Plan, pick_member


def claim(
    chance: Chance, declared: Declared, people: People, households: Households, plan: Plan, calendar: Calendar
) -> pd.DataFrame:
    """All facts of work."""
    rng = chance.stage("work")
    until = calendar.until
    age = people.age(until)
    working_age = (age >= 18) & (age < 65)
    now = _current_claimants(rng, declared, people, households, plan, calendar)
    current = np.zeros(len(people), dtype=bool)
    current[now] = True

    start = until - 10 - np.round(rng.exponential(700, len(now))).astype(np.int64)
    start = np.minimum(np.maximum(start, people.born[now] + 18 * 366), until - 1)
    frames = [
        make_facts("dwp", "out_of_work_benefit", now, start, NEVER, code=_codes(rng, declared, people, now, until))
    ]

    ended = np.flatnonzero(
        working_age & (age >= 20) & happens(rng, declared.share("evidence.work.ended_spell"), len(people))
    )
    began = between(rng, calendar.since, until - 150, len(ended))
    over = np.minimum(began + rng.integers(20, 500, len(ended)), until - 1)
    # A current claim began after the one before ended.
    fresh = ~current[ended]
    ended, began, over = ended[fresh], began[fresh], over[fresh]
    frames.append(
        make_facts("dwp", "out_of_work_benefit", ended, began, over, code=_codes(rng, declared, people, ended, until))
    )

    young = np.flatnonzero(
        np.isin(age, [16, 17]) & happens(rng, declared.share("evidence.work.young_claimant"), len(people))
    )
    frames.append(
        make_facts(
            "dwp", "out_of_work_benefit", young, between(rng, until - 90, until - 1, len(young)), NEVER, code="JSA"
        )
    )

    claimed = np.concatenate([now, ended])
    since = np.concatenate([start, began])
    attached = happens(rng, declared.share("evidence.work.programme"), len(claimed))
    claimed, since = claimed[attached], np.maximum(since[attached], calendar.since) + 30
    good = since < until
    where = np.where(happens(rng, 0.85, len(claimed)), "work_programme", "esf_provision").astype(object)
    frames.append(make_facts("dwp", "programme_attachment", claimed, since, NEVER, code=where)[good])
    return pd.concat(frames, ignore_index=True)


def _current_claimants(
    rng: np.random.Generator,
    declared: Declared,
    people: People,
    households: Households,
    plan: Plan,
    calendar: Calendar,
) -> Ints:
    age = people.age(calendar.until)
    adult = (age >= 18) & (age < 64)
    homes = np.flatnonzero(plan.work)
    parent = pick_member(rng, people, adult & (people.role != CHILD), homes)
    anybody = pick_member(rng, people, adult, homes)
    claimant = np.where((parent != NOBODY) & happens(rng, 0.95, len(homes)), parent, anybody)
    claimant = claimant[claimant != NOBODY]
    partner = people.partner[claimant]
    also = (partner != NOBODY) & happens(rng, 0.35, len(claimant))
    also[also] &= adult[partner[also]]

    share = np.full(len(households), declared.share("evidence.work.adult_only"))
    hostel = np.isin(households.shape, [SHAPE["hostel_single"], SHAPE["hostel_family"]])
    share[hostel] = declared.share("evidence.work.adult_only_hostel")
    share[households.shape == SHAPE["hmo_single"]] *= 2.2
    home = people.household
    alone = np.flatnonzero(adult & ~plan.children[home] & happens(rng, share[home], len(people)))
    return np.unique(np.concatenate([claimant, partner[also], alone]))


def _codes(rng: np.random.Generator, declared: Declared, people: People, person: Ints, until: int) -> Texts:
    names, weights = declared.weights("evidence.work.codes")
    code = np.array(names, dtype=object)[draw(rng, weights, len(person))]
    # Income Support is above all for lone parents of a child under five.
    small = np.flatnonzero(until - people.born < 5 * 365)
    parents = np.zeros(len(people), dtype=bool)
    for parent in (people.mother[small], people.father[small]):
        parents[parent[parent != NOBODY]] = True
    lone = parents[person] & (people.partner[person] == NOBODY) & happens(rng, 0.7, len(person))
    code[lone] = "IS"
    return code
