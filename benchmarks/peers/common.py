"""What the peers' scripts share: read a case, leave results. Standard library, pandas and pyarrow only.

A script is run as `python <peer>.py CASE OUT` to link, and as `python <peer>.py CASE OUT blocking` to say, after the
fact and with the truth, what share of true pairs its blocking rules let through; a last argument `wide` asks for
blocking as wide as ours, where a script knows that. It reads CASE/clear.parquet (and
places.parquet); it must not read the truth while it links. It leaves in OUT: clusters.parquet (record, cluster),
pairs.parquet (a, b, score) where it scores pairs, report.json.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd


class Case:
    """A case's folder, as pipeline/bench/case.py lays it out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        document = json.loads((folder / "case.json").read_text(encoding="utf-8"))
        self.name = document["name"]
        self.link_only = document["link_only"]
        self.sources = document["sources"]
        self.wide = False
        # A field derived from another's column (a district of the postcode) is ours; peers make their own.
        columns = set()
        self.fields = {}
        for name, entry in document["fields"].items():
            if entry["column"] not in columns:
                self.fields[name] = entry
            columns.add(entry["column"])

    def clear(self) -> pd.DataFrame:
        """record, source and the fields' cells, None where missing; lower case, white space and commas trimmed."""
        table = pd.read_parquet(self.folder / "clear.parquet")
        for name in self.fields:
            trimmed = table[name].str.lower().str.strip(" ,.")
            table[name] = trimmed.where(trimmed.notna() & (trimmed != ""), None)
        return table.drop_duplicates("record")

    def places(self) -> pd.DataFrame | None:
        """record and the fields of further addresses, where the case has them."""
        path = self.folder / "places.parquet"
        return pd.read_parquet(path) if path.exists() else None

    def true_pairs(self) -> pd.DataFrame:
        """record_l < record_r of every pair of one person (between two sources where those are linked)."""
        truth = pd.read_parquet(self.folder / "truth.parquet")[["record", "person"]]
        if self.link_only:
            truth = truth.merge(pd.read_parquet(self.folder / "clear.parquet", columns=["record", "source"]))
        pairs = truth.merge(truth, on="person", suffixes=("_l", "_r"))
        pairs = pairs[pairs["record_l"] < pairs["record_r"]]
        if self.link_only:
            pairs = pairs[pairs["source_l"] != pairs["source_r"]]
        return pairs[["record_l", "record_r"]].reset_index(drop=True)


class Stopwatch:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.last
        self.last = now


def connected(records: pd.Series, pairs: pd.DataFrame) -> pd.DataFrame:
    """record, cluster: the connected components of pairs (a, b)."""
    parent = {int(record): int(record) for record in records}

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in zip(pairs["a"].tolist(), pairs["b"].tolist(), strict=True):
        one, other = root(a), root(b)
        if one != other:
            parent[max(one, other)] = min(one, other)
    return pd.DataFrame({"record": list(parent), "cluster": [root(record) for record in parent]})


def main(link, blocking) -> None:
    """Run `link(case, out) -> report`, or `blocking(case) -> share`, by the command line's arguments."""
    case, out = Case(Path(sys.argv[1])), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    case.wide = "wide" in sys.argv[3:]
    if "blocking" in sys.argv[3:]:
        (out / "blocking.json").write_text(json.dumps({"recall": blocking(case)}), encoding="utf-8")
        return
    (out / "report.json").write_text(json.dumps(link(case, out)), encoding="utf-8")
