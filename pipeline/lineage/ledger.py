"""The lineage ledger: one OpenLineage event per line of `events.jsonl`, whoever wrote it.

Events pass one gate on their way in: only the parts named here are kept. Whatever else a library puts into its
events (who triggered a run, a run's configuration, texts of errors, stack traces, source code) stays out.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from pathlib import Path
from typing import Any

LEDGER_FILE = "events.jsonl"
EVENT_PARTS = ("eventType", "eventTime", "producer", "schemaURL")
RUN_FACETS = ("parent", "nominalTime", "processing_engine", "errorMessage", "tags", "wholeFamily_governance")
ERROR_KIND = re.compile(r"[A-Za-z_.]{1,80}( \([a-zA-Z0-9_]{1,40}\))?")  # a failure's class and code, no text
JOB_FACETS = ("jobType", "documentation", "sourceCodeLocation")
DATASET_FACETS = ("version", "schema", "documentation", "tags", "columnLineage", "inputStatistics", "outputStatistics",
                  "dataQualityMetrics", "dataQualityAssertions")  # fmt: skip


def append_event(path: Path, event: dict[str, Any]) -> None:
    """Append one event, cleaned, as one line; several processes may do so at once."""
    line = (json.dumps(cleaned(event), sort_keys=True, separators=(",", ":")) + "\n").encode()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        remaining = memoryview(line)
        while remaining:
            remaining = remaining[os.write(handle, remaining) :]
    finally:
        os.close(handle)


def read_events(path: Path) -> list[dict[str, Any]]:
    """Every event of a ledger, oldest first; none when there is no ledger yet."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def cleaned(event: dict[str, Any]) -> dict[str, Any]:
    """The event with nothing but what the ledger keeps."""
    run, job = event["run"], event["job"]
    kept = {part: event[part] for part in EVENT_PARTS if event.get(part) is not None}
    kept["run"] = {"runId": run["runId"], "facets": _facets(run.get("facets"), RUN_FACETS)}
    kept["job"] = {"namespace": job["namespace"], "name": job["name"], "facets": _facets(job.get("facets"), JOB_FACETS)}
    for side, statistics in (("inputs", "inputFacets"), ("outputs", "outputFacets")):
        kept[side] = [_dataset(dataset, statistics) for dataset in event.get(side) or []]
    error = kept["run"]["facets"].get("errorMessage")
    if error is not None:
        told = str(error.get("message", ""))
        kept["run"]["facets"]["errorMessage"] = {
            **{key: error[key] for key in ("_producer", "_schemaURL", "programmingLanguage") if key in error},
            "message": told if ERROR_KIND.fullmatch(told) else "the task failed; its log says why",
        }
    return kept


def _dataset(dataset: dict[str, Any], statistics: str) -> dict[str, Any]:
    return {
        "namespace": dataset["namespace"],
        "name": dataset["name"],
        "facets": _facets(dataset.get("facets"), DATASET_FACETS),
        statistics: _facets(dataset.get(statistics), DATASET_FACETS),
    }


def _facets(facets: dict[str, Any] | None, kept: tuple[str, ...]) -> dict[str, Any]:
    return {name: facet for name, facet in (facets or {}).items() if name in kept}
