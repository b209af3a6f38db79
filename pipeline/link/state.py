"""What one night leaves to the next, so that only new and changed records are compared with all.

Whether a pair is kept, and with which pattern, depends on its two records and the fitted model alone, but for one
thing: blocks beyond the largest size are left out. So a pair of two records that have not changed stands as it was,
unless a block of theirs has crossed that size; then its records count as changed. And a pair of records that now are
under two versions of the linkage key cannot be compared again: it is carried as it was, until both are under one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.link.block import Encodings, positions
from pipeline.link.decide import ScoredPairs
from pipeline.link.fit import Fitted
from pipeline.link.versions import can_compare, versions_of
from pipeline.records import FINGERPRINT, KEY_VERSION

STATE_PAIRS = ("record_a", "record_b", "blocking_pass", "pattern", KEY_VERSION)


@dataclass(frozen=True)
class LinkState:
    """The fitted model; `prints`: record_id, fingerprint and key_version of every record; `pairs`: one row per pair
    worth keeping: record_a < record_b, blocking_pass, pattern (its number), key_version (under which it was compared);
    `oversized`: per pass the tokens of blocks left out."""

    fitted: Fitted
    prints: pd.DataFrame
    pairs: pd.DataFrame
    oversized: Mapping[str, frozenset[bytes]]


def changed_prints(records: pd.DataFrame, state: LinkState) -> NDArray[np.bool_]:
    """Which records (sorted by record_id) are new, or have another `fingerprint`: a column that is equal if and only if
    nothing of the record has changed."""
    record_ids = records["record_id"].to_numpy(dtype=np.int64)
    before = state.prints.sort_values("record_id")
    known_ids = before["record_id"].to_numpy(dtype=np.int64)
    place, known = positions(record_ids, known_ids)
    prints = before[FINGERPRINT].to_numpy(dtype=np.int64)
    same = known.copy()
    same[known] = prints[place[known]] == records[FINGERPRINT].to_numpy(dtype=np.int64)[known]
    return ~same


def changed_records(
    records: pd.DataFrame, encodings: Encodings, state: LinkState, largest_block: int
) -> NDArray[np.bool_]:
    """Which records (sorted by record_id) count as changed: by their fingerprints, or because they sit in a block whose
    size has crossed the largest."""
    record_ids = records["record_id"].to_numpy(dtype=np.int64)
    changed = changed_prints(records, state)
    oversized = encodings.oversized(largest_block)
    for name, held in encodings.passes.items():
        crossed = oversized.get(name, frozenset()) ^ state.oversized.get(name, frozenset())
        if crossed:
            where, here = positions(held.members_of(crossed), record_ids)
            changed[where[here]] = True
    return changed


def standing_pairs(
    state: LinkState,
    record_ids: NDArray[np.int64],
    versions: NDArray[np.int64],
    changed: NDArray[np.bool_],
    names: list[str],
    weights: NDArray[np.float64],
) -> ScoredPairs:
    """The pairs of last night whose two records are there and have not changed, or cannot be compared tonight, by
    their positions tonight."""
    a, here_a = positions(state.pairs["record_a"].to_numpy(dtype=np.int64), record_ids)
    b, here_b = positions(state.pairs["record_b"].to_numpy(dtype=np.int64), record_ids)
    stands = here_a & here_b
    if len(record_ids):
        stands &= ~(can_compare(versions, a, b) & (changed[a] | changed[b]))
    a, b = a[stands], b[stands]
    pattern = state.pairs["pattern"].to_numpy(dtype=np.int64)[stands]
    codes, passes = pd.factorize(state.pairs["blocking_pass"])
    found_in = np.array([names.index(name) for name in passes], dtype=np.int16)[codes[stands]]
    under = state.pairs[KEY_VERSION].to_numpy(dtype=np.int64)[stands]
    return ScoredPairs(a, b, found_in, pattern, weights[pattern], under)


def together(standing: ScoredPairs, fresh: ScoredPairs) -> ScoredPairs:
    """Both, sorted by (a, b); no pair is in both."""
    columns = {
        name: np.concatenate([getattr(standing, name), getattr(fresh, name)])
        for name in ("a", "b", "blocking_pass", "pattern", "weight", "version")
    }
    order = np.lexsort((columns["b"], columns["a"]))
    return ScoredPairs(**{name: values[order] for name, values in columns.items()})


def state_after(
    fitted: Fitted,
    records: pd.DataFrame,
    scored: ScoredPairs,
    names: list[str],
    oversized: Mapping[str, frozenset[bytes]],
) -> LinkState | None:
    """What the next night needs; None where the records have no fingerprints."""
    if FINGERPRINT not in records:
        return None
    record_ids = records["record_id"].to_numpy(dtype=np.int64)
    pairs = pd.DataFrame(
        {
            "record_a": record_ids[scored.a],
            "record_b": record_ids[scored.b],
            "blocking_pass": np.array(names, dtype=object)[scored.blocking_pass] if names else [],
            "pattern": scored.pattern,
            KEY_VERSION: scored.version,
        }
    )
    prints = records[["record_id", FINGERPRINT]].assign(**{KEY_VERSION: versions_of(records)})
    return LinkState(fitted, prints, pairs[list(STATE_PAIRS)], dict(oversized))
