"""What became of a delivery, as it is told to people and to the tasks that run the ingest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.errors import DeliveryError
from pipeline.ingest.registry import Case


@dataclass(frozen=True)
class DeliveryOutcome:
    """What became of one delivery. `code`, `reason` and `remedy` are of a rejection."""

    delivery_id: str
    partner: str
    state: str  # accepted | accepted_with_quarantine | carried_out | rejected | received (waits for one before it)
    rows_delivered: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    rows_suppressed: int = 0  # of people who were erased or are restricted
    warnings: tuple[str, ...] = ()
    code: str | None = None
    reason: str | None = None
    remedy: str | None = None


def accepted_outcome(case: Case, state: str) -> DeliveryOutcome:
    return DeliveryOutcome(
        delivery_id=case.landed.name,
        partner=case.landed.partner,
        state=state,
        rows_delivered=case.count("delivered"),
        rows_loaded=case.count("loaded"),
        rows_quarantined=case.count("quarantined"),
        rows_suppressed=case.count("suppressed"),
        warnings=tuple(case.warnings),
    )


def outcome_on_record(session: Any, case: Case) -> DeliveryOutcome:
    row = session.execute(
        "select state, rows_delivered, rows_loaded, rows_quarantined, coalesce(rows_suppressed, 0), warnings"
        " from registry.delivery"
        " where delivery_id = %s",
        (case.landed.name,),
    ).fetchone()
    state, delivered, loaded, quarantined, suppressed, warnings = row
    return DeliveryOutcome(
        case.landed.name, case.landed.partner, state, delivered, loaded, quarantined, suppressed, tuple(warnings)
    )


def told(case: Case, refusal: DeliveryError, state: str) -> DeliveryOutcome:
    return DeliveryOutcome(
        delivery_id=case.landed.name,
        partner=case.landed.partner,
        state=state,
        rows_delivered=case.count("delivered"),
        warnings=tuple(case.warnings),
        code=refusal.code,
        reason=f"{refusal.where}: {refusal.rule}",
        remedy=refusal.remedy,
    )
