"""Lineage as OpenLineage events in a file ledger: which run read which delivery and wrote which tables.

Under Airflow the provider writes the events of each task run, and the task adds its datasets; on the command line
`record_lineage` writes one event per run. Nothing personal enters an event.
"""

from __future__ import annotations

import datetime as dt
import uuid
from importlib.metadata import version

from pipeline.errors import WholeFamilyError
from pipeline.lineage.datasets import Lineage, of_build, of_ingest
from pipeline.lineage.ledger import LEDGER_FILE, append_event, read_events
from pipeline.settings import Settings

__all__ = ["LEDGER_FILE", "Lineage", "of_build", "of_ingest", "read_events", "record_lineage"]


def record_lineage(settings: Settings, job: str, lineage: Lineage, failure: WholeFamilyError | None = None) -> str:
    """Write one finished run of a job (`ingest.<partner>`, `build`) into the ledger; returns the OpenLineage run id.

    A failed run carries the text of our own error, which holds no value.
    """
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import RunFacet, error_message_run
    from openlineage.client.serde import Serde

    facets: dict[str, RunFacet] = {}
    if failure is not None:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(str(failure), "python")
    event = RunEvent(
        eventType=RunState.COMPLETE if failure is None else RunState.FAIL,
        eventTime=dt.datetime.now(dt.UTC).isoformat(),
        run=Run(runId=str(uuid.uuid4()), facets=facets),
        job=Job(namespace="wholefamily", name=job),
        inputs=lineage.inputs,
        outputs=lineage.outputs,
        producer=f"wholefamily:{version('whole-family')}",
    )
    append_event(settings.lineage / LEDGER_FILE, Serde.to_dict(event))
    return str(event.run.runId)
