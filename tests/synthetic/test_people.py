"""The people: shapes, kin, ages, names, homes."""

from __future__ import annotations

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.synthetic.declared import NEVER, NOBODY, Declared
from pipeline.synthetic.moves import MAIN, OTHER_HOME
from pipeline.synthetic.names import CULTURES
from pipeline.synthetic.people import CHILD, FEMALE, MALE, SHAPES, age_on
from tests.synthetic.conftest import POPULATION, Written

DAYS = st.dates(dt.date(1910, 1, 1), dt.date(2016, 12, 31))
EPOCH = dt.date(1970, 1, 1)


@given(born=DAYS, on=DAYS)
def test_ages_count_birthdays(born: dt.date, on: dt.date) -> None:
    expected = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    assert age_on(np.array([(born - EPOCH).days]), (on - EPOCH).days)[0] == expected


def test_exactly_as_many_people_as_asked_for_and_every_shape(written: Written, declared: Declared) -> None:
    borough = written.behind
    assert len(borough.people) == POPULATION == borough.households.size.sum()
    assert set(np.unique(borough.households.shape)) == set(range(len(SHAPES)))
    shares = np.bincount(borough.households.shape) / len(borough.households)
    for shape, share in zip(SHAPES, shares, strict=True):
        assert abs(share - declared.share(f"households.shares.{shape}")) < 0.01


def test_ages_are_those_of_a_borough(written: Written) -> None:
    age = written.behind.people.age(written.behind.calendar.until)
    assert 0.18 < (age < 18).mean() < 0.24
    assert 0.12 < (age >= 65).mean() < 0.19
    assert age.min() >= 0
    assert age.max() <= 100


def test_parents_are_of_an_age_to_be(written: Written) -> None:
    people = written.behind.people
    for parent, sex in ((people.mother, FEMALE), (people.father, MALE)):
        rows = np.flatnonzero(parent != NOBODY)
        years = (people.born[rows] - people.born[parent[rows]]) / 365.25
        assert years.min() > 13
        assert np.mean((years > 16) & (years < 50)) > 0.99
        assert np.mean(people.sex[parent[rows]] == sex) > 0.98  # two mothers or two fathers share the rest
    partnered = np.flatnonzero(people.partner != NOBODY)
    assert (people.partner[people.partner[partnered]] == partnered).all()


def test_there_are_twins_namesakes_and_changed_names(written: Written) -> None:
    people = written.behind.people
    child = people.role == CHILD
    together = (people.household[1:] == people.household[:-1]) & child[1:] & child[:-1]
    twins = together & (people.born[1:] == people.born[:-1])
    assert twins.sum() > 20
    assert (people.forename[1:][together] != people.forename[:-1][together]).all()
    sons = np.flatnonzero((people.father != NOBODY) & (people.sex == MALE))
    namesakes = (people.forename[sons] == people.forename[people.father[sons]]) & (
        people.surname[sons] == people.surname[people.father[sons]]
    )
    assert namesakes.sum() > 50
    changed = people.old_surname != None  # noqa: E711 - element by element
    assert changed.sum() > 200
    assert (people.sex[changed] == FEMALE).mean() > 0.95


def test_eight_naming_cultures_with_common_and_rare_names(written: Written) -> None:
    people = written.behind.people
    assert set(people.culture) == set(range(len(CULTURES)))
    _, counts = np.unique(people.surname, return_counts=True)
    assert len(counts) > 2500
    assert counts.max() / POPULATION > 0.005
    assert np.median(counts) < 10
    women = people.surname[people.sex == FEMALE]
    men = people.surname[people.sex == MALE]
    assert (women == "Kaur").sum() > 50
    assert (men == "Kaur").sum() == 0
    assert (women == "Singh").sum() == 0
    assert "O'Brien" in set(people.surname)
    assert any("-" in name for name in people.surname)


def test_homes_follow_one_another(written: Written) -> None:
    spells = written.behind.spells
    main = spells[spells["kind"] == MAIN].sort_values(["person", "start"])
    assert (main["start"] <= main["end"]).all()
    assert main.groupby("person")["end"].max().eq(NEVER).all()
    assert main["person"].nunique() == POPULATION
    same = main["person"].to_numpy()[1:] == main["person"].to_numpy()[:-1]
    gap = main["start"].to_numpy()[1:] - main["end"].to_numpy()[:-1]
    assert (gap[same] >= 1).all()
    assert 0.15 < (main.groupby("person").size() > 1).mean() < 0.35
    both = spells[spells["kind"] == OTHER_HOME]
    assert len(both) > 200
    assert (main["start"].to_numpy() >= written.behind.people.born[main["person"].to_numpy()]).all()


def test_a_home_is_anothers_after_a_move_and_buildings_are_shared(written: Written) -> None:
    borough = written.behind
    main = borough.spells[borough.spells["kind"] == MAIN].assign(
        household=lambda rows: borough.people.household[rows["person"].to_numpy()]
    )
    families = main.groupby("dwelling")["household"].nunique()
    assert (families > 1).sum() > 500
    now = borough.dwellings.uprn[borough.households.dwelling]
    _, per_building = np.unique(now, return_counts=True)
    assert (per_building >= 8).sum() >= 10  # hostels
    assert (per_building == 3).sum() > 30  # divided houses
    assert set(borough.dwellings.postcode[:100].astype("U3")) <= {f"XB{n}" for n in range(1, 10)}


def test_parted_parents_left_the_home_they_shared(written: Written) -> None:
    people, spells = written.behind.people, written.behind.spells
    left = np.flatnonzero((people.came_on != NOBODY) & (people.came_from != NOBODY))
    assert len(left) > 200
    main = spells[spells["kind"] == MAIN]
    before = main[main["end"] != NEVER].groupby("person").size()
    assert before.reindex(left).notna().mean() > 0.7
    away = (people.role == CHILD) & (people.father != NOBODY)
    away[away] = people.household[people.father[away]] != people.household[away]
    assert away.sum() > 1000
