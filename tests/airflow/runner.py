"""Airflow in a child process that stays: it runs the real DAGs by `dag.test()`, one order after the other.

Orders come as JSON lines on standard input, results go to the file descriptor given. The DAGs are as they are in
dags/, but that a retry comes after a second instead of a minute.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path[:1] = [str(PROJECT / "dags"), str(PROJECT)]  # as Airflow has them; not the folder of this file


def main() -> None:
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    bag = DagBag(conf.get("core", "dags_folder"))
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as answers:
        for line in sys.stdin:
            order = json.loads(line)
            dag = bag.dags[order["dag_id"]]
            for task in dag.tasks:
                task.retry_delay = task.max_retry_delay = dt.timedelta(seconds=1)
            answer = _backfill(dag, order) if "nights" in order else _once(dag, order)
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _once(dag: Any, order: dict[str, Any]) -> dict[str, Any]:
    night = dt.datetime.fromisoformat(order["logical_date"]) if "logical_date" in order else dt.datetime.now(dt.UTC)
    return _told(dag.test(run_conf=order.get("conf"), logical_date=night, run_after=night))


def _backfill(dag: Any, order: dict[str, Any]) -> list[dict[str, Any]]:
    """A backfill as Airflow makes it; each of its runs is then run here, where there is no scheduler."""
    from unittest.mock import patch

    from airflow.models.backfill import ReprocessBehavior, _create_backfill
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from sqlalchemy import select, update

    first, last = (dt.datetime.fromisoformat(night) for night in order["nights"])
    backfill = _create_backfill(
        dag_id=dag.dag_id, from_date=first, to_date=last, max_active_runs=1, reverse=False, dag_run_conf=None,
        triggering_user_name="test", reprocess_behavior=ReprocessBehavior.COMPLETED,
    )  # fmt: skip
    with create_session() as session:
        dates = session.scalars(
            select(DagRun.logical_date).where(DagRun.backfill_id == backfill.id).order_by(DagRun.logical_date)
        ).all()
    told = []
    for date in dates:

        def made(*, logical_date: Any = date, session: Any, **_given: Any) -> Any:
            found = session.scalar(
                select(DagRun).where(DagRun.dag_id == dag.dag_id, DagRun.logical_date == logical_date)
            )
            found.dag = _given["dag"]
            found.state, found.start_date = DagRunState.RUNNING, dt.datetime.now(dt.UTC)
            session.commit()
            return found

        with patch("airflow.models.dagrun.get_or_create_dagrun", made):
            told.append(_told(dag.test(logical_date=date)))
    with create_session() as session:
        from airflow.models.backfill import Backfill

        session.execute(update(Backfill).where(Backfill.id == backfill.id).values(completed_at=dt.datetime.now(dt.UTC)))
    return told


def _told(run: Any) -> dict[str, Any]:
    instances = run.get_task_instances()
    return {
        "run_id": run.run_id, "run_type": str(run.run_type), "state": str(run.state),
        "tries": {ti.task_id: ti.try_number for ti in instances},
        "states": {ti.task_id: str(ti.state) for ti in instances},
        "results": {ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in instances},
    }  # fmt: skip


if __name__ == "__main__":
    main()
