"""Judging what an attack named: right or wrong, and what guessing would have named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.attack.figures import FORENAME, FULL_NAME, PERSON, SURNAME, Figure
from pipeline.attack.names import NameTable
from pipeline.attack.world import NOBODY, Ints, Residents


@dataclass(frozen=True)
class Told:
    """What an attack named: by field the row of the name table, negative where it named nothing."""

    forename: Ints
    surname: Ints


class Judge:
    """Compares what was named with the truth, and with guessing the commonest name of the generation."""

    def __init__(self, hub: Residents, tables: dict[str, NameTable]) -> None:
        self.people = len(hub)
        columns = {FORENAME: hub.forename, SURNAME: hub.surname}
        self.truth = {field: tables[field].truth(column) for field, column in columns.items()}
        self._guess = {field: table.guess(hub.generation) == self.truth[field] for field, table in tables.items()}

    def figures(self, attack: str, method: str, target: str, told: Told, rows: Ints | None = None) -> Iterator[Figure]:
        """Forename, surname and full name. `rows`: which records `told` speaks of (all of them)."""
        rows = np.arange(self.people) if rows is None else rows
        named = {FORENAME: told.forename, SURNAME: told.surname}
        right = {field: named[field] == self.truth[field][rows] for field in named}
        right[FULL_NAME] = right[FORENAME] & right[SURNAME]
        guessed = {field: self._guess[field][rows] for field in named}
        guessed[FULL_NAME] = guessed[FORENAME] & guessed[SURNAME]
        count = {field: int((names >= 0).sum()) for field, names in named.items()}
        count[FULL_NAME] = int(((told.forename >= 0) & (told.surname >= 0)).sum())
        for grain in (FORENAME, SURNAME, FULL_NAME):
            yield Figure(
                attack=attack,
                method=method,
                target=target,
                grain=grain,
                hits=int(right[grain].sum()),
                of=len(rows),
                named=count[grain],
                by_guessing=float(guessed[grain].mean()),
                people=self.people,
            )


def judged(
    attack: str, method: str, target: str, match: Ints, truth: Ints, overlap: float | None, by_guessing: float = 0.0
) -> Figure:
    """Of the records whose person is on the list, how many were taken for the right one."""
    on_list = truth != NOBODY
    return Figure(
        attack=attack,
        method=method,
        target=target,
        grain=PERSON,
        hits=int((match[on_list] == truth[on_list]).sum()),
        of=int(on_list.sum()),
        named=int((match != NOBODY).sum()),
        by_guessing=max(by_guessing, 1 / max(1, len(truth))),
        overlap=overlap,
        people=len(truth),
    )
