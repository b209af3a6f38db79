"""Steps of a partner's data officer on an installation's folders, and a trial with every zone on one machine.

Used by the command line, the demo and the tests. On a real installation each zone's part runs on its own machine,
with the commands that `keys --help` lists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from pipeline.contracts import Contract, load_encoding, load_link_model, load_vocabulary
from pipeline.errors import ExtractError
from pipeline.manifest import SIGNATURE_FILE
from pipeline.progress import Progress, silent
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.partner.preview import Preview
    from pipeline.partner.pseudonymise import Base

DRAFT = "draft"
YEARS_COVERED = 3
LONGEST_REASON = 300  # the hub takes no longer one


def make_all_keys(settings: Settings, partners: list[str]) -> list[str]:
    """Make and exchange every key of a one-machine trial; returns the partners that got new ones.

    Keys that exist are kept, and there is a linkage key of every declared version. A partner added later gets those
    that the others already hold.
    """
    from pipeline.ingest.keys import create_hub_keys, register_partner
    from pipeline.partner.keys import (
        create_linkage_key,
        create_partner_keys,
        install_hub_recipient,
        install_linkage_key,
        linkage_key_path,
    )

    recipient = create_hub_keys(settings)
    versions = load_encoding(settings.declarations).key_versions
    missing = [partner for partner in partners if not _has_every_key(settings, partner, versions)]
    ceremony = settings.home / "linkage-key-in-transit"
    for version in versions if missing else ():
        paths = [linkage_key_path(settings, partner, version) for partner in partners]
        holders = [path for path in paths if path.exists()]
        try:
            ceremony.unlink(missing_ok=True)  # of an earlier ceremony that was killed before anybody held it
            if not holders:
                create_linkage_key(ceremony)
            for partner in missing:
                register_partner(settings, partner, create_partner_keys(settings, partner))
                if not linkage_key_path(settings, partner, version).exists():
                    install_linkage_key(settings, partner, holders[0] if holders else ceremony, version)
                install_hub_recipient(settings, partner, recipient)
        finally:
            ceremony.unlink(missing_ok=True)
    return missing


def _has_every_key(settings: Settings, partner: str, versions: Sequence[int]) -> bool:
    from pipeline.partner.keys import linkage_key_path

    folder = settings.partner_keys(partner)
    own = [folder / name for name in ("partner.key", "signing.key", "hub.recipient")]
    return all(path.exists() for path in [*own, *(linkage_key_path(settings, partner, one) for one in versions)])


def pseudonymise_extract(
    settings: Settings,
    contract: Contract,
    raw: Path,
    *,
    out: Path | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    delta: bool = False,
    since_delivery: str | None = None,
    key_version: int | None = None,
    progress: Progress = silent,
) -> tuple[Preview, Path]:
    """Pseudonymise an extract into the outbox; returns the preview of what would leave and the draft's folder.

    With `delta`, only what has changed since the last delivery sent, or since `since_delivery`. The period covered
    defaults to the three years up to today; `key_version` to the newest declared one whose linkage key is here. Raises
    ExtractError, and then leaves no draft; KeyMaterialError where no such key is here.
    """
    from pipeline.partner.keys import load_partner_keys, version_to_use
    from pipeline.partner.pseudonymise import pseudonymise

    last = until or dt.date.today()
    first = since or (last.replace(year=last.year - YEARS_COVERED, day=min(last.day, 28)) + dt.timedelta(days=1))
    if first > last:
        raise ExtractError(
            where="--from and --to",
            rule="the period ends before it starts.",
            remedy="give the first and the last day that the extract covers.",
        )
    draft = (out or settings.outbox(contract.partner)) / DRAFT
    encoding = load_encoding(settings.declarations)
    version = version_to_use(settings, contract.partner, encoding.key_versions, key_version)
    preview = pseudonymise(
        contract,
        encoding,
        load_link_model(settings.declarations),
        raw,
        draft,
        load_partner_keys(settings, contract.partner, version),
        first,
        last,
        progress=progress,
        vocabulary=load_vocabulary(settings.declarations),
        base=_base(settings, contract, since_delivery) if delta or since_delivery else None,
    )
    return preview, draft


def _base(settings: Settings, contract: Contract, delivery_id: str | None) -> Base:
    from pipeline.partner.pseudonymise import Base
    from pipeline.partner.seal import LEDGER_FILE, sent_deliveries

    home = settings.partner_home(contract.partner)
    sent = [entry for entry in sent_deliveries(home / LEDGER_FILE) if entry.kind != "withdrawal"]
    chosen = sent if delivery_id is None else [entry for entry in sent if entry.delivery_id == delivery_id]
    if not chosen:
        raise ExtractError(
            where=str(home / LEDGER_FILE),
            rule="a delta builds on a delivery that was sent, and there is no such delivery in the ledger.",
            remedy=f"run `wholefamily sent {contract.partner}` to see what was sent, or pseudonymise in full.",
        )
    return Base(chosen[-1].delivery_id, chosen[-1].manifest_sha256, home)


def withdraw_and_deliver(settings: Settings, contract: Contract, delivery_id: str, why: str) -> list[PurePath]:
    """At the partner: sign an order to take a delivery back, and hand it over to the hub."""
    from pipeline.partner.keys import load_partner_keys
    from pipeline.partner.seal import seal_withdrawal

    if not why.strip() or len(why) > LONGEST_REASON or not why.isprintable():
        raise ExtractError(
            where="--reason",
            rule=f"it is one line of text, of at most {LONGEST_REASON} characters.",
            remedy="say shortly why; no name of a person.",
        )
    keys, outbox = load_partner_keys(settings, contract.partner), settings.outbox(contract.partner)
    seal_withdrawal(settings, contract, keys, delivery_id, why.strip(), outbox)
    return _hand_over_all(settings, contract, outbox, None)


def seal_and_deliver(
    settings: Settings, contract: Contract, *, outbox: Path | None = None, landing: str | Path | None = None
) -> list[PurePath]:
    """Seal the outbox's draft and hand it over to the hub, at the path or URL `landing`; returns where each landed.

    What an earlier call sealed but could not put there (landing out of reach) goes first. Sealed copies move to
    `sent` once they have landed. Killed at any moment and called again, each draft arrives once. Raises ExtractError
    when nothing stands in the outbox, TransportError when the place cannot be reached.
    """
    from pipeline.partner.draft import discard, read_draft
    from pipeline.partner.keys import load_partner_keys, version_to_use
    from pipeline.partner.seal import seal

    folder = outbox or settings.outbox(contract.partner)
    if (folder / DRAFT).is_dir():
        declared = load_encoding(settings.declarations).key_versions
        version = version_to_use(settings, contract.partner, declared, read_draft(folder / DRAFT).key_version)
        seal(settings, contract, load_partner_keys(settings, contract.partner, version), folder / DRAFT, folder)
    discard(folder / DRAFT)
    return _hand_over_all(settings, contract, folder, landing)


def _hand_over_all(settings: Settings, contract: Contract, folder: Path, landing: str | Path | None) -> list[PurePath]:
    from pipeline.partner.deliver import forget_notes, hand_over
    from pipeline.partner.seal import SENT
    from pipeline.transport import landing_at

    forget_notes(folder)
    waiting = sorted(path.parent for path in folder.glob(f"{contract.partner}-*/{SIGNATURE_FILE}"))
    if not waiting:
        raise ExtractError(
            where=str(folder),
            rule="nothing stands here to be delivered.",
            remedy=f"run first: wholefamily pseudonymise {contract.partner} RAW",
        )
    place = landing_at(landing or settings.landing_place(contract.partner), settings.landing_credentials)
    return [hand_over(sealed, place, folder / SENT) for sealed in waiting]
