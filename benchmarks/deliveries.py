"""Deliveries under fire, and how fast they are taken in.

    .venv/bin/python benchmarks/deliveries.py mutated 2000      # changed in transport, resent, forged: none may get in
    .venv/bin/python benchmarks/deliveries.py content 100000    # changed before sealing: none may break the ingest
    .venv/bin/python benchmarks/deliveries.py whole 200         # the same, through the whole ingest and the database
    .venv/bin/python benchmarks/deliveries.py county 100        # full and 1 % delta of a county (in per cent of it)

Prints Markdown rows for benchmarks/RESULTS-deliveries.md; ends with exit code 1 when a limit of zero is broken.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

import county as made  # noqa: E402
import plain_loader  # noqa: E402
from measuring import machine, measure  # noqa: E402

from pipeline.contracts import load_contracts, load_vocabulary  # noqa: E402
from pipeline.ingest import take_in  # noqa: E402
from pipeline.settings import Settings  # noqa: E402
from pipeline.store.database import open_database  # noqa: E402
from pipeline.store.place import find_place  # noqa: E402
from tests.ingest.mutations import mutated_csv, try_contents, try_mutations  # noqa: E402
from tests.ingest.site import Site, make_site, replaced  # noqa: E402

WHOLEFAMILY = [sys.executable, "-m", "pipeline.cli"]
TABLES = ("people", "events", "residences", "relationships", "nominations")
SEED = 2012


def mutated(home: Path, number: int) -> bool:
    site = prepared(home)
    with open_database(site.settings) as database:
        first = site.deliver("council")
        take_in(site.settings, database, "council")
        second = site.deliver("council")
        sealed = home / "sealed" / second.name
        shutil.move(second, sealed)
        earlier = site.settings.accepted("council") / first.name
        tally = try_mutations(site.settings, database, "council", sealed, earlier, number, SEED)
        shutil.move(sealed, second)
        good = [outcome.state for outcome in take_in(site.settings, database, "council").outcomes] == ["accepted"]
    tried = sum(tally.tried.values())
    broken = (
        f"accepted {len(tally.accepted)} | opened files left {len(tally.plaintext)} | tracebacks {len(tally.crashed)}"
    )
    print(f"| mutated deliveries | {tried:,} | {broken} | {tally.seconds:.0f} s |")
    print(f"| of each kind | {dict(tally.tried)} |\n| refused as | {dict(tally.refused.most_common())} |")
    print(f"| the delivery itself, unchanged, afterwards | {'accepted' if good else 'NOT accepted'} |")
    return good and not (tally.accepted or tally.plaintext or tally.crashed)


def content(home: Path, number: int) -> bool:
    """Reading and sorting alone, without sealing and the database: a thousand times as many can be tried."""
    tally = try_contents(prepared(home), home, number, SEED)
    broken = f"crashes or rows lost {len(tally.broken)}"
    print(f"| mutated CSVs, read and sorted | {number:,} | {broken} | {tally.seconds:.0f} s |")
    print(f"| became | {dict(tally.found.most_common())} |")
    for line in tally.broken[:10]:
        print(f"| broken | {line} |")
    return not tally.broken


def whole(home: Path, number: int) -> bool:
    site = prepared(home)
    chance, found, crashed = random.Random(SEED), Counter[str](), []  # noqa: S311 - no secret
    started = time.perf_counter()
    with open_database(site.settings) as database:
        for count in range(number):
            table = TABLES[count % len(TABLES)]
            site.deliver("council", replaced(table, lambda text: mutated_csv(chance, text)))
            try:
                taken = take_in(site.settings, database, "council")
                found.update(outcome.code or outcome.state for outcome in taken.outcomes)
            except Exception as fault:
                crashed.append(f"{count}: {type(fault).__name__}")
            for folder in (site.settings.rejected("council"), site.settings.accepted("council")):
                shutil.rmtree(folder, ignore_errors=True)
        with database.connect() as connection:
            row = connection.execute(
                "select count(*) from registry.delivery_table where rows_delivered <> rows_loaded + rows_quarantined"
            ).fetchone()
    lost = row[0] if row else 0
    seconds = time.perf_counter() - started
    broken = f"crashes {len(crashed)} | delivered ≠ loaded + quarantined: {lost}"
    print(f"| mutated CSVs in valid deliveries, whole ingest | {number:,} | {broken} | {seconds:.0f} s |")
    print(f"| became | {dict(found.most_common())} |")
    return not crashed and not lost


def county(home: Path, percent: int) -> bool:
    """Full deliveries of a county of 1.41M people (or per cent of it) and a delta of one person in a hundred, taken in
    by the command; beside it what a plain loader needs for a slice of the same rows."""
    made.make_borough(home, WHOLEFAMILY)
    settings = Settings(home=home)
    contracts = load_contracts(settings.declarations, load_vocabulary(settings.declarations))
    parts, copies = made.read_parts(settings, percent / 100)
    walls, speed = dict[str, float](), dict[str, float]()
    for kind in ("full", "delta"):
        rows: Counter[str] = Counter()
        for name in made.PARTNERS:
            rows.update(made.deliver_county(settings, contracts[name], parts[name], copies, delta=kind == "delta"))
        load = os.getloadavg()[0]
        server = find_place(settings.postgres).folder.resolve()
        cost = measure([*WHOLEFAMILY, "ingest", "--home", str(home)], home / "log", server=server)
        walls[kind] = cost.wall
        speed.setdefault(kind, sum(rows.values()) / cost.wall)
        told = ", ".join(f"{count:,} {table}" for table, count in sorted(rows.items()))
        print(f"| {kind}, four deliveries | {told} |")
        print(
            f"| {kind}: wall, CPU, peak memory | {cost.wall} s, {cost.cpu} s, {cost.peak_gb} GB | load {load:.1f} to"
            f" {os.getloadavg()[0]:.1f} |",
            flush=True,
        )
    print(f"| delta of 1 % beside the full | 1/{walls['full'] / walls['delta']:.1f} |")
    with open_database(settings) as database:
        plain = plain_loader.rows_a_second(database.url, parts["council"].plain, parts["council"].encodings)
    print(f"| rows a second: full ingest, plain loader, ratio | {speed['full']:,.0f}, {plain:,.0f}, "
          f"{speed['full'] / plain:.1f} |")  # fmt: skip
    return True


def prepared(home: Path) -> Site:
    site = make_site(home / "home")
    site.pseudonymise("council")
    return Site(Settings(home=site.settings.home))


if __name__ == "__main__":
    tasks = {"mutated": mutated, "content": content, "whole": whole, "county": county}
    if len(sys.argv) != 3 or sys.argv[1] not in tasks:
        sys.exit(__doc__)
    print(machine())
    with tempfile.TemporaryDirectory(prefix="deliveries-") as folder:
        held = tasks[sys.argv[1]](Path(folder), int(sys.argv[2]))
    sys.exit(0 if held else 1)
