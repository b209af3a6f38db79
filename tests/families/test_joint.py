"""What homes and relatives say of doubtful links: each context by hand, and what becomes of the persons."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pytest
from family_tables import AS_AT, Spell, Tie, spells, ties

from pipeline.families import contradicted, joint, rejoin
from pipeline.records import PAIR_COLUMNS

PAIR = ["record_a", "record_b"]
# Record: birth month, partner. Records 1 and 2 are the doubtful pair; 3 and 4 are others.
RECORDS = {1: ("1980-02", "council"), 2: ("1980-02", "dwp"), 3: ("2001-03", "council"), 4: ("2001-03", "schools")}
ALONE = {1: 1, 2: 2, 3: 3, 4: 3}


def by_record(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={"person_id": "record_id", "related_person_id": "related_record_id"})


def attributes(records: dict[int, tuple[str | None, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [(record, partner, birth, "F") for record, (birth, partner) in records.items()],
        columns=["record_id", "partner", "birth_month", "sex"],
    )
    return frame.assign(birth_month=pd.to_datetime(frame["birth_month"]))


def person_map(persons: dict[int, int]) -> pd.DataFrame:
    return pd.DataFrame({"record_id": list(persons), "person_id": list(persons.values())})


def pairs(*rows: tuple[int, int, float, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["record_a", "record_b", "probability", "decision"])
    return frame.assign(blocking_pass="nino", pattern="", weight=frame["probability"])[list(PAIR_COLUMNS)]


def told(
    records: dict[int, tuple[str | None, str]] = RECORDS,
    persons: dict[int, int] = ALONE,
    lives: Iterable[Spell] = (),
    related: Iterable[Tie] = (),
    probability: float = 0.8,
) -> tuple[str, str]:
    """The context and the decision of the pair of records 1 and 2."""
    found = joint(
        pairs((1, 2, probability, "possible")), person_map(persons), attributes(records), by_record(spells(lives)),
        by_record(ties(related)), AS_AT, match_threshold=0.95, possible_threshold=0.5,
    )  # fmt: skip
    return found["context"].item(), found["decision"].item()


def at(place: int, *records: int) -> list[Spell]:
    return [(record, place, "2010-01-01", None, RECORDS[record][1]) for record in records]


def test_two_records_that_are_parents_of_one_child_are_one_person() -> None:
    assert told(related=[(3, 1, "parent", "council"), (2, 4, "child", "dwp")]) == ("same_relative", "match")


def test_parent_and_brother_of_one_say_nothing() -> None:
    assert told(related=[(3, 1, "parent", "council"), (2, 4, "sibling", "dwp")]) == ("nothing", "possible")


def test_two_records_at_one_place_with_the_same_third_person_are_one_person() -> None:
    assert told(lives=at(5, 1, 3) + at(5, 2)) == ("housemates", "match")
    assert told(lives=at(5, 1) + at(5, 2)) == ("same_place", "possible")
    assert told(lives=at(5, 1, 3) + at(6, 2)) == ("nothing", "possible")


def test_with_another_birth_month_a_shared_home_says_little() -> None:
    other = RECORDS | {2: ("1980-03", "dwp")}
    assert told(other, lives=at(5, 1, 3) + at(5, 2)) == ("housemates_other_birth", "possible")


def test_a_communal_place_says_nothing() -> None:
    crowd = dict.fromkeys(range(5, 20), ("1990-01", "council"))
    lives = at(5, 1, 2) + [(record, 5, "2010-01-01", None, "council") for record in crowd]
    assert told(RECORDS | crowd, ALONE | {record: record for record in crowd}, lives) == ("nothing", "possible")


def test_relatives_of_each_other_are_two_people_whatever_else_they_share() -> None:
    related = [(1, 2, "child", "council"), (3, 1, "parent", "council"), (4, 2, "parent", "schools")]
    assert told(lives=at(5, 1, 2, 3), related=related) == ("related", "non_match")


def test_whom_a_partner_holds_as_two_are_two_people() -> None:
    records = RECORDS | {5: ("1980-02", "police"), 6: ("1980-02", "police")}
    persons = ALONE | {5: 1, 6: 2}
    assert told(records, persons, at(5, 1, 2, 3)) == ("held_apart", "non_match")


def test_that_both_records_are_one_partners_was_weighed_before() -> None:
    assert told(RECORDS | {2: ("1980-02", "council")}, lives=at(5, 1, 2, 3)) == ("housemates", "match")


def test_only_possible_pairs_of_two_persons_are_looked_at() -> None:
    found = joint(
        pairs((1, 2, 0.8, "match"), (1, 3, 0.99, "cut"), (3, 4, 0.8, "possible")),
        person_map(ALONE), attributes(RECORDS), by_record(spells([])), by_record(ties([])), AS_AT,
        match_threshold=0.95, possible_threshold=0.5,
    )  # fmt: skip
    assert found.empty


@pytest.mark.parametrize(("month", "years_apart"), [("1982-01", False), ("1982-02", True), ("1978-01", True)])
def test_records_of_one_person_born_two_years_apart_contradict(month: str, years_apart: bool) -> None:
    found = contradicted(
        person_map({1: 1, 2: 1, 3: 3, 4: 3}), attributes(RECORDS | {2: (month, "dwp")}), by_record(ties([]))
    )
    assert found.to_numpy().tolist() == ([[1, 2, "different_ages"]] if years_apart else [])


def test_records_of_one_person_of_which_a_partner_says_that_they_are_relatives_contradict() -> None:
    found = contradicted(
        person_map({1: 1, 2: 1, 3: 3, 4: 3}), attributes(RECORDS), by_record(ties([(2, 1, "parent", "dwp")]))
    )
    assert found.to_numpy().tolist() == [[1, 2, "related"]]


def rejoined(
    persons: dict[int, int],
    linked: pd.DataFrame,
    promoted: list[tuple[int, int]] = [],  # noqa: B006 - never changed
    apart: list[tuple[int, int]] = [],  # noqa: B006
    answers: list[tuple[int, int, str]] = [],  # noqa: B006
    nino: dict[int, int] | None = None,
) -> tuple[set[frozenset[int]], dict[tuple[int, int], str]]:
    """The persons as sets of records, and each pair's decision."""
    found = pd.DataFrame([(*pair, 0.99, "match") for pair in promoted], columns=[*PAIR, "probability", "decision"])
    identifiers = pd.DataFrame({"record_id": list(persons), "nino": [(nino or {}).get(r, -1) for r in persons]})
    clusters, after = rejoin(
        person_map(persons),
        linked,
        found.astype({"record_a": "int64", "record_b": "int64"}),
        pd.DataFrame([(*pair, "related") for pair in apart], columns=[*PAIR, "why"]).astype(
            dict.fromkeys(PAIR, "int64")
        ),
        pd.DataFrame(answers, columns=[*PAIR, "answer"]).astype(dict.fromkeys(PAIR, "int64")),
        identifiers,
    )
    sets = {frozenset(records) for records in clusters.groupby("cluster")["record_id"].agg(list)}
    return sets, {(a, b): decision for a, b, decision in after[[*PAIR, "decision"]].itertuples(index=False)}


def test_promoted_pairs_join_their_persons() -> None:
    linked = pairs((1, 2, 0.99, "match"), (2, 3, 0.8, "possible"))
    assert rejoined({1: 1, 2: 1, 3: 3}, linked, [(2, 3)]) == (
        {frozenset({1, 2, 3})}, {(1, 2): "match", (2, 3): "match"},
    )  # fmt: skip


def test_what_is_told_apart_is_put_together_anew_the_strongest_links_first() -> None:
    """Father (1, 2) and son (3, 4) of one name: 1 and 3 are relatives."""
    linked = pairs((1, 2, 0.999, "match"), (3, 4, 0.998, "match"), (2, 4, 0.96, "match"), (1, 3, 0.97, "match"))
    sets, decisions = rejoined({1: 1, 2: 1, 3: 1, 4: 1}, linked, apart=[(1, 3)])
    assert sets == {frozenset({1, 2}), frozenset({3, 4})}
    assert decisions == {(1, 2): "match", (3, 4): "match", (2, 4): "cut", (1, 3): "cut"}


def test_an_identifier_of_which_one_has_one_forbids() -> None:
    linked = pairs((2, 3, 0.8, "possible"))
    sets, decisions = rejoined({1: 1, 2: 1, 3: 3}, linked, [(2, 3)], nino={1: 7, 3: 8})
    assert sets == {frozenset({1, 2}), frozenset({3})}
    assert decisions == {(2, 3): "possible"}


def test_what_people_answered_binds() -> None:
    linked = pairs((1, 3, 0.8, "possible"), (1, 2, 0.7, "match"))
    # Different, also of other records of the two persons.
    sets, _ = rejoined({1: 1, 2: 1, 3: 3}, linked, [(1, 3)], answers=[(2, 3, "different")])
    assert sets == {frozenset({1, 2}), frozenset({3})}
    # The same, although a partner says they are relatives.
    sets, _ = rejoined({1: 1, 2: 1, 3: 3}, linked, apart=[(1, 2)], answers=[(1, 2, "same")])
    assert sets == {frozenset({1, 2}), frozenset({3})}


def test_nothing_told_changes_nothing() -> None:
    linked = pairs((1, 2, 0.99, "match"), (2, 3, 0.8, "possible"))
    assert rejoined({1: 1, 2: 1, 3: 3}, linked) == (
        {frozenset({1, 2}), frozenset({3})}, {(1, 2): "match", (2, 3): "possible"},
    )  # fmt: skip
