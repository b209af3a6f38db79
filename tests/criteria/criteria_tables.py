"""Small tables in: a few tuples become the frames of pipeline.records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from pipeline.criteria import Pack, evaluate
from pipeline.records import CriteriaResult

AS_AT = "2014-07-31"
PARTNER_OF = {
    "council": ("asb_order", "asb_injunction", "asb_contract", "housing_asb_action", "child_in_need",
                "child_protection_plan", "eviction_notice"),
    "dwp": ("out_of_work_benefit",),
    "police": ("proven_offence", "domestic_abuse_incident"),
    "schools": ("unauthorised_absence", "suspension", "permanent_exclusion", "enrolment",
                "enrolment_because_excluded"),
}  # fmt: skip
KINDS = {kind: partner for partner, kinds in PARTNER_OF.items() for kind in kinds}
FACT = ("person_id", "kind", "start_date", "end_date", "code", "role", "quantity", "out_of", "partner")


def fact(person: int, kind: str, start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    """One row of evidence; code, role, quantity, out_of and partner where the case needs them."""
    return {
        **dict.fromkeys(FACT),
        "person_id": person, "kind": kind, "start_date": start, "end_date": end, "partner": KINDS[kind], **more,
    }  # fmt: skip


def evidence_frame(facts: Iterable[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(facts), columns=list(FACT))
    frame.insert(0, "evidence_id", range(100, 100 + len(frame)))
    for column in ("start_date", "end_date"):
        frame[column] = pd.to_datetime(frame[column])
    for column in ("quantity", "out_of"):
        frame[column] = frame[column].astype("float64")
    return frame


def families_frame(ids: Iterable[int], kind: str = "with_children") -> pd.DataFrame:
    ids = list(ids)
    return pd.DataFrame({"family_id": ids, "kind": kind})


def members_frame(rows: Iterable[tuple[int, int, str]]) -> pd.DataFrame:
    """family, person, role."""
    frame = pd.DataFrame(list(rows), columns=["family_id", "person_id", "role"])
    return frame.assign(
        start_date=pd.NaT, end_date=pd.NaT, reason="same_residence", confidence=1.0
    ).astype({"start_date": "datetime64[ns]", "end_date": "datetime64[ns]"})  # fmt: skip


def persons_frame(births: dict[int, str | None]) -> pd.DataFrame:
    return pd.DataFrame({"person_id": list(births), "birth_month": pd.to_datetime(list(births.values()))})


def coverage_frame(without: Iterable[str] = (), stale: Iterable[str] = ()) -> pd.DataFrame:
    return pd.DataFrame(
        [(partner, kind, pd.Timestamp(AS_AT), partner not in stale) for kind, partner in KINDS.items()
         if partner not in without],
        columns=["partner", "kind", "as_of", "fresh"],
    )  # fmt: skip


def evaluate_one(
    pack: Pack,
    births: dict[int, str | None],
    facts: Iterable[dict[str, Any]],
    *,
    as_at: str = AS_AT,
    roles: dict[int, str] | None = None,
    coverage: pd.DataFrame | None = None,
) -> CriteriaResult:
    """Evaluate one family (id 7) of the persons in `births` (person → birth month)."""
    default = {person: "child" if birth and birth >= "1997" else "adult" for person, birth in births.items()}
    return evaluate(
        families_frame([7]),
        members_frame([(7, person, role) for person, role in (default | (roles or {})).items()]),
        persons_frame(births),
        evidence_frame(facts),
        coverage_frame() if coverage is None else coverage,
        pack,
        pd.Timestamp(as_at),
    )


def state(result: CriteriaResult, criterion: str) -> str:
    rows = result.results
    return str(rows.loc[rows["criterion"] == criterion, "state"].item())
