"""The town of the linkage tests under two versions of the linkage key, partner by partner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tests.link.test_state import mended, only, with_prints
from tests.link.town import TOKENS, Town, make_town

OLD, NEW, EMPTIED = 1, 2, 0


@dataclass(frozen=True)
class Keyed:
    """The same records under the old key and under the new one."""

    old: Town
    new: Town

    def changed(self, other: Keyed, mend: np.ndarray, keep: np.ndarray) -> Keyed:
        """The next day: some records mended as another town's are, some gone."""
        return Keyed(
            only(mended(self.old, other.old, mend), keep),
            only(mended(self.new, other.new, mend), keep),
        )

    def night(self, versions: Mapping[str, int]) -> Town:
        """What the hub holds of them, each partner's records under its version. The new key's codes are numbers that
        the old one's have too, with other meanings."""
        under = self.old.records["partner"].map(versions).to_numpy(dtype=np.int64)
        codes = self.old.records[list(TOKENS)].to_numpy(copy=True)
        shifted = np.where(codes >= 0, (codes + 7) % np.maximum(codes.max(axis=0) + 1, 1), -1)
        codes[under == NEW] = shifted[under == NEW]
        codes[under == EMPTIED] = -1
        records = self.old.records.assign(**dict(zip(TOKENS, codes.T, strict=True)), key_version=under)
        chosen = [
            _of(town.encodings, records.loc[under == version, "record_id"].to_numpy())
            for version, town in ((OLD, self.old), (NEW, self.new))
        ]
        return with_prints(replace(self.old, records=records, encodings=pa.concat_tables(chosen)))


def _of(encodings: pa.Table, record_ids: np.ndarray) -> pa.Table:
    return encodings.filter(pc.is_in(encodings["record_id"], value_set=pa.array(record_ids)))


@cache
def keyed(people: int, seed: int, new_key: str = "another key") -> Keyed:
    return Keyed(make_town(people, seed), make_town(people, seed, new_key))
