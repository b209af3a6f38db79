"""Which records can be linked at all: the best weight that a record could reach, given which of its fields are missing.

A record without a date of birth, an identifier and an address may never reach the threshold, whoever it is compared
with; who they are (by partner) says where better data would help most. Counts only. After Splink's unlinkables chart.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from pipeline.contracts import LinkModel
from pipeline.contracts.linkage import Comparison
from pipeline.errors import BuildError
from pipeline.explain.account import threshold_bits
from pipeline.explain.read import LINKER, Reader
from pipeline.records import RECORD_TOKENS
from pipeline.settings import Settings
from pipeline.store.database import Database

ENCODED = ("forename", "surname", "date_parts")
ALWAYS_HELD = frozenset({"partner"})
Fields = Set[str]


@dataclass(frozen=True)
class Linkable:
    """Records of a partner: how many there are, how many are in no block (never compared), how many could at best be
    non-matches or at best possible; `missing` counts, per comparison, records that lack it."""

    partner: str
    records: int
    in_no_block: int
    never_possible: int
    never_match: int
    missing: dict[str, int]

    @property
    def unlinkable(self) -> int:
        """Records that no comparison could link by itself."""
        return self.in_no_block + self.never_possible + self.never_match


def read_linkable(database: Database, settings: Settings) -> list[Linkable]:
    """One entry per partner, by the weights of the published run. Raises BuildError before the first build."""
    with database.connect(LINKER) as connection:
        reader = Reader(connection)
        night = reader.night(settings)
        held = reader.rows(HELD)
    if not night.parameters.get("comparisons"):
        raise BuildError(where=f"run {night.run_id}", rule="it kept no weights.", remedy="run: wholefamily build")
    return linkable(held, night.parameters, night.model)


def linkable(held: list[dict[str, Any]], parameters: Mapping[str, Any], model: LinkModel) -> list[Linkable]:
    """From counts of records by partner and by which fields they hold (true or false under each field's name).

    A record's best partner to be compared with is a record of another partner, holding all that any of them holds.
    """
    thresholds = threshold_bits(parameters)
    counts: dict[str, dict[str, Any]] = {}
    everywhere = {row["partner"]: set[str]() for row in held}
    for row in held:
        everywhere[row["partner"]] |= _fields(row, model)
    for row in held:
        elsewhere = set().union(*(fields for partner, fields in everywhere.items() if partner != row["partner"]))
        own = _fields(row, model)
        fields = own & elsewhere if elsewhere else own
        of_partner = counts.setdefault(
            row["partner"],
            {"records": 0, "in_no_block": 0, "never_possible": 0, "never_match": 0, "missing": {}},
        )
        number = int(row["records"])
        of_partner["records"] += number
        best = best_bits(fields, parameters, model)
        if not row["encoded"]:
            of_partner["in_no_block"] += number
        elif best < thresholds["possible"]:
            of_partner["never_possible"] += number
        elif best < thresholds["match"]:
            of_partner["never_match"] += number
        for comparison in model.comparisons:
            if not _columns(comparison) & own:
                missing = of_partner["missing"]
                missing[comparison.name] = missing.get(comparison.name, 0) + number
    return [Linkable(partner, **counts[partner]) for partner in sorted(counts)]


def _fields(row: Mapping[str, Any], model: LinkModel) -> set[str]:
    fields = {name for name, value in row.items() if value is True} | ALWAYS_HELD
    return fields | {one.name for one in model.comparisons if one.kind == "date_parts" and "date_parts" in fields}


def best_bits(fields: Fields, parameters: Mapping[str, Any], model: LinkModel) -> float:
    """The highest bits (prior included) that a record with these fields could reach against any other."""
    dependent = parameters.get("dependent_on") or {}
    governing = [one for one in model.comparisons if one.name == dependent.get("comparison")]
    others = [one for one in model.comparisons if one not in governing]
    choices = {"": 0.0}  # the other record may lack it
    for comparison in governing:
        choices |= _reachable(comparison, fields, parameters, given=False)
    sums = (
        weight + sum(_best(one, fields, parameters, given=level == dependent.get("level")) for one in others)
        for level, weight in choices.items()
    )
    return float(parameters["prior_bits"]) + max(sums)


def _best(comparison: Comparison, fields: Fields, parameters: Mapping[str, Any], *, given: bool) -> float:
    """A comparison's best weight; never below nought, since the other side may lack the field. The partners differ."""
    reachable = _reachable(comparison, fields, parameters, given=given)
    if set(comparison.columns) == ALWAYS_HELD:
        return reachable.get(comparison.levels[-1].name, 0.0)
    return max(0.0, *reachable.values(), 0.0)


def _reachable(
    comparison: Comparison, fields: Fields, parameters: Mapping[str, Any], *, given: bool
) -> dict[str, float]:
    """Weights of the levels that a record with these fields can be at."""
    if not _columns(comparison) & fields:
        return {}
    levels = {level.name: level for level in comparison.levels}
    return {
        entry["level"]: float(entry.get("weight_given", entry["weight"]) if given else entry["weight"])
        for entry in parameters["comparisons"][comparison.name]
        if not levels[entry["level"]].columns or set(levels[entry["level"]].columns) & fields
    }


def _columns(comparison: Comparison) -> set[str]:
    return set(comparison.columns) or {comparison.name}


_FLAGS = ", ".join(f"r.{name}_token is not null as {name}" for name in RECORD_TOKENS)
_ENCODED = ", ".join(f"bool_or({name} is not null) as {name}" for name in ENCODED)
_NAMES = ", ".join([*ENCODED, "encoded", "sex", *RECORD_TOKENS])
HELD = f"""
select partner, {_NAMES}, count(*) as records
from (
    select r.partner, r.sex is not null as sex, {_FLAGS}, e.record_id is not null as encoded,
           {", ".join(f"coalesce(e.{name}, false) as {name}" for name in ENCODED)}
    from identity.record r
    left join (select record_id, {_ENCODED} from identity.encoding group by record_id) e using (record_id)
) as held
group by partner, {_NAMES} order by partner
"""  # noqa: S608 - declared names only
