"""Write what linking leaves to the next night: its fit, a print of every record, its pairs, and the blocks left out.

Only what differs from last night is written, so that a night costs what has changed and not what is there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import psycopg

from pipeline.link import LinkState
from pipeline.publish.run import Run
from pipeline.store.bulk import copy_frame

PAIR = ["record_a", "record_b"]


def write_link_state(
    connection: psycopg.Connection[Any],
    run: Run,
    *,
    before: LinkState | None,
    after: LinkState | None,
    basis: str,
    fitted_run: int | None,
    one_version_to: int,
) -> None:
    """Bring the stored state from `before` to `after`; inside the publishing transaction.

    `fitted_run`: the full build whose fit it is, None where this run was one; `one_version_to`: the newest record of
    the last night on which all stood under one version of the linkage key. Without `after` (records that were loaded
    before prints were made) nothing is kept, and the next night is a full build too.
    """
    connection.execute("delete from identity.link_fit")
    if before is None or after is None:
        for table in ("link_print", "link_pair", "link_left_out"):
            connection.execute(f"delete from identity.{table}".encode())  # noqa: S608 - declared names only
    if after is None:
        return
    connection.execute(
        "insert into identity.link_fit (run_id, fitted_run, basis, fitted, one_version_to) values (%s, %s, %s, %s, %s)",
        (run.run_id, fitted_run or run.run_id, basis, after.fitted.to_json(), one_version_to),
    )
    prints, pairs = (None, None) if before is None else (before.prints, before.pairs)
    _write_changes(connection, "identity.link_print", prints, after.prints, ["record_id"])
    _write_changes(connection, "identity.link_pair", pairs, after.pairs, PAIR)
    _write_left_out(connection, after)


def _write_changes(
    connection: psycopg.Connection[Any], table: str, before: pd.DataFrame | None, after: pd.DataFrame, key: list[str]
) -> None:
    """Delete the rows (by key) that are gone or are otherwise now, and add those that are new or otherwise."""
    if before is None:
        copy_frame(connection, table, after)
        return
    gone, new = changes(before, after)
    if len(gone):
        arrays = ", ".join("%s::bigint[]" for _ in key)
        same = " and ".join(f"t.{name} = gone.{name}" for name in key)
        connection.execute(
            f"delete from {table} t using unnest({arrays}) as gone ({', '.join(key)}) where {same}".encode(),  # noqa: S608
            [gone[name].tolist() for name in key],
        )
    copy_frame(connection, table, new)


def changes(before: pd.DataFrame, after: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that are in `before` alone, and those in `after` alone; the columns of both are the same."""
    names = list(after.columns)
    both = pd.concat([before[names], after], ignore_index=True)
    coded = np.column_stack([pd.factorize(both[name])[0] for name in names])
    number = pd.DataFrame(coded).groupby(list(range(coded.shape[1])), sort=False).ngroup().to_numpy()
    old, now = number[: len(before)], number[len(before) :]
    return before[~np.isin(old, now)], after[~np.isin(now, old)]


def _write_left_out(connection: psycopg.Connection[Any], after: LinkState) -> None:
    connection.execute("delete from identity.link_left_out")
    rows = [(name, token) for name, tokens in sorted(after.oversized.items()) for token in sorted(tokens)]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany("insert into identity.link_left_out (pass, block) values (%s, %s)", rows)
