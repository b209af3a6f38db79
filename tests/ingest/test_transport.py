"""Deliveries over SFTP, object storage and shares: cut at every operation, from strangers, larger than they said."""

from __future__ import annotations

import datetime as dt
import random
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.errors import KeyMaterialError, TransportError
from pipeline.ingest import fetching, take_in
from pipeline.ingest.fetching import fetch_waiting, sealed_size
from pipeline.ingest.keys import register_partner
from pipeline.installation import seal_and_deliver
from pipeline.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest, SealedFile, sha256_hex
from pipeline.partner.deliver import hand_over
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.transport import DropFolder, RemoteFolder, landing_at
from tests.ingest.sftp_server import PASSWORD, Sftp, sftp_server
from tests.ingest.site import Site

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
NAME = "council-000001-0a1b2c3d"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sftp]:
    with sftp_server(tmp_path / "served") as served:
        yield served


def reached(server: Sftp, tmp_path: Path, **options: object) -> RemoteFolder:
    """The partner's own folder on the server, without trying again."""
    known = server.known_hosts(tmp_path / "known_hosts")
    return RemoteFolder(f"{server.url}/council", {"password": PASSWORD, "known_hosts": str(known), **options}, waits=())


def sealed(outbox: Path, name: str = NAME, key: Ed25519PrivateKey = KEY, size: int = 40_000) -> Path:
    """A delivery as it travels; what is in its file matters to nobody on the way."""
    folder = outbox / name
    folder.mkdir(parents=True)
    content = secrets.token_bytes(size)
    (folder / "people.csv.age").write_bytes(content)
    file = SealedFile(table="people", name="people.csv.age", rows=1, bytes=size - 200, sha256=sha256_hex(content))
    today = dt.date(2014, 7, 31)
    manifest = Manifest(
        delivery_id=name, partner="council", sequence=int(name.split("-")[1]), previous_manifest_sha256=None,
        contract_version="1.0.0", encoding_version=1, key_version=1, kind="full", period_from=today, period_to=today,
        created_at=dt.datetime.now(dt.UTC), files=(file,), known_answers=(), chance_agreement=(), problems={},
    ).to_bytes()  # fmt: skip
    (folder / MANIFEST_FILE).write_bytes(manifest)
    (folder / SIGNATURE_FILE).write_bytes(key.sign(manifest))
    return folder


def hub_at(place: RemoteFolder, home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A hub that knows the partner's key and fetches from `place`."""
    settings = Settings(home=home, landing_root=place.url.removesuffix("/council"))
    register_partner(settings, "council", PUBLIC)
    monkeypatch.setattr(fetching, "landing_at", lambda where, credentials: place)
    return settings


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- cut connections


def test_a_delivery_cut_at_any_operation_arrives_once_and_is_never_seen_half(server: Sftp, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    cut = random.choice([0, 1])  # every other one: a connection takes its time
    while True:
        cut += 2
        outbox = tmp_path / f"outbox{cut}"
        folder = sealed(outbox)
        whole = content(folder)
        arrived = server.root / "landing" / "council" / NAME

        def signed_means_whole(name: str, arrived: Path = arrived, whole: dict[str, bytes] = whole) -> None:
            if (arrived / SIGNATURE_FILE).exists():
                assert content(arrived) == whole

        server.operations, server.cut_at, server.on_operation = 0, cut, signed_means_whole
        try:
            hand_over(folder, reached(server, tmp_path), sent)
        except TransportError:
            server.cut_at = None
            hand_over(folder, reached(server, tmp_path), sent)
            done = False
        else:
            done = True
        assert content(arrived) == whole
        assert list(outbox.iterdir()) == []
        shutil.rmtree(arrived)
        shutil.rmtree(sent)
        if done:
            break
    assert cut > 10


def test_fetching_cut_at_every_operation_brings_each_delivery_once(
    server: Sftp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = reached(server, tmp_path)
    there = server.root / "landing" / "council"
    folder = sealed(tmp_path / "outbox")
    cut = 0
    while True:
        cut += 1
        shutil.copytree(folder, there / NAME)
        settings = hub_at(place, tmp_path / f"home{cut}", monkeypatch)
        landing = settings.landing("council")
        server.operations, server.cut_at = 0, cut
        try:
            fetch_waiting(settings, "council")
        except TransportError:
            assert not landing.exists() or content(landing / NAME) == content(folder)
            server.cut_at = None
            fetch_waiting(settings, "council")
            done = False
        else:
            done = True
        assert content(landing / NAME) == content(folder)
        assert [path.name for path in there.iterdir()] == []
        assert not [path for path in settings.work.rglob("*") if path.is_file()]
        if done:
            break
    assert cut > 10


def test_a_cut_connection_is_made_anew(server: Sftp, tmp_path: Path) -> None:
    folder = sealed(tmp_path / "outbox", size=2_000_000)
    place = replace(reached(server, tmp_path), waits=(0.0, 0.0))
    server.on_operation = lambda name: setattr(server, "cut_at", 12 if server.operations <= 12 else None)
    hand_over(folder, place, tmp_path / "sent")
    assert content(server.root / "landing" / "council" / NAME) == content(tmp_path / "sent" / NAME)


# --- strangers


def test_a_server_whose_host_key_is_not_known_gets_nothing(server: Sftp, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(TransportError, match="host key"):
        hand_over(sealed(tmp_path / "outbox"), reached(server, tmp_path, known_hosts=str(empty)), tmp_path / "sent")
    other = server.known_hosts(tmp_path / "other", paramiko.ECDSAKey.generate())
    with pytest.raises(TransportError, match="host key"):
        reached(server, tmp_path, known_hosts=str(other)).deliveries()
    assert server.operations == 0


def test_a_wrong_login_is_told_without_it(server: Sftp, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="refuses the login") as refused:
        reached(server, tmp_path, password="another password", look_for_keys=False, allow_agent=False).deliveries()
    assert "another password" not in str(refused.value) + repr(refused.value.__context__)


def test_credentials_stand_in_no_url_and_in_no_file_that_others_read(tmp_path: Path) -> None:
    with pytest.raises(TransportError) as refused:
        landing_at("sftp://partner:very-secret@files.example.org/landing")
    assert "very-secret" not in str(refused.value)
    file = tmp_path / "credentials.json"
    file.write_text('{"username": "partner", "password": "very-secret"}')
    file.chmod(0o644)
    with pytest.raises(TransportError, match="others than its owner"):
        landing_at("sftp://files.example.org/landing", file)
    file.chmod(0o600)
    place = landing_at("sftp://files.example.org:2022/landing", file)
    assert "very-secret" not in repr(place) + place.name
    assert place.name == "sftp://files.example.org:2022/landing"


# --- what somebody else put there


def test_what_is_not_the_partners_is_not_fetched_but_its_signature(
    server: Sftp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, there = reached(server, tmp_path), server.root / "landing" / "council"
    there.mkdir()
    shutil.move(sealed(tmp_path / "forged", key=Ed25519PrivateKey.generate()), there)
    settings = hub_at(place, tmp_path / "home", monkeypatch)
    assert fetch_waiting(settings, "council") == [NAME]
    assert sorted(content(settings.landing("council") / NAME)) == [MANIFEST_FILE, SIGNATURE_FILE]
    assert [path.name for path in there.iterdir()] == [".refused"]
    assert fetch_waiting(settings, "council") == []


def test_a_file_that_is_larger_than_signed_is_not_fetched_whole(
    server: Sftp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, there = reached(server, tmp_path), server.root / "landing" / "council"
    there.mkdir()
    folder = sealed(tmp_path / "outbox", size=10_000)
    with (folder / "people.csv.age").open("ab") as handle:
        handle.write(bytes(40_000_000))
    shutil.move(folder, there)
    settings = hub_at(place, tmp_path / "home", monkeypatch)
    fetch_waiting(settings, "council")
    assert (settings.landing("council") / NAME / "people.csv.age").stat().st_size == 0
    assert sealed_size(10_000 - 200) < 20_000


def test_unsigned_unfinished_and_strange_names_are_left(
    server: Sftp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = server.root / "landing" / "council"
    there.mkdir()
    unsigned = sealed(tmp_path / "outbox")
    (unsigned / SIGNATURE_FILE).unlink()
    shutil.move(unsigned, there)
    shutil.copytree(sealed(tmp_path / "strange"), there / "..council-000002-0a1b2c3d")
    (there / "notes.txt").write_text("hello")
    settings = hub_at(reached(server, tmp_path), tmp_path / "home", monkeypatch)
    assert fetch_waiting(settings, "council") == []
    assert len(list(there.iterdir())) == 3


def test_without_the_partners_key_nothing_is_fetched(
    server: Sftp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = hub_at(reached(server, tmp_path), tmp_path / "home", monkeypatch)
    for key in (settings.hub_keys / "partners").iterdir():
        key.unlink()
    assert fetch_waiting(settings, "council") == []
    (server.root / "landing" / "council").mkdir()
    shutil.move(sealed(tmp_path / "outbox"), server.root / "landing" / "council")
    with pytest.raises(KeyMaterialError):
        fetch_waiting(settings, "council")


# --- other places, and the whole way


@pytest.mark.parametrize("scheme", ["memory", "file", "share"])
def test_the_same_code_by_other_urls(scheme: str, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    root = {"memory": f"memory://bucket{secrets.token_hex(4)}", "file": f"file://{share}", "share": str(share)}[scheme]
    settings = Settings(home=tmp_path / "home", landing_root=f"{root}/{{partner}}/to-hub")
    register_partner(settings, "council", PUBLIC)
    folder = sealed(tmp_path / "outbox")
    whole = content(folder)
    place = landing_at(settings.landing_place("council"))
    assert isinstance(place, DropFolder) == (scheme == "share")
    hand_over(folder, place, tmp_path / "sent")
    assert place.has(NAME)
    assert fetch_waiting(settings, "council") == [NAME]
    assert content(settings.landing("council") / NAME) == whole
    assert not place.has(NAME)
    assert fetch_waiting(settings, "council") == []
    assert scheme != "memory" or fsspec.filesystem("memory").find(root) == []


def test_a_kind_of_url_that_is_not_installed_says_what_to_install(tmp_path: Path) -> None:
    place = landing_at("nosuchstore://bucket/landing")
    with pytest.raises(TransportError, match="install"):
        hand_over(sealed(tmp_path / "outbox"), place, tmp_path / "sent")


def test_from_the_partner_to_the_database_by_sftp(site: Site, database: Database, server: Sftp, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials.json"
    known = server.known_hosts(tmp_path / "known_hosts")
    credentials.write_text(f'{{"password": "{PASSWORD}", "known_hosts": "{known}"}}')
    credentials.chmod(0o600)
    settings = replace(site.settings, landing_root=server.url, landing_credentials=credentials)
    (landed,) = seal_and_deliver(settings, site.contract("council"))
    assert (server.root / "landing" / "council" / landed.name / SIGNATURE_FILE).exists()
    taken = take_in(settings, database, "council")
    assert [(outcome.delivery_id, outcome.state) for outcome in taken.outcomes] == [(landed.name, "accepted")]
    assert list((server.root / "landing" / "council").iterdir()) == []
    assert take_in(settings, database, "council").outcomes == ()
