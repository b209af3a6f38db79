"""A small published borough written straight into a live database: families with contacts at rates of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import numpy as np
import pandas as pd

from pipeline.casework.life import load_life
from pipeline.casework.moves import Move, move_cases
from pipeline.casework.register import open_cases, sync_life
from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.impact import Material
from pipeline.settings import PROJECT
from pipeline.store.bulk import copy_frame
from pipeline.store.database import Database
from tests.impact.impact_tables import AS_AT, LONG_AGO

PACK = "troubled-families-2012"
AREAS = ("XB1", "XB2", "XB3", "XB4")
SELECTED = {"XB1": 40, "XB2": 23, "XB3": 7, "XB4": 4}  # of the families of each area, the first so many
RUN = 1
LATER = ("invited", "consented", "allocated", "in_programme")


def fill(database: Database, material: Material) -> None:
    """Families, members, evidence and the summary as a build publishes them; each partner delivered three years."""
    contracts = load_contracts(PROJECT / "schemas", load_vocabulary(PROJECT / "schemas"))
    day, first = AS_AT.date(), LONG_AGO.date()
    area = np.array(AREAS, dtype=object)[np.arange(len(material.families)) % len(AREAS)]
    area[-1] = None  # whose area no partner gave
    families = material.families.assign(area=area, to_review=False, as_at=day, run_id=RUN)
    members = material.members.assign(start_date=first, confidence=1.0, reason="same address", sex=None)
    evidence = material.evidence.assign(
        record_id=material.evidence["person_id"],
        delivery_id="police-1",
        table_name="events",
        row_number=1,
        role=np.where(material.evidence["kind"] == "suspension", None, "suspect"),
    )
    chosen = families[families.groupby("area").cumcount() < families["area"].map(SELECTED)]
    counts = {**SELECTED, "not known": 0, "all areas": 74}
    summary = [(name, None if 0 < n < 10 else round(n / 5) * 5) for name, n in counts.items()]
    with database.connect() as connection:
        for partner, contract in contracts.items():
            connection.execute(
                "insert into registry.partner (partner, name, contract_version, contract_sha256, schedule,"
                " freshness_days)"
                " values (%s, %s, '1', %s, '@daily', %s) on conflict do nothing",
                (partner, partner, "0" * 64, contract.freshness_days),
            )
            connection.execute(
                "insert into registry.delivery (delivery_id, partner, sequence, state, kind, manifest_sha256,"
                " contract_version, period_from, period_to, decided_at, rows_delivered, rows_loaded, rows_quarantined)"
                " values (%s, %s, 1, 'accepted', 'full', %s, '1', %s, %s, now(), 0, 0, 0)",
                (f"{partner}-1", partner, "0" * 64, first, day),
            )
        connection.execute(
            "insert into registry.run (kind, as_at, started_at, finished_at, state, pack, pack_version, code_version)"
            " values ('build', %s, now(), now(), 'published', %s, '1', '0')",
            (day, PACK),
        )
        copy_frame(connection, "publication.family", families)
        copy_frame(connection, "publication.family_member", members)
        copy_frame(connection, "evidence.person", pd.DataFrame({"record_id": members["person_id"]}).assign(
            person_id=members["person_id"].to_numpy()))  # fmt: skip
        copy_frame(
            connection, "evidence.fact", evidence.drop(columns="person_id").astype({"end_date": "datetime64[ns]"})
        )
        copy_frame(connection, "publication.cohort", pd.DataFrame(
            {"pack": PACK, "family_id": chosen["family_id"], "cohort_start_date": day}))  # fmt: skip
        copy_frame(connection, "publication.summary", pd.DataFrame(summary, columns=["area", "families"]).astype(
            {"families": "Int64"}).assign(as_at=day, pack=PACK, criterion="selected"))  # fmt: skip


def enter_programme(database: Database, families: Iterable[int], start: dt.date) -> None:
    """Cases of these families, identified a month before and moved on to the programme on a day."""
    life = load_life(PROJECT / "schemas" / "casework" / "life.yaml")
    ids = list(families)
    opened = pd.DataFrame(
        {"case_id": [-n for n in range(1, len(ids) + 1)], "family_id": ids, "split_from": pd.NA, "contains_dwp": False}
    ).astype({"split_from": "Int64"})
    nobody = pd.DataFrame({"case_id": [], "record_id": []}, dtype="int64")
    with database.connect() as connection:
        sync_life(connection, life)
        open_cases(
            connection, opened, nobody, PACK, start - dt.timedelta(days=31), role="build", by_whom="test", why="Test."
        )
    told = {"team": "A", "key_worker": "B", "district": "North"}
    for state, role in (("verified", "reviewer"), *((s, "coordinator") for s in LATER)):
        extra = told if state == "allocated" else {}
        moves = [Move(state, start, "As agreed.", family=family, **extra) for family in ids]
        move_cases(database, life, PACK, moves, role=role, by_whom="test", source="test")
