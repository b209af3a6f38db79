"""One feed per contract in `schemas/extracts/`: what a DAG needs to know of it, and the assets between DAGs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from airflow.sdk import Asset

from pipeline.contracts import Contract, load_contract, load_vocabulary
from pipeline.errors import DeclarationError

# Where a contract cannot be read, its schedule cannot either; its DAG still runs nightly, fails, and says why.
SCHEDULE_OF_AN_UNREADABLE_CONTRACT = "0 2 * * *"


@dataclass(frozen=True)
class Feed:
    """A partner's nightly feed. `problem`: why its contract cannot be read, None when it can."""

    partner: str
    schedule: str
    description: str
    problem: str | None = None


def feeds(declarations: Path) -> list[Feed]:
    """Every feed, by partner; a contract that is not well formed stops its own feed and no other."""
    vocabulary = load_vocabulary(declarations)
    found = []
    for path in sorted((declarations / "extracts").glob("*.yaml")):
        try:
            found.append(_feed(load_contract(path, vocabulary)))
        except DeclarationError as error:
            found.append(Feed(path.stem, SCHEDULE_OF_AN_UNREADABLE_CONTRACT, "Contract not readable.", str(error)))
    return found


def delivered(partner: str) -> Asset:
    """The asset that is updated when a new delivery of the partner has been loaded."""
    return Asset(name=f"deliveries of {partner}", uri=f"wholefamily://deliveries/{partner}", group="deliveries")


def published() -> Asset:
    """The asset that is updated when a night has been published."""
    return Asset(name="live cohort", uri="wholefamily://cohort/live", group="cohort")


def _feed(contract: Contract) -> Feed:
    tables = ", ".join(table.name for table in contract.tables)
    return Feed(
        partner=contract.partner,
        schedule=contract.schedule,
        description=(
            f"{contract.name}, contract {contract.version}: {tables}. "
            f"Counts as fresh for {contract.freshness_days} days after the period it covers."
        ),
    )
