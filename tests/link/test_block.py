"""Candidate pairs and levels are those of recordlinkage's own classes, got faster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import recordlinkage
from hypothesis import given, settings
from hypothesis import strategies as st
from recordlinkage.index import Block

from pipeline.contracts import load_link_model
from pipeline.levels import Comparable
from pipeline.link.block import BlockToken, Encodings, chunks
from pipeline.link.compare import AgreementLevel, CompareEncoded
from tests.link.town import make_town


@settings(max_examples=40, deadline=None)
@given(blocks=st.lists(st.integers(0, 6), max_size=30))
def test_pairs_are_those_of_recordlinkages_block(blocks: list[int]) -> None:
    frame = pd.DataFrame({"block": np.sort(np.array(blocks, dtype=np.int64))}, index=np.arange(len(blocks)) * 7 + 1)
    ours = BlockToken().index(frame)
    theirs = Block("block").index(frame)
    assert len(ours) == len(theirs)
    assert set(ours) == set(theirs)


def test_comparing_without_gathering_frames_gives_what_recordlinkage_gives() -> None:
    model = load_link_model(Path(__file__).parents[2] / "schemas")
    random = np.random.default_rng(8)
    names = np.packbits(random.random((60, 512)) < 0.5, axis=1).view(np.uint64)
    codes = {c: random.integers(-1, 4, 60) for comparison in model.comparisons for c in comparison.columns}
    data = Comparable(
        names={"forename": names, "surname": names[::-1].copy()},
        date_parts=random.integers(1, 4, (60, 3)).astype(np.uint16),
        codes=codes,
    )
    frame = pd.DataFrame({"row": np.arange(60), "block": np.sort(random.integers(0, 9, 60))})
    pairs = BlockToken().index(frame)
    features = [AgreementLevel(comparison, data) for comparison in model.comparisons]
    ours = CompareEncoded(features).compute(pairs, frame)
    theirs = recordlinkage.Compare(features).compute(pairs, frame)
    pd.testing.assert_frame_equal(ours, theirs)


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(2, 30), max_size=40), pairs_per_chunk=st.integers(1, 500))
def test_every_block_is_in_one_chunk(sizes: list[int], pairs_per_chunk: int) -> None:
    runs = list(chunks(np.array(sizes, dtype=np.int64), pairs_per_chunk))
    assert [block for first, end in runs for block in range(first, end)] == list(range(len(sizes)))


def test_history_is_every_block_a_record_is_in() -> None:
    town = make_town(60, seed=1)
    table = town.encodings
    rows = table.filter(pc.equal(table["pass"], "home_birth"))
    moved = rows.slice(0, 3).set_column(
        rows.schema.get_field_index("block"), "block", pa.array([b"x" * 16] * 3, type=pa.binary(16))
    )
    ids = town.records["record_id"].to_numpy()
    history = Encodings.from_arrow(pa.concat_tables([table, moved])).histories({"uprn": ("home_birth",)}, ids)["uprn"]
    number = np.diff(history.starts)
    held = np.isin(ids, rows["record_id"].to_numpy())
    twice = np.isin(ids, moved["record_id"].to_numpy())
    assert (number == held.astype(int) + twice).all()
    shared = [set(history.values[history.starts[i] : history.starts[i + 1]]) for i in np.flatnonzero(twice)]
    assert set.intersection(*shared)


def test_a_record_twice_in_a_block_is_one() -> None:
    town = make_town(60, seed=1)
    twice = Encodings.from_arrow(town.encodings.take(list(range(town.encodings.num_rows)) * 2))
    once = Encodings.from_arrow(town.encodings)
    for name, held in once.passes.items():
        assert (twice.passes[name].record_id == held.record_id).all()
        assert (twice.passes[name].starts == held.starts).all()
