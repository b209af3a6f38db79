"""Casework over a made-up borough, with the true families given: each part's time and memory, and writing the night.

    .venv/bin/python benchmarks/casework.py 100000            # time, CPU and peak memory of each part
    .venv/bin/python benchmarks/casework.py 1400000 --store   # also writing the night to a database of its own

Frames as in `criteria.py`. Every family that met a criterion a year before the as-at date is taken for identified then
and, but for one in six, attached a month later: more cases than a council has; every partner nominates 300 people. Each
part runs in a process of its own, of which wall time, CPU time and peak memory (resident set) are told; reading the
frames is told apart. Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from criteria import AS_AT, FRAMES, SCHEMAS, make_frames
from measuring import machine, peak_gb

from pipeline.casework import Declared, Facts, Night, Standing, load_declared, work_out
from pipeline.casework.night import lines_of, people_of, records_of
from pipeline.casework.priority import prioritise
from pipeline.claims import run_tests, take_baselines
from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.costs import duplicated_services, family_costs
from pipeline.criteria import evaluate, load_pack
from pipeline.records import CriteriaResult, FamilyResult
from pipeline.spans import own_members

PACK = "troubled-families-2012"
NOW, THEN = pd.Timestamp(AS_AT), pd.Timestamp(AS_AT) - pd.DateOffset(years=1)
ATTACHED = THEN + pd.DateOffset(months=1)
NOMINATED = 300  # by each partner
KEPT = ("results", "decisive", "selection", "then_results", "nominations", "costs")
Frames = dict[str, pd.DataFrame]


def prepare(folder: Path, frames: Frames, declared: Declared) -> None:
    """Keep the frames, what the criteria say now and a year before, each partner's nominations, and the costs."""
    inputs = [frames[name] for name in FRAMES]
    now, then = (evaluate(*inputs, declared.pack, day) for day in (NOW, THEN))
    people = frames["members"].loc[frames["members"]["role"] == "adult", "person_id"].to_numpy()
    random = np.random.default_rng(2012)
    partners = sorted(load_contracts(SCHEMAS, declared.vocabulary))
    nominations = pd.concat(
        [
            pd.DataFrame({"person_id": random.choice(people, NOMINATED, replace=False), "partner": partner,
                          "rank": np.arange(1, NOMINATED + 1)})
            for partner in partners
        ], ignore_index=True,
    ).assign(nominated_on=NOW - pd.DateOffset(months=1))  # fmt: skip
    costs = family_costs(frames["members"], frames["persons"], frames["evidence"], declared.costs, NOW)
    made = {
        "results": now.results, "decisive": now.decisive, "selection": now.selection,
        "then_results": then.results, "nominations": nominations, "costs": costs,
    }  # fmt: skip
    for name, frame in {**frames, **made}.items():
        frame.to_parquet(folder / f"{name}.parquet")


def standing_of(kept: Frames, declared: Declared) -> Standing:
    """Cases of a year before: five of six attached a month after they were identified, with baselines and problems."""
    home = own_members(kept["members"], THEN)
    met = kept["then_results"][kept["then_results"]["state"] == "met"]
    families = np.unique(met["family_id"].to_numpy(dtype=np.int64))
    number = np.arange(1, len(families) + 1, dtype=np.int64)
    cases = pd.DataFrame({"case_id": number, "family_id": families, "state": "in_programme", "identified_on": THEN})
    cases["attached_on"] = pd.Series(ATTACHED, index=range(len(number))).where(number % 6 > 0).to_numpy()
    problems = cases[["case_id", "family_id"]].merge(met, on="family_id")[["case_id", "criterion"]]
    problems = problems.assign(found_on=THEN, contains_dwp=False)
    nobody = pd.DataFrame({"case_id": pd.Series(dtype="int64"), "person_id": pd.Series(dtype="int64")})
    people = people_of(cases, nobody, home, kept["persons"])
    assert declared.tariffs is not None
    taken = take_baselines(cases, people, kept["evidence"], problems, declared.tariffs, declared.last_terms, THEN)
    none = pd.DataFrame
    return Standing(
        cases=cases, case_records=records_of(cases, home, itself(kept)), case_families=cases[["case_id", "family_id"]],
        baselines=taken.rows, problems=problems[["case_id", "criterion", "found_on"]],
        claimed=none({"case_id": [], "family_id": [], "claim": [], "pounds": [], "tariff_year": []}),
        certificates=none({"case_id": [], "test": []}),
        nominations=kept["nominations"].rename(columns={"person_id": "record_id"}),
        ledger=none({"old_id": [], "new_id": [], "change": []}),
    )  # fmt: skip


def itself(kept: Frames) -> pd.DataFrame:
    """The person map of a world in which every person has one record: record_id, person_id."""
    return pd.DataFrame({"record_id": kept["persons"]["person_id"], "person_id": kept["persons"]["person_id"]})


def facts_of(kept: Frames) -> Facts:
    none = pd.DataFrame({"old_id": [], "new_id": [], "change": []})
    return Facts(
        FamilyResult(kept["families"], kept["members"], none),
        CriteriaResult(kept["results"], kept["decisive"], kept["selection"]),
        kept["persons"], kept["evidence"], kept["coverage"], itself(kept), NOW,
    )  # fmt: skip


def costs(kept: Frames, declared: Declared) -> str:
    """All families' costs, and duplicated services."""
    lines = family_costs(kept["members"], kept["persons"], kept["evidence"], declared.costs, NOW)
    doubled = duplicated_services(kept["members"], kept["evidence"], declared.costs, NOW)
    return (
        f"{lines['family_id'].nunique():,} families, £{lines['fiscal'].sum() / 1e6:,.1f}m fiscal; services duplicated "
        f"in {doubled['family_id'].nunique():,}"
    )


def priority(kept: Frames, declared: Declared) -> str:
    """The one list."""
    results = kept["results"].assign(contains_dwp=False)
    listed = prioritise(
        kept["selection"], results, kept["costs"], kept["members"], kept["evidence"], kept["nominations"],
        declared.costs.spells, declared.weights, NOW,
    )  # fmt: skip
    return f"{len(listed.families):,} families listed"


def claims(kept: Frames, declared: Declared) -> str:
    """Baselines of a year before, every result test now, and what can be claimed."""
    standing = standing_of(kept, declared)
    cases, home = standing.cases, own_members(kept["members"], NOW)
    then = standing.case_records.rename(columns={"record_id": "person_id"})
    people = people_of(cases, then, home, kept["persons"])
    results = cases[["case_id", "family_id"]].merge(kept["results"], on="family_id").drop(columns="family_id")
    assert declared.tariffs is not None
    tests = run_tests(
        cases, people, kept["evidence"], standing.baselines, standing.problems, results, kept["coverage"],
        declared.tariffs, declared.last_terms, NOW,
    )  # fmt: skip
    lines = lines_of(cases, tests.rows, standing, standing.problems, standing.ledger, declared)
    ready = lines[lines["state"] == "claimable"]
    return f"{len(cases):,} cases, {len(ready):,} claims of £{ready['pounds'].sum() / 1e6:,.2f}m"


def night(kept: Frames, declared: Declared) -> str:
    """Everything of one night, as the build does it."""
    return told(work_out(standing_of(kept, declared), declared, facts_of(kept)))


def stored(kept: Frames, declared: Declared) -> str:
    """The same, written: the first night of all, into a new database."""
    from pipeline.casework import record
    from pipeline.settings import Settings
    from pipeline.store.database import open_database
    from pipeline.store.embedded import EmbeddedServer

    first = replace(standing_of(kept, declared), **{
        name: getattr(standing_of(kept, declared), name).iloc[:0]
        for name in ("cases", "case_records", "case_families", "baselines", "problems")
    })  # fmt: skip
    worked = work_out(first, declared, facts_of(kept))
    with tempfile.TemporaryDirectory(prefix="wholefamily-benchmark-") as home:
        settings = Settings(home=Path(home))
        server = EmbeddedServer(settings.postgres, settings.hub_keys)
        try:
            with open_database(settings, keep_running=True) as database:
                started = time.perf_counter()
                with database.connect() as connection:
                    record(connection, worked, declared, 1, AS_AT)
                return f"{told(worked)}; written in {time.perf_counter() - started:.1f} s"
        finally:
            server.destroy()


def told(worked: Night) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in worked.counts.items())


PARTS: dict[str, Callable[[Frames, Declared], str]] = {
    "costs": costs, "priority": priority, "claims": claims, "night": night, "night, written": stored,
}  # fmt: skip


def declarations() -> Declared:
    vocabulary = load_vocabulary(SCHEMAS)
    return load_declared(SCHEMAS, vocabulary, load_pack(SCHEMAS / "criteria" / f"{PACK}.yaml", vocabulary))


def run_kept(folder: Path, part: str) -> None:
    """Run one part over the frames kept in a folder, and print what it took."""
    started = time.perf_counter()
    kept = {name: pd.read_parquet(folder / f"{name}.parquet") for name in (*FRAMES, *KEPT)}
    declared = declarations()
    read, before = time.perf_counter() - started, time.process_time()
    started = time.perf_counter()
    what = PARTS[part](kept, declared)
    wall, cpu = time.perf_counter() - started, time.process_time() - before
    print(f"| {part} | {wall:.1f} s | {cpu:.1f} s | {read:.1f} s | {peak_gb():.2f} GB | {what} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("population", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=2012)
    parser.add_argument("--store", action="store_true", help="also write the night to a database of its own")
    parser.add_argument("--run", nargs=2, metavar=("FOLDER", "PART"), help=argparse.SUPPRESS)
    chosen: Any = parser.parse_args()
    if chosen.run:
        run_kept(Path(chosen.run[0]), chosen.run[1])
        return
    started = time.perf_counter()
    frames, _ = make_frames(chosen.population, chosen.seed)
    print(f"{machine()}\n\n{chosen.population:,} people, {len(frames['families']):,} families and households, "
          f"{len(frames['evidence']):,} rows of evidence, made in {time.perf_counter() - started:.0f} s\n")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="wholefamily-benchmark-") as folder:
        prepare(Path(folder), frames, declarations())
        frames.clear()
        print("| part | wall | CPU | reading | peak memory | what came out |\n| --- | --- | --- | --- | --- | --- |",
              flush=True)  # fmt: skip
        for part in PARTS if chosen.store else [name for name in PARTS if PARTS[name] is not stored]:
            subprocess.run([sys.executable, __file__, "--run", folder, part], check=True)


if __name__ == "__main__":
    main()
