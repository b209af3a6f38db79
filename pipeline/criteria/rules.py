"""Read one rule of a pack or local filter, checked against the vocabulary of evidence; errors name the line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from pipeline.contracts import EvidenceKind, Vocabulary
from pipeline.criteria.document import At, Document, one_of
from pipeline.criteria.packs import MEASURES, MOMENTS, OF, WHO, Ages, CodeDates, Rule, Window
from pipeline.criteria.terms import SCHOOL_TERMS

_KEYS = {
    "id", "sentence", "source", "unconfirmed", "awaits_feed", "who", "ages", "sex", "kinds", "codes", "code_dates",
    "roles", "window", "measure", "of", "at_least", "below", "unit", "since_joining", "and", "or",
}  # fmt: skip
NOT_CONFIRMED = "not confirmed from the primary text"


class RuleReader:
    """Reads rules of one document. `produced`: the kinds that contracts produce (None: not asked); `has_terms`:
    whether there is a calendar to count terms by."""

    def __init__(
        self, document: Document, vocabulary: Vocabulary, produced: Collection[str] | None, has_terms: bool
    ) -> None:
        self.document = document
        self.vocabulary = vocabulary
        self.produced = produced
        self.has_terms = has_terms

    def several(self, at: At, entry: Any, source: str, what: str = "'any_of'") -> tuple[Rule, ...]:
        rules = tuple(
            self.rule((*at, place), rule, source) for place, rule in enumerate(self.document.listed(at, entry, what))
        )
        twice = len({rule.id for rule in rules}) < len(rules)
        self.document.require(not twice, at, "a rule stands twice.", "rename one.")
        return rules

    def rule(self, at: At, entry: Any, source: str) -> Rule:
        self.document.known_keys(at, entry, _KEYS, "a rule")
        for key in ("id", "who", "kinds", "window", "measure", "at_least", "sentence"):
            self.document.require(entry.get(key) is not None, at, f"a rule needs '{key}'.", f"add '{key}'.")
        name = self.document.name(at, entry)
        self.document.require(entry["who"] in WHO, (*at, "who"), f"rule '{name}': nobody is so called.", one_of(WHO))
        awaits = self._yes(at, entry, "awaits_feed")
        kinds = [
            self._kind((*at, "kinds"), name, str(kind), awaits)
            for kind in self.document.listed((*at, "kinds"), entry["kinds"], f"rule '{name}': 'kinds'")
        ]
        codes = self._allowed(at, name, "codes", entry, kinds)
        self._measure(at, name, entry, kinds)
        return Rule(
            id=name,
            who=str(entry["who"]),
            kinds=tuple(kind.name for kind in kinds),
            codes=codes,
            roles=self._allowed(at, name, "roles", entry, kinds),
            window=self._window((*at, "window"), name, entry["window"], kinds),
            measure=str(entry["measure"]),
            at_least=float(entry["at_least"]),
            spells=frozenset(kind.name for kind in kinds if kind.spell),
            termly=frozenset(kind.name for kind in kinds if _is_termly(kind)),
            below=None if entry.get("below") is None else float(entry["below"]),
            of=self._of(at, name, entry),
            ages=read_ages(self.document, (*at, "ages"), entry["ages"]) if entry.get("ages") is not None else None,
            sex=self._sex(at, name, entry),
            code_dates=self._code_dates((*at, "code_dates"), name, entry.get("code_dates"), codes),
            since_joining=self._yes(at, entry, "since_joining"),
            sentence=self.document.name(at, entry, "sentence"),
            source=self.document.name(at, entry, "source") if entry.get("source") else source,
            unconfirmed=read_unconfirmed(self.document, at, entry),
            awaits_feed=awaits,
            unit=str(entry.get("unit") or ""),
            also=self._tests(at, entry, source, "and"),
            instead=self._tests(at, entry, source, "or"),
        )

    def _tests(self, at: At, entry: Mapping[str, Any], source: str, key: str) -> tuple[Rule, ...]:
        """The tests under `and` or `or`, one level deep and not both, so that a rule reads only one way."""
        if entry.get(key) is None:
            return ()
        self.document.require(
            not ("and" in entry and "or" in entry), (*at, key), "'and' beside 'or'.", "make two rules of it."
        )
        tests = self.several((*at, key), entry[key], source, f"'{key}'")
        for place, test in enumerate(tests):
            self.document.require(
                not test.also and not test.instead,
                (*at, key, place),
                f"a test within '{key}' has tests of its own.",
                f"list all of them under one '{key}'.",
            )
        return tests

    # --- whose
    def _of(self, at: At, rule: str, entry: Mapping[str, Any]) -> str:
        value = entry.get("of", "person")
        self.document.require(value in OF, (*at, "of"), f"rule '{rule}': measured of nobody known.", one_of(OF))
        whole_family = value == "family" and str(entry["who"]).startswith("every_")
        self.document.require(
            not whole_family,
            (*at, "of"),
            f"rule '{rule}': 'every' asks each person, not the family.",
            "leave 'of' out.",
        )
        return str(value)

    def _sex(self, at: At, rule: str, entry: Mapping[str, Any]) -> str | None:
        value = entry.get("sex")
        self.document.require(
            value in (None, "F", "M"), (*at, "sex"), f"rule '{rule}': 'sex' is as partners record it.", one_of("FM")
        )
        return value

    def _yes(self, at: At, entry: Mapping[str, Any], key: str) -> bool:
        value = entry.get(key, False)
        self.document.require(isinstance(value, bool), (*at, key), f"'{key}' is true or false.", "write true or false.")
        return bool(value)

    # --- which evidence
    def _kind(self, at: At, rule: str, name: str, awaits: bool) -> EvidenceKind:
        self.document.require(
            name in self.vocabulary.kinds,
            at,
            f"rule '{rule}': there is no evidence kind '{name}'.",
            "use a kind of schemas/evidence.yaml, or add it there.",
        )
        self.document.require(
            awaits or self.produced is None or name in self.produced,
            at,
            f"rule '{rule}': no partner's contract produces '{name}'.",
            "add it to a contract, or say 'awaits_feed: true': where nothing else meets the criterion, it is unknown.",
        )
        return self.vocabulary.kinds[name]

    def _allowed(
        self, at: At, rule: str, key: str, entry: Mapping[str, Any], kinds: list[EvidenceKind]
    ) -> tuple[str, ...] | None:
        """The codes or roles a rule filters by; a kind with roles must have them named, so that none slips in."""
        values = entry.get(key)
        if values is None:
            need = key == "roles" and any(kind.roles is not None for kind in kinds)
            self.document.require(
                not need, at, f"rule '{rule}' must say which roles count.", "add 'roles', e.g. [offender]."
            )
            return None
        for value in self.document.listed((*at, key), values, f"rule '{rule}': '{key}'"):
            fits = any(
                kind.allows_code(str(value)) if key == "codes" else kind.allows_role(str(value)) for kind in kinds
            )
            self.document.require(
                fits,
                (*at, key),
                f"rule '{rule}': none of its kinds has the {key.removesuffix('s')} '{value}'.",
                "use one that schemas/evidence.yaml allows.",
            )
        for kind in kinds:
            can = [value for value in values if (kind.allows_code if key == "codes" else kind.allows_role)(str(value))]
            self.document.require(
                bool(can),
                (*at, key),
                f"rule '{rule}': none of its {key} is one of '{kind.name}', which then never counts.",
                "name one, or put that kind into a test of its own under 'or'.",
            )
        return tuple(str(value) for value in values)

    def _code_dates(self, at: At, rule: str, entry: Any, codes: tuple[str, ...] | None) -> dict[str, CodeDates]:
        found = {}
        for code, days in (entry or {}).items():
            here = (*at, code)
            self.document.require(
                code in (codes or ()), here, f"rule '{rule}': '{code}' is not among its codes.", "add it to 'codes'."
            )
            self.document.known_keys(here, days, ("from", "until"), "the dates of a code")
            start, end = (self._day((*here, key), days.get(key)) for key in ("from", "until"))
            backwards = start is not None and end is not None and end < start
            self.document.require(not backwards, here, f"'{code}' ends before it starts.", "exchange the dates.")
            found[str(code)] = CodeDates(start, end)
        return found

    def _day(self, at: At, value: Any) -> dt.date | None:
        try:
            return value if value is None or isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
        except ValueError:
            self.document.fail(at, "this is no date.", "write it as 2013-04-29.")

    # --- when
    def _window(self, at: At, rule: str, entry: Any, kinds: list[EvidenceKind]) -> Window:
        if entry == "current":
            for kind in kinds:
                self.document.require(
                    kind.spell,
                    at,
                    f"rule '{rule}': '{kind.name}' happens on one day, so it cannot be current.",
                    "use {months: n} or {terms: n}.",
                )
            return Window("current")
        form = "write {months: n}, {terms: n} or current; with moment: started or ended for the first or last day."
        lengths = [key for key in ("months", "terms") if isinstance(entry, dict) and key in entry]
        if len(lengths) != 1 or not set(entry) <= {"months", "terms", "moment"}:
            self.document.fail(at, f"rule '{rule}' has an unknown window.", form)
        unit, length, moment = lengths[0], entry[lengths[0]], entry.get("moment", "running")
        whole = isinstance(length, int) and not isinstance(length, bool) and length > 0
        self.document.require(whole, (*at, unit), f"rule '{rule}' has a window of no length.", form)
        self.document.require(moment in MOMENTS, (*at, "moment"), f"rule '{rule}': unknown moment.", one_of(MOMENTS))
        self.document.require(
            unit != "terms" or self.has_terms,
            at,
            f"rule '{rule}' counts in terms, but the pack has no term calendar.",
            "add 'terms' with the council's calendar.",
        )
        return Window(unit, length, moment)

    # --- how much
    def _measure(self, at: At, rule: str, entry: Mapping[str, Any], kinds: list[EvidenceKind]) -> None:
        measure = entry["measure"]
        self.document.require(
            measure in MEASURES, (*at, "measure"), f"rule '{rule}': unknown measure.", one_of(MEASURES)
        )
        for key in ("at_least", "below"):
            value = entry.get(key)
            number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
            self.document.require(
                number or (key == "below" and value is None),
                (*at, key),
                f"rule '{rule}': its threshold '{key}' is no positive number.",
                "write a number: 15 % of sessions as 0.15.",
            )
            self.document.require(
                value is None or measure != "rate" or value <= 1,
                (*at, key),
                f"rule '{rule}': a rate is a share between 0 and 1.",
                "write 15 % as 0.15.",
            )
            self.document.require(
                value is None or measure not in ("count", "days") or float(value).is_integer(),
                (*at, key),
                f"rule '{rule}': a count is a whole number.",
                "round it, or use sum or rate.",
            )
        backwards = entry.get("below") is not None and entry["below"] <= entry["at_least"]
        self.document.require(not backwards, (*at, "below"), f"rule '{rule}': the range is empty.", "raise 'below'.")
        for kind in kinds:
            has_units = measure in ("count", "days") or (kind.quantity and (measure == "sum" or kind.out_of))
            self.document.require(
                bool(has_units),
                (*at, "measure"),
                f"rule '{rule}': '{kind.name}' has not the quantities that a {measure} needs.",
                "use count, or a kind with a quantity (and, for a rate, outOf).",
            )
            self.document.require(
                measure != "sum" or entry.get("unit") == kind.quantity,
                (*at, "unit" if "unit" in entry else "at_least"),
                f"rule '{rule}': its threshold is not in the unit of '{kind.name}': {kind.quantity}.",
                f"convert the threshold, and write unit: {kind.quantity}.",
            )
        self.document.require(
            measure == "sum" or "unit" not in entry,
            (*at, "unit"),
            f"rule '{rule}': a {measure} has no unit.",
            "leave 'unit' out.",
        )
        same = measure != "rate" or len({kind.out_of for kind in kinds}) == 1
        self.document.require(
            same, (*at, "kinds"), f"rule '{rule}': its kinds are shares of different things.", "make two rules of it."
        )


def read_ages(document: Document, at: At, entry: Any) -> Ages:
    """An age range: {from: 16, under: 19}, with at: event where the age on the day of the fact is meant."""
    document.known_keys(at, entry, ("from", "under", "at"), "an age range")
    start, under = (
        document.whole((*at, key), entry[key], f"'{key}'", 0) if key in entry else default
        for key, default in (("from", 0), ("under", 200))
    )
    document.require(start < under, at, "the age range is empty.", "write {from: 16, under: 19}.")
    when = entry.get("at", "as_at")
    document.require(when in ("as_at", "event"), (*at, "at"), "an age at no known time.", one_of(("as_at", "event")))
    return Ages(start, under, when == "event")


def read_unconfirmed(document: Document, at: At, entry: Mapping[str, Any]) -> str:
    """What is not confirmed from the primary text: a sentence, or true for the whole; empty when all is."""
    value = entry.get("unconfirmed", False)
    document.require(
        isinstance(value, bool | str),
        (*at, "unconfirmed"),
        "'unconfirmed' is true, or says what is not confirmed.",
        "write true or a sentence.",
    )
    return NOT_CONFIRMED if value is True else (" ".join(value.split()) if value else "")


def _is_termly(kind: EvidenceKind) -> bool:
    """Whether the kind's code is a school term, as 2013-autumn."""
    return kind.pattern is not None and all(kind.allows_code(f"2001-{term}") for term in SCHOOL_TERMS)
