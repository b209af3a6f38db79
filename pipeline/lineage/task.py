"""One run of a job as lineage events: START when it begins, COMPLETE or FAIL when it ends, under one run id.

The command line and the DAGs open the same tasks, so their lineage is the same; under Airflow the task's own run is
named as the parent. Lineage that cannot be written never fails the work: it is logged, and the work goes on.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from pipeline import logs
from pipeline.errors import WholeFamilyError
from pipeline.lineage.datasets import NAMESPACE, Dataset, as_input, as_output
from pipeline.lineage.forward import forward
from pipeline.lineage.governance import FACET, Governance, as_facet
from pipeline.lineage.ledger import LEDGER_FILE, append_event
from pipeline.settings import Settings

log = logging.getLogger(__name__)
PRODUCER = f"wholefamily:{version('whole-family')}"


@dataclass(frozen=True)
class Parent:
    """The run that a run is part of."""

    run_id: str
    job: str
    namespace: str = NAMESPACE


@dataclass
class Task:
    """One run of a job while it goes on: what it reads and writes is added as it becomes known."""

    settings: Settings
    job: str
    run_id: str
    parent: Parent | None = None
    inputs: list[Dataset] = field(default_factory=list)
    outputs: list[Dataset] = field(default_factory=list)
    governance: Governance | None = None
    failure: BaseException | None = None  # of work that ended without raising it
    began: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    ended: dt.datetime | None = None
    kept: bool = False

    def reads(self, datasets: Iterable[Dataset]) -> None:
        self.inputs.extend(datasets)

    def writes(self, datasets: Iterable[Dataset]) -> None:
        self.outputs.extend(datasets)

    def as_parent(self) -> Parent:
        return Parent(self.run_id, self.job)

    def tell(self, state: str) -> None:
        """Write the event of a state: START, COMPLETE or FAIL."""
        try:
            append_event(self.settings.lineage / LEDGER_FILE, self._event(state))
        except OSError as problem:
            log.warning("Lineage of %s was not written: %s.", self.job, problem.strerror or type(problem).__name__)

    def finish(self) -> None:
        """Tell how it ended."""
        self.tell("FAIL" if self.failure is not None else "COMPLETE")

    def log(self) -> None:
        """Write the step into the hub's structured log."""
        ended = self.ended or dt.datetime.now(dt.UTC)
        failure = self.failure
        try:
            logs.write(
                self.settings, "step", "completed" if failure is None else "failed", job=self.job, run=self.run_id,
                parent_run=self.parent.run_id if self.parent else None,
                seconds=round((ended - self.began).total_seconds(), 3),
                error=None if failure is None else in_short(failure),
                where=failure.where if isinstance(failure, WholeFamilyError) else None,
            )  # fmt: skip
        except OSError as problem:
            log.warning("The log of %s was not written: %s.", self.job, problem.strerror or type(problem).__name__)

    def _event(self, state: str) -> dict[str, Any]:
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
        from openlineage.client.facet_v2 import RunFacet, error_message_run, job_type_job, parent_run
        from openlineage.client.serde import Serde

        facets: dict[str, RunFacet] = {}
        if self.parent is not None:
            facets["parent"] = parent_run.ParentRunFacet(
                parent_run.Run(self.parent.run_id), parent_run.Job(self.parent.namespace, self.parent.job)
            )
        if self.governance is not None and state != "START":
            facets[FACET] = as_facet(self.governance)
        if self.failure is not None:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(in_short(self.failure), "python")
        kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="WHOLE_FAMILY", jobType="TASK")
        moment = (self.ended if state != "START" else None) or dt.datetime.now(dt.UTC)
        event = RunEvent(
            eventType=RunState[state],
            eventTime=moment.isoformat(),
            run=Run(runId=self.run_id, facets=facets),
            job=Job(namespace=NAMESPACE, name=self.job, facets={"jobType": kind}),
            inputs=[as_input(one) for one in self.inputs] if state != "START" else [],
            outputs=[as_output(one) for one in self.outputs] if state != "START" else [],
            producer=PRODUCER,
        )
        document: dict[str, Any] = Serde.to_dict(event)
        return document


@contextmanager
def task(settings: Settings, job: str, parent: Parent | None = None, *, keep: bool = False) -> Iterator[Task]:
    """A run of a job around the work: START now; afterwards COMPLETE, or FAIL where the work raised.

    `keep`: how it ended is told by the caller (`Task.finish`), who learns later what was written.
    """
    from openlineage.client.uuid import generate_new_uuid

    run = Task(settings, job, str(generate_new_uuid()), parent, kept=keep)
    run.tell("START")
    try:
        yield run
    except BaseException as failure:
        run.failure = failure
        raise
    finally:
        run.ended = dt.datetime.now(dt.UTC)
        run.log()
        if not run.kept:
            run.finish()
            forward(settings)


def in_short(failure: BaseException) -> str:
    """A failure as an event may tell it: its kind and code. Its text stays in the log and the alert."""
    code = getattr(failure, "code", None) or getattr(failure, "sqlstate", None)
    kind = type(failure).__name__
    known = isinstance(code, str) and (isinstance(failure, WholeFamilyError) or len(code) == 5)
    return f"{kind} ({code})" if known else kind
