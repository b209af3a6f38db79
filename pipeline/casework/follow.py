"""Cases follow their families: through merges and splits of family ids, and one case for each family selected. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

FOLLOWED_COLUMNS = ("case_id", "family_id", "change")
MERGED_COLUMNS = ("case_id", "merged_into")
OPENED_COLUMNS = ("family_id", "split_from")
MERGE, RETIRED = "merge", "retired"


@dataclass(frozen=True)
class Followed:
    """What a night changes.

    `followed`: FOLLOWED_COLUMNS, cases whose family id changed (merge) or whose family has nobody left (retired).
    `merged`: MERGED_COLUMNS, cases that another case of the same family takes over. `opened`: OPENED_COLUMNS, selected
    families without a case; `split_from` is the case of the family they came out of, where there is one.
    """

    followed: pd.DataFrame
    merged: pd.DataFrame
    opened: pd.DataFrame


def follow(
    cases: pd.DataFrame,
    case_people: pd.DataFrame,
    members: pd.DataFrame,
    ledger: pd.DataFrame,
    selected: pd.Series,
    places: dict[str, int],
) -> Followed:
    """Bring cases in line with tonight's families.

    cases: case_id, family_id, state; those merged before are left out. case_people: case_id, person_id, of the day of
    identification. members: family_id, person_id, tonight. ledger: old_id, new_id, change, of tonight. selected: the
    family ids that the pack selects. places: how far along each state is. A family id that was given up leads to the
    one that took its persons; of several, to the one with most of the case's people, then the lowest. When two cases
    come to one family the one furthest along leads, then the lower id. Twice with the same is once.
    """
    moved = _moved(cases, case_people, members, ledger)
    now = cases.assign(
        family_id=moved.reindex(cases["case_id"]).fillna(cases.set_index("case_id")["family_id"]).to_numpy()
    )
    now = now.astype({"family_id": "int64"})
    gone = set(ledger.loc[ledger["change"] == RETIRED, "old_id"].dropna().astype(int))
    retired = cases[cases["family_id"].isin(gone) & ~cases["case_id"].isin(moved.index)]
    followed = pd.concat(
        [
            pd.DataFrame({"case_id": moved.index, "family_id": moved.to_numpy(), "change": MERGE}),
            retired[["case_id", "family_id"]].assign(change=RETIRED),
        ],
        ignore_index=True,
    )
    order = now.assign(place=now["state"].map(places).fillna(0)).sort_values(
        ["family_id", "place", "case_id"], ascending=[True, False, True]
    )
    order["merged_into"] = order.groupby("family_id")["case_id"].transform("first")
    merged = order.loc[order["merged_into"] != order["case_id"], list(MERGED_COLUMNS)]
    fresh = np.setdiff1d(selected.to_numpy(dtype=np.int64), now["family_id"].to_numpy(dtype=np.int64))
    splits = (
        ledger[ledger["change"] == "split"]
        .dropna(subset=["old_id", "new_id"])
        .astype({"old_id": "int64", "new_id": "int64"})
    )
    leading = now[~now["case_id"].isin(merged["case_id"])].set_index("family_id")["case_id"]
    came_from = splits.sort_values(["new_id", "old_id"]).drop_duplicates("new_id").set_index("new_id")["old_id"]
    parent = came_from.reindex(fresh)
    opened = pd.DataFrame({"family_id": fresh, "split_from": leading.reindex(parent).astype("Int64").to_numpy()})
    return Followed(
        followed.sort_values("case_id", ignore_index=True)[list(FOLLOWED_COLUMNS)],
        merged.sort_values("case_id", ignore_index=True),
        opened.astype({"split_from": "Int64"})[list(OPENED_COLUMNS)],
    )


def _moved(cases: pd.DataFrame, case_people: pd.DataFrame, members: pd.DataFrame, ledger: pd.DataFrame) -> pd.Series:
    """The new family id of each case whose family id was given up tonight, by case_id."""
    merges = ledger[ledger["change"] == MERGE].dropna(subset=["old_id", "new_id"])[["old_id", "new_id"]]
    merges = merges.astype("int64").rename(columns={"old_id": "family_id"})
    candidates = cases[["case_id", "family_id"]].merge(merges, on="family_id")
    home = members[["family_id", "person_id"]].drop_duplicates()
    shared = case_people.merge(home, on="person_id").groupby(["case_id", "family_id"]).size()
    keys = pd.MultiIndex.from_frame(candidates[["case_id", "new_id"]])
    candidates["people"] = shared.reindex(keys).fillna(0).to_numpy()
    best = candidates.sort_values(["case_id", "people", "new_id"], ascending=[True, False, True])
    return best.drop_duplicates("case_id").set_index("case_id")["new_id"]
