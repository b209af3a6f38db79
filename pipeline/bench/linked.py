"""The hub's part of a benchmark: link what `encoded` wrote. Nothing in clear is read here."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.bench.case import Case
from pipeline.bench.encoded import PARTNER, SEX, codes_of_tokens
from pipeline.contracts import load_link_model
from pipeline.link import Encodings, link_persons
from pipeline.link.block import PassEncodings
from pipeline.records import LinkResult

NOBODY_YET = pd.DataFrame({"record_id": pd.Series(dtype="int64"), "person_id": pd.Series(dtype="int64")})


def read_encoded(folder: Path) -> tuple[pd.DataFrame, Encodings, dict[str, np.ndarray]]:
    """RECORDS, encodings and counts of chance agreement, as linking takes them; pass by pass, so that only one
    pass's Arrow table is in memory at once."""
    table = pq.read_table(folder / "records.parquet")
    columns: dict[str, Any] = {"record_id": table["record_id"].to_numpy(), PARTNER: None}
    columns[PARTNER] = pd.Categorical(table[PARTNER].to_pandas())
    for name in table.column_names[2:]:
        columns[name] = table[name].to_pandas() if name == SEX else codes_of_tokens(table[name])
    records = pd.DataFrame(columns).sort_values("record_id", ignore_index=True)
    passes: dict[str, PassEncodings] = {}
    for path in sorted(folder.glob("pass-*.parquet")):
        passes.update(Encodings.from_arrow(pq.read_table(path)).passes)
    counts = json.loads((folder / "chance_agreement.json").read_text(encoding="utf-8"))
    return records, Encodings(passes), {name: np.asarray(values) for name, values in counts.items()}


def link_case(case: Case, out: Path, *, in_clear: bool = False) -> LinkResult:
    """Link a case's encodings; writes clusters.parquet (record, cluster), pairs.parquet and report.json into `out`."""
    started = time.perf_counter()
    records, encodings, counts = read_encoded(case.folder / ("in_clear" if in_clear else "encoded"))
    read = time.perf_counter()
    model = replace(load_link_model(case.folder), gram_sets=in_clear)
    result = link_persons(records, encodings, model, counts, NOBODY_YET)
    linked = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    persons = result.persons
    clusters = pa.table({"record": persons["record_id"].to_numpy(), "cluster": persons["person_id"].to_numpy()})
    pq.write_table(clusters, out / "clusters.parquet")
    pq.write_table(pa.Table.from_pandas(result.pairs, preserve_index=False), out / "pairs.parquet")
    report = {
        "seconds": {"read": read - started, "link": linked - read},
        "candidate_pairs": int(result.blocking["candidate_pairs"].sum()),
        "blocking": json.loads(result.blocking.to_json(orient="records")),
        "parameters": result.parameters,
    }
    (out / "report.json").write_text(json.dumps(report, default=float), encoding="utf-8")
    return result


def write_csv(case: Case, folder: Path) -> None:
    """A linked case's result by the ids of its own table: clusters.csv (record_id, cluster), pairs.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = case.ids()
    clusters = pq.read_table(case.folder / "ours" / "clusters.parquet").to_pandas()
    clusters.insert(0, "record_id", ids.to_numpy()[clusters["record"]])
    clusters[["record_id", "cluster"]].to_csv(folder / "clusters.csv", index=False)
    pairs = pq.read_table(case.folder / "ours" / "pairs.parquet").to_pandas()
    for side in ("record_a", "record_b"):
        pairs[side] = ids.to_numpy()[pairs[side]]
    pairs.to_csv(folder / "pairs.csv", index=False)
