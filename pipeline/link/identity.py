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
    order = np.argsort(record_ids, kind="stable")
    record_ids, clusters = record_ids[order], clusters[order]
    _, at, cluster = np.unique(clusters, return_index=True, return_inverse=True)
    firsts = record_ids[at]  # a cluster is told by its lowest record
    before = previous[["record_id", "person_id"]].astype("int64")
    flows = _flows(record_ids, firsts[cluster], before)

    # Most clusters are all of one old id, and it has no other: those keep it, and only the rest is gone through.
    alone = ~flows["first"].duplicated(keep=False) & ~flows["person_id"].duplicated(keep=False)
    kept = dict(zip(flows.loc[alone, "first"].tolist(), flows.loc[alone, "person_id"].tolist(), strict=True))
    taken = set(kept.values())
    for first, old in flows.loc[~alone, ["first", "person_id"]].itertuples(index=False):
        if first not in kept and old not in taken:
            kept[first] = old
            taken.add(old)

    fresh = [first for first in np.sort(firsts).tolist() if first not in kept]
    start = max(int(before["person_id"].max()) + 1 if len(before) else 1, first_new_id)
    person = {**kept, **{first: start + place for place, first in enumerate(fresh)}}
    of_cluster = np.array([person[first] for first in firsts.tolist()], dtype=np.int64)
    persons = pd.DataFrame({"record_id": record_ids, "person_id": of_cluster[cluster]})
    return persons, _ledger(flows, person, set(fresh), before, taken)


def _flows(record_ids: NDArray[np.int64], firsts: NDArray[np.int64], before: pd.DataFrame) -> pd.DataFrame:
    """How many records went from each old id to each cluster; the most first, then lowest ids."""
    known = before.sort_values("record_id")
    ids = known["record_id"].to_numpy()
    if not len(ids) or not len(record_ids):
        return pd.DataFrame({"first": [], "person_id": [], "size": []}, dtype="int64")
    place = np.minimum(np.searchsorted(ids, record_ids), len(ids) - 1)
    held = ids[place] == record_ids
    pairs = np.stack([firsts[held], known["person_id"].to_numpy()[place[held]]])
    order = np.lexsort(pairs[::-1])
    pairs = pairs[:, order]
    new = np.flatnonzero(np.concatenate([[True], (np.diff(pairs) != 0).any(axis=0)])) if pairs.size else order
    sizes = np.diff(np.append(new, pairs.shape[1]))
    flows = pd.DataFrame({"first": pairs[0, new], "person_id": pairs[1, new], "size": sizes})
    return flows.sort_values(["size", "person_id", "first"], ascending=[False, True, True])


def _ledger(
    flows: pd.DataFrame, person: dict[int, int], fresh: set[int], before: pd.DataFrame, kept_ids: set[int]
) -> pd.DataFrame:
    new_id = np.array([person[first] for first in flows["first"].tolist()], dtype=np.int64)
    changing = flows["person_id"].isin(flows.loc[flows["person_id"].to_numpy() != new_id, "person_id"])
    moves = flows.assign(new_id=new_id)[changing]
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
