"""One family, judged with some of its evidence taken away: many such worlds in one evaluation. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pipeline.criteria import Pack, evaluate
from pipeline.records import CriteriaResult


@dataclass(frozen=True)
class World:
    """How the family stands in one world: whether the pack selects it, and which rows meet which criteria there."""

    selected: bool
    decisive: dict[int, frozenset[str]]

    @property
    def met(self) -> frozenset[str]:
        """The criteria that evidence meets there."""
        return frozenset().union(*self.decisive.values())


@dataclass(frozen=True)
class FamilyCase:
    """What a pack looks at of one family. Frames as in pipeline.records; `members` also hold the other families of its
    people (one person counts in one family), `evidence` all rows of its people that the pack could ask for."""

    family_id: int
    kind: str
    members: pd.DataFrame
    persons: pd.DataFrame
    evidence: pd.DataFrame
    coverage: pd.DataFrame
    pack: Pack
    as_at: pd.Timestamp

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """Every evidence row, the oldest first: where several will do, the latest are kept."""
        ordered = self.evidence.sort_values(["start_date", "evidence_id"], na_position="first")
        return tuple(ordered["evidence_id"].astype(int))

    @cached_property
    def result(self) -> CriteriaResult:
        """The family as it stands, as `evaluate` tells it."""
        return self._evaluate([()])

    @property
    def as_it_is(self) -> World:
        """The family with all its evidence."""
        return _worlds(self.result, self._first, 1)[0]

    def judge(self, without: Sequence[Collection[int]]) -> list[World]:
        """How the family stands without these evidence rows, one world for each collection."""
        if not without:
            return []
        return _worlds(self._evaluate(without), self._first, len(without))

    @cached_property
    def _first(self) -> int:
        """The first world's family id: above the families whose ids are lower than ours, as ties go by id."""
        return int((np.unique(self.members["family_id"]) < self.family_id).sum())

    def _evaluate(self, without: Sequence[Collection[int]]) -> CriteriaResult:
        worlds, first = len(without), self._first
        people = np.unique(self.members["person_id"])
        count = len(people)

        def person_of(frame: pd.DataFrame, world: np.ndarray) -> np.ndarray:
            return np.asarray(world * count + np.searchsorted(people, frame["person_id"]))

        members, world = _copies(self.members, worlds)
        others = {family: place for place, family in enumerate(np.unique(self.members["family_id"]))}
        family = members["family_id"].to_numpy()
        rank = np.array([others[one] for one in family], dtype=np.int64)
        places = np.where(
            family == self.family_id, first + world, np.where(family < self.family_id, rank, rank + worlds)
        )
        members = members.assign(family_id=places, person_id=person_of(members, world))
        persons, world = _copies(self.persons, worlds)
        persons = persons.assign(person_id=person_of(persons, world))
        evidence, world = _copies(self.evidence, worlds)
        gone = np.zeros(len(evidence), dtype=bool)
        position = {int(one): place for place, one in enumerate(self.evidence["evidence_id"])}
        for place, removed in enumerate(without):
            gone[[place * len(self.evidence) + position[one] for one in removed]] = True
        evidence = evidence.assign(person_id=person_of(evidence, world))[~gone]
        families = pd.DataFrame({"family_id": np.arange(first, first + worlds), "kind": self.kind})
        return evaluate(families, members, persons, evidence, self.coverage, self.pack, self.as_at)


def _worlds(judged: CriteriaResult, first: int, count: int) -> list[World]:
    """The worlds of one evaluation, in order; the first has family id `first`."""
    selected = dict(zip(judged.selection["family_id"], judged.selection["selected"], strict=True))
    rows: dict[int, dict[int, set[str]]] = {}
    for family, criterion, evidence_id in judged.decisive[["family_id", "criterion", "evidence_id"]].to_numpy():
        rows.setdefault(family, {}).setdefault(int(evidence_id), set()).add(criterion)
    return [
        World(
            bool(selected.get(family, False)),
            {row: frozenset(criteria) for row, criteria in rows.get(family, {}).items()},
        )
        for family in range(first, first + count)
    ]


def _copies(frame: pd.DataFrame, times: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The frame `times` over, and which copy each row belongs to."""
    places = np.tile(np.arange(len(frame)), times)
    return frame.iloc[places].reset_index(drop=True), np.repeat(np.arange(times), len(frame))
