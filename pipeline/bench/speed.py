"""How fast the two compiled parts are beside their like, in the same run: comparing names, and pseudonymising.

Comparisons are measured on encodings of the kit, in as many threads as there are processors; pseudonymising on a
made-up partner's extract, from raw files to draft, and on the encoding alone.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipeline.bench.case import SOURCE, Case
from pipeline.bench.encoded import throw_away_keys
from pipeline.bench.environments import PEERS, PeerMissing, peer_python
from pipeline.bench.mapping import normal_form
from pipeline.contracts import load_contract, load_encoding, load_link_model, load_vocabulary
from pipeline.levels import Comparable, comparison_levels, differing, unpack_names
from pipeline.partner.encode import Persons, encode_persons
from pipeline.partner.hashing import processors
from pipeline.partner.keys import KEY_BYTES
from pipeline.partner.pseudonymise import pseudonymise

PAIRS = 20_000_000
PLAIN_PAIRS = 200_000
AT_ONCE = 1_000_000
SEED = 2012
PERIOD = (dt.date(2011, 8, 1), dt.date(2014, 7, 31))
LARGEST_PARTNER = "council"  # of the made-up borough: all four kinds of address and identifier


def measure_speed(
    case: Case, borough: Path, declarations: Path, home: Path, base_python: Path | None
) -> dict[str, Any]:
    """All rates, JSON-able: `comparisons` in pairs a second, `pseudonymise` in records a second."""
    return {
        "processors": processors(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "comparisons": comparison_rates(case),
        "pseudonymise": pseudonymise_rates(case, borough, declarations, home, base_python),
    }


def comparison_rates(case: Case, pairs: int = PAIRS) -> dict[str, float]:
    """Pairs a second: likeness of one name on one core and on all, all comparisons of the link model, and
    recordlinkage's Jaro-Winkler on the same names in clear."""
    model = load_link_model(case.folder)
    passes = sorted((case.folder / "encoded").glob("pass-*.parquet"), key=lambda path: path.stat().st_size)
    table = pq.read_table(passes[-1])
    encoded = {name: unpack_names(table[name]) for name in ("forename", "surname")}
    parts = np.ascontiguousarray(np.frombuffer(secrets.token_bytes(6 * table.num_rows), dtype=np.uint16).reshape(-1, 3))
    random = np.random.default_rng(SEED)
    left, right = random.integers(0, table.num_rows, pairs), random.integers(0, table.num_rows, pairs)
    columns = {column for comparison in model.comparisons for column in comparison.columns}
    codes = {column: random.integers(-1, 10_000, table.num_rows) for column in columns}
    data = Comparable(names=encoded, date_parts=parts, codes=codes)

    def one_field(start: int) -> None:
        differing(encoded["surname"], encoded["surname"], left[start : start + AT_ONCE], right[start : start + AT_ONCE])

    def whole_model(start: int) -> None:
        for comparison in model.comparisons:
            comparison_levels(comparison, data, left[start : start + AT_ONCE], right[start : start + AT_ONCE])

    names = pd.Series(normal_form(case.fields[1], pq.read_table(case.clear)[case.fields[1].name]).texts().to_pandas())
    return {
        "likeness_one_core": _rate(one_field, pairs, threads=1),
        "likeness_all_cores": _rate(one_field, pairs, threads=processors()),
        "whole_model_all_cores": _rate(whole_model, min(pairs, 4 * AT_ONCE), threads=processors()),
        "recordlinkage_jaro_winkler": _plain_rate(names, PLAIN_PAIRS),
    }


def _rate(work: Callable[[int], None], pairs: int, threads: int) -> float:
    starts = range(0, pairs, AT_ONCE)
    work(0)  # compiled, pages touched
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        list(pool.map(work, starts))
        return pairs / (time.perf_counter() - began)


def _plain_rate(names: pd.Series, pairs: int) -> float:
    import recordlinkage

    random = np.random.default_rng(SEED)
    frame = pd.DataFrame({"name": names.fillna("")})
    index = pd.MultiIndex.from_arrays([random.integers(0, len(frame), pairs), random.integers(0, len(frame), pairs)])
    compare = recordlinkage.Compare()
    compare.string("name", "name", method="jarowinkler")
    began = time.perf_counter()
    compare.compute(index, frame)
    return pairs / (time.perf_counter() - began)


def pseudonymise_rates(
    case: Case, borough: Path, declarations: Path, home: Path, base_python: Path | None
) -> dict[str, Any]:
    """Records a second: the kit's whole way (raw files to draft) and its encoding alone, and clkhash's CLKs of the same
    people; where clkhash cannot be had, why."""
    rates: dict[str, Any] = {**_draft_rate(borough, declarations), "encode": _encode_rate(case)}
    try:
        out = case.folder / "clkhash.json"
        command = [str(peer_python("anonlink", home, base_python)), str(PEERS / "clkhash_rate.py")]
        subprocess.run([*command, str(case.folder), str(out)], check=True, capture_output=True, timeout=600)
        rates["clkhash"] = json.loads(out.read_text(encoding="utf-8"))["records_per_second"]
    except (PeerMissing, subprocess.SubprocessError) as problem:
        rates["clkhash_missing"] = str(problem) if isinstance(problem, PeerMissing) else type(problem).__name__
    return rates


def _draft_rate(borough: Path, declarations: Path) -> dict[str, float]:
    vocabulary = load_vocabulary(declarations)
    contract = load_contract(declarations / "extracts" / f"{LARGEST_PARTNER}.yaml", vocabulary)
    out = borough / "draft"
    shutil.rmtree(out, ignore_errors=True)
    keys = throw_away_keys(LARGEST_PARTNER, secrets.token_bytes(KEY_BYTES))
    encoding, model = load_encoding(declarations), load_link_model(declarations)
    raw = borough / "raw" / LARGEST_PARTNER
    taken = 0.0
    for _ in range(2):  # the first run loads what is compiled
        began = time.perf_counter()
        pseudonymise(contract, encoding, model, raw, out, keys, *PERIOD, vocabulary=vocabulary)
        taken = time.perf_counter() - began
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    rows = {file["table"]: int(file["rows"]) for file in summary["files"]}
    shutil.rmtree(out)
    records = rows.pop("people")
    rows.pop("encodings")
    return {"people_per_second": records / taken, "rows_per_second": (records + sum(rows.values())) / taken}


def _encode_rate(case: Case) -> float:
    """Encoding alone: every pass of every record of the case, from normal forms."""
    clear = pq.read_table(case.clear)
    columns = {entry.name: normal_form(entry, clear[entry.name]) for entry in case.fields}
    persons = Persons(columns, {}, np.zeros(0, dtype=np.int32))
    keys = throw_away_keys(clear[SOURCE][0].as_py(), secrets.token_bytes(KEY_BYTES))
    encoding = load_encoding(case.folder)
    began = time.perf_counter()
    for _ in encode_persons(encoding, keys, persons):
        pass
    return case.records / (time.perf_counter() - began)
