"""Candidate pairs: within each blocking pass, records that carry the same block token.

Nothing here compares or judges. Blocks beyond the model's largest size are left out and counted, never silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray
from recordlinkage.base import BaseIndexAlgorithm

from pipeline.levels import Comparable, History, Index, unpack_date_parts, unpack_names, unpack_words
from pipeline.link.versions import EMPTIED

PAIRS_PER_CHUNK = 1_000_000
KEY_COLUMNS = ("record_id", "pass", "block", "date_parts")  # every other column of encodings is a name


@dataclass(frozen=True)
class PassEncodings:
    """One pass: which records are in which block, and where their encodings stand.

    `holder` and `block` have an entry per row of the pass, in order of block and record: whose row it is, and the
    block's number. `record_id` and `encoded()` are of the rows that share their block with another record; block b of
    those holds rows starts[b] … starts[b + 1] - 1. `blocks` counts all block values, those of one record too.
    """

    name: str
    holder: NDArray[np.int64]
    block: NDArray[np.int32]
    record_id: NDArray[np.int64]
    starts: NDArray[np.int64]
    blocks: int
    rows: NDArray[np.int64]
    table: pa.Table

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    def encoded(self) -> Comparable:
        """Names and date parts of the rows that share their block, unpacked anew at every call."""
        names = [name for name in self.table.column_names if name not in KEY_COLUMNS]
        everything = len(self.rows) == self.table.num_rows and bool((np.diff(self.rows) == 1).all())
        table = self.table if everything else self.table.take(pa.array(self.rows))
        return Comparable(
            names={name: unpack_names(table[name]) for name in names},
            date_parts=unpack_date_parts(table["date_parts"]),
        )

    def large(self, largest_block: int) -> frozenset[bytes]:
        """The tokens of the blocks beyond a size."""
        first = self.starts[:-1][self.sizes > largest_block]
        return frozenset(self.table["block"].take(pa.array(self.rows[first])).to_pylist())

    def members_of(self, tokens: frozenset[bytes]) -> NDArray[np.int64]:
        """The ids of the records in the blocks of these tokens."""
        wanted = pa.array(sorted(tokens), type=self.table["block"].type)
        rows = pc.is_in(self.table["block"].take(pa.array(self.rows)), value_set=wanted)
        return self.record_id[np.asarray(rows.to_numpy(), dtype=np.bool_)]

    def history(self, record_ids: NDArray[np.int64]) -> History:
        """All the blocks of each record, in the order of the sorted `record_ids`, as numbers of blocks."""
        place, known = positions(self.holder, record_ids)
        place, block = place[known], self.block[known]
        order = np.lexsort((block, place))
        counts = np.bincount(place, minlength=len(record_ids))
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return History(starts, block[order].astype(np.int64))


@dataclass(frozen=True)
class Encodings:
    """The encodings of all records by blocking pass (see `from_arrow`).

    On a night that compares only what changed they may be partial: the whole blocks that a changed record is in. Then
    `homes` has every record's rows of the passes that histories are made of, and `left_out` the tokens, per pass, of
    all blocks beyond the largest size.
    """

    passes: Mapping[str, PassEncodings]
    homes: Mapping[str, PassEncodings] | None = None
    left_out: Mapping[str, frozenset[bytes]] | None = None

    @classmethod
    def from_arrow(
        cls, table: pa.Table, homes: pa.Table | None = None, left_out: Mapping[str, frozenset[bytes]] | None = None
    ) -> Encodings:
        """From one row per record, pass and block value: record_id, pass, block (16 bytes), date_parts (6 bytes, null =
        missing) and the names (null = missing). The order of the rows does not matter. `homes`: record_id, pass
        and block, where the table is partial."""
        return cls(_by_pass(table), None if homes is None else _by_pass(homes), left_out)

    def under(self, versions: Versions) -> Encodings:
        """The same with blocks of one version of the key each, whatever their tokens: `versions` has the version of
        each record. What is of a record without a version is left out."""

        def parted(passes: Mapping[str, PassEncodings]) -> dict[str, PassEncodings]:
            return {name: _pass_encodings(held.table, name, versions) for name, held in passes.items()}

        return replace(self, passes=parted(self.passes), homes=None if self.homes is None else parted(self.homes))

    @property
    def partial(self) -> bool:
        return self.homes is not None

    def oversized(self, largest_block: int) -> dict[str, frozenset[bytes]]:
        """Per pass the tokens of the blocks beyond the largest size; passes without any are not named."""
        if self.left_out is not None:
            return {name: tokens for name, tokens in self.left_out.items() if tokens}
        found = {name: held.large(largest_block) for name, held in self.passes.items()}
        return {name: tokens for name, tokens in found.items() if tokens}

    def histories(self, columns: Mapping[str, tuple[str, ...]], record_ids: NDArray[np.int64]) -> dict[str, History]:
        """Per column, all that is known of each record's values: its blocks in the passes that are named for it."""
        held = self.passes if self.homes is None else self.homes
        return {
            column: _joined([held[name].history(record_ids) for name in names if name in held], len(record_ids))
            for column, names in columns.items()
        }


def _joined(histories: list[History], records: int) -> History:
    """One history of several; values of one are never those of another."""
    if len(histories) == 1:
        return histories[0]
    rows, values, above = [], [], 0
    for held in histories:
        rows.append(np.repeat(np.arange(records), np.diff(held.starts)))
        values.append(held.values + above)
        above += int(held.values.max(initial=-1)) + 1
    row = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
    value = np.concatenate([np.zeros(0, dtype=np.int64), *values])
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=records))]).astype(np.int64)
    return History(starts, value[np.lexsort((value, row))])


def _by_pass(table: pa.Table) -> dict[str, PassEncodings]:
    names = pc.unique(table["pass"].cast(pa.string())).to_pylist()
    return {name: _pass_encodings(table, name) for name in sorted(names)}


def _pass_encodings(table: pa.Table, name: str, versions: Versions | None = None) -> PassEncodings:
    is_pass = pc.equal(table["pass"].cast(pa.string()), name)
    where = np.flatnonzero(is_pass.to_numpy(zero_copy_only=False))
    keys = table.select(["record_id", "block"])
    keys = keys if len(where) == table.num_rows else keys.take(pa.array(where))
    record_id = keys["record_id"].to_numpy().astype(np.int64, copy=False)
    block = unpack_words(keys["block"], np.uint64)
    if versions is not None:
        version = versions.of(record_id)
        standing = version != EMPTIED
        where, record_id = where[standing], record_id[standing]
        block = np.column_stack([version.astype(np.uint64), block])[standing]
    order = np.lexsort((record_id, *block.T[::-1]))
    record_id, block = record_id[order], block[order]
    new_block = np.ones(len(order), dtype=np.bool_)
    new_block[1:] = (block[1:] != block[:-1]).any(axis=1)
    twice = np.zeros(len(order), dtype=np.bool_)
    twice[1:] = ~new_block[1:] & (record_id[1:] == record_id[:-1])
    order, record_id, number = order[~twice], record_id[~twice], (np.cumsum(new_block) - 1)[~twice]
    sizes = np.bincount(number)
    shared = sizes[number] > 1
    return PassEncodings(
        name=name,
        holder=record_id,
        block=number.astype(np.int32),
        record_id=record_id[shared],
        starts=np.concatenate([[0], np.cumsum(sizes[sizes > 1])]).astype(np.int64),
        blocks=len(sizes),
        rows=where[order[shared]],
        table=table,
    )


@dataclass(frozen=True)
class Versions:
    """The version of the key that each record stands under, by sorted record_id."""

    record_ids: NDArray[np.int64]
    versions: NDArray[np.int64]

    def of(self, record_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The version of each; none where the record is not known."""
        place, known = positions(record_ids, self.record_ids)
        return np.where(known, self.versions[place], EMPTIED) if len(self.versions) else np.zeros_like(record_ids)


def positions(wanted: NDArray[np.int64], record_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each wanted id stands in the sorted `record_ids` (0 where it does not), and whether it is there."""
    if len(record_ids) == 0:
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    place = np.minimum(np.searchsorted(record_ids, wanted), len(record_ids) - 1)
    known = record_ids[place] == wanted
    return np.where(known, place, 0), known


@njit(nogil=True, cache=True)
def _pairs_of_blocks(starts: NDArray[np.int64], ends: NDArray[np.int64], index_a: Index, index_b: Index) -> None:
    """Every pair of rows (a < b) of each block, written one after the other."""
    pair = 0
    for block in range(starts.shape[0]):
        for a in range(starts[block], ends[block]):
            for b in range(a + 1, ends[block]):
                index_a[pair] = a
                index_b[pair] = b
                pair += 1


def pairs_of_blocks(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[Index, Index]:
    """Row numbers (left < right) of all pairs within the blocks [starts, ends)."""
    sizes = ends - starts
    total = int((sizes * (sizes - 1) // 2).sum())
    index_a, index_b = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int64)
    _pairs_of_blocks(starts, ends, index_a, index_b)
    return index_a, index_b


class BlockToken(BaseIndexAlgorithm):  # type: ignore[misc]
    """recordlinkage's indexing by a column, for a frame sorted by it: the same pairs as its `Block`, without a join.

    Its `Block` joins the frame with itself and then drops half (2.8M pairs/s); this walks the blocks (docs/adr/0004).
    """

    def __init__(self, column: str = "block") -> None:
        super().__init__(verify_integrity=False)
        self.column = column

    def _dedup_index(self, df_a: pd.DataFrame) -> pd.MultiIndex:
        block = df_a[self.column].to_numpy()
        first = np.flatnonzero(np.concatenate([np.ones(min(len(block), 1), dtype=np.bool_), block[1:] != block[:-1]]))
        bounds = np.append(first, len(block)).astype(np.int64)
        index_a, index_b = pairs_of_blocks(bounds[:-1], bounds[1:])
        return pair_index(df_a.index, index_b, index_a)


def pair_index(rows: pd.Index, index_a: Index, index_b: Index) -> pd.MultiIndex:
    """recordlinkage's form of candidate pairs: a two-level index over `rows`."""
    levels: Any = [rows, rows]
    codes: Any = [index_a, index_b]
    return pd.MultiIndex(levels=levels, codes=codes, verify_integrity=False)


def chunks(sizes: NDArray[np.int64], pairs_per_chunk: int = PAIRS_PER_CHUNK) -> Iterator[tuple[int, int]]:
    """Runs of blocks [first, end) to take together, in order: at most about so many pairs, and half as many rows."""
    load = np.cumsum(sizes * (sizes - 1) // 2 + 2 * sizes)
    chunk_of_block = (load - 1) // pairs_per_chunk if len(load) else load
    bounds = np.flatnonzero(np.diff(chunk_of_block, prepend=-1, append=-1))
    yield from zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)


def blocking_row(encodings: PassEncodings, largest_block: int) -> dict[str, object]:
    """What a pass gives: blocks, the largest, candidate pairs, and the blocks and pairs left out as oversized."""
    sizes = encodings.sizes
    pairs = sizes * (sizes - 1) // 2
    dropped = sizes > largest_block
    return {
        "blocking_pass": encodings.name,
        "blocks": encodings.blocks,
        "largest_block": int(sizes.max(initial=min(encodings.blocks, 1))),
        "candidate_pairs": int(pairs[~dropped].sum()),
        "dropped_blocks": int(dropped.sum()),
        "dropped_pairs": int(pairs[dropped].sum()),
    }
