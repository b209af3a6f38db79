"""What families cost, as the command line shows it: read from the views, in the prices of the year asked for."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.casework.reading import read_rows
from pipeline.costs import CostModel, in_prices
from pipeline.store.database import Database


def cost_rows(
    database: Database, model: CostModel, *, by: str, family: int | None, everybody: bool, prices: str
) -> list[dict[str, Any]]:
    """Of one family: every line, with code, unit, source and confidence. Else sums by agency, need or cost.

    Raises DeclarationError for a price year without an index.
    """
    chosen = (family, family, everybody or family is not None)
    lines = read_rows(
        database,
        "select c.family_id, c.cost, c.title, c.need, c.code, c.agency, c.quantity, c.unit, c.fiscal, c.cashable,"
        " c.economic, c.prices, c.confidence, u.source, c.contains_dwp"
        " from cohort.family_cost c left join cohort.unit_cost u using (code)"
        " where (%s::bigint is null or c.family_id = %s) and (%s or c.family_id in"
        " (select family_id from cohort.family_case where merged_into is null)) order by 1, 2, 5, 6",
        *chosen,
    )  # fmt: skip
    if not lines:
        model.prices.factor(model.prices_of, prices)
        return []
    frame = pd.DataFrame(lines)
    frame = in_prices(frame, model, str(frame["prices"].iloc[0]), prices).assign(prices=prices)
    money = ["fiscal", "cashable", "economic"]
    if family is not None:
        frame[money] = frame[money].round(2)
        return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    grouped = frame.groupby(by)
    told = (
        grouped[money]
        .sum()
        .round(2)
        .assign(families=grouped["family_id"].nunique(), contains_dwp=grouped["contains_dwp"].any())
    )
    told = told.sort_values(["fiscal", "economic"], ascending=False)
    rows: list[dict[str, Any]] = [
        {by: name, **{str(key): value for key, value in row.items()}}
        for name, row in zip(told.index, told.to_dict("records"), strict=True)
    ]
    total = {
        by: "all", **{name: round(float(frame[name].sum()), 2) for name in money},
        "families": int(frame["family_id"].nunique()), "contains_dwp": bool(frame["contains_dwp"].any()),
    }  # fmt: skip
    return [*rows, total]


def duplicated_rows(database: Database, family: int | None, everybody: bool) -> list[dict[str, Any]]:
    """One row per family, need and service where several agencies work on the need."""
    return read_rows(
        database,
        "select c.family_id, c.need, c.agency, c.title as service, c.first_day, c.last_day, c.facts, c.contains_dwp"
        " from cohort.duplicated_service c"
        " where (%s::bigint is null or c.family_id = %s) and (%s or c.family_id in"
        " (select family_id from cohort.family_case where merged_into is null)) order by 1, 2, 3, 4",
        family, family, everybody or family is not None,
    )  # fmt: skip
