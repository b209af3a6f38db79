"""Sealing, delivering and revealing: what the hub verifies, what a crash leaves, what the ledgers say."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
from pathlib import Path

import pyrage
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.errors import ExtractError
from pipeline.manifest import DELIVERY_ID, Manifest, file_sha256, sha256_hex
from pipeline.partner.deliver import deliver
from pipeline.partner.keys import public_key
from pipeline.partner.reveal import reveal
from pipeline.partner.seal import seal, sent_deliveries
from pipeline.partner.tokens import pseudonymise_references
from pipeline.settings import Settings
from pipeline.transport import DropFolder
from tests.partner.kit import CONTRACTS, HUB, SURNAMES, council_extract, partner_keys, run_kit, write_extract

KEYS = partner_keys()
COUNCIL = CONTRACTS["council"]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    write_extract(council_extract(40), tmp_path / "raw")
    return Settings(home=tmp_path / "home")


def sealed(home: Settings) -> Path:
    outbox = home.outbox("council")
    run_kit(home.home.parent / "raw", outbox / "draft")
    return seal(home, COUNCIL, KEYS, outbox / "draft", outbox)


def test_a_delivery_verifies_opens_and_counts(home: Settings) -> None:
    folder = sealed(home)
    content = (folder / "manifest.json").read_bytes()
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key(KEYS.signing_key)))
    public.verify((folder / "manifest.sig").read_bytes(), content)
    with pytest.raises(InvalidSignature):
        public.verify((folder / "manifest.sig").read_bytes(), content + b" ")
    manifest = Manifest.model_validate_json(content)
    assert manifest.to_bytes() == content
    assert manifest.delivery_id == folder.name
    assert DELIVERY_ID.fullmatch(folder.name)
    assert (manifest.sequence, manifest.previous_manifest_sha256) == (1, None)
    assert {path.name for path in folder.iterdir()} == {
        *(file.name for file in manifest.files), "manifest.json", "manifest.sig",
    }  # fmt: skip
    for file in manifest.files:
        assert file_sha256(folder / file.name) == file.sha256
        plain = pyrage.decrypt((folder / file.name).read_bytes(), [HUB])
        assert len(plain) == file.bytes
        if file.name.endswith(".csv.age"):
            assert len(list(csv.DictReader(io.StringIO(plain.decode())))) == file.rows
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt((folder / file.name).read_bytes(), [pyrage.x25519.Identity.generate()])
    for path in folder.iterdir():
        assert not [name for name in SURNAMES if name.encode() in path.read_bytes()]


def test_nothing_plain_stays_in_the_outbox(home: Settings) -> None:
    folder = sealed(home)
    assert list(home.outbox("council").iterdir()) == [folder]


def test_deliveries_are_numbered_and_chained(home: Settings) -> None:
    folders = [sealed(home) for _ in range(3)]
    manifests = [Manifest.model_validate_json((folder / "manifest.json").read_bytes()) for folder in folders]
    assert [manifest.sequence for manifest in manifests] == [1, 2, 3]
    for before, after in itertools.pairwise(manifests):
        assert after.previous_manifest_sha256 == sha256_hex(before.to_bytes())
    sent = sent_deliveries(home.partner_home("council") / "sent.jsonl")
    assert [entry.delivery_id for entry in sent] == [folder.name for folder in folders]
    assert sent[0].rows["people"] == 40


def test_a_crash_before_the_ledger_was_written_repeats_no_number(home: Settings) -> None:
    first = sealed(home)
    ledger = home.partner_home("council") / "sent.jsonl"
    ledger.unlink()
    second = Manifest.model_validate_json((sealed(home) / "manifest.json").read_bytes())
    assert second.sequence == 2
    assert second.previous_manifest_sha256 == file_sha256(first / "manifest.json")
    assert len(sent_deliveries(ledger)) == 2


def test_a_changed_or_foreign_draft_is_not_sealed(home: Settings) -> None:
    outbox = home.outbox("council")
    run_kit(home.home.parent / "raw", outbox / "draft")
    with pytest.raises(ExtractError, match="another partner"):
        seal(home, CONTRACTS["police"], partner_keys(partner="police"), outbox / "draft", outbox)
    with (outbox / "draft/people.csv").open("a") as handle:
        handle.write("999,,x\n")
    with pytest.raises(ExtractError, match="changed since"):
        seal(home, COUNCIL, KEYS, outbox / "draft", outbox)
    with pytest.raises(ExtractError, match="not whole"):
        seal(home, COUNCIL, KEYS, outbox / "nothing", outbox)
    assert not list(outbox.glob("council-*"))


def test_delivering_puts_the_signature_last_and_twice_is_once(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = sealed(home)
    order: list[str] = []
    replace = Path.replace

    def noted(self: Path, target: Path) -> Path:
        order.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    landed = deliver(folder, DropFolder(home.landing("council")))
    assert order[-1] == "manifest.sig"
    assert {path.name: path.read_bytes() for path in landed.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    order.clear()
    assert deliver(folder, DropFolder(home.landing("council"))) == landed
    assert order == []


def test_what_is_not_sealed_is_not_delivered(home: Settings) -> None:
    folder = sealed(home)
    (folder / "manifest.sig").unlink()
    with pytest.raises(ExtractError, match="not a sealed delivery"):
        deliver(folder, DropFolder(home.landing("council")))
    assert not home.landing("council").exists()


def test_a_pseudonym_is_turned_back_and_the_log_says_by_whom(home: Settings) -> None:
    raw = home.home.parent / "raw"
    (pseudonym,) = pseudonymise_references(KEYS, ["CASE-00013"])
    assert pseudonym

    def turn_back(text: str, **changed: str) -> str:
        said = {"reason": "visit agreed", "approver": "A. Manager", "requested_by": "C. Worker", **changed}
        return reveal(home, COUNCIL, KEYS, text, raw, **said)

    assert turn_back(pseudonym) == "CASE-00013"
    with pytest.raises(ExtractError, match="no person"):
        turn_back("0" * 32)
    log = home.partner_home("council") / "revealed.jsonl"
    lines = log.read_bytes().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [(e["pseudonym"], e["found"], e["approver"], e["requested_by"]) for e in entries] == [
        (pseudonym, True, "A. Manager", "C. Worker"),
        ("0" * 32, False, "A. Manager", "C. Worker"),
    ]
    assert entries[1]["previous"] == hashlib.sha256(lines[0]).hexdigest()
    assert b"CASE-00013" not in log.read_bytes()
    for refused in ({"reason": " "}, {"approver": ""}, {"approver": "c. worker"}):
        with pytest.raises(ExtractError):
            turn_back(pseudonym, **refused)
    with pytest.raises(ExtractError, match="32 hex digits"):
        turn_back("CASE-00013")
    assert len(log.read_bytes().splitlines()) == 2


def test_another_partners_pseudonym_is_not_found(home: Settings) -> None:
    (pseudonym,) = pseudonymise_references(partner_keys(seed=5, partner="police"), ["CASE-00013"])
    with pytest.raises(ExtractError, match="this partner's own"):
        reveal(
            home, COUNCIL, KEYS, str(pseudonym), home.home.parent / "raw", reason="x", approver="y", requested_by="z"
        )
