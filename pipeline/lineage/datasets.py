"""What a job reads and writes, as OpenLineage datasets: names, columns, counts, checks; never a value of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    OutputDatasetFacet,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    dataset_version_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)

NAMESPACE = "wholefamily"
SEVERITIES = {"critical": "error", "warning": "warn"}


@dataclass(frozen=True, order=True)
class Source:
    """A column that another is made from. `how`: OpenLineage's subtype, such as IDENTITY or TRANSFORMATION;
    `direct`: its values go into the other column, or only decide over it; `masked`: its values cannot be read there."""

    dataset: str
    column: str
    how: str = "IDENTITY"
    direct: bool = True
    masked: bool = False


@dataclass(frozen=True)
class Check:
    """One expectation of a delivered table: which, on which column, how grave, met or not."""

    expectation: str
    column: str | None
    severity: str
    success: bool


@dataclass(frozen=True)
class Dataset:
    """One table, view, delivered file or page. `columns`: each column's name and what it is made from."""

    name: str
    rows: int | None = None
    version: str | None = None
    columns: Mapping[str, Sequence[Source]] = field(default_factory=dict)
    checks: Sequence[Check] = ()


def as_input(dataset: Dataset) -> InputDataset:
    """The dataset as something read: with the checks it went through, and counts."""
    facets: dict[str, InputDatasetFacet] = {}
    if dataset.rows is not None:
        facets["inputStatistics"] = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(dataset.rows)
        facets["dataQualityMetrics"] = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
            columnMetrics={}, rowCount=dataset.rows
        )
    if dataset.checks:
        facets["dataQualityAssertions"] = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            [
                data_quality_assertions_dataset.Assertion(
                    assertion=one.expectation, success=one.success, column=one.column,
                    severity=SEVERITIES.get(one.severity, one.severity),
                )
                for one in dataset.checks
            ]
        )  # fmt: skip
    return InputDataset(NAMESPACE, dataset.name, facets=_facets(dataset), inputFacets=facets)


def as_output(dataset: Dataset) -> OutputDataset:
    """The dataset as something written."""
    facets: dict[str, OutputDatasetFacet] = {}
    if dataset.rows is not None:
        counted = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=dataset.rows)
        facets["outputStatistics"] = counted
    return OutputDataset(NAMESPACE, dataset.name, facets=_facets(dataset), outputFacets=facets)


def _facets(dataset: Dataset) -> dict[str, DatasetFacet]:
    facets: dict[str, DatasetFacet] = {}
    if dataset.version is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=dataset.version)
    if dataset.columns:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(
            [schema_dataset.SchemaDatasetFacetFields(name=name) for name in dataset.columns]
        )
    made = {name: sources for name, sources in dataset.columns.items() if sources}
    if made:
        facets["columnLineage"] = column_lineage_dataset.ColumnLineageDatasetFacet(
            {name: column_lineage_dataset.Fields([_field(one) for one in sources]) for name, sources in made.items()}
        )
    return facets


def _field(source: Source) -> column_lineage_dataset.InputField:
    kind = "DIRECT" if source.direct else "INDIRECT"
    how = column_lineage_dataset.Transformation(type=kind, subtype=source.how, masking=source.masked)
    return column_lineage_dataset.InputField(NAMESPACE, source.dataset, source.column, [how])
