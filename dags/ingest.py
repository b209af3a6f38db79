"""`ingest_<partner>` for every contract in `schemas/extracts/`: a contract more is a DAG more, and no code."""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from orchestration.defaults import DAG_DEFAULTS, ZONE
from orchestration.feeds import Feed, delivered, feeds
from orchestration.steps import take_in_deliveries
from pipeline.settings import read_settings

DAG_DOC = """\
### Nightly ingest of {partner}

{description}

Opens what waits in the landing folder, verifies signature, order and known-answer records, checks every row
against the contract, quarantines the rows that do not pass, and loads the rest in one transaction.

* **No delivery waits:** the task is skipped; the build goes on with the last good data.
* **A delivery is rejected:** the task fails at once, without retries, and nothing that users see has changed. The
  alert says where, which rule and what to do; `wholefamily deliveries` says it again. After a corrected delivery,
  trigger this DAG.
* **Run it again at any time:** twice is once.
"""

TASK_DOC = "Same as `wholefamily ingest {partner}`. Hands on delivery ids, states and row counts; never a row."


def ingest_dag(feed: Feed) -> DAG:
    partner = feed.partner
    with DAG(
        dag_id=f"ingest_{partner}",
        schedule=CronTriggerTimetable(feed.schedule, timezone=ZONE),
        description=f"Take in the nightly delivery of {partner}",
        doc_md=DAG_DOC.format(partner=partner, description=feed.problem or feed.description),
        tags=["ingest", partner],
        **DAG_DEFAULTS,
    ) as dag:
        task(
            task_id="take_in_deliveries",
            outlets=[delivered(partner)],
            doc_md=TASK_DOC.format(partner=partner),
        )(take_in_deliveries)(partner, feed.problem)
    return dag


for feed in feeds(read_settings().declarations):
    globals()[f"ingest_{feed.partner}"] = ingest_dag(feed)
