"""A night on which one record in a hundred has changed: what the main job's `nightly` measures beside a full build.

Changes the raw extracts in place: of each partner's people a share is written otherwise, moves house, leaves or is new.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]
PARTNERS = ("council", "dwp", "police", "schools")


def change_extracts(raw: Path, share: float, seed: int) -> int:
    """Change a share of every partner's people, in four kinds of change, evenly; returns how many."""
    draw = random.Random(seed)  # noqa: S311 - for made-up changes
    return sum(_change(raw / partner, share, draw, seed) for partner in PARTNERS)


def _change(folder: Path, share: float, draw: random.Random, seed: int) -> int:
    people, homes = _read(folder / "people.csv"), _read(folder / "residences.csv")
    chosen = draw.sample(range(len(people)), max(round(share * len(people)), 4))
    renamed, moved, gone, new = ({people[place]["person_ref"] for place in chosen[kind::4]} for kind in range(4))
    for row in people:
        if row["person_ref"] in renamed and len(row["surname"]) > 2:
            row["surname"] = row["surname"][1] + row["surname"][0] + row["surname"][2:]
    for row in homes:
        if row["person_ref"] in moved:
            row |= {
                name: other for name, other in draw.choice(homes).items() if name in ("uprn", "address", "postcode")
            }
    for rows in (people, homes):
        rows += [row | {"person_ref": f"{row['person_ref']}-{seed}"} for row in rows if row["person_ref"] in new]
    for name in sorted(path.name for path in folder.glob("*.csv")):
        rows = people if name == "people.csv" else homes if name == "residences.csv" else _read(folder / name)
        kept = [row for row in rows if row["person_ref"] not in gone and row.get("related_person_ref") not in gone]
        _write(folder / name, kept, list(rows[0]) if rows else [])
    return len(chosen)


def _read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _write(path: Path, rows: Rows, names: list[str]) -> None:
    if names:
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
