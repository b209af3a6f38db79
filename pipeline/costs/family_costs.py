"""What each family cost each agency in the months before a date: quantities from evidence × unit costs.

Pure: frames in, frames out; the order of rows makes no difference. What counts once, and how, is in docs/costs.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.costs.declared import PERIOD_UNITS, CostModel, CostRule
from pipeline.spans import Ints, Mask, Span, age_in_months, covered_days, months_back, own_members

COST_COLUMNS = (
    "family_id", "cost", "need", "code", "agency", "quantity", "facts", "fiscal", "economic", "cashable",
    "contains_dwp",
)  # fmt: skip
MONEY = ("fiscal", "economic", "cashable")
_ADULT_MONTHS = 18 * 12
_FACT = ["kind", "code", "start_date"]


def family_costs(
    members: pd.DataFrame,
    persons: pd.DataFrame,
    evidence: pd.DataFrame,
    model: CostModel,
    as_at: pd.Timestamp,
    families: npt.ArrayLike | None = None,
    prices: str | None = None,
) -> pd.DataFrame:
    """COST_COLUMNS: one row per family, cost and code, in pounds of the price year (default: the model's).

    MEMBERS, PERSONS and EVIDENCE as in pipeline.records; `families` restricts to these ids. `quantity` is of the
    code's unit, `facts` how many rows of evidence it rests on. fiscal: what falls on the agency's budget; economic:
    what falls on the economy at large; cashable: the part of fiscal that could be given back. They are never added
    up. Raises DeclarationError for a price year without an index.
    """
    as_at = pd.Timestamp(as_at).normalize()
    window = months_back(as_at, model.window_months)
    people = own_members(members, as_at)
    if families is not None:
        people = people[people["family_id"].isin(np.asarray(families))].reset_index(drop=True)
    known = persons.drop_duplicates("person_id").set_index("person_id")["birth_month"]
    people = people.assign(birth=pd.to_datetime(known.reindex(people["person_id"])).to_numpy())
    family_ids, family = np.unique(people["family_id"].to_numpy(dtype=np.int64), return_inverse=True)
    facts = _facts_by_kind(people, family, evidence, model)
    counted = [
        _counted(rule, facts, people, len(family_ids), window, model).assign(rule=place)
        for place, rule in enumerate(model.rules)
    ]
    quantities = pd.concat(counted, ignore_index=True)
    quantities["family_id"] = family_ids[quantities["family"].to_numpy(dtype=np.int64)]
    return _priced(quantities, model, prices or model.prices_of)


def in_prices(lines: pd.DataFrame, model: CostModel, shown: str, wanted: str) -> pd.DataFrame:
    """The same lines in the prices of another year. Raises DeclarationError for a year without an index."""
    factor = model.prices.factor(shown, wanted)
    return lines.assign(**{name: lines[name] * factor for name in MONEY if name in lines})


def _facts_by_kind(
    people: pd.DataFrame, family: Ints, evidence: pd.DataFrame, model: CostModel
) -> dict[str, pd.DataFrame]:
    """The members' evidence of each kind a rule needs; `person` and `family` are positions."""
    kinds = {kind for rule in model.rules for kind in rule.kinds}
    rows = evidence[evidence["kind"].isin(kinds)]
    person = pd.Index(people["person_id"].to_numpy()).get_indexer(pd.Index(rows["person_id"]))
    rows = rows.assign(person=person)[person >= 0]
    rows = rows.assign(family=family[rows["person"].to_numpy()])
    for column in ("kind", "code", "role"):
        rows[column] = rows[column].astype(object)
    for column in ("start_date", "end_date"):
        rows[column] = pd.to_datetime(rows[column])
    return {str(kind): found for kind, found in rows.groupby("kind", sort=True)}


def _counted(
    rule: CostRule,
    facts: Mapping[str, pd.DataFrame],
    people: pd.DataFrame,
    families: int,
    window: Span,
    model: CostModel,
) -> pd.DataFrame:
    """Per family with any: quantity in the rule's unit, number of facts, whether it rests on a closed feed."""
    rows = _rows_of(rule, facts, people, window)
    if rule.measure == "days":
        whose = rows["family" if rule.per == "family" else "person"].to_numpy(dtype=np.int64)
        count = families if rule.per == "family" else len(people)
        days = covered_days(whose, rows["start_date"], rows["end_date"], window, count)
        amount = days / (PERIOD_UNITS[rule.unit] or window.days)
        by_family = amount if rule.per == "family" else _of_families(amount, people, families)
    elif rule.measure == "people":
        reached = _reaching(rule, rows, len(people))
        rows = rows[reached[rows["person"].to_numpy(dtype=np.int64)]]
        by_family = _of_families(reached.astype(np.float64), people, families)
    else:
        once = rows.drop_duplicates([rule.per, *_FACT])
        by_family = np.bincount(once["family"].to_numpy(dtype=np.int64), minlength=families).astype(np.float64)
    family = rows["family"].to_numpy(dtype=np.int64)
    number = np.bincount(family, minlength=families)
    having = np.flatnonzero(by_family > 0)
    return pd.DataFrame(
        {
            "family": having,
            "quantity": by_family[having] * rule.share,
            "facts": number[having],
            "contains_dwp": model.is_closed(rule),
        }
    )


def _rows_of(rule: CostRule, facts: Mapping[str, pd.DataFrame], people: pd.DataFrame, window: Span) -> pd.DataFrame:
    """The evidence that a rule counts: its kinds, codes and roles, in the window, of those it is about."""
    chosen = [facts[kind] for kind in rule.kinds if kind in facts]
    if not chosen:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _EMPTY.items()})
    rows = pd.concat(chosen) if len(chosen) > 1 else chosen[0]
    if rule.codes is not None:
        rows = rows[rows["code"].isin(rule.codes)]
    if rule.roles is not None:
        rows = rows[rows["role"].isin(rule.roles)]
    in_window = window.overlaps if rule.measure == "days" else lambda start, _end: window.begins_in(start)
    rows = rows[in_window(rows["start_date"], rows["end_date"])]
    return rows if rule.who == "any" else rows[_about(rule.who, rows, people)]


def _about(who: str, rows: pd.DataFrame, people: pd.DataFrame) -> Mask:
    """Child or adult on the fact's first day; birth not known: as the family says today."""
    birth = people["birth"].iloc[rows["person"].to_numpy(dtype=np.int64)]
    age = age_in_months(birth, rows["start_date"])
    says_child = (people["role"] == "child").to_numpy()[rows["person"].to_numpy(dtype=np.int64)]
    child = np.where(np.isnan(age), says_child, age < _ADULT_MONTHS)
    return np.asarray(child if who == "child_at_event" else ~child, dtype=bool)


def _reaching(rule: CostRule, rows: pd.DataFrame, people: int) -> Mask:
    """Whether each person's facts, or the sum of their quantities, reach the rule's least; told twice counts once."""
    if rule.sums:
        once = rows.drop_duplicates(["person", *_FACT, "quantity"])
        weights = once["quantity"].fillna(0.0).to_numpy(dtype=np.float64)
        amount = np.bincount(once["person"].to_numpy(dtype=np.int64), weights=weights, minlength=people)
    else:
        once = rows.drop_duplicates(["person", *_FACT])
        amount = np.bincount(once["person"].to_numpy(dtype=np.int64), minlength=people).astype(np.float64)
    return np.asarray(amount >= rule.at_least)


def _of_families(by_person: npt.NDArray[np.float64], people: pd.DataFrame, families: int) -> npt.NDArray[np.float64]:
    _, family = np.unique(people["family_id"].to_numpy(dtype=np.int64), return_inverse=True)
    return np.asarray(np.bincount(family, weights=by_person, minlength=families), dtype=np.float64)


def _priced(quantities: pd.DataFrame, model: CostModel, prices: str) -> pd.DataFrame:
    rows = []
    for place, rule in enumerate(model.rules):
        for order, part in enumerate(rule.priced):
            fiscal, economic = (
                amount * model.prices.factor(year, prices) if amount else 0.0
                for amount, year in ((part.fiscal, part.cost.fiscal_year), (part.economic, part.cost.economic_year))
            )
            share = model.agencies[part.agency].cashable
            rows.append((place, order, rule.id, rule.need, part.cost.code, part.agency, fiscal, economic, share))
    table = pd.DataFrame(
        rows, columns=["rule", "order", "cost", "need", "code", "agency", "fiscal", "economic", "share"]
    )
    lines = quantities.merge(table, on="rule")
    for name in ("fiscal", "economic"):
        lines[name] = (lines["quantity"] * lines[name]).round(2)
    lines["cashable"] = (lines["fiscal"] * lines["share"]).round(2)
    lines = lines.sort_values(["family_id", "rule", "order"], ignore_index=True)
    return lines[list(COST_COLUMNS)]


_EMPTY = {
    "person": "int64", "family": "int64", "kind": "object", "code": "object", "quantity": "float64",
    "start_date": "datetime64[ns]", "end_date": "datetime64[ns]",
}  # fmt: skip
