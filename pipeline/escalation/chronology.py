"""The customer's journey: what happened to a family, when and with whom, across agencies, as a reader may see it.

Pure. Nobody is named: members are told apart by part, age and sex. What a reader may not see is left out before
anything else is done, and nothing tells whether there was any.
"""

from __future__ import annotations

import pandas as pd

from pipeline.contracts import Vocabulary
from pipeline.escalation.declared import Escalation, Reader

HUB = "hub"  # what the hub itself said: selections, stages of the programme
ROW_COLUMNS = (
    "day", "until", "partner", "agency", "person_id", "member", "what", "kind", "code", "role", "quantity", "unit",
    "evidence_id",
)  # fmt: skip
MILESTONE_COLUMNS = ("day", "until", "what", "contains_dwp")


def chronology(
    evidence: pd.DataFrame,
    members: pd.DataFrame,
    milestones: pd.DataFrame,
    reader: Reader,
    declared: Escalation,
    vocabulary: Vocabulary,
    *,
    first: pd.Timestamp | None = None,
    last: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Everything about one family that the reader may see, in order of days (ROW_COLUMNS).

    `evidence`: rows of the family's members (EVIDENCE of pipeline.records); `members`: person_id, role, birth_month,
    sex, one row per person; `milestones`: MILESTONE_COLUMNS, what the hub said; one that rests on a blocked feed is
    shown only to who sees that feed. `first` and `last`: only what has a day between them. Absence from school is told
    where leave was not given.
    """
    seen = evidence[evidence["partner"].isin(reader.sees) & (evidence["kind"] != "authorised_absence")]
    seen = seen[~((seen["kind"] == "unauthorised_absence") & (seen["quantity"].fillna(0) == 0))]
    rows = seen.merge(members[["person_id", "role", "birth_month", "sex"]].rename(columns={"role": "part"}),
                      on="person_id")  # fmt: skip
    names = member_names(members)
    kinds = {name: vocabulary.kinds[name] for name in rows["kind"].unique()}
    spell = rows["kind"].map({name: kind.spell for name, kind in kinds.items()}).astype(bool)
    partners = zip(rows["kind"], rows["partner"], strict=True)
    whom = zip(rows["person_id"], rows["birth_month"], rows["start_date"], strict=True)
    told = pd.DataFrame(
        {
            "day": rows["start_date"],
            "until": rows["end_date"].where(spell),
            "partner": rows["partner"],
            "agency": [declared.contacts.get(kind, partner) for kind, partner in partners],
            "person_id": rows["person_id"],
            "member": [_aged(names[person], birth, day) for person, birth, day in whom],
            "what": [_in_words(name) for name in rows["kind"]],
            "kind": rows["kind"],
            "code": rows["code"],
            "role": rows["role"],
            "quantity": rows["quantity"],
            "unit": rows["kind"].map({name: kind.quantity for name, kind in kinds.items()}),
            "evidence_id": rows["evidence_id"],
        },
        columns=list(ROW_COLUMNS),
    )
    said = milestones if declared.blocked <= reader.sees else milestones[~milestones["contains_dwp"].astype(bool)]
    stages = said[["day", "until", "what"]].assign(partner=HUB, agency=HUB)
    whole = pd.concat([told, stages.reindex(columns=list(ROW_COLUMNS))] if len(stages) else [told], ignore_index=True)
    for column in ("day", "until"):
        whole[column] = pd.to_datetime(whole[column])
    for column in ("person_id", "evidence_id"):
        whole[column] = whole[column].astype("Int64")
    if first is not None:
        whole = whole[whole["until"].fillna(whole["day"]).ge(first) | whole["day"].ge(first)]
    if last is not None:
        whole = whole[whole["day"].le(last)]
    return whole.sort_values(["day", "agency", "evidence_id"], kind="stable", na_position="last").reset_index(drop=True)


def member_names(members: pd.DataFrame) -> dict[int, str]:
    """A name for each member that says no more than is needed to tell them apart: adult 1 (F), child 2 (M).

    The eldest first; by person id where the month of birth is the same or not known.
    """
    names: dict[int, str] = {}
    ordered = members.sort_values(["birth_month", "person_id"], na_position="last", kind="stable")
    for part, of_part in ordered.groupby("role", sort=True):
        for number, (person, sex) in enumerate(zip(of_part["person_id"], of_part["sex"], strict=True), start=1):
            known = f" ({sex})" if isinstance(sex, str) else ""
            names[int(person)] = f"{_in_words(str(part)).lower()} {number}{known}"
    return names


def _aged(name: str, birth: pd.Timestamp | None, day: pd.Timestamp | None) -> str:
    """The member with the age on the day, in whole years, where both are known."""
    if birth is None or day is None or pd.isna(birth) or pd.isna(day):
        return name
    months = (day.year - birth.year) * 12 + day.month - birth.month
    return f"{name}, {months // 12}" if months >= 0 else f"{name}, before birth"


def _in_words(name: str) -> str:
    return name.replace("_", " ").capitalize()
