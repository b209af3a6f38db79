"""Lineage as OpenLineage events in a file ledger: which run read what and wrote what, by column, under which rules.

Every step opens a `task`, on the command line and in the DAGs alike; Airflow's own events go through the same gate.
Nothing personal enters an event. What the jobs read and write is told by `pipeline.holdings`.
"""

from pipeline.lineage.datasets import Check, Dataset, Source
from pipeline.lineage.forward import forward
from pipeline.lineage.governance import Governance
from pipeline.lineage.ledger import LEDGER_FILE, read_events
from pipeline.lineage.task import Parent, Task, task

__all__ = [
    "LEDGER_FILE", "Check", "Dataset", "Governance", "Parent", "Source", "Task", "forward", "read_events", "task",
]  # fmt: skip
