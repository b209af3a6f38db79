"""The reference of a pack or local filter as Markdown, made from its rules and cases: the pages of docs/criteria."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.criteria import words
from pipeline.criteria.cases import Case, cases_path, load_cases
from pipeline.criteria.load import load_pack
from pipeline.criteria.packs import Criterion, Pack, Rule
from pipeline.errors import DeclarationError

FILTERS_IN = "troubled-families-2012"  # the pack whose local criterion the example filters are shown in
_RULES_HEAD = (
    "| rule | met when | whose | evidence | sent by | window | threshold |\n| --- | --- | --- | --- | --- | --- | --- |"
)
_CASES_HEAD = "| case | as at | in | out |\n| --- | --- | --- | --- |"


@dataclass(frozen=True)
class Told:
    """A pack or local filter with its cases. `producers`: the partners that send each kind, by its name."""

    name: str
    pack: Pack
    cases: tuple[Case, ...]
    producers: Mapping[str, tuple[str, ...]]
    local: bool

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """What it declares: for a local filter, the local criterion alone."""
        return tuple(criterion for criterion in self.pack.criteria if criterion.local or not self.local)

    @property
    def missing(self) -> list[str]:
        """The kinds it needs and nobody sends."""
        needed = {kind for criterion in self.criteria for kind in criterion.kinds}
        needed |= set() if self.local else set(self.pack.kinds)
        return sorted(kind for kind in needed if not self.producers.get(kind))

    def summary(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": "local filter" if self.local else "pack",
            "version": self.pack.version.rpartition(f"+{self.name}.")[2] if self.local else self.pack.version,
            "title": self.pack.title if not self.local else "In the place of the local criterion",
            "criteria": len(self.criteria),
            "rules": sum(len(criterion.any_of) for criterion in self.criteria),
            "cases": len(self.cases),
            "selects": "" if self.local else "; or ".join(words.route(route) for route in self.pack.selection.any_of),
            "nobody_sends": self.missing,
        }


def read_packs(declarations: Path) -> list[Told]:
    """Every pack, then every local filter, in order of name."""
    criteria = declarations / "criteria"
    paths = [*sorted(criteria.glob("*.yaml")), *sorted((criteria / "local").glob("*.yaml"))]
    return [read_pack(declarations, path.stem) for path in paths]


def read_pack(declarations: Path, name: str) -> Told:
    """One pack or local filter by name. Raises DeclarationError when there is none, or it is not well formed."""
    criteria = declarations / "criteria"
    local = (criteria / "local" / f"{name}.yaml").exists()
    if not local and not (criteria / f"{name}.yaml").exists():
        known = [path.stem for path in (*sorted(criteria.glob("*.yaml")), *sorted((criteria / "local").glob("*.yaml")))]
        raise DeclarationError(
            where="schemas/criteria",
            rule="there is no such pack or local filter.",
            remedy=f"use one of: {', '.join(known)}.",
        )
    vocabulary = load_vocabulary(declarations)
    producers: dict[str, tuple[str, ...]] = {}
    for contract in load_contracts(declarations, vocabulary).values():
        for kind in contract.evidence_kinds():
            producers[kind] = (*producers.get(kind, ()), contract.partner)
    path = criteria / f"{FILTERS_IN if local else name}.yaml"
    pack = load_pack(path, vocabulary, produced=frozenset(producers), local=name if local else None)
    case_file = cases_path(criteria, pack.id, name if local else None)
    cases = load_cases(case_file, vocabulary, pack) if case_file.exists() else ()
    return Told(name, pack, cases, producers, local)


def pages(declarations: Path) -> dict[str, str]:
    """Every page of docs/criteria by file name, the overview included."""
    told = read_packs(declarations)
    return {"README.md": _overview(told), **{f"{one.name}.md": reference(one) for one in told}}


def reference(told: Told) -> str:
    """One page."""
    pack = told.pack
    lines = [f"# {pack.title if not told.local else 'Local filter ' + told.name}", ""]
    version = told.summary()["version"]
    lines += [
        f"`{told.name}`, version {version}. Made by `wholefamily criteria docs`; change it in `schemas/criteria`.",
        "",
    ]
    if not told.local:
        lines += [f"Source: {pack.source}.", "", f"Looks at {words.families(pack)}. A family is selected when:", ""]
        lines += [f"- {words.route(route)} (`{route.id}`)" for route in pack.selection.any_of]
        lines.append("")
        if pack.elsewhere_at_most is not None:
            limit = pack.elsewhere_at_most
            lines += [f"A parent who lives elsewhere may account for {limit} of the criteria, no more.", ""]
        if pack.unconfirmed:
            lines += [f"(u) {pack.unconfirmed}", ""]
    if told.missing:
        kinds = ", ".join(words.plain(kind) for kind in told.missing)
        lines += [
            f"No partner sends yet: {kinds}. Where nothing else meets a criterion that needs them, it is unknown.",
            "",
        ]
    if told.cases:
        usual = next(case.people for case in told.cases if not case.differs)
        lines += [f"The family of the cases, where a case does not say otherwise: {words.people(usual)}.", ""]
    for criterion in told.criteria:
        lines += _criterion(told, criterion)
    if selection := [case for case in told.cases if not case.criterion]:
        lines += ["## Selection", "", *_cases(selection), ""]
    return "\n".join(lines).rstrip() + "\n"


def _criterion(told: Told, criterion: Criterion) -> list[str]:
    lines = [
        f"## {criterion.number}. {criterion.title}",
        "",
        criterion.sentence,
        "",
        f"Source: {criterion.source}.",
        "",
    ]
    if criterion.unconfirmed:
        lines += [f"(u) {criterion.unconfirmed}", ""]
    lines.append(_RULES_HEAD)
    for rule in criterion.any_of:
        lines.append(_row(rule, f"`{rule.id}`", told))
        lines += [_row(test, f"and `{test.id}`", told) for test in rule.also]
        lines += [_row(test, f"or `{test.id}`", told) for test in rule.instead]
    lines.append("")
    lines += [f"(u) `{rule.id}`: {rule.unconfirmed}\n" for rule in criterion.any_of if rule.unconfirmed]
    for rule in criterion.any_of:
        cases = [case for case in told.cases if (case.criterion, case.rule) == (criterion.id, rule.id)]
        if cases:
            lines += [f"### `{rule.id}`", "", *_cases(cases), ""]
    return lines


def _row(rule: Rule, name: str, told: Told) -> str:
    mark = " (u)" if rule.unconfirmed else ""
    cells = [
        name + mark, rule.sentence, words.whose(rule), words.evidence(rule), words.senders(rule, told.producers),
        words.window(rule.window), words.threshold(rule),
    ]  # fmt: skip
    return _table_row(cells)


def _cases(cases: Iterable[Case]) -> list[str]:
    rows = [
        _table_row([case.label, words.date(case.as_at), words.facts(case), words.state(case.out)]) for case in cases
    ]
    return [_CASES_HEAD, *rows]


def _overview(told: list[Told]) -> str:
    lines = [
        "# The packs, rule by rule", "",
        "Made from `schemas/criteria` by `wholefamily criteria docs`. The tables of cases are run through the engine",
        "by `wholefamily criteria test` and by the tests. (u) marks what is not confirmed from the primary text.",
        "How rules, windows and states are meant: [criteria.md](../criteria.md).", "",
        "| page | criteria | rules | cases | selects | nobody sends yet |", "| --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for one in told:
        row = one.summary()
        missing = ", ".join(words.plain(kind) for kind in one.missing)
        cells = [f"[{one.name}]({one.name}.md)", *(str(row[key]) for key in ("criteria", "rules", "cases", "selects"))]
        lines.append(_table_row([*cells, missing]))
    return "\n".join(lines) + "\n"


def _table_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
