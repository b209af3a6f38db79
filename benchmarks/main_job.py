"""The main job, measured: the demo, and the hub's part on a larger borough.

    .venv/bin/python benchmarks/main_job.py demo               # make demo at its default size
    .venv/bin/python benchmarks/main_job.py hub 100000         # ingest and build of 100,000 people
    .venv/bin/python benchmarks/main_job.py nightly 100000     # a night with 1 % of records changed, beside all
    .venv/bin/python benchmarks/main_job.py help               # how long wholefamily --help takes

Prints Markdown rows for benchmarks/RESULTS.md. Needs no more than `make install` gives.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import machine, measure
from nightly import PARTNERS, change_extracts

PROJECT = Path(__file__).resolve().parent.parent
WHOLEFAMILY = str(PROJECT / ".venv" / "bin" / "wholefamily")


def demo(home: Path) -> None:
    cost = measure([WHOLEFAMILY, "demo", "--home", str(home / "demo")], home / "log")
    print(f"| `make demo`, 20,000 people | {cost.wall} s | {cost.cpu} s | {cost.peak_gb} GB |")
    print(f"| its quality | {quality(home / 'demo', home / 'demo' / 'truth')} | | |")


def hub(home: Path, population: int) -> None:
    where = ["--home", str(home)]
    made = measure([WHOLEFAMILY, "synthesise", "--population", str(population), "--out", str(home)], home / "log")
    print(f"| synthesise {population:,} people | {made.wall} s | {made.cpu} s | {made.peak_gb} GB |")
    subprocess.run([WHOLEFAMILY, "keys", "all", *where], check=True, stdout=subprocess.DEVNULL)
    for partner in PARTNERS:
        raw = ["pseudonymise", partner, str(home / "raw" / partner), "--from", "2011-08-01", "--to", "2014-07-31"]
        cost = measure([WHOLEFAMILY, *raw, *where], home / "log")
        print(f"| pseudonymise {partner} | {cost.wall} s | {cost.cpu} s | {cost.peak_gb} GB |")
        subprocess.run([WHOLEFAMILY, "deliver", partner, *where], check=True, stdout=subprocess.DEVNULL)
    steps = [measure([WHOLEFAMILY, step, *where], home / "log") for step in ("ingest", "build", "build")]
    for name, cost in zip(("ingest", "build", "build again, nothing changed"), steps, strict=True):
        print(f"| hub: {name}, {population:,} people | {cost.wall} s | {cost.cpu} s | {cost.peak_gb} GB |")
    wall, peak = round(steps[0].wall + steps[1].wall, 1), max(step.peak_gb for step in steps[:2])
    print(f"| **hub part, {population:,} people** | **{wall} s** | | **{peak} GB** |")
    print(f"| its quality | {quality(home, home / 'truth')} | | |")


def nightly(home: Path, population: int) -> None:
    """A night on which one record in a hundred has changed, twice from the same state: as nights go, and in full."""
    where = ["--home", str(home)]
    subprocess.run(
        [WHOLEFAMILY, "synthesise", "--population", str(population), "--out", str(home)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    subprocess.run([WHOLEFAMILY, "keys", "all", *where], check=True, stdout=subprocess.DEVNULL)
    _take_in(home)
    measure([WHOLEFAMILY, "build", *where], home / "log")
    changed = change_extracts(home / "raw", 0.01, seed=1)
    _take_in(home)
    for name, how in (("only what has changed", []), ("everything (--full)", ["--full"])):
        log = home / f"build{len(how)}"
        cost = measure([WHOLEFAMILY, "build", "--json", *how, *where], log)
        told = json.loads(log.read_text().strip().splitlines()[-1])
        compared, stages = told["counts"]["linking"]["compared"], told["timings"]
        print(f"| build, {changed:,} records changed: {name} | {cost.wall} s | {cost.cpu} s | {cost.peak_gb} GB |")
        print(f"| its stages ({compared:,} records compared with all) | {stages} | | |")


def _take_in(home: Path) -> None:
    where = ["--home", str(home)]
    for partner in PARTNERS:
        raw = ["pseudonymise", partner, str(home / "raw" / partner), "--from", "2011-08-01", "--to", "2014-07-31"]
        for command in (raw, ["deliver", partner]):
            subprocess.run([WHOLEFAMILY, *command, *where], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([WHOLEFAMILY, "ingest", *where], check=True, stdout=subprocess.DEVNULL)


def show_help() -> None:
    runs = sorted(measure([WHOLEFAMILY, "--help"], Path("/dev/null")).wall for _ in range(5))
    print(f"| `wholefamily --help`, median of 5 | {runs[2]} s | | |")


def quality(home: Path, truth: Path) -> str:
    printed = subprocess.run(
        [WHOLEFAMILY, "evaluate", "--truth", str(truth), "--json", "--home", str(home)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found = json.loads(printed)
    return (
        f"persons pairwise F1 {found['persons']['f1']:.4f} "
        f"(precision {found['persons']['precision']:.4f}, recall {found['persons']['recall']:.4f}); "
        f"families exactly right {found['families']['exact_membership']:.3f}; "
        f"criteria F1 {found['criteria']['f1']:.4f}; "
        f"selected F1 {found['selected']['f1']:.4f}"
    )


def main() -> None:
    what = sys.argv[1] if len(sys.argv) > 1 else "demo"
    print(f"{machine()}\n\n| what | wall | CPU | peak memory |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="wholefamily-benchmark-") as folder:
        home = Path(folder)
        try:
            if what == "demo":
                demo(home)
            elif what == "hub":
                hub(home, int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
            elif what == "nightly":
                nightly(home, int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
            elif what == "help":
                show_help()
            else:
                sys.exit(__doc__)
        finally:
            for made in (home, home / "demo"):
                subprocess.run(
                    [WHOLEFAMILY, "clean", "--home", str(made), "--yes"], check=False, stdout=subprocess.DEVNULL
                )


if __name__ == "__main__":
    main()
