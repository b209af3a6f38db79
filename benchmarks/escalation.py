"""How often the test for rising involvement cries wolf, what it finds, and what a night of it costs.

    .venv/bin/python benchmarks/escalation.py alarms 100000 --boroughs 5   # false alarms and planted rises
    .venv/bin/python benchmarks/escalation.py speed 1400000                # wall, CPU and peak memory of one night
    .venv/bin/python benchmarks/escalation.py live 1400000                 # the same on the live database, and reading

Made-up boroughs with their true families, as in benchmarks/criteria.py: in them nobody's involvement was made to rise,
so that every alert counts as a false one. `alarms` tests the selected families of each borough as the nightly build
does; then all families with children, as at earlier months and with their months shuffled; then gives extra contact
days with the agency met most to 20 of the selected families, ten times over. `speed` makes and keeps the frames in one
process and works the night out in another, of which wall time, CPU time and peak memory (maximum resident set, the
frames included) are told; reading the frames is told apart. `live` puts the frames into an embedded database first (not
timed), then writes a night, tests as at another day from the database, and reads 50 families' journeys. Prints Markdown
rows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from criteria import AS_AT, FRAMES, SCHEMAS, make_frames
from measuring import machine

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.contracts.closed import load_closed
from pipeline.criteria import evaluate, load_pack
from pipeline.escalation import (
    Contacts,
    Escalation,
    Night,
    Watched,
    count_contacts,
    load_escalation,
    record,
    work_out,
)  # fmt: skip
from pipeline.escalation.calibrate import false_alarms, planted
from pipeline.escalation.night import covered_from
from pipeline.escalation.reading import published, read_chronology, read_grounds, read_night
from pipeline.settings import Settings
from pipeline.spans import own_members
from pipeline.store.bulk import copy_frame
from pipeline.store.database import Database, open_database
from pipeline.store.embedded import EmbeddedServer

PACK = "troubled-families-2012"
SINCE = pd.Timestamp("2011-08-01")
MOMENT = pd.Timestamp(AS_AT)
NIGHTS_BACK, PLANTED, DRAWS = 9, 20, 10
KEPT = ("families", "members", "persons", "evidence", "coverage")


@cache
def declared() -> Escalation:
    vocabulary = load_vocabulary(SCHEMAS)
    return load_escalation(SCHEMAS, vocabulary, load_closed(SCHEMAS, vocabulary), load_contracts(SCHEMAS, vocabulary))


def borough(population: int, seed: int) -> tuple[dict[str, pd.DataFrame], Watched]:
    """The frames of a build, and whom the 2012 pack selects among the true families."""
    frames, _ = make_frames(population, seed)
    frames["coverage"] = frames["coverage"].assign(since=SINCE)
    pack = load_pack(SCHEMAS / "criteria" / f"{PACK}.yaml", load_vocabulary(SCHEMAS))
    return frames, Watched.of(evaluate(*(frames[name] for name in FRAMES), pack, MOMENT))


def night_of(frames: dict[str, pd.DataFrame], watched: Watched) -> Night:
    return work_out(declared(), watched, frames["members"], frames["evidence"], frames["coverage"], MOMENT)


def alarms(population: int, boroughs: int, seed: int) -> None:
    print("| borough | selected families | tests | alerts | families with an alert |\n| --- | --- | --- | --- | --- |")
    tests = alerts = families = 0
    for number in range(boroughs):
        frames, watched = borough(population, seed + number)
        night = night_of(frames, watched)
        tried = int(night.rising.rows["p_value"].notna().sum())
        found = night.rising.alerts
        print(f"| {seed + number} | {night.watched:,} | {tried:,} | {len(found)} | {found['family_id'].nunique()} |")
        tests, alerts, families = tests + tried, alerts + len(found), families + night.watched
    print(f"| **all** | **{families:,}** | **{tests:,}** | **{alerts}** | |\n", flush=True)

    settings = declared().test
    with_children = frames["families"].loc[frames["families"]["kind"] == "with_children", "family_id"].to_numpy()
    contacts = _contacts(frames, with_children, settings.months + NIGHTS_BACK)
    measured = false_alarms(contacts, settings, seed=seed)
    print(f"{len(with_children):,} families with children, borough {seed + boroughs - 1}\n")
    print("| " + " | ".join(name.replace("_", " ") for name in measured) + " |\n|" + " --- |" * len(measured.columns))
    for row in measured.itertuples(index=False):
        print("| " + " | ".join(f"{value:,}" if isinstance(value, int) else str(value) for value in row) + " |")
    print("\n| extra contact days in three months | found |\n| --- | --- |")
    chosen = _contacts(frames, watched.selected, settings.months)
    for extra in (3, 4, 5, 6, 8):
        shares = [planted(chosen, settings, extra_days=extra, families=PLANTED, seed=seed + draw)[0]
                  for draw in range(DRAWS)]  # fmt: skip
        print(f"| {extra} | {np.mean(shares):.1%} |", flush=True)


def _contacts(frames: dict[str, pd.DataFrame], families: np.ndarray, months: int) -> Contacts:
    members, coverage = own_members(frames["members"], MOMENT), covered_from(frames["coverage"])
    return count_contacts(frames["evidence"], members, families, coverage, declared(), MOMENT, months)


def speed(population: int, seed: int, what: str) -> None:
    started = time.perf_counter()
    frames, watched = borough(population, seed)
    print(
        f"{population:,} people, {len(frames['evidence']):,} rows of evidence, {len(watched.selected):,} selected"
        f" families, made in {time.perf_counter() - started:.0f} s\n",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="wholefamily-benchmark-") as folder:
        for name in KEPT:
            frames[name].to_parquet(Path(folder) / f"{name}.parquet")
        np.savez(Path(folder) / "watched.npz", selected=watched.selected, meeting_one=watched.meeting_one)
        frames.clear()
        print(
            "| what | wall | CPU | reading | peak memory | found |\n| --- | --- | --- | --- | --- | --- |", flush=True
        )
        subprocess.run([sys.executable, __file__, what, str(population), "--folder", folder], check=True)


def night_kept(folder: Path) -> None:
    started = time.perf_counter()
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in KEPT}
    kept = np.load(folder / "watched.npz")
    read, before = time.perf_counter() - started, time.process_time()
    started = time.perf_counter()
    night = night_of(frames, Watched(kept["selected"], kept["meeting_one"]))
    wall, cpu = time.perf_counter() - started, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    found = f"{len(night.rising.alerts)} alerts, {len(night.monthly):,} months with a contact"
    print(f"| one night | {wall:.1f} s | {cpu:.1f} s | {read:.1f} s | {peak:.2f} GB | {found} |")


def live_kept(folder: Path) -> None:
    """On an embedded database: write a night, test as at another day, read journeys."""
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in KEPT}
    kept = np.load(folder / "watched.npz")
    watched = Watched(kept["selected"], kept["meeting_one"])
    night = night_of(frames, watched)
    settings = Settings(home=folder / "home")
    try:
        with open_database(settings) as database:
            _fill(database, frames, watched)
            frames.clear()
            _tell("write a night", lambda: _record(database, night))
            _tell(
                "read it for a reader", lambda: read_night(database).kept_for(declared().readers["analyst"], declared())
            )
            _tell("test as at another day, from the database", lambda: _another_day(database))
            seconds = [_journey_seconds(database, int(family)) for family in watched.selected[:50]]
            told = f"{np.quantile(seconds, 0.5):.3f}, {np.quantile(seconds, 0.95):.3f} s"
            print(f"| one family's journey, median and 95th percentile of 50 | {told} | | | | |")
    finally:
        EmbeddedServer(settings.postgres, settings.hub_keys).destroy()


def _tell(what: str, work: Callable[[], object]) -> None:
    started, before = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - started, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"| {what} | {wall:.1f} s | {cpu:.1f} s | | {peak:.2f} GB | |", flush=True)


def _fill(database: Database, frames: dict[str, pd.DataFrame], watched: Watched) -> None:
    members, evidence = frames["members"].merge(frames["persons"], on="person_id"), frames["evidence"]
    with database.connect() as connection:
        row = connection.execute(
            "insert into registry.run (kind, as_at, started_at, finished_at, state, pack, pack_version, model_version)"
            " values ('build', %s, now(), now(), 'published', %s, '1', 1) returning run_id", (AS_AT, PACK),
        ).fetchone()  # fmt: skip
        assert row is not None
        told = frames["families"].assign(adults=1, children=1, to_review=False, as_at=AS_AT, run_id=row[0])
        copy_frame(connection, "publication.family", told)
        copy_frame(connection, "publication.family_member", members)
        copy_frame(connection, "publication.cohort", pd.DataFrame({"family_id": watched.selected}).assign(
            pack=PACK, cohort_start_date=AS_AT))  # fmt: skip
        people = frames["persons"]["person_id"]
        copy_frame(connection, "evidence.person", pd.DataFrame({"record_id": people, "person_id": people}))
        copy_frame(connection, "evidence.fact", evidence.rename(columns={"person_id": "record_id"}).assign(
            delivery_id="made-up", table_name="events", row_number=2))  # fmt: skip
    with database.connect(autocommit=True) as connection:
        connection.execute("vacuum analyze")


def _record(database: Database, night: Night) -> None:
    run = published(database)
    with database.connect() as connection:
        record(connection, night, declared(), run.run_id, run.as_at)


def _another_day(database: Database) -> Night:
    grounds = read_grounds(database, declared())
    coverage = pd.DataFrame([("police", kind, SINCE, True) for kind in declared().contacts],
                            columns=["partner", "kind", "since", "fresh"])  # fmt: skip
    moment = MOMENT - pd.DateOffset(months=1)
    return work_out(declared(), grounds.watched, grounds.members, grounds.evidence, coverage, moment)


def _journey_seconds(database: Database, family: int) -> float:
    started = time.perf_counter()
    reader, vocabulary = declared().readers["council"], load_vocabulary(SCHEMAS)
    read_chronology(database, declared(), vocabulary, family, reader, "measured")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["alarms", "speed", "live"])
    parser.add_argument("population", type=int)
    parser.add_argument("--boroughs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=2012)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.folder:
        (night_kept if chosen.what == "speed" else live_kept)(chosen.folder)
        return
    print(f"{machine()}\n", flush=True)
    if chosen.what == "alarms":
        alarms(chosen.population, chosen.boroughs, chosen.seed)
    else:
        speed(chosen.population, chosen.seed, chosen.what)


if __name__ == "__main__":
    main()
