"""Evaluate a pack over families' evidence: met, not met or unknown, the rows that decide it, and who is selected.

Pure and vectorised; the conventions at every edge are in docs/criteria.md and shown by tests/criteria.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.criteria.packs import Criterion, Pack, Route, Rule, Term
from pipeline.criteria.windows import Mask, Period, age_in_months, happens_in, month_index, overlaps, period_of
from pipeline.records import CriteriaResult

MET, NOT_MET, UNKNOWN = "met", "not_met", "unknown"
_MEMBERS = ("adult", "child")  # roles that belong to a family; an associated person's evidence does not count
_FACT = ["kind", "code", "start_date"]  # with the person: what makes two partners' rows one fact


def evaluate(
    families: pd.DataFrame,
    members: pd.DataFrame,
    persons: pd.DataFrame,
    evidence: pd.DataFrame,
    coverage: pd.DataFrame,
    pack: Pack,
    as_at: pd.Timestamp,
) -> CriteriaResult:
    """Which criteria each family meets as at a date, and which families the pack selects.

    Frames as in pipeline.records: FAMILIES, MEMBERS (as formed as at that date), PERSONS, EVIDENCE, COVERAGE (also
    `since`, if there: the first day a partner's data covers). Returns `results` (one row per family looked at and
    criterion), `decisive` (one row per family, criterion and evidence row that meets it) and `selection` (one row per
    family looked at: families with a child, unless the pack says all). Order of rows in makes no difference.
    """
    as_at = pd.Timestamp(as_at).normalize()
    looked_at = _families_looked_at(families, pack)
    people = _people(looked_at, members, persons, pack, as_at)
    facts = _facts_by_kind(people, evidence, pack)
    outcomes = [_criterion(criterion, looked_at, people, facts, coverage, pack, as_at) for criterion in pack.criteria]
    results = pd.concat([result for result, _ in outcomes], ignore_index=True)
    decisive = pd.concat([rows for _, rows in outcomes], ignore_index=True)
    order = ["family_id", "criterion"]
    return CriteriaResult(
        results=results.sort_values(order, ignore_index=True),
        decisive=decisive.drop_duplicates().sort_values([*order, "evidence_id"], ignore_index=True),
        selection=_select(looked_at, outcomes, pack),
    )


def _families_looked_at(families: pd.DataFrame, pack: Pack) -> pd.Index:
    chosen = families if pack.selection.families == "all" else families[families["kind"] == "with_children"]
    return pd.Index(np.sort(chosen["family_id"].to_numpy(dtype=np.int64)), name="family_id")


def _people(
    looked_at: pd.Index, members: pd.DataFrame, persons: pd.DataFrame, pack: Pack, as_at: pd.Timestamp
) -> pd.DataFrame:
    """One row per member of a family looked at: family (position), birth (month index), child, adult; by person_id.

    Age decides who is a child where the birth month is known, else the role the family gives.
    """
    now = (members["start_date"].isna() | (members["start_date"] <= as_at)) & (
        members["end_date"].isna() | (members["end_date"] >= as_at)
    )
    belong = members[now & members["role"].isin(_MEMBERS)].sort_values(["person_id", "family_id"])
    belong = belong.drop_duplicates("person_id")
    family = looked_at.get_indexer(pd.Index(belong["family_id"]))
    belong = belong.assign(family=family)[family >= 0]
    known = persons.drop_duplicates("person_id").set_index("person_id")["birth_month"]
    birth = month_index(pd.to_datetime(known.reindex(belong["person_id"])))
    age = age_in_months(birth, float(as_at.year * 12 + as_at.month))
    says_child = (belong["role"] == "child").to_numpy()
    unknown = np.isnan(age)
    return pd.DataFrame(
        {
            "family": belong["family"].to_numpy(dtype=np.int64),
            "birth": birth,
            "child": np.where(unknown, says_child, age < pack.child_under * 12),
            "adult": np.where(unknown, ~says_child, age >= pack.adult_from * 12),
        },
        index=pd.Index(belong["person_id"].to_numpy(dtype=np.int64), name="person_id"),
    )


def _facts_by_kind(people: pd.DataFrame, evidence: pd.DataFrame, pack: Pack) -> dict[str, pd.DataFrame]:
    """The members' evidence of each kind the pack needs; `person` is the position in `people`."""
    kinds = {kind for criterion in pack.criteria for kind in criterion.kinds}
    evidence = evidence[evidence["kind"].isin(kinds)]
    person = people.index.get_indexer(pd.Index(evidence["person_id"]))
    evidence = evidence.assign(person=person)[person >= 0]
    for column in ("kind", "code", "role"):
        evidence[column] = evidence[column].astype(object)
    for column in ("start_date", "end_date"):
        evidence[column] = pd.to_datetime(evidence[column])
    return {str(kind): rows for kind, rows in evidence.groupby("kind", sort=True)}


def _criterion(
    criterion: Criterion,
    looked_at: pd.Index,
    people: pd.DataFrame,
    facts: Mapping[str, pd.DataFrame],
    coverage: pd.DataFrame,
    pack: Pack,
    as_at: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """RESULTS and DECISIVE of one criterion, the former in the order of `looked_at`."""
    ways = np.zeros(len(looked_at), dtype=np.int64)  # bit i: rule i is met
    decisive = []
    gaps: list[str] = []
    for place, rule in enumerate(criterion.any_of):
        period = period_of(rule.window, pack.terms, as_at)
        rows = _rows_of(rule, period, facts, people, pack)
        meeting = _reaches(rule, rows, len(people))
        deciding = rows[meeting[rows["person"].to_numpy()]]
        family = people["family"].to_numpy()[deciding["person"].to_numpy()]
        ways[np.unique(family)] |= 1 << place
        decisive.append(pd.DataFrame({"family_id": looked_at[family], "evidence_id": deciding["evidence_id"]}))
        gaps += _gaps(rule, period, coverage)
    state = np.where(ways > 0, MET, UNKNOWN if gaps else NOT_MET).astype(object)
    texts = {0: "; ".join(dict.fromkeys(gaps)) or "no rule met"}
    for way in np.unique(ways[ways > 0]):
        texts[int(way)] = ", ".join(rule.id for place, rule in enumerate(criterion.any_of) if way >> place & 1)
    reason = pd.Series(ways).map(texts).astype(object).to_numpy()
    result = pd.DataFrame(
        {"family_id": looked_at.to_numpy(), "criterion": criterion.id, "state": state, "reason": reason}
    )
    found = pd.concat(decisive, ignore_index=True).assign(criterion=criterion.id)
    return result, found[["family_id", "criterion", "evidence_id"]]


def _rows_of(
    rule: Rule, period: Period, facts: Mapping[str, pd.DataFrame], people: pd.DataFrame, pack: Pack
) -> pd.DataFrame:
    """The evidence that a rule looks at: its kinds, codes and roles, in its window, of those it is about."""
    chosen = [_in_window(rule, period, facts[kind], kind, pack.terms) for kind in rule.kinds if kind in facts]
    if not chosen:
        return pd.DataFrame({name: [] for name in ("evidence_id", "person", *_FACT)}).astype({"person": np.int64})
    rows = pd.concat(chosen) if len(chosen) > 1 else chosen[0]
    if rule.codes is not None:
        rows = rows[rows["code"].isin(rule.codes)]
    if rule.roles is not None:
        rows = rows[rows["role"].isin(rule.roles)]
    return rows[_about(rule.who, rows, people, pack)]


def _in_window(rule: Rule, period: Period, rows: pd.DataFrame, kind: str, terms: tuple[Term, ...]) -> pd.DataFrame:
    start, end = rows["start_date"], rows["end_date"]
    if kind in rule.termly and rule.window.kind == "terms":
        # The term's code says which term it is, whatever first and last day the school gives it; a code that is no
        # term of the calendar goes by its days.
        of_calendar = rows["code"].str.rpartition("-")[2].isin([term.name for term in terms])
        inside = rows["code"].isin(period.term_codes) & (start <= period.last)
        return rows[np.where(of_calendar, inside, overlaps(period, start, end))]
    return rows[overlaps(period, start, end) if kind in rule.spells else happens_in(period, start)]


def _about(who: str, rows: pd.DataFrame, people: pd.DataFrame, pack: Pack) -> Mask:
    person = rows["person"].to_numpy()
    if who == "any":
        return np.ones(len(rows), dtype=bool)
    if who in ("child", "adult"):
        return np.asarray(people[who].to_numpy(dtype=bool)[person])
    # child_at_event: on the fact's first day. Birth not known: a child now was one then; of an adult nobody can tell,
    # and a doubt must not flag.
    age = age_in_months(people["birth"].to_numpy()[person], month_index(rows["start_date"]))
    return np.where(np.isnan(age), people["child"].to_numpy(dtype=bool)[person], age < pack.child_under * 12)


def _reaches(rule: Rule, rows: pd.DataFrame, people: int) -> Mask:
    """Whether each person's evidence reaches the rule's threshold; a fact two partners report counts once."""
    person = rows["person"]
    if rule.measure == "count":
        # With a threshold of one, a doubled fact changes nothing.
        counted = rows.drop_duplicates(["person", *_FACT])["person"] if rule.at_least > 1 else person
        return np.asarray(np.bincount(counted, minlength=people) >= rule.at_least)
    once = rows.drop_duplicates(["person", *_FACT, "quantity", "out_of"])
    amount = _total(once, "quantity", people)
    if rule.measure == "sum":
        return np.asarray(amount >= rule.at_least)
    possible = _total(once, "out_of", people)
    # A quotient of whole numbers is rounded as the threshold is, so exactly 15 % is met.
    share = np.divide(amount, possible, out=np.zeros(people), where=possible > 0)
    return np.asarray((possible > 0) & (share >= rule.at_least))


def _total(rows: pd.DataFrame, column: str, people: int) -> npt.NDArray[np.float64]:
    if not len(rows):
        return np.zeros(people)
    complete = rows["quantity"].notna() & (rows["out_of"].notna() | (column == "quantity"))
    weights = rows[column].where(complete, 0.0).to_numpy(dtype=np.float64)
    return np.asarray(np.bincount(rows["person"], weights=weights, minlength=people), dtype=np.float64)


def _gaps(rule: Rule, period: Period, coverage: pd.DataFrame) -> list[str]:
    """Why "not met" could not be said: a kind nobody sends, a stale feed of it, or data that start too late."""
    gaps = []
    for kind in sorted(rule.kinds):
        feeds = coverage[coverage["kind"] == kind]
        if feeds.empty:
            gaps.append(f"no feed of {kind}")
        gaps += [
            f"stale feed of {kind} from {name}" for name in sorted(feeds.loc[~feeds["fresh"].astype(bool), "partner"])
        ]
        if "since" in feeds:
            late = feeds.loc[pd.to_datetime(feeds["since"]) > period.first, "partner"]
            gaps += [f"feed of {kind} from {name} starts inside the window" for name in sorted(late)]
    return gaps


def _select(looked_at: pd.Index, outcomes: list[tuple[pd.DataFrame, pd.DataFrame]], pack: Pack) -> pd.DataFrame:
    """SELECTION: a route holds, might hold if what is unknown were met, or cannot hold."""
    states = {
        criterion.id: result["state"].to_numpy() for criterion, (result, _) in zip(pack.criteria, outcomes, strict=True)
    }
    met = {name: state == MET for name, state in states.items()}
    possible = {name: state != NOT_MET for name, state in states.items()}
    holds = np.array([_holds(route, met) for route in pack.selection.any_of])
    might = np.array([_holds(route, possible) for route in pack.selection.any_of])
    selected = holds.any(axis=0)
    state = np.where(selected, "selected", np.where(might.any(axis=0), UNKNOWN, "not_selected"))
    reason = np.full(len(looked_at), "no route holds", dtype=object)
    reason[state == UNKNOWN] = "a criterion that is unknown would decide"
    ways = (holds.T * (1 << np.arange(len(holds)))).sum(axis=1) if len(looked_at) else np.zeros(0, dtype=np.int64)
    for way in np.unique(ways[ways > 0]):
        names = [route.id for place, route in enumerate(pack.selection.any_of) if way >> place & 1]
        reason[ways == way] = ", ".join(names)
    return pd.DataFrame(
        {
            "family_id": looked_at.to_numpy(),
            "selected": selected,
            "state": state.astype(object),
            "criteria_met": np.sum(list(met.values()), axis=0, dtype=np.int64),
            "reason": reason,
        }
    )


def _holds(route: Route, truth: Mapping[str, Mask]) -> Mask:
    every = np.logical_and.reduce([truth[name] for name in route.all]) if route.all else None
    some = np.sum([truth[name] for name in route.of], axis=0) >= route.at_least if route.of else None
    if every is None or some is None:
        return np.asarray(every if some is None else some, dtype=bool)
    return np.asarray(every & some, dtype=bool)
