"""Candidate pairs: within each blocking pass, records that carry the same block token.

Nothing here compares or judges. Blocks beyond the model's largest size are left out and counted, never silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray
from recordlinkage.base import BaseIndexAlgorithm

from pipeline.levels import DateParts, Filters, Index, unpack_date_parts, unpack_filters, unpack_words

NAME_FIELDS = ("forename", "surname")
PAIRS_PER_CHUNK = 1_000_000


@dataclass(frozen=True)
class PassEncodings:
    """One pass's rows that share their block with another row, sorted by block and record.

    `record_id` and the encodings have one entry per row; block b holds rows starts[b] … starts[b + 1] - 1. `blocks`
    counts all block values of the pass, those of one record too.
    """

    name: str
    record_id: NDArray[np.int64]
    starts: NDArray[np.int64]
    filters: dict[str, Filters]
    date_parts: DateParts
    blocks: int

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.diff(self.starts)


@dataclass(frozen=True)
class Encodings:
    """The encodings of all records by blocking pass (see `from_arrow`)."""

    passes: dict[str, PassEncodings]

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Encodings:
        """From one row per record, pass and block value: record_id, pass, block (16 bytes), forename, surname (filters,
        null = missing), date_parts (6 bytes, null = missing). The order of the rows does not matter."""
        names = pc.unique(table["pass"].cast(pa.string())).to_pylist()
        return cls({name: _pass_encodings(table, name) for name in sorted(names)})


def _pass_encodings(table: pa.Table, name: str) -> PassEncodings:
    rows = table.filter(pc.equal(table["pass"].cast(pa.string()), name))
    record_id = rows["record_id"].to_numpy().astype(np.int64)
    block = unpack_words(rows["block"], np.uint64)
    order = np.lexsort((record_id, *block.T[::-1]))
    record_id, block = record_id[order], block[order]
    new_block = np.ones(len(order), dtype=np.bool_)
    new_block[1:] = (block[1:] != block[:-1]).any(axis=1)
    again = np.zeros(len(order), dtype=np.bool_)
    again[1:] = ~new_block[1:] & (record_id[1:] == record_id[:-1])
    number = np.cumsum(new_block) - 1
    sizes = np.bincount(number[~again], minlength=int(new_block.sum()))
    shared = ~again & (sizes[number] > 1) if len(order) else again
    kept = order[shared]
    held = sizes[sizes > 1]
    return PassEncodings(
        name=name,
        record_id=record_id[shared],
        starts=np.concatenate([[0], np.cumsum(held)]).astype(np.int64),
        filters={field: unpack_filters(rows[field])[kept] for field in NAME_FIELDS},
        date_parts=unpack_date_parts(rows["date_parts"])[kept],
        blocks=len(sizes),
    )


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


def chunks(
    encodings: PassEncodings, largest_block: int, pairs_per_chunk: int = PAIRS_PER_CHUNK
) -> Iterator[NDArray[np.int64]]:
    """Numbers of the blocks to take together, in order: at most about `pairs_per_chunk` pairs, oversized left out."""
    sizes = encodings.sizes
    within = np.flatnonzero(sizes <= largest_block)
    pairs = np.cumsum(sizes[within] * (sizes[within] - 1) // 2)
    chunk_of_block = (pairs - 1) // pairs_per_chunk if len(pairs) else pairs
    for part in np.split(within, np.flatnonzero(np.diff(chunk_of_block)) + 1):
        if len(part):
            yield part


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
