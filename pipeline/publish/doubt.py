"""Write what would change which flag (the table behind `cohort.flag_doubt`), and the doubt of each result."""

from __future__ import annotations

from typing import Any

import pandas as pd
import psycopg

from pipeline.criteria import Pack
from pipeline.doubt import FlagDoubt
from pipeline.publish.run import Run
from pipeline.store.bulk import copy_frame

RESTRICTED = "dwp"  # whose evidence may not be passed on


def with_doubt(results: pd.DataFrame, doubt: FlagDoubt) -> pd.DataFrame:
    """RESULTS with in_doubt and probability (missing where no doubtful link touches the family)."""
    known = doubt.standing[["family_id", "criterion", "in_doubt", "probability"]]
    known = known.astype({"family_id": "int64", "criterion": object, "probability": "float64"})
    joined = results.merge(known, on=["family_id", "criterion"], how="left")
    return joined.assign(in_doubt=joined["in_doubt"].eq(True))


def write_doubt(connection: psycopg.Connection[Any], run: Run, doubt: FlagDoubt, coverage: pd.DataFrame) -> None:
    """Replace `publication.flag_doubt`; inside the publishing transaction."""
    standing = doubt.standing[["family_id", "criterion", "probability", "links", "method"]]
    rows = doubt.flips.merge(standing, on=["family_id", "criterion"])
    restricted = set(coverage.loc[coverage["partner"] == RESTRICTED, "kind"])
    held = {criterion.id for criterion in run.pack.criteria if restricted & set(criterion.kinds)} | {"selected"}
    rows = rows.assign(pack=run.pack.id, contains_dwp=rows["criterion"].isin(held))
    connection.execute("delete from publication.flag_doubt")
    copy_frame(connection, "publication.flag_doubt", rows.infer_objects())


def counts_of_doubt(pack: Pack, doubt: FlagDoubt) -> dict[str, Any]:
    """What the run report tells: doubtful links, families and flags, and of each criterion the families that might lose
    or gain it."""
    flips = doubt.flips.drop_duplicates(["family_id", "criterion"])
    met = flips["state"] == "met"
    names = [*(criterion.id for criterion in pack.criteria), "selected"]
    return {
        **doubt.summary,
        "by_criterion": {
            name: {
                "might_lose": int((met & (flips["criterion"] == name)).sum()),
                "might_gain": int((~met & (flips["criterion"] == name)).sum()),
            }
            for name in names
        },
    }
