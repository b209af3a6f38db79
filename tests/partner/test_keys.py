"""Keys: random, their owner's alone, never shown, a sub-key for each purpose."""

from __future__ import annotations

import itertools
import stat
from pathlib import Path

import pyrage
import pytest

from pipeline.errors import KeyMaterialError
from pipeline.partner.keys import (
    create_linkage_key,
    create_partner_keys,
    derive,
    install_hub_recipient,
    install_linkage_key,
    linkage_key_path,
    load_partner_keys,
)  # fmt: skip
from pipeline.settings import Settings
from tests.partner.kit import partner_keys

RECIPIENT = str(pyrage.x25519.Identity.generate().to_public())


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def make_all(home: Settings, partner: str = "council") -> None:
    source = home.home / "linkage.key"
    if not source.exists():
        create_linkage_key(source)
    create_partner_keys(home, partner)
    install_linkage_key(home, partner, source)
    install_hub_recipient(home, partner, RECIPIENT + "\n")


def test_keys_are_made_loaded_and_kept(home: Settings) -> None:
    make_all(home)
    first = load_partner_keys(home, "council")
    make_all(home)  # twice changes nothing
    assert load_partner_keys(home, "council") == first
    assert first.hub_recipient == RECIPIENT
    make_all(home, "police")
    other = load_partner_keys(home, "police")
    assert other.linkage_key == first.linkage_key
    assert other.partner_key != first.partner_key
    assert other.signing_key != first.signing_key


def test_only_the_owner_can_read_them(home: Settings) -> None:
    make_all(home)
    for name in ("partner.key", "signing.key", "linkage-v1.key"):
        assert stat.S_IMODE((home.partner_keys("council") / name).stat().st_mode) == 0o600
    path = home.partner_keys("council") / "partner.key"
    path.chmod(0o644)
    with pytest.raises(KeyMaterialError, match="chmod 600"):
        load_partner_keys(home, "council")


def test_nothing_secret_is_ever_shown(home: Settings) -> None:
    make_all(home)
    keys = load_partner_keys(home, "council")
    for secret in (keys.partner_key, keys.linkage_key, keys.signing_key):
        assert secret.hex() not in repr(keys) + str(keys)
        assert repr(secret) not in repr(keys)


def test_a_key_is_never_overwritten(home: Settings) -> None:
    make_all(home)
    with pytest.raises(KeyMaterialError, match="already"):
        create_linkage_key(home.home / "linkage.key")
    create_linkage_key(home.home / "another.key")
    with pytest.raises(KeyMaterialError, match="another linkage key"):
        install_linkage_key(home, "council", home.home / "another.key")


def test_a_missing_or_damaged_key_says_which_and_shows_nothing(home: Settings) -> None:
    make_all(home)
    path = home.partner_keys("council") / "signing.key"
    text = path.read_text()
    path.write_text(text[:40])
    with pytest.raises(KeyMaterialError) as caught:
        load_partner_keys(home, "council")
    assert "signing.key" in str(caught.value)
    assert text[:20] not in str(caught.value)
    path.unlink()
    with pytest.raises(KeyMaterialError, match="missing"):
        load_partner_keys(home, "council")
    make_all(home)
    with pytest.raises(KeyMaterialError, match="linkage-v2"):
        load_partner_keys(home, "council", key_version=2)


def test_a_new_version_of_the_linkage_key_stands_beside_the_old(home: Settings) -> None:
    make_all(home)
    create_linkage_key(home.home / "second.key")
    install_linkage_key(home, "council", home.home / "second.key", key_version=2)
    assert linkage_key_path(home, "council", 2).exists()
    old, new = (load_partner_keys(home, "council", version) for version in (1, 2))
    assert old.linkage_key != new.linkage_key
    assert old.reference_key("people.person_ref") == new.reference_key("people.person_ref")  # pseudonyms stay


def test_what_is_no_recipient_is_refused(home: Settings) -> None:
    with pytest.raises(KeyMaterialError, match="age recipient"):
        install_hub_recipient(home, "council", "age1nonsense")


def test_no_two_purposes_share_a_sub_key() -> None:
    found = []
    for keys in (partner_keys(), partner_keys(version=2)):
        for version in (1, 2):
            for name in ("nino", "upn"):
                found += [keys.token_key(name, version), keys.block_token_key(name, version)]
                found += [keys.block_key(name, version)]
    keys = partner_keys()
    found += [keys.reference_key("people.person_ref"), keys.reference_key("events.event_ref"), keys.chance_key()]
    assert all(a != b for a, b in itertools.combinations(found, 2))
    assert partner_keys(partner="police").reference_key("x") != partner_keys(partner="council").reference_key("x")


def test_hkdf_gives_the_vector_of_rfc_5869() -> None:
    """Test case 3 (no salt, no info), first 32 bytes."""
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert derive(bytes([0x0B]) * 22, "").hex() == expected
