"""Who goes to school, on which roll, how often they were there, and exclusions: what the schools record.

Near misses are made on purpose: absence just under 15 %, two exclusions, exclusions of earlier years, placements
that do not follow an exclusion, a gap between rolls that has ended.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.synthetic.calendar import Calendar
from pipeline.synthetic.declared import NEVER, NOBODY, Bools, Chance, Declared, Floats, Ints, Texts, draw, happens
from pipeline.synthetic.facts import make_facts, repeated
from pipeline.synthetic.people import Households, People, _parts
from pipeline.synthetic.plan import Plan, pick_member

REASONS = np.array(["PP", "PA", "VP", "VA", "BU", "RA", "SM", "DA", "DM", "TH", "DB", "OT"], dtype=object)
ABSENT, EXCLUDED, PERMANENT, PLACED, NO_ROLL = range(1, 6)  # ways to meet the criterion


@dataclass(frozen=True)
class Changes:
    """How rolls changed, by row of the pupils: when the usual roll ended (NEVER); spells after it as (rows, setting,
    start, end, because excluded); and who was excluded for good on the day the roll ended."""

    left: Ints
    spells: list[tuple[Ints, Texts, Ints, Ints | int, Bools]]
    excluded: Ints


@dataclass(frozen=True)
class Schooling:
    """What schools record. Enrolments: person, setting, because_excluded, start, end. Attendance: person, term
    (index into the calendar's), possible, authorised, unauthorised."""

    reception: Ints  # year a person's reception class began
    pupil: Bools  # on a state school's roll in the last school year
    compulsory: Bools  # of these, those of compulsory age
    enrolments: pd.DataFrame
    attendance: pd.DataFrame
    facts: pd.DataFrame


def reception_year(born: Ints) -> Ints:
    """The year whose September a child starts reception: aged four on 31 August."""
    year, month, _ = _parts(born)
    first: Ints = year + 4 + (month >= 8)  # months count from 0
    return first


def choose_pupils(chance: Chance, declared: Declared, people: People, calendar: Calendar) -> tuple[Ints, Bools, Bools]:
    """Reception year, who is a pupil in the last school year, and who of them is of compulsory age."""
    rng = chance.stage("pupils")
    year, month, _ = _parts(np.array([calendar.until]))
    school_year = int(year[0] - (month[0] < 8))
    reception = reception_year(people.born)
    state = happens(rng, declared.share("evidence.education.state_school"), len(people))
    stays = happens(rng, declared.share("evidence.education.sixth_form"), len(people))
    form = school_year - reception
    compulsory = state & (form >= 0) & (form <= 11)
    pupil = compulsory | (state & stays & (form >= 12) & (form <= 13))
    return reception, pupil, compulsory


def go_to_school(
    chance: Chance,
    declared: Declared,
    people: People,
    households: Households,
    plan: Plan,
    calendar: Calendar,
    arrived: Ints,
    reception: Ints,
    pupil: Bools,
    compulsory: Bools,
) -> Schooling:
    """Everything schools record. `arrived`: the day somebody's first home in the borough began."""
    rng = chance.stage("schooling")
    way = _ways(rng, declared, people, plan, calendar, compulsory)
    age = people.age(calendar.until)
    secondary = pupil & (age >= 11)
    enrolments, events = _enrolments(rng, declared, reception, pupil, way, calendar, arrived)
    attendance = _attendance(rng, declared, pupil, way, enrolments, calendar)
    facts = _exclusions(rng, declared, secondary, way, calendar)
    return Schooling(reception, pupil, compulsory, enrolments, attendance, pd.concat([*facts, events]))


def _ways(
    rng: np.random.Generator, declared: Declared, people: People, plan: Plan, calendar: Calendar, compulsory: Bools
) -> Ints:
    """Per person: how, if at all, they shall meet the criterion."""
    _, weights = declared.weights("evidence.education.ways")
    age = people.age(calendar.until)
    homes = np.flatnonzero(plan.education)
    way = np.zeros(len(people), dtype=np.int64)
    # The older the child the likelier; six at least, so that there are terms behind them.
    eligible = compulsory & (age < 18)
    teenager = pick_member(rng, people, eligible & (age >= 11), homes)
    school_age = pick_member(rng, people, eligible & (age >= 6), homes)
    anybody = pick_member(rng, people, eligible, homes)
    chosen = np.where(teenager != NOBODY, teenager, np.where(school_age != NOBODY, school_age, anybody))
    good = chosen != NOBODY
    drawn = 1 + draw(rng, weights, len(homes))
    drawn[(age[chosen] < 8) & ~np.isin(drawn, [ABSENT, NO_ROLL])] = ABSENT
    way[chosen[good]] = drawn[good]
    second = pick_member(rng, people, eligible & (way == 0), homes)
    also = (second != NOBODY) & happens(rng, 0.2, len(homes))
    way[second[also]] = ABSENT
    return way


def _enrolments(
    rng: np.random.Generator,
    declared: Declared,
    reception: Ints,
    pupil: Bools,
    way: Ints,
    calendar: Calendar,
    arrived: Ints,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = np.flatnonzero(pupil)
    primary = _september(reception[rows])
    secondary = _september(reception[rows] + 7)
    floor = np.maximum(arrived[rows], calendar.since - 3000)
    moved_up = secondary <= calendar.until
    setting = np.where(
        happens(rng, declared.share("evidence.education.special_school"), len(rows)), "special", "mainstream"
    )
    setting = setting.astype(object)

    start = np.where(moved_up, np.maximum(secondary, floor), np.maximum(primary, floor))
    start = np.minimum(start, calendar.until - 1)
    last = way[rows]
    later = _later_settings(rng, declared, len(rows), last, start, calendar)
    frames = [_roll(rows, setting, start, later.left)]
    was_primary = moved_up & (secondary - 40 >= calendar.since) & (np.maximum(primary, floor) < secondary - 40)
    frames.append(
        _roll(
            rows[was_primary],
            setting[was_primary],
            np.maximum(primary, floor)[was_primary],
            secondary[was_primary] - 40,
        )
    )
    for chosen, placed, begun, over, because in later.spells:
        frames.append(_roll(rows[chosen], placed, begun, over, because))
    excluded = later.excluded
    on = later.left[excluded]
    facts = make_facts(
        "schools", "permanent_exclusion", rows[excluded], on, code=REASONS[rng.integers(0, len(REASONS), len(on))]
    )
    enrolments = pd.concat(frames, ignore_index=True)
    enrolments = enrolments[(enrolments["end"] >= calendar.since) & (enrolments["start"] <= enrolments["end"])]
    return enrolments.sort_values(["person", "start"], kind="stable", ignore_index=True), facts


def _later_settings(
    rng: np.random.Generator, declared: Declared, count: int, way: Ints, start: Ints, calendar: Calendar
) -> Changes:
    """How the pupils' rolls changed, by the way they shall meet the criterion."""
    share = declared.share
    usual = way == 0
    fate = rng.random(count)
    old_permanent = usual & (fate < share("evidence.education.older_permanent"))
    other_reasons = usual & ~old_permanent & (fate > 1 - share("evidence.education.placement_for_other_reasons"))
    gap = usual & ~old_permanent & (fate > 0.5) & (fate < 0.502)
    recent, older = calendar.recent_school_days, calendar.older_school_days
    day_recent = recent[rng.integers(0, len(recent), count)]
    day_older = older[rng.integers(0, len(older), count)]
    any_day = np.where(happens(rng, 0.6, count), day_recent, day_older)
    left = np.full(count, NEVER, dtype=np.int64)
    for who, when in (
        (way == PERMANENT, day_recent), (np.isin(way, [PLACED, NO_ROLL]) | other_reasons, any_day),
        (old_permanent | gap, day_older),
    ):  # fmt: skip
        left[who] = when[who]
    # Nobody leaves a roll before being on it.
    left = np.where(left < NEVER, np.maximum(left, start + 5), left)
    left = np.where((left < NEVER) & (left >= calendar.until), calendar.until - 1, left)
    pupil_unit = np.where(happens(rng, 0.65, count), "pupil_referral_unit", "alternative_provision").astype(object)
    then = np.where((way == PERMANENT) & (rng.random(count) < 0.2), "none", pupil_unit).astype(object)
    placed = np.flatnonzero(np.isin(way, [PERMANENT, PLACED]))
    none = np.full(count, "none", dtype=object)
    back = np.full(count, "mainstream", dtype=object)
    spells: list[tuple[Ints, Texts, Ints, Ints | int, Bools]] = []
    spells.append((placed, then[placed], left[placed] + 1, NEVER, np.asarray(then[placed] != "none", dtype=np.bool_)))
    off = np.flatnonzero(way == NO_ROLL)
    spells.append((off, none[off], left[off] + 1, NEVER, np.zeros(len(off), dtype=bool)))
    ill = np.flatnonzero(other_reasons)
    spells.append((ill, pupil_unit[ill], left[ill] + 1, NEVER, np.zeros(len(ill), dtype=bool)))
    for who, between, because in ((old_permanent, pupil_unit, True), (gap, none, False)):
        mid = np.flatnonzero(who)
        until = np.minimum(left[mid] + rng.integers(30, 150, len(mid)), calendar.until - 10)
        spells.append((mid, between[mid], left[mid] + 1, until, np.full(len(mid), because)))
        spells.append((mid, back[mid], until + 1, NEVER, np.zeros(len(mid), dtype=bool)))
    # An old exclusion whose day had to be moved into the last terms is none.
    excluded = np.flatnonzero((way == PERMANENT) | (old_permanent & (left < calendar.last_terms_start)))
    return Changes(left=left, spells=spells, excluded=excluded)


def _roll(person: Ints, setting: Texts, start: Ints, end: Ints | int, because: Bools | bool = False) -> pd.DataFrame:
    count = len(person)
    return pd.DataFrame(
        {
            "person": person,
            "setting": setting,
            "because_excluded": np.broadcast_to(np.asarray(because), (count,)).copy(),
            "start": start,
            "end": np.broadcast_to(np.asarray(end, dtype=np.int64), (count,)).copy(),
        }
    )


def _september(year: Ints) -> Ints:
    months = (year - 1970) * 12 + 8
    days: Ints = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + 2
    return days


def _attendance(
    rng: np.random.Generator, declared: Declared, pupil: Bools, way: Ints, enrolments: pd.DataFrame, calendar: Calendar
) -> pd.DataFrame:
    count = len(pupil)
    usual = np.minimum(rng.beta(0.6, 55, count), 0.11)
    authorised = np.minimum(rng.beta(2.0, 42.0, count), 0.4)
    heavy = rng.uniform(0.156, 0.48, count)
    nearly = pupil & (way == 0) & happens(rng, declared.share("evidence.education.just_under_absence"), count)
    just_under = rng.uniform(0.13, 0.149, count)
    frames = []
    on_roll = enrolments[enrolments["setting"] != "none"]
    start, end = on_roll["start"].to_numpy(), on_roll["end"].to_numpy()
    person = on_roll["person"].to_numpy()
    for index, term in enumerate(calendar.terms):
        here = np.unique(person[(start <= term.start + 10) & (end >= term.end)])
        possible = term.sessions - rng.integers(0, 5, len(here))
        missed = np.minimum(rng.binomial(possible, usual[here]), np.floor(possible * 0.12).astype(np.int64))
        counts = term.start >= calendar.last_terms_start
        absent = way[here] == ABSENT
        share: Floats = heavy[here] if counts else heavy[here] * rng.uniform(0.1, 1.0, len(here))
        missed[absent] = np.ceil(possible * share).astype(np.int64)[absent]
        under = nearly[here]
        missed[under] = np.floor(possible * just_under[here]).astype(np.int64)[under]
        leave = rng.binomial(possible - missed, authorised[here])
        frames.append(
            pd.DataFrame(
                {"person": here, "term": index, "possible": possible, "authorised": leave, "unauthorised": missed}
            )
        )
    columns = ["person", "term", "possible", "authorised", "unauthorised"]
    joined = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns, dtype=np.int64)
    return joined.sort_values(["person", "term"], kind="stable", ignore_index=True)


def _exclusions(
    rng: np.random.Generator, declared: Declared, secondary: Bools, way: Ints, calendar: Calendar
) -> list[pd.DataFrame]:
    recent, older = calendar.recent_school_days, calendar.older_school_days
    share = declared.share
    usual = np.flatnonzero(secondary & (way != EXCLUDED))
    few = usual[happens(rng, share("evidence.education.one_or_two_exclusions"), len(usual))]
    few = np.repeat(few, 1 + happens(rng, 0.4, len(few)))
    old = usual[happens(rng, share("evidence.education.older_exclusions"), len(usual))]
    old = repeated(rng, old, 1, 0.8)
    many = repeated(rng, np.flatnonzero(way == EXCLUDED), 3, 1.5)
    frames = []
    for person, days in ((few, recent), (many, recent), (old, older)):
        on = days[rng.integers(0, len(days), len(person))]
        reasons = REASONS[rng.integers(0, len(REASONS), len(person))]
        sessions = rng.integers(1, 11, len(person)).astype(np.float64)
        frames.append(make_facts("schools", "suspension", person, on, code=reasons, quantity=sessions))
    return frames
