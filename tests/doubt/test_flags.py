"""Small towns in which one link decides a flag; by hand, and against forming the whole town anew."""

from __future__ import annotations

import pandas as pd
import pytest
from doubt_tables import AS_AT, Case, coverage, doubt, flips, members, pack, probability
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.criteria import evaluate
from pipeline.doubt.links import doubtful_links
from pipeline.families import by_person, form_families, persons_frame

MUM, KID = "1980-02", "2001-03"
# Mother (1) and child (2) at one place; record 3 is the DWP's, on a benefit: perhaps the mother's.
BIRTHS = {1: MUM, 2: KID, 3: MUM}
BENEFIT = [(3, "out_of_work_benefit")]


def perhaps(probability: float = 0.7, linked: bool = False, **more: object) -> Case:
    decision = "match" if linked else "possible"
    persons = {1: 1, 2: 2, 3: 1 if linked else 3}
    return Case(BIRTHS, {1: 5, 2: 5}, [(1, 3, probability, decision)], persons, [(2, 1)], BENEFIT, **more)  # type: ignore[arg-type]


def test_a_possible_link_would_bring_a_flag() -> None:
    found = doubt(perhaps(0.7))
    assert flips(found) == {("work", "not_met", "met", 1, 3)}
    assert probability(found, "work")[1] == 0.7
    row = found.flips.iloc[0]
    assert (row["link_probability"], row["otherwise"]) == (0.7, 0.7)


def test_a_weak_link_carries_a_flag() -> None:
    found = doubt(perhaps(0.98, linked=True))
    assert flips(found) == {("work", "met", "not_met", 1, 3)}
    assert probability(found, "work") == {1: 0.98}
    assert found.flips["otherwise"].round(9).tolist() == [0.02]
    assert found.standing.set_index("criterion")["in_doubt"].to_dict() == {
        "crime_asb": False, "education": False, "local": False, "selected": False, "work": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        perhaps(0.9999, linked=True),
        perhaps(0.7, answers=[(1, 3, "different")]),
        perhaps(0.7, linked=True, answers=[(1, 3, "same")]),
        perhaps(0.7, nino={1: 8, 3: 9}),
        Case({1: MUM, 2: KID}, {1: 5, 2: 5}, [], {1: 1, 2: 2}),
    ],
    ids=["strong", "answered different", "answered same", "two identifiers", "no link"],
)
def test_no_doubtful_link_no_doubt(case: Case) -> None:
    assert flips(doubt(case)) == set()


def test_an_answer_taken_back_leaves_the_doubt() -> None:
    case = perhaps(0.7, answers=[(1, 3, "different"), (1, 3, "cannot_tell")])
    assert flips(doubt(case)) == {("work", "not_met", "met", 1, 3)}


def test_a_second_way_to_meet_it_takes_the_doubt_away() -> None:
    case = Case(BIRTHS, {1: 5, 2: 5}, [(1, 3, 0.98, "match")], {1: 1, 2: 2, 3: 1}, [(2, 1)],
                [*BENEFIT, (1, "out_of_work_benefit")])  # fmt: skip
    found = doubt(case)
    assert flips(found) == set()
    assert probability(found, "work") == {1: 1.0}


def test_two_links_of_which_either_suffices() -> None:
    births = BIRTHS | {4: MUM}
    case = Case(births, {1: 5, 2: 5}, [(1, 3, 0.98, "match"), (1, 4, 0.6, "possible")],
                {1: 1, 2: 2, 3: 1, 4: 4}, [(2, 1)], [*BENEFIT, (4, "out_of_work_benefit")])  # fmt: skip
    found = doubt(case)
    assert flips(found) == {("work", "met", "not_met", 1, 3)}
    assert probability(found, "work")[1] == round(1 - 0.02 * 0.4, 9)
    assert set(found.standing["method"]) == {"exact"}


def test_a_link_that_moves_a_child_to_another_family_changes_both() -> None:
    """Records 2 and 5, weakly linked, are one child: the one lives with mother 1 and has offended, the other with 4."""
    births = {1: MUM, 2: KID, 4: MUM, 5: KID}
    case = Case(births, {1: 5, 2: 5, 4: 6, 5: 6}, [(2, 5, 0.97, "match")], {1: 1, 2: 2, 4: 4, 5: 2},
                [(2, 1), (5, 4)], [(5, "proven_offence")])  # fmt: skip
    told = flips(doubt(case))
    assert {row[3:] for row in told} == {(2, 5)}
    assert ("crime_asb", "not_looked_at", "met", 2, 5) in told


def test_many_links_are_sampled_with_a_fixed_seed() -> None:
    births = BIRTHS | dict.fromkeys(range(4, 12), MUM)
    pairs = [(1, 3, 0.98, "match"), *[(1, record, 0.6, "possible") for record in range(4, 12)]]
    case = Case(births, {1: 5, 2: 5}, pairs, {1: 1, 2: 2, 3: 1} | {r: r for r in range(4, 12)}, [(2, 1)], BENEFIT)
    first, second = doubt(case), doubt(case)
    assert set(first.standing["method"]) == {"sampled"}
    assert probability(first, "work")[1] == pytest.approx(0.98, abs=0.05)
    pd.testing.assert_frame_equal(first.standing, second.standing)


def test_of_several_links_between_two_parts_the_strongest_counts() -> None:
    pairs = [(1, 2, 0.9999, "match"), (1, 3, 0.97, "match"), (2, 3, 0.99, "match"), (3, 4, 0.6, "possible")]
    case = Case(dict.fromkeys(range(1, 5), MUM), {}, pairs, {1: 1, 2: 1, 3: 1, 4: 4})
    found = doubtful_links(case.linked(), case.person_map(), case.told())
    assert found.links[["record_a", "record_b", "linked"]].to_numpy().tolist() == [[2, 3, True], [3, 4, False]]
    assert found.parts.groupby("part")["record_id"].agg(list).tolist() == [[1, 2], [3], [4]]


@st.composite
def towns(draw: st.DrawFn) -> Case:
    records = range(1, draw(st.integers(3, 9)))
    births = {record: draw(st.sampled_from([None, "1955-01", "1980-02", "2001-03", "2010-05"])) for record in records}
    homes = {record: draw(st.integers(1, 3)) for record in records if draw(st.booleans())}
    anyone = st.sampled_from(list(records))
    pairs = {}
    for _ in range(draw(st.integers(0, 3))):
        a, b = sorted((draw(anyone), draw(anyone)))
        if a != b:
            pairs[a, b] = (a, b, draw(st.sampled_from([0.6, 0.8, 0.97])))
    persons = {record: record for record in records}
    rows = []
    for a, b, probable in pairs.values():
        linked = probable > 0.95
        rows.append((a, b, probable, "match" if linked else "possible"))
        if linked:
            old, new = persons[b], persons[a]
            persons = {record: new if person == old else person for record, person in persons.items()}
    parents = [(draw(anyone), draw(anyone)) for _ in range(draw(st.integers(0, 4)))]
    facts = [(draw(anyone), draw(st.sampled_from(["out_of_work_benefit", "proven_offence"]))) for _ in range(3)]
    return Case(births, homes, rows, persons, [pair for pair in parents if pair[0] != pair[1]], facts)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=towns())
def test_batched_worlds_are_as_forming_the_whole_town_anew(case: Case) -> None:
    """The slow way: for each doubtful link a map of persons of its own, and everybody's families and flags again."""
    found = doubt(case)
    links = doubtful_links(case.linked(), case.person_map(), case.told())
    base = whole_town(case, case.person_map())
    expected = set()
    for link in links.links.itertuples():
        joined = {part: part for part in links.parts["part"]}
        for other in links.links.itertuples():
            if other.linked != (other.link == link.link):
                old, new = joined[other.part_b], joined[other.part_a]
                joined = {part: new if label == old else label for part, label in joined.items()}
        persons = links.parts[["record_id"]].assign(person_id=links.parts["part"].map(joined) + 1000)
        there = whole_town(case, persons)
        for family, (records, states) in base.items():
            twin = best(family, records, base, there)
            for criterion, state in states.items():
                would = there[twin][1].get(criterion, "not_looked_at") if twin is not None else "not_looked_at"
                if state != would and {state, would} != {"not_met", "not_looked_at"}:
                    expected.add((family, criterion, state, would, link.record_a, link.record_b))
    columns = ["family_id", "criterion", "state", "would_become", "record_a", "record_b"]
    flipped = found.flips[found.flips["criterion"] != "selected"]
    assert set(flipped[columns].itertuples(index=False, name=None)) == expected


Families = dict[int, tuple[frozenset[int], dict[str, str]]]


def whole_town(case: Case, persons: pd.DataFrame) -> Families:
    """Per family: its records, and its states by criterion."""
    people = persons_frame(case.attributes(), persons)
    empty = pd.DataFrame({"family_id": [], "person_id": []}, dtype="int64")
    formed = form_families(
        people, by_person(case.residences(), persons), by_person(case.relationships(), persons), AS_AT, empty
    )
    judged = evaluate(
        formed.families, formed.members, people, by_person(case.evidence(), persons), coverage(), pack(), AS_AT
    )
    own = formed.members[formed.members["role"].isin(["adult", "child"])].merge(persons, on="person_id")
    records = own.groupby("family_id")["record_id"].agg(frozenset)
    names = [criterion.id for criterion in pack().criteria]
    states: dict[int, dict[str, str]] = {family: dict.fromkeys(names, "not_looked_at") for family in records.index}
    for row in judged.results.itertuples():
        states[row.family_id][row.criterion] = row.state
    return {family: (records[family], states[family]) for family in records.index}


def best(family: int, records: frozenset[int], base: Families, there: Families) -> int | None:
    """The group that holds most of the family's records, each group for one family (greedy, the largest first)."""
    pairs = sorted(
        (-len(mine & theirs), one, min(theirs), other)
        for one, (mine, _) in base.items()
        for other, (theirs, _) in there.items()
        if mine & theirs
    )
    taken: dict[int, int] = {}
    for _, one, _, other in pairs:
        if one not in taken and other not in taken.values():
            taken[one] = other
    return taken.get(family)


def test_members_of_the_past_do_not_count() -> None:
    assert members(perhaps())["end_date"].isna().all()
