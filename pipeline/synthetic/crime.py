"""What the police record, and the council's action on anti-social behaviour.

Near misses are made on purpose: offences of adults, offences of children more than a year ago, suspects, victims,
orders that have ended.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.synthetic.calendar import Calendar
from pipeline.synthetic.declared import NEVER, NOBODY, Bools, Chance, Declared, Ints, Texts, between, draw, happens
from pipeline.synthetic.facts import make_facts, repeated
from pipeline.synthetic.people import CHILD, MALE, Households, People
from pipeline.synthetic.plan import Plan, pick_member

OFFENCES = np.array(
    ["105A", "8/1", "19/11", "28/3", "30A", "34B", "49/1", "58A", "62A", "66/1", "92A", "125/9", "195/12", "5A", "1/1"],
    dtype=object,
)
NUISANCE = np.array(["personal", "nuisance", "environmental"], dtype=object)
ACTIONS = np.array(["asb_order", "asb_injunction", "asb_contract", "housing_asb_action"], dtype=object)
DAYS_UNDER_EIGHTEEN = 6573  # 18 years are 6,574 or 6,575 days
TENTH_BIRTHDAY, EIGHTEENTH_BIRTHDAY = 3653, 6575  # in days, a little after the day itself


def offend(
    chance: Chance, declared: Declared, people: People, households: Households, plan: Plan, calendar: Calendar
) -> pd.DataFrame:
    """All facts of crime, disorder and domestic abuse."""
    rng = chance.stage("crime")
    planned = _planned(rng, declared, people, plan, calendar)
    frames = [*planned, *_adults_and_former_children(rng, declared, people, calendar)]
    frames += _background(rng, declared, people, calendar)
    frames += _old_actions(rng, declared, people, plan, calendar)
    frames += _domestic_abuse(rng, declared, people, households, plan, calendar)
    frames += _supervised(chance.stage("supervision"), declared, people, pd.concat(frames), calendar)
    return pd.concat(frames, ignore_index=True)


def _some(rng: np.random.Generator, words: Texts, count: int) -> Texts:
    return words[rng.integers(0, len(words), count)]


def _planned(
    rng: np.random.Generator, declared: Declared, people: People, plan: Plan, calendar: Calendar
) -> list[pd.DataFrame]:
    until = calendar.until
    age = people.age(until)
    homes = np.flatnonzero(plan.crime)
    # Under 18 on the day of the offence; by the as-at date some have had their eighteenth birthday.
    was_child = (age >= 11) & (people.born + DAYS_UNDER_EIGHTEEN > calendar.year_ago + 20)
    youth = pick_member(rng, people, was_child & (people.role == CHILD), homes)
    by_child = (youth != NOBODY) & happens(rng, declared.share("evidence.crime.youth_offence"), len(homes))
    offenders = repeated(rng, youth[by_child], 1, 1.0)
    first = np.maximum(calendar.year_ago + 1, people.born[offenders] + TENTH_BIRTHDAY)
    last = np.minimum(until, people.born[offenders] + DAYS_UNDER_EIGHTEEN)
    on = between(rng, first, last, len(offenders))
    frames = [
        make_facts("police", "proven_offence", offenders, on, code=_some(rng, OFFENCES, len(on)), role="offender")
    ]
    frames.append(_arrests(rng, offenders, on))
    # Others: an order or other action, on a child over ten or on an adult.
    homes = homes[~by_child]
    anybody = pick_member(rng, people, (age >= 11) & (age < 60), homes)
    young = pick_member(rng, people, (age >= 11) & (age <= 17), homes)
    member = np.where((young != NOBODY) & happens(rng, 0.6, len(homes)), young, anybody)
    frames.append(_actions(rng, member[member != NOBODY], calendar, current=True))
    return frames


def _arrests(rng: np.random.Generator, person: Ints, offence: Ints) -> pd.DataFrame:
    caught = happens(rng, 0.6, len(person))
    return make_facts("police", "arrest", person[caught], offence[caught], role="suspect")


def _actions(rng: np.random.Generator, person: Ints, calendar: Calendar, current: bool) -> pd.DataFrame:
    """ASB action: in the last twelve months, or ended before them."""
    count = len(person)
    kind = ACTIONS[draw(rng, np.array([0.15, 0.15, 0.45, 0.25]), count)]
    one_day = kind == "housing_asb_action"
    if current:
        start = between(rng, calendar.year_ago + 1, calendar.until - 5, count)
        # Some began before the year and reach into it.
        early = ~one_day & happens(rng, 0.25, count)
        start[early] = between(rng, calendar.year_ago - 250, calendar.year_ago, int(early.sum()))
        end = np.where(
            happens(rng, 0.5, count), NEVER, np.maximum(start, calendar.year_ago) + rng.integers(20, 300, count)
        )
        end = np.where(end > calendar.until, NEVER, end)
    else:
        start = between(rng, calendar.since, calendar.year_ago - 200, count)
        end = np.minimum(start + rng.integers(60, 200, count), calendar.year_ago)
    return make_facts("council", kind, person, start, np.where(one_day, NOBODY, end), role="offender")


def _adults_and_former_children(
    rng: np.random.Generator, declared: Declared, people: People, calendar: Calendar
) -> list[pd.DataFrame]:
    until = calendar.until
    age = people.age(until)
    share = declared.share("evidence.crime.adult_offence")
    adult = (age >= 18) & (age < 60)
    likely = share * np.where(people.sex == MALE, 1.5, 0.5) * np.where(age < 35, 1.5, 0.7)
    offenders = repeated(rng, np.flatnonzero(adult & happens(rng, likely, len(people))), 1, 1.2)
    first = np.maximum(calendar.since, people.born[offenders] + EIGHTEENTH_BIRTHDAY + 1)
    on = between(rng, first, until, len(offenders))
    code = _some(rng, OFFENCES, len(on))
    good = on <= until
    offenders, on, code = offenders[good], on[good], code[good]
    frames = [
        make_facts("police", "proven_offence", offenders, on, code=code, role="offender"),
        _arrests(rng, offenders, on),
    ]
    held, first_of = np.unique(offenders, return_index=True)
    jailed = happens(rng, declared.share("evidence.crime.custody"), len(held))
    start = on[first_of][jailed] + rng.integers(20, 90, int(jailed.sum()))
    end = start + rng.integers(14, 200, len(start))
    begun = start <= until
    custody = make_facts("police", "custody", held[jailed], start, np.where(end > until, NEVER, end), role="offender")
    frames.append(custody[begun])

    # Children's offences of more than a year ago; by now some are adults.
    teens = (people.born + TENTH_BIRTHDAY + 366 < calendar.year_ago) & (
        people.born + EIGHTEENTH_BIRTHDAY > calendar.since
    )
    old = np.flatnonzero(teens & happens(rng, declared.share("evidence.crime.youth_old_offence"), len(people)))
    old = repeated(rng, old, 1, 0.7)
    first = np.maximum(calendar.since, people.born[old] + TENTH_BIRTHDAY + 366)
    last = np.minimum(calendar.year_ago, people.born[old] + EIGHTEENTH_BIRTHDAY - 5)
    good = first <= last
    on = between(rng, first, last, len(old))
    fact = make_facts("police", "proven_offence", old, on, code=_some(rng, OFFENCES, len(on)), role="offender")
    frames.append(fact[good])
    return frames


def _supervised(
    rng: np.random.Generator, declared: Declared, people: People, facts: pd.DataFrame, calendar: Calendar
) -> list[pd.DataFrame]:
    """Licences after custody; community orders of adult offenders who were not jailed."""
    jailed = facts[facts["kind"] == "custody"]
    released = jailed[jailed["end"] < calendar.until]
    start = released["end"].to_numpy(dtype=np.int64) + 1
    end = start + rng.integers(60, 400, len(start))
    person = released["person"].to_numpy(dtype=np.int64)
    open_end = np.where(end > calendar.until, NEVER, end)
    frames = [make_facts("police", "probation_order", person, start, open_end, code="licence", role="offender")]
    offences = facts[(facts["kind"] == "proven_offence") & ~facts["person"].isin(jailed["person"])]
    offences = offences.drop_duplicates("person")
    grown = people.born[offences["person"].to_numpy()] + EIGHTEENTH_BIRTHDAY < offences["start"].to_numpy()
    offences = offences[grown & happens(rng, declared.share("evidence.crime.community_order"), len(offences))]
    start = offences["start"].to_numpy(dtype=np.int64) + rng.integers(20, 90, len(offences))
    end = start + rng.integers(120, 720, len(start))
    person, open_end = offences["person"].to_numpy(dtype=np.int64), np.where(end > calendar.until, NEVER, end)
    orders = make_facts("police", "probation_order", person, start, open_end, code="community_order", role="offender")
    return [*frames, orders[start <= calendar.until]]


def _background(rng: np.random.Generator, declared: Declared, people: People, calendar: Calendar) -> list[pd.DataFrame]:
    age = people.age(calendar.until)
    frames = []
    for kind, name, role, least, coded in (
        ("arrest", "suspect_only", "suspect", 14, False),
        ("asb_incident", "suspect_only", "suspect", 13, True),
        ("asb_incident", "asb_victim", "victim", 16, True),
        ("police_callout", "victim", "victim", 13, False),
        ("police_callout", "callout", "suspect", 16, False),
        ("asb_incident", "adult_offence", "offender", 14, True),
    ):
        share = declared.share(f"evidence.crime.{name}") * (0.5 if name == "suspect_only" else 1.0)
        person = np.flatnonzero((age >= least) & (age < 90) & happens(rng, share, len(people)))
        person = repeated(rng, person, 1, 0.4)
        on = between(rng, calendar.since, calendar.until, len(person))
        code = _some(rng, NUISANCE, len(person)) if coded else None
        frames.append(make_facts("police", kind, person, on, code=code, role=role))
    return frames


def _old_actions(
    rng: np.random.Generator, declared: Declared, people: People, plan: Plan, calendar: Calendar
) -> list[pd.DataFrame]:
    age = people.age(calendar.until)
    known = (age >= 13) & (age < 60)
    ended = np.flatnonzero(known & happens(rng, declared.share("evidence.crime.asb_old_action"), len(people)))
    apart = known & (age >= 18) & ~plan.children[people.household]
    alone = np.flatnonzero(apart & happens(rng, declared.share("evidence.crime.asb_adult_only"), len(people)))
    return [_actions(rng, ended, calendar, current=False), _actions(rng, alone, calendar, current=True)]


def _domestic_abuse(
    rng: np.random.Generator, declared: Declared, people: People, households: Households, plan: Plan, calendar: Calendar
) -> list[pd.DataFrame]:
    names, weights = declared.weights("evidence.council.local_ways")
    share = float(weights[names.index("domestic_abuse_incident")])
    # The ways are drawn alike here and in `council`, from one stream of its own, by household.
    old = happens(rng, declared.share("evidence.crime.domestic_abuse_old"), len(households))
    alone = ~plan.children & happens(rng, declared.share("evidence.crime.domestic_abuse_adult_only"), len(households))
    frames = []
    for homes, first, last in (
        (np.flatnonzero(plan.local & local_by_abuse(len(households), share)), calendar.year_ago + 1, calendar.until),
        (np.flatnonzero(alone), calendar.year_ago + 1, calendar.until),
        (np.flatnonzero(old), calendar.since, calendar.year_ago),
    ):
        victim = pick_member(rng, people, _grown(people, calendar), homes)
        homes, victim = homes[victim != NOBODY], victim[victim != NOBODY]
        victim = repeated(rng, victim, 1, 0.6)
        on = between(rng, first, last, len(victim))
        frames.append(make_facts("police", "domestic_abuse_incident", victim, on, role="victim"))
        other = people.partner[victim]
        known = (other != NOBODY) & happens(rng, 0.85, len(victim))
        frames.append(make_facts("police", "domestic_abuse_incident", other[known], on[known], role="suspect"))
        # The other parent, who lives elsewhere, for a lone parent: only where no other family's answer depends on it.
        parent = _other_parent(people, victim)
        known = (parent != NOBODY) & (other == NOBODY) & happens(rng, 0.5, len(victim))
        known &= ~plan.children[people.household[parent]]
        frames.append(make_facts("police", "domestic_abuse_incident", parent[known], on[known], role="suspect"))
    return frames


def local_by_abuse(count: int, share: float) -> Bools:
    """Which households' local cause for concern, if they have one, is domestic abuse: evenly, by their number."""
    spread = np.arange(count, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(2**32)
    found: Bools = spread < share * 2**32
    return found


def _grown(people: People, calendar: Calendar) -> Bools:
    grown: Bools = (people.age(calendar.until) >= 18) & (people.role != CHILD)
    return grown


def _other_parent(people: People, person: Ints) -> Ints:
    """The other parent of somebody's children, where they have one (-1: none)."""
    other = np.full(len(people), NOBODY, dtype=np.int64)
    rows = np.flatnonzero((people.mother != NOBODY) & (people.father != NOBODY))
    other[people.mother[rows]] = people.father[rows]
    other[people.father[rows]] = people.mother[rows]
    return other[person]
