"""The customer's journey: what happened to a family, when and with whom, across agencies, as a reader may see it.

Pure. Nobody is named: members are told apart by part and order of age. What a reader may not see is left out before
anything else is done, and nothing tells whether there was any.
"""

from __future__ import annotations

import pandas as pd

from pipeline.contracts import Vocabulary
from pipeline.escalation.declared import Escalation, Reader

HUB = "hub"  # what the hub itself said: selections, stages of the programme
ROW_COLUMNS = ("day", "until", "partner", "agency", "member", "what", "kind", "role", "evidence_id")
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
    one row per person; `milestones`: MILESTONE_COLUMNS, what the hub said; one that rests on a blocked feed is shown
    only to who sees every such feed. `first` and `last`: only what has a day between them. Absence from school is told
    where leave was not given.
    """
    seen = evidence[evidence["partner"].isin(reader.sees) & (evidence["kind"] != "authorised_absence")]
    seen = seen[~((seen["kind"] == "unauthorised_absence") & (seen["quantity"].fillna(0) == 0))]
    names = member_names(members)
    rows = seen[seen["person_id"].isin(names)]
    spell = rows["kind"].map({name: vocabulary.kinds[name].spell for name in rows["kind"].unique()}).astype(bool)
    told = pd.DataFrame(
        {
            "day": rows["start_date"],
            "until": rows["end_date"].where(spell),
            "partner": rows["partner"],
            "agency": [declared.contacts.get(k, p) for k, p in zip(rows["kind"], rows["partner"], strict=True)],
            "member": rows["person_id"].map(names),
            "what": [_in_words(name) for name in rows["kind"]],
            "kind": rows["kind"],
            "role": rows["role"],
            "evidence_id": rows["evidence_id"],
        },
        columns=list(ROW_COLUMNS),
    )
    said = milestones if declared.open_to(reader) else milestones[~milestones["contains_dwp"].astype(bool)]
    stages = said[["day", "until", "what"]].assign(partner=HUB, agency=HUB)
    whole = pd.concat([told, stages.reindex(columns=list(ROW_COLUMNS))] if len(stages) else [told], ignore_index=True)
    for column in ("day", "until"):
        whole[column] = pd.to_datetime(whole[column])
    whole["evidence_id"] = whole["evidence_id"].astype("Int64")
    if first is not None:
        whole = whole[whole["until"].fillna(whole["day"]).ge(first) | whole["day"].ge(first)]
    if last is not None:
        whole = whole[whole["day"].le(last)]
    return whole.sort_values(["day", "agency", "evidence_id"], kind="stable", na_position="last").reset_index(drop=True)


def member_names(members: pd.DataFrame) -> dict[int, str]:
    """What each member is called: adult 1, child 2, the eldest first; no age and no sex."""
    names: dict[int, str] = {}
    ordered = members.sort_values(["birth_month", "person_id"], na_position="last", kind="stable")
    for part, of_part in ordered.groupby("role", sort=True):
        for number, person in enumerate(of_part["person_id"], start=1):
            names[int(person)] = f"{_in_words(str(part)).lower()} {number}"
    return names


def _in_words(name: str) -> str:
    return name.replace("_", " ").capitalize().replace("Asb ", "ASB ")
