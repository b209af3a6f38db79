"""Run every DAG once in this process, by `dag.test()`: the ingests, then the build. The demo's child process.

Events go as JSON lines to the file descriptor given: {"starting": dag_id}, then {"dag_id", "state", "seconds",
"results"}. The environment is that of an Airflow home (pipeline.airflow_home).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any, TextIO

from airflow.configuration import conf
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.utils.db import initdb


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events-to", type=int, required=True, help="file descriptor to write events to")
    arguments.add_argument("--as-at", help="day to evaluate at, YYYY-MM-DD")
    given = arguments.parse_args()
    with os.fdopen(given.events_to, "w", encoding="utf-8") as events:
        initdb()  # makes Airflow's own database, or brings it up to date
        bag = DagBag(conf.get("core", "dags_folder"))
        ingests = sorted(dag_id for dag_id in bag.dags if dag_id.startswith("ingest_"))
        for dag_id in [*ingests, "build_live"]:
            tell(events, {"starting": dag_id})
            outcome = run(bag.dags[dag_id], {"as_at": given.as_at} if dag_id == "build_live" and given.as_at else {})
            tell(events, outcome)
            if outcome["state"] != "success":
                break


def run(dag: DAG, conf: dict[str, Any]) -> dict[str, Any]:
    """One run of a DAG, to its end."""
    for each in dag.tasks:
        each.retries = 0  # somebody is waiting at the terminal
    started = time.perf_counter()
    dag_run = dag.test(run_conf=conf)
    results = {ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in dag_run.get_task_instances()}
    return {
        "dag_id": dag.dag_id,
        "state": str(dag_run.state),
        "seconds": round(time.perf_counter() - started, 2),
        "results": results,
    }


def tell(events: TextIO, event: dict[str, Any]) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


if __name__ == "__main__":
    main()
