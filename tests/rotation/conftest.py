"""An installation that the dozen of examples/ has gone through, with declarations of its own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.settings import PROJECT
from tests.whole_way.conftest import dozen, run, settings

Declare = Callable[..., None]


@pytest.fixture
def in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declare which versions of the linkage key are in force, for partners and hub."""
    declarations = tmp_path / "schemas"
    shutil.copytree(PROJECT / "schemas", declarations)
    monkeypatch.setenv("WHOLEFAMILY_DECLARATIONS", str(declarations))
    path = declarations / "linkage" / "encoding-v2.yaml"

    def declare(*versions: int) -> None:
        text, changed = re.subn(r"(?m)^key_versions: \[[0-9, ]*\]", f"key_versions: {list(versions)}", path.read_text())
        assert changed == 1
        path.write_text(text)

    return declare


__all__ = ["dozen", "in_force", "run", "settings"]
