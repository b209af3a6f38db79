"""Whether a verified delivery may be opened: what its manifest says, and what has come before it.

Everything here is decided from the manifest, the declarations and the registry; no sealed file is opened.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.contracts import Agreement, Contract, Encoding, LinkModel, Vocabulary, agreement_for, refusal
from pipeline.contracts.agreement import IDENTIFY, ending, in_words
from pipeline.ingest.verifying import Verified
from pipeline.manifest import MANIFEST_FILE
from pipeline.records import ENCODINGS, PEOPLE, REMOVALS
from pipeline.rights import NOBODY, Suppressed

LEAVES_AS_CODE = {"encode", "token", "pseudonym", "keep", "date_to_month", "area"}


@dataclass(frozen=True)
class Hub:
    """What the hub holds against a delivery: declarations, keys, and today's date."""

    contract: Contract
    vocabulary: Vocabulary
    encoding: Encoding
    link_model: LinkModel
    agreements: tuple[Agreement, ...]
    public_key: Ed25519PublicKey
    identity: Any
    today: dt.date
    suppressed: Suppressed = NOBODY  # whose rows are left out


@dataclass(frozen=True)
class Accepted:
    """The last delivery of the partner that was accepted, a withdrawal included."""

    delivery_id: str
    sequence: int
    manifest_sha256: str
    period_to: dt.date
    rows: dict[str, int]  # loaded of the last full delivery, by table
    withdrawn: bool = False


@dataclass(frozen=True)
class Standing:
    """The newest delivery whose rows are in force: what a delta must build on."""

    delivery_id: str
    manifest_sha256: str
    contract_version: str
    encoding_version: int
    key_version: int


@dataclass(frozen=True)
class History:
    """What the registry knows when a delivery comes: of this partner, and the known answers of the others."""

    accepted_ids: frozenset[str] = frozenset()
    accepted_manifests: frozenset[str] = frozenset()
    last: Accepted | None = None
    standing: Standing | None = None
    # known answers by other partner, of its delivery in force, with the (encoding, key) versions they are for
    known_answers: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = field(default_factory=dict)
    closed_keys: frozenset[int] = frozenset()  # versions of the linkage key that are closed for good

    def knows(self, verified: Verified) -> bool:
        """Whether a delivery of this id, or with this very manifest, was accepted before."""
        return verified.manifest.delivery_id in self.accepted_ids or self.knows_exactly(verified)

    def knows_exactly(self, verified: Verified) -> bool:
        return verified.manifest_sha256 in self.accepted_manifests

    def ends_with(self, verified: Verified) -> bool:
        """Whether this very delivery is the last accepted, and stands: what a run has loaded that died before it could
        archive it. An earlier one, or one that was withdrawn, has come again."""
        last = self.last
        return last is not None and not last.withdrawn and last.manifest_sha256 == verified.manifest_sha256


def admit(verified: Verified, hub: Hub, history: History) -> tuple[Agreement, list[str]]:
    """The agreement a delivery comes in under, and warnings; nothing of it is opened yet.

    Raises DeliveryError: `already_delivered`, `contract_version`, `encoding_version`, `unknown_table`, `missing_table`,
    `no_agreement`, `no_purpose`, `no_gateway`, `not_covered`, `old_sequence`, `broken_chain`, `base_replaced`,
    `base_missing` (a delta before the delivery it builds on), `key_version`, `known_answers_differ`, `link_model`,
    `bad_manifest`.
    """
    landed, manifest = verified.landed, verified.manifest
    if history.knows(verified):
        raise landed.refusal(
            "already_delivered",
            "this delivery has been accepted before.",
            "nothing, if it was sent twice; for new data make a new delivery.",
        )
    _check_versions(verified, hub)
    _check_tables(verified, hub)
    agreement = check_agreement(verified, hub)
    warnings = [*_check_sequence(verified, history), *_check_delay(verified, hub), *_check_expiry(agreement, hub)]
    _check_key_version(verified, hub, history)
    if manifest.kind == "delta":
        _check_base(verified, history)
    _check_known_answers(verified, hub, history)
    _check_chance_agreement(verified, hub)
    return agreement, warnings


def admit_withdrawal(verified: Verified, history: History) -> list[str]:
    """Warnings about a partner's signed order to take a delivery back. Raises DeliveryError."""
    landed, manifest = verified.landed, verified.manifest
    if history.knows(verified):
        raise landed.refusal("already_delivered", "this order has been carried out before.", "nothing.")
    if not manifest.withdraws or not manifest.why or manifest.files:
        raise landed.refusal(
            "bad_manifest",
            "a withdrawal names one delivery and its reason, and carries no file.",
            "use the kit: wholefamily withdraw DELIVERY --signed --reason …",
            MANIFEST_FILE,
        )
    return list(_check_sequence(verified, history))


def _check_versions(verified: Verified, hub: Hub) -> None:
    manifest = verified.manifest
    if manifest.contract_version != hub.contract.version:
        raise verified.landed.refusal(
            "contract_version",
            f"it is made under another version of the contract than the hub's {hub.contract.version}.",
            "give partner and hub the same schemas/extracts, and deliver again.",
            MANIFEST_FILE,
        )
    if manifest.encoding_version != hub.encoding.version:
        raise verified.landed.refusal(
            "encoding_version",
            f"it is made with encoding {manifest.encoding_version}; the hub's is {hub.encoding.version}.",
            "give partner and hub the same schemas/linkage, and deliver again.",
            MANIFEST_FILE,
        )


def _check_tables(verified: Verified, hub: Hub) -> None:
    landed, manifest = verified.landed, verified.manifest
    delivered = [file.table for file in manifest.files]
    of_kind = {ENCODINGS, REMOVALS} if manifest.kind == "delta" else {ENCODINGS}
    known = {table.name for table in hub.contract.tables} | of_kind
    if len(set(delivered)) != len(delivered) or any(
        file.name != f"{file.table}.{'parquet' if file.table == ENCODINGS else 'csv'}.age" for file in manifest.files
    ):
        raise landed.refusal(
            "bad_manifest",
            "a table stands twice, or its file has another name.",
            "deliver with the kit.",
            MANIFEST_FILE,
        )
    if not set(delivered) <= known:
        raise landed.refusal(
            "unknown_table",
            "it carries a table that the contract does not have.",
            "deliver the tables of the contract only, or agree a new contract.",
            MANIFEST_FILE,
        )
    required = {table.name for table in hub.contract.tables if not table.optional} | of_kind
    missing = sorted(required - set(delivered))
    if missing:
        raise landed.refusal(
            "missing_table",
            f"{', '.join(missing)} of the contract is not in it.",
            "deliver every table that the contract does not call optional.",
            MANIFEST_FILE,
        )


def check_agreement(verified: Verified, hub: Hub) -> Agreement:
    """The agreement in force that covers every column of a delivery, and lets the hub identify families by it.

    Raises `no_agreement`, `no_purpose`, `no_gateway` or `not_covered`.
    """
    landed, partner = verified.landed, verified.manifest.partner
    refused = refusal(hub.agreements, partner, IDENTIFY, hub.today)
    if refused is not None:
        raise landed.refusal(
            refused.code, refused.rule, "ask the information governance lead; nothing is taken in without it."
        )
    agreement = agreement_for(hub.agreements, partner, hub.today, IDENTIFY)
    assert agreement is not None
    for table_name in (file.table for file in verified.manifest.files):
        table = hub.contract.table(PEOPLE if table_name in (ENCODINGS, REMOVALS) else table_name)
        leaving = [column.name for column in table.columns if LEAVES_AS_CODE & set(column.treatment)]
        uncovered = [name for name in leaving if not agreement.covers(partner, table.name, name)]
        if uncovered:
            raise landed.refusal(
                "not_covered",
                f"agreement {agreement.id} does not cover {', '.join(uncovered)} of {table.name}.",
                "take the column out of the contract (treatment: [drop]), or agree it; then deliver again.",
                table.name,
            )
    return agreement


def _check_sequence(verified: Verified, history: History) -> Iterator[str]:
    landed, manifest, last = verified.landed, verified.manifest, history.last
    expected = last.sequence + 1 if last else 1
    if last and manifest.sequence <= last.sequence:
        raise landed.refusal(
            "old_sequence",
            f"its sequence number {manifest.sequence} is not above {last.sequence}, the last accepted.",
            "deliver anew with the kit, which counts on; older data never replaces newer.",
            MANIFEST_FILE,
        )
    if last and manifest.sequence == expected and manifest.previous_manifest_sha256 != last.manifest_sha256:
        raise landed.refusal(
            "broken_chain",
            f"it does not follow delivery {last.delivery_id}, the last accepted: it names another one before it.",
            "ask the partner which delivery it sent last; then deliver anew with the kit.",
            MANIFEST_FILE,
        )
    if manifest.sequence > expected:
        yield (
            f"sequence_gap: sequence number {manifest.sequence} came where {expected} was expected; "
            "a delivery in between was rejected or never arrived."
        )


def _check_delay(verified: Verified, hub: Hub) -> Iterator[str]:
    days = (hub.today - verified.manifest.created_at.astimezone(dt.UTC).date()).days
    if days > hub.contract.freshness_days:
        yield (
            f"late_arrival: it was sealed {days} days before it was taken in, more than the "
            f"{hub.contract.freshness_days} that the contract allows; what it says may be out of date."
        )


def _check_expiry(agreement: Agreement, hub: Hub) -> Iterator[str]:
    if agreement in ending(hub.agreements, hub.today):
        yield f"agreement_expiring: {in_words(agreement, hub.today)}"


def _check_base(verified: Verified, history: History) -> None:
    landed, manifest, standing = verified.landed, verified.manifest, history.standing
    if manifest.base_manifest_sha256 is None:
        raise landed.refusal(
            "bad_manifest", "a delta must name the delivery it builds on.", "use a current kit.", MANIFEST_FILE
        )
    versions = (manifest.contract_version, manifest.encoding_version, manifest.key_version)
    if standing is not None and standing.manifest_sha256 == manifest.base_manifest_sha256:
        if versions == (standing.contract_version, standing.encoding_version, standing.key_version):
            return
        raise landed.refusal(
            "base_replaced",
            f"contract, encoding or linkage key are not those of {standing.delivery_id}, on which it builds.",
            "pseudonymise in full, and deliver again.",
            MANIFEST_FILE,
        )
    if manifest.base_manifest_sha256 in history.accepted_manifests:
        raise landed.refusal(
            "base_replaced",
            "the delivery it builds on is not the last one in force: that is "
            f"{standing.delivery_id if standing else 'none'}.",
            "deliver in full, or a delta since the one in force (--since-delivery).",
            MANIFEST_FILE,
        )
    raise landed.refusal(
        "base_missing",
        "the delivery it builds on has not been taken in.",
        "deliver what is missing; if that was rejected, deliver in full.",
        MANIFEST_FILE,
    )


def _check_key_version(verified: Verified, hub: Hub, history: History) -> None:
    """A version that is in force, and not an older one than the partner's delivery in force has."""
    version, standing = verified.manifest.key_version, history.standing
    in_force = [one for one in hub.encoding.key_versions if one not in history.closed_keys]
    if version in history.closed_keys:
        rule = "is closed, and what was under it has been taken away."
    elif version not in in_force:
        rule = f"is not in force; {' and '.join(map(str, in_force)) or 'none'} is."
    elif standing is not None and version < standing.key_version:
        rule = f"is older than that of {standing.delivery_id}, which is in force."
    else:
        return
    raise verified.landed.refusal(
        "key_version",
        f"version {version} of the linkage key, under which it is encoded, {rule}",
        "install the newest linkage key at the partner, pseudonymise in full, and deliver again.",
        MANIFEST_FILE,
    )


def _check_known_answers(verified: Verified, hub: Hub, history: History) -> None:
    landed, manifest = verified.landed, verified.manifest
    versions = (manifest.encoding_version, manifest.key_version)
    others = {name: answers for name, (theirs, answers) in history.known_answers.items() if theirs == versions}
    differing = sorted(name for name, answers in others.items() if answers != manifest.known_answers)
    if len(manifest.known_answers) != len(hub.encoding.known_answers) or differing:
        compared = f" from those of {', '.join(differing)}" if differing else ""
        raise landed.refusal(
            "known_answers_differ",
            f"the encodings of the public test persons differ{compared}: another linkage key or another encoding.",
            "compare linkage keys and schemas/linkage with the other partners; then pseudonymise and deliver again.",
            MANIFEST_FILE,
        )


def _check_chance_agreement(verified: Verified, hub: Hub) -> None:
    levels = hub.link_model.counted
    if any(levels.get(entry.comparison) != len(entry.counts) for entry in verified.manifest.chance_agreement):
        raise verified.landed.refusal(
            "link_model",
            f"it measures chance agreement by other comparisons or levels than link model {hub.link_model.version}.",
            "give partner and hub the same schemas/linkage, pseudonymise and deliver again.",
            MANIFEST_FILE,
        )
