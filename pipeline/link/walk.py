"""Walk the blocks of a pass, chunk by chunk and on every core: count patterns, or keep the pairs worth keeping.

What is in memory at once does not grow with the candidate pairs: the encodings of one pass, and two chunks per core.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.contracts.linkage import LinkModel
from pipeline.levels import MISSING, Comparable, History
from pipeline.levels.kernels import held_names
from pipeline.link.block import PAIRS_PER_CHUNK, Encodings, PassEncodings, chunks, positions
from pipeline.link.compare import Patterns
from pipeline.link.kernel import Rows, history_signs, walk
from pipeline.link.plan import NAME, Plan, code_columns, plan_of

T = TypeVar("T")
NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Values:
    """What is compared of records by value: one code per record of each column (-1 missing), and all the values they
    ever had of a column with a history. In the order of the sorted `record_ids`."""

    record_ids: NDArray[np.int64]
    codes: Mapping[str, NDArray[np.int64]]
    histories: Mapping[str, History] = field(default_factory=dict)

    @cached_property
    def signs(self) -> dict[str, NDArray[np.uint64]]:
        return {column: history_signs(held.starts, held.values) for column, held in self.histories.items()}


@dataclass(frozen=True)
class ScannedPairs:
    """A chunk of candidate pairs of one pass: positions a < b of the records in the RECORDS frame, and the pattern."""

    position_a: NDArray[np.int64]
    position_b: NDArray[np.int64]
    pattern: NDArray[np.int64]


def values_of(records: pd.DataFrame, encodings: Encodings, model: LinkModel) -> Values:
    """The values of records sorted by record_id."""
    record_ids = records["record_id"].to_numpy(dtype=np.int64)
    return Values(record_ids, record_codes(records, model), encodings.histories(model.histories, record_ids))


def record_codes(records: pd.DataFrame, model: LinkModel) -> dict[str, NDArray[np.int64]]:
    """One code per record of every column the model compares or holds to be one per person; -1 missing.

    Tokens are codes already; other columns (sex, partner) are coded here; a column the records lack is missing.
    """
    wanted = {column for comparison in model.comparisons for column in comparison.columns}
    codes = {}
    for name in sorted({*wanted, *model.one_per_person, "partner"}):
        if name not in records:
            codes[name] = np.full(len(records), MISSING, dtype=np.int64)
        elif pd.api.types.is_integer_dtype(records[name]):
            codes[name] = records[name].to_numpy(dtype=np.int64)
        else:
            codes[name] = pd.factorize(records[name], sort=True)[0].astype(np.int64)
    return codes


def count_patterns(
    held: PassEncodings, values: Values, model: LinkModel, pairs_per_chunk: int = PAIRS_PER_CHUNK
) -> NDArray[np.int64]:
    """How many candidate pairs of a pass have each pattern."""
    walker = Walker.of(held, values, model, pairs_per_chunk)
    everything = np.ones((walker.plan.names + 1, walker.patterns), dtype=np.bool_)

    def count(rows: Rows, starts: NDArray[np.int64], _: NDArray[np.int64]) -> NDArray[np.int64]:
        counts = np.zeros(walker.patterns, dtype=np.int64)
        walk(walker.plan, rows, starts, everything, counts, NOTHING, NOTHING, NOTHING)
        return counts

    total = np.zeros(walker.patterns, dtype=np.int64)
    for counts in walker.each(count):
        total += counts
    return total


def keep_pairs(
    held: PassEncodings,
    values: Values,
    model: LinkModel,
    kept: NDArray[np.bool_],
    changed: NDArray[np.bool_] | None = None,
    pairs_per_chunk: int = PAIRS_PER_CHUNK,
) -> Iterator[ScannedPairs]:
    """The candidate pairs of a pass whose pattern is among `kept`, in the order of blocks; with `changed` (one entry
    per record), only those of which one record or both are.

    The cheap comparisons come first; names are compared only where the pair can still be kept.
    """
    walker = Walker.of(held, values, model, pairs_per_chunk, changed)
    reachable = reachable_patterns(walker.plan, kept, Patterns(model.comparisons))

    def keep(rows: Rows, starts: NDArray[np.int64], position: NDArray[np.int64]) -> ScannedPairs:
        most = int((np.diff(starts) * (np.diff(starts) - 1) // 2).sum())
        left, right, pattern = (np.empty(most, dtype=np.int64) for _ in range(3))
        found = walk(walker.plan, rows, starts, reachable, NOTHING, left, right, pattern)
        a, b = position[left[:found]], position[right[:found]]
        return ScannedPairs(np.minimum(a, b), np.maximum(a, b), pattern[:found].copy())

    yield from walker.each(keep)


def scan(
    held: PassEncodings, values: Values, model: LinkModel, pairs_per_chunk: int = PAIRS_PER_CHUNK
) -> Iterator[ScannedPairs]:
    """Every candidate pair of a pass with its pattern, chunk by chunk in the order of blocks."""
    kept = np.ones(Patterns(model.comparisons).number, dtype=np.bool_)
    yield from keep_pairs(held, values, model, kept, pairs_per_chunk=pairs_per_chunk)


def reachable_patterns(plan: Plan, kept: NDArray[np.bool_], patterns: Patterns) -> NDArray[np.bool_]:
    """(names + 1, patterns): whether a kept pattern can come of one whose last names are not known yet (0)."""
    stages = [kept]
    numbers = np.arange(len(kept))
    digits = patterns.decode(numbers).astype(np.int64) + 1
    for radix in plan.radix[plan.kind == NAME][::-1]:
        column = int(np.flatnonzero(patterns.radix[:-1] == radix)[0])
        before = numbers - radix * digits[:, column]
        stages.append(np.bincount(before[stages[-1]], minlength=len(kept)) > 0)
    return np.ascontiguousarray(np.stack(stages[::-1]))


@dataclass(frozen=True)
class Walker:
    """A pass made ready: its rows of known records in blocks within the largest size, and the model as a plan."""

    plan: Plan
    patterns: int
    encoded: Comparable
    row: NDArray[np.int64]  # of the encoded rows, those taken
    position: NDArray[np.int64]  # the record of each, in the RECORDS frame
    starts: NDArray[np.int64]
    values: Values
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    histories: tuple[str, ...]
    changed: NDArray[np.bool_] | None
    pairs_per_chunk: int

    @classmethod
    def of(
        cls,
        held: PassEncodings,
        values: Values,
        model: LinkModel,
        pairs_per_chunk: int,
        changed: NDArray[np.bool_] | None = None,
    ) -> Walker:
        position, taken = positions(held.record_id, values.record_ids)
        taken &= np.repeat(held.sizes <= model.largest_block, held.sizes)
        block = np.repeat(np.arange(len(held.sizes)), held.sizes)
        if changed is not None:
            touched = np.bincount(block[taken], weights=changed[position[taken]], minlength=len(held.sizes)) > 0
            taken &= touched[block]
        row = np.flatnonzero(taken)
        first = np.flatnonzero(np.diff(block[row], prepend=-1))
        encoded = held.encoded()
        fields = tuple(name for name in encoded.names if any(c.name == name for c in model.comparisons))
        patterns = Patterns(model.comparisons)
        return cls(
            plan=plan_of(model, patterns.radix[:-1], fields),
            patterns=patterns.number,
            encoded=encoded,
            row=row,
            position=position[row],
            starts=np.append(first, len(row)).astype(np.int64),
            values=values,
            columns=code_columns(model),
            fields=fields,
            histories=tuple(model.histories),
            changed=changed,
            pairs_per_chunk=pairs_per_chunk,
        )

    def each(self, work: Callable[[Rows, NDArray[np.int64], NDArray[np.int64]], T]) -> Iterator[T]:
        """`work(rows, starts, positions)` of every chunk of blocks, on every core; results in the order of blocks."""
        workers = os.cpu_count() or 1

        def one(first: int, end: int) -> T:
            start, stop = self.starts[first], self.starts[end]
            taken = self.row[start:stop]
            position = self.position[start:stop]
            return work(self._rows(taken, position), self.starts[first : end + 1] - start, position)

        with ThreadPoolExecutor(workers) as pool:
            waiting = []
            for first, end in chunks(np.diff(self.starts), self.pairs_per_chunk):
                waiting.append(pool.submit(one, first, end))
                if len(waiting) >= 2 * workers:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def _rows(self, taken: NDArray[np.int64], position: NDArray[np.int64]) -> Rows:
        rows = len(taken)
        names = np.zeros((len(self.fields), rows, 8), dtype=np.uint64)
        sizes = np.zeros((len(self.fields), rows), dtype=np.int64)
        for place, name in enumerate(self.fields):
            names[place] = self.encoded.names[name][taken]
            sizes[place] = (
                np.bitwise_count(names[place]).sum(axis=1) if self.plan.gram_sets else held_names(names[place])
            )
        dates = self.encoded.date_parts
        codes = np.empty((len(self.columns), rows), dtype=np.int32)
        for place, name in enumerate(self.columns):
            codes[place] = self.values.codes[name][position]
        signs = np.zeros((max(len(self.histories), 1), rows), dtype=np.uint64)
        starts = np.zeros((max(len(self.histories), 1), rows + 1), dtype=np.int64)
        parts, before = [], 0
        for place, column in enumerate(self.histories):
            held = self.values.histories[column]
            signs[place] = self.values.signs[column][position]
            number = held.starts[position + 1] - held.starts[position]
            ends = np.cumsum(number)
            starts[place] = before + np.concatenate([[0], ends])
            offset = np.arange(int(number.sum())) - np.repeat(ends - number, number)
            parts.append(held.values[np.repeat(held.starts[position], number) + offset])
            before += len(parts[-1])
        return Rows(
            names=names,
            sizes=sizes,
            date_parts=np.ascontiguousarray(dates[taken].T) if dates is not None else np.zeros((3, rows), np.uint16),
            codes=codes,
            signs=signs,
            history_starts=starts,
            history_values=np.concatenate(parts) if parts else NOTHING,
            changed=np.ones(rows, dtype=np.bool_) if self.changed is None else self.changed[position],
        )
