"""Public knowledge: how often each name is given, by sex and decade of birth; and what guessing by it gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.attack.figures import FORENAME, SURNAME
from pipeline.attack.filters import bigrams
from pipeline.attack.world import GENERATIONS, Floats, Ints, Residents
from pipeline.partner.coded import Coded

NOT_PUBLIC = -2  # never equal to a name the attacker gives, nor to -1, "names nobody"
UNSEEN = 0.02  # counts added to every name, since a table does not hold everybody


@dataclass(frozen=True)
class NameTable:
    """Names, their counts by generation (one column where they do not depend on it), how many bigrams each has."""

    values: pa.StringArray
    counts: Floats
    grams: Ints

    def __repr__(self) -> str:
        return f"NameTable({len(self.counts)})"

    @cached_property
    def log_share(self) -> Floats:
        """Log of each name's share in each generation."""
        counted = self.counts + UNSEEN
        shares: Floats = np.log(counted / counted.sum(axis=0))
        return shares

    @cached_property
    def commonest_first(self) -> Ints:
        return np.argsort(-self.counts.sum(axis=1), kind="stable").astype(np.int64)

    def truth(self, column: Coded) -> Ints:
        """Where each record's name stands in the table, NOT_PUBLIC where it is not in it."""
        where = np.asarray(pc.index_in(column.values, self.values).fill_null(NOT_PUBLIC)).astype(np.int64)
        return where[column.codes]

    def guess(self, generation: Ints) -> Ints:
        """The commonest name of each record's generation."""
        best = self.counts.argmax(axis=0).astype(np.int64)
        guessed: Ints = best[self.column_of(generation)]
        return guessed

    def column_of(self, generation: Ints) -> Ints:
        return generation if self.counts.shape[1] > 1 else np.zeros_like(generation)


def public_knowledge(elsewhere: Residents) -> dict[str, NameTable]:
    """Tables by field as a statistics office publishes them: forenames by sex and decade, surnames for everybody."""
    everybody = np.zeros(len(elsewhere), dtype=np.int64)
    return {
        FORENAME: _counted(elsewhere.forename, elsewhere.generation, GENERATIONS),
        SURNAME: _counted(elsewhere.surname, everybody, 1),
    }


def _counted(column: Coded, group: Ints, groups: int) -> NameTable:
    counts = np.zeros((len(column.values), groups))
    np.add.at(counts, (column.codes, group), 1)
    return NameTable(column.values, counts, bigrams(column.values.to_pylist()).counts)
