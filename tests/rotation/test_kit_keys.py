"""The partner's side: two linkage keys held side by side, and which of them is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import KeyMaterialError
from pipeline.partner.keys import (
    create_linkage_key,
    held_versions,
    install_linkage_key,
    load_partner_keys,
    version_to_use,
)
from pipeline.partner.known_answers import check_word, known_answers
from pipeline.settings import Settings
from tests.partner.kit import ENCODING, partner_keys
from tests.partner.test_keys import make_all


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """A council that holds versions 1, 2 and 3 of the linkage key."""
    settings = Settings(home=tmp_path / "home")
    make_all(settings)
    for version in (2, 3):
        create_linkage_key(settings.home / f"carried-{version}.key")
        install_linkage_key(settings, "council", settings.home / f"carried-{version}.key", version)
    return settings


@pytest.mark.parametrize(
    ("declared", "wanted", "used"),
    [((1,), None, 1), ((1, 2), None, 2), ((2,), None, 2), ((1, 2), 1, 1), ((3, 4), None, 3), ((1, 2), 3, None),
     ((4,), None, None), ((3, 4), 4, None)],
)  # fmt: skip
def test_the_newest_declared_version_that_is_held_is_used(
    home: Settings, declared: tuple[int, ...], wanted: int | None, used: int | None
) -> None:
    assert held_versions(home, "council") == [1, 2, 3]
    if used is None:
        with pytest.raises(KeyMaterialError):
            version_to_use(home, "council", declared, wanted)
    else:
        assert version_to_use(home, "council", declared, wanted) == used
    assert load_partner_keys(home, "council").key_version == 3  # for what needs no linkage key


def test_the_same_key_is_no_new_version(home: Settings) -> None:
    with pytest.raises(KeyMaterialError, match="linkage key of version 2, not a new one"):
        install_linkage_key(home, "council", home.home / "carried-2.key", 4)


def test_known_answers_and_check_words_tell_versions_and_keys_apart() -> None:
    held = [partner_keys(), partner_keys(version=2), partner_keys(linkage=8), partner_keys(partner="police", seed=5)]
    answers = [known_answers(ENCODING, keys) for keys in held]
    assert not set(answers[0]) & set(answers[1])
    assert not set(answers[0]) & set(answers[2])
    assert answers[0] == answers[3]
    words = [check_word(ENCODING, keys) for keys in held]
    assert words[0] == words[3]
    assert len(set(words)) == 3
