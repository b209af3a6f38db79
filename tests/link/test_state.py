"""Comparing only what changed gives what comparing everything gives; thirty nights, every merge and split told."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contracts import LinkModel, load_link_model
from pipeline.link import Encodings, Fitted, link_persons
from pipeline.records import LinkResult
from tests.link.town import Town, make_town

NOBODY = pd.DataFrame({"record_id": pd.Series(dtype="int64"), "person_id": pd.Series(dtype="int64")})
MODEL = load_link_model(Path(__file__).parents[2] / "schemas")


def with_prints(town: Town) -> Town:
    """A fingerprint per record: the sum of hashes of all that is known of it."""
    prints = dict.fromkeys(town.records["record_id"].tolist(), 0)

    def add(record: int, *parts: object) -> None:
        if record in prints:
            number = int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest())
            prints[record] = (prints[record] + number) % 2**63

    for row in town.records.itertuples(index=False):
        add(row.record_id, *row)
    for row in town.encodings.to_pylist():
        add(row["record_id"], *row.values())
    return replace(town, records=town.records.assign(fingerprint=pd.Series(prints).to_numpy(dtype=np.int64)))


def only(town: Town, kept: np.ndarray) -> Town:
    """The town with some of its records."""
    records = town.records[kept]
    rows = pc.is_in(town.encodings["record_id"], value_set=pa.array(records["record_id"]))
    return replace(town, records=records, encodings=town.encodings.filter(rows), truth=town.truth[kept])


def mended(town: Town, other: Town, chosen: np.ndarray) -> Town:
    """The town with what is known of some records taken from another town's record in the same place."""
    take = np.minimum(np.flatnonzero(chosen), len(other.records) - 1)
    ids = town.records["record_id"].to_numpy()[chosen]
    theirs = other.records.iloc[take].assign(record_id=ids)
    records = pd.concat([town.records[~chosen], theirs]).sort_values("record_id")
    stay = pc.invert(pc.is_in(town.encodings["record_id"], value_set=pa.array(ids)))
    new_id = dict(zip(other.records["record_id"].to_numpy()[take].tolist(), ids.tolist(), strict=True))
    moved = other.encodings.filter(
        pc.is_in(other.encodings["record_id"], value_set=pa.array(list(new_id), type=pa.int64()))
    )
    moved = moved.set_column(
        0, "record_id", pa.array([new_id[r] for r in moved["record_id"].to_pylist()], type=pa.int64())
    )
    table = pa.concat_tables([town.encodings.filter(stay), moved])
    return replace(town, records=records.reset_index(drop=True), encodings=table)


def linked(town: Town, model: LinkModel, previous: pd.DataFrame = NOBODY, **options: object) -> LinkResult:
    encodings = options.pop("encodings", None) or Encodings.from_arrow(town.encodings)
    return link_persons(town.records, encodings, model, town.chance, previous, **options)


def same(one: LinkResult, other: LinkResult) -> None:
    pd.testing.assert_frame_equal(one.pairs, other.pairs)
    pd.testing.assert_frame_equal(one.persons, other.persons)
    pd.testing.assert_frame_equal(one.ledger, other.ledger)
    pd.testing.assert_frame_equal(one.state.pairs, other.state.pairs)
    assert one.parameters == other.parameters
    assert one.state.oversized == other.state.oversized


def partial(town: Town, before: LinkResult, model: LinkModel) -> Encodings:
    """What a store need give: whole blocks of what changed or crossed the largest size, homes, blocks left out."""
    table = town.encodings
    known = before.state.prints.set_index("record_id")["fingerprint"]
    tonight = town.records.set_index("record_id")["fingerprint"]
    changed = tonight.index[known.reindex(tonight.index).ne(tonight)]
    whole = Encodings.from_arrow(table)
    left_out = whole.oversized(model.largest_block)
    keys = [
        f"{name}{block.hex()}" for name, block in zip(*(table[c].to_pylist() for c in ("pass", "block")), strict=True)
    ]
    crossed = {
        f"{name}{token.hex()}"
        for name in whole.passes
        for token in left_out.get(name, frozenset()) ^ before.state.oversized.get(name, frozenset())
    }
    members = {r for r, key in zip(table["record_id"].to_pylist(), keys, strict=True) if key in crossed}
    members |= set(changed.tolist())
    touched = {key for r, key in zip(table["record_id"].to_pylist(), keys, strict=True) if r in members}
    homes = table.filter(pc.is_in(table["pass"], value_set=pa.array(sorted(model.history_passes))))
    rows = table.filter(pa.array([key in touched for key in keys]))
    return Encodings.from_arrow(rows, homes.select(["record_id", "pass", "block"]), left_out)


@cache
def towns() -> tuple[Town, Town]:
    return with_prints(make_town(250, seed=4)), with_prints(make_town(250, seed=9))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 0.4), largest_block=st.sampled_from([4, 6, 2000]))
def test_comparing_what_changed_gives_what_comparing_all_gives(seed: int, share: float, largest_block: int) -> None:
    """Some records new, some gone, some mended; blocks that cross the largest size; twice in a row; all or only the
    blocks that are needed."""
    model = replace(MODEL, largest_block=largest_block)
    random = np.random.default_rng(seed)
    town, other = towns()
    night = linked(only(town, random.random(len(town.records)) > share), model)
    for _ in range(2):
        tonight = mended(town, other, random.random(len(town.records)) < share)
        tonight = only(tonight, random.random(len(town.records)) > share)
        tonight = with_prints(tonight)
        whole = linked(tonight, model, night.persons, known=night.state.fitted)
        some = linked(tonight, model, night.persons, state=night.state)
        same(some, whole)
        least = partial(tonight, night, model)
        assert least.partial
        same(linked(tonight, model, night.persons, state=night.state, encodings=least), whole)
        night = some


def test_a_larger_town_with_one_percent_changed() -> None:
    town = with_prints(make_town(2000, seed=12))
    random = np.random.default_rng(1)
    early = random.random(len(town.records)) > 0.01
    first = linked(only(town, early), MODEL)
    some = linked(town, MODEL, first.persons, state=first.state)
    same(some, linked(town, MODEL, first.persons, known=first.state.fitted))
    assert not some.parameters["drift"]["refit"]


def test_a_fit_is_the_same_when_read_back() -> None:
    town = towns()[0]
    first = linked(town, MODEL)
    again = Fitted.from_json(first.state.fitted.to_json())
    same(linked(town, MODEL, known=again), linked(town, MODEL, known=first.state.fitted))
    same(linked(town, MODEL, known=again), first)


def test_a_state_of_another_model_is_not_used() -> None:
    town = towns()[0]
    first = linked(town, MODEL)
    other = replace(MODEL, match_threshold=0.9)
    same(linked(town, other, state=first.state), linked(town, other))


def test_many_more_records_ask_for_a_full_build() -> None:
    town = towns()[0]
    half = np.arange(len(town.records)) % 2 == 0
    first = linked(only(town, half), MODEL)
    assert linked(town, MODEL, state=first.state).parameters["drift"]["refit"]
    assert not linked(only(town, half), MODEL, state=first.state).parameters["drift"]["refit"]


def test_thirty_nights_each_change_of_an_id_is_in_the_ledger() -> None:
    """Records come, go and are mended; nights on which nothing happens change nothing."""
    random = np.random.default_rng(6)
    town, other = towns()
    tonight = with_prints(only(town, random.random(len(town.records)) > 0.05))
    night = linked(tonight, MODEL)
    highest = int(night.persons["person_id"].max())
    for number in range(30):
        if number % 5:
            tonight = mended(town, other, random.random(len(town.records)) < 0.03)
            tonight = with_prints(only(tonight, random.random(len(town.records)) > 0.03))
        now = linked(tonight, MODEL, night.persons, state=night.state, first_new_id=highest + 1)
        both = night.persons.merge(now.persons, on="record_id", suffixes=("_old", "_new"))
        moved = both.query("person_id_old != person_id_new")
        told = now.ledger.dropna()
        assert set(zip(moved["person_id_old"], moved["person_id_new"], strict=True)) == set(
            zip(told["old_id"], told["new_id"], strict=True)
        )
        assert set(told["change"]) <= {"merge", "split"}
        before, after = set(night.persons["person_id"]), set(now.persons["person_id"])
        ledger = now.ledger
        assert set(ledger.query("change == 'new'")["new_id"]) | set(told["new_id"]) >= after - before
        assert set(ledger.query("change == 'retired'")["old_id"]) | set(told["old_id"]) >= before - after
        if number and not number % 5:
            assert ledger.empty
            assert moved.empty
        highest = max(highest, *after)
        night = now
