"""Linking and families reason together: what homes and relatives say of links becomes part of who is who.

Here alone both sides of the split file meet, and only decisions about pairs of records cross: no token goes to
evidence, no evidence to linking.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from pipeline.contracts.linkage import LinkModel
from pipeline.doubt.answers import answers_in_force
from pipeline.families import contradicted, joint, rejoin
from pipeline.link.identity import assign_ids
from pipeline.link.versions import identifiers_of
from pipeline.records import CONTEXT_COLUMNS, LinkResult


def reason_together(
    linked: LinkResult,
    records: pd.DataFrame,
    attributes: pd.DataFrame,
    residences: pd.DataFrame,
    relationships: pd.DataFrame,
    as_at: pd.Timestamp,
    model: LinkModel,
    previous: pd.DataFrame,
    *,
    first_new_id: int,
    answers: pd.DataFrame | None = None,
) -> LinkResult:
    """LinkResult with possible pairs weighed anew by homes and relatives, and impossible persons taken apart.

    `records`: RECORDS; attributes, residences, relationships by record_id; `previous`, `first_new_id` and `answers` as
    for `link_persons`. Persons keep their ids, and the ledger tells of changes, as if linking itself had known.
    """
    told = joint(
        linked.pairs, linked.persons, attributes, residences, relationships, as_at,
        match_threshold=model.match_threshold, possible_threshold=model.possible_threshold,
    )  # fmt: skip
    contradictions = contradicted(linked.persons, attributes, relationships)
    spoken = answers_in_force(answers)
    identifiers = identifiers_of(records, model.one_per_person)
    clusters, pairs = rejoin(linked.persons, linked.pairs, told, contradictions, spoken, identifiers)
    clusters = clusters.sort_values("record_id", ignore_index=True)
    persons, ledger = assign_ids(
        clusters["record_id"].to_numpy(), clusters["cluster"].to_numpy(), previous, first_new_id
    )
    counts = {
        "contradictions": len(contradictions),
        "contexts": {str(name): int(count) for name, count in told["context"].value_counts().sort_index().items()},
        "decisions": {str(name): int(count) for name, count in told["decision"].value_counts().sort_index().items()},
    }
    return replace(
        linked,
        pairs=pairs,
        persons=persons,
        ledger=ledger,
        parameters=linked.parameters | {"joint": counts},
        contexts=_contexts(told, contradictions),
    )


def _contexts(told: pd.DataFrame, contradictions: pd.DataFrame) -> pd.DataFrame:
    """CONTEXTS: possible pairs as weighed, and pairs within one person that cannot be."""
    cut = contradictions.rename(columns={"why": "context"}).assign(bits=None, probability=None, decision="cut")
    rows = pd.concat([told.astype(object), cut.astype(object)], ignore_index=True)[list(CONTEXT_COLUMNS)]
    rows = rows.drop_duplicates(["record_a", "record_b"], keep="last")
    whole = {"record_a": "int64", "record_b": "int64", "bits": "float64", "probability": "float64"}
    return rows.astype(whole).sort_values(["record_a", "record_b"], ignore_index=True)
