"""A programme's rules as frozen objects: a pack, its criteria, their rules, its selection. Shapes only.

How they are read and checked belongs in `load` and `rules`; what a rule finds in evidence belongs in `measure`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.criteria.terms import TermCalendar

WHO = ("any", "child", "adult", "parent", "child_at_event", "every_adult", "every_parent")
MEASURES = ("count", "days", "sum", "rate")
OF = ("person", "family")
FAMILIES_LOOKED_AT = ("with_children", "with_dependent_child", "all")
COUNTS = ("criteria", "rules")
MOMENTS = ("running", "started", "ended")


@dataclass(frozen=True)
class Window:
    """How far back a rule looks: `months` or `terms` with a length, or `current` (length 0).

    `moment` says what of a spell must fall in it: any day (running), its first (started) or its last (ended).
    """

    kind: str
    length: int = 0
    moment: str = "running"


@dataclass(frozen=True)
class Ages:
    """From one age in years, to under another; on the as-at date, or on the first day of the fact."""

    start: int = 0
    under: int = 200
    at_event: bool = False


@dataclass(frozen=True)
class CodeDates:
    """The days on which a code counts; None is open."""

    start: dt.date | None = None
    end: dt.date | None = None


@dataclass(frozen=True)
class Rule:
    """One way to meet a criterion: a measure of somebody's evidence reaches a threshold.

    `of` says whose evidence is measured together (one person's, or the family's); `also` are tests that the family
    must pass besides, `instead` tests of which any will do as well; `unconfirmed` says what is not confirmed from the
    programme's primary text (empty: nothing); `awaits_feed`: no partner sends this evidence yet. `spells` and
    `termly` are those of `kinds` that are periods, and whose code is a school term; `unit` is that of the threshold.
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
    below: float | None = None
    of: str = "person"
    ages: Ages | None = None
    sex: str | None = None
    code_dates: Mapping[str, CodeDates] = field(default_factory=dict)
    since_joining: bool = False
    sentence: str = ""
    source: str = ""
    unconfirmed: str = ""
    awaits_feed: bool = False
    unit: str = ""
    also: tuple[Rule, ...] = ()
    instead: tuple[Rule, ...] = ()

    @property
    def every(self) -> bool:
        """Whether each person it is about must reach the threshold, not just one."""
        return self.who.startswith("every_")

    @property
    def tests(self) -> tuple[Rule, ...]:
        """The rule itself, what must hold besides, and what will do as well."""
        return (self, *self.also, *self.instead)


@dataclass(frozen=True)
class Criterion:
    """One criterion of a pack: met when any of its rules is. `filter` names the local filter it is taken from."""

    id: str
    number: int
    title: str
    sentence: str
    source: str
    local: bool
    any_of: tuple[Rule, ...]
    unconfirmed: str = ""
    filter: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of evidence it needs, sorted."""
        return tuple(sorted({kind for rule in self.any_of for test in rule.tests for kind in test.kinds}))


@dataclass(frozen=True)
class YoungPeople:
    """Older dependent children: of these ages, living with parents, with evidence that meets one of the rules."""

    ages: Ages
    any_of: tuple[Rule, ...]


@dataclass(frozen=True)
class Route:
    """One way to be selected: all of `all`, and at least so many `of` the named criteria (or of their rules)."""

    id: str
    all: tuple[str, ...]
    at_least: int
    of: tuple[str, ...]
    counts: str = "criteria"


@dataclass(frozen=True)
class Selection:
    """Which families are looked at (and `also` those that meet one of these rules), and the routes that select one."""

    families: str
    any_of: tuple[Route, ...]
    also: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Pack:
    """The rules of one programme. Ages are in years; `sha256` is of all content, calendar and local filter included.

    `minor_under`: who counts as a child on the day of an offence. `parent_older_by`: an adult so many years older than
    the youngest dependent child counts as a parent. `elsewhere_at_most`: how many criteria a parent who lives
    elsewhere may account for (None: none, their evidence does not count).
    """

    id: str
    version: str
    title: str
    source: str
    sha256: str
    child_under: int
    adult_from: int
    terms: TermCalendar | None
    criteria: tuple[Criterion, ...]
    selection: Selection
    minor_under: int = 18
    parent_older_by: int = 15
    elsewhere_at_most: int | None = None
    young_people: YoungPeople | None = None
    unconfirmed: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind of evidence that it asks for, sorted."""
        older = self.young_people.any_of if self.young_people else ()
        aside = {kind for rule in (*self.selection.also, *older) for kind in rule.kinds}
        return tuple(sorted(aside.union(*(criterion.kinds for criterion in self.criteria))))
