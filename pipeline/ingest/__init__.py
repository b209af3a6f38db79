"""Deliveries at the hub: verify, admit, open, check, quarantine, load. One delivery is in, whole, or not at all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.contracts import load_agreements, load_contract, load_encoding, load_link_model, load_vocabulary
from pipeline.errors import DeliveryError, StoreError, TransportError
from pipeline.ingest.examine import check_suites, examine
from pipeline.ingest.feed import check_feed_suite, judge_feed, write_measures
from pipeline.ingest.fetching import fetch_waiting
from pipeline.ingest.history import read_history
from pipeline.ingest.keys import load_hub_identity, load_public_key
from pipeline.ingest.landing import (
    archived_copy,
    private_folder,
    sweep_opened,
    waiting_deliveries,
)
from pipeline.ingest.load import PIPELINE, people_of, replace_rows
from pipeline.ingest.opening import History, Hub, admit, admit_withdrawal
from pipeline.ingest.outcomes import DeliveryOutcome, accepted_outcome, outcome_on_record, told
from pipeline.ingest.patch import patch_rows
from pipeline.ingest.registry import Case, write_partner, write_rejected, write_waiting
from pipeline.ingest.suppression import put_away_accepted, put_away_rejected
from pipeline.ingest.verifying import Verified, verify
from pipeline.ingest.withdrawal import Withdrawn, carry_out, delete_withdrawn, withdraw
from pipeline.progress import Progress, silent
from pipeline.rights import keep_up, load_suppressed
from pipeline.settings import Settings
from pipeline.store.bulk import lock_for_transaction, told_as_store_error
from pipeline.store.database import Database
from pipeline.store.locks import HUB_DATA, advisory_lock

PATIENCE = 3.0  # seconds that an upload, whole but for its signature, may rest before it counts as unsigned


@dataclass(frozen=True)
class Taken:
    """What an ingest of one partner did: an outcome for each delivery that waited, and the errors of the rejected."""

    outcomes: tuple[DeliveryOutcome, ...] = ()
    rejections: tuple[DeliveryError, ...] = ()
    unreachable: TransportError | None = None  # deliveries that were fetched before are taken in all the same

    @property
    def accepted(self) -> tuple[DeliveryOutcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.state not in ("rejected", "received"))


def ingest_partner(
    settings: Settings,
    database: Database,
    partner: str,
    progress: Progress = silent,
    *,
    patience: float = PATIENCE,
) -> list[DeliveryOutcome]:
    """As `take_in`, for callers to whom a rejection is an error: the first is raised, when all others are in."""
    taken = take_in(settings, database, partner, progress, patience=patience)
    if taken.rejections:
        raise taken.rejections[0]
    if taken.unreachable:
        raise taken.unreachable
    return list(taken.outcomes)


def take_in(
    settings: Settings,
    database: Database,
    partner: str,
    progress: Progress = silent,
    *,
    patience: float = PATIENCE,
) -> Taken:
    """Take in every delivery of a partner that waits, in the order of their sequence numbers.

    Returns an outcome each; none when nothing waits, so running it again changes nothing. A rejected delivery is
    recorded and set aside, and changes nothing else; the others go on. Raises DeclarationError, KeyMaterialError or
    StoreError when the hub itself is at fault: the delivery then still waits; TransportError when deliveries are handed
    over elsewhere, that place cannot be reached, and nothing is here. One process per partner at a time; a second
    waits, and finds nothing to do.
    """
    with told_as_store_error(f"ingest of {partner}"):
        keep_up(settings, database)  # what was decided about people comes first
    with (
        told_as_store_error(f"ingest of {partner}"),
        database.connect(autocommit=True) as session,
        advisory_lock(session, f"ingest {partner}"),
    ):
        try:
            return _take_in_all(settings, database, session, partner, progress, patience)
        except OSError as problem:
            raise StoreError(
                where=f"ingest of {partner}",
                rule=f"the hub cannot read or write its own folders ({problem.strerror or 'no reason given'}).",
                remedy="mend room, rights and mounts of the hub's home, and run the ingest again.",
            ) from None


def _take_in_all(
    settings: Settings, database: Database, session: Any, partner: str, progress: Progress, patience: float
) -> Taken:
    outcomes: list[DeliveryOutcome] = []
    rejections: list[DeliveryError] = []
    delete_withdrawn(settings, session, partner)
    sweep_opened(settings)
    unreachable: TransportError | None = None
    try:
        fetch_waiting(settings, partner)
    except TransportError as failure:
        unreachable = failure
    waiting = waiting_deliveries(settings, partner, patience)
    if unreachable and not waiting:
        raise unreachable
    hub = _load_hub(settings, partner) if waiting else None
    for landed in waiting:
        assert hub is not None
        case = Case(landed=landed, received_at=dt.datetime.now(dt.UTC))
        try:
            outcome = _take_in(settings, database, session, hub, case, progress)
        except DeliveryError as refusal:
            if refusal.code == "base_missing" and not _has_waited_enough(case, hub):
                _note_waiting(database, hub, case, refusal)
                outcomes.append(told(case, refusal, "received"))
                continue
            _reject(settings, database, session, hub, case, refusal)
            rejections.append(refusal)
            outcomes.append(told(case, refusal, "rejected"))
            continue
        put_away_accepted(settings, session, landed, case)
        outcomes.append(outcome)
    return Taken(tuple(outcomes), tuple(rejections), unreachable)


def _take_in(
    settings: Settings, database: Database, session: Any, hub: Hub, case: Case, progress: Progress
) -> DeliveryOutcome:
    """Verify, admit, open, examine and load one delivery. Raises DeliveryError.

    One that was loaded already, by a run that died before it could archive it and tell anybody, is told of now.
    """
    history = read_history(session, case.landed.partner)
    verified = verify(case.landed, hub.public_key)
    case.manifest, case.manifest_sha256 = verified.manifest, verified.manifest_sha256
    if history.ends_with(verified) and not archived_copy(settings, case.landed):
        return outcome_on_record(session, case)
    if verified.manifest.kind == "withdrawal":
        return _take_back(settings, database, session, hub, case, verified, history)
    case.agreement, case.warnings = admit(verified, hub, history)
    if verified.manifest.kind == "delta" and history.standing is not None:
        case.base_delivery_id = history.standing.delivery_id
    standing = _standing(database, case) if verified.manifest.kind == "delta" else None
    with private_folder(settings, case.landed.partner) as folder:
        encodings = examine(
            case,
            verified.manifest,
            hub,
            history,
            settings.expectations,
            folder,
            lambda share: progress(f"Check {case.landed.name}", 0.7 * share),
            standing,
        )
    with database.adbc(role=PIPELINE) as connection:
        people = len(standing) if standing is not None else 0
        measures = judge_feed(session, connection, case, hub.contract, settings.expectations, people)
    case.warnings += _unmet_warnings(case) + _suppressed_warnings(case)
    put = patch_rows if verified.manifest.kind == "delta" else replace_rows
    with database.adbc(role=PIPELINE) as connection:
        lock_for_transaction(connection, HUB_DATA, shared=True)
        state = put(
            connection,
            hub.contract,
            case,
            encodings,
            history,
            lambda share: progress(f"Load {case.landed.name}", 0.7 + 0.3 * share),
        )
        write_measures(connection, case.landed.name, measures)
        session.execute("select 1")  # who has lost the partner's lock loads nothing
        connection.commit()
    return accepted_outcome(case, state)


def _take_back(
    settings: Settings, database: Database, session: Any, hub: Hub, case: Case, verified: Verified, history: History
) -> DeliveryOutcome:
    """Carry out a partner's signed withdrawal."""
    case.warnings = admit_withdrawal(verified, history)
    manifest = verified.manifest
    partner = f"{manifest.partner}, by a signed withdrawal"
    carry_out(settings, database, session, hub, str(manifest.withdraws), by=partner, why=str(manifest.why), order=case)
    return accepted_outcome(case, "carried_out")


def withdraw_delivery(settings: Settings, database: Database, delivery_id: str, *, by: str, why: str) -> Withdrawn:
    """Take a delivery back, at the hub, on a named person's word; returns what was withdrawn and what is in force now.

    Raises DeliveryError when it is not one that stands accepted, or when nobody or nothing is named.
    """
    if not by.strip() or not why.strip():
        raise DeliveryError(
            code="withdrawal",
            where="withdraw",
            rule="a withdrawal needs a person and a reason.",
            remedy="give --by and --reason; both are logged.",
        )
    partner = delivery_id.split("-")[0]
    if not (settings.declarations / "extracts" / f"{partner}.yaml").is_file():
        raise DeliveryError(
            code="unknown_delivery",
            where="withdraw",
            rule="the id does not begin with the name of a partner.",
            remedy="copy the id from `wholefamily deliveries`.",
        )
    return withdraw(settings, database, _load_hub(settings, partner), delivery_id, by=by.strip(), why=why.strip())


def _standing(database: Database, case: Case) -> pa.Array:
    with database.adbc(role=PIPELINE) as connection:
        return people_of(connection, case.landed.partner).refs


def _load_hub(settings: Settings, partner: str) -> Hub:
    vocabulary = load_vocabulary(settings.declarations)
    contract = load_contract(settings.declarations / "extracts" / f"{partner}.yaml", vocabulary)
    check_suites(settings.expectations, contract)
    check_feed_suite(settings.expectations, contract)
    link_model = load_link_model(settings.declarations)
    return Hub(
        contract=contract,
        vocabulary=vocabulary,
        encoding=load_encoding(settings.declarations, link_model.encoding),
        link_model=link_model,
        agreements=load_agreements(settings.declarations),
        public_key=load_public_key(settings, partner),
        identity=load_hub_identity(settings),
        today=dt.datetime.now(dt.UTC).date(),
        suppressed=load_suppressed(settings, partner),
    )


def _suppressed_warnings(case: Case) -> list[str]:
    rows = case.count("suppressed")
    told = f"suppressed: {rows} rows of people who were erased or are restricted were not loaded."
    return [told] if rows else []


def _unmet_warnings(case: Case) -> list[str]:
    return [
        f"expectation: {check.suite}, {check.expectation}{f' on {check.column}' if check.column else ''}: {check.why}"
        for check in case.checks
        if not check.success
    ]


def _has_waited_enough(case: Case, hub: Hub) -> bool:
    """Whether a delta has been waiting for the delivery before it for longer than the contract's freshness."""
    sealed = case.manifest.created_at.astimezone(dt.UTC).date() if case.manifest else hub.today
    return (hub.today - sealed).days > hub.contract.freshness_days


def _note_waiting(database: Database, hub: Hub, case: Case, refusal: DeliveryError) -> None:
    """A delta that came before the delivery it builds on stays in the landing folder, and the registry says so."""
    with database.adbc(role=PIPELINE) as connection:
        write_partner(connection, hub.contract)
        write_waiting(connection, case, f"{refusal.where}: {refusal.rule}", refusal.remedy)
        connection.commit()


def _reject(settings: Settings, database: Database, session: Any, hub: Hub, case: Case, refusal: DeliveryError) -> None:
    """Record the rejection in its own transaction, then set the delivery aside, sealed as it came."""
    session.execute("select 1")  # without the partner's lock it would be another process's to tell
    with database.adbc(role=PIPELINE) as connection:
        write_partner(connection, hub.contract)
        reason = f"{refusal.where}: {refusal.rule}"
        write_rejected(connection, case, code=refusal.code, reason=reason, remedy=refusal.remedy)
        connection.commit()
    put_away_rejected(settings, case.landed, hub.suppressed)


__all__ = ["DeliveryOutcome", "Taken", "Withdrawn", "ingest_partner", "take_in", "withdraw_delivery"]
