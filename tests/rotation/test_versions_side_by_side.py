"""A new linkage key in the middle of thirty nights: no link is lost, and nothing is compared across versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.link import Encodings
from pipeline.link.block import Versions
from pipeline.link.versions import identifiers_of, versions_of
from pipeline.link.walk import scan, values_of
from pipeline.records import LinkResult
from tests.link.test_state import MODEL, linked, only, partial, same
from tests.link.town import PARTNERS, Town
from tests.rotation.town import EMPTIED, NEW, OLD, Keyed, keyed

NIGHTS = 30
MOVES = {8: "council", 11: "schools", 13: "police", 17: "dwp"}  # a night, and who delivers under the new key on it
QUIET = {7, 8, 9, 13, 14, 17, 18, 24}  # nights on which nobody's data change
LATER_MOVES = set(MOVES) - {min(MOVES)}
ALL_OLD = dict.fromkeys(PARTNERS, OLD)


@settings(max_examples=5, deadline=None)
@given(under=st.lists(st.sampled_from([EMPTIED, OLD, NEW]), min_size=len(PARTNERS), max_size=len(PARTNERS)))
def test_no_candidate_pair_is_of_two_versions(under: list[int]) -> None:
    """Also where both keys give the same tokens: not their bytes keep versions apart."""
    one = keyed(40, 5, "")
    tonight = one.night(dict(zip(PARTNERS, under, strict=True)))
    versions = versions_of(tonight.records)
    assert set(versions) == set(under)
    found = candidates(tonight)
    assert all(versions[a] == versions[b] != EMPTIED for a, b in found)
    linked_alone = linked(tonight, MODEL).state.pairs
    version = tonight.records.set_index("record_id")["key_version"]
    assert (linked_alone["record_a"].map(version) == linked_alone["record_b"].map(version)).all()
    alike = pairs_within(tonight, versions)
    assert found == {pair for pair in candidates(replace(tonight, records=one.old.records)) if pair in alike}


def candidates(town: Town) -> set[tuple[int, int]]:
    records = town.records.sort_values("record_id", ignore_index=True)
    encodings = Encodings.from_arrow(town.encodings)
    versions = versions_of(records)
    encodings = encodings.under(Versions(records["record_id"].to_numpy(), versions))
    values = values_of(records, encodings, MODEL)
    return {
        (a, b)
        for held in encodings.passes.values()
        for chunk in scan(held, values, MODEL)
        for a, b in zip(chunk.position_a.tolist(), chunk.position_b.tolist(), strict=True)
    }


def pairs_within(town: Town, versions: np.ndarray) -> set[tuple[int, int]]:
    return {pair for version in (OLD, NEW) for pair in combinations(np.flatnonzero(versions == version).tolist(), 2)}


def test_thirty_nights_with_a_new_key_in_the_middle() -> None:
    """Beside a hub that never changes its key: every link between records that stay as they are holds; ids stay on the
    nights around, and over the whole change those of everybody whose data have not changed; and when everybody has
    delivered under the new key the result is that of linking from scratch."""
    random = np.random.default_rng(30)
    under, highest = dict(ALL_OLD), 0
    night: LinkResult | None = None
    beside: LinkResult | None = None
    told, history, mended = [], [], set()
    compared = range(min(MOVES), max(MOVES) + 2)  # nights on which the two hubs are set beside each other
    for number, today in enumerate(days(random)):
        if number in MOVES:
            under[MOVES[number]] = NEW
        tonight = today.night(under)
        scratch = number == max(MOVES)  # as the hub does when one version stands again
        now = follow(tonight, None if scratch else night, night, highest)
        reference = follow(today.night(ALL_OLD), beside, beside, highest) if number in compared else now
        if night is not None and beside is not None:
            nothing_compared_across(now, night, tonight)
            mended |= changed(history[-1][0], today) if number > min(MOVES) else set()
            if number in compared:
                assert not lost(night, now, reference, mended)
            if number in QUIET and number not in LATER_MOVES:  # then those are compared who have waited
                assert now.ledger.empty
                pd.testing.assert_frame_equal(now.persons, night.persons)
        told.append(now.parameters.get("key_versions"))
        history.append((today, ids(now), ids(reference)))
        highest = max(highest, int(now.persons["person_id"].max()), int(reference.persons["person_id"].max()))
        night, beside = now, reference
        if number > max(MOVES):
            assert set(now.state.pairs["key_version"]) == {NEW}
            assert set(now.state.prints["key_version"]) == {NEW}
        if scratch:
            partition_is_the_same(now, linked(tonight, MODEL))
    kept_their_ids(history[min(MOVES) - 1 : max(MOVES) + 2])
    window = range(min(MOVES), max(MOVES))
    assert [number for number, one in enumerate(told) if one] == [*window]
    assert all(one["carried_links"] > 50 for one in told[window.start : window.stop])


def ids(result: LinkResult) -> pd.Series:
    return result.persons.set_index("record_id")["person_id"]


def kept_their_ids(history: list[tuple[Keyed, pd.Series, pd.Series]]) -> None:
    """Records that were there all the time with unchanged data have their id, but for those whose id changes at a hub
    that does not change its key, too."""
    days_of = [today.old.records.set_index("record_id") for today, _, _ in history]
    stable = days_of[0]
    for records in days_of[1:]:
        both = stable.index.intersection(records.index)
        stable = stable.loc[both][(stable.loc[both].fillna("") == records.loc[both].fillna("")).all(axis=1)]
    (_, first, first_beside), (_, last, last_beside) = history[0], history[-1]
    everywhere = stable.index[first_beside[stable.index] == last_beside[stable.index]]
    assert len(everywhere) > 100
    pd.testing.assert_series_equal(first[everywhere], last[everywhere])


def days(random: np.random.Generator) -> Iterator[Keyed]:
    town, other = keyed(130, 4), keyed(130, 9)
    size = len(town.old.records)
    present = random.random(size) > 0.05
    today = town.changed(other, np.zeros(size, dtype=bool), present)
    for number in range(NIGHTS):
        if number not in QUIET:
            mend = random.random(size) < 0.02
            present = random.random(size) > 0.03
            today = town.changed(other, mend, present)
        yield today


def follow(tonight: Town, state: LinkResult | None, before: LinkResult | None, highest: int) -> LinkResult:
    if before is None:
        return linked(tonight, MODEL)
    kept = {} if state is None else {"state": state.state}
    return linked(tonight, MODEL, before.persons, first_new_id=highest + 1, **kept)


def nothing_compared_across(now: LinkResult, before: LinkResult, tonight: Town) -> None:
    """A pair is of one version, under which it was compared; or it stood the night before, just so."""
    version = tonight.records.set_index("record_id")["key_version"]
    pairs = now.state.pairs
    a, b = pairs["record_a"].map(version), pairs["record_b"].map(version)
    assert (pairs["key_version"][a == b] == a[a == b]).all()
    carried = pairs[a != b]
    assert len(carried.merge(before.state.pairs, on=list(pairs.columns))) == len(carried)


def lost(before: LinkResult, now: LinkResult, beside: LinkResult, mended: set[int]) -> int:
    """Links of the night before whose two records are one person no more, where a hub that did not change its key keeps
    them one. Not of persons with a record that was mended meanwhile: its links to other versions stand as they were."""
    matches = before.pairs[before.pairs["decision"] == "match"]
    person = ids(before)
    touched = set(person[person.index.isin(mended)])
    of_stable = matches[~matches["record_a"].map(person).isin(touched)]
    were = set(zip(of_stable["record_a"], of_stable["record_b"], strict=True))
    assert len(were) > 60
    return len((were & set(together(beside))) - set(together(now)))


def changed(yesterday: Keyed, today: Keyed) -> set[int]:
    """Records with other data than the day before."""
    before, after = (one.old.records.set_index("record_id").fillna("") for one in (yesterday, today))
    both = before.index.intersection(after.index)
    return set(both[(before.loc[both] != after.loc[both]).any(axis=1)])


def together(result: LinkResult) -> Iterator[tuple[int, int]]:
    for _, records in result.persons.groupby("person_id")["record_id"]:
        yield from combinations(sorted(records.tolist()), 2)


def partition_is_the_same(one: LinkResult, other: LinkResult) -> None:
    assert set(together(one)) == set(together(other))


def test_a_compromised_key_is_emptied_at_once_and_everything_is_carried() -> None:
    town = keyed(130, 4)
    before = linked(town.night(ALL_OLD), MODEL)
    emptied = linked(town.night(dict.fromkeys(PARTNERS, EMPTIED)), MODEL, before.persons, state=before.state)
    pd.testing.assert_frame_equal(emptied.persons, before.persons)
    pd.testing.assert_frame_equal(emptied.pairs, before.pairs)
    assert emptied.blocking.empty or not emptied.blocking["candidate_pairs"].sum()
    some = town.night(dict.fromkeys(PARTNERS, EMPTIED) | {"dwp": NEW, "council": NEW})
    now = linked(some, MODEL, emptied.persons, state=emptied.state)
    pd.testing.assert_frame_equal(now.persons, before.persons)
    assert now.parameters["key_versions"]["records"].keys() == {"0", "2"}
    everybody = town.night(dict.fromkeys(PARTNERS, NEW))
    partition_is_the_same(linked(everybody, MODEL, now.persons), before)


@pytest.mark.parametrize("partner", PARTNERS)
def test_comparing_what_changed_gives_what_comparing_all_gives_while_versions_differ(partner: str) -> None:
    town = keyed(130, 4)
    before = linked(town.night(ALL_OLD), MODEL)
    mixed = town.night(ALL_OLD | {partner: NEW})
    first = linked(mixed, MODEL, before.persons, state=before.state)
    fewer = only(mixed, np.arange(len(mixed.records)) % 29 > 0)
    nothing_known = replace(first.state, prints=first.state.prints.iloc[:0])
    some = linked(fewer, MODEL, first.persons, state=first.state)
    whole = linked(fewer, MODEL, first.persons, state=nothing_known)
    same(some, whole)
    least = partial(fewer, first, MODEL)
    assert least.partial
    same(linked(fewer, MODEL, first.persons, state=first.state, encodings=least), whole)
    quiet = linked(fewer, MODEL, some.persons, state=some.state, encodings=partial(fewer, some, MODEL))
    pd.testing.assert_frame_equal(quiet.pairs, some.pairs)
    assert quiet.ledger.empty


def test_two_values_of_an_identifier_under_two_keys_are_no_contradiction() -> None:
    records = pd.DataFrame({"record_id": [3, 5, 8, 9], "nino": [4, 6, -1, 6], "key_version": [OLD, NEW, NEW, EMPTIED]})
    held = identifiers_of(records, ["nino"])
    assert held.to_dict("list") == {
        "record_id": [3, 5, 8, 9],
        "nino under key 1": [4, -1, -1, -1],
        "nino under key 2": [-1, 6, -1, -1],
    }
    alone = records.iloc[1:3]
    assert identifiers_of(alone, ["nino"]).to_dict("list") == {"record_id": [5, 8], "nino": [6, -1]}
