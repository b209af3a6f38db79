"""Read a pack (`schemas/criteria/<pack>.yaml`), every rule checked against the vocabulary; errors name the line."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import yaml

from pipeline.contracts import EvidenceKind, Vocabulary
from pipeline.contracts.reading import read_yaml
from pipeline.criteria.packs import (
    FAMILIES_LOOKED_AT,
    MEASURES,
    SCHOOL_TERMS,
    WHO,
    Criterion,
    Pack,
    Route,
    Rule,
    Selection,
    Term,
    Window,
)
from pipeline.errors import DeclarationError

_RULE_KEYS = {"id", "who", "kinds", "codes", "roles", "window", "measure", "at_least"}


def load_pack(path: Path, vocabulary: Vocabulary, *, produced: Collection[str] | None = None) -> Pack:
    """One pack, every rule checked against the vocabulary; with `produced`, also against the contracts' kinds.

    Raises DeclarationError with file and line: an unknown kind, code, role or key; a measure, window or threshold
    that does not fit the kinds' units; terms that overlap or are missing; a route over an unknown criterion.
    """
    document = read_yaml(path)
    reader = _Reader(path, vocabulary, produced)
    for key in ("id", "version", "title", "source", "criteria", "selection"):
        reader.require(bool(document.get(key)), (), f"a pack needs '{key}'.", f"add '{key}'.")
    reader.require(str(document["id"]) == path.stem, ("id",), "the file is named after its pack.", "rename it.")
    terms = reader.terms(document.get("terms") or {})
    criteria = tuple(reader.criterion(index, entry, bool(terms)) for index, entry in enumerate(document["criteria"]))
    names = [criterion.id for criterion in criteria]
    reader.require(len(set(names)) == len(names), ("criteria",), "a criterion stands twice.", "rename one.")
    return Pack(
        id=str(document["id"]),
        version=str(document["version"]),
        title=str(document["title"]),
        source=str(document["source"]),
        sha256=hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest(),
        child_under=reader.age(document, "dependent_child", "under"),
        adult_from=reader.age(document, "adult", "from"),
        terms=terms,
        criteria=criteria,
        selection=reader.selection(document["selection"], names),
    )


class _Reader:
    """Reads one document's parts; knows the line of each, so that an error points at it."""

    def __init__(self, path: Path, vocabulary: Vocabulary, produced: Collection[str] | None) -> None:
        self.path = path
        self.vocabulary = vocabulary
        self.produced = produced
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        self.lines = dict(_lines(node, ())) if node is not None else {}

    def fail(self, at: tuple[Any, ...], rule: str, remedy: str) -> NoReturn:
        while at and at not in self.lines:
            at = at[:-1]
        raise DeclarationError(where=f"{self.path.name}, line {self.lines.get(at, 1)}", rule=rule, remedy=remedy)

    def require(self, condition: bool, at: tuple[Any, ...], rule: str, remedy: str) -> None:
        if not condition:
            self.fail(at, rule, remedy)

    def age(self, document: Mapping[str, Any], group: str, key: str) -> int:
        value = (document.get(group) or {}).get(key)
        if not isinstance(value, int) or not 0 < value < 130:
            self.fail((group,), f"'{group}' needs '{key}' as an age in years.", f"write {group}: {{{key}: 18}}.")
        return value

    # --- school terms
    def terms(self, entries: Mapping[str, Any]) -> tuple[Term, ...]:
        if not entries:
            return ()
        unknown = sorted(set(entries) - set(SCHOOL_TERMS))
        self.require(not unknown, ("terms", *unknown[:1]), "a term has an unknown name.", _one_of(SCHOOL_TERMS))
        for name in SCHOOL_TERMS:
            self.require(name in entries, ("terms",), f"term '{name}' is missing.", "add it: a year has three terms.")
        terms = sorted((self._term(name, entries[name]) for name in SCHOOL_TERMS), key=lambda term: term.start)
        for before, after in itertools.pairwise(terms):
            self.require(
                before.end < after.start,
                ("terms", after.name),
                f"terms '{before.name}' and '{after.name}' overlap.",
                "let one end before the next starts.",
            )
        return tuple(terms)

    def _term(self, name: str, entry: Any) -> Term:
        at = ("terms", name)
        days = []
        for key in ("start", "end"):
            found = re.fullmatch(r"(\d{2})-(\d{2})", str(entry.get(key, "")) if isinstance(entry, dict) else "")
            try:
                day = date(2001, int(found[1]), int(found[2])) if found else None
            except ValueError:
                day = None
            if day is None:
                self.fail((*at, key), f"term '{name}' needs a {key}, a day of every year.", "write it as 'MM-DD'.")
            days.append((day.month, day.day))
        self.require(days[0] < days[1], at, f"term '{name}' ends before it starts.", "exchange start and end.")
        return Term(name, days[0], days[1])

    # --- criteria and rules
    def criterion(self, index: int, entry: Mapping[str, Any], has_terms: bool) -> Criterion:
        at = ("criteria", index)
        for key in ("id", "number", "title", "sentence", "source", "any_of"):
            self.require(bool(entry.get(key)), at, f"a criterion needs '{key}'.", f"add '{key}'.")
        rules = tuple(self.rule((*at, "any_of", place), rule, has_terms) for place, rule in enumerate(entry["any_of"]))
        self.require(len({rule.id for rule in rules}) == len(rules), at, "a rule stands twice.", "rename one.")
        return Criterion(
            id=str(entry["id"]),
            number=int(entry["number"]),
            title=str(entry["title"]),
            sentence=str(entry["sentence"]),
            source=str(entry["source"]),
            local=bool(entry.get("local", False)),
            any_of=rules,
        )

    def rule(self, at: tuple[Any, ...], entry: Mapping[str, Any], has_terms: bool) -> Rule:
        unknown = sorted(set(entry) - _RULE_KEYS)
        self.require(not unknown, at, f"a rule has no key '{unknown[0] if unknown else ''}'.", _one_of(_RULE_KEYS))
        for key in ("id", "who", "kinds", "window", "measure", "at_least"):
            self.require(entry.get(key) is not None, at, f"a rule needs '{key}'.", f"add '{key}'.")
        name = str(entry["id"])
        self.require(entry["who"] in WHO, (*at, "who"), f"rule '{name}': nobody is so called.", _one_of(WHO))
        kinds = [self._kind((*at, "kinds"), name, str(kind)) for kind in entry["kinds"]]
        self.require(bool(kinds), (*at, "kinds"), f"rule '{name}' names no kind.", "name a kind of evidence.")
        window = self._window((*at, "window"), name, entry["window"], kinds, has_terms)
        self._measure(at, name, entry, kinds)
        return Rule(
            id=name,
            who=str(entry["who"]),
            kinds=tuple(kind.name for kind in kinds),
            codes=self._allowed(at, name, "codes", entry, kinds),
            roles=self._allowed(at, name, "roles", entry, kinds),
            window=window,
            measure=str(entry["measure"]),
            at_least=float(entry["at_least"]),
            spells=frozenset(kind.name for kind in kinds if kind.spell),
            termly=frozenset(kind.name for kind in kinds if _is_termly(kind)),
        )

    def _kind(self, at: tuple[Any, ...], rule: str, name: str) -> EvidenceKind:
        self.require(
            name in self.vocabulary.kinds,
            at,
            f"rule '{rule}': there is no evidence kind '{name}'.",
            "use a kind of schemas/evidence.yaml, or add it there.",
        )
        self.require(
            self.produced is None or name in self.produced,
            at,
            f"rule '{rule}': no partner's contract produces '{name}'.",
            "add it to a contract, or leave the rule out.",
        )
        return self.vocabulary.kinds[name]

    def _allowed(
        self, at: tuple[Any, ...], rule: str, key: str, entry: Mapping[str, Any], kinds: list[EvidenceKind]
    ) -> tuple[str, ...] | None:
        """The codes or roles a rule filters by; a kind with roles must have them named, so that none slips in."""
        values = entry.get(key)
        if values is None:
            need = key == "roles" and any(kind.roles is not None for kind in kinds)
            self.require(not need, at, f"rule '{rule}' must say which roles count.", "add 'roles', e.g. [offender].")
            return None
        for value in values:
            fits = any(
                kind.allows_code(str(value)) if key == "codes" else kind.allows_role(str(value)) for kind in kinds
            )
            self.require(
                fits,
                (*at, key),
                f"rule '{rule}': none of its kinds has the {key.removesuffix('s')} '{value}'.",
                "use one that schemas/evidence.yaml allows.",
            )
        return tuple(str(value) for value in values)

    def _window(self, at: tuple[Any, ...], rule: str, entry: Any, kinds: list[EvidenceKind], has_terms: bool) -> Window:
        if entry == "current":
            for kind in kinds:
                self.require(
                    kind.spell,
                    at,
                    f"rule '{rule}': '{kind.name}' happens on one day, so it cannot be current.",
                    "use {months: n} or {terms: n}.",
                )
            return Window("current")
        form = "write {months: n}, {terms: n} or current."
        if not isinstance(entry, dict) or len(entry) != 1 or not set(entry) <= {"months", "terms"}:
            self.fail(at, f"rule '{rule}' has an unknown window.", form)
        (kind_of_window, length), *_ = entry.items()
        self.require(isinstance(length, int) and length > 0, at, f"rule '{rule}' has a window of no length.", form)
        self.require(
            kind_of_window != "terms" or has_terms,
            at,
            f"rule '{rule}' counts in terms, but the pack has no term calendar.",
            "add 'terms' with the council's calendar.",
        )
        return Window(str(kind_of_window), int(length))

    def _measure(self, at: tuple[Any, ...], rule: str, entry: Mapping[str, Any], kinds: list[EvidenceKind]) -> None:
        measure, threshold = entry["measure"], entry["at_least"]
        self.require(measure in MEASURES, (*at, "measure"), f"rule '{rule}': unknown measure.", _one_of(MEASURES))
        number = isinstance(threshold, int | float) and not isinstance(threshold, bool) and threshold > 0
        self.require(number, (*at, "at_least"), f"rule '{rule}': its threshold is no positive number.", "mend it.")
        for kind in kinds:
            has_units = measure == "count" or (kind.quantity and (measure == "sum" or kind.out_of))
            self.require(
                bool(has_units),
                (*at, "measure"),
                f"rule '{rule}': '{kind.name}' has not the quantities that a {measure} needs.",
                "use count, or a kind with a quantity (and, for a rate, outOf).",
            )
        self.require(
            measure != "rate" or threshold <= 1,
            (*at, "at_least"),
            f"rule '{rule}': a rate is a share between 0 and 1.",
            "write 15 % as 0.15.",
        )
        self.require(
            measure != "count" or float(threshold).is_integer(),
            (*at, "at_least"),
            f"rule '{rule}': a count is a whole number.",
            "round it, or use sum or rate.",
        )

    # --- selection
    def selection(self, entry: Mapping[str, Any], criteria: list[str]) -> Selection:
        at = ("selection",)
        looked_at = entry.get("families", "with_children")
        self.require(looked_at in FAMILIES_LOOKED_AT, at, "'families' is not known.", _one_of(FAMILIES_LOOKED_AT))
        self.require(bool(entry.get("any_of")), at, "a selection needs 'any_of'.", "add a route.")
        routes = tuple(
            self._route((*at, "any_of", index), route, criteria) for index, route in enumerate(entry["any_of"])
        )
        return Selection(families=str(looked_at), any_of=routes)

    def _route(self, at: tuple[Any, ...], entry: Mapping[str, Any], criteria: list[str]) -> Route:
        every, some = (tuple(str(name) for name in entry.get(key) or ()) for key in ("all", "of"))
        at_least = int(entry.get("at_least", 0))
        self.require(
            bool(entry.get("id")) and bool(every or some), at, "a route needs an id and criteria.", "add them."
        )
        for name in (*every, *some):
            self.require(name in criteria, at, f"there is no criterion '{name}'.", _one_of(criteria))
        self.require(
            (at_least > 0) == bool(some) and at_least <= len(some),
            at,
            "'at_least' and 'of' belong together, and at_least is at most the number of criteria in 'of'.",
            "write {at_least: 2, of: [a, b, c]}.",
        )
        return Route(id=str(entry["id"]), all=every, at_least=at_least, of=some)


def _is_termly(kind: EvidenceKind) -> bool:
    """Whether the kind's code is a school term, as 2013-autumn."""
    return kind.pattern is not None and all(kind.allows_code(f"2001-{term}") for term in SCHOOL_TERMS)


def _one_of(names: Collection[str]) -> str:
    return f"use one of: {', '.join(sorted(names))}."


def _lines(node: yaml.Node, at: tuple[Any, ...]) -> list[tuple[tuple[Any, ...], int]]:
    """The line (1-based) of every part of a YAML document, by its path."""
    found = [(at, node.start_mark.line + 1)]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found += _lines(value, (*at, key.value))
            found.append(((*at, key.value), key.start_mark.line + 1))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found += _lines(value, (*at, index))
    return found
