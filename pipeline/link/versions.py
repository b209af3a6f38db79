"""Records under different versions of the linkage key: only those of one version are ever compared.

Under another key the same value has another token, so between versions neither equality nor its lack says anything.
While partners change from one version to the next, what was compared before stands, carried from the night before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.records import KEY_VERSION

EMPTIED = 0  # version of a record whose tokens and encodings were taken away with their key; it compares with nothing
FIRST = 1  # of records that name none
Numbers = NDArray[np.int64]


def versions_of(records: pd.DataFrame) -> Numbers:
    """The key version of each record."""
    if KEY_VERSION not in records:
        return np.full(len(records), FIRST, dtype=np.int64)
    return records[KEY_VERSION].to_numpy(dtype=np.int64)


def are_mixed(versions: Numbers) -> bool:
    """Whether some two records cannot be compared."""
    return bool(len(versions)) and bool(versions.min() != versions.max() or versions.min() == EMPTIED)


def can_compare(versions: Numbers, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pairs of positions are of one version."""
    return np.asarray((versions[a] == versions[b]) & (versions[a] != EMPTIED))


def by_version(codes: Mapping[str, NDArray[np.int64]], versions: Numbers) -> dict[str, NDArray[np.int64]]:
    """Codes of which a person has one, a column for each version of the key (-1 for records of others), so that values
    of two versions are neither the same nor two. Of one version alone: as they are."""
    if not are_mixed(versions):
        return dict(codes)
    return {
        f"{name} under key {version}": np.where(versions == version, values, -1)
        for name, values in codes.items()
        for version in np.unique(versions[versions != EMPTIED]).tolist()
    }


def identifiers_of(records: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """record_id and the columns `by_version` makes of the identifiers `names`."""
    codes = {name: records[name].to_numpy(dtype=np.int64) for name in names}
    return pd.DataFrame({"record_id": records["record_id"], **by_version(codes, versions_of(records))})


def counted(versions: Numbers) -> dict[str, int]:
    """How many records stand under each version."""
    found, number = np.unique(versions, return_counts=True)
    return dict(zip(map(str, found.tolist()), number.tolist(), strict=True))
