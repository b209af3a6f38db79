"""Which evidence costs what, and which services work on which need (`schemas/costs/mapping.yaml`), checked at load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts import Vocabulary
from pipeline.contracts.reading import read_yaml, require
from pipeline.costs.unit_costs import Prices, UnitCost, load_prices, load_unit_costs

MEASURES = ("facts", "days", "people")
WHO = ("any", "child_at_event", "adult_at_event")
PER = ("person", "family")
# Days in a unit of time; a year is the window's own length, so that a whole year is exactly one.
PERIOD_UNITS: Mapping[str, float | None] = {
    "Per year": None, "Per person per year": None, "Per claimant per year": None,
    "Per month": 365.25 / 12, "Per week": 7.0, "Per day": 1.0,
}  # fmt: skip
FACT_UNITS = ("Per incident", "Per action", "Per application", "Per process", "Per customer", "Per user",
              "Per participant", "Each")  # fmt: skip
ECONOMY = "economy"  # on whom economic costs fall: no agency's budget


@dataclass(frozen=True)
class Agency:
    """Whose budget; `cashable` is the share of its fiscal cost that falling demand would give back."""

    id: str
    title: str
    cashable: float


@dataclass(frozen=True)
class Priced:
    """One code of a rule, and whose cost: fiscal on an agency, or economic on the economy at large.

    A total's fiscal cost is in its parts, but for what they leave.
    """

    cost: UnitCost
    agency: str
    fiscal: float
    economic: float


@dataclass(frozen=True)
class CostRule:
    """One way in which evidence costs something."""

    id: str
    title: str
    need: str
    kinds: tuple[str, ...]
    codes: tuple[str, ...] | None
    roles: tuple[str, ...] | None
    who: str
    measure: str
    per: str
    at_least: float
    sums: bool  # people: at_least is of the sum of quantities, not of the number of facts
    share: float
    unit: str
    priced: tuple[Priced, ...]


@dataclass(frozen=True)
class Service:
    """One service at work on a need, and the evidence that shows it."""

    id: str
    title: str
    agency: str
    need: str
    kinds: tuple[str, ...]
    codes: tuple[str, ...] | None
    roles: tuple[str, ...] | None


@dataclass(frozen=True)
class CostModel:
    """The unit costs, their prices, and the rules that use them. `prices_of`: the price year shown by default."""

    version: str
    title: str
    prices_of: str
    window_months: int
    service_months: int
    agencies: dict[str, Agency]
    rules: tuple[CostRule, ...]
    services: tuple[Service, ...]
    unit_costs: dict[str, UnitCost]
    prices: Prices
    spells: frozenset[str]  # kinds that are periods
    closed_kinds: frozenset[str]  # kinds of evidence of feeds closed to onward disclosure

    def is_closed(self, entry: CostRule | Service) -> bool:
        """Whether a cost or service looks at evidence that is closed to onward disclosure."""
        return bool(self.closed_kinds.intersection(entry.kinds))

    def used(self) -> list[Priced]:
        """The codes that the rules use, each once per rule, in their order."""
        return [priced for rule in self.rules for priced in rule.priced]

    def not_costed(self, kinds: Iterable[str]) -> list[str]:
        """Of these kinds of evidence, the ones without a unit cost."""
        return sorted(set(kinds) - {kind for rule in self.rules for kind in rule.kinds})


def load_cost_model(folder: Path, vocabulary: Vocabulary, closed_kinds: frozenset[str] = frozenset()) -> CostModel:
    """The cost model in `schemas/costs`; what rests on `closed_kinds` is marked.

    Raises DeclarationError, with the line: a code that is not in the table, a kind, code or role that the vocabulary
    has not, a unit that the measure cannot count, an agency or price year that is not declared.
    """
    path = folder / "mapping.yaml"
    document = read_yaml(path)
    for key in ("version", "title", "table", "prices", "window_months", "service_months", "agencies", "costs"):
        require(bool(document.get(key)), path=path, rule=f"the mapping needs '{key}'.", remedy=f"add '{key}'.")
    prices = load_prices(folder / "prices.yaml")
    table = load_unit_costs(folder / str(document["table"]))
    reader = _Reader(path, vocabulary, table, prices, document["agencies"])
    wanted = str(document["prices"])
    require(wanted in prices.index, path=path, near="prices:", rule=f"prices.yaml has no {wanted}.", remedy="add it.")
    rules = tuple(reader.rule(entry) for entry in document["costs"])
    services = tuple(reader.service(entry) for entry in document.get("services") or ())
    for names in ([rule.id for rule in rules], [service.id for service in services]):
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, path=path, rule=f"'{twice[0] if twice else ''}' stands twice.", remedy="rename one.")
    return CostModel(
        version=str(document["version"]),
        title=str(document["title"]),
        prices_of=wanted,
        window_months=int(document["window_months"]),
        service_months=int(document["service_months"]),
        agencies=reader.agencies,
        rules=rules,
        services=services,
        unit_costs=table,
        prices=prices,
        spells=frozenset(name for name, kind in vocabulary.kinds.items() if kind.spell),
        closed_kinds=closed_kinds,
    )


class _Reader:
    """Reads the mapping's parts; each error stands at the line of the entry's id."""

    def __init__(
        self, path: Path, vocabulary: Vocabulary, table: dict[str, UnitCost], prices: Prices, agencies: Any
    ) -> None:
        self.path = path
        self.vocabulary = vocabulary
        self.table = table
        self.prices = prices
        self.agencies = {
            str(name): Agency(str(name), str(entry.get("title", name)), float(entry.get("cashable", -1)))
            for name, entry in agencies.items()
        }
        self.by_name = {str(alias): str(name) for name, entry in agencies.items() for alias in entry.get("names") or ()}
        for agency in self.agencies.values():
            self.check(0 <= agency.cashable <= 1, agency.id, "'cashable' is a share from 0 to 1.", "write 10 % as 0.1.")
        self.check(ECONOMY in self.agencies, "agencies", f"there is no agency '{ECONOMY}'.", "add it: no budget.")

    def check(self, condition: bool, name: str, rule: str, remedy: str) -> None:
        near = f"id: {name}," if f"id: {name}," in self.path.read_text(encoding="utf-8") else name
        require(condition, path=self.path, near=near, rule=rule, remedy=remedy)

    def rule(self, entry: Mapping[str, Any]) -> CostRule:
        name = str(entry.get("id", ""))
        measure, per, who = (str(entry.get(key, default)) for key, default in _DEFAULTS)
        self.check(measure in MEASURES, name, f"cost '{name}': unknown measure.", _one_of(MEASURES))
        self.check(per in PER, name, f"cost '{name}': counted per nobody known.", _one_of(PER))
        self.check(who in WHO, name, f"cost '{name}': nobody is so called.", _one_of(WHO))
        kinds, codes, roles = self._evidence(name, entry)
        if measure == "days":
            for kind in kinds:
                spell = self.vocabulary.kinds[kind].spell
                self.check(spell, name, f"cost '{name}': '{kind}' is one day, and has no days.", "use facts.")
        share = float(entry.get("share", 1.0))
        self.check(0 < share <= 1, name, f"cost '{name}': a share is above 0, up to 1.", "write 25 % as 0.25.")
        priced = self._priced(name, entry)
        units = {part.cost.unit for part in priced}
        fitting = FACT_UNITS if measure == "facts" else tuple(PERIOD_UNITS)
        for unit in sorted(units):
            self.check(
                unit in fitting,
                name,
                f"cost '{name}': {measure} cannot be counted in a cost '{unit}'.",
                "use another measure, or another code.",
            )
        self.check(len(units) == 1, name, f"cost '{name}': its codes have several units.", "split it by unit.")
        return CostRule(
            id=name, title=str(entry.get("title", name)), need=str(entry.get("need", "")), kinds=kinds, codes=codes,
            roles=roles, who=who, measure=measure, per=per, at_least=float(entry.get("at_least", 1)),
            sums=bool(entry.get("sum", False)), share=share, unit=units.pop(), priced=priced,
        )  # fmt: skip

    def service(self, entry: Mapping[str, Any]) -> Service:
        name = str(entry.get("id", ""))
        kinds, codes, roles = self._evidence(name, entry)
        for key in ("agency", "need"):
            self.check(bool(entry.get(key)), name, f"service '{name}' needs '{key}'.", f"add '{key}'.")
        return Service(
            name, str(entry.get("title", name)), str(entry["agency"]), str(entry["need"]), kinds, codes, roles
        )

    def _evidence(
        self, name: str, entry: Mapping[str, Any]
    ) -> tuple[tuple[str, ...], tuple[str, ...] | None, tuple[str, ...] | None]:
        """Kinds, codes and roles; a kind with roles must have them named, so that none slips in."""
        kinds = tuple(str(kind) for kind in entry.get("kinds") or ())
        self.check(bool(name) and bool(kinds), name or "costs", "an entry needs an id and kinds.", "add them.")
        for kind in kinds:
            known = kind in self.vocabulary.kinds
            self.check(known, name, f"'{name}': there is no evidence kind '{kind}'.", "use one of evidence.yaml.")
        declared = [self.vocabulary.kinds[kind] for kind in kinds]
        codes, roles = (
            tuple(str(value) for value in entry[key]) if entry.get(key) is not None else None
            for key in ("codes", "roles")
        )
        for code in codes or ():
            fits = any(kind.allows_code(code) for kind in declared)
            self.check(fits, name, f"'{name}': none of its kinds has the code '{code}'.", "use one of evidence.yaml.")
        for role in roles or ():
            fits = any(kind.allows_role(role) for kind in declared)
            self.check(fits, name, f"'{name}': none of its kinds has the role '{role}'.", "use one of evidence.yaml.")
        needs_roles = any(kind.roles is not None for kind in declared)
        self.check(roles is not None or not needs_roles, name, f"'{name}' must say which roles count.", "add 'roles'.")
        return kinds, codes, roles

    def _priced(self, name: str, entry: Mapping[str, Any]) -> tuple[Priced, ...]:
        """The parts' fiscal costs, what they leave of the total, and the economic cost."""
        parts = [self._code(name, str(code)) for code in entry.get("parts") or ()]
        total = self._code(name, str(entry["total"])) if entry.get("total") else None
        priced = [Priced(cost, self._agency(name, cost), cost.fiscal, 0.0) for cost in parts]
        if total is None:
            priced += [Priced(cost, ECONOMY, 0.0, cost.economic) for cost in parts]
        else:
            left = total.fiscal - sum(
                cost.fiscal * self.prices.factor(cost.fiscal_year, total.fiscal_year) for cost in parts
            )
            to = entry.get("remainder")
            self.check(to is None or to in self.agencies, name, f"'{name}': no agency '{to}'.", _one_of(self.agencies))
            self.check(
                to is not None or left <= 0.01 * total.fiscal,  # without one, a rounding difference is left out
                name,
                f"'{name}': the parts leave a rest of the total, and it falls on nobody.",
                "name a 'remainder', or the missing part.",
            )
            if to is not None:
                priced.append(Priced(total, str(to), max(0.0, left), 0.0))
            priced.append(Priced(total, ECONOMY, 0.0, total.economic))
        self.check(bool(priced), name, f"cost '{name}' has no code.", "add 'parts', or 'total'.")
        return tuple(part for part in priced if part.fiscal or part.economic)

    def _code(self, name: str, code: str) -> UnitCost:
        self.check(
            code in self.table,
            name,
            f"cost '{name}': there is no unit cost '{code}' in the table.",
            "use a code of the table that 'table:' names, or add it there.",
        )
        cost = self.table[code]
        for year in (cost.fiscal_year, cost.economic_year):
            known = not year or year in self.prices.index
            self.check(known, name, f"cost '{name}': prices.yaml has no {year}, which '{code}' is in.", "add it.")
        return cost

    def _agency(self, name: str, cost: UnitCost) -> str:
        known = cost.agency in self.by_name
        self.check(known, name, f"'{name}': the agency of '{cost.code}' is not declared.", "add it under 'agencies'.")
        return self.by_name[cost.agency]


_DEFAULTS = (("measure", ""), ("per", "person"), ("who", "any"))


def _one_of(names: Iterable[str]) -> str:
    return f"use one of: {', '.join(sorted(names))}."
