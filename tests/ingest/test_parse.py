"""Whatever bytes come in a delivered file, they are a table of the contract or a DeliveryError; never anything else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import DeliveryError
from pipeline.ingest.landing import Landed
from pipeline.ingest.parse import read_table
from pipeline.ingest.quarantine import sort_rows, unknown_problems
from pipeline.manifest import SealedFile
from tests.ingest.test_quarantine import ANNA, EVENTS, KNOWN, VOCABULARY

LANDED = Landed(folder=Path("council-000001-00000000"), partner="council", signed=True)
HEADER = ",".join(EVENTS.delivered_header())
ROW = f'2,,"{"1" * 32}","{ANNA}","child_in_need","N1",,"2014-01-06",,'
GOOD = f"{HEADER}\n{ROW}\n".encode()


def read(content: bytes, rows: int = 1) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        path.write_bytes(content)
        file = SealedFile(table="events", name="events.csv.age", rows=rows, bytes=len(content), sha256="0" * 64)
        return read_table(LANDED, file, path, EVENTS)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf" + GOOD, "missing_column"),  # a byte order mark makes another first column
        (GOOD.replace(b"N1", b"N\0"), "not_utf8"),
        (GOOD.replace(b"N1", b"\xff\xfe"), "not_utf8"),
        (GOOD + b"\xf0\x9f", "not_utf8"),
        (GOOD.decode().encode("utf-16"), "not_utf8"),
        (GOOD.replace(b"row,problem", b"problem,row"), "unknown_column"),
        (GOOD.replace(b"quantity", b"quantity,quantity"), "unknown_column"),
        (GOOD.replace(b",", b";"), "missing_column"),
        (GOOD[:-40], "bad_csv"),
        (GOOD + b'3,,"', "truncated"),
        (GOOD.replace(b"\n2,", b"\n1,"), "bad_row_numbers"),
        (GOOD.replace(b"\n2,", b"\n=2,"), "bad_row_numbers"),
        (f"{HEADER}\n".encode(), "truncated"),
    ],
)
def test_what_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        read(content)
    assert caught.value.code in (code, "bad_csv")
    assert ANNA not in str(caught.value)


def test_a_line_break_inside_a_field_is_no_new_row() -> None:
    content = read(GOOD.replace(b'"N1"', b'"N1\n3,,"'))
    assert content.num_rows == 1  # type: ignore[attr-defined]


def test_a_field_of_a_megabyte_is_one_bad_row() -> None:
    content = read(GOOD.replace(b"N1", b"N" * 1_000_000))
    assert sort_rows(content, EVENTS, VOCABULARY, KNOWN).quarantined.num_rows == 1


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 40), st.binary(max_size=12))
@example(0, len(GOOD), b"")
@example(len(HEADER) + 1, 0, b'"')
@example(0, 0, b"\r")
def test_any_bytes_are_a_table_or_a_delivery_error(start: int, length: int, put: bytes) -> None:
    mutated = GOOD[:start] + put + GOOD[start + length :]
    try:
        content = read(mutated)
    except DeliveryError:
        return
    if not unknown_problems(content, EVENTS):
        done = sort_rows(content, EVENTS, VOCABULARY, KNOWN)
        assert done.loaded.num_rows + done.quarantined.num_rows == done.delivered == 1
