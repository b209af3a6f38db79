"""What was released, remembered per cell (schema `release`), so that the next release is checked against it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg

from pipeline.disclosure import HELD, HIDDEN, SHOWN, Control, Earlier, Released, Table, key_of, region_of

SUMMARY = "summary"
EVERY_NIGHT = "pipeline"


@dataclass(frozen=True)
class Occasion:
    """On what occasion something is released: by whom, for what, under which agreements, from which run."""

    name: str
    form: str
    actor: str
    purpose: str
    agreements: Mapping[str, str]  # id → version
    run_id: int
    as_at: dt.date


def lock(connection: psycopg.Connection[Any]) -> None:
    """One release at a time: the next sees what this one told. Held until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended('wholefamily-release', 0))")


def released_before(connection: psycopg.Connection[Any], universe: str) -> list[Earlier]:
    """Every region of a universe that was released, as it was last, with all figures it ever had."""
    references: dict[str, list[tuple[float, float, float, float]]] = {}
    for region, *figure in connection.execute(
        "select region, exact, shown, low, high from release.figure where universe = %s"
        " order by region, last_used, release_id",
        (universe,),
    ).fetchall():
        references.setdefault(region, []).append((figure[0], figure[1], figure[2], figure[3]))
    return [
        Earlier(region_of(region), as_at.isoformat(), exact, need, low, high, tuple(references.get(region, ())))
        for region, as_at, exact, need, low, high in connection.execute(
            "select region, as_at, exact, need, low, high from release.cell where universe = %s order by region",
            (universe,),
        ).fetchall()
    ]


def open_release(
    connection: psycopg.Connection[Any],
    occasion: Occasion,
    control: Control,
    columns: Sequence[str],
    rows: int,
    told: Sequence[Released] = (),
    file: tuple[str, str] | None = None,
) -> int:
    """Enter a release and return its number; `file` is its name and hash. In the caller's transaction."""
    counted = {how: sum(int((one.how == how).sum()) for one in told) for how in (HIDDEN, HELD)} if told else {}
    row = connection.execute(
        "insert into release.release (name, form, run_id, as_at, actor, purpose, agreement_id, agreement_version,"
        " rule_id, rule_version, row_count, column_names, hidden, held, given_away, file, sha256)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning release_id",
        (
            occasion.name, occasion.form, occasion.run_id, occasion.as_at, occasion.actor, occasion.purpose,
            ", ".join(occasion.agreements), ", ".join(occasion.agreements.values()), control.id, control.version,
            rows, list(columns), counted.get(HIDDEN), counted.get(HELD), sum(one.given_away for one in told),
            *(file or (None, None)),
        ),
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def remember(
    connection: psycopg.Connection[Any], release_id: int, universe: str, table: Table, told: Released, as_at: dt.date
) -> None:
    """Keep what this release tells of each cell: the next one is checked against it."""
    cells, new, again = [], [], []
    for place, region in enumerate(table.regions):
        key, exact, hidden = key_of(region), float(table.figures.exact[place]), told.how[place] == HIDDEN
        low, high = (None, None) if hidden else (float(told.low[place]), float(told.high[place]))
        cells.append((universe, key, release_id, as_at, exact, float(told.need[place]), low, high))
        if hidden or exact == 0:
            continue
        reference = float(told.reference[place])
        again.append((release_id, universe, key, reference))
        if told.how[place] == SHOWN and reference == exact:
            figure = (
                exact,
                float(told.shown[place]),
                float(table.figures.low[place]),
                float(table.figures.high[place]),
            )
            new.append((universe, key, release_id, *figure, release_id, universe, key, exact))
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into release.cell values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (universe, region) do update"
            " set (release_id, as_at, exact, need, low, high) = row (excluded.release_id, excluded.as_at,"
            " excluded.exact, excluded.need, excluded.low, excluded.high)",
            cells,
        )
        cursor.executemany(
            "insert into release.figure select %s, %s, %s, %s, %s, %s, %s, %s where not exists (select from"
            " release.figure where universe = %s and region = %s and exact = %s)",
            new,
        )
        cursor.executemany(
            "update release.figure set last_used = %s where universe = %s and region = %s and exact = %s", again
        )


def counted_on(connection: psycopg.Connection[Any], universe: str) -> dict[tuple[str, float], dt.date]:
    """Of each region and number that a figure was made of, the date it was made for."""
    rows = connection.execute(
        "select f.region, f.exact, r.as_at from release.figure f join release.release r using (release_id)"
        " where f.universe = %s order by r.as_at desc",
        (universe,),
    ).fetchall()
    return {(region, exact): as_at for region, exact, as_at in rows}


def made_for(dates: Mapping[tuple[str, float], dt.date], table: Table, told: Released, as_at: dt.date) -> np.ndarray:
    """The date each figure stands for; missing where it is hidden."""
    return np.array(
        [
            None if how == HIDDEN else dates.get((key_of(region), float(reference)), as_at) if how == HELD else as_at
            for region, how, reference in zip(table.regions, told.how, told.reference, strict=True)
        ],
        dtype=object,
    )
