"""Small tables in: a few tuples become the frames of pipeline.records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

AS_AT = pd.Timestamp("2014-07-31")
PARTNER_OF = {
    "council": ("asb_order", "asb_injunction", "asb_contract", "housing_asb_action", "child_in_need", "early_help",
                "child_protection_plan", "eviction_notice", "looked_after", "safeguarding_referral", "homelessness",
                "rent_arrears", "overcrowding"),
    "dwp": ("out_of_work_benefit", "programme_attachment"),
    "police": ("proven_offence", "domestic_abuse_incident", "asb_incident", "arrest", "police_callout", "custody",
               "probation_order"),
    "schools": ("unauthorised_absence", "authorised_absence", "suspension", "permanent_exclusion", "enrolment",
                "enrolment_because_excluded"),
}  # fmt: skip
KINDS = {kind: partner for partner, kinds in PARTNER_OF.items() for kind in kinds}
FACT = ("person_id", "kind", "start_date", "end_date", "code", "role", "quantity", "out_of", "partner")


def fact(person: int, kind: str, start: str | None, end: str | None = None, **more: Any) -> dict[str, Any]:
    """One row of evidence; code, role, quantity, out_of and partner where the case needs them."""
    return {
        **dict.fromkeys(FACT),
        "person_id": person, "kind": kind, "start_date": start, "end_date": end, "partner": KINDS[kind], **more,
    }  # fmt: skip


def evidence(*facts: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(list(facts), columns=list(FACT))
    frame.insert(0, "evidence_id", range(100, 100 + len(frame)))
    for column in ("start_date", "end_date"):
        frame[column] = pd.to_datetime(frame[column])
    for column in ("quantity", "out_of"):
        frame[column] = frame[column].astype("float64")
    return frame


def members(*rows: tuple[int, int, str]) -> pd.DataFrame:
    """family, person, role."""
    frame = pd.DataFrame(list(rows), columns=["family_id", "person_id", "role"])
    return frame.assign(
        start_date=pd.Series(pd.NaT, index=frame.index, dtype="datetime64[ns]"),
        end_date=pd.Series(pd.NaT, index=frame.index, dtype="datetime64[ns]"),
    )


def persons(births: dict[int, str | None]) -> pd.DataFrame:
    return pd.DataFrame({"person_id": list(births), "birth_month": pd.to_datetime(list(births.values()))})


def coverage(without: Iterable[str] = (), stale: Iterable[str] = ()) -> pd.DataFrame:
    return pd.DataFrame(
        [(partner, kind, AS_AT, partner not in stale) for kind, partner in KINDS.items() if partner not in without],
        columns=["partner", "kind", "as_of", "fresh"],
    )
