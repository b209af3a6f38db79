"""The truth of made-up data and benchmarks: which record is whose, who lives with whom, who meets what.

Ids are taken as text, whatever they are, and turned into whole numbers here; -1 is nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.errors import TruthError

PEOPLE = ("partner", "person_ref", "true_person_id")
FAMILIES = ("true_person_id", "true_family_id")
CRITERIA = ("true_family_id", "pack", "criterion", "state")
NOBODY = -1


@dataclass(frozen=True)
class Truth:
    """The truth, ids as int64.

    people: one row per delivered record: partner, person_ref (clear text, str), true_person_id.
    families: one row per true person who lives in a family: true_person_id, true_family_id.
    criteria: one row per true family, pack and criterion: true_family_id, pack, criterion, state.
    details: true_person_id and any columns that tell groups apart (age_band, sex, ...); no rows when not given.
    """

    people: pd.DataFrame
    families: pd.DataFrame
    criteria: pd.DataFrame
    details: pd.DataFrame

    def members_on_record(self) -> pd.DataFrame:
        """true_person_id, true_family_id of everybody of a family whom at least one partner delivered."""
        delivered = self.people["true_person_id"].unique()
        return self.families[self.families["true_person_id"].isin(delivered)].reset_index(drop=True)


def read_truth(folder: Path) -> Truth:
    """The truth in a folder: people.csv, families.csv, criteria.csv and, where it is, people_details.csv.

    A reference listed twice for a partner counts once, for the first person listed. Raises TruthError when a file or
    a column is missing.
    """
    people = _read(folder / "people.csv", PEOPLE)
    families = _read(folder / "families.csv", FAMILIES)
    criteria = _read(folder / "criteria.csv", CRITERIA)
    given = folder / "people_details.csv"
    details = _read(given, ("true_person_id",)) if given.exists() else pd.DataFrame({"true_person_id": []}, dtype=str)

    persons = _codes(people, families, details, column="true_person_id")
    homes = _codes(families, criteria, column="true_family_id")

    def coded(frame: pd.DataFrame) -> pd.DataFrame:
        for column, codes in (("true_person_id", persons), ("true_family_id", homes)):
            if column in frame:
                frame = frame.assign(**{column: codes.get_indexer(pd.Index(frame[column])).astype("int64")})
        return frame

    return Truth(
        people=coded(people).drop_duplicates(["partner", "person_ref"]).reset_index(drop=True),
        families=coded(families).drop_duplicates("true_person_id").reset_index(drop=True),
        criteria=coded(criteria),
        details=coded(details).drop_duplicates("true_person_id").reset_index(drop=True),
    )


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise TruthError(
            where=str(path), rule="the file is not there.", remedy="give the folder that holds the truth."
        ) from None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise TruthError(where=str(path), rule="it is not a UTF-8 CSV file.", remedy="write it as one.") from None
    missing = [column for column in columns if column not in frame]
    if missing:
        raise TruthError(
            where=str(path), rule=f"it has no column {', '.join(missing)}.", remedy=f"it needs {', '.join(columns)}."
        )
    return frame


def _codes(*frames: pd.DataFrame, column: str) -> pd.Index:
    ids: pd.Series = pd.concat([frame[column] for frame in frames if column in frame])
    distinct: pd.Index = pd.Index(ids.drop_duplicates())
    return distinct
