"""Deliveries under fire, and how fast they are taken in.

    .venv/bin/python benchmarks/deliveries.py mutated 2000      # changed in transport, resent, forged: none may get in
    .venv/bin/python benchmarks/deliveries.py content 100000    # changed before sealing: none may break the ingest
    .venv/bin/python benchmarks/deliveries.py whole 200         # the same, through the whole ingest and the database
    .venv/bin/python benchmarks/deliveries.py speed 100000      # full and 1 % delta of a made-up borough, four partners

Prints Markdown rows for benchmarks/RESULTS.md; ends with exit code 1 when a limit of zero is broken.
"""

from __future__ import annotations

import csv
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

from measuring import machine, measure  # noqa: E402

from pipeline.errors import DeliveryError  # noqa: E402
from pipeline.ingest import take_in  # noqa: E402
from pipeline.ingest.landing import Landed  # noqa: E402
from pipeline.ingest.parse import read_table  # noqa: E402
from pipeline.ingest.quarantine import sort_rows, unknown_problems  # noqa: E402
from pipeline.manifest import SealedFile  # noqa: E402
from pipeline.settings import Settings  # noqa: E402
from pipeline.store.database import open_database  # noqa: E402
from tests.ingest.mutations import mutated_csv, try_mutations  # noqa: E402
from tests.ingest.site import Site, make_site, replaced  # noqa: E402

WHOLEFAMILY = str(PROJECT / ".venv" / "bin" / "wholefamily")
PARTNERS = ("council", "dwp", "police", "schools")
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
    site = prepared(home)
    contract = site.contract("council")
    plain = {name: (site.draft("council") / f"{name}.csv").read_bytes() for name in TABLES}
    plain = {name: b"\n".join(text.split(b"\n")[:13]) + b"\n" for name, text in plain.items()}
    from pipeline.contracts import load_vocabulary
    from pipeline.ingest.quarantine import hex_references

    vocabulary = load_vocabulary(site.settings.declarations)
    chance, found, crashed = random.Random(SEED), Counter[str](), []  # noqa: S311 - no secret
    landed = Landed(folder=home / "council-000001-00000000", partner="council", signed=True)
    people = None
    started = time.perf_counter()
    for count in range(number):
        name = TABLES[count % len(TABLES)]
        table, text = contract.table(name), mutated_csv(chance, plain[name])
        rows = text.count(b"\n") - (0 if chance.random() < 0.1 else 1)
        path = home / "mutated.csv"
        path.write_bytes(text)
        file = SealedFile(table=name, name=f"{name}.csv.age", rows=max(rows, 0), bytes=len(text), sha256="0" * 64)
        try:
            if people is None or name == "people":
                whole = home / "people.csv"
                whole.write_bytes(plain["people"])
                good = SealedFile(table="people", name="people.csv.age", rows=12, bytes=1, sha256="0" * 64)
                people = hex_references(read_table(landed, good, whole, contract.table("people"))["person_ref"])
            delivered = read_table(landed, file, path, table)
            if unknown_problems(delivered, table):
                found["unknown_problem"] += 1
                continue
            done = sort_rows(delivered, table, vocabulary, None if name == "people" else people)
            if done.loaded.num_rows + done.quarantined.num_rows != file.rows:
                crashed.append(f"{count}: rows lost")
            found["loaded" if not done.quarantined.num_rows else "with quarantine"] += 1
        except DeliveryError as refusal:
            found[refusal.code] += 1
        except Exception as fault:
            crashed.append(f"{count}: {type(fault).__name__}")
    seconds = time.perf_counter() - started
    print(f"| mutated CSVs, read and sorted | {number:,} | crashes or rows lost {len(crashed)} | {seconds:.0f} s |")
    print(f"| became | {dict(found.most_common())} |")
    for line in crashed[:10]:
        print(f"| crashed | {line} |")
    return not crashed


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


def speed(home: Path, population: int) -> bool:
    where = ["--home", str(home)]
    period = ["--from", "2011-08-01", "--to", "2014-07-31"]
    measure([WHOLEFAMILY, "synthesise", "--population", str(population), "--out", str(home)], home / "log")
    measure([WHOLEFAMILY, "keys", "all", *where], home / "log")
    walls = {}
    for kind in ("full", "delta"):
        for partner in PARTNERS:
            raw = home / "raw" / partner
            if kind == "delta":
                change_one_percent(raw)
            extra = ["--delta"] if kind == "delta" else []
            cost = measure([WHOLEFAMILY, "pseudonymise", partner, str(raw), *period, *extra, *where], home / "log")
            print(f"| pseudonymise {partner}, {kind} | {cost.wall} s | {cost.cpu} s | {cost.peak_gb} GB |")
            measure([WHOLEFAMILY, "deliver", partner, *where], home / "log")
        cost = measure([WHOLEFAMILY, "ingest", *where], home / "log")
        walls[kind] = cost.wall
        told = f"{cost.wall} s | {cost.cpu} s | {cost.peak_gb} GB"
        print(f"| ingest of four partners, {kind}, {population:,} people | {told} |")
    print(f"| delta of 1 % beside the full | 1/{walls['full'] / walls['delta']:.1f} |")
    return True


def change_one_percent(raw: Path) -> None:
    """Every hundredth person has another surname."""
    path = raw / "people.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        header, rows = list(reader.fieldnames or ()), list(reader)
    name = "surname" if "surname" in header else header[3]
    for row in rows[::100]:
        row[name] = f"{row[name]}son"
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, header)
        writer.writeheader()
        writer.writerows(rows)


def prepared(home: Path) -> Site:
    site = make_site(home / "home")
    site.pseudonymise("council")
    return Site(Settings(home=site.settings.home))


if __name__ == "__main__":
    tasks = {"mutated": mutated, "content": content, "whole": whole, "speed": speed}
    if len(sys.argv) != 3 or sys.argv[1] not in tasks:
        sys.exit(__doc__)
    print(machine())
    with tempfile.TemporaryDirectory(prefix="deliveries-") as folder:
        held = tasks[sys.argv[1]](Path(folder), int(sys.argv[2]))
    sys.exit(0 if held else 1)
