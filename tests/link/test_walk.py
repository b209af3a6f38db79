"""The compiled walk gives every pair the pattern that the plain comparisons give it, counted or kept, and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contracts import LinkModel, load_link_model
from pipeline.levels import Comparable, History, comparison_levels
from pipeline.link.block import Encodings
from pipeline.link.compare import Patterns
from pipeline.link.walk import Values, count_patterns, keep_pairs, scan


def with_histories(model: LinkModel) -> LinkModel:
    """The model with a level for homes of before, whatever the declared one says."""
    residence = next(c for c in model.comparisons if c.name == "residence")
    level = replace(residence.levels[0], name="ever", history=True)
    levels = (residence.levels[0], level, *[x for x in residence.levels[1:] if not x.history])
    changed = tuple(replace(c, levels=levels) if c is residence else c for c in model.comparisons)
    return replace(model, comparisons=changed, histories={"uprn": ("home_birth",), "address": ("address_birth",)})


@pytest.fixture(scope="module")
def model() -> LinkModel:
    return with_histories(load_link_model(Path(__file__).parents[2] / "schemas"))


def near(random: np.random.Generator, rows: int) -> np.ndarray:
    """Names some of which are alike, equal, or missing."""
    base = random.random((rows, 512)) < 0.5
    like = base[random.integers(0, rows, rows)] ^ (
        random.random((rows, 512)) < random.choice([0, 0.2, 0.35], (rows, 1))
    )
    chosen = np.where(random.random((rows, 1)) < 0.6, like, base)
    chosen[random.random(rows) < 0.1] = False
    return np.packbits(chosen, axis=1)


def history_of(random: np.random.Generator, rows: int) -> History:
    values = [np.unique(random.integers(0, 9, random.integers(0, 4))) for _ in range(rows)]
    starts = np.concatenate([[0], np.cumsum([len(v) for v in values])]).astype(np.int64)
    return History(starts, np.concatenate([*values, np.zeros(0)]).astype(np.int64))


def made_up(seed: int, model: LinkModel, rows: int = 40) -> tuple[Encodings, Values, Comparable]:
    """One pass of records with random values, and the same as plain arrays per record."""
    random = np.random.default_rng(seed)
    names = near(random, rows), near(random, rows)
    crossed = random.random(rows) < 0.2
    names[0][crossed], names[1][crossed] = names[1][crossed].copy(), names[0][crossed].copy()
    dates = random.integers(1, 4, (rows, 3)).astype("<u2")
    dates[random.random(rows) < 0.15] = 0
    record_id = np.sort(random.choice(1000, rows, replace=False)).astype(np.int64)
    table = pa.table(
        {
            "record_id": record_id,
            "pass": ["p"] * rows,
            "block": pa.array([bytes([b]) * 16 for b in random.integers(0, 6, rows)], type=pa.binary(16)),
            **{
                name: pa.array([x.tobytes() if x.any() else None for x in held], type=pa.binary(64))
                for name, held in zip(("forename", "surname"), names, strict=True)
            },
            "date_parts": pa.array([x.tobytes() if x.any() else None for x in dates], type=pa.binary(6)),
        }
    )
    columns = {column for c in model.comparisons for column in c.columns}
    codes = {column: random.integers(-1, 5, rows) for column in sorted(columns)}
    values = Values(record_id, codes, {"uprn": history_of(random, rows), "address": history_of(random, rows)})
    plain = Comparable(
        names={name: held.view(np.uint64) for name, held in zip(("forename", "surname"), names, strict=True)},
        date_parts=dates,
        codes=codes,
        histories=values.histories,
    )
    return Encodings.from_arrow(table.take(pa.array(random.permutation(rows)))), values, plain


def expected(held: Encodings, values: Values, plain: Comparable, model: LinkModel) -> pd.DataFrame:
    """Every pair of a block with its pattern, by the plain functions: columns a, b, pattern."""
    one = held.passes["p"]
    where = np.searchsorted(values.record_ids, one.record_id)
    block = np.repeat(np.arange(len(one.sizes)), one.sizes)
    a, b = np.triu_indices(len(where), k=1)
    same = block[a] == block[b]
    a, b = where[a[same]], where[b[same]]
    a, b = np.minimum(a, b), np.maximum(a, b)
    levels = [comparison_levels(comparison, plain, a, b) for comparison in model.comparisons]
    pattern = Patterns(model.comparisons).encode(levels) if len(a) else np.zeros(0, dtype=np.int64)
    return pd.DataFrame({"a": a, "b": b, "pattern": pattern}).sort_values(["a", "b"], ignore_index=True)


def found(chunks: object) -> pd.DataFrame:
    parts = [pd.DataFrame({"a": c.position_a, "b": c.position_b, "pattern": c.pattern}) for c in chunks]
    none = pd.DataFrame({"a": [], "b": [], "pattern": []}, dtype="int64")
    return pd.concat([none, *parts]).sort_values(["a", "b"], ignore_index=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), pairs_per_chunk=st.sampled_from([1, 60, 10_000]))
def test_patterns_are_those_of_the_plain_comparisons(seed: int, pairs_per_chunk: int) -> None:
    model = with_histories(load_link_model(Path(__file__).parents[2] / "schemas"))
    held, values, plain = made_up(seed, model)
    wanted = expected(held, values, plain, model)
    pd.testing.assert_frame_equal(found(scan(held.passes["p"], values, model, pairs_per_chunk)), wanted)
    counts = count_patterns(held.passes["p"], values, model, pairs_per_chunk)
    assert (counts == np.bincount(wanted["pattern"], minlength=len(counts))).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1), changed=st.booleans())
def test_no_pair_is_lost_by_stopping_early(seed: int, share: float, changed: bool) -> None:
    model = with_histories(load_link_model(Path(__file__).parents[2] / "schemas"))
    held, values, plain = made_up(seed, model)
    wanted = expected(held, values, plain, model)
    random = np.random.default_rng(seed)
    kept = np.zeros(Patterns(model.comparisons).number, dtype=np.bool_)
    kept[wanted["pattern"][random.random(len(wanted)) < share]] = True
    moved = random.random(len(values.record_ids)) < 0.3 if changed else None
    wanted = wanted[kept[wanted["pattern"]]]
    if moved is not None:
        wanted = wanted[moved[wanted["a"]] | moved[wanted["b"]]]
    some = found(keep_pairs(held.passes["p"], values, model, kept, moved))
    pd.testing.assert_frame_equal(some, wanted.reset_index(drop=True))


def test_large_blocks_and_records_that_are_not_there_are_left_out(model: LinkModel) -> None:
    held, values, plain = made_up(3, model)
    sizes = held.passes["p"].sizes
    small = replace(model, largest_block=int(sizes.max()) - 1)
    assert len(found(scan(held.passes["p"], values, small))) == int(
        (sizes * (sizes - 1) // 2)[sizes < sizes.max()].sum()
    )
    fewer = Values(values.record_ids[1:], {k: v[1:] for k, v in values.codes.items()})
    without = replace(model, histories={})
    wanted = expected(held, values, replace(plain, histories={}), without).query("a > 0")
    assert len(found(scan(held.passes["p"], fewer, without))) == len(wanted)
