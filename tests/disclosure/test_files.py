"""Files that leave: nothing in them that a spreadsheet would run; whole or not at all."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.files import STARTS, as_csv, as_parquet, written


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_no_text_begins_as_a_formula(texts: list[str]) -> None:
    content = as_csv(pd.DataFrame({"=name": texts, "count": range(len(texts))})).decode()
    head, *rows = list(csv.reader(io.StringIO(content, newline="")))
    assert head[0] == "'=name"
    for row, text in zip(rows, texts, strict=True):
        assert not row[0].lstrip(" \u00a0").startswith(STARTS)
        assert row[0] in (text, "'" + text)


def test_numbers_stay_numbers_and_missing_is_empty() -> None:
    content = as_csv(pd.DataFrame({"n": pd.array([-5, None], dtype="Int64")}))
    assert content == b'n\r\n-5\r\n""\r\n' or content == b"n\r\n-5\r\n\r\n"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_file: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("pipeline.release.files.os.fsync", fails)
    with pytest.raises(OSError, match="full"):
        written(tmp_path / "out.csv", b"a")
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    written(tmp_path / "out.parquet", as_parquet(pd.DataFrame({"n": [1]})))
    assert (tmp_path / "out.parquet").stat().st_mode & 0o077 == 0
    assert list(pd.read_parquet(tmp_path / "out.parquet")["n"]) == [1]
