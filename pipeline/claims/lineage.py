"""Which family ids, over all nights, are one family's: merges and splits join them, so that none is claimed twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def lineages(family_ids: pd.Series, case_families: pd.DataFrame, ledger: pd.DataFrame) -> pd.Series:
    """The lineage of each family id: the lowest id among all that merges and splits ever joined to it.

    `case_families`: case_id, family_id (every family id a case ever had). `ledger`: old_id, new_id, change, of all
    runs. A split keeps both halves in one lineage: what was claimed for the whole is not claimed again for a half.
    """
    joined = ledger[ledger["change"].isin(["merge", "split"])].dropna(subset=["old_id", "new_id"])
    first = case_families.sort_values(["case_id", "family_id"]).groupby("case_id")["family_id"].transform("first")
    left = np.concatenate([joined["old_id"].to_numpy(dtype=np.int64), first.to_numpy(dtype=np.int64)])
    right_of_cases = case_families.sort_values(["case_id", "family_id"])["family_id"].to_numpy(dtype=np.int64)
    right = np.concatenate([joined["new_id"].to_numpy(dtype=np.int64), right_of_cases])
    nodes = np.unique(np.concatenate([left, right, family_ids.to_numpy(dtype=np.int64)]))
    a, b = np.searchsorted(nodes, left), np.searchsorted(nodes, right)
    graph = coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(nodes), len(nodes)))
    _, component = connected_components(graph, directed=False)
    lowest = pd.Series(nodes).groupby(component).transform("min").to_numpy(dtype=np.int64)
    found = lowest[np.searchsorted(nodes, family_ids.to_numpy(dtype=np.int64))] if len(nodes) else np.zeros(0, np.int64)
    return pd.Series(found, index=family_ids.index, dtype=np.int64)
