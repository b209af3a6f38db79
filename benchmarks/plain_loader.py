"""What many a script does: pandas reads the files, `to_sql` writes them. No signature, seal, check, quarantine or
history; measured on a slice of the same rows, into the same server, for the ratio of rows a second."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import sqlalchemy

SLICE = 20_000  # rows of each table, and of encodings


def rows_a_second(url: str, plain: dict[str, pa.Table], encodings: pa.Table) -> float:
    """Rows a second from files to tables of a schema of its own, which is dropped again."""
    with tempfile.TemporaryDirectory() as folder:
        for name, table in plain.items():
            pa_csv.write_csv(table.slice(0, SLICE), Path(folder) / f"{name}.csv")
        pq.write_table(encodings.slice(0, SLICE), Path(folder) / "encodings.parquet")
        engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("create schema plain_loader"))
        try:
            started, rows = time.perf_counter(), 0
            for path in sorted(Path(folder).iterdir()):
                frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
                frame.to_sql(path.stem, engine, schema="plain_loader", index=False)
                rows += len(frame)
            return rows / (time.perf_counter() - started)
        finally:
            with engine.begin() as connection:
                connection.execute(sqlalchemy.text("drop schema plain_loader cascade"))
            engine.dispose()
