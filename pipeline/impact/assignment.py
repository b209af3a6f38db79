"""Who was in the new delivery model, who in business as usual, and since when; and who of them can be compared. Pure
but for reading the file it is given.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import DeclarationError
from pipeline.impact.declared import ARMS, NEW_MODEL, USUAL

ASSIGNMENT_COLUMNS = ("family_id", "arm", "start_date", "cluster")
NOT_ON_FILE = "no such family in the published run"
IN_BOTH = "in both groups, after families became one"
TOO_SHORT = "not followed to the end of the window"
NOT_COVERED = "window begins before the feeds do"
NOBODY_LIKE_IT = "nobody like it to compare with"


@dataclass(frozen=True)
class Assignment:
    """families: ASSIGNMENT_COLUMNS, one row per family. left_out: families by reason, for each arm: arm, reason,
    families."""

    families: pd.DataFrame
    left_out: pd.DataFrame


def read_assignment(path: Path) -> pd.DataFrame:
    """ASSIGNMENT_COLUMNS from a CSV file: family_id, arm, start_date, and cluster where families go together (a team,
    an area; else each stands for itself). Raises DeclarationError with the line, never the value."""

    def fail(where: str, rule: str, remedy: str) -> DeclarationError:
        return DeclarationError(where=f"{path.name}{where}", rule=rule, remedy=remedy)

    try:
        reader = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    except (FileNotFoundError, UnicodeDecodeError):
        raise fail("", "there is no such file in UTF-8.", "give a CSV file: family_id,arm,start_date.") from None
    missing = [name for name in ASSIGNMENT_COLUMNS[:3] if name not in (reader.fieldnames or ())]
    if missing:
        raise fail(", line 1", f"there is no column {', '.join(missing)}.", "give family_id,arm,start_date.")
    rows: list[tuple[int, str, pd.Timestamp, str]] = []
    seen: set[int] = set()
    for row in reader:
        where = f", line {reader.line_num}"
        try:
            family = int(row["family_id"])
        except (TypeError, ValueError):
            raise fail(where, "family_id is no number.", "use the ids of cohort.family.") from None
        if family in seen:
            raise fail(where, "this family stands twice.", "keep one row: its first start.")
        seen.add(family)
        if row["arm"] not in ARMS:
            raise fail(where, "the arm is not known.", f"write {' or '.join(ARMS)}.")
        try:
            start = pd.Timestamp(dt.date.fromisoformat(row["start_date"] or ""))
        except ValueError:
            raise fail(where, "start_date is no date.", "write it as YYYY-MM-DD.") from None
        rows.append((family, row["arm"], start, row.get("cluster") or f"family {family}"))
    if not any(arm == NEW_MODEL for _, arm, _, _ in rows):
        raise fail("", "nobody is in the new model.", f"mark its families {NEW_MODEL}.")
    return pd.DataFrame(rows, columns=list(ASSIGNMENT_COLUMNS))


def drawn_at_random(families: Iterable[int], start: pd.Timestamp, seed: int) -> pd.DataFrame:
    """Half of the families in each arm by lot, as if a programme had begun on that day: a trial in which nothing
    happened, to see that none is found."""
    ids = np.sort(np.asarray(list(families), dtype=np.int64))
    new = np.random.default_rng(seed).permutation(len(ids)) < len(ids) // 2
    return pd.DataFrame(
        {
            "family_id": ids,
            "arm": np.where(new, NEW_MODEL, USUAL),
            "start_date": start,
            "cluster": [f"family {family}" for family in ids],
        }
    )


def follow(assigned: pd.DataFrame, ledger: pd.DataFrame, on_file: Iterable[int]) -> Assignment:
    """The assignment by today's family ids. A family that became part of another goes on as that one, from the earlier
    start; one that is in both arms by that is left out, and so is one that is no longer there.

    `ledger`: old_id, new_id, change, in order of runs.
    """
    merged = ledger[ledger["change"] == "merge"]
    became = dict(zip(merged["old_id"].astype("int64"), merged["new_id"].astype("int64"), strict=True))
    known = set(on_file)

    def today(family: int) -> int:
        passed: set[int] = set()
        while family not in known and family in became and family not in passed:
            passed.add(family)
            family = became[family]
        return family

    families = assigned.assign(family_id=[today(int(family)) for family in assigned["family_id"]])
    there = families["family_id"].isin(known)
    both = families.groupby("family_id")["arm"].transform("nunique") > 1
    left_out = [_counted(families[~there], NOT_ON_FILE), _counted(families[there & both], IN_BOTH)]
    kept = families[there & ~both].sort_values(["family_id", "start_date"]).drop_duplicates("family_id")
    return Assignment(kept.reset_index(drop=True), pd.concat(left_out, ignore_index=True))


def keep_followed(assigned: Assignment, last_days: pd.Series, as_at: pd.Timestamp) -> Assignment:
    """Without the families whose window after the start is not over on the as-at date. `last_days` as the families."""
    over = (last_days <= as_at).to_numpy()
    short = _counted(assigned.families[~over], TOO_SHORT)
    return Assignment(
        assigned.families[over].reset_index(drop=True), pd.concat([assigned.left_out, short], ignore_index=True)
    )


def and_left_out(assigned: Assignment, families: int, arm: str, reason: str) -> Assignment:
    """The same, with so many more left out."""
    if families == 0:
        return assigned
    more = pd.DataFrame([{"arm": arm, "reason": reason, "families": families}])
    return Assignment(assigned.families, pd.concat([assigned.left_out, more], ignore_index=True))


def _counted(families: pd.DataFrame, reason: str) -> pd.DataFrame:
    counted = families.groupby("arm").size()
    return pd.DataFrame({"arm": counted.index, "reason": reason, "families": counted.to_numpy(dtype=np.int64)})
