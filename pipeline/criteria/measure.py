"""What a rule finds in the evidence: the rows it looks at, and which families reach its threshold.

FACTS of one kind: evidence_id · person (row of PEOPLE) · kind, code, role (categories) · start_date · end_date ·
quantity · out_of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.criteria.packs import Pack, Rule
from pipeline.criteria.people import YEAR, age_of
from pipeline.criteria.terms import SCHOOL_TERMS
from pipeline.criteria.windows import Mask, Period, age_in_months, happens_in, month_index, overlaps, period_of

Facts = Mapping[str, pd.DataFrame]
_FACT = ["kind", "code", "start_date"]  # with the person: what makes two partners' rows one fact
_COLUMNS = ["evidence_id", *_FACT, "role", "end_date", "quantity", "out_of"]


@dataclass(frozen=True)
class Found:
    """Per family: whether it reaches the threshold by who lives in it, and with parents who live elsewhere; and the
    rows that make it so: family (position) and evidence_id."""

    at_home: Mask
    with_elsewhere: Mask
    rows: pd.DataFrame


def facts_by_kind(people: pd.DataFrame, evidence: pd.DataFrame, kinds: Collection[str]) -> dict[str, pd.DataFrame]:
    """FACTS of the people, by kind; a person who belongs to two families (as a parent elsewhere) has them in both."""
    evidence = evidence[evidence["kind"].isin(list(kinds))]
    resident = people["resident"].to_numpy(dtype=bool)
    found = pd.Index(people["person_id"][resident]).get_indexer(pd.Index(evidence["person_id"]))
    rows = evidence.loc[found >= 0, _COLUMNS].assign(person=np.flatnonzero(resident)[found[found >= 0]])
    elsewhere = np.flatnonzero(~resident)
    if len(elsewhere):
        of = pd.DataFrame({"person_id": people["person_id"].to_numpy()[elsewhere], "person": elsewhere})
        theirs = evidence[evidence["person_id"].isin(of["person_id"])].merge(of, on="person_id")
        rows = pd.concat([rows, theirs[[*_COLUMNS, "person"]]], ignore_index=True)
    for column in ("kind", "code", "role"):
        rows[column] = rows[column].astype("category")
    for column in ("start_date", "end_date"):
        rows[column] = pd.to_datetime(rows[column])
    return {str(kind): of_kind for kind, of_kind in rows.groupby("kind", observed=True)}


def find(rule: Rule, facts: Facts, people: pd.DataFrame, families: int, pack: Pack, as_at: pd.Timestamp) -> Found:
    """Which families meet a rule with all that must hold besides, or what will do as well, and by which rows."""
    found = [_find_one(test, facts, people, families, pack, as_at) for test in rule.tests]
    if len(found) == 1:
        return found[0]
    combine = np.logical_and if rule.also else np.logical_or
    at_home = combine.reduce([one.at_home for one in found])
    everybody = combine.reduce([one.with_elsewhere for one in found])
    rows = pd.concat([one.rows for one in found], ignore_index=True)
    return Found(at_home, everybody, rows[everybody[rows["family"].to_numpy(dtype=np.int64)]])


def persons_reaching(rule: Rule, facts: Facts, people: pd.DataFrame, pack: Pack, as_at: pd.Timestamp) -> Mask:
    """Of each row of PEOPLE, whether that person's own evidence reaches the rule's threshold."""
    rows = _rows_of(rule, facts, people, pack, as_at)
    return _reaches(rule, rows, rows["person"].to_numpy(dtype=np.int64), len(people))


def _find_one(rule: Rule, facts: Facts, people: pd.DataFrame, families: int, pack: Pack, as_at: pd.Timestamp) -> Found:
    rows = _rows_of(rule, facts, people, pack, as_at)
    person = rows["person"].to_numpy(dtype=np.int64)
    family, resident = people["family"].to_numpy(dtype=np.int64), people["resident"].to_numpy(dtype=bool)
    if rule.of == "family":
        own = resident[person]
        everybody = _reaches(rule, rows, family[person], families)
        at_home = everybody if own.all() else _reaches(rule, rows[own], family[person[own]], families)
        deciding = everybody[family[person]]
    else:
        reach = _reaches(rule, rows, person, len(people))
        if rule.every:
            asked = _of_class(rule, people, as_at) & resident
            wanted = np.bincount(family[asked], minlength=families)
            at_home = (wanted > 0) & (np.bincount(family[asked & reach], minlength=families) == wanted)
            everybody = at_home
            deciding = at_home[family[person]] & reach[person]
        else:
            at_home, everybody = (np.zeros(families, dtype=bool) for _ in range(2))
            at_home[family[reach & resident]] = True
            everybody[family[reach]] = True
            deciding = reach[person]
    ids = rows["evidence_id"].to_numpy()[deciding]
    return Found(at_home, everybody, pd.DataFrame({"family": family[person[deciding]], "evidence_id": ids}))


# --- the rows a rule looks at
def _rows_of(rule: Rule, facts: Facts, people: pd.DataFrame, pack: Pack, as_at: pd.Timestamp) -> pd.DataFrame:
    """The evidence of its kinds, codes and roles, in its window, of those it is about."""
    period = period_of(rule.window, pack.terms, as_at)
    codes = _codes_in_force(rule, as_at.date())
    chosen = []
    for kind in rule.kinds:
        if kind in facts and period is not None:
            rows = facts[kind]
            inside = _in_window(rule, period, rows, kind)
            if codes is not None:
                inside = inside & rows["code"].isin(codes).to_numpy()
            if rule.roles is not None:
                inside = inside & rows["role"].isin(rule.roles).to_numpy()
            chosen.append(rows[inside])
    if not chosen:
        empty = pd.DataFrame({name: [] for name in [*_COLUMNS, "person"]})
        whole = {
            "evidence_id": "int64",
            "person": "int64",
            "start_date": "datetime64[ns]",
            "end_date": "datetime64[ns]",
        }
        return empty.astype(whole)
    rows = pd.concat(chosen) if len(chosen) > 1 else chosen[0]
    return rows[_about(rule, rows, people, pack, as_at)]


def _in_window(rule: Rule, period: Period, rows: pd.DataFrame, kind: str) -> Mask:
    start, end = rows["start_date"], rows["end_date"]
    if kind in rule.termly and rule.window.kind == "terms":
        # The term's code says which term it is, whatever first and last day the school gives it; a code that is no
        # term of the calendar goes by its days.
        listed = [str(code).rpartition("-")[2] in SCHOOL_TERMS for code in rows["code"].cat.categories]
        of_calendar = np.array([*listed, False])[rows["code"].cat.codes]  # a missing code is -1: the last
        inside = rows["code"].isin(period.term_codes) & (start <= period.last)
        return np.where(of_calendar, inside, overlaps(period, start, end))
    if kind not in rule.spells or rule.window.moment == "started":
        return happens_in(period, start)
    return happens_in(period, end) if rule.window.moment == "ended" else overlaps(period, start, end)


def _codes_in_force(rule: Rule, as_at: dt.date) -> list[str] | None:
    """The codes that count on the as-at date."""
    if rule.codes is None:
        return None
    days = rule.code_dates

    def counts(code: str) -> bool:
        start, end = (days[code].start, days[code].end) if code in days else (None, None)
        return (start is None or start <= as_at) and (end is None or as_at <= end)

    return [code for code in rule.codes if counts(code)]


def _about(rule: Rule, rows: pd.DataFrame, people: pd.DataFrame, pack: Pack, as_at: pd.Timestamp) -> Mask:
    person = rows["person"].to_numpy(dtype=np.int64)
    about: Mask = _of_class(rule, people, as_at)[person]
    birth = people["birth"].to_numpy()[person]
    if rule.who == "child_at_event":
        # On the fact's first day. Birth not known: a child now was one then; of an adult nobody can tell, and a doubt
        # must not flag.
        age = age_in_months(birth, month_index(rows["start_date"]))
        about &= np.where(np.isnan(age), people["child"].to_numpy(dtype=bool)[person], age < pack.minor_under * YEAR)
    if rule.ages is not None and rule.ages.at_event:
        about &= _within(rule, age_in_months(birth, month_index(rows["start_date"])))
    if rule.since_joining:
        joined = people["joined"].to_numpy()[person]
        start, end = rows["start_date"].to_numpy(), rows["end_date"].to_numpy()
        spell = rows["kind"].isin(rule.spells).to_numpy()
        after = np.where(spell, np.isnat(end) | (end >= joined), start >= joined)
        about &= np.isnat(joined) | after
    return about


def _of_class(rule: Rule, people: pd.DataFrame, as_at: pd.Timestamp) -> Mask:
    """Of each row of PEOPLE, whether the rule asks about them, as far as the fact's own day does not matter."""
    who = rule.who.removeprefix("every_")
    asked = np.ones(len(people), dtype=bool)
    if who in ("child", "adult", "parent"):
        asked &= people[who].to_numpy(dtype=bool)
    if rule.sex is not None:
        asked &= (people["sex"] == rule.sex).to_numpy(dtype=bool)
    if rule.ages is not None and not rule.ages.at_event:
        asked &= _within(rule, age_of(people, as_at))
    return asked


def _within(rule: Rule, age: npt.NDArray[np.float64]) -> Mask:
    """Whether an age lies in the rule's range; one that is not known does not, as a doubt must not flag."""
    assert rule.ages is not None
    with np.errstate(invalid="ignore"):
        return np.asarray((age >= rule.ages.start * YEAR) & (age < rule.ages.under * YEAR), dtype=bool)


# --- how much of it
def _reaches(rule: Rule, rows: pd.DataFrame, unit: npt.NDArray[np.int64], units: int) -> Mask:
    """Whether each unit (person or family) reaches the threshold; a fact two partners report counts once."""
    at_least, below = rule.at_least, np.inf if rule.below is None else rule.below
    amount: npt.NDArray[Any]
    if rule.measure == "count" and at_least == 1 and rule.below is None:
        amount = np.bincount(unit, minlength=units)  # a doubled fact changes nothing
    elif rule.measure in ("count", "days"):
        same = ["person", *_FACT] if rule.measure == "count" else ["start_date"]
        once = ~rows[same].assign(unit=unit).duplicated().to_numpy()
        amount = np.bincount(unit[once], minlength=units)
    else:
        once = ~rows[["person", *_FACT, "quantity", "out_of"]].duplicated().to_numpy()
        rows, unit = rows[once], unit[once]
        amount = _total(rows, "quantity", unit, units, rule)
        if rule.measure == "rate":
            possible = _possible(rows, unit, units, rule)
            # A quotient of whole numbers is rounded as the threshold is, so exactly 15 % is met.
            share = np.divide(amount, possible, out=np.zeros(units), where=possible > 0)
            return np.asarray((possible > 0) & (share >= at_least) & (share < below))
    return np.asarray((amount >= at_least) & (amount < below))


def _total(
    rows: pd.DataFrame, column: str, unit: npt.NDArray[np.int64], units: int, rule: Rule
) -> npt.NDArray[np.float64]:
    """The sum of a quantity per unit, over rows that have all the rule's quantities."""
    if not len(rows):
        return np.zeros(units)
    complete = rows["quantity"].notna() & (rows["out_of"].notna() | (rule.measure == "sum"))
    weights = rows[column].where(complete, 0.0).to_numpy(dtype=np.float64)
    return np.asarray(np.bincount(unit, weights=weights, minlength=units), dtype=np.float64)


def _possible(rows: pd.DataFrame, unit: npt.NDArray[np.int64], units: int, rule: Rule) -> npt.NDArray[np.float64]:
    """What a rate is a share of. Several kinds (absence with and without leave) tell the same possible sessions:
    per person and code, those of the kind that tells most of them."""
    if len(rule.kinds) == 1 or not len(rows):
        return _total(rows, "out_of", unit, units, rule)
    complete = rows["quantity"].notna() & rows["out_of"].notna()
    told = rows.loc[complete, ["person", "code", "kind", "out_of"]].assign(unit=unit[complete.to_numpy()])
    codes = told["code"].cat.codes if told["code"].dtype == "category" else told["code"]
    by_kind = told.groupby(["unit", "person", codes, "kind"], observed=True)["out_of"].sum()
    most = by_kind.groupby(level=[0, 1, 2]).max()
    of = most.index.get_level_values(0).to_numpy(dtype=np.int64)
    return np.asarray(np.bincount(of, weights=most.to_numpy(), minlength=units), dtype=np.float64)
