"""What is compared, how, and when an effect is said to be there (`schemas/impact/impact.yaml`), checked at load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts import Vocabulary
from pipeline.contracts.reading import read_yaml, require

NEW_MODEL, USUAL = "new_model", "business_as_usual"
ARMS = (NEW_MODEL, USUAL)
MEASURES = ("count", "years")
WHO = ("any", "child", "adult")
METHODS = ("propensity", "mahalanobis")
_RULE_KEYS = {"kinds", "codes", "roles", "who", "lasts", "on_last_day", "rate_at_least"}


@dataclass(frozen=True)
class Rule:
    """Which evidence counts: its kinds, codes and roles, of whom, and by which of its days.

    Neither `lasts` nor `on_last_day`: facts begun in the window; lasts: spells with a day in it; on_last_day: spells
    that cover its last day. `rate_at_least`: one person's quantities over what was possible, in the window.
    """

    kinds: tuple[str, ...]
    codes: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    who: str = "any"
    lasts: bool = False
    on_last_day: bool = False
    rate_at_least: float | None = None


@dataclass(frozen=True)
class Outcome:
    """One thing compared before and after: a count of facts, or years of spells."""

    id: str
    title: str
    measure: str
    primary: bool
    rule: Rule

    @property
    def unit(self) -> str:
        return "a family" if self.measure == "count" else "years a family"


@dataclass(frozen=True)
class Issue:
    """One issue a family has or has not in a window; without rules no partner sends anything that tells."""

    id: str
    title: str
    entry: float | None
    exit: float | None
    any_of: tuple[Rule, ...]


@dataclass(frozen=True)
class Matching:
    """How a comparison group is found where none was assigned."""

    method: str
    controls: int
    caliper: float
    nearest: int
    balanced_below: float


@dataclass(frozen=True)
class Intervals:
    """Confidence level, and the seeded resampling behind intervals of ratios."""

    level: float
    resamples: int
    seed: int


@dataclass(frozen=True)
class Impact:
    """The whole declaration."""

    version: str
    arms: dict[str, str]
    months: int
    lag: int
    intervals: Intervals
    matching: Matching
    outcomes: tuple[Outcome, ...]
    issues: tuple[Issue, ...]
    published: str
    published_source: str
    hybrid_by_headcount: float
    within: float

    @property
    def primary(self) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.primary)

    def kinds(self) -> list[str]:
        """Every kind of evidence that an outcome or issue needs."""
        rules = [outcome.rule for outcome in self.outcomes] + [rule for issue in self.issues for rule in issue.any_of]
        return sorted({kind for rule in rules for kind in rule.kinds})


def load_impact(declarations: Path, vocabulary: Vocabulary) -> Impact:
    """The declaration, checked against the vocabulary.

    Raises DeclarationError with file and line: an unknown kind, code, role or key; a number out of range; no primary
    outcome, or two; a name that stands twice.
    """
    path = declarations / "impact" / "impact.yaml"
    document = read_yaml(path)
    needed = ("version", "arms", "windows", "intervals", "matching", "outcomes", "issues", "published", "money",
              "estimates")  # fmt: skip
    for key in needed:
        require(bool(document.get(key)), path=path, rule=f"'{key}' is missing.", remedy=f"add '{key}'.")
    require(
        set(document["arms"]) == set(ARMS),
        path=path,
        near="arms:",
        rule="there are two arms.",
        remedy=f"name {' and '.join(ARMS)}.",
    )
    reader = _Reader(path, vocabulary)
    outcomes = tuple(reader.outcome(entry) for entry in document["outcomes"])
    issues = tuple(reader.issue(entry) for entry in document["issues"])
    names = [outcome.id for outcome in outcomes] + [issue.id for issue in issues]
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, path=path, near="outcomes:", rule="an outcome or issue stands twice.", remedy="rename one.")
    primary = sum(outcome.primary for outcome in outcomes)
    require(primary == 1, path=path, near="outcomes:", rule="one outcome is primary.", remedy="mark exactly one.")
    windows, intervals, matching = (document[key] for key in ("windows", "intervals", "matching"))
    method = str(matching.get("method"))
    require(
        method in METHODS, path=path, near="method:", rule="unknown method.", remedy=f"one of {', '.join(METHODS)}."
    )
    return Impact(
        version=str(document["version"]),
        arms={str(arm): str(title) for arm, title in document["arms"].items()},
        months=int(reader.number(windows, "months", 1, 60)),
        lag=int(reader.number(windows, "lag", 0, 60)),
        intervals=Intervals(
            reader.number(intervals, "level", 0.5, 0.999),
            int(reader.number(intervals, "resamples", 100, 100_000)),
            int(reader.number(intervals, "seed", 0, 2**31)),
        ),
        matching=Matching(
            method,
            int(reader.number(matching, "controls", 1, 10)),
            reader.number(matching, "caliper", 0.001, 100),
            int(reader.number(matching, "nearest", 1, 1000)),
            reader.number(matching, "balanced_below", 0.001, 1),
        ),
        outcomes=outcomes,
        issues=issues,
        published=str(document["published"].get("title", "")),
        published_source=str(document["published"].get("source", "")),
        hybrid_by_headcount=reader.number(document["money"], "hybrid_by_headcount", 0, 1),
        within=reader.number(document["estimates"], "within", 0, 1),
    )


class _Reader:
    """Reads one document's parts; each error stands at the line of the entry's name."""

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self.path = path
        self.vocabulary = vocabulary

    def check(self, condition: bool, near: str, rule: str, remedy: str) -> None:
        require(condition, path=self.path, near=near, rule=rule, remedy=remedy)

    def number(self, entry: Mapping[str, Any], key: str, low: float, high: float) -> float:
        value = entry.get(key)
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
        self.check(good, f"{key}:", f"'{key}' is a number from {low:g} to {high:g}.", "mend it.")
        return float(value or 0)

    def outcome(self, entry: Mapping[str, Any]) -> Outcome:
        name, measure = str(entry.get("id", "")), str(entry.get("measure", ""))
        near = f"id: {name}"
        self.check(bool(name), "outcomes:", "an outcome has no id.", "give it one.")
        self.check(measure in MEASURES, near, f"outcome '{name}': unknown measure.", f"one of {', '.join(MEASURES)}.")
        rest = {key: value for key, value in entry.items() if key not in {"id", "title", "measure", "primary"}}
        rule = self.rule(name, near, rest)
        by_day = rule.lasts or rule.on_last_day or rule.rate_at_least is not None
        self.check(not by_day, near, f"outcome '{name}' counts facts or years.", "leave the other measures to issues.")
        spells = all(self.vocabulary.kinds[kind].spell for kind in rule.kinds)
        self.check(measure == "count" or spells, near, f"outcome '{name}' needs spells.", "count facts instead.")
        return Outcome(name, str(entry.get("title", name)), measure, bool(entry.get("primary")), rule)

    def issue(self, entry: Mapping[str, Any]) -> Issue:
        name = str(entry.get("id", ""))
        self.check(bool(name), "issues:", "an issue has no id.", "give it one.")
        published = entry.get("published") or {}
        rules = tuple(self.rule(name, f"id: {name}", rule) for rule in entry.get("any_of") or ())
        return Issue(name, str(entry.get("title", name)), published.get("entry"), published.get("exit"), rules)

    def rule(self, name: str, near: str, entry: Mapping[str, Any]) -> Rule:
        unknown = sorted(set(entry) - _RULE_KEYS)
        self.check(not unknown, near, f"'{name}': unknown key {', '.join(unknown)}.", "take it out.")
        kinds = tuple(str(kind) for kind in entry.get("kinds") or ())
        self.check(bool(kinds), near, f"'{name}' names no kinds.", "name kinds of schemas/evidence.yaml.")
        for kind in kinds:
            self.check(kind in self.vocabulary.kinds, near, f"'{name}': '{kind}' is no kind of evidence.", "mend it.")
        for key in ("codes", "roles"):
            allowed = {value for kind in kinds for value in getattr(self.vocabulary.kinds[kind], key) or ()}
            strange = sorted(set(entry.get(key) or ()) - allowed)
            self.check(not strange, near, f"'{name}': its kinds have no such {key}.", "use the vocabulary's.")
        who = str(entry.get("who", "any"))
        self.check(who in WHO, near, f"'{name}': nobody is so called.", f"one of {', '.join(WHO)}.")
        return Rule(
            kinds=kinds,
            codes=tuple(entry["codes"]) if entry.get("codes") else None,
            roles=tuple(entry["roles"]) if entry.get("roles") else None,
            who=who,
            lasts=bool(entry.get("lasts")),
            on_last_day=bool(entry.get("on_last_day")),
            rate_at_least=entry.get("rate_at_least"),
        )
