"""The frame that a table's expectation suite sees: what is loaded, without a single value that names a person.

Pseudonyms and tokens become codes that are equal where they are equal, which is all that counting null, unique and
repeated values needs; derived columns hold what a suite cannot work out by itself.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import Table
from pipeline.ingest.columns import mask
from pipeline.records import PEOPLE, RESIDENCES

REFERENCES = ("pseudonym", "token")
PLACE_TOKENS = ("uprn_token", "address_token")


def suite_frame(
    table: Table, loaded: pa.Table, people: pa.Array, period_to: dt.date, previous_period_to: dt.date | None
) -> pd.DataFrame:
    """One row per loaded row of the table: its columns (pseudonyms and tokens as codes, NaN where missing), and

    has_match_key (people): an identifier or a date of birth · period_advance_days (people): days from the end of
    the previous period to the end of this one, NaN for a first delivery · has_place (residences): a UPRN or an
    address · person_known: its person is loaded · to_itself: both persons of a relationship are one ·
    days_before_period_end: from the row's start to the end of the period, where the table is evidence.
    """
    columns = {
        column.name: _codes(loaded[column.name]) if column.type in REFERENCES else _plain(loaded[column.name])
        for column in table.delivered_columns()
    }
    tokens = [column.name for column in table.delivered_columns() if column.type == "token"]
    if table.name == PEOPLE:
        keys = [*tokens, *(column.name for column in table.delivered_columns() if column.type == "month")]
        columns["has_match_key"] = _any_present(loaded, keys)
        advance = (period_to - previous_period_to).days if previous_period_to else np.nan
        columns["period_advance_days"] = np.full(loaded.num_rows, float(advance))
    else:
        columns["person_known"] = mask(pc.is_in(loaded["person_ref"], value_set=people))
    if table.name == RESIDENCES:
        columns["has_place"] = _any_present(loaded, [name for name in PLACE_TOKENS if name in tokens])
    if "related_person_ref" in loaded.column_names:
        columns["person_known"] &= mask(pc.is_in(loaded["related_person_ref"], value_set=people))
        columns["to_itself"] = mask(pc.equal(loaded["person_ref"], loaded["related_person_ref"]))
    starts = [mapping.start[1] for mapping in table.evidence if mapping.start[0] == "column"]
    if starts:
        before = pd.Timestamp(period_to) - pd.Series(_plain(loaded[starts[0]]))
        columns["days_before_period_end"] = before.dt.days.to_numpy(dtype=float)
    return pd.DataFrame(columns)


def _codes(cells: pa.ChunkedArray) -> Any:
    codes = cells.combine_chunks().dictionary_encode().indices
    return codes.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _plain(cells: pa.ChunkedArray) -> Any:
    if pa.types.is_date32(cells.type):
        return cells.to_numpy().astype("datetime64[D]").astype("datetime64[s]")
    if pa.types.is_integer(cells.type):
        return cells.cast(pa.float64()).to_numpy()
    return cells.to_numpy()


def _any_present(loaded: pa.Table, names: list[str]) -> Any:
    present = np.zeros(loaded.num_rows, dtype=bool)
    for name in names:
        present |= mask(pc.is_valid(loaded[name]))
    return present
