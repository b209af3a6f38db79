"""A programme's rules as frozen objects: a pack, its criteria, their rules, its selection. Shapes only.

How they are read and checked belongs in `load`; what a rule finds in evidence belongs in `evaluate`.
"""

from __future__ import annotations

from dataclasses import dataclass

WHO = ("any", "child", "adult", "child_at_event")
MEASURES = ("count", "sum", "rate")
SCHOOL_TERMS = ("autumn", "spring", "summer")
FAMILIES_LOOKED_AT = ("with_children", "all")


@dataclass(frozen=True)
class Window:
    """How far back a rule looks: `months` or `terms` with a length, or `current` (length 0)."""

    kind: str
    length: int = 0


@dataclass(frozen=True)
class Term:
    """One school term of every year: its name, and first and last day as (month, day)."""

    name: str
    start: tuple[int, int]
    end: tuple[int, int]


@dataclass(frozen=True)
class Rule:
    """One way to meet a criterion: a measure of one person's evidence reaches a threshold.

    `spells` and `termly` are those of `kinds` that are periods, and whose code is a school term.
    """

    id: str
    who: str
    kinds: tuple[str, ...]
    codes: tuple[str, ...] | None
    roles: tuple[str, ...] | None
    window: Window
    measure: str
    at_least: float
    spells: frozenset[str]
    termly: frozenset[str]


@dataclass(frozen=True)
class Criterion:
    """One criterion of a pack: met when any of its rules is."""

    id: str
    number: int
    title: str
    sentence: str
    source: str
    local: bool
    any_of: tuple[Rule, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of evidence it needs, sorted."""
        return tuple(sorted({kind for rule in self.any_of for kind in rule.kinds}))


@dataclass(frozen=True)
class Route:
    """One way to be selected: all of `all`, and at least so many `of` the named criteria."""

    id: str
    all: tuple[str, ...]
    at_least: int
    of: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """Which families are looked at (`with_children` or `all`), and the routes that select one."""

    families: str
    any_of: tuple[Route, ...]


@dataclass(frozen=True)
class Pack:
    """The rules of one programme. `child_under` and `adult_from` are ages in years; `sha256` is of the content."""

    id: str
    version: str
    title: str
    source: str
    sha256: str
    child_under: int
    adult_from: int
    terms: tuple[Term, ...]
    criteria: tuple[Criterion, ...]
    selection: Selection
