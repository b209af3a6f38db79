"""Whom each partner sees, under which references, and as whose relation.

Schools: pupils and their contacts. DWP: claimants, their partners and dependent children. Police: suspects,
offenders, victims. Council: households of its tenants, and of people known to social care, early help, homelessness
or community safety. A few people stand twice in one partner's file, under two references.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.synthetic.calendar import Calendar
from pipeline.synthetic.declared import NOBODY, Bools, Chance, Declared, Ints, Texts, happens
from pipeline.synthetic.identifiers import zero_padded
from pipeline.synthetic.people import CHILD, SOCIAL, Households, People
from pipeline.synthetic.schooling import Schooling

PARTNERS = ("council", "dwp", "police", "schools")
LETTERS = {"council": "C", "dwp": "D", "police": "N", "schools": "S"}
SOCIAL_CARE = ("child_in_need", "child_protection_plan", "looked_after", "early_help", "safeguarding_referral")


@dataclass(frozen=True)
class View:
    """One partner's records of people: `person` and `ref` per record; relations by person."""

    partner: str
    person: Ints
    ref: Texts
    relations: pd.DataFrame  # person, related, relation: related is the <relation> of person
    social_care: Bools  # per person: known to social care (there the NHS number is kept)

    def refs_of(self, rng: np.random.Generator, person: Ints) -> Texts:
        """A reference of each person; one of both for who has two. The persons must be in the view."""
        order = np.argsort(self.person, kind="stable")
        ordered = self.person[order]
        first = np.searchsorted(ordered, person, side="left")
        last = np.searchsorted(ordered, person, side="right")
        return self.ref[order[first + np.floor(rng.random(len(person)) * (last - first)).astype(np.int64)]]


def look(
    chance: Chance,
    declared: Declared,
    people: People,
    households: Households,
    schooling: Schooling,
    facts: pd.DataFrame,
    calendar: Calendar,
) -> dict[str, View]:
    """Every partner's view."""
    known = {p: np.unique(facts.loc[facts["partner"] == p, "person"].to_numpy()) for p in PARTNERS}
    care = np.zeros(len(people), dtype=bool)
    care[facts.loc[facts["kind"].isin(SOCIAL_CARE), "person"].to_numpy()] = True
    seen = {
        "council": _council(chance, declared, people, households, known["council"], care),
        "dwp": _dwp(chance, people, known["dwp"], calendar),
        "police": (known["police"], _relations([])),
        "schools": _schools(chance, declared, people, households, schooling),
    }
    return {p: _view(chance, declared, p, *seen[p], care) for p in PARTNERS}


def _view(chance: Chance, declared: Declared, partner: str, person: Ints, relations: pd.DataFrame, care: Bools) -> View:
    rng = chance.stage(f"view of {partner}")
    person = np.unique(person)
    twice = person[happens(rng, declared.share(f"partners.{partner}.duplicates"), len(person))]
    records = rng.permutation(np.concatenate([person, twice]))
    number = 100_000 + rng.permutation(len(records) * 3)[: len(records)]
    ref = LETTERS[partner] + zero_padded(number.astype(np.int64), 8)
    keep = ~happens(rng, declared.share("recording.missing_relationship"), len(relations))
    return View(partner, records, ref, relations[keep].reset_index(drop=True), care)


def _relations(rows: list[tuple[Ints, Ints, str]]) -> pd.DataFrame:
    frames = [pd.DataFrame({"person": a, "related": b, "relation": relation}) for a, b, relation in rows if len(a)]
    if not frames:
        return pd.DataFrame({"person": np.empty(0, np.int64), "related": np.empty(0, np.int64), "relation": []})
    return pd.concat(frames, ignore_index=True).drop_duplicates(["person", "related"], ignore_index=True)


def _step_parent(people: People, child: Ints) -> Ints:
    """The partner of a child's parent under the same roof, who is not a parent (-1: none)."""
    found = np.full(len(child), NOBODY, dtype=np.int64)
    for parent in (people.mother[child], people.father[child]):
        here = (parent != NOBODY) & (people.household[parent] == people.household[child])
        partner = np.where(here, people.partner[parent], NOBODY)
        other = (partner != NOBODY) & (partner != people.mother[child]) & (partner != people.father[child])
        found[other] = partner[other]
    return found


def _schools(
    chance: Chance, declared: Declared, people: People, households: Households, schooling: Schooling
) -> tuple[Ints, pd.DataFrame]:
    rng = chance.stage("contacts")
    pupils = np.flatnonzero(schooling.pupil)
    rows: list[tuple[Ints, Ints, str]] = []
    for key, parent in (("mother", people.mother[pupils]), ("father", people.father[pupils])):
        here = (parent != NOBODY) & (people.household[parent] == people.household[pupils])
        away = (parent != NOBODY) & ~here
        share = np.where(
            away,
            declared.share("partners.schools.contacts.other_parent"),
            declared.share(f"partners.schools.contacts.{key}"),
        )
        # A household's children give the same contacts: one throw a household.
        kept = (here | away) & (rng.random(len(households))[people.household[pupils]] < share)
        rows.append((pupils[kept], parent[kept], "parent"))
    carer = np.where(people.carer[pupils] != NOBODY, people.carer[pupils], _step_parent(people, pupils))
    share_carer = np.where(people.carer[pupils] != NOBODY, declared.share("partners.schools.contacts.carer"), 0.5)
    kept = (carer != NOBODY) & (rng.random(len(households))[people.household[pupils]] < share_carer)
    rows.append((pupils[kept], carer[kept], "carer"))
    together = people.household[pupils[1:]] == people.household[pupils[:-1]]
    kept = together & happens(rng, declared.share("partners.schools.contacts.sibling"), len(together))
    rows.append((pupils[1:][kept], pupils[:-1][kept], "sibling"))
    relations = _relations(rows)
    return np.concatenate([pupils, relations["related"].to_numpy(dtype=np.int64)]), relations


def _dwp(chance: Chance, people: People, claimants: Ints, calendar: Calendar) -> tuple[Ints, pd.DataFrame]:
    rng = chance.stage("benefit units")
    claims = np.zeros(len(people), dtype=bool)
    claims[claimants[people.age(calendar.until)[claimants] >= 18]] = True
    partner = people.partner[claimants]
    with_partner = (partner != NOBODY) & claims[claimants]
    rows = [(claimants[with_partner], partner[with_partner], "partner")]
    children = np.flatnonzero((people.role == CHILD) & (people.age(calendar.until) < 18))
    children = children[happens(rng, 0.93, len(children))]
    step = _step_parent(people, children)
    for parent in (people.mother[children], people.father[children], people.carer[children], step):
        good = (parent != NOBODY) & (people.household[parent] == people.household[children])
        good &= claims[parent]
        rows.append((parent[good], children[good], "child"))
    relations = _relations(rows)
    return np.concatenate([claimants, relations["related"].to_numpy(dtype=np.int64)]), relations


def _council(
    chance: Chance, declared: Declared, people: People, households: Households, known: Ints, care: Bools
) -> tuple[Ints, pd.DataFrame]:
    rng = chance.stage("council's households")
    lets = happens(rng, declared.share("tenure.council_is_landlord_or_nominates"), len(households))
    homes = (households.tenure == SOCIAL) & lets
    homes[people.household[known]] = True
    member = homes[people.household]
    head = np.where(households.adults[:, 0] != NOBODY, households.adults[:, 0], households.first)[people.household]
    persons = np.flatnonzero(member)
    first = head[persons]
    rows: list[tuple[Ints, Ints, str]] = []
    partner = (people.partner[persons] == first) & (persons != first)
    rows.append((first[partner], persons[partner], "partner"))
    own = (people.mother[persons] == first) | (people.father[persons] == first)
    rows.append((first[own], persons[own], "child"))
    elder = (people.mother[first] == persons) | (people.father[first] == persons)
    rows.append((first[elder], persons[elder], "parent"))
    kept = people.carer[persons] == first
    rows.append((persons[kept], first[kept], "carer"))
    step = (people.role[persons] == CHILD) & ~own & ~kept & (first != persons)
    rows.append((first[step], persons[step], "other"))
    # Children of social care: both parents, also the one who lives elsewhere.
    cared = np.flatnonzero(care & (people.role == CHILD))
    for parent in (people.mother[cared], people.father[cared]):
        good = (parent != NOBODY) & (member[parent] | happens(rng, 0.3, len(cared)))
        rows.append((cared[good], parent[good], "parent"))
    brothers = persons[people.role[persons] == CHILD]
    together = people.household[brothers[1:]] == people.household[brothers[:-1]]
    together &= care[brothers[1:]] | care[brothers[:-1]]
    rows.append((brothers[1:][together], brothers[:-1][together], "sibling"))
    relations = _relations(rows)
    everybody = [persons, relations["related"].to_numpy(dtype=np.int64)]
    return np.concatenate(everybody), relations
