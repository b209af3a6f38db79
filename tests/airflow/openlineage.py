"""What the OpenLineage specification (2-0-2) asks of a run event, written as a JSON Schema of our own."""

from __future__ import annotations

from typing import Any

import jsonschema

FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {
            "_producer": {"type": "string", "format": "uri"},
            "_schemaURL": {"type": "string", "pattern": r"^https://openlineage\.io/spec/"},
        },
    },
}


def _datasets(statistics: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["namespace", "name"],
            "properties": {
                "namespace": {"type": "string"}, "name": {"type": "string"}, "facets": FACETS, statistics: FACETS,
            },
            "additionalProperties": False,
        },
    }  # fmt: skip


RUN_EVENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
        "producer": {"type": "string", "pattern": "^[a-z]+:"},
        "schemaURL": {"type": "string", "pattern": r"^https://openlineage\.io/spec/2-0-2/OpenLineage\.json#"},
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {"runId": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
                           "facets": FACETS},
            "additionalProperties": False,
        },
        "job": {
            "type": "object",
            "required": ["namespace", "name"],
            "properties": {"namespace": {"type": "string"}, "name": {"type": "string"}, "facets": FACETS},
            "additionalProperties": False,
        },
        "inputs": _datasets("inputFacets"),
        "outputs": _datasets("outputFacets"),
    },
    "additionalProperties": False,
}  # fmt: skip


def problems_of(event: dict[str, Any]) -> list[str]:
    """Where the event does not fit; none when it does."""
    checker = jsonschema.Draft202012Validator(RUN_EVENT)
    return [f"{list(problem.absolute_path)}: {problem.message}" for problem in checker.iter_errors(event)]
