"""What is written of deliveries in the registry when one is accepted, waits, is rejected or withdrawn.

Writing is part of the caller's transaction. No row of a person stands here: counts, codes, row numbers, versions.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pipeline.contracts import Agreement, Contract
from pipeline.ingest.columns import PSEUDONYM_BYTES
from pipeline.ingest.history import ONCE_ACCEPTED
from pipeline.ingest.landing import Landed
from pipeline.ingest.quarantine import Sorted
from pipeline.manifest import Manifest
from pipeline.records import ROW
from pipeline.store.bulk import execute, read_frame, write_frame
from pipeline.validate import CheckResult

ACTOR = "ingest"


@dataclass
class Case:
    """One delivery on its way through the checks: what is known of it so far."""

    landed: Landed
    received_at: dt.datetime
    manifest: Manifest | None = None
    manifest_sha256: str | None = None
    agreement: Agreement | None = None
    warnings: list[str] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    tables: dict[str, Sorted] = field(default_factory=dict)
    base_delivery_id: str | None = None  # of a delta: what it builds on
    holds_erased: bool = False  # somebody in it was erased: no sealed copy of it is kept
    # of a delta: the references (16 bytes) of everybody in it, those who are gone too; and of the others, who stay
    affected: pa.Array = field(default_factory=lambda: pa.array([], pa.binary(PSEUDONYM_BYTES)))
    others: pa.Array = field(default_factory=lambda: pa.array([], pa.binary(PSEUDONYM_BYTES)))

    def count(self, what: str) -> int:
        """Rows over all tables: `delivered`, `loaded`, `quarantined` or `suppressed`."""
        if what in ("delivered", "suppressed"):
            return sum(int(getattr(table, what)) for table in self.tables.values())
        return sum(int(getattr(table, what).num_rows) for table in self.tables.values())


def write_partner(connection: Any, contract: Contract) -> None:
    """The partner's row, as its contract says now."""
    row = {
        "partner": contract.partner,
        "name": contract.name,
        "contract_version": contract.version,
        "contract_sha256": contract.sha256,
        "schedule": contract.schedule,
        "freshness_days": contract.freshness_days,
    }
    execute(
        connection,
        "insert into registry.partner select * from jsonb_populate_record(null::registry.partner, $1::jsonb)"
        " on conflict (partner) do update set name = excluded.name, contract_version = excluded.contract_version,"
        " contract_sha256 = excluded.contract_sha256, schedule = excluded.schedule,"
        " freshness_days = excluded.freshness_days",
        [json.dumps(row)],
    )


def clear_quarantine(connection: Any, case: Case) -> None:
    """What earlier deliveries left in quarantine of the people of a delta, or of nobody: they have come again."""
    refs = ",".join(reference.hex() for reference in case.affected.to_pylist())
    execute(
        connection,
        "update registry.quarantine q set cleared_by = $1, cleared_at = now()"
        " from identity.quarantined_row r, registry.delivery d"
        " where (r.delivery_id, r.table_name, r.row_number) = (q.delivery_id, q.table_name, q.row_number)"
        " and d.delivery_id = q.delivery_id and d.partner = $2 and q.cleared_by is null"
        " and (r.person_ref is null or r.person_ref = any("
        "   select decode(ref, 'hex') from unnest(string_to_array($3, ',')) ref))",
        [case.landed.name, case.landed.partner, refs],
    )


def write_accepted(connection: Any, case: Case) -> str:
    """Registry rows and audit entry of an accepted delivery; a full one supersedes those before it.

    Returns its state: accepted, or accepted_with_quarantine.
    """
    delivery_id, partner = case.landed.name, case.landed.partner
    state = "accepted_with_quarantine" if case.count("quarantined") else "accepted"
    if case.manifest is None or case.manifest.kind != "delta":
        execute(
            connection,
            "update registry.delivery set state = 'superseded', superseded_by = $2 where partner = $1"
            " and state in ('accepted', 'accepted_with_quarantine')",
            [partner, delivery_id],
        )
    counts = {f"rows_{what}": case.count(what) for what in ("delivered", "loaded", "quarantined", "suppressed")}
    _write_delivery(connection, delivery_id, case, {"state": state, **counts})
    _write_details(connection, delivery_id, case)
    write_frame(connection, "registry", "delivery_table", _table_counts(delivery_id, case))
    for table in case.tables.values():
        rows = _quarantine(delivery_id, table)
        write_frame(connection, "registry", "quarantine", rows.drop_columns(["person_ref"]))
        write_frame(connection, "identity", "quarantined_row", rows.drop_columns(["column_name", "reason"]))
    _audit(connection, "delivery accepted", delivery_id, {"state": state, **counts, **_versions(case)})
    return state


def write_waiting(connection: Any, case: Case, reason: str, remedy: str) -> None:
    """Registry row of a delivery that waits for another before it."""
    told = {"state": "received", "code": "base_missing", "reason": reason, "remedy": remedy, "decided_at": None}
    _write_delivery(connection, case.landed.name, case, told)


def write_rejected(connection: Any, case: Case, *, code: str, reason: str, remedy: str) -> None:
    """Registry row and audit entry of a rejected delivery; nothing of any other delivery is touched.

    One that carries the name of a delivery accepted before is recorded as `<delivery_id>~2` and so on.
    """
    delivery_id = case.landed.name
    delivery_id += _suffix(connection, delivery_id)
    _write_delivery(
        connection, delivery_id, case, {"state": "rejected", "code": code, "reason": reason, "remedy": remedy}
    )
    _write_details(connection, delivery_id, case)
    for table in case.tables.values():
        rows = _quarantine(delivery_id, table).drop_columns(["person_ref"])
        write_frame(connection, "registry", "quarantine", rows)
    _audit(connection, "delivery rejected", delivery_id, {"code": code, **_versions(case)})


def write_withdrawn(connection: Any, withdrawn: list[str], in_force: list[str], *, by: str, why: str) -> None:
    """Registry rows and audit entry of deliveries withdrawn, and of those that are in force again."""
    for delivery_id in withdrawn:
        execute(
            connection,
            "update registry.delivery set state = 'withdrawn', withdrawn_at = now(), withdrawn_by = $2,"
            " withdrawn_why = $3 where delivery_id = $1",
            [delivery_id, by, why],
        )
        execute(connection, "delete from identity.quarantined_row where delivery_id = $1", [delivery_id])
        execute(
            connection,
            "update registry.quarantine set cleared_by = null, cleared_at = null where cleared_by = $1",
            [delivery_id],
        )
    for delivery_id in in_force:
        execute(
            connection,
            "update registry.delivery set superseded_by = null, state = case when rows_quarantined > 0"
            " then 'accepted_with_quarantine' else 'accepted' end where delivery_id = $1",
            [delivery_id],
        )
    detail = {"by": by, "why": why, "with_it": withdrawn[1:], "in_force": in_force}
    _audit(connection, "delivery withdrawn", withdrawn[0], detail)


def write_carried_out(connection: Any, case: Case) -> None:
    """Registry row of a partner's signed order, carried out."""
    counts = dict.fromkeys(("rows_delivered", "rows_loaded", "rows_quarantined"), 0)
    _write_delivery(connection, case.landed.name, case, {"state": "carried_out", **counts})


def _write_delivery(connection: Any, delivery_id: str, case: Case, decision: dict[str, Any]) -> None:
    # A delivery rejected before may come again, mended at the hub's side: its new decision replaces the old one,
    # which the audit log keeps.
    for table in (
        "registry.delivery_table", "registry.quarantine", "identity.quarantined_row", "registry.check_result",
        "registry.delivery",
    ):  # fmt: skip
        execute(connection, f"delete from {table} where delivery_id = $1", [delivery_id])  # noqa: S608
    manifest = case.manifest
    row: dict[str, Any] = {
        "delivery_id": delivery_id,
        "partner": case.landed.partner,
        "sequence": max(case.landed.sequence, 1),
        "received_at": case.received_at.isoformat(),
        "agreement_id": case.agreement.id if case.agreement else None,
        "manifest_sha256": case.manifest_sha256,
        "warnings": case.warnings,
        "base_delivery_id": case.base_delivery_id,
        **decision,
    }
    if manifest is not None:
        stated = manifest.model_dump(
            mode="json",
            include={
                "kind", "previous_manifest_sha256", "contract_version", "encoding_version", "key_version",
                "period_from", "period_to", "created_at", "known_answers", "chance_agreement",
            },
        )  # fmt: skip
        row |= stated
    execute(
        connection,
        # The server's clock, as in runs: by it a build knows which deliveries are newer (`nightly.anything_new`).
        "insert into registry.delivery select * from jsonb_populate_record(null::registry.delivery,"
        " $1::jsonb || jsonb_build_object('decided_at', clock_timestamp()))",
        [json.dumps(row)],
    )


def _write_details(connection: Any, delivery_id: str, case: Case) -> None:
    if case.checks:
        rows = {
            "delivery_id": [delivery_id] * len(case.checks),
            "suite": [check.suite for check in case.checks],
            "expectation": [check.expectation for check in case.checks],
            "column_name": pa.array([check.column for check in case.checks], pa.string()),
            "severity": [check.severity for check in case.checks],
            "success": [check.success for check in case.checks],
            "why": [check.why for check in case.checks],
        }
        write_frame(connection, "registry", "check_result", pa.table(rows))


def _table_counts(delivery_id: str, case: Case) -> pa.Table:
    tables = list(case.tables.values())
    return pa.table(
        {
            "delivery_id": [delivery_id] * len(tables),
            "table_name": [table.table for table in tables],
            "rows_delivered": [table.delivered for table in tables],
            "rows_loaded": [table.loaded.num_rows for table in tables],
            "rows_quarantined": [table.quarantined.num_rows for table in tables],
            "rows_suppressed": [table.suppressed for table in tables],
        }
    )


def _quarantine(delivery_id: str, table: Sorted) -> pa.Table:
    rows = table.quarantined
    return pa.table(
        {
            "delivery_id": pa.repeat(pa.scalar(delivery_id), rows.num_rows),
            "table_name": pa.repeat(pa.scalar(table.table), rows.num_rows),
            "row_number": rows[ROW],
            "column_name": rows["column"],
            "reason": rows["reason"],
            "person_ref": rows["person_ref"],
        }
    )


def _versions(case: Case) -> dict[str, Any]:
    return {
        "partner": case.landed.partner,
        "manifest_sha256": case.manifest_sha256,
        "agreement_id": case.agreement.id if case.agreement else None,
        "agreement_version": case.agreement.version if case.agreement else None,
        "contract_version": case.manifest.contract_version if case.manifest else None,
    }


def _audit(connection: Any, action: str, subject: str, detail: dict[str, Any]) -> None:
    execute(connection, "select audit.append($1, $2, $3, $4)", [ACTOR, action, subject, json.dumps(detail)])


def _suffix(connection: Any, delivery_id: str) -> str:
    named = read_frame(
        connection,
        f"select count(*) filter (where state in {ONCE_ACCEPTED}) as accepted, count(*) as known"  # noqa: S608
        " from registry.delivery where delivery_id = $1 or starts_with(delivery_id, $1 || '~')",
        [delivery_id],
    ).to_pylist()[0]
    return f"~{named['known'] + 1}" if named["accepted"] else ""
