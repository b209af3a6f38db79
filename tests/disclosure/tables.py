"""Random tables, and one release of them, for the tests and the harness."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.disclosure import Control, Dimension, Table, count_table

CONTROL = Control(
    id="test", version="1", threshold=10, base=5, contributors=2, share=0.75, p=0.15, amount_base=100.0, k=3, l=2,
    district_of={},
)  # fmt: skip


def dimensions(shape: tuple[int, ...], per_group: int = 0) -> list[Dimension]:
    """Columns with totals; the first in groups of so many leaves where `per_group` is not 0."""
    return [
        Dimension(
            f"d{number}",
            tuple(f"{leaf:03}" for leaf in range(length)),
            {f"{leaf:03}": f"group {leaf // per_group}" for leaf in range(length)} if per_group and not number else {},
            "all",
        )
        for number, length in enumerate(shape)
    ]


def rows_of(counts: npt.NDArray[np.int64]) -> pd.DataFrame:
    """One row per family of a table of counts."""
    at = np.repeat(np.argwhere(counts >= 0), counts.ravel(), axis=0)
    names = [f"d{number}" for number in range(counts.ndim)]
    return pd.DataFrame(
        {name: [f"{leaf:03}" for leaf in at[:, place]] for place, name in enumerate(names)}, dtype=object
    )


def table_of(counts: npt.NDArray[np.int64], per_group: int = 0, control: Control = CONTROL) -> Table:
    """The table with all its margins."""
    return count_table(rows_of(counts), dimensions(counts.shape, per_group), control)
