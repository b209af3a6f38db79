"""Whether the walls stand as declared: the matrix tried for real, what no try shows, and who may read for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pipeline.access.declared import Cell, Matrix, load_matrix
from pipeline.access.measure import measure
from pipeline.access.structure import deviations
from pipeline.store.readers import out_of_line


@dataclass(frozen=True)
class Walls:
    """`cells` tried, of them `open`; `unexpected`: open and not declared; `missing`: declared and closed; `other`: what
    else is not as declared, in words."""

    cells: int
    open: int
    unexpected: tuple[Cell, ...]
    missing: tuple[Cell, ...]
    other: tuple[str, ...]

    @property
    def stand(self) -> bool:
        return not (self.unexpected or self.missing or self.other)


def compared(
    found: Mapping[Cell, bool], matrix: Matrix, logins: Mapping[str, str]
) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """Cells that are open and not declared, and cells that are declared and closed; a login is held to its group."""
    unexpected: list[Cell] = []
    missing: list[Cell] = []
    for cell, is_open in found.items():
        role, kind, thing, verb = cell
        if is_open != matrix.allows(logins.get(role, role), kind, thing, verb):
            (unexpected if is_open else missing).append(cell)
    return tuple(sorted(unexpected)), tuple(sorted(missing))


def check_walls(connection: psycopg.Connection[Any], declarations: Path) -> Walls:
    """Try every cell and compare. `connection` is the owner's, outside a transaction; nothing is changed.

    Logins are held to what their group may. Raises DeclarationError.
    """
    matrix = load_matrix(declarations)
    logins = dict(
        connection.execute(
            "select login, 'wf_' || reader from access.login where exists (select from pg_roles where rolname = login)"
        ).fetchall()
    ) | dict(matrix.logins)
    found = measure(connection, matrix.groups, logins)
    unexpected, missing = compared(found, matrix, logins)
    known = {cell[2] for cell in found}
    gone = [f"{name} is declared and does not exist." for name in (*matrix.relations, *matrix.schemas) if not any(
        thing == name or thing.startswith(f"{name}.") for thing in known)]  # fmt: skip
    gone += [f"{name} is declared and does not exist." for name in matrix.functions if name not in known]
    return Walls(
        cells=len(found),
        open=sum(found.values()),
        unexpected=unexpected,
        missing=missing,
        other=(
            *gone,
            *deviations(connection, matrix),
            *(f"access.{table} is not what the declarations say: build, or open anew." for table in
              out_of_line(connection, declarations)),
        ),
    )  # fmt: skip
