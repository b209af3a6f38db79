"""The declaration: figures as data, and refused with the line where they cannot hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.disclosure import load_disclosure
from pipeline.errors import DeclarationError
from pipeline.settings import PROJECT

TEXT = (PROJECT / "schemas" / "disclosure.yaml").read_text(encoding="utf-8")


def test_the_declaration_is_read() -> None:
    declared = load_disclosure(PROJECT / "schemas")
    assert (declared.control.threshold, declared.control.base) == (10, 5)
    assert set(declared.extracts) == {"families"}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("threshold: 10", "threshold: 2", "the threshold is at least 3"),
        ("rounding: 5", "rounding: 20", "rounding from 1 to the threshold"),
        ("share: 0.75", "share: 75", "share and p are shares"),
        ("  k: 5", "  k: 1", "k is at least 2"),
        ("between_releases: held", "between_releases: none", "no other way is built"),
        ("districts: {}", "districts: {N: [A], S: [A]}", "an area lies in two districts"),
        ("of: families-by-area", "of: costs-by-agency", "is of no table with the same columns"),
        ("{at_most: 3}", "{about: 3}", "coarsened in a way that is not built"),
        ("totals: [agency, area]", "totals: [month]", "totals are of columns"),
    ],
)
def test_what_cannot_hold_is_refused(tmp_path: Path, old: str, new: str, rule: str) -> None:
    assert old in TEXT
    (tmp_path / "disclosure.yaml").write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DeclarationError, match=rule):
        load_disclosure(tmp_path)
