"""What partners see and how well they record it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from pipeline.synthetic.declared import NOBODY, Declared
from pipeline.synthetic.people import CHILD, FEMALE, SOCIAL
from tests.synthetic.conftest import Written

PARTNERS = ("council", "dwp", "police", "schools")


def _plain(values: pd.Series) -> pd.Series:
    """Names without case, stray spaces, titles."""
    return values.fillna("").str.lower().str.replace(r"\bm[rs] |[^a-z]", "", regex=True)


def test_schools_see_pupils_and_their_contacts(written: Written) -> None:
    borough = written.behind
    seen = set(written.records("schools")["true_person_id"])
    pupils = set(np.flatnonzero(borough.schooling.pupil).tolist())
    assert pupils <= seen
    age = borough.people.age(borough.calendar.until)
    assert age[list(pupils)].min() >= 4
    assert age[list(pupils)].max() <= 18
    named = written.raw("schools", "relationships")
    linked = set(named["person_ref"]) | set(named["related_person_ref"])
    contacts = written.records("schools").query("true_person_id not in @pupils")
    assert contacts["person_ref"].isin(linked).mean() > 0.85  # a few links are missing, by declaration
    assert contacts["upn"].isna().all()


def test_the_dwp_sees_claimants_partners_and_children(written: Written) -> None:
    borough = written.behind
    people = borough.people
    age = people.age(borough.calendar.until)
    seen = written.records("dwp")["true_person_id"].to_numpy()
    claimants = set(borough.facts.loc[borough.facts["partner"] == "dwp", "person"])
    others = np.array([person for person in seen if person not in claimants])
    young = others[age[others] < 18]
    adults = others[age[others] >= 18]
    assert all(people.partner[person] in claimants for person in adults)
    homes = {people.household[person] for person in claimants}
    assert all(people.household[person] in homes for person in young)
    assert (age[seen] < 66).mean() > 0.98


def test_the_police_see_those_in_their_events(written: Written) -> None:
    events = written.raw("police", "events")
    people = written.records("police")
    assert people["true_person_id"].nunique() < 0.2 * len(written.behind.people)
    refs = set(events["person_ref"])
    persons_with_events = set(people.loc[people["person_ref"].isin(refs), "true_person_id"])
    assert persons_with_events == set(people["true_person_id"])
    arrested = set(written.behind.facts.query("kind in ['arrest', 'proven_offence', 'custody']")["person"])
    assert set(people.loc[people["pnc_id"].notna(), "true_person_id"]) <= arrested


def test_the_council_sees_tenants_and_those_it_serves(written: Written) -> None:
    borough = written.behind
    seen = written.records("council")["true_person_id"].to_numpy()
    served = set(borough.people.household[borough.facts.loc[borough.facts["partner"] == "council", "person"]])
    homes = borough.people.household[seen]
    allowed = np.isin(homes, list(served)) | (borough.households.tenure[homes] == SOCIAL)
    # Besides, only parents of children in social care who live elsewhere.
    assert allowed.mean() > 0.99


def test_children_have_no_nino_and_only_pupils_a_upn(written: Written) -> None:
    age = written.behind.people.age(written.behind.calendar.until)
    for partner in ("council", "dwp", "police"):
        records = written.records(partner)
        assert records.loc[age[records["true_person_id"]] < 16, "nino"].isna().all()
    council = written.records("council")
    assert council.loc[age[council["true_person_id"]] >= 19, "upn"].isna().all()
    assert council["nhs_number"].notna().mean() < 0.25


@pytest.mark.parametrize("partner", PARTNERS)
def test_errors_are_as_many_as_declared(written: Written, declared: Declared, partner: str) -> None:
    people = written.behind.people
    records = written.records(partner)
    true = records["true_person_id"].to_numpy()
    slack = 4 * np.sqrt(0.1 / len(records)) + 0.004
    for field in ("forename", "surname"):
        given = records[field].notna().to_numpy()
        right = _plain(pd.Series(getattr(people, field)[true]))
        old = _plain(pd.Series(people.old_surname[true])) if field == "surname" else right
        written_down = _plain(records[field])
        differs = ((written_down != right) & (written_down != old))[given].mean()
        assert abs(differs - declared.share(f"partners.{partner}.errors.{field}")) < slack + 0.006
    dates = pd.to_datetime(records["date_of_birth"], format="%Y-%m-%d", errors="coerce").fillna(
        pd.to_datetime(records["date_of_birth"], format="%d/%m/%Y", errors="coerce")
    )
    given = dates.notna().to_numpy()
    days = (dates - pd.Timestamp("1970-01-01")).dt.days.to_numpy()
    wrong = (days != people.born[true])[given].mean()
    assert abs(wrong - declared.share(f"partners.{partner}.errors.date_of_birth")) < slack
    sex = np.where(people.sex[true] == FEMALE, "F", "M")
    given = records["sex"].notna().to_numpy()
    assert (records["sex"].to_numpy() != sex)[given].mean() < 0.01


@pytest.mark.parametrize("partner", PARTNERS)
def test_addresses_go_missing_and_stale_in_five_to_fifteen_of_a_hundred(written: Written, partner: str) -> None:
    borough = written.behind
    records = written.records(partner).set_index("person_ref")["true_person_id"]
    held = written.raw(partner, "residences")
    held = held[held["person_ref"].isin(records.index)]
    open_ended = held[held["end_date"].isna()].assign(true=lambda rows: records[rows["person_ref"]].to_numpy())
    home = borough.dwellings.uprn[borough.households.dwelling[borough.people.household]]
    known = open_ended["uprn"].notna()
    right = known & (pd.to_numeric(open_ended["uprn"]) == home[open_ended["true"]])
    good = set(open_ended.loc[right, "person_ref"])
    assert 0.85 - 0.08 < len(good) / len(records) < 0.97


def test_a_few_people_stand_twice(written: Written, declared: Declared) -> None:
    for partner in PARTNERS:
        records = written.records(partner)
        twice = records["true_person_id"].duplicated().mean()
        assert abs(twice - declared.share(f"partners.{partner}.duplicates")) < 0.004


def test_relations_read_related_is_the_relation_of_person(written: Written) -> None:
    people = written.behind.people
    for partner in ("council", "dwp", "schools"):
        true = written.records(partner).set_index("person_ref")["true_person_id"]
        rows = written.raw(partner, "relationships")
        rows = rows[rows["person_ref"].isin(true.index) & rows["related_person_ref"].isin(true.index)]
        person, related = (true[rows[name]].to_numpy() for name in ("person_ref", "related_person_ref"))
        relation = rows["relation"].to_numpy()
        parent = relation == "parent"
        right = (people.mother[person] == related) | (people.father[person] == related)
        if parent.sum() > 100:
            assert right[parent].mean() > 0.95
        partners = relation == "partner"
        if partners.sum() > 100:
            assert (people.partner[person] == related)[partners].mean() > 0.95
        child = relation == "child"
        if child.sum() > 100:
            assert (people.role[related] == CHILD)[child].mean() > 0.9


def test_files_have_the_blemishes_of_real_ones(written: Written) -> None:
    police = written.raw("police", "people")
    born = police["date_of_birth"].dropna()
    assert born.str.match(r"\d\d/\d\d/\d{4}$").mean() > 0.9
    assert born.str.match(r"\d{4}-\d\d-\d\d$").mean() > 0.02
    assert police["surname"].dropna().str.isupper().mean() > 0.3
    assert (police["forename"].dropna() != police["forename"].dropna().str.strip()).mean() > 0.01
    council = written.raw("council", "residences")
    assert council["uprn"].dropna().str.match(r"0\d{11}$").mean() > 0.2
    assert written.raw("dwp", "people")["surname"].dropna().str.isupper().all()
    temporary = written.raw("schools", "people")["upn"].dropna()
    assert 0 < temporary.map(lambda upn: bool(re.search("[A-Z]$", upn))).mean() < 0.02


def test_children_at_two_addresses_are_recorded_at_both(written: Written) -> None:
    both = set(np.flatnonzero(written.behind.people.other_home != NOBODY).tolist())
    records = written.records("schools").set_index("person_ref")["true_person_id"]
    held = written.raw("schools", "residences")
    held = held[held["end_date"].isna() & held["person_ref"].isin(records.index)]
    counts = held.groupby("person_ref").size()
    double = records[counts[counts > 1].index]
    assert sum(person in both for person in double) > 50


def test_nominations_are_ranked_families_with_children(written: Written) -> None:
    for partner in ("council", "police"):
        rows = written.raw(partner, "nominations")
        assert 12 <= len(rows) <= 18  # 100 for 343,100 people
        assert sorted(rows["rank"].astype(int)) == list(range(1, len(rows) + 1))
        true = written.records(partner).set_index("person_ref")["true_person_id"]
        homes = written.behind.people.household[true[rows["person_ref"]]]
        assert written.behind.plan.children[homes].all()
        assert len(set(homes)) == len(rows)
