"""Worlds: the same people on other days or under other links, copied so that many worlds are formed in one pass.

Nothing of one world may meet another: persons and places get ids of their own in each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

MOST_PLACES = 1 << 40  # place ids are below it


@dataclass(frozen=True)
class Copies:
    """One row per world and person in it: world (int64), person_id, sorted; a row's number is the copy's person_id."""

    frame: pd.DataFrame
    keys: pd.MultiIndex

    @classmethod
    def make(cls, world: pd.Series, person_id: pd.Series) -> Copies:
        frame = pd.DataFrame({"world": world.to_numpy(np.int64), "person_id": person_id.to_numpy(np.int64)})
        frame = frame.sort_values(["world", "person_id"], ignore_index=True)
        return cls(frame, pd.MultiIndex.from_frame(frame))

    def of(self, world: pd.Series, person_id: pd.Series) -> npt.NDArray[np.int64]:
        """The copy of each person in a world, -1 where there is none."""
        return np.asarray(self.keys.get_indexer(pd.MultiIndex.from_arrays([world, person_id])), dtype=np.int64)

    def copied(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows by world and person_id (and related_person_id, place_id) under the copies' ids; who has no copy is left
        out."""
        out = rows.drop(columns="world")
        known = np.ones(len(rows), dtype=bool)
        for column in ("person_id", "related_person_id"):
            if column in rows:
                out[column] = self.of(rows["world"], rows[column])
                known &= out[column].to_numpy() >= 0
        if "place_id" in rows:
            out["place_id"] = rows["world"] * MOST_PLACES + rows["place_id"]
        return out[known].reset_index(drop=True)


def original_place(place_id: pd.Series) -> pd.Series:
    """The place of which a world's place is a copy."""
    return place_id % MOST_PLACES
