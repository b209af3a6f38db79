"""Files that leave: written whole or not at all, for their owner alone, with nothing that a spreadsheet would run.

A text that a spreadsheet would take for a formula (it begins with =, +, -, @, a tab or a carriage return, in their wide
forms too) gets an apostrophe in front (OWASP, CSV injection). Numbers stay numbers.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
CSV, PARQUET = "csv", "parquet"


def harmless(value: object) -> object:
    """The value as it may stand in a CSV file."""
    if isinstance(value, str) and value.lstrip(" \u00a0").startswith(STARTS):
        return "'" + value
    return value


def as_csv(frame: pd.DataFrame) -> bytes:
    """The frame as CSV (UTF-8, CRLF as RFC 4180 has it), texts and headers made harmless; missing is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([harmless(str(name)) for name in frame])
    for row in frame.astype(object).itertuples(index=False):
        writer.writerow(["" if pd.isna(value) else harmless(value) for value in row])
    return text.getvalue().encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    """The frame as Parquet, without what pandas would say of itself beside it."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def written(path: Path, content: bytes) -> str:
    """Write a file whole or not at all, for its owner alone; returns its SHA-256 in hex."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            unfinished.chmod(0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return hashlib.sha256(content).hexdigest()
