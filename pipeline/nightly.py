"""What the build reads for one night: frames for linking, families and criteria, each under the role that may.

The linking role reads `identity` and never evidence; the evaluating role reads `evidence` and never tokens. Only
here do rows of the store become the frames of `pipeline.records`; no rule of linking, families or criteria
belongs here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import Contract
from pipeline.prints import row_prints
from pipeline.records import FINGERPRINT, KEY_VERSION, RECORD_TOKENS, RELATIONSHIPS
from pipeline.store.bulk import read_frame
from pipeline.store.database import Database

LINKER, EVALUATOR = "wf_linker", "wf_evaluator"
RECORD_COLUMNS = ", ".join(
    ["record_id", "partner", "sex", *(f"{name}_token" for name in RECORD_TOKENS), "encoding_print", "key_version"]
)


@dataclass(frozen=True)
class LinkInputs:
    """For linking, but for the encodings: `records` as in pipeline.records, with a fingerprint of all that is compared
    of each (missing where a record was loaded before prints were made), chance agreement pooled over partners, last
    night's person map (record_id, person_id), and what people answered about pairs (record_a, record_b, answer; the
    latest last). `basis`: versions of the deliveries' encoding and of the key that records stand under, as text."""

    records: pd.DataFrame
    chance_agreement: dict[str, np.ndarray]
    previous: pd.DataFrame
    last_person_id: int  # the highest ever given, 0 before the first: an id of the past is never given again
    answers: pd.DataFrame
    basis: str


@dataclass(frozen=True)
class EvidenceInputs:
    """For families and criteria, still by record_id: attributes, residences, relationships and dated facts."""

    attributes: pd.DataFrame
    residences: pd.DataFrame
    relationships: pd.DataFrame
    facts: pd.DataFrame
    previous_members: pd.DataFrame
    last_family_id: int


def read_link_inputs(database: Database) -> LinkInputs:
    """What linking needs beside the encodings, read as the linking role."""
    with database.adbc(role=LINKER) as connection:
        records = read_frame(connection, f"select {RECORD_COLUMNS} from identity.record order by record_id")  # noqa: S608
        previous = read_frame(connection, "select record_id, person_id from identity.person order by record_id")
        last_id = read_frame(
            connection, "select coalesce(max(greatest(old_id, new_id)), 0) as id from identity.person_ledger"
        )
        answers = read_frame(
            connection, "select record_a, record_b, answer from identity.review_binding order by answer_id"
        )
    with database.connect() as plain:
        measured = plain.execute(
            "select distinct on (partner) chance_agreement, encoding_version from registry.delivery"
            " where state in ('accepted', 'accepted_with_quarantine') order by partner, sequence desc"
        ).fetchall()
    frame = _records_frame(records)
    keys = np.unique(frame[KEY_VERSION]).tolist()
    return LinkInputs(
        records=frame,
        chance_agreement=_pooled(row[0] for row in measured),
        previous=previous.to_pandas(),
        last_person_id=last_id["id"][0].as_py(),
        answers=answers.to_pandas(),
        basis=", ".join(
            f"encoding {encoding}, key {key}" for encoding in sorted({row[1] for row in measured}) for key in keys
        ),
    )


def read_evidence_inputs(database: Database) -> EvidenceInputs:
    """Everything families and criteria need, read as the evaluating role."""
    with database.adbc(role=EVALUATOR) as connection:

        def frame(sql: str) -> pd.DataFrame:
            return pd.DataFrame(read_frame(connection, sql).to_pandas(date_as_object=False))

        return EvidenceInputs(
            attributes=frame(
                "select record_id, partner, birth_month, sex from evidence.person_attribute order by record_id"
            ),
            residences=frame(
                "select record_id, place_id, address_id, area, start_date, end_date, partner from evidence.residence"
                " where place_id is not null order by record_id, delivery_id, row_number"
            ),
            relationships=frame(
                "select record_id, related_record_id, relation, start_date, end_date, partner"
                " from evidence.relationship order by record_id, delivery_id, row_number"
            ),
            facts=frame(
                "select evidence_id, record_id, kind, code, role, start_date, end_date, quantity, out_of, partner"
                " from evidence.fact order by evidence_id"
            ),
            previous_members=frame(
                "select family_id, person_id, role from publication.family_member where end_date is null"
                " order by family_id, person_id, role"
            ),
            last_family_id=int(
                frame("select coalesce(max(greatest(old_id, new_id)), 0) as id from publication.family_ledger")["id"][0]
            ),
        )


def read_coverage(database: Database, contracts: dict[str, Contract], as_at: dt.date) -> pd.DataFrame:
    """One row per partner and kind of evidence: partner, kind, as_of (end of the last accepted period), since (first
    day of the first one in force), fresh.

    A partner without an accepted delivery has no row: its kinds are not covered by it.
    """
    with database.connect() as connection:
        ends = dict(connection.execute("select partner, period_to from registry.freshness").fetchall())
        begins = dict(
            connection.execute(
                "select partner, min(period_from) from registry.delivery"
                " where state in ('accepted', 'accepted_with_quarantine') group by partner"
            ).fetchall()
        )
    rows = [
        {
            "partner": partner,
            "kind": kind,
            "as_of": pd.Timestamp(ends[partner]),
            "since": pd.Timestamp(begins[partner]),
            "fresh": ends[partner] >= as_at - dt.timedelta(days=contract.freshness_days),
        }
        for partner, contract in contracts.items()
        if ends.get(partner) is not None
        for kind in sorted(contract.evidence_kinds())
    ]
    return pd.DataFrame(rows, columns=["partner", "kind", "as_of", "since", "fresh"])


def with_origin(relationships: pd.DataFrame, contracts: dict[str, Contract]) -> pd.DataFrame:
    """Relationships with `origin`: the kind of record they come from, as the partner's contract says (else missing)."""
    origins = {
        partner: table.origin
        for partner, contract in contracts.items()
        for table in contract.tables
        if table.name == RELATIONSHIPS and table.origin
    }
    return relationships.assign(origin=relationships["partner"].astype(object).map(origins))


def latest_period_end(database: Database) -> dt.date | None:
    """The last day that any accepted delivery in force covers: the default as-at date."""
    with database.connect() as connection:
        row = connection.execute("select max(period_to) from registry.freshness").fetchone()
    return row[0] if row else None


def published_up_to(database: Database) -> dt.date | None:
    """The latest day that a published run speaks of, None before the first."""
    with database.connect() as connection:
        row = connection.execute("select max(as_at) from registry.run where state = 'published'").fetchone()
    return row[0] if row else None


def anything_new(database: Database) -> bool:
    """Whether a delivery has been accepted or withdrawn, a link answered, something decided about a person's data,
    or rows removed that no agreement covers, since the last published build began, or that build looked back at an
    earlier day than the data reach (True before the first build)."""
    with database.connect() as connection:
        row = connection.execute(
            "with last as (select coalesce(max(started_at), '-infinity') as build from registry.run"
            " where state = 'published')"
            " select exists (select from registry.delivery, last"
            " where (state in ('accepted', 'accepted_with_quarantine') and decided_at > last.build)"
            " or withdrawn_at > last.build)"
            " or exists (select from identity.review_answer, last where answered_at > last.build)"
            " or exists (select from registry.reprocessed, last where at > last.build)"
            " or exists (select from rights.applied, last where applied_at > last.build"
            " and act in ('contest', 'restrict', 'lift', 'refuse', 'erase'))"
            " or exists (select from rights.destruction, last where destroyed_at > last.build)"
            " or (select max(period_to) from registry.freshness) >"
            " (select as_at from registry.run where state = 'published' order by run_id desc limit 1)"
        ).fetchone()
    return bool(row and row[0])


def _records_frame(table: pa.Table) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "record_id": table["record_id"].to_numpy().astype(np.int64),
        "partner": pd.Categorical(table["partner"].to_pandas()),
        "sex": table["sex"].to_pandas(),
        KEY_VERSION: pc.fill_null(table["key_version"], 0).to_numpy().astype(np.int64),
    }
    for name in RECORD_TOKENS:
        codes = table[f"{name}_token"].combine_chunks().dictionary_encode().indices
        columns[name] = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    if not pc.any(pc.and_(pc.is_null(table["encoding_print"]), pc.is_valid(table["key_version"]))).as_py():
        columns[FINGERPRINT] = row_prints(table.drop_columns(["record_id"]))
    return pd.DataFrame(columns)


def _pooled(measurements: Any) -> dict[str, np.ndarray]:
    pooled: dict[str, np.ndarray] = {}
    for measurement in measurements:
        for entry in measurement or []:
            counts = np.asarray(entry["counts"], dtype=np.int64)
            known = pooled.get(entry["comparison"])
            pooled[entry["comparison"]] = counts if known is None else known + counts
    return pooled
