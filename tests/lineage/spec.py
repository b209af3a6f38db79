"""What the OpenLineage specification (2-0-2) asks of a run event.

The event's own form is a JSON Schema of ours; each facet is held against the class that OpenLineage's client generates
from the specification of that facet, found by its `_schemaURL`; our own facet against its published schema.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import types
import typing
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import attr
import jsonschema
from openlineage.client import generated
from openlineage.client.generated.base import BaseFacet

from pipeline.settings import PROJECT

OWN = json.loads((PROJECT / "schemas" / "lineage" / "governance-run-facet-1.json").read_text())
FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {
            "_producer": {"type": "string", "format": "uri"},
            "_schemaURL": {"type": "string", "pattern": r"^(https://openlineage\.io/spec/|urn:wholefamily:lineage:)"},
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
    found = [f"{list(problem.absolute_path)}: {problem.message}" for problem in checker.iter_errors(event)]
    for name, facet in _facets_of(event):
        if facet["_schemaURL"] == OWN["$id"]:
            found += [f"{name}: {one.message}" for one in jsonschema.Draft202012Validator(OWN).iter_errors(facet)]
        elif facet["_schemaURL"] not in _generated():
            found.append(f"{name}: no facet of the specification has the schema {facet['_schemaURL']}")
        else:
            own = {key: value for key, value in facet.items() if not key.startswith("_")}
            found += [f"{name}{problem}" for problem in _unlike(_generated()[facet["_schemaURL"]], own)]
    return found


def _facets_of(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from part.get(kind, {}).items()


@lru_cache(maxsize=1)
def _generated() -> dict[str, Any]:
    """The client's facet classes by the address of their schema."""
    found = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for one in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if isinstance(one, type) and issubclass(one, BaseFacet):
                found[one._get_schema()] = one
    return found


def _unlike(wanted: Any, value: Any) -> Iterator[str]:
    """Where a value is not of the type that the generated class declares."""
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        fitting = [list(_unlike(one, value)) for one in typing.get_args(wanted)]
        if all(fitting):
            yield from fitting[0]
    elif origin is list:
        for number, one in enumerate(value if isinstance(value, list) else [None]):
            yield from (f"[{number}]{problem}" for problem in _unlike(typing.get_args(wanted)[0], one))
    elif origin is dict:
        for key, one in value.items() if isinstance(value, dict) else [("", None)]:
            yield from (f".{key}{problem}" for problem in _unlike(typing.get_args(wanted)[1], one))
    elif attr.has(wanted):
        yield from _unlike_class(wanted, value)
    elif wanted is not Any and not isinstance(value, wanted if wanted is not float else (int, float)):
        yield f": {type(value).__name__} where {wanted} is asked"


def _unlike_class(wanted: Any, value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield ": not an object"
        return
    hints = typing.get_type_hints(wanted)  # each class's own module is looked in, its bases' too
    fields = {one.name: one for one in attr.fields(wanted) if not one.name.startswith("_")}
    for name in sorted(set(value) - set(fields)):
        yield f": has no {name}"
    for name, one in fields.items():
        if name in value:
            yield from (f".{name}{problem}" for problem in _unlike(hints[name], value[name]))
        elif one.default is attr.NOTHING:
            yield f": {name} is missing"
