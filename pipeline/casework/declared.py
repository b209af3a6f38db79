"""Everything that casework declares as data, read together: costs, weights, the cohort's life, the pack's tariffs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.casework.life import Life, load_life
from pipeline.casework.priority import Weights, load_weights
from pipeline.claims import TariffPack, load_tariff_pack
from pipeline.contracts import Closed, Vocabulary, load_closed
from pipeline.costs import CostModel, load_cost_model
from pipeline.criteria import Pack


@dataclass(frozen=True)
class Declared:
    """What the night's casework goes by. `tariffs` is missing for a pack that nobody pays for."""

    vocabulary: Vocabulary
    pack: Pack
    costs: CostModel
    weights: Weights
    life: Life
    tariffs: TariffPack | None
    closed: Closed

    def closed_criteria(self) -> dict[str, bool]:
        """Whether each criterion of the pack looks at evidence closed to onward disclosure, and so rests on it."""
        return {criterion.id: bool(set(criterion.kinds) & self.closed.kinds) for criterion in self.pack.criteria}

    def last_terms(self, day: pd.Timestamp, count: int) -> Sequence[tuple[str, pd.Timestamp]]:
        """The last so many school terms of the council's calendar begun by a day: (code, first day)."""
        terms = self.pack.terms.last(count, day.date()) if self.pack.terms else ()
        return [(term.code, pd.Timestamp(term.start)) for term in terms]


def load_declared(declarations: Path, vocabulary: Vocabulary, pack: Pack) -> Declared:
    """Read and check `schemas/costs`, `schemas/casework` and the pack's tariffs. Raises DeclarationError."""
    tariffs = declarations / "tariffs" / f"{pack.id}.yaml"
    closed = load_closed(declarations, vocabulary)
    return Declared(
        vocabulary=vocabulary,
        pack=pack,
        costs=load_cost_model(declarations / "costs", vocabulary, closed.kinds),
        weights=load_weights(declarations / "casework" / "priority.yaml"),
        life=load_life(declarations / "casework" / "life.yaml"),
        tariffs=load_tariff_pack(tariffs, vocabulary) if tariffs.exists() else None,
        closed=closed,
    )
