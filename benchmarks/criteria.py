"""Every pack over a made-up borough's evidence, with the true families given: time, memory, and whether it is right.

    .venv/bin/python benchmarks/criteria.py 100000             # time, CPU and peak memory of each pack
    .venv/bin/python benchmarks/criteria.py 20000 --check      # against the plain implementations of the tests

Families are the true households, persons the true ones, evidence what partners recorded: linking and forming families
are left out, so that a wrong flag is the engine's own. The frames are made and kept in one process; each pack is
evaluated in another, of which wall time, CPU time and peak memory (resident set) are told; reading the
frames is told apart. Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import datetime as dt
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measuring import machine, peak_gb

from pipeline.contracts import Vocabulary, load_contracts, load_vocabulary
from pipeline.criteria import evaluate, load_pack
from pipeline.records import CriteriaResult

PROJECT = Path(__file__).resolve().parent.parent
SCHEMAS = PROJECT / "schemas"
PACKS = ("fmp-2010", "troubled-families-2012", "troubled-families-2015", "supporting-families-2022")
FRAMES = ("families", "members", "persons", "evidence", "coverage")
AS_AT = dt.date(2014, 7, 31)


def make_frames(population: int, seed: int) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """FAMILIES, MEMBERS, PERSONS, EVIDENCE, COVERAGE of a borough's true families; and the truth of the 2012 pack."""
    from pipeline.synthetic.borough import make_borough
    from pipeline.synthetic.declared import Chance, load_declared
    from pipeline.synthetic.truth import judge

    borough = make_borough(Chance(seed=seed, population=population), load_declared(SCHEMAS), population, AS_AT)
    people, calendar = borough.people, borough.calendar
    child = people.age(calendar.until) < 18
    family = people.household
    kind = np.where(np.bincount(family[child], minlength=len(borough.households)) > 0, "with_children", "adult_only")
    persons = pd.DataFrame(
        {
            "person_id": np.arange(len(people)),
            "birth_month": people.born.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[ns]"),
            "sex": np.array(["F", "M"], dtype=object)[people.sex],
        }
    )
    members = pd.DataFrame(
        {
            "family_id": family, "person_id": np.arange(len(people)), "role": np.where(child, "child", "adult"),
            "start_date": pd.NaT, "end_date": pd.NaT, "reason": "true", "confidence": 1.0,
        }
    ).astype({"start_date": "datetime64[ns]", "end_date": "datetime64[ns]"})  # fmt: skip
    truth = judge(
        family, people.born, borough.facts, borough.schooling.enrolments, borough.schooling.attendance, calendar
    )
    contracts = load_contracts(SCHEMAS, load_vocabulary(SCHEMAS))
    coverage = pd.DataFrame(
        [(name, kind, pd.Timestamp(AS_AT), True) for name, contract in contracts.items()
         for kind in sorted(contract.evidence_kinds())],
        columns=["partner", "kind", "as_of", "fresh"],
    )  # fmt: skip
    frames = {
        "families": pd.DataFrame({"family_id": np.arange(len(kind)), "kind": kind.astype(object)}),
        "members": members, "persons": persons, "evidence": _evidence(borough), "coverage": coverage,
    }  # fmt: skip
    return frames, truth


def _evidence(borough: Any) -> pd.DataFrame:
    """What partners recorded, as rows of EVIDENCE: events, rolls, and both kinds of absence of each term."""
    facts, rolls, sessions = borough.facts, borough.schooling.enrolments, borough.schooling.attendance
    terms = borough.calendar.terms
    columns = ["person", "partner", "kind", "code", "role", "start", "end", "quantity", "out_of"]
    events = facts.assign(out_of=np.nan)[columns]
    roll = rolls.assign(partner="schools", kind="enrolment", code=rolls["setting"], role=None, quantity=np.nan,
                        out_of=np.nan)  # fmt: skip
    placed = roll[rolls["because_excluded"].to_numpy(dtype=bool)].assign(kind="enrolment_because_excluded")
    index = sessions["term"].to_numpy()
    absence = [
        pd.DataFrame(
            {
                "person": sessions["person"], "partner": "schools", "kind": kind,
                "code": np.array([term.name for term in terms], dtype=object)[index], "role": None,
                "start": np.array([term.start for term in terms])[index],
                "end": np.array([term.end for term in terms])[index],
                "quantity": sessions[column].astype(float), "out_of": sessions["possible"].astype(float),
            }
        )
        for kind, column in (("unauthorised_absence", "unauthorised"), ("authorised_absence", "authorised"))
    ]  # fmt: skip
    rows = pd.concat([events, roll[columns], placed[columns], *absence], ignore_index=True)
    end = rows["end"].to_numpy()
    dated = (end >= 0) & (end < 10**6)  # -1: a fact of one day; 10**6: it still lasts
    return pd.DataFrame(
        {
            "evidence_id": np.arange(1, len(rows) + 1), "person_id": rows["person"].to_numpy(dtype=np.int64),
            "kind": rows["kind"], "code": rows["code"], "role": rows["role"],
            "start_date": rows["start"].to_numpy(dtype="int64").astype("datetime64[D]").astype("datetime64[ns]"),
            "end_date": np.where(dated, end, 0).astype("datetime64[D]").astype("datetime64[ns]"),
            "quantity": rows["quantity"].astype(float), "out_of": rows["out_of"].astype(float),
            "partner": rows["partner"],
        }
    ).assign(end_date=lambda frame: frame["end_date"].where(dated))  # fmt: skip


def evaluate_kept(folder: Path, name: str) -> None:
    """Evaluate one pack over the frames kept in a folder, and print what it took."""
    started = time.perf_counter()
    frames = {frame: pd.read_parquet(folder / f"{frame}.parquet") for frame in FRAMES}
    pack = load_pack(SCHEMAS / "criteria" / f"{name}.yaml", load_vocabulary(SCHEMAS))
    read, before = time.perf_counter() - started, time.process_time()
    started = time.perf_counter()
    result = evaluate(*(frames[frame] for frame in FRAMES), pack, pd.Timestamp(AS_AT))
    wall, cpu = time.perf_counter() - started, time.process_time() - before
    states = result.selection["state"].value_counts()
    chosen = ", ".join(f"{states.get(state, 0):,} {state}" for state in ("selected", "unknown"))
    print(f"| {name} | {wall:.1f} s | {cpu:.1f} s | {read:.1f} s | {peak_gb():.2f} GB | {chosen} |")


def check(frames: dict[str, pd.DataFrame], truth: pd.DataFrame, vocabulary: Vocabulary) -> None:
    """Precision and recall of what the engine says is met and selected, beside plain code; and beside the borough's
    own truth for the 2012 pack."""
    for name in PACKS:
        pack = load_pack(SCHEMAS / "criteria" / f"{name}.yaml", vocabulary)
        result = evaluate(*(frames[frame] for frame in FRAMES), pack, pd.Timestamp(AS_AT))
        told, wrong = plain_truth(name, frames), 0
        states = {(f, c): s for f, c, s in result.results[["family_id", "criterion", "state"]].itertuples(index=False)}
        for (family, criterion), state in told[0].items():
            wrong += states.get((family, criterion)) != state
        print(rates(f"{name}, criteria", {k for k, s in states.items() if s == "met"},
                    {k for k, s in told[0].items() if s == "met"}), f"states that differ: {wrong}")  # fmt: skip
        print(rates(f"{name}, selected", selected(result), {f for f, s in told[1].items() if s == "selected"}))
        if name == "troubled-families-2012":
            said = {(f, c) for (f, c), s in states.items() if s == "met"}
            true = {(int(row["family"]), c) for c in ("crime_asb", "education", "work", "local")
                    for _, row in truth[truth[c]].iterrows()}  # fmt: skip
            print(rates(f"{name}, the borough's own truth", said, true))


def selected(result: CriteriaResult) -> set[int]:
    return set(result.selection.loc[result.selection["selected"], "family_id"])


def plain_truth(name: str, frames: dict[str, pd.DataFrame]) -> tuple[dict[tuple[int, str], str], dict[int, str]]:
    """What the plain implementation says of each family it looks at: states by criterion, and selection."""
    sys.path.insert(0, str(PROJECT / "tests" / "criteria"))
    import plain_2010
    import plain_2012
    import plain_2015
    import plain_2022
    from plain import Fact, Person

    judge = dict(zip(PACKS, (m.judge for m in (plain_2010, plain_2012, plain_2015, plain_2022)), strict=True))[name]
    fed = set(frames["coverage"]["kind"])
    joined = frames["members"].merge(frames["persons"], on="person_id")
    people: dict[int, list[Person]] = {}
    for family, person, role, birth, sex in joined[["family_id", "person_id", "role", "birth_month", "sex"]].itertuples(
        index=False
    ):
        people.setdefault(family, []).append(Person(person, role, (birth.year, birth.month), sex))
    family_of = dict(zip(joined["person_id"], joined["family_id"], strict=True))
    facts: dict[int, list[Fact]] = {}
    for row in frames["evidence"].itertuples(index=False):
        code, role = (None if pd.isna(value) else value for value in (row.code, row.role))
        much, of = (None if pd.isna(value) else Fraction(value) for value in (row.quantity, row.out_of))
        end = None if pd.isna(row.end_date) else row.end_date.date()
        facts.setdefault(family_of[row.person_id], []).append(
            Fact(row.person_id, row.kind, code, role, row.start_date.date(), end, much, of, row.partner)
        )
    states, chosen = {}, {}
    for family, members in people.items():
        judged = judge(members, facts.get(family, []), AS_AT, fed)
        if judged is not None:
            states |= {(family, criterion): state for criterion, state in judged.states.items()}
            chosen[family] = judged.selection
    return states, chosen


def rates(what: str, said: set[Any], true: set[Any]) -> str:
    hits = len(said & true)
    precision = f"{hits / len(said):.4f}" if said else "–"
    recall = f"{hits / len(true):.4f}" if true else "–"
    return f"{what}: precision {precision}, recall {recall} ({len(said):,} said, {len(true):,} true)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("population", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=2012)
    parser.add_argument("--check", action="store_true", help="compare with the plain implementations (slow)")
    parser.add_argument("--evaluate", nargs=2, metavar=("FOLDER", "PACK"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.evaluate:
        evaluate_kept(Path(chosen.evaluate[0]), chosen.evaluate[1])
        return
    started = time.perf_counter()
    frames, truth = make_frames(chosen.population, chosen.seed)
    print(f"{machine()}\n\n{chosen.population:,} people, {len(frames['families']):,} families and households, "
          f"{len(frames['evidence']):,} rows of evidence, made in {time.perf_counter() - started:.0f} s\n")  # fmt: skip
    if chosen.check:
        check(frames, truth, load_vocabulary(SCHEMAS))
        return
    with tempfile.TemporaryDirectory(prefix="wholefamily-benchmark-") as folder:
        for name, frame in frames.items():
            frame.to_parquet(Path(folder) / f"{name}.parquet")
        frames.clear()
        print(
            "| pack | wall | CPU | reading | peak memory | families |\n| --- | --- | --- | --- | --- | --- |",
            flush=True,
        )
        for name in PACKS:
            subprocess.run([sys.executable, __file__, "--evaluate", folder, name], check=True)


if __name__ == "__main__":
    main()
