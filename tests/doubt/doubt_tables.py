"""Small towns by record: births, homes, relatives, facts and pairs become the frames that doubt takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.contracts import load_vocabulary
from pipeline.criteria import Pack, load_pack
from pipeline.doubt import FlagDoubt, flag_doubt
from pipeline.families import by_person, form_families, persons_frame
from pipeline.records import PAIR_COLUMNS
from pipeline.settings import PROJECT

AS_AT = pd.Timestamp("2014-07-31")
KINDS = {"out_of_work_benefit": "dwp", "proven_offence": "police"}
NOBODY = pd.DataFrame({"family_id": [], "person_id": []}, dtype="int64")
Pair = tuple[int, int, float, str]


def pack() -> Pack:
    path = PROJECT / "schemas" / "criteria" / "troubled-families-2012.yaml"
    return load_pack(path, load_vocabulary(PROJECT / "schemas"))


@dataclass(frozen=True)
class Case:
    """Records: birth month and place; relatives: child, parent; facts: record and kind; pairs; persons by record."""

    births: dict[int, str | None]
    homes: dict[int, int]
    pairs: Sequence[Pair]
    persons: dict[int, int]
    parents: Iterable[tuple[int, int]] = ()
    facts: Iterable[tuple[int, str]] = ()
    answers: Iterable[tuple[int, int, str]] = ()
    nino: dict[int, int] | None = None

    def attributes(self) -> pd.DataFrame:
        frame = pd.DataFrame(
            [(record, f"partner {record % 5}", born, "F") for record, born in self.births.items()],
            columns=["record_id", "partner", "birth_month", "sex"],
        )
        return frame.assign(birth_month=pd.to_datetime(frame["birth_month"]))

    def residences(self) -> pd.DataFrame:
        frame = pd.DataFrame(list(self.homes.items()), columns=["record_id", "place_id"]).astype("int64")
        frame["start_date"], frame["end_date"] = pd.Timestamp("2010-01-01"), pd.Series(pd.NaT, index=frame.index)
        return frame.assign(area="XB1", partner="council", end_date=pd.to_datetime(frame["end_date"]))

    def relationships(self) -> pd.DataFrame:
        frame = pd.DataFrame(list(self.parents), columns=["record_id", "related_record_id"]).astype("int64")
        frame["start_date"] = frame["end_date"] = pd.to_datetime(pd.Series(None, index=frame.index))
        return frame.assign(relation="parent", partner="schools")

    def evidence(self) -> pd.DataFrame:
        rows = [
            (place, record, kind, "JSA" if kind == "out_of_work_benefit" else "1/1", KINDS[kind])
            for place, (record, kind) in enumerate(self.facts)
        ]
        frame = pd.DataFrame(rows, columns=["evidence_id", "record_id", "kind", "code", "partner"])
        frame["role"] = ["offender" if kind == "proven_offence" else None for kind in frame["kind"]]
        frame["start_date"], frame["end_date"] = pd.Timestamp("2014-03-01"), pd.NaT
        frame["end_date"] = pd.to_datetime(frame["end_date"])
        return frame.astype({"record_id": "int64"}).assign(quantity=float("nan"), out_of=float("nan"))

    def person_map(self) -> pd.DataFrame:
        return pd.DataFrame({"record_id": list(self.persons), "person_id": list(self.persons.values())})

    def linked(self) -> pd.DataFrame:
        frame = pd.DataFrame(list(self.pairs), columns=["record_a", "record_b", "probability", "decision"])
        frame = frame.astype({"record_a": "int64", "record_b": "int64", "probability": "float64"})
        return frame.assign(blocking_pass="nino", pattern="", weight=frame["probability"])[list(PAIR_COLUMNS)]

    def told(self) -> pd.DataFrame:
        frame = pd.DataFrame(list(self.answers), columns=["record_a", "record_b", "answer"])
        return frame.astype({"record_a": "int64", "record_b": "int64"})

    def identifiers(self) -> pd.DataFrame:
        return pd.DataFrame(
            {"record_id": list(self.births), "nino": [(self.nino or {}).get(r, -1) for r in self.births]}
        )


def coverage() -> pd.DataFrame:
    kinds = sorted({kind for criterion in pack().criteria for kind in criterion.kinds})
    return pd.DataFrame({"partner": "all", "kind": kinds, "as_of": AS_AT, "fresh": True})


def members(case: Case, person_map: pd.DataFrame | None = None) -> pd.DataFrame:
    known = case.person_map() if person_map is None else person_map
    return form_families(
        persons_frame(case.attributes(), known), by_person(case.residences(), known),
        by_person(case.relationships(), known), AS_AT, NOBODY,
    ).members  # fmt: skip


def doubt(case: Case, weak_below: float = 0.999) -> FlagDoubt:
    return flag_doubt(
        case.linked(), case.person_map(), case.told(), case.identifiers(), members(case), case.attributes(),
        case.residences(), case.relationships(), case.evidence(), coverage(), pack(), AS_AT, weak_below=weak_below,
    )  # fmt: skip


def flips(found: FlagDoubt) -> set[tuple[str, str, str, int, int]]:
    """criterion, state, would become, record a, record b."""
    rows = found.flips[["criterion", "state", "would_become", "record_a", "record_b"]]
    return set(rows.itertuples(index=False, name=None))


def probability(found: FlagDoubt, criterion: str) -> dict[int, float]:
    """By family."""
    rows = found.standing[found.standing["criterion"] == criterion]
    return {family: round(p, 9) for family, p in zip(rows["family_id"], rows["probability"], strict=True)}
