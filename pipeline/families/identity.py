"""Stable family ids from one night to the next, and the ledger of what merged, split, came and went."""

from __future__ import annotations

import numpy as np
import pandas as pd

LEDGER_COLUMNS = ("old_id", "new_id", "change")


def stable_ids(
    groups: pd.DataFrame, previous: pd.DataFrame, *, last_id: int | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give tonight's groups of persons the ids of last night's families, where they are the same.

    `groups`: person_id, group (one row per person). `previous`: family_id, person_id (one row per person). Returns the
    groups with `family_id`, and LEDGER (old_id, new_id, change; Int64, missing where there is none). A group takes the
    id of the family it shares most persons with; of equal ones the lower id, then the group with the lower person_id;
    an id goes to one group. New ids go on from the highest (`last_id`, else that of last night), in the order of the
    groups' lowest person_id. merge: the old family's id is given up, its persons are in the new one. split: the new
    id's persons come from the old family, which lives on. new: nobody was known. retired: nobody is left.
    """
    groups = groups.sort_values("person_id", ignore_index=True)
    previous = previous.sort_values(["person_id", "family_id"]).drop_duplicates("person_id")
    lowest = groups.groupby("group")["person_id"].min()
    shared = groups.merge(previous, on="person_id")
    overlap = shared.groupby(["group", "family_id"], as_index=False).size()
    overlap["lowest"] = lowest.reindex(overlap["group"]).to_numpy()
    kept = match_groups(overlap.sort_values(["size", "family_id", "lowest"], ascending=[False, True, True]))

    highest = max(int(previous["family_id"].max()) if len(previous) else 0, last_id or 0)
    unnamed = lowest.drop(kept.index).sort_values()
    fresh = pd.Series(np.arange(highest + 1, highest + 1 + len(unnamed)), index=unnamed.index, dtype=np.int64)
    ids = pd.concat([kept, fresh])
    named = groups.assign(family_id=ids.reindex(groups["group"]).to_numpy(dtype=np.int64))
    return named, _ledger(overlap, previous, kept, fresh)


def match_groups(overlap: pd.DataFrame) -> pd.Series:
    """The greedy one-to-one matching of groups and old ids: family_id by group, the first rows first.

    `overlap`: group, family_id, the best pairs first. Rounds of mutual first choices: with a strict order of all pairs
    they give what taking the best pair again and again would give, without a loop over families.
    """
    left = overlap
    matched = []
    while len(left):
        best = left[~left.duplicated("group") & ~left.duplicated("family_id")]
        matched.append(best)
        left = left[~left["group"].isin(best["group"]) & ~left["family_id"].isin(best["family_id"])]
    if not matched:
        return pd.Series([], index=pd.Index([], name="group", dtype=np.int64), dtype=np.int64)
    return pd.concat(matched).set_index("group")["family_id"].astype(np.int64)


def _ledger(overlap: pd.DataFrame, previous: pd.DataFrame, kept: pd.Series, fresh: pd.Series) -> pd.DataFrame:
    survives = overlap["family_id"].isin(kept)
    merged = overlap[~survives].assign(change="merge")
    merged["new_id"] = kept.reindex(merged["group"]).to_numpy()
    split = overlap[survives & overlap["group"].isin(fresh.index)].assign(change="split")
    split["new_id"] = fresh.reindex(split["group"]).to_numpy()
    known = pd.concat([merged, split]).rename(columns={"family_id": "old_id"})
    new = pd.DataFrame({"new_id": fresh.drop(fresh.index.intersection(pd.Index(overlap["group"]))).to_numpy()}).assign(
        change="new"
    )
    gone = np.setdiff1d(previous["family_id"].unique(), overlap["family_id"])
    retired = pd.DataFrame({"old_id": gone}).assign(change="retired")
    ledger = pd.concat([known, new, retired], ignore_index=True).reindex(columns=list(LEDGER_COLUMNS))
    ledger = ledger.astype({"old_id": "Int64", "new_id": "Int64", "change": object})
    return ledger.sort_values(["change", "old_id", "new_id"], ignore_index=True)
