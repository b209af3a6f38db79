"""A programme's result tests and tariffs (`schemas/tariffs/<pack>.yaml`), checked at load. Shapes and reading only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.contracts import Vocabulary
from pipeline.contracts.reading import read_yaml, require
from pipeline.errors import DeclarationError

TEST_KINDS = ("reduction", "each_child", "event", "off_benefit", "no_problem_left")
WHO = ("any", "adult", "child_at_event")
_OF_KIND = {  # what each kind of test must say
    "reduction": ("kinds", "months", "by"),
    "each_child": ("ages", "terms", "limits"),
    "event": ("kinds", "months"),
    "off_benefit": ("kinds", "off_for"),
    "no_problem_left": (),
}


@dataclass(frozen=True)
class Limit:
    """What every child keeps under: a count of facts, or a share of school sessions; `under_from` by date."""

    name: str
    kinds: tuple[str, ...]
    measure: str
    under: float
    under_from: Mapping[dt.date, float] = field(default_factory=dict)

    def on(self, day: dt.date) -> float:
        """The limit in force on a day."""
        begun = [start for start in self.under_from if start <= day]
        return self.under_from[max(begun)] if begun else self.under


@dataclass(frozen=True)
class Off:
    """How long off benefit: `weeks` of the last `of_weeks`, or the last `months` whole; for these codes, or any."""

    codes: tuple[str, ...] | None
    months: int
    weeks: int
    of_weeks: int


@dataclass(frozen=True)
class ResultTest:
    """One result test. `lasting`: whether a result claimed on it can later be lost."""

    id: str
    title: str
    kind: str
    kinds: tuple[str, ...]
    codes: tuple[str, ...] | None
    roles: tuple[str, ...] | None
    who: str
    per: str
    months: int
    by: float
    ages: tuple[int, int]
    on_record_from: int  # from this age, no school record is a gap
    terms: int
    limits: tuple[Limit, ...]
    off: tuple[Off, ...]
    certified: bool
    lasting: bool

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """Every kind of evidence it needs a feed of."""
        return tuple(sorted({*self.kinds, *(kind for limit in self.limits for kind in limit.kinds)}))


@dataclass(frozen=True)
class Claim:
    """One thing that can be claimed: the tests it needs, and what it stands instead of.

    `problems`: of these criteria, the family had at least one when it was identified.
    """

    id: str
    title: str
    needs: tuple[str, ...]
    problems: tuple[str, ...]
    instead_of: tuple[str, ...]
    lasting: bool


@dataclass(frozen=True)
class TariffPack:
    """A programme's tests, claims and money. Amounts are pounds; `tariffs` by financial year of attachment."""

    id: str
    version: str
    pack: str
    title: str
    source: str
    maximum: int
    funded_families: int
    funded_of: int
    agreed_families: int | None
    tariffs: dict[str, dict[str, int]]
    unconfirmed: frozenset[str]
    tests: tuple[ResultTest, ...]
    claims: tuple[Claim, ...]

    def tariff(self, year: str) -> dict[str, int]:
        """Pounds by claim for families attached in a year. Raises DeclarationError when the year is not given."""
        if year not in self.tariffs:
            raise DeclarationError(
                where=f"schemas/tariffs/{self.id}.yaml",
                rule=f"there is no tariff for {year}; there are: {', '.join(sorted(self.tariffs))}.",
                remedy="add the year under 'tariffs', or correct the day on which the family is said to be attached.",
            )
        return self.tariffs[year]

    def cap(self, attached: int) -> int:
        """How many families are funded, of the agreed number or, without one, of those attached so far."""
        return (self.agreed_families or attached) * self.funded_families // self.funded_of


def financial_year(day: dt.date) -> str:
    """The financial year of a day, from 1 April, as 2013/14."""
    first = day.year if (day.month, day.day) >= (4, 1) else day.year - 1
    return f"{first}/{(first + 1) % 100:02d}"


def load_tariff_pack(path: Path, vocabulary: Vocabulary) -> TariffPack:
    """One programme's tariffs.

    Raises DeclarationError, with the line: an unknown kind, code, role, test or claim; a test that lacks what its kind
    needs; a year without an amount for a claim; amounts that exceed the maximum.
    """
    document = read_yaml(path)
    for key in ("id", "version", "pack", "title", "source", "maximum", "funding", "tariffs", "tests", "claims"):
        require(bool(document.get(key)), path=path, rule=f"a tariff pack needs '{key}'.", remedy=f"add '{key}'.")
    require(
        document["id"] == path.stem, path=path, near="id:", rule="the file is named after its id.", remedy="rename it."
    )
    tests = tuple(_test(path, vocabulary, entry) for entry in document["tests"])
    claims = tuple(_claim(path, entry, tests) for entry in document["claims"])
    names = [claim.id for claim in claims]
    for claim in claims:
        for other in claim.instead_of:
            _check(other in names, path, claim.id, f"there is no claim '{other}'.", _one_of(names))
    tariffs = {str(year): _tariff(path, str(year), entry, names) for year, entry in document["tariffs"].items()}
    funding = document["funding"]
    families, of = int(funding.get("families", 1)), int(funding.get("of", 1))
    fits = 0 < families <= of
    require(fits, path=path, near="funding", rule="more families are funded than there are.", remedy="write 5 of 6.")
    agreed = funding.get("agreed_families")
    return TariffPack(
        id=str(document["id"]), version=str(document["version"]), pack=str(document["pack"]),
        title=str(document["title"]), source=str(document["source"]), maximum=int(document["maximum"]),
        funded_families=families, funded_of=of, agreed_families=None if agreed is None else int(agreed),
        tariffs=tariffs, tests=tests, claims=claims,
        unconfirmed=frozenset(
            str(year) for year, entry in document["tariffs"].items() if entry.get("confirmed") is False
        ),
    )  # fmt: skip


def _test(path: Path, vocabulary: Vocabulary, entry: Mapping[str, Any]) -> ResultTest:
    name = str(entry.get("id", ""))
    kind = str(entry.get("kind", ""))
    _check(bool(name) and kind in TEST_KINDS, path, name, f"test '{name}': unknown kind of test.", _one_of(TEST_KINDS))
    for key in _OF_KIND[kind]:
        _check(bool(entry.get(key)), path, name, f"test '{name}' needs '{key}'.", f"add '{key}'.")
    who = str(entry.get("who", "any"))
    _check(who in WHO, path, name, f"test '{name}': nobody is so called.", _one_of(WHO))
    by = float(entry.get("by", 0))
    _check(0 <= by <= 1, path, name, f"test '{name}': 'by' is a share.", "write 60 % as 0.60.")
    limits = tuple(_limit(path, vocabulary, name, limit) for limit in entry.get("limits") or ())
    ages = entry.get("ages") or {}
    offs = tuple(_off(path, name, off) for off in entry.get("off_for") or ())
    kinds, codes, roles = _evidence(path, vocabulary, name, entry)
    return ResultTest(
        id=name, title=str(entry.get("title", name)), kind=kind, kinds=kinds, codes=codes, roles=roles, who=who,
        per=str(entry.get("per", "person")), months=int(entry.get("months", 0)), by=by,
        ages=(int(ages.get("from", 0)), int(ages.get("under", 18))),
        on_record_from=int(ages.get("on_record_from", ages.get("from", 0))),
        terms=int(entry.get("terms", 0)), limits=limits,
        off=offs, certified=bool(entry.get("certified", False)), lasting=bool(entry.get("lasting", True)),
    )  # fmt: skip


def _limit(path: Path, vocabulary: Vocabulary, test: str, entry: Mapping[str, Any]) -> Limit:
    kinds, _, _ = _evidence(path, vocabulary, test, entry)
    measure = str(entry.get("measure", ""))
    _check(measure in ("count", "rate"), path, test, f"test '{test}': a limit is a count or a rate.", "use one.")
    under = float(entry.get("under", -1))
    fits = under > 0 and (measure == "count" or under <= 1)
    _check(fits, path, test, f"test '{test}': a limit needs 'under', a rate as a share.", "write 15 % as 0.15.")
    if measure == "rate":
        for kind in kinds:
            has = bool(vocabulary.kinds[kind].quantity and vocabulary.kinds[kind].out_of)
            _check(has, path, test, f"test '{test}': '{kind}' has no quantity out of another.", "use a count.")
    dated = {dt.date.fromisoformat(str(day)): float(value) for day, value in (entry.get("under_from") or {}).items()}
    return Limit(str(entry.get("name", test)), kinds, measure, under, dated)


def _off(path: Path, test: str, entry: Mapping[str, Any]) -> Off:
    months, weeks = int(entry.get("months", 0)), int(entry.get("weeks", 0))
    of_weeks = int(entry.get("of_weeks", weeks))
    fits = (months > 0) != (weeks > 0) and of_weeks >= weeks
    _check(
        fits,
        path,
        test,
        f"test '{test}': 'off_for' needs months, or weeks of of_weeks.",
        "write {weeks: 26, of_weeks: 30}.",
    )
    codes = entry.get("codes")
    return Off(None if codes is None else tuple(str(code) for code in codes), months, weeks, of_weeks)


def _claim(path: Path, entry: Mapping[str, Any], tests: tuple[ResultTest, ...]) -> Claim:
    name = str(entry.get("id", ""))
    _check(bool(name), path, "claims", "a claim needs an id.", "add it.")
    known = [test.id for test in tests]
    needs, problems, instead_of = (
        tuple(str(value) for value in entry.get(key) or ()) for key in ("needs", "problems", "instead_of")
    )
    for test in needs:
        _check(test in known, path, name, f"claim '{name}': there is no test '{test}'.", _one_of(known))
    return Claim(name, str(entry.get("title", name)), needs, problems, instead_of, bool(entry.get("lasting", True)))


def _tariff(path: Path, year: str, entry: Any, claims: list[str]) -> dict[str, int]:
    form = len(year) == 7 and year[4] == "/" and year.replace("/", "").isdigit()
    _check(form, path, year, f"'{year}' is no financial year.", "write it as 2013/14.")
    amounts: dict[str, int] = {}
    for claim in claims:
        value = entry.get(claim) if isinstance(entry, dict) else None
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        _check(whole, path, year, f"{year} has no amount for '{claim}'.", "add it in whole pounds.")
        amounts[claim] = int(value or 0)
    unknown = sorted(set(entry) - {*claims, "confirmed"})
    _check(not unknown, path, year, f"{year}: there is no claim '{unknown[0] if unknown else ''}'.", _one_of(claims))
    return amounts


def _evidence(
    path: Path, vocabulary: Vocabulary, name: str, entry: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...] | None, tuple[str, ...] | None]:
    kinds = tuple(str(kind) for kind in entry.get("kinds") or ())
    for kind in kinds:
        known = kind in vocabulary.kinds
        _check(known, path, name, f"'{name}': there is no evidence kind '{kind}'.", "use one of evidence.yaml.")
    declared = [vocabulary.kinds[kind] for kind in kinds]
    codes, roles = (
        tuple(str(value) for value in entry[key]) if entry.get(key) is not None else None for key in ("codes", "roles")
    )
    for code in codes or ():
        fits = any(kind.allows_code(code) for kind in declared)
        _check(fits, path, name, f"'{name}': none of its kinds has the code '{code}'.", "use one of evidence.yaml.")
    for role in roles or ():
        fits = any(kind.allows_role(role) for kind in declared)
        _check(fits, path, name, f"'{name}': none of its kinds has the role '{role}'.", "use one of evidence.yaml.")
    needs_roles = any(kind.roles is not None for kind in declared)
    _check(roles is not None or not needs_roles, path, name, f"'{name}' must say which roles count.", "add 'roles'.")
    return kinds, codes, roles


def _check(condition: bool, path: Path, name: str, rule: str, remedy: str) -> None:
    text = path.read_text(encoding="utf-8")
    near = next((form for form in (f"id: {name},", f"id: {name}\n") if form in text), name)
    require(condition, path=path, near=near.strip("\n"), rule=rule, remedy=remedy)


def _one_of(names: Iterable[str]) -> str:
    return f"use one of: {', '.join(sorted(names))}."
