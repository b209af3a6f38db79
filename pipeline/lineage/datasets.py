"""What a task reads and writes, as OpenLineage datasets: names, versions and row counts, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    dataset_version_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
)

NAMESPACE = "wholefamily"
LOADED_TABLES = (
    "identity.record", "identity.encoding", "evidence.person_attribute", "evidence.residence",
    "evidence.relationship", "evidence.fact", "evidence.nomination",
)  # fmt: skip
PUBLISHED_VIEWS = (
    "cohort.family", "cohort.family_member", "cohort.criterion_result", "cohort.criterion_evidence",
    "cohort.cohort", "cohort.family_history", "cohort.attrition", "cohort.summary",
)  # fmt: skip


@dataclass(frozen=True)
class Lineage:
    """Inputs and outputs of one run of a job."""

    inputs: list[InputDataset]
    outputs: list[OutputDataset]


def of_ingest(partner: str, rows_by_delivery: Mapping[str, tuple[int, int]]) -> Lineage:
    """From sealed deliveries to loaded and quarantined rows; rows: delivery id → (rows loaded, rows quarantined)."""
    latest = max(rows_by_delivery, default=None)
    quarantined = sum(rows[1] for rows in rows_by_delivery.values())
    return Lineage(
        inputs=[
            _read(f"deliveries/{partner}", rows=sum(rows), version=delivery_id)
            for delivery_id, rows in sorted(rows_by_delivery.items())
        ],
        outputs=[
            *(_written(name, version=latest) for name in LOADED_TABLES),
            _written("registry.quarantine", rows=quarantined, version=latest),
        ],
    )


def of_build(run_id: int, families: int | None = None) -> Lineage:
    """From loaded rows to the published cohort; the version of what is published is the run's id."""
    rows = {"cohort.family": families}
    return Lineage(
        inputs=[_read(name) for name in LOADED_TABLES],
        outputs=[_written(name, rows=rows.get(name), version=str(run_id)) for name in PUBLISHED_VIEWS],
    )


def _read(name: str, rows: int | None = None, version: str | None = None) -> InputDataset:
    counted = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=rows)
    return InputDataset(
        namespace=NAMESPACE,
        name=name,
        facets=_version(version),
        inputFacets={} if rows is None else {"inputStatistics": counted},
    )


def _written(name: str, rows: int | None = None, version: str | None = None) -> OutputDataset:
    counted = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)
    return OutputDataset(
        namespace=NAMESPACE,
        name=name,
        facets=_version(version),
        outputFacets={} if rows is None else {"outputStatistics": counted},
    )


def _version(version: str | None) -> dict[str, DatasetFacet]:
    if version is None:
        return {}
    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=version)}
