"""The frame of recorded facts, and how to make one.

Facts: one row per dated fact a partner recorded. Columns: person; partner; kind, code and role as in
`schemas/evidence.yaml` (None: has none); start; end (NEVER while it lasts, -1 for a fact of one day); quantity
(NaN: has none).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.synthetic.declared import NOBODY, Floats, Ints, Texts

FACT_COLUMNS = ("person", "partner", "kind", "code", "role", "start", "end", "quantity")
ONE_DAY = NOBODY


def make_facts(
    partner: str,
    kind: str | Texts,
    person: Ints,
    start: Ints,
    end: Ints | int = ONE_DAY,
    code: str | Texts | None = None,
    role: str | None = None,
    quantity: Floats | None = None,
) -> pd.DataFrame:
    """Facts of one partner, one row per entry of `person`."""
    count = len(person)
    return pd.DataFrame(
        {
            "person": person.astype(np.int64),
            "partner": _column(partner, count),
            "kind": _column(kind, count),
            "code": _column(code, count),
            "role": _column(role, count),
            "start": start.astype(np.int64),
            "end": np.broadcast_to(np.asarray(end, dtype=np.int64), (count,)).copy(),
            "quantity": np.full(count, np.nan) if quantity is None else quantity.astype(np.float64),
        }
    )


def _column(value: str | Texts | None, count: int) -> Texts:
    if isinstance(value, np.ndarray):
        return value
    column = np.empty(count, dtype=object)
    column[:] = value
    return column


def repeated(rng: np.random.Generator, person: Ints, lowest: int, mean_more: float) -> Ints:
    """Each person `lowest` times or more, geometrically with the given mean on top."""
    times = lowest + rng.geometric(1 / (1 + mean_more), len(person)) - 1
    return np.repeat(person, times)
