"""Which claims can be made now, for how much, and why the others cannot: never twice, never beyond the cap.

Pure. One family is one lineage of family ids (`lineage`); within it one case leads: the first that was attached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline.claims.declared import Claim, TariffPack, financial_year

LINE_COLUMNS = ("case_id", "claim", "state", "tariff_year", "pounds", "reason", "holds_now", "contains_dwp")
CLAIMABLE, CLAIMED, NOT_YET, BLOCKED, BEYOND_CAP = "claimable", "claimed", "not_yet", "blocked", "beyond_cap"
PASSED, NOT_APPLICABLE, FAILED, NEEDS_CERTIFICATE = "passed", "not_applicable", "failed", "needs_certificate"
_FULFILS = (PASSED, NOT_APPLICABLE)


@dataclass
class _Family:
    """What has been claimed for one lineage, over all its cases."""

    claimed: dict[str, int] = field(default_factory=dict)  # claim → case
    pounds: int = 0
    leader: int | None = None


def claim_lines(
    cases: pd.DataFrame,
    tests: pd.DataFrame,
    claimed: pd.DataFrame,
    certificates: pd.DataFrame,
    problems: pd.DataFrame,
    pack: TariffPack,
) -> pd.DataFrame:
    """LINE_COLUMNS: one row per case and claim of the pack.

    cases: case_id, lineage, attached_on (NaT before); those merged into another are left out. tests: case_id, test,
    state, contains_dwp. claimed: case_id, lineage, claim, pounds, tariff_year. certificates: case_id, test. problems:
    case_id, criterion, of the day of identification. state: claimable, claimed, not_yet, blocked or beyond_cap;
    holds_now: whether a claimed result still holds (False: it was lost), missing where that cannot be said. A year
    without a tariff blocks its families' claims and says so.
    """
    found = _families(cases, claimed)
    outcome = {(int(case), str(test)): str(state) for case, test, state in _rows(tests, "case_id", "test", "state")}
    dwp = {(int(case), str(test)) for case, test, told in _rows(tests, "case_id", "test", "contains_dwp") if told}
    for case, test in _rows(certificates, "case_id", "test"):
        if outcome.get((int(case), str(test))) == NEEDS_CERTIFICATE:
            outcome[int(case), str(test)] = PASSED
    had: dict[int, set[str]] = {}
    for case, criterion in _rows(problems, "case_id", "criterion"):
        had.setdefault(int(case), set()).add(str(criterion))
    paid = {(int(row[0]), str(row[1])): row for row in _rows(claimed, "case_id", "claim", "pounds", "tariff_year")}

    attached = {family for family, case in zip(cases["lineage"], cases["attached_on"], strict=True) if pd.notna(case)}
    places = pack.cap(len(attached | set(claimed["lineage"]))) - sum(1 for family in found.values() if family.claimed)
    lines: list[dict[str, Any]] = []
    ordered = cases.sort_values(["attached_on", "case_id"], na_position="last")
    for case_id, lineage, attached_on in _rows(ordered, "case_id", "lineage", "attached_on"):
        family, case = found[int(lineage)], int(case_id)
        year = "" if pd.isna(attached_on) else financial_year(attached_on)
        for claim in pack.claims:
            states = {test: outcome.get((case, test), "unknown") for test in claim.needs}
            line: dict[str, Any] = {
                "case_id": case, "claim": claim.id, "tariff_year": year, "pounds": 0, "holds_now": None,
                "contains_dwp": any((case, test) in dwp for test in claim.needs),
            }  # fmt: skip
            if (case, claim.id) in paid:
                _, _, pounds, paid_year = paid[case, claim.id]
                line |= {"state": CLAIMED, "reason": "claimed", "pounds": int(pounds), "tariff_year": str(paid_year)}
                line["holds_now"] = _holds(claim, states)
            else:
                state, reason = _why_not(claim, case, year, family, states, had.get(case, set()), pack)
                amount = 0 if state else min(pack.tariffs[year][claim.id], pack.maximum - family.pounds)
                if not state and amount <= 0:
                    state, reason = BLOCKED, f"the most for one family, £{pack.maximum:,}, has been claimed"
                elif not state and not family.claimed and places <= 0:
                    cap = f"{pack.funded_families} of {pack.funded_of} families"
                    state, reason = BEYOND_CAP, f"funded for {cap}: no place is left"
                elif not state:
                    places -= 0 if family.claimed else 1
                    family.claimed[claim.id] = case
                    family.pounds += amount
                    state, reason = CLAIMABLE, _grounds(claim, states)
                    line["pounds"] = amount
                line |= {"state": state, "reason": reason}
            lines.append(line)
    frame = pd.DataFrame(lines, columns=list(LINE_COLUMNS))
    frame["holds_now"] = frame["holds_now"].astype("boolean")
    return frame.astype({"case_id": "int64", "pounds": "int64", "contains_dwp": bool})


def _families(cases: pd.DataFrame, claimed: pd.DataFrame) -> dict[int, _Family]:
    """By lineage: what has been claimed for it, and which case leads (claimed before, else attached first)."""
    found = {int(lineage): _Family() for lineage in {*cases["lineage"], *claimed["lineage"]}}
    for case, lineage, claim, pounds in sorted(_rows(claimed, "case_id", "lineage", "claim", "pounds")):
        found[int(lineage)].claimed[str(claim)] = int(case)
        found[int(lineage)].pounds += int(pounds)
    attached = cases.dropna(subset=["attached_on"])
    attached = attached.assign(unclaimed=~attached["case_id"].isin(claimed["case_id"]))
    leading = attached.sort_values(["unclaimed", "attached_on", "case_id"]).drop_duplicates("lineage")
    for case, lineage in _rows(leading, "case_id", "lineage"):
        found[int(lineage)].leader = int(case)
    return found


def _why_not(
    claim: Claim, case: int, year: str, family: _Family, states: Mapping[str, str], had: set[str], pack: TariffPack
) -> tuple[str, str]:
    """State and reason of a claim that cannot be made; empty when nothing but money and places is in the way."""
    others = {*claim.instead_of, *(other.id for other in pack.claims if claim.id in other.instead_of)}
    instead = sorted(others & set(family.claimed))
    if claim.id in family.claimed:
        return BLOCKED, "claimed for the same family under another case"
    if not year:
        return NOT_YET, "not in the programme yet"
    if family.leader != case:
        return BLOCKED, "another case of the same family leads"
    if instead:
        return BLOCKED, f"{instead[0].replace('_', ' ')} is claimed instead"
    if year not in pack.tariffs:
        return BLOCKED, f"there is no tariff for {year}: add it to schemas/tariffs/{pack.id}.yaml"
    if claim.problems and not had & set(claim.problems):
        return BLOCKED, "the family had none of its problems when it was identified"
    missing = [
        f"{test.replace('_', ' ')} {state.replace('_', ' ')}" for test, state in states.items() if state not in _FULFILS
    ]
    if missing:
        return NOT_YET, "; ".join(missing)
    if claim.needs and PASSED not in states.values():
        return NOT_YET, "no test applies to the family"
    return "", ""


def _grounds(claim: Claim, states: Mapping[str, str]) -> str:
    told = [f"{test.replace('_', ' ')} {state.replace('_', ' ')}" for test, state in states.items()]
    return "; ".join(told) if told else "in the programme"


def _holds(claim: Claim, states: Mapping[str, str]) -> bool | None:
    """Whether a claimed result still holds: lost when a test fails now."""
    if not claim.lasting or not states:
        return None
    if FAILED in states.values():
        return False
    return True if all(state in _FULFILS for state in states.values()) else None


def _rows(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return list(zip(*(frame[column] for column in columns), strict=True))
