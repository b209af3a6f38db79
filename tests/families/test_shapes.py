"""Each shape of family by hand: people, spells and ties in, families out."""

from __future__ import annotations

import pandas as pd
import pytest
from family_tables import AS_AT, Spell, Tie, associated, belonging, form, nobody, people, spells, ties

from pipeline.families import form_families

MUM, DAD, KID, BABY, GRAN = "1980-02", "1978-05", "2001-03", "2013-06", "1950-01"


def at(place: int, persons: list[int], start: str = "2010-06-01", partner: str = "council") -> list[Spell]:
    return [(person, place, start, None, partner) for person in persons]


def parent(child: int, *parents: int, partner: str = "schools") -> list[Tie]:
    return [(child, one, "parent", partner) for one in parents]


def test_lone_parent() -> None:
    result = form({1: MUM, 2: KID}, at(5, [1, 2]), parent(2, 1))
    assert belonging(result) == {frozenset({1, 2})}
    family = result.families.iloc[0]
    assert (family["kind"], family["adults"], family["children"], family["place_id"], family["area"]) == (
        "with_children", 1, 1, 5, "XB0",
    )  # fmt: skip
    assert result.members["reason"].tolist() == [
        "same_residence; relationship:parent",
        "same_residence; relationship:child",
    ]
    assert result.members["role"].tolist() == ["adult", "child"]
    assert not family["to_review"]


def test_couple_with_a_baby_born_later() -> None:
    births = {1: MUM, 2: DAD, 3: BABY}
    result = form(births, at(5, [1, 2]) + at(5, [3], "2013-06-10"), [(1, 2, "partner", "dwp")])
    assert belonging(result) == {frozenset({1, 2, 3})}
    assert result.members["start_date"].dt.date.astype(str).tolist() == ["2010-06-01", "2010-06-01", "2013-06-10"]


def test_step_family_with_children_of_each() -> None:
    births = {1: MUM, 2: DAD, 3: KID, 4: "2004-01"}
    residences = at(5, [1, 3]) + at(5, [2, 4], "2012-03-01")
    assert belonging(form(births, residences, [*parent(3, 1), *parent(4, 2), (1, 2, "partner", "dwp")])) == {
        frozenset({1, 2, 3, 4})
    }


def test_three_generations() -> None:
    births = {1: MUM, 2: KID, 3: GRAN, 4: "1948-01"}
    assert belonging(form(births, at(5, [1, 2, 3, 4]), parent(2, 1))) == {frozenset({1, 2, 3, 4})}


def test_grandmother_moves_in_later_without_a_tie() -> None:
    births = {1: MUM, 2: KID, 3: GRAN}
    assert belonging(form(births, at(5, [1, 2]) + at(5, [3], "2013-01-01"), parent(2, 1))) == {frozenset({1, 2, 3})}


def test_child_of_two_homes_belongs_where_most_partners_say() -> None:
    births = {1: MUM, 2: DAD, 3: KID}
    residences = [
        *at(5, [1, 3]), *at(5, [1, 3], partner="dwp"), *at(6, [2]), *at(6, [3], "2013-01-01", "schools"),
    ]  # fmt: skip
    relationships = [*parent(3, 1, 2), *parent(3, 1, partner="dwp")]
    result = form(births, residences, relationships)
    assert belonging(result) == {frozenset({1, 3}), frozenset({2})}
    assert associated(result) == {
        (2, "non_resident_parent", frozenset({1, 3})),
        (3, "associated", frozenset({2})),
    }


def test_parent_living_elsewhere_is_associated_and_has_an_own_household() -> None:
    result = form({1: MUM, 2: DAD, 3: KID}, at(5, [1, 3]) + at(6, [2]), parent(3, 1, 2))
    assert belonging(result) == {frozenset({1, 3}), frozenset({2})}
    assert associated(result) == {(2, "non_resident_parent", frozenset({1, 3}))}
    assert result.families.set_index("family_id")["kind"].tolist() == ["with_children", "adult_only"]


def test_hostel_only_ties_make_families() -> None:
    singles = dict.fromkeys(range(10, 22), "1985-01")
    births = {1: MUM, 2: KID, 3: DAD, **singles}
    residences = [*at(5, [1, 2]), *at(5, [3], "2014-02-01"), *at(5, list(singles), "2013-11-01")]
    result = form(births, residences, parent(2, 1))
    assert belonging(result) == {frozenset({1, 2}), frozenset({3}), *(frozenset({person}) for person in singles)}


def test_shared_house_of_rooms_let_one_by_one() -> None:
    births = dict.fromkeys(range(1, 7), "1990-01")
    residences = [spell for person in births for spell in at(5, [person], f"201{person % 4}-0{person}-01")]
    assert belonging(form(births, residences)) == {frozenset({person}) for person in births}


def test_friends_who_moved_in_together_are_a_household() -> None:
    births = dict.fromkeys(range(1, 5), "1990-01")
    result = form(births, at(5, list(births)))
    assert belonging(result) == {frozenset(births)}
    assert result.families["kind"].tolist() == ["adult_only"]


def test_contact_without_address_comes_to_the_child() -> None:
    result = form({1: MUM, 2: KID}, at(5, [2]), parent(2, 1))
    assert belonging(result) == {frozenset({1, 2})}
    assert result.members.set_index("person_id").loc[1, "reason"] == "relationship:parent"


def test_benefit_unit_without_any_address() -> None:
    births = {1: MUM, 2: DAD, 3: KID}
    relationships = [(1, 2, "partner", "dwp"), (1, 3, "child", "dwp")]
    result = form(births, [], relationships)
    assert belonging(result) == {frozenset({1, 2, 3})}
    assert result.families["place_id"].isna().all()


def test_child_with_a_stale_address_follows_its_mother() -> None:
    births = {1: MUM, 2: KID, 3: BABY}
    moved = [
        (1, 5, "2010-06-01", "2013-02-01", "council"),
        *at(6, [1, 3], "2013-02-01"),
        *at(5, [2], partner="schools"),
    ]
    assert belonging(form(births, moved, parent(2, 1) + parent(3, 1))) == {frozenset({1, 2, 3})}


def test_mother_with_a_stale_address_follows_her_child() -> None:
    births = {1: MUM, 2: KID}
    residences = [*at(5, [1]), *at(6, [2], "2013-09-01", "schools")]
    assert belonging(form(births, residences, parent(2, 1))) == {frozenset({1, 2})}


def test_those_who_left_are_not_mixed_with_the_family_that_came() -> None:
    births = {1: MUM, 2: KID, 3: "1982-01", 4: "2003-01"}
    residences = [*at(5, [1, 2], "2008-01-01", "dwp"), *at(5, [3, 4], "2013-02-01")]
    assert belonging(form(births, residences, parent(2, 1) + parent(4, 3))) == {frozenset({1, 2}), frozenset({3, 4})}


def test_an_end_that_one_partner_knows_beats_an_open_spell_of_another() -> None:
    births = {1: MUM, 2: "1960-01", 3: "1961-01"}
    residences = [
        (1, 5, "2012-01-01", "2014-01-31", "council"), (1, 5, "2012-01-01", None, "dwp"),
        (1, 6, "2011-01-01", None, "police"), *at(6, [2, 3], "2011-01-01"),
    ]  # fmt: skip
    assert belonging(form(births, residences)) == {frozenset({1, 2, 3})}


def test_an_address_is_the_place_of_the_uprn_it_is_elsewhere_written_with() -> None:
    rows = spells([*at(5, [1]), *at(90, [2], partner="dwp"), *at(91, [3], partner="dwp"), *at(6, [4]), *at(7, [5])])
    rows["address_id"] = pd.array([90, 90, 91, 91, 91], dtype="Int64")  # 91: an address of two UPRNs
    born = people(dict.fromkeys(range(1, 6), MUM))
    result = form_families(born, rows, ties([]), AS_AT, nobody())
    assert belonging(result) == {frozenset({1, 2}), frozenset({3}), frozenset({4}), frozenset({5})}


def test_two_who_move_in_with_a_third_they_have_no_tie_to_start_anew_whatever_the_order() -> None:
    births = {1: MUM, 2: KID, 3: "1990-01", 4: "1982-01", 5: "2003-01"}
    residences = [*at(5, [1, 2], "2002-04-01"), *at(5, [3, 4, 5], "2010-03-27")]
    assert frozenset({1, 2}) in belonging(form(births, residences, parent(2, 1) + parent(5, 4)))


def test_born_into_a_household_is_no_arrival() -> None:
    births = {1: "1975-06", 2: "1976-04", 3: "1997-09"}
    residences = at(5, [1], "1975-06-18") + at(5, [2], "1976-04-10") + at(5, [3], "1997-09-26")
    assert belonging(form(births, residences, parent(3, 2))) == {frozenset({1, 2, 3})}


def test_children_of_one_mother_are_kept_together_with_her() -> None:
    births = {1: MUM, 2: DAD, 3: KID, 4: "2003-07", 5: "1999-12"}
    residences = [*at(5, [1, 2, 3, 4]), *at(6, [5], "2013-01-01", "schools")]
    assert belonging(form(births, residences, parent(3, 1, 2) + parent(4, 1) + parent(5, 1))) == {
        frozenset({1, 2, 3, 4, 5})
    }


def test_parent_recorded_from_the_wrong_side_is_turned_round_and_reviewed() -> None:
    result = form({1: MUM, 2: KID}, at(5, [2]), [(1, 2, "parent", "council")])
    assert belonging(result) == {frozenset({1, 2})}
    assert result.families[["to_review", "review_reason"]].to_numpy().tolist() == [[True, "parent_younger_than_child"]]


def test_parent_as_young_as_the_child_is_no_parent_and_is_reviewed() -> None:
    births = {1: MUM, 2: "2001-03", 3: "2003-03"}
    result = form(births, at(5, [1, 2, 3]), parent(2, 3) + parent(2, 1))
    assert belonging(result) == {frozenset({1, 2, 3})}
    assert result.families["review_reason"].tolist() == ["parent_of_like_age"]
    elsewhere = form(births, at(5, [1, 2]) + at(6, [3]), parent(2, 3) + parent(2, 1))
    assert associated(elsewhere) == set()


def test_partner_and_parent_of_one_pair_contradict_each_other() -> None:
    births = {1: MUM, 2: "1960-01"}
    relationships = [(1, 2, "partner", "dwp"), (1, 2, "partner", "council"), (1, 2, "parent", "police")]
    result = form(births, at(5, [1]) + at(6, [2]), relationships)
    assert belonging(result) == {frozenset({1, 2})}
    assert result.families["to_review"].tolist() == [True]


def test_nothing_known_is_a_family_of_one() -> None:
    result = form({1: MUM, 2: None})
    assert belonging(result) == {frozenset({1}), frozenset({2})}
    assert result.members["reason"].tolist() == ["alone", "alone"]
    assert (result.members["confidence"] < 0.75).all()
    assert result.members["role"].tolist() == ["adult", "adult"]


def test_birth_not_known_goes_by_ties() -> None:
    result = form({1: None, 2: None}, at(5, [1, 2]), parent(2, 1))
    assert result.members["role"].tolist() == ["adult", "child"]


@pytest.mark.parametrize(("birth", "role"), [("1996-07", "adult"), ("1996-08", "child")])
def test_adult_from_the_month_of_the_18th_birthday(birth: str, role: str) -> None:
    assert form({1: birth}).members["role"].tolist() == [role]


@pytest.mark.parametrize(
    "rows",
    [
        [(2, 1, "parent", "schools")],
        [(1, 2, "child", "schools")],
        [(2, 1, "carer", "schools")],
        [(1, 2, "child", "dwp"), (2, 1, "parent", "schools")],
    ],
)
def test_a_tie_holds_from_whichever_side_it_was_recorded(rows: list[Tie]) -> None:
    assert belonging(form({1: MUM, 2: KID}, at(5, [2]), rows)) == {frozenset({1, 2})}


def test_more_partners_give_more_confidence_and_disagreement_less() -> None:
    def confidence(residences: list[Spell], relationships: list[Tie]) -> float:
        members = form({1: MUM, 2: KID}, residences, relationships).members
        return float(members.loc[members["person_id"] == 1, "confidence"].item())

    one = confidence(at(5, [1, 2]), [])
    two = confidence(at(5, [1, 2]) + at(5, [1], partner="dwp"), [])
    tied = confidence(at(5, [1, 2]), parent(2, 1))
    doubted = confidence(at(5, [1, 2]) + at(6, [1], "2005-01-01", "police"), [])
    assert 0 < doubted < one < two < tied < 1
    assert one == round(1 / (1 + 2**-3.6), 4)


def test_as_at_an_earlier_date_the_earlier_household() -> None:
    births = {1: MUM, 2: DAD, 3: KID}
    residences = [
        (1, 5, "2010-01-01", None, "council"), (3, 5, "2010-01-01", None, "council"),
        (2, 5, "2010-01-01", "2013-05-31", "council"), (2, 6, "2013-06-01", None, "council"),
    ]  # fmt: skip
    relationships = parent(3, 1, 2)
    assert belonging(form(births, residences, relationships, as_at=pd.Timestamp("2013-05-31"))) == {
        frozenset({1, 2, 3})
    }
    assert belonging(form(births, residences, relationships)) == {frozenset({1, 3}), frozenset({2})}


def test_the_reason_says_what_kind_of_record_a_tie_comes_from() -> None:
    births = {1: MUM, 2: DAD, 3: KID}
    rows = ties([(1, 2, "partner", "dwp"), (1, 3, "child", "dwp"), (3, 1, "parent", "schools"), (3, 2, "parent", "x")])
    rows["origin"] = rows["partner"].map({"dwp": "benefit_unit", "schools": "school_contact"})
    result = form_families(people(births), spells(at(5, [1, 3])), rows, AS_AT, nobody())
    assert result.members["reason"].tolist() == [
        "same_residence; benefit_unit:partner",
        "benefit_unit:partner",
        "same_residence; benefit_unit+school_contact:child",
    ]


def test_two_mothers_of_one_child_under_one_roof_are_reviewed_unless_they_are_a_couple() -> None:
    births = {1: MUM, 2: "1979-01", 3: KID}
    mothers = parent(3, 1) + parent(3, 2, partner="dwp")
    assert form(births, at(5, [1, 2, 3]), mothers).families["review_reason"].tolist() == ["two_mothers"]
    couple = form(births, at(5, [1, 2, 3]), [*mothers, (1, 2, "partner", "dwp")])
    assert couple.families["review_reason"].isna().all()
    elsewhere = form(births, at(5, [1, 3]) + at(6, [2]), mothers)
    assert elsewhere.families["review_reason"].isna().all()


def test_thirty_hanging_together_by_ties_are_taken_apart_into_couples_with_children() -> None:
    """A chain of fifteen couples, each tied to the next as brothers, all held at one address."""
    births: dict[int, str | None] = {}
    relationships: list[Tie] = []
    for couple in range(15):
        one, two = 2 * couple + 1, 2 * couple + 2
        births |= {one: "1980-01", two: "1981-01"}
        relationships.append((one, two, "partner", "dwp"))
        if couple:
            relationships.append((one - 2, one, "sibling", "council"))
    births[31], births[32] = KID, "1955-01"
    relationships += [(31, 1, "parent", "schools"), (1, 32, "parent", "council")]
    result = form(births, at(5, list(births)), relationships)
    couples = {frozenset({2 * couple + 1, 2 * couple + 2}) for couple in range(1, 15)}
    assert belonging(result) == {frozenset({1, 2, 31}), frozenset({32}), *couples}
    assert set(result.families["review_reason"]) == {"cut_from_a_crowd"}


def test_a_family_with_many_children_stays_whole_and_is_reviewed() -> None:
    births: dict[int, str | None] = {1: MUM, 2: DAD} | {child: f"{1996 + child // 2}-09" for child in range(3, 16)}
    relationships = [(1, 2, "partner", "dwp")] + [tie for child in range(3, 16) for tie in parent(child, 1, 2)]
    result = form(births, at(5, list(births)), relationships)
    assert belonging(result) == {frozenset(births)}
    assert result.families["review_reason"].tolist() == ["cut_from_a_crowd, too_many_members"]


def test_who_is_put_together_from_records_of_different_ages_is_reviewed() -> None:
    persons = people({1: MUM, 2: DAD}).assign(birth_months_apart=[0, 24])
    result = form_families(persons, spells(at(5, [1]) + at(6, [2])), ties([]), AS_AT, nobody())
    assert result.families["review_reason"].tolist() == [None, "person_of_different_ages"]


def test_children_without_any_adult_are_reviewed() -> None:
    assert form({1: KID}, at(5, [1])).families["review_reason"].tolist() == ["child_without_adult"]
