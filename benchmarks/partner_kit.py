"""The partner's kit on an extract of any size: peak memory and records a second, beside a plain pandas pseudonymiser.

    .venv/bin/python benchmarks/partner_kit.py 1400000

The extract is the council's of a made-up borough, its rows repeated with other references, identifiers, homes and dates
of birth, and a letter changed in one name of ten, until there are enough: 1.43 residences, 0.8 relationships and 2.1
events a person. It is kept in the folder given with --raw, and used again. The kit runs in a process of its own, from
raw files to draft, as `wholefamily-partner pseudonymise` does where nothing but the kit and its lock is installed.
Records are the rows of all tables.

The peer reads, upper-cases and hashes the same columns with pandas and hashlib, on a slice; it checks nothing, encodes
no name and finds no changes, so its rate is far above what doing the same work that way would give.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import machine

PARTNER = "council"
POPULATION, SEED = 100_000, 2012  # of the borough whose council's rows are repeated
RESIDENCES, EVENTS = 2_000_000 / 1_400_000, 3_000_000 / 1_400_000  # a person
PEER_PEOPLE = 50_000
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
ROOT = Path(__file__).resolve().parents[1]
KIT = [sys.executable, str(ROOT / "tests" / "kit" / "only_locked.py"), str(ROOT)]


def made_extract(people: int, folder: Path) -> Path:
    """The raw files of an extract of so many people, made once."""
    raw = folder / f"{PARTNER}-{people}"
    if (raw / "made").exists():
        return raw
    borough = folder / f"borough-{POPULATION}-{SEED}"
    if not (borough / "raw").exists():
        command = ["synthesise", "--population", str(POPULATION), "--seed", str(SEED), "--out", str(borough)]
        subprocess.run([sys.executable, "-m", "pipeline.cli", *command], check=True, stdout=subprocess.DEVNULL)
    source = borough / "raw" / PARTNER
    tables = {path.stem: pd.read_csv(path, dtype=str, keep_default_na=False) for path in sorted(source.glob("*.csv"))}
    raw.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    own = len(tables["people"])
    copies = -(-people // own)
    for name, table in tables.items():
        each = {"residences": RESIDENCES, "events": EVENTS}.get(name, 1.0)
        wanted = len(table) if each == 1.0 else round(own * each)
        with (raw / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
            for copy in range(copies):
                rows = _copy(name, table, wanted, copy, random)
                if copy == copies - 1:
                    rows = _first(rows, tables["people"], people - copy * own, copy)
                rows.to_csv(handle, index=False, header=copy == 0, lineterminator="\n")
    (raw / "made").touch()
    return raw


def _first(rows: pd.DataFrame, people: pd.DataFrame, count: int, copy: int) -> pd.DataFrame:
    """The rows about the first so many people of a copy."""
    kept = set(people["person_ref"].iloc[:count] + f"-{copy}")
    columns = [name for name in ("person_ref", "related_person_ref") if name in rows]
    return rows[np.logical_and.reduce([rows[name].isin(kept) for name in columns])]


def _copy(name: str, table: pd.DataFrame, wanted: int, copy: int, random: np.random.Generator) -> pd.DataFrame:
    """One copy of a table: other references, identifiers, homes and dates, so that few values are said twice."""
    again = np.arange(wanted) // max(len(table), 1)
    rows = table.iloc[np.arange(wanted) % max(len(table), 1)].reset_index(drop=True)
    for column in ("person_ref", "related_person_ref"):
        if column in rows:
            rows[column] += f"-{copy}"
    if name == "events":
        rows["event_ref"] += [f"-{copy}-{turn}" for turn in again]
    if name == "people":
        born = pd.to_datetime(rows["date_of_birth"], format="%Y-%m-%d", errors="coerce") + pd.Timedelta(days=copy)
        rows["date_of_birth"] = born.dt.strftime("%Y-%m-%d").fillna(rows["date_of_birth"])
        held = rows["nino"] != ""
        number = (pd.to_numeric(rows["nino"].str[2:8], errors="coerce") + 15_485 * copy) % 1_000_000
        rows["nino"] = np.where(held, rows["nino"].str[:2] + number.map("{:06.0f}".format) + rows["nino"].str[8:], "")
        for column in ("forename", "surname"):
            changed = np.flatnonzero(random.random(len(rows)) < 0.1)
            letters = LETTERS[random.integers(0, 26, len(changed))]
            rows.loc[changed, column] = rows.loc[changed, column].str[:2] + letters + rows.loc[changed, column].str[3:]
    if name == "residences":
        held = rows["uprn"] != ""
        number = pd.to_numeric(rows["uprn"], errors="coerce").fillna(0).astype("int64")
        number += 100_000_000 * copy + 7 * again
        rows["uprn"] = np.where(held, number.astype(str), "")
        ending = f"{LETTERS[copy % 20]}{LETTERS[copy // 20 % 20]}".upper()
        rows["postcode"] = np.where(
            rows["postcode"].str.len() > 5, rows["postcode"].str[:-2] + ending, rows["postcode"]
        )
    return rows


def run_kit(raw: Path, home: Path) -> dict[str, float]:
    """The kit's way from raw files to draft: seconds, peak memory in MB, and rows by table."""
    environment = {**os.environ, "WHOLEFAMILY_HOME": str(home)}
    subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "keys", "all"], check=True, env=environment, stdout=subprocess.DEVNULL
    )
    period = ["--from", "2011-08-01", "--to", "2014-07-31"]
    command = [*KIT, "pseudonymise", PARTNER, str(raw), *period]
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(
        command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    wall, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    summary = json.loads((home / "partners" / PARTNER / "outbox/draft/summary.json").read_text(encoding="utf-8"))
    rows = {file["table"]: int(file["rows"]) for file in summary["files"]}
    rows.pop("encodings")
    peak = next(int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("PEAK"))
    return {
        "wall": wall, "cpu": cpu, "peak_mb": peak * 1024 / 1e6, "people": rows["people"], "records": sum(rows.values()),
        "people_per_second": rows["people"] / wall, "records_per_second": sum(rows.values()) / wall,
    }  # fmt: skip


def run_peer(raw: Path) -> dict[str, float]:
    """A plain pandas and hashlib pseudonymiser on the first people: seconds and records a second."""
    key = os.urandom(32)

    def token(text: str) -> str:
        return hmac.digest(key, text.strip().upper().encode(), "sha256")[:16].hex() if text else ""

    began, records = time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(raw.glob("*.csv")):
            table = pd.read_csv(path, dtype=str, keep_default_na=False, nrows=PEER_PEOPLE)
            hashed = [
                column
                for column in table
                if column.endswith("_ref") or column in ("nino", "nhs_number", "upn", "uprn", "address", "postcode")
            ]
            for column in hashed:
                table[column] = table[column].map(token)
            dropped = [name for name in ("forename", "middle_names", "surname") if name in table]
            table.drop(columns=dropped).to_csv(Path(folder) / path.name, index=False)
            records += len(table)
    return {"records_per_second": records / (time.perf_counter() - began), "records": records}


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("people", type=int, nargs="?", default=100_000)
    told.add_argument(
        "--raw", type=Path, default=Path("var/bench/partner_kit"), help="where extracts are made and kept"
    )
    told.add_argument("--no-peer", action="store_true")
    asked = told.parse_args()
    raw = made_extract(asked.people, asked.raw)
    print(machine())
    with tempfile.TemporaryDirectory(dir=asked.raw) as home:
        kit = run_kit(raw, Path(home))
    print(
        f"kit: {kit['people']:,} people, {kit['records']:,} records: {kit['wall']:.1f} s wall, {kit['cpu']:.1f} s CPU, "
        f"{kit['peak_mb']:.0f} MB; {kit['people_per_second']:,.0f} people/s, {kit['records_per_second']:,.0f} records/s"
    )
    if not asked.no_peer:
        peer = run_peer(raw)
        print(
            f"pandas and hashlib (hashing alone), {peer['records']:,} records: {peer['records_per_second']:,.0f} "
            f"records/s; the kit does {kit['records_per_second'] / peer['records_per_second']:.2f} times as many"
        )


if __name__ == "__main__":
    main()
