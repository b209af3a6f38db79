"""How much a new linkage key alone changes: the same made-up borough, encoded and linked under several keys.

    python benchmarks/new_key.py borough_20k --keys 3 --folder var/bench

Names are compared through encodings that are pseudo-random under the key, so a pair at the edge of a level may fall to
either side. Printed per further key: pairs of records that are one person under the first, of those how many are two
under the other, and how many are one that were not.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import pandas as pd

from pipeline.bench.datasets import BOROUGHS, Sources, prepare
from pipeline.bench.encoded import encode_case
from pipeline.bench.linked import link_case
from pipeline.settings import PROJECT


def together(persons: pd.DataFrame) -> set[tuple[int, int]]:
    """Pairs of records of one person."""
    return {
        pair
        for _, records in persons.groupby("person_id")["record_id"]
        for pair in combinations(sorted(records.tolist()), 2)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=sorted(BOROUGHS))
    parser.add_argument("--keys", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=PROJECT / "var" / "bench")
    chosen = parser.parse_args()
    case = prepare(chosen.dataset, Sources(chosen.folder, PROJECT / "schemas"))
    first: set[tuple[int, int]] | None = None
    for number in range(1, chosen.keys + 1):
        encode_case(case)  # under a key made for this once
        linked = together(link_case(case, case.folder / "new_key").persons)
        if first is None:
            first = linked
            print(f"key 1: {len(linked):,} pairs of records are one person")
            continue
        lost, won = len(first - linked), len(linked - first)
        share = (lost + won) / max(len(first), 1)
        print(f"key {number}: {lost:,} of them are two, {won:,} others are one ({share:.3%} otherwise)")


if __name__ == "__main__":
    main()
