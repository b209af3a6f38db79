"""Does the evaluation keep up, and does it say what is true: time and memory at a county's size; coverage over seeds.

    .venv/bin/python benchmarks/impact.py 1400000              # one evaluation, matched, with money
    .venv/bin/python benchmarks/impact.py --coverage 1000      # planted effects found again, and none where none is

The first makes a borough's true families and recorded evidence, puts one family in eighty with children into the new
model, those with more on record likelier, with starts spread over a year, takes a share of their contacts away, and
evaluates in another process: wall, CPU and peak memory (maximum resident set); reading the frames is told apart. The
second draws made-up programmes as in the tests (tests/impact/test_known_effects.py). Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import machine

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
SCHEMAS = PROJECT / "schemas"
FRAMES = ("families", "members", "persons", "evidence")
FIRST_DAY, AS_AT = pd.Timestamp("2011-08-01"), pd.Timestamp("2014-07-31")
ONE_IN, PLANTED = 80, 0.3
COSTS = PROJECT / "examples" / "programme" / "costs.csv"


def evaluate_kept(folder: Path) -> None:
    """Evaluate over the frames kept in a folder, and print what it took."""
    from pipeline.contracts import load_vocabulary
    from pipeline.costs import load_cost_model
    from pipeline.disclosure import load_control
    from pipeline.impact import Material, evaluate_programme, load_impact, read_programme_costs
    from pipeline.impact.reading import costs_of
    from pipeline.impact.shown import shown

    began = time.perf_counter()
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in FRAMES}
    assigned = pd.read_parquet(folder / "assigned.parquet")
    vocabulary = load_vocabulary(SCHEMAS)
    declared, model = load_impact(SCHEMAS, vocabulary), load_cost_model(SCHEMAS / "costs", vocabulary)
    evidence = frames["evidence"]
    families = frames["families"]
    material = Material(
        **{name: frames[name] for name in FRAMES},
        ledger=pd.DataFrame(columns=["old_id", "new_id", "change"]),
        pool=families.loc[families["kind"] == "with_children", "family_id"].to_numpy(dtype=np.int64),
        covered_from=dict.fromkeys(evidence["kind"].unique(), FIRST_DAY),
        as_at=AS_AT,
    )
    costs = read_programme_costs(COSTS, model.agencies)
    read, before = time.perf_counter() - began, time.process_time()
    began = time.perf_counter()
    found = evaluate_programme(assigned, material, declared, costs_of(material, model, declared), costs)
    answer = shown(found, declared, model.prices_of, load_control(SCHEMAS))
    wall, cpu = time.perf_counter() - began, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    row = answer.effects.iloc[0]
    told = f"{row['relative']:+.1%} ({row['relative_low']:+.1%} to {row['relative_high']:+.1%}), {row['verdict']}"
    sizes = f"{len(assigned):,} in the new model, {answer.head['families_new_model']:,} compared with as many"
    print(f"| {wall:.1f} s | {cpu:.1f} s | {read:.1f} s | {peak:.2f} GB | {sizes} | {told} | "
          f"{answer.head['largest_difference']:.2f} |")  # fmt: skip


def keep_frames(population: int, seed: int, folder: Path) -> None:
    """A borough's frames and who is in the new model, with an effect planted, as Parquet."""
    from criteria import make_frames

    from pipeline.contracts import load_vocabulary
    from pipeline.impact import load_impact
    from pipeline.impact.simulate import plant

    kinds = load_impact(SCHEMAS, load_vocabulary(SCHEMAS)).primary.rule.kinds
    frames, _ = make_frames(population, seed)
    rng = np.random.default_rng(seed)
    members, evidence = frames["members"], frames["evidence"]
    counted = members["role"].eq("child").groupby(members["family_id"]).agg(["size", "sum"])
    frames["families"] = frames["families"].assign(
        children=counted["sum"].reindex(frames["families"]["family_id"]).to_numpy(),
        adults=(counted["size"] - counted["sum"]).reindex(frames["families"]["family_id"]).to_numpy(),
    )
    family_of = members.set_index("person_id")["family_id"]
    early = evidence[evidence["kind"].isin(kinds) & (evidence["start_date"] < pd.Timestamp("2012-08-01"))]
    contacts = family_of.reindex(early["person_id"]).value_counts()
    pool = frames["families"].loc[frames["families"]["kind"] == "with_children", "family_id"].to_numpy()
    weight = 0.2 + contacts.reindex(pool).fillna(0).to_numpy()
    new = rng.choice(pool, size=len(pool) // ONE_IN, replace=False, p=weight / weight.sum())
    starts = pd.Timestamp("2012-08-01") + pd.to_timedelta(rng.integers(0, 366, len(new)), unit="D")
    assigned = pd.DataFrame(
        {"family_id": new, "arm": "new_model", "start_date": starts, "cluster": [f"family {family}" for family in new]}
    )
    start_of = evidence["person_id"].map(family_of).map(assigned.set_index("family_id")["start_date"])
    parts = [evidence[start_of.isna()]]
    for start, mine in evidence[start_of.notna()].groupby(start_of):
        parts.append(plant(mine, mine["person_id"], pd.Timestamp(start), PLANTED, seed, kinds))
    evidence = pd.concat(parts, ignore_index=True)
    frames["evidence"] = evidence
    for name in FRAMES:
        frames[name].to_parquet(folder / f"{name}.parquet")
    assigned.to_parquet(folder / "assigned.parquet")
    sizes = f"{len(frames['families']):,} families and households, {len(evidence):,} rows of evidence"
    print(f"{population:,} people, {sizes}")


def coverage(programmes: int) -> None:
    """Bias, coverage and verdicts over so many made-up programmes of each kind."""
    from tests.impact import test_known_effects

    print("| groups | planted | bias | interval covers | interval of the share covers | said an effect | said fewer |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for title, selection, families, matched in (
        ("assigned by lot", "assigned", 480, False),
        ("assigned, worse families likelier", "by_severity", 480, False),
        ("matched, those worse on record likelier", "by_record", 700, True),
    ):
        rows = test_known_effects.tried(selection, programmes, families=families, matched=matched)
        for effect, row in zip(test_known_effects.PLANTED, rows, strict=True):
            shares = " | ".join(f"{row[name]:.1%}" for name in ("bias", "covered", "relative", "said", "fewer"))
            print(f"| {title} | {effect:+.0%} | {shares} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("population", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=2012)
    parser.add_argument("--coverage", type=int, metavar="PROGRAMMES", help="measure coverage instead")
    parser.add_argument("--evaluate", metavar="FOLDER", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.evaluate:
        evaluate_kept(Path(chosen.evaluate))
        return
    print(f"{machine()}\n")
    if chosen.coverage:
        coverage(chosen.coverage)
        return
    with tempfile.TemporaryDirectory(prefix="wholefamily-benchmark-") as folder:
        keep_frames(chosen.population, chosen.seed, Path(folder))
        print("\n| wall | CPU | reading | peak memory | families | found (planted -30 %) | largest difference |")
        print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
        subprocess.run([sys.executable, __file__, "--evaluate", folder], check=True)


if __name__ == "__main__":
    main()
