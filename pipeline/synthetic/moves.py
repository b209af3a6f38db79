"""Where everybody lived, and when: moves of whole households, of persons who joined or left one, two addresses.

Spells: one row per person, dwelling and period; person, dwelling, start, end (NEVER while it lasts), kind. A home is
often one that another household of the borough left a little before, so that a late record shows two families at
one address.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.synthetic.declared import NEVER, NOBODY, Chance, Declared, Ints, between, happens
from pipeline.synthetic.dwellings import Dwellings
from pipeline.synthetic.people import COMMUNAL, OWNER, PRIVATE, SHAPE, SOCIAL, Households, People

YEAR = 365
MAIN, OTHER_HOME = 0, 1


def live(
    chance: Chance, declared: Declared, people: People, households: Households, dwellings: Dwellings, until: int
) -> pd.DataFrame:
    """The spells, sorted by person and start; sets `households.moved_in`."""
    rng = chance.stage("moves")
    years = int(declared.number("years") * YEAR)
    moved = _household_moves(rng, declared, households, until, years)
    previous, previous_start = _previous_homes(rng, declared, households, dwellings, moved)
    _joined_lately(rng, people, households, until, years)

    who = np.arange(len(people))
    home = people.household
    came = people.came_on != NOBODY
    # Who lives alone moved in when they came.
    alone = came & (households.size[home] == 1)
    households.moved_in[home[alone]] = people.came_on[alone]
    previous[home[alone]] = NOBODY
    start = np.maximum(households.moved_in[home], people.born)
    start[came] = np.maximum(start[came], people.came_on[came])
    spells = [_spells(who, households.dwelling[home], start, np.full(len(people), NEVER))]

    before = ~came & (previous[home] != NOBODY) & (people.born < households.moved_in[home])
    rows = np.flatnonzero(before)
    ended = households.moved_in[home[rows]] - 1
    began = np.maximum(previous_start[home[rows]], people.born[rows])
    spells.append(_spells(rows, previous[home[rows]], np.minimum(began, ended), ended))
    spells.append(_earlier_home(rng, people, households, dwellings, previous, previous_start, until))

    rows = np.flatnonzero(people.other_home != NOBODY)
    other = people.other_home[rows]
    began = np.maximum(households.moved_in[other], people.born[rows])
    spells.append(_spells(rows, households.dwelling[other], began, np.full(len(rows), NEVER), OTHER_HOME))
    frame = pd.concat(spells, ignore_index=True)
    frame = frame[frame["end"] >= frame["start"]]
    return frame.sort_values(["person", "kind", "start", "dwelling"], kind="stable", ignore_index=True)


def _spells(person: Ints, dwelling: Ints, start: Ints, end: Ints, kind: int = MAIN) -> pd.DataFrame:
    columns = {"person": person, "dwelling": dwelling, "start": start, "end": end}
    return pd.DataFrame({**columns, "kind": np.full(len(person), kind, dtype=np.int64)})


def _household_moves(
    rng: np.random.Generator, declared: Declared, households: Households, until: int, years: int
) -> Ints:
    """Households that moved within the years, in order of the day."""
    names = {OWNER: "owner", SOCIAL: "social", PRIVATE: "private", COMMUNAL: "communal"}
    yearly = np.array([declared.number(f"moves.per_year.{names[code]}") for code in range(4)])
    waited = rng.exponential(1.0, len(households)) / yearly[households.tenure] * YEAR
    households.moved_in = (until - np.maximum(np.round(waited), 3)).astype(np.int64)
    # Nobody's home was theirs for longer than forty years.
    households.moved_in = np.maximum(households.moved_in, until - 40 * YEAR)
    moved = np.flatnonzero(households.moved_in > until - years)
    return moved[np.argsort(households.moved_in[moved], kind="stable")]


def _previous_homes(
    rng: np.random.Generator, declared: Declared, households: Households, dwellings: Dwellings, moved: Ints
) -> tuple[Ints, Ints]:
    """Where a household lived before its move within the borough (-1: elsewhere, or no move), and since when."""
    previous = np.full(len(households), NOBODY, dtype=np.int64)
    since = np.full(len(households), NOBODY, dtype=np.int64)
    local = moved[happens(rng, declared.share("moves.from_within_borough"), len(moved))]
    previous[local] = rng.choice(dwellings.spare, len(local))
    # The left home is the present one of a household that moved one week to three months later.
    chained = local[happens(rng, declared.share("moves.into_left_home"), len(local))]
    own = moved[households.tenure[moved] != COMMUNAL]
    if len(own):
        days = households.moved_in[own]
        wanted = households.moved_in[chained] + rng.integers(7, 90, len(chained))
        next_in = np.minimum(np.searchsorted(days, wanted), len(own) - 1)
        later = days[next_in] > households.moved_in[chained] + 1
        _, once = np.unique(next_in, return_index=True)
        good = np.zeros(len(chained), dtype=bool)
        good[once] = True
        good &= later
        previous[chained[good]] = households.dwelling[own[next_in[good]]]
    since[local] = households.moved_in[local] - 20 - np.round(rng.exponential(3 * YEAR, len(local))).astype(np.int64)
    return previous, since


def _joined_lately(rng: np.random.Generator, people: People, households: Households, until: int, years: int) -> None:
    """Second partners who moved in with the first within the years, from elsewhere in the borough."""
    second = households.adults[:, 1]
    likely = np.zeros(len(households))
    likely[households.shape == SHAPE["step_family"]] = 0.25
    likely[households.shape == SHAPE["couple_no_children"]] = 0.06
    rows = second[(second != NOBODY) & happens(rng, likely, len(households))]
    rows = rows[people.came_on[rows] == NOBODY]
    # Not before a child of both was on its way.
    youngest = np.full(len(people), NEVER, dtype=np.int64)
    for parent in (people.mother, people.father):
        children = np.flatnonzero(parent != NOBODY)
        np.minimum.at(youngest, parent[children], people.born[children])
    rows = rows[youngest[rows] == NEVER]
    people.came_on[rows] = between(rng, until - years, until - 20, len(rows))


def _earlier_home(
    rng: np.random.Generator,
    people: People,
    households: Households,
    dwellings: Dwellings,
    previous: Ints,
    previous_start: Ints,
    until: int,
) -> pd.DataFrame:
    """Homes of persons before they came to their household, and of households before the previous one."""
    rows = np.flatnonzero(people.came_on != NOBODY)
    came_from = people.came_from[rows]
    left = people.came_on[rows] - 1
    known = came_from != NOBODY
    source = np.where(known, came_from, 0)
    dwelling = np.where(known, households.dwelling[source], rng.choice(dwellings.spare, len(rows)))
    since = np.where(known, households.moved_in[source], left - 700)
    # The household left behind has moved since: the person left its previous home.
    moved_on = known & (since > left)
    dwelling = np.where(moved_on, previous[source], dwelling)
    since = np.where(moved_on, previous_start[source], since)
    start = np.maximum(since, people.born[rows])
    fine = (dwelling != NOBODY) & (start <= left)
    joined = _spells(rows[fine], dwelling[fine], start[fine], left[fine])

    earlier = (previous != NOBODY) & (previous_start > until - 5 * YEAR) & happens(rng, 0.5, len(households))
    rows = np.flatnonzero(earlier[people.household] & (people.came_on == NOBODY))
    home = people.household[rows]
    dwelling = rng.choice(dwellings.spare, len(households))[home]
    ended = previous_start[home] - 1
    start = np.maximum(ended - 900, people.born[rows])
    fine = start <= ended
    return pd.concat([joined, _spells(rows[fine], dwelling[fine], start[fine], ended[fine])], ignore_index=True)
