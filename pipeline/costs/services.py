"""Several agencies at work on the same need of one family at the same time: listed, for somebody to bring together."""

from __future__ import annotations

import pandas as pd

from pipeline.costs.declared import CostModel, Service
from pipeline.spans import months_back, own_members

DUPLICATED_COLUMNS = (
    "family_id", "need", "agency", "service", "first_day", "last_day", "facts", "contains_dwp",
)  # fmt: skip


def duplicated_services(
    members: pd.DataFrame, evidence: pd.DataFrame, model: CostModel, as_at: pd.Timestamp
) -> pd.DataFrame:
    """DUPLICATED_COLUMNS: one row per family, need and service, where two agencies or more worked on the need.

    In the model's last months up to the date. A need on which a closed feed's service works is marked with all its
    services: that they are several is what that feed says. `first_day` and `last_day` are of what the service recorded
    in them (`last_day` empty while it lasts).
    """
    as_at = pd.Timestamp(as_at).normalize()
    window = months_back(as_at, model.service_months)
    people = own_members(members, as_at).set_index("person_id")["family_id"]
    kinds = {kind for service in model.services for kind in service.kinds}
    rows = evidence[evidence["kind"].isin(kinds)]
    rows = rows.assign(family_id=people.reindex(rows["person_id"]).to_numpy()).dropna(subset=["family_id"])
    spell = rows["kind"].isin(model.spells)
    recent = (spell & window.overlaps(rows["start_date"], rows["end_date"])) | window.begins_in(rows["start_date"])
    rows = rows.assign(
        last_day=rows["end_date"].where(spell, rows["start_date"]), lasts=spell & rows["end_date"].isna()
    )[recent]
    found = [_at_work(service, rows, model.is_closed(service)) for service in model.services]
    work = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(DUPLICATED_COLUMNS))
    on_need = work.groupby(["family_id", "need"])
    several = on_need["agency"].transform("nunique") > 1
    work = work.assign(contains_dwp=on_need["contains_dwp"].transform("any"))[several]
    work = work.sort_values(["family_id", "need", "agency", "service"], ignore_index=True)
    return work.astype({"family_id": "int64", "facts": "int64", "contains_dwp": bool})[list(DUPLICATED_COLUMNS)]


def _at_work(service: Service, rows: pd.DataFrame, closed: bool) -> pd.DataFrame:
    mine = rows[rows["kind"].isin(service.kinds)]
    if service.codes is not None:
        mine = mine[mine["code"].isin(service.codes)]
    if service.roles is not None:
        mine = mine[mine["role"].isin(service.roles)]
    grouped = mine.groupby("family_id", as_index=False).agg(
        first_day=("start_date", "min"),
        last_day=("last_day", "max"),
        lasts=("lasts", "any"),
        facts=("kind", "size"),
    )
    grouped["last_day"] = grouped["last_day"].mask(grouped["lasts"].astype(bool))
    grouped = grouped.assign(need=service.need, agency=service.agency, service=service.id, contains_dwp=closed)
    return grouped[list(DUPLICATED_COLUMNS)]
