"""CSV files as a partner's export makes them: UTF-8, a header of the contract's names, empty where nothing is known.

Values are quoted only where they need it (Arrow's own writer quotes every text).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import Table
from pipeline.synthetic.declared import Bools, Ints, Texts

ROWS_AT_ONCE = 250_000


def write_table(path: Path, header: tuple[str, ...], columns: list[Texts | Ints | Bools]) -> int:
    """Write columns of text (None: empty) or numbers and return how many rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = len(columns[0])
    with path.open("wb") as handle:
        handle.write((",".join(header) + "\n").encode())
        for first in range(0, count, ROWS_AT_ONCE):
            fields = [_fields(column[first : first + ROWS_AT_ONCE]) for column in columns]
            fields[-1] = pc.binary_join_element_wise(fields[-1], "\n", "")
            lines = pc.binary_join_element_wise(*fields, ",")
            handle.write("".join(lines.to_pylist()).encode())
    return count


def _fields(values: Texts | Ints | Bools) -> pa.Array:
    if values.dtype != np.object_:
        return pa.array(values).cast(pa.string())
    text = pc.fill_null(pa.array(values, type=pa.string(), from_pandas=True), "")
    special = pc.match_substring_regex(text, '[",\n]')
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.if_else(special, quoted, text)


def write_frame(path: Path, columns: dict[str, Texts | Ints | Bools]) -> int:
    """Write named columns."""
    return write_table(path, tuple(columns), list(columns.values()))


def raw_header(table: Table) -> tuple[str, ...]:
    """The header of a raw file: the names the partner's own system gives the columns."""
    return tuple(column.source_name for column in table.columns)
