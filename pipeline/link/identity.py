"""Stable person ids: tonight's clusters take last night's ids, and every change of an id stands in a ledger.

An id goes to the cluster that holds most of its records; a cluster keeps one id. The same records in the same clusters
change nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEDGER_COLUMNS = ("old_id", "new_id", "change")


def assign_ids(
    record_ids: NDArray[np.int64], clusters: NDArray[np.int64], previous: pd.DataFrame, first_new_id: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The person map (record_id, person_id; sorted by record_id) and the ledger (old_id, new_id, change).

    `clusters`: any label per record; `previous`: last night's map. New ids follow the highest of last night, and are
    never below `first_new_id` (give the highest id ever used plus one, so that a retired id is not used again).
    Changes: `new` (no old id), `merge` (the old id is gone, its records are in new_id), `split` (some or all records
    of old_id are in new_id, others elsewhere), `retired` (no record of it is left).
    """
    now = pd.DataFrame({"record_id": record_ids, "cluster": clusters})
    now["first"] = now.groupby("cluster")["record_id"].transform("min")
    before = previous[["record_id", "person_id"]].astype("int64")
    flows = now.merge(before, on="record_id").groupby(["first", "person_id"], as_index=False).size()
    flows = flows.sort_values(["size", "person_id", "first"], ascending=[False, True, True])

    kept: dict[int, int] = {}
    taken: set[int] = set()
    for first, old in zip(flows["first"].tolist(), flows["person_id"].tolist(), strict=True):
        if first not in kept and old not in taken:
            kept[first] = old
            taken.add(old)

    firsts = np.unique(now["first"].to_numpy())
    fresh = [first for first in firsts.tolist() if first not in kept]
    start = max(int(before["person_id"].max()) + 1 if len(before) else 1, first_new_id)
    person = {**kept, **{first: start + place for place, first in enumerate(fresh)}}
    now["person_id"] = now["first"].map(person).astype("int64")

    persons = now.sort_values("record_id")[["record_id", "person_id"]].reset_index(drop=True)
    return persons, _ledger(flows, person, set(fresh), before, taken)


def _ledger(
    flows: pd.DataFrame, person: dict[int, int], fresh: set[int], before: pd.DataFrame, kept_ids: set[int]
) -> pd.DataFrame:
    moves = flows.assign(new_id=flows["first"].map(person))
    targets = moves.groupby("person_id")["new_id"].transform("size")
    gone = ~moves["person_id"].isin(kept_ids)
    moves["change"] = np.where(gone & (targets == 1), "merge", "split")
    moved = moves.loc[moves["person_id"] != moves["new_id"], ["person_id", "new_id", "change"]]
    rows = moved.rename(columns={"person_id": "old_id"})
    without_past = sorted(person[first] for first in fresh - set(flows["first"].tolist()))
    retired = sorted(set(before["person_id"].tolist()) - set(flows["person_id"].tolist()))
    ledger = pd.concat(
        [
            rows.astype({"old_id": "Int64", "new_id": "Int64"}),
            pd.DataFrame({"old_id": pd.NA, "new_id": without_past, "change": "new"}).astype(
                {"old_id": "Int64", "new_id": "Int64"}
            ),
            pd.DataFrame({"old_id": retired, "new_id": pd.NA, "change": "retired"}).astype(
                {"old_id": "Int64", "new_id": "Int64"}
            ),
        ],
        ignore_index=True,
    )
    return ledger.sort_values(["change", "old_id", "new_id"], ignore_index=True)[list(LEDGER_COLUMNS)]
