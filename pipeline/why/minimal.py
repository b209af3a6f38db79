"""Which rows a flag rests on: enough together, none to spare, and for each what would stand in for it. Pure.

Complete: with these rows alone the family is selected. Minimal: with one of these fewer it is not. A row that the
flag would outlive, because other evidence is there too, names that other evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.why.worlds import FamilyCase, World


@dataclass(frozen=True)
class Support:
    """`rows` carry the flag, in order of time. `instead`: per row, what would carry it in its place (empty: nothing,
    and the flag goes with the row)."""

    rows: tuple[int, ...]
    instead: dict[int, tuple[int, ...]]

    @property
    def needed(self) -> tuple[int, ...]:
        """The rows without which the flag goes, whatever else is there."""
        return tuple(row for row in self.rows if not self.instead[row])


def support_of(case: FamilyCase) -> Support | None:
    """The support of a family's selection; None when the pack does not select it."""
    rows, whole = case.rows, case.as_it_is
    if not whole.selected:
        return None
    decisive = [row for row in rows if row in whole.decisive]
    others = [row for row in rows if row not in whole.decisive]
    alone, *less = case.judge([others, *([*others, row] for row in decisive), *([row] for row in decisive)])
    without = dict(zip(decisive, less[len(decisive) :], strict=True))
    if alone.selected:
        kept = _least(case, decisive, [world.selected for world in less[: len(decisive)]])
    else:
        # Rules about who counts as a child may rest on rows that meet no criterion: then every row is looked at.
        without |= dict(zip(others, case.judge([[row] for row in others]), strict=True))
        kept = _least(case, rows, [without[row].selected for row in rows])
    kept = _none_to_spare(case, kept)
    return Support(tuple(kept), _instead(case, kept, without))


def _instead(case: FamilyCase, kept: Sequence[int], without: Mapping[int, World]) -> dict[int, tuple[int, ...]]:
    """Per row kept, the rows that would carry the flag in its place: those that meet what the others alone do not.

    With these gone too the flag goes: where yet others would carry it then, they are named as well.
    """
    outlived = [row for row in kept if without[row].selected]
    remaining = case.judge([[one for one in case.rows if one not in kept or one == row] for row in outlived])
    named: dict[int, tuple[int, ...]] = dict.fromkeys(kept, ())
    for row, rest in zip(outlived, remaining, strict=True):
        of = without[row].decisive
        beside = [one for one in case.rows if one in of and one not in kept]
        named[row] = tuple(one for one in beside if of[one] - rest.met) or tuple(beside)
    unsure = outlived
    while unsure:
        worlds = case.judge([[row, *named[row]] for row in unsure])
        carried = [(row, world) for row, world in zip(unsure, worlds, strict=True) if world.selected]
        unsure = []
        for row, world in carried:
            more = [one for one in case.rows if one in world.decisive and one not in kept]
            if found := more or _beside(case, (row, *named[row]), kept):
                named[row] = (*named[row], *found)
                unsure.append(row)
    return named


def _beside(case: FamilyCase, gone: Collection[int], kept: Collection[int]) -> tuple[int, ...]:
    """Rows that carry the flag without those gone, where no row that meets a criterion tells which: all that matter."""
    left = [one for one in case.rows if one not in gone]
    worlds = case.judge([[*gone, one] for one in left])
    least = _least(case, left, [world.selected for world in worlds])
    return tuple(one for one in least if one not in kept)


def _least(case: FamilyCase, rows: Sequence[int], spared: Sequence[bool]) -> list[int]:
    """Of rows that carry the flag, as few as still do: those at the front are let go first.

    `spared`: for each row, whether the flag outlives it alone. Each round lets go of as many of those in question as it
    can at once, which shows one more row to be needed.
    """
    others = frozenset(case.rows) - frozenset(rows)
    needed = [row for row, outlived in zip(rows, spared, strict=True) if not outlived]
    open_rows = [row for row, outlived in zip(rows, spared, strict=True) if outlived]
    while open_rows:
        gone = others | (frozenset(rows) - frozenset(needed) - frozenset(open_rows))
        let_go = _most_let_go(case, gone, open_rows)
        open_rows = open_rows[let_go:]
        if open_rows:
            needed.append(open_rows.pop(0))
    return [row for row in rows if row in frozenset(needed)]


def _none_to_spare(case: FamilyCase, kept: Sequence[int]) -> list[int]:
    """Rows that carry the flag alone, less those they can do without when nothing else is there.

    A window of consecutive terms moves when a term goes, so a row that was needed at first may be needless at the end.
    """
    kept, looked = list(kept), False
    while not looked:
        worlds = case.judge([[one for one in case.rows if one not in kept or one == row] for row in kept])
        spare = next((row for row, world in zip(kept, worlds, strict=True) if world.selected), None)
        looked = spare is None
        kept = [row for row in kept if row != spare]
    return kept


def _most_let_go(case: FamilyCase, gone: Collection[int], open_rows: Sequence[int]) -> int:
    """How many rows from the front can go before the flag does."""
    worlds = case.judge([[*gone, *open_rows[: many + 1]] for many in range(len(open_rows))])
    for many, world in enumerate(worlds):
        if not world.selected:
            return many
    return len(open_rows)
