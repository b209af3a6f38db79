"""Small tables for escalation: evidence as rows of text, families of made-up numbers, counts drawn from known rates."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.contracts.closed import load_closed
from pipeline.escalation import Contacts, Escalation, load_escalation
from pipeline.settings import PROJECT

AS_AT = pd.Timestamp("2014-07-31")
LONG_AGO = pd.Timestamp("2011-08-01")


@cache
def declared() -> Escalation:
    schemas = PROJECT / "schemas"
    vocabulary = load_vocabulary(schemas)
    return load_escalation(schemas, vocabulary, load_closed(schemas, vocabulary), load_contracts(schemas, vocabulary))


def everything_covered(first: pd.Timestamp = LONG_AGO) -> dict[str, pd.Timestamp]:
    return dict.fromkeys(declared().contacts, first)


def evidence(*rows: tuple[int, str, str, str]) -> pd.DataFrame:
    """person_id, kind, day, partner."""
    table = pd.DataFrame(list(rows), columns=["person_id", "kind", "start_date", "partner"])
    return table.assign(start_date=pd.to_datetime(table["start_date"]))


def members(*rows: tuple[int, int, str]) -> pd.DataFrame:
    """family_id, person_id, role."""
    return pd.DataFrame(list(rows), columns=["family_id", "person_id", "role"])


def made_up(days: np.ndarray, agencies: tuple[str, ...] = ("police", "together"), covered: int = 36) -> Contacts:
    """Contacts of families 1, 2, …; days: families × agencies × months, the latest first."""
    return Contacts(
        AS_AT,
        np.arange(1, len(days) + 1),
        agencies,
        days.astype(np.int16),
        (covered,) * len(agencies),
        (False,) * len(agencies),
    )


def steady(
    rng: np.random.Generator, families: int, *, mean: float = 0.3, shape: float = 0.5, lately: float = 1.0
) -> np.ndarray:
    """Contact days in 36 months of families whose rates differ (Gamma) and never change, but all alike `lately`."""
    rates = rng.gamma(shape, mean / shape, (families, 1)) * np.where(np.arange(36) < 3, lately, 1.0)
    days = rng.poisson(rates)
    return np.stack([days, days], axis=1)
